//! What an invocation will do, decided before it does anything: printed by `--dry-run`, walked by `execution`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::graph::{Graph, IncrementalStrategy, Materialized, ModelConfig, NodeId, NodeKind};
use crate::names::{Existing, Relation};

/// Which command asks: what of a selection it builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Models only.
    Run,
    /// Seeds, models and tests, in the order of the graph.
    Build,
    /// Data tests only; none waits for another.
    Test,
    Seed,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A table of all the model's rows, in place of whatever is there.
    ReplaceTable,
    /// Rows added to the table.
    Append,
    Merge,
    DeleteInsert,
    InsertOverwrite,
    /// Rows sent to a topic.
    Send,
    CreateView,
    LoadSeed,
    RunTest,
}

#[derive(Debug, Clone)]
pub struct Step {
    pub node: NodeId,
    pub action: Action,
    pub existing: Option<Existing>,
    /// Steps that must succeed first.
    pub waits_for: Vec<usize>,
    /// Steps that, when they fail, leave this one out without being an input of it: the tests of what lies above.
    pub gates: Vec<usize>,
}

/// Steps in an order in which each comes after those it waits for.
#[derive(Debug, Clone, Default)]
pub struct RunPlan {
    pub steps: Vec<Step>,
    /// Selected ephemeral models: nothing is built for them.
    pub ephemeral: usize,
}

/// What flags change about a plan.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub command: Command,
    pub full_refresh: bool,
}

impl RunPlan {
    /// Decides for every selected node; `existing` says what is in the warehouse now.
    pub fn new(
        graph: &Graph,
        selection: &BTreeSet<NodeId>,
        existing: &HashMap<Relation, Existing>,
        request: Request,
    ) -> Self {
        let mut plan = Self::default();
        let mut step_of: BTreeMap<NodeId, usize> = BTreeMap::new();
        for id in graph.ids().filter(|id| selection.contains(id)) {
            let node = graph.node(id);
            let current = node.relation().and_then(|relation| existing.get(relation)).copied();
            let action = match (&node.kind, request.command) {
                (NodeKind::Model(model), Command::Run | Command::Build) => {
                    if model.config.materialized == Materialized::Ephemeral {
                        plan.ephemeral += 1;
                        continue;
                    }
                    action(&model.config, current.as_ref(), request.full_refresh)
                }
                (NodeKind::Seed(_), Command::Seed | Command::Build) => Action::LoadSeed,
                (NodeKind::Test(_), Command::Test | Command::Build) => Action::RunTest,
                (
                    NodeKind::Model(_)
                    | NodeKind::Seed(_)
                    | NodeKind::Test(_)
                    | NodeKind::Source(_)
                    | NodeKind::Exposure(_),
                    _,
                ) => continue,
            };
            step_of.insert(id, plan.steps.len());
            plan.steps.push(Step { node: id, action, existing: current, waits_for: Vec::new(), gates: Vec::new() });
        }
        if request.command != Command::Test {
            plan.order(graph, &step_of);
        }
        plan
    }

    fn order(&mut self, graph: &Graph, step_of: &BTreeMap<NodeId, usize>) {
        // The selected steps nearest above each node: an unselected node between two selected ones passes the wait on.
        let mut above: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); graph.nodes().len()];
        for id in graph.ids() {
            let mut waits = BTreeSet::new();
            for parent in graph.parents(id) {
                match step_of.get(parent) {
                    Some(step) => {
                        waits.insert(*step);
                    }
                    None => waits.extend(above[parent.0].iter().copied()),
                }
            }
            if let Some(step) = step_of.get(&id) {
                self.steps[*step].waits_for = waits.iter().copied().collect();
            }
            above[id.0] = waits;
        }
        self.gate(graph, step_of);
    }

    /// A test holds back what reads all of the test's own inputs, as in `dbt build`.
    fn gate(&mut self, graph: &Graph, step_of: &BTreeMap<NodeId, usize>) {
        let tests: Vec<(usize, Vec<NodeId>)> = step_of
            .iter()
            .filter(|(id, _)| matches!(graph.node(**id).kind, NodeKind::Test(_)))
            .map(|(id, step)| (*step, graph.parents(*id).to_vec()))
            .filter(|(_, parents)| !parents.is_empty())
            .collect();
        if tests.is_empty() {
            return;
        }
        let mut by_parent: HashMap<NodeId, Vec<usize>> = HashMap::new();
        for (index, (_, parents)) in tests.iter().enumerate() {
            by_parent.entry(parents[0]).or_default().push(index);
        }
        for (id, step) in step_of {
            if matches!(graph.node(*id).kind, NodeKind::Test(_)) {
                continue;
            }
            let ancestors = graph.ancestors(*id, usize::MAX);
            let mut gates = Vec::new();
            for ancestor in &ancestors {
                for index in by_parent.get(ancestor).map(Vec::as_slice).unwrap_or_default() {
                    let (test, parents) = &tests[*index];
                    if parents.iter().all(|parent| ancestors.contains(parent)) {
                        gates.push(*test);
                    }
                }
            }
            self.steps[*step].gates = gates;
        }
        self.sort();
    }

    /// Puts the steps so that gates, too, come before what they hold back.
    fn sort(&mut self) {
        let mut done = vec![false; self.steps.len()];
        let mut order = Vec::with_capacity(self.steps.len());
        while order.len() < self.steps.len() {
            let before = order.len();
            for index in 0..self.steps.len() {
                let step = &self.steps[index];
                if !done[index] && step.waits_for.iter().chain(&step.gates).all(|needed| done[*needed]) {
                    done[index] = true;
                    order.push(index);
                }
            }
            if order.len() == before {
                // A test that also reads what it would hold back gates nothing.
                for step in &mut self.steps {
                    step.gates.retain(|gate| done[*gate]);
                }
            }
        }
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let mut steps: Vec<Step> = order.iter().map(|old| self.steps[*old].clone()).collect();
        for step in &mut steps {
            for link in step.waits_for.iter_mut().chain(&mut step.gates) {
                *link = place[*link];
            }
        }
        self.steps = steps;
    }
}

/// What is done for a model, given what is there.
fn action(config: &ModelConfig, existing: Option<&Existing>, full_refresh: bool) -> Action {
    match config.materialized {
        Materialized::Table => Action::ReplaceTable,
        Materialized::View | Materialized::Ephemeral => Action::CreateView,
        Materialized::Kafka => Action::Send,
        Materialized::Incremental => match existing {
            Some(Existing::Table { .. }) if !config.full_refresh.unwrap_or(full_refresh) => match config.strategy {
                IncrementalStrategy::Append => Action::Append,
                IncrementalStrategy::Merge => Action::Merge,
                IncrementalStrategy::DeleteInsert => Action::DeleteInsert,
                IncrementalStrategy::InsertOverwrite => Action::InsertOverwrite,
            },
            Some(Existing::Table { .. } | Existing::View) | None => Action::ReplaceTable,
        },
    }
}

impl Action {
    /// Whether what is there stays, and with it how far sources were read.
    pub fn is_incremental(self) -> bool {
        match self {
            Self::Append | Self::Merge | Self::DeleteInsert | Self::InsertOverwrite | Self::Send => true,
            Self::ReplaceTable | Self::CreateView | Self::LoadSeed | Self::RunTest => false,
        }
    }

    /// Whether `is_incremental()` is true while the step runs: a topic has no rows that could be asked for.
    pub fn renders_incremental(self) -> bool {
        self.is_incremental() && self != Self::Send
    }
}

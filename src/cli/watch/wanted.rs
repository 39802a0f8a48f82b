//! What a save leads to: the nodes to be built and tested.

use std::collections::BTreeSet;

use crate::execution::Context;
use crate::graph::{Graph, Materialized, NodeId, NodeKind};
use crate::names::Existing;

/// What is to be built.
pub(super) struct Wanted {
    pub(super) models: BTreeSet<NodeId>,
    pub(super) tests: BTreeSet<NodeId>,
    /// Models whose own SQL or settings changed: their rows are shown.
    pub(super) changed: BTreeSet<NodeId>,
    /// What the others read and was never built, which is built first.
    pub(super) missing: BTreeSet<NodeId>,
    pub(super) full_refresh: bool,
    /// What was built last, or its tests alone, which is not what `r` means next.
    pub(super) is_again: bool,
    selected: BTreeSet<NodeId>,
}

impl Wanted {
    /// The changed nodes, what is selected below them, and the tests on these.
    pub(super) fn of(graph: &Graph, changed: &BTreeSet<NodeId>, selected: BTreeSet<NodeId>) -> Self {
        let is_built = |id: &NodeId| {
            selected.contains(id) && matches!(graph.node(*id).kind, NodeKind::Model(_) | NodeKind::Seed(_))
        };
        let own: BTreeSet<NodeId> = changed.iter().copied().filter(is_built).collect();
        let mut models = own.clone();
        for id in changed {
            models.extend(graph.descendants(*id, usize::MAX).into_iter().filter(is_built));
        }
        let is_run = |id: &NodeId| {
            selected.contains(id)
                && graph.node(*id).as_test().is_some()
                && (changed.contains(id) || graph.parents(*id).iter().any(|parent| models.contains(parent)))
        };
        let tests = graph.ids().filter(is_run).collect();
        let missing = BTreeSet::new();
        Self { models, tests, changed: own, missing, full_refresh: false, is_again: false, selected }
    }

    pub(super) fn all(&self) -> BTreeSet<NodeId> {
        self.missing.iter().chain(&self.models).chain(&self.tests).copied().collect()
    }

    /// Finds what is read and was never built, whether it is selected or not, and takes the selected tests on it along.
    pub(super) async fn find_missing(&mut self, context: &Context) {
        let graph = &context.graph;
        let mut looked_at: BTreeSet<NodeId> = BTreeSet::new();
        let mut border: Vec<NodeId> = self.models.iter().chain(&self.tests).copied().collect();
        while let Some(id) = border.pop() {
            for parent in graph.parents(id).iter().copied() {
                if self.models.contains(&parent) || !looked_at.insert(parent) {
                    continue;
                }
                match state(context, parent).await {
                    State::Built => {}
                    State::Through => border.push(parent),
                    State::Missing => {
                        self.missing.insert(parent);
                        border.push(parent);
                        // A test may read further tables.
                        let tests = graph.children(parent).iter().copied();
                        let tests =
                            tests.filter(|id| self.selected.contains(id) && graph.node(*id).as_test().is_some());
                        let tests: Vec<NodeId> = tests.filter(|id| !self.tests.contains(id)).collect();
                        self.tests.extend(&tests);
                        border.extend(tests);
                    }
                }
            }
        }
    }
}

/// What is known of a node that another one reads.
enum State {
    /// It has rows of its own, or has none that could be built.
    Built,
    /// What it reads is read in its place.
    Through,
    Missing,
}

async fn state(context: &Context, id: NodeId) -> State {
    let node = context.graph.node(id);
    let materialized = match &node.kind {
        NodeKind::Model(model) => Some(model.config.materialized),
        NodeKind::Seed(_) => None,
        NodeKind::Source(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => return State::Built,
    };
    match materialized {
        Some(Materialized::Ephemeral) => return State::Through,
        Some(Materialized::Kafka) => return State::Built,
        Some(Materialized::Table | Materialized::Incremental | Materialized::View) | None => {}
    }
    let Some(relation) = node.relation() else { return State::Built };
    match context.warehouse.existing(std::slice::from_ref(relation)).await {
        Ok(existing) => match existing.get(relation) {
            Some(Existing::Table { .. }) => State::Built,
            Some(Existing::View) => State::Through,
            None => State::Missing,
        },
        // What cannot be opened is told by what reads it.
        Err(_) => State::Built,
    }
}

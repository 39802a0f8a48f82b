//! The whole graph bound without data: every model's SQL planned by the executor's own planner against the columns of
//! what it reads, from the top of the graph down.
//!
//! Columns come from the SQL of the models above, from sources' declarations and from seeds' files. What cannot be known
//! without asking the world (a query that a template runs, a table of another system) is left unbound, and with it what
//! reads it: nothing is reported that a run would not report.

mod aside;
mod bind;
mod bound;
mod catalog;
mod every;
mod incremental;
mod inputs;
mod memory;
mod plain;
mod settings;
mod suspect;
mod test;
mod types;
mod unbound;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use tokio::runtime::Handle;

pub use catalog::Stubs;
pub use memory::Memory;
pub(super) use suspect::unreadable_view;

use super::fault::Mistake;
use super::lineage::Lineage;
use super::{Context, blocking, fault};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::graph::{Materialized, NodeId, NodeKind};
use crate::storage::StorageError;
use bind::Binder;
use bound::Bound;
use catalog::Columns;
use memory::{Identity, Remembered};

/// What was found out about a project without reading its data.
#[derive(Debug, Default)]
pub struct Analysis {
    pub found: Diagnostics,
    /// Of models, seeds and sources.
    pub schemas: BTreeMap<NodeId, SchemaRef>,
    pub lineages: BTreeMap<NodeId, Lineage>,
    /// Of models, seeds and tests: what they are made of, as a hash. Another one means another table.
    pub fingerprints: BTreeMap<NodeId, u64>,
    /// Models that were not bound, for what they read is not known.
    pub unbound: Vec<NodeId>,
    /// Models whose columns are not known because their template runs a query.
    pub asking: BTreeSet<NodeId>,
    /// Models that were not bound, for what they read is wrong.
    pub held_back: Vec<NodeId>,
    /// Nodes whose columns are not known because something is wrong.
    wrong: BTreeSet<NodeId>,
    pub models: usize,
    pub tests: usize,
}

/// A node that was looked at, and what is wrong with it before its place is known.
struct Looked {
    id: NodeId,
    bound: Bound,
    /// For the next check; none, if there will be none, or it looks again.
    identity: Option<Identity>,
    /// What an earlier check has found, which holds.
    remembered: Option<Remembered>,
}

/// What is wrong with a node, and with which of its texts.
enum Wrong {
    Found(Diagnostics),
    Sql { sql: String, incremental: bool, mistakes: Vec<Mistake> },
    Storage { sql: String, incremental: bool, error: StorageError },
}

/// Binds the selected models and tests; what they read is bound along, and its mistakes are not told.
pub async fn check(context: &Arc<Context>, selected: &BTreeSet<NodeId>, memory: Option<&Arc<Memory>>) -> Analysis {
    analyse(context, selected, memory, false).await
}

async fn analyse(
    context: &Arc<Context>,
    selected: &BTreeSet<NodeId>,
    memory: Option<&Arc<Memory>>,
    with_lineage: bool,
) -> Analysis {
    let graph = &context.graph;
    let mut nodes: BTreeSet<NodeId> = selected.clone();
    let mut border: Vec<NodeId> = selected.iter().copied().collect();
    while let Some(id) = border.pop() {
        border.extend(graph.parents(id).iter().filter(|parent| nodes.insert(**parent)));
    }
    let stubs = Arc::new(Stubs::default());
    for left_out in &graph.left_out {
        stubs.add_relation(&left_out.relation, Columns::Unknown);
    }
    let context = Arc::new(context.offline(Arc::clone(&stubs)));
    let mut analysis = Analysis::default();
    let tables = inputs::tables(&context, &nodes).await;
    if let Some(memory) = memory {
        memory.begin(&context);
    }
    let binder = Binder::new(Arc::clone(&context), Arc::clone(&stubs), tables, Handle::current(), with_lineage);
    let binder = Arc::new(binder.remembering(memory.cloned()));
    for level in levels(&context, &nodes) {
        let shared = Arc::clone(&binder);
        let looked = blocking(move || shared.bind_all(&level)).await;
        for looked in looked {
            analysis.take(&context, &stubs, selected, memory, looked).await;
        }
    }
    if !with_lineage {
        let found = blocking(move || binder.project_hooks()).await;
        analysis.found.extend(found.without(|mistake| context.templates.explains(mistake)));
    }
    analysis
}

/// The selected nodes and what they read, bound with their lineage as far as they are right; mistakes are among what was
/// found.
pub async fn surveyed(context: &Arc<Context>, selected: &BTreeSet<NodeId>) -> Analysis {
    analyse(context, selected, None, true).await
}

impl Analysis {
    async fn take(
        &mut self,
        context: &Arc<Context>,
        stubs: &Stubs,
        selected: &BTreeSet<NodeId>,
        memory: Option<&Arc<Memory>>,
        looked: Looked,
    ) {
        let Looked { id, mut bound, identity, remembered } = looked;
        let node = context.graph.node(id);
        let is_held_back = node.is_partial() || bound.forgive(&context.templates);
        let is_wrong = !bound.wrong.is_empty() || remembered.as_ref().is_some_and(|known| !known.found.is_empty());
        match &node.kind {
            NodeKind::Model(_) => self.models += usize::from(selected.contains(&id)),
            NodeKind::Test(_) => self.tests += usize::from(selected.contains(&id)),
            NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => {}
        }
        let columns = match &bound.schema {
            Some(schema) => Columns::Known(Arc::clone(schema)),
            None => Columns::Unknown,
        };
        match &node.kind {
            NodeKind::Source(table) => stubs.add_source(&table.name, columns),
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {
                if let Some(relation) = node.relation() {
                    stubs.add_relation(relation, columns);
                }
            }
        }
        if bound.schema.is_none() && !matches!(node.kind, NodeKind::Test(_) | NodeKind::Exposure(_)) {
            let is_below_wrong =
                is_held_back || context.graph.parents(id).iter().any(|parent| self.wrong.contains(parent));
            if is_below_wrong || is_wrong {
                self.wrong.insert(id);
            }
            if !is_wrong && node.as_model().is_some() && selected.contains(&id) {
                if is_below_wrong { &mut self.held_back } else { &mut self.unbound }.push(id);
            }
        }
        if bound.asks && bound.schema.is_none() {
            self.asking.insert(id);
        }
        // Its table tells its columns, but whether its SQL is right only a run does.
        if bound.asks && bound.schema.is_some() && !is_wrong && selected.contains(&id) {
            self.unbound.push(id);
        }
        if let Some(schema) = &bound.schema {
            self.schemas.insert(id, Arc::clone(schema));
        }
        if bound.fingerprint != 0 {
            self.fingerprints.insert(id, bound.fingerprint);
        }
        if let Some(lineage) = bound.lineage.take() {
            self.lineages.insert(id, lineage);
        }
        let mut found = remembered.map(|known| known.found).unwrap_or_default();
        for wrong in std::mem::take(&mut bound.wrong) {
            for diagnostic in placed(context, stubs, id, wrong).await {
                // Both renderings of an incremental model may say the same.
                if !found.contains(&diagnostic) {
                    found.push(diagnostic);
                }
            }
        }
        if let (Some(memory), Some(identity)) = (memory, identity) {
            memory.keep(context, id, identity, &bound, found.clone());
        }
        if selected.contains(&id) {
            for diagnostic in found {
                if !self.found.iter().any(|known| *known == diagnostic) {
                    self.found.push(diagnostic);
                }
            }
        }
    }

    /// Models of the graph that nothing reads, of all layers but the last one.
    pub fn unread(&self, context: &Context) -> Vec<NodeId> {
        let graph = &context.graph;
        // The last one that has models.
        let layers = &context.project.config.layers;
        let rank = |id: NodeId| {
            let layer = graph.node(id).as_model()?.relation.layer().to_owned();
            layers.iter().position(|known| *known == layer)
        };
        let last = graph.ids().filter_map(rank).max().and_then(|last| layers.get(last));
        let is_unread = |id: &NodeId| {
            let node = graph.node(*id);
            node.as_model().is_some_and(|model| {
                Some(model.relation.layer()) != last.map(String::as_str)
                    && model.config.materialized != Materialized::Kafka
            }) && graph.children(*id).iter().all(|child| graph.node(*child).as_test().is_some())
        };
        graph.ids().filter(is_unread).collect()
    }

    pub fn errors(&self) -> usize {
        self.found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }
}

/// A mistake with its place in the template.
async fn placed(context: &Arc<Context>, stubs: &Stubs, id: NodeId, wrong: Wrong) -> Vec<Diagnostic> {
    let found = match wrong {
        Wrong::Found(found) => found,
        Wrong::Sql { sql, incremental, mistakes } => {
            context.keep_compiled(id, &sql, incremental);
            let missing = unbound::missing(context, stubs, &sql);
            let found = fault::sql_faults(context, id, &sql, &mistakes, &missing).await;
            let in_incremental_run = "this is its SQL once its table is there, where `is_incremental()` is true";
            match incremental {
                true => found.into_iter().map(|diagnostic| diagnostic.note(in_incremental_run)).collect(),
                false => found,
            }
        }
        Wrong::Storage { sql, incremental, error } => {
            context.keep_compiled(id, &sql, incremental);
            fault::run_fault(context, id, &sql, error).await
        }
    };
    found.into_iter().collect()
}

/// Nodes in sets each of which reads only from those before it.
fn levels(context: &Context, nodes: &BTreeSet<NodeId>) -> Vec<Vec<NodeId>> {
    let graph = &context.graph;
    let mut depth = vec![0_usize; graph.nodes().len()];
    let mut levels: Vec<Vec<NodeId>> = Vec::new();
    for id in graph.ids().filter(|id| nodes.contains(id)) {
        let own = graph.parents(id).iter().map(|parent| depth[parent.0] + 1).max().unwrap_or(0);
        depth[id.0] = own;
        if levels.len() <= own {
            levels.resize_with(own + 1, Vec::new);
        }
        levels[own].push(id);
    }
    levels
}

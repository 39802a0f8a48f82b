//! One node bound: its template rendered, its SQL planned, its types worked out.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionState;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use futures::executor::block_on;
use tokio::runtime::Handle;

use super::bound::{Bound, Planned};
use super::catalog::{Columns, StubCatalogs, Stubs};
use super::inputs::Tables;
use super::memory::{Identity, Memory, Remembered};
use super::suspect::{Reach, is_suspect};
use super::types::{Settled, settle_types};
use super::unbound::is_unbound;
use super::{Looked, Wrong, every, settings};
use crate::connectors::{declared_columns, topic_columns};
use crate::diagnostic::Diagnostics;
use crate::execution::compile::World;
use crate::execution::lineage::lineage;
use crate::execution::materialize::{
    contract_broken, evolution, left_out, only_partitions, unknown_columns, view_of_source,
};
use crate::execution::session::output_schema;
use crate::execution::statement::{STACK, statement_of};
use crate::execution::{Context, seed};
use crate::graph::{Materialized, ModelNode, Node, NodeId, NodeKind, TestKind};
use crate::storage::{StorageError, evolve, names_once, table_schema};

pub(super) struct Binder {
    pub(super) context: Arc<Context>,
    pub(super) stubs: Arc<Stubs>,
    tables: Tables,
    runtime: Handle,
    pub(super) state: SessionState,
    with_lineage: bool,
    memory: Option<Arc<Memory>>,
}

/// The session of a check, whose tables are the stubs.
fn state(context: &Context, stubs: &Arc<Stubs>) -> SessionState {
    let mut state = SessionStateBuilder::new_from_existing(context.base.clone())
        .with_catalog_list(Arc::new(StubCatalogs(Arc::clone(stubs))))
        .build();
    every::prepare(&mut state);
    state
}

impl Binder {
    pub(super) fn new(
        context: Arc<Context>,
        stubs: Arc<Stubs>,
        tables: Tables,
        runtime: Handle,
        with_lineage: bool,
    ) -> Self {
        let state = state(&context, &stubs);
        Self { context, stubs, tables, runtime, state, with_lineage, memory: None }
    }

    pub(super) fn remembering(self, memory: Option<Arc<Memory>>) -> Self {
        Self { memory, ..self }
    }

    /// All of a level, on the machine's cores.
    pub(super) fn bind_all(&self, level: &[NodeId]) -> Vec<Looked> {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(level.len() / 8 + 1);
        if workers <= 1 {
            return level.iter().map(|id| self.look(*id)).collect();
        }
        // Taken one by one: a model takes many times as long as a test.
        let next = Mutex::new(level.iter());
        let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next().copied();
        let work = || {
            let mut looked = Vec::new();
            while let Some(id) = take() {
                looked.push(self.look(id));
            }
            looked
        };
        std::thread::scope(|scope| {
            let spawned: Vec<_> = (1..workers)
                .filter_map(|_| std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok())
                .collect();
            let mut looked = work();
            for worker in spawned {
                match worker.join() {
                    Ok(more) => looked.extend(more),
                    Err(payload) => std::panic::resume_unwind(payload),
                }
            }
            looked.sort_by_key(|looked| looked.id);
            looked
        })
    }

    /// Binds a node, unless it is what it was at the last check.
    fn look(&self, id: NodeId) -> Looked {
        let Some(memory) = &self.memory else {
            return Looked { id, bound: self.bind(id), identity: None, remembered: None };
        };
        let own = self.tables.built.get(&id).map(crate::storage::Table::version);
        let inputs = self.context.graph.parents(id).iter().map(|parent| self.columns_of(*parent)).collect();
        let identity = Identity::of(&self.context, id, own, inputs);
        let remembered = identity.as_ref().and_then(|identity| memory.recall(&self.context, id, identity));
        match remembered.filter(Remembered::holds) {
            Some(remembered) => Looked { id, bound: remembered.bound(), identity: None, remembered: Some(remembered) },
            None => Looked { id, bound: self.bind(id), identity, remembered: None },
        }
    }

    /// What a node has for those that read it, as far as this check knows.
    pub(super) fn columns_of(&self, id: NodeId) -> Option<SchemaRef> {
        let node = self.context.graph.node(id);
        match &node.kind {
            NodeKind::Source(table) => self.stubs.source_columns(&table.name),
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {
                self.stubs.columns(node.relation()?)
            }
        }
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    fn bind(&self, id: NodeId) -> Bound {
        let _runtime = self.runtime.enter();
        let node = self.context.graph.node(id);
        match &node.kind {
            NodeKind::Source(table) => {
                let declared = declared_columns(&table.reader);
                let schema = declared.or_else(|| self.tables.sources.get(&id).cloned());
                let found = self.for_each(id, table);
                let wrong = if found.is_empty() { Vec::new() } else { vec![Wrong::Found(found)] };
                Bound { schema, wrong, ..Bound::default() }
            }
            // What types its columns have is not known.
            NodeKind::Seed(declared) if declared.properties.is_partial => Bound::default(),
            NodeKind::Seed(declared) => {
                let root = &self.context.project.root;
                let fingerprint = fingerprint(node, &std::fs::read(root.join(&node.path)).ok());
                match seed::columns(root, &node.path, &declared.config) {
                    Ok((schema, warnings)) => {
                        let wrong = Some(warnings).filter(|found| !found.is_empty()).map(Wrong::Found);
                        let wrong = wrong.into_iter().collect();
                        Bound { schema: Some(schema), fingerprint, wrong, ..Bound::default() }
                    }
                    Err(found) => Bound { wrong: vec![Wrong::Found(found)], ..Bound::default() },
                }
            }
            NodeKind::Exposure(_) => Bound::default(),
            NodeKind::Model(model) => {
                let mut bound = self.model(id, node, model);
                let has_hooks = !model.config.pre_hook.is_empty() || !model.config.post_hook.is_empty();
                if let Some(schema) = bound.schema.as_ref().filter(|_| has_hooks && !bound.has_errors()) {
                    // What a hook behind it reads.
                    self.stubs.add_relation(&model.relation, Columns::Known(Arc::clone(schema)));
                    let found = self.hooks(id, model);
                    bound.wrong.extend((!found.is_empty()).then_some(Wrong::Found(found)));
                }
                bound
            }
            NodeKind::Test(test) => {
                let wrong = self.test(id, node, test);
                let text = match test.kind {
                    TestKind::Singular => test.template.source.text.as_str(),
                    TestKind::Generic { .. } => "",
                };
                let fingerprint = fingerprint(node, &(text, format!("{:?}{:?}", test.kind, test.column)));
                Bound { fingerprint, wrong, ..Bound::default() }
            }
        }
    }

    fn model(&self, id: NodeId, node: &Node, model: &ModelNode) -> Bound {
        let mut bound = self.rendering(id, node, model, false);
        let built = self.tables.built.get(&id);
        let is_rebuilt = model.config.full_refresh == Some(true);
        if model.config.materialized != Materialized::Incremental || is_rebuilt || bound.has_errors() {
            return bound;
        }
        // What `this` has: the table's columns where there is one, else those it would be made with.
        let own = built.map(crate::storage::Table::schema).or_else(|| bound.schema.clone());
        let Some(own) = own else { return bound };
        self.stubs.add_relation(&model.relation, Columns::Known(Arc::clone(&own)));
        let again = self.rendering(id, node, model, true);
        bound.fingerprint = bound.fingerprint.rotate_left(1) ^ again.fingerprint;
        bound.wrong.extend(again.wrong);
        bound.asks |= again.asks;
        if model.properties.is_partial {
            return bound;
        }
        if let (Some(table), Some(rows)) = (built, again.schema)
            && !bound.has_errors()
        {
            match evolve(&model.relation, &table.schema(), &rows, evolution(model)) {
                Ok(evolved) => {
                    let mut found = left_out(node, model, &evolved.schema);
                    if !found.has_errors() {
                        found.extend(settings::ignored(node, model, &table.schema(), &rows));
                    }
                    bound.wrong.extend((!found.is_empty()).then_some(Wrong::Found(found)));
                    // What reads it meets the table as it is then.
                    bound.schema = Some(evolved.schema);
                }
                Err(error) => {
                    let sql = self.compiled(id).unwrap_or_default();
                    bound.wrong.push(Wrong::Storage { sql, incremental: true, error });
                }
            }
        }
        if let Some(rows) = bound.schema.as_ref().filter(|_| !bound.has_errors())
            && let Err(error) = self.conditions(model, rows, &own)
        {
            let sql = self.compiled(id).unwrap_or_default();
            bound.wrong.push(Wrong::Storage { sql, incremental: true, error });
        }
        bound
    }

    fn compiled(&self, id: NodeId) -> Option<String> {
        let compiled = self.context.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.get(&id).map(|(sql, _)| sql.clone())
    }

    fn rendering(&self, id: NodeId, node: &Node, model: &ModelNode, incremental: bool) -> Bound {
        let asked = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let world = World::offline(&self.context, id, incremental, &self.runtime, &asked);
        let rendered = self.context.templates.compile(&model.template, &world);
        if asked.load(std::sync::atomic::Ordering::Relaxed) {
            // What it would be depends on data: on its table, if it is built, can be gone on.
            let schema = self.tables.built.get(&id).map(crate::storage::Table::schema);
            return Bound { schema, asks: true, ..Bound::default() };
        }
        let sql = match rendered {
            Ok(sql) => sql,
            Err(found) => return Bound { wrong: vec![Wrong::Found(found)], ..Bound::default() },
        };
        self.context.keep_compiled(id, &sql, incremental);
        let fingerprint = fingerprint(node, &sql);
        if self.reads_unknown(id, &sql) {
            return Bound { fingerprint, ..Bound::default() };
        }
        let reach = Reach::of(model.config.materialized);
        let planned = match self.plan_to(&sql, reach) {
            Err(_) if self.adopt(&sql) => self.plan_to(&sql, reach),
            planned => planned,
        };
        let planned = match planned {
            Ok(planned) => planned,
            Err(error) if is_unbound(&error) => return Bound { fingerprint, ..Bound::default() },
            Err(error) => {
                let mistakes = self.every_mistake(&sql, error, reach);
                let wrong = vec![Wrong::Sql { sql, incremental, mistakes }];
                return Bound { fingerprint, wrong, ..Bound::default() };
            }
        };
        let Planned { rows, lineage } = planned;
        let mut wrong = Vec::new();
        // Where settings are not known, only the SQL is judged.
        if !model.properties.is_partial {
            let unfit = self.unfit(id, node, model, &rows);
            wrong.extend((!unfit.is_empty()).then_some(Wrong::Found(unfit)));
        }
        let schema = match model.config.materialized {
            Materialized::Ephemeral => names_once(&model.relation, &rows).map(|()| rows),
            Materialized::View => match table_schema(&model.relation, &rows) {
                Err(error @ StorageError::DuplicateColumn { .. }) => Err(error),
                Ok(_) | Err(_) => Ok(rows),
            },
            Materialized::Table | Materialized::Incremental | Materialized::Kafka => {
                let columns = table_schema(&model.relation, &rows);
                match &model.config.topic {
                    Some(topic) => columns.map(|columns| topic_columns(topic, &columns)),
                    None => columns,
                }
            }
        };
        match schema {
            Ok(schema) => Bound { schema: Some(schema), lineage, fingerprint, wrong, asks: false },
            Err(error) => {
                wrong.push(Wrong::Storage { sql, incremental, error });
                Bound { fingerprint, wrong, ..Bound::default() }
            }
        }
    }

    /// What its settings say and its columns do not bear out.
    fn unfit(&self, id: NodeId, node: &Node, model: &ModelNode, rows: &SchemaRef) -> Diagnostics {
        let has_table = !matches!(model.config.materialized, Materialized::View | Materialized::Ephemeral);
        let mut found = if has_table { unknown_columns(node, model, rows) } else { Diagnostics::default() };
        found.extend(only_partitions(node, model, rows));
        found.extend(settings::idle(node, model));
        found.extend(settings::undescribed(node, model, rows));
        if model.config.materialized != Materialized::Ephemeral {
            found.extend(contract_broken(&self.state, node, model, rows));
        }
        if model.config.materialized == Materialized::View {
            let source = self.context.graph.parents(id).iter().find_map(|parent| self.read_once(*parent));
            found.extend(source.map(|source| view_of_source(node, &source)));
        }
        found
    }

    /// The name of a source whose rows come only once.
    fn read_once(&self, id: NodeId) -> Option<String> {
        let node = self.context.graph.node(id);
        match &node.kind {
            NodeKind::Source(table) => declared_columns(&table.reader).map(|_| table.name.to_string()),
            // Its SQL is part of the reader's.
            NodeKind::Model(model) if model.config.materialized == Materialized::Ephemeral => {
                self.context.graph.parents(id).iter().find_map(|parent| self.read_once(*parent))
            }
            NodeKind::Model(model) => model.config.topic.as_ref().map(|_| node.label()),
            NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => None,
        }
    }

    /// Planned as far as a run takes it.
    pub(super) fn plan_to(&self, sql: &str, reach: Reach) -> Result<Planned, DataFusionError> {
        self.plan_statement(statement_of(&self.state, sql)?, sql, reach)
    }

    /// The same of a statement, which may be another than `sql` by now.
    pub(super) fn plan_statement(
        &self,
        statement: Statement,
        sql: &str,
        reach: Reach,
    ) -> Result<Planned, DataFusionError> {
        let (planned, settled) = self.analyzed(statement, sql)?;
        match is_suspect(&self.state, &settled.plan, reach) {
            true => self.begin(settled.complete(&self.state)?, reach).map(|()| planned),
            false => Ok(planned),
        }
    }

    /// What is known of a query, and its plan with its types worked out as they are before it runs.
    pub(super) fn analyzed(&self, statement: Statement, sql: &str) -> Result<(Planned, Settled), DataFusionError> {
        let plan = self.planned(statement)?;
        let planned = Planned { rows: output_schema(&plan), lineage: self.with_lineage.then(|| lineage(&plan)) };
        Ok((planned, settle_types(&self.state, plan, sql)?))
    }

    pub(super) fn planned(&self, statement: Statement) -> Result<LogicalPlan, DataFusionError> {
        // Ready at once: the stubs wait for nothing.
        block_on(self.state.statement_to_plan(statement))
    }
}

/// What a node is made of, as a number that is never 0.
fn fingerprint(node: &Node, made_of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    made_of.hash(&mut hasher);
    node.config.hash(&mut hasher);
    hasher.finish().max(1)
}

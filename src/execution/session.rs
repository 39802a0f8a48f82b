//! The only builder of sessions: functions, memory, spilling, and the catalog in which relations and sources are found.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::Context;
use super::catalogs::Catalogs;
use super::fault::Fault;
use super::for_each::SourceQuery;
use super::scan::ConnectorTable;
use super::statement::statement_of;
use crate::connectors::{Connector, topic_schema, topic_source};
use crate::diagnostic::Diagnostics;
use crate::graph::{Materialized, NodeId, NodeKind, TopicConfig};
use crate::names::{Relation, SourceName};
use crate::project::{SourceTable, TableReader};
use crate::storage::names_once;

/// The catalog of relations: `layer.name`.
pub(super) const WAREHOUSE: &str = "warehouse";
/// The catalog of sources: `source.name.table`.
pub(super) const SOURCE: &str = "source";
/// Consumers named when memory runs out.
const CONSUMERS_TOLD: usize = 3;

/// What a session may use of the machine.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes that operators may hold before they spill.
    pub memory: usize,
    /// Partitions a query is cut into.
    pub partitions: usize,
    /// Where operators spill to; the system's temporary folder when not set.
    pub spill: Option<PathBuf>,
}

/// The session all others are copies of.
pub fn base_state(limits: &Limits) -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.partitions)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(WAREHOUSE, "public")
        .with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // Where nearly every row is a group of its own, grouping in two steps is twice the work; that shows early.
    options.execution.skip_partial_aggregation_probe_rows_threshold = 10_000;
    // Columns' comments are metadata, and differ between the inputs of a union: no reason to refuse an aggregate over it.
    options.execution.skip_physical_aggregate_schema_check = true;
    // delta-rs: a join's pushed-down IN list panics on the dictionary columns of a partitioned scan.
    options.set("datafusion.optimizer.hash_join_inlist_pushdown_max_size", "0")?;
    options.set("datafusion.optimizer.hash_join_inlist_pushdown_max_distinct_values", "0")?;
    let pool = TrackConsumersPool::new(
        FairSpillPool::new(limits.memory),
        std::num::NonZeroUsize::new(CONSUMERS_TOLD).unwrap_or(std::num::NonZeroUsize::MIN),
    );
    let disk = match &limits.spill {
        Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        None => DiskManagerMode::OsTmpDirectory,
    };
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(disk))
        .build_arc()?;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_analyzer_rule(Arc::new(crate::functions::CheckedArithmetic))
        .with_optimizer_rule(Arc::new(crate::functions::KnownWords))
        .with_physical_optimizer_rules(super::fences::rules())
        .build();
    let mut context = SessionContext::new_with_state(state);
    datafusion_functions_json::register_all(&mut context)?;
    for function in crate::functions::all() {
        context.register_udf(function.as_ref().clone());
    }
    Ok(context.state())
}

/// A session of one step: what its queries read is noted down.
pub(super) struct StepSession {
    state: OnceLock<Arc<SessionState>>,
    context: Arc<Context>,
    /// The node whose SQL is planned; ephemeral models it reads are planned for it.
    pub(super) node: Option<NodeId>,
    /// Whether connectors give all they have; a model's own step sets its slices itself.
    reads_everything: bool,
    read: Mutex<Read>,
}

/// What a session's queries have read.
#[derive(Debug, Default)]
struct Read {
    versions: BTreeMap<Relation, u64>,
    sources: BTreeMap<SourceName, Arc<ConnectorTable>>,
    missing: Vec<String>,
    /// Views on the way to being planned, outermost first: one that meets itself is a cycle.
    planning: Vec<NodeId>,
}

impl fmt::Debug for StepSession {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StepSession").field("node", &self.node).finish_non_exhaustive()
    }
}

impl StepSession {
    pub(super) fn new(context: &Arc<Context>, node: Option<NodeId>) -> Arc<Self> {
        Self::made(context, node, true)
    }

    /// For a model's own step, which says what its connectors read.
    pub(super) fn of_step(context: &Arc<Context>, node: NodeId) -> Arc<Self> {
        Self::made(context, Some(node), false)
    }

    fn made(context: &Arc<Context>, node: Option<NodeId>, reads_everything: bool) -> Arc<Self> {
        let (state, read) = (OnceLock::new(), Mutex::default());
        let session = Arc::new(Self { state, context: Arc::clone(context), node, reads_everything, read });
        let catalogs = Catalogs { session: Arc::downgrade(&session) };
        let state =
            SessionStateBuilder::new_from_existing(context.base.clone()).with_catalog_list(Arc::new(catalogs)).build();
        // Just made: nobody else can have set it.
        let _ = session.state.set(Arc::new(state));
        session
    }

    pub(super) fn state(&self) -> &Arc<SessionState> {
        self.state.get_or_init(|| Arc::new(self.context.base.clone()))
    }

    fn read(&self) -> std::sync::MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The relations read so far, each at its version.
    pub(super) fn versions(&self) -> BTreeMap<Relation, u64> {
        self.read().versions.clone()
    }

    /// The connector tables read so far.
    pub(super) fn sources(&self) -> Vec<Arc<ConnectorTable>> {
        self.read().sources.values().cloned().collect()
    }

    /// Names that were asked for and are nowhere.
    pub(super) fn missing(&self) -> Vec<String> {
        self.read().missing.clone()
    }

    pub(super) fn note_missing(&self, name: String) {
        self.read().missing.push(name);
    }

    /// The plan of a query. Only queries are planned: models and tests change nothing by themselves.
    pub(super) async fn plan(&self, sql: &str) -> Result<LogicalPlan> {
        let state = self.state();
        state.statement_to_plan(statement_of(state, sql)?).await
    }

    pub(super) async fn relation(&self, relation: &Relation) -> Result<Option<Arc<dyn TableProvider>>> {
        let external = |error: crate::storage::StorageError| DataFusionError::External(Box::new(error));
        let node = self.context.graph.by_relation(relation);
        if let Some(id) = node
            && self.is_logical(id)
        {
            return self.view(id).await.map(Some);
        }
        if let Some(id) = node
            && self.node != Some(id)
            && let Some(topic) = self.context.graph.node(id).as_model().and_then(|model| model.config.topic.as_ref())
        {
            return self.topic(id, relation, topic).await.map(Some);
        }
        let Some(table) = self.context.warehouse.table(relation).await.map_err(external)? else {
            if let Some(view) = self.context.warehouse.view(relation).await.map_err(external)? {
                let plan = Box::pin(self.plan(&view.sql)).await?;
                return Ok(Some(Arc::new(ViewTable::new(plan, Some(view.sql)))));
            }
            return match node {
                Some(id) => Err(self.not_built(id, relation)),
                None => Ok(None),
            };
        };
        self.read().versions.insert(relation.clone(), table.version());
        let provider = self.context.warehouse.provider(&table, self.state()).await.map_err(external)?;
        Ok(Some(provider))
    }

    fn not_built(&self, id: NodeId, relation: &Relation) -> DataFusionError {
        Fault::NotBuilt { relation: relation.clone(), name: self.context.graph.node(id).name.clone() }.into()
    }

    /// The topic of a model, as a source with the columns that its table keeps.
    async fn topic(&self, id: NodeId, relation: &Relation, topic: &TopicConfig) -> Result<Arc<dyn TableProvider>> {
        let name = SourceName { source: relation.layer().to_owned(), table: relation.name().to_owned() };
        let known = self.read().sources.get(&name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let table = self.context.warehouse.table(relation).await;
        let table = table.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let Some(table) = table else { return Err(self.not_built(id, relation)) };
        let topic = topic_source(topic, &table.schema());
        // Its model may have gained a column since.
        let connector = match self.kept(&name).filter(|kept| kept.schema() == topic_schema(&topic)) {
            Some(kept) => kept,
            None => Connector::topic(&topic, &self.context.around),
        };
        let table = self.scanned(name, connector).await?;
        Ok(table)
    }

    /// A connector that an earlier batch has opened for this node.
    fn kept(&self, name: &SourceName) -> Option<Arc<Connector>> {
        let node = self.node.filter(|_| !self.reads_everything)?;
        self.context.kept.as_ref()?.connector(node, name)
    }

    /// A connector as a table of this session's queries.
    async fn scanned(&self, name: SourceName, connector: Arc<Connector>) -> Result<Arc<ConnectorTable>> {
        if let (Some(node), Some(kept), false) = (self.node, &self.context.kept, self.reads_everything) {
            kept.keep(node, &name, &connector);
        }
        let table = Arc::new(ConnectorTable::new(name.clone(), connector, self.context.started_micros()));
        if self.reads_everything {
            table.set_everything().await?;
        }
        self.read().sources.insert(name, Arc::clone(&table));
        Ok(table)
    }

    /// Views and ephemeral models are their SQL.
    fn is_logical(&self, id: NodeId) -> bool {
        self.context
            .graph
            .node(id)
            .as_model()
            .is_some_and(|model| matches!(model.config.materialized, Materialized::View | Materialized::Ephemeral))
    }

    async fn view(&self, id: NodeId) -> Result<Arc<dyn TableProvider>> {
        let already = {
            let mut read = self.read();
            let already = read.planning.contains(&id);
            read.planning.push(id);
            already
        };
        if already {
            return Err(DataFusionError::Plan(format!("`{}` reads itself", self.context.graph.node(id).label())));
        }
        let compiled = super::compile::compile_node(&self.context, id, false).await;
        let planned = match compiled {
            Ok(sql) => match Box::pin(self.plan(&sql)).await {
                Ok(plan) => self.named_once(id, plan, sql).await,
                Err(error) => Err(super::fault::sql_fault(&self.context, id, &sql, error, &self.missing()).await),
            },
            Err(found) => Err(found),
        };
        self.read().planning.retain(|planning| *planning != id);
        planned.map_err(|found| DataFusionError::from(Fault::Diagnosed(found)))
    }

    /// The plan as a table, whose columns must be told apart by their names.
    async fn named_once(
        &self,
        id: NodeId,
        plan: LogicalPlan,
        sql: String,
    ) -> std::result::Result<Arc<dyn TableProvider>, Diagnostics> {
        let relation = self.context.graph.node(id).relation();
        if let Some(Err(error)) = relation.map(|relation| names_once(relation, &output_schema(&plan))) {
            return Err(super::fault::run_fault(&self.context, id, &sql, error).await);
        }
        Ok(Arc::new(ViewTable::new(plan, Some(sql))))
    }

    pub(super) async fn source(&self, name: &SourceName) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(id) = self.context.graph.by_source(name) else { return Ok(None) };
        let NodeKind::Source(table) = &self.context.graph.node(id).kind else { return Ok(None) };
        let known = self.read().sources.get(name).cloned();
        if let Some(known) = known {
            return Ok(Some(known));
        }
        let opened = match self.kept(name) {
            Some(kept) => Some(kept),
            None => Connector::open(table, &self.context.around, SourceQuery::shared(&self.context, id))
                .map_err(|error| DataFusionError::External(Box::new(error)))?,
        };
        match opened {
            Some(connector) => {
                let table: Arc<dyn TableProvider> = self.scanned(name.clone(), connector).await?;
                Ok(Some(table))
            }
            None => self.existing_table(table).await.map(Some),
        }
    }

    async fn existing_table(&self, table: &SourceTable) -> Result<Arc<dyn TableProvider>> {
        match &table.reader {
            TableReader::Table { location, format, storage_options } => {
                super::existing::provider(self.state(), &self.context, location, *format, storage_options).await
            }
            TableReader::Files(_) | TableReader::Http(_) | TableReader::Kafka(_) => {
                Err(DataFusionError::Internal("a connector is no existing table".to_owned()))
            }
        }
    }
}

/// The Arrow schema of a plan's rows.
pub(super) fn output_schema(plan: &LogicalPlan) -> SchemaRef {
    Arc::clone(plan.schema().inner())
}

//! A model's rows against those of the last build: how many came, went and changed, and the first of them.
//!
//! Rows are compared as a whole, as often as they are there. Where a key is known (`unique_key`, or a column with a `unique`
//! test), a row that went and one that came with the same key are one that changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;

use super::lineage::lineage;
use super::session::{StepSession, output_schema};
use super::{Context, Preview, compile, fault};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{NodeId, NodeKind, TestKind};
use crate::storage::shown_type;

const BEFORE: &str = "before";
const AFTER: &str = "after";
/// How often a row is there more than before.
const MORE: &str = "__engine_more";

/// What became of a model's rows.
#[derive(Debug)]
pub struct Difference {
    pub added: u64,
    pub removed: u64,
    /// With a key only.
    pub changed: Option<u64>,
    /// Rows there are now.
    pub rows: u64,
    /// What became of the columns, in words.
    pub columns: Vec<String>,
    /// Columns that say when a row was made, and differ every time.
    pub left_out: Vec<String>,
    /// The first rows that differ, each behind a `+` or `-`.
    pub first: Preview,
}

impl Difference {
    pub fn is_none(&self) -> bool {
        self.added == 0 && self.removed == 0 && self.changed.unwrap_or(0) == 0 && self.columns.is_empty()
    }
}

/// What a model's rows are compared with.
#[derive(Debug, Clone, Copy)]
pub enum Against {
    /// The rows its SQL gives now, with those of its table.
    Table,
    /// The rows of its table, with those of an earlier version.
    Version(u64),
}

/// Compares; `None` when there is nothing to compare with yet.
pub async fn difference(
    context: &Arc<Context>,
    id: NodeId,
    against: Against,
    limit: usize,
) -> Result<Option<Difference>, Diagnostics> {
    let node = context.graph.node(id);
    let Some(relation) = node.relation() else { return Ok(None) };
    let stored = |error: crate::storage::StorageError| Diagnostics::from(fault::storage_diagnostic(&error));
    let Some(table) = context.warehouse.table(relation).await.map_err(stored)? else { return Ok(None) };
    let sql = match &node.kind {
        NodeKind::Model(_) => compile::compile_node(context, id, false).await?,
        // What its file says now is known when it is loaded.
        NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {
            format!("select * from {}", relation.to_sql())
        }
    };
    context.keep_compiled(id, &sql, false);
    let session = StepSession::of_step(context, id);
    let plan = match session.plan(&sql).await {
        Ok(plan) => plan,
        Err(error) => return Err(fault::sql_fault(context, id, &sql, error, &session.missing()).await),
    };
    let now = context.warehouse.provider(&table, session.state()).await.map_err(stored)?;
    let (before, after) = match against {
        Against::Table => {
            if let Some(source) = session.sources().first() {
                let message =
                    format!("`{}` reads the source `{}`, whose rows come only once", node.label(), source.name);
                return Err(Diagnostic::error(Code::Source, message).in_file(node.path.clone()).into());
            }
            (now, Arc::new(ViewTable::new(plan.clone(), None)) as Arc<dyn TableProvider>)
        }
        Against::Version(version) => {
            let before = context.warehouse.table_at(&table, version).await.map_err(stored)?;
            (context.warehouse.provider(&before, session.state()).await.map_err(stored)?, now)
        }
    };
    let comparison = Comparison::new(&session, &plan, before, after, keys(context, id));
    match comparison.run(limit).await {
        Ok(difference) => Ok(Some(difference)),
        Err(error) => Err(fault::sql_fault(context, id, &sql, error, &[]).await),
    }
}

/// The columns that tell the model's rows apart, if it is said anywhere.
fn keys(context: &Context, id: NodeId) -> Vec<String> {
    let graph = &context.graph;
    let configured = graph.node(id).as_model().map(|model| model.config.unique_key.clone()).unwrap_or_default();
    if !configured.is_empty() {
        return configured;
    }
    let tests = graph.children(id).iter().filter_map(|child| graph.node(*child).as_test());
    let mut unique = tests.filter(|test| {
        test.attached == Some(id) && matches!(&test.kind, TestKind::Generic { test, .. } if test == "unique")
    });
    unique.find_map(|test| test.column.clone()).into_iter().collect()
}

struct Comparison {
    context: SessionContext,
    before: (SchemaRef, Arc<dyn TableProvider>),
    after: (SchemaRef, Arc<dyn TableProvider>),
    /// Of both sides.
    columns: Vec<String>,
    keys: Vec<String>,
    left_out: Vec<String>,
}

impl Comparison {
    fn new(
        session: &StepSession,
        plan: &LogicalPlan,
        before: Arc<dyn TableProvider>,
        after: Arc<dyn TableProvider>,
        keys: Vec<String>,
    ) -> Self {
        let (old, new) = (before.schema(), after.schema());
        let volatile = volatile(plan);
        let common = new.fields().iter().map(|field| field.name()).filter(|name| old.column_with_name(name).is_some());
        let (left_out, columns): (Vec<String>, Vec<String>) =
            common.cloned().partition(|name| volatile.contains(name) && !keys.contains(name));
        let keys = if keys.iter().all(|key| columns.contains(key)) { keys } else { Vec::new() };
        let state = session.state().as_ref().clone();
        let config = state.config().clone().with_create_default_catalog_and_schema(true);
        let state = SessionStateBuilder::new_from_existing(state)
            .with_config(config.with_default_catalog_and_schema("scratch", "scratch"))
            .with_catalog_list(Arc::new(datafusion::catalog::MemoryCatalogProviderList::new()))
            .build();
        let context = SessionContext::new_with_state(state);
        Self { context, before: (old, before), after: (new, after), columns, keys, left_out }
    }

    async fn run(self, limit: usize) -> Result<Difference> {
        self.context.register_table(BEFORE, Arc::clone(&self.before.1))?;
        self.context.register_table(AFTER, Arc::clone(&self.after.1))?;
        let rows = self.number(&format!("select count(*) from {AFTER}")).await?;
        let columns = changed_columns(&self.before.0, &self.after.0);
        if self.columns.is_empty() {
            let old = self.number(&format!("select count(*) from {BEFORE}")).await?;
            let first = Preview::new(Vec::new(), Vec::new());
            let (added, removed, left_out) = (rows, old, self.left_out);
            return Ok(Difference { added, removed, changed: None, rows, columns, left_out, first });
        }
        let list = quoted(&self.columns);
        let more = format!(
            "select {list}, sum({MORE}) as {MORE} from (select {list}, 1 as {MORE} from {AFTER} \
             union all select {list}, -1 as {MORE} from {BEFORE}) as both_sides group by {list} having sum({MORE}) <> 0"
        );
        let count =
            |sign: &str| format!("select coalesce(sum(abs({MORE})), 0) from ({more}) as d where {MORE} {sign} 0");
        let (mut added, mut removed) = (self.number(&count(">")).await?, self.number(&count("<")).await?);
        let keys = quoted(&self.keys);
        let changed = match self.keys.is_empty() {
            true => None,
            false => {
                let both = format!(
                    "select count(*) from (select {keys} from ({more}) as d group by {keys} having max({MORE}) > 0 and min({MORE}) < 0) as k"
                );
                let changed = self.number(&both).await?;
                added = added.saturating_sub(changed);
                removed = removed.saturating_sub(changed);
                Some(changed)
            }
        };
        let order = if keys.is_empty() { MORE.to_owned() } else { format!("{keys}, {MORE}") };
        let first = format!(
            "select case when {MORE} > 0 then '+' else '-' end as \"±\", {list} from ({more}) as d order by {order} limit {limit}"
        );
        let first = self.rows(&first).await?;
        Ok(Difference { added, removed, changed, rows, columns, left_out: self.left_out, first })
    }

    async fn rows(&self, sql: &str) -> Result<Preview> {
        let frame: DataFrame = self.context.sql(sql).await?;
        let names = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut stream = frame.execute_stream().await?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next().await {
            batches.push(batch?);
        }
        batches.retain(|batch| batch.num_rows() > 0);
        Ok(Preview::new(names, batches))
    }

    async fn number(&self, sql: &str) -> Result<u64> {
        let mut stream = self.context.sql(sql).await?.execute_stream().await?;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                let number = datafusion::arrow::compute::cast(batch.column(0), &DataType::Int64)?;
                return Ok(u64::try_from(number.as_primitive::<Int64Type>().value(0)).unwrap_or(0));
            }
        }
        Err(DataFusionError::Internal("a count has no row".to_owned()))
    }
}

/// Times that come from no column of what is read: when the row was made.
fn volatile(plan: &LogicalPlan) -> BTreeSet<String> {
    let schema = output_schema(plan);
    let lineage = lineage(plan);
    let made = lineage.columns.into_iter().filter(|column| column.origins.is_empty());
    made.map(|column| column.column)
        .filter(|name| {
            let field = schema.column_with_name(name).map(|(_, field)| field.data_type().clone());
            matches!(field, Some(DataType::Timestamp(_, _)))
        })
        .collect()
}

fn quoted(columns: &[String]) -> String {
    let quoted: Vec<String> = columns.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
    quoted.join(", ")
}

fn changed_columns(before: &Schema, after: &Schema) -> Vec<String> {
    let mut told = Vec::new();
    for field in after.fields() {
        match before.column_with_name(field.name()) {
            None => told.push(format!("`{}` is new", field.name())),
            Some((_, old)) => {
                let (old, new) = (shown_type(old.data_type()), shown_type(field.data_type()));
                if old != new {
                    told.push(format!("`{}` was {old} and is {new}", field.name()));
                }
            }
        }
    }
    let gone = before.fields().iter().filter(|field| after.column_with_name(field.name()).is_none());
    told.extend(gone.map(|field| format!("`{}` is gone", field.name())));
    told
}

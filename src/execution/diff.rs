//! A model's rows against those of the last build: how many came, went and changed, and the first of them.
//!
//! Rows are compared as a whole, as often as they are there. Where a key is known (`unique_key`, or a column with a `unique`
//! test), a row that went and one that came with the same key are one that changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;

use super::lineage::lineage;
use super::session::{StepSession, output_schema};
use super::{Context, Preview, compile, fault, seed};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{NodeId, NodeKind, TestKind};
use crate::names::bare_column;
use crate::storage::{same_in_delta, shown_type, table_schema};

const BEFORE: &str = "before";
const AFTER: &str = "after";
/// How often a row is there more than before.
const MORE: &str = "__engine_more";
/// How often it is there now.
const NOW: &str = "__engine_now";

/// What became of a model's rows.
#[derive(Debug)]
pub struct Difference {
    pub added: u64,
    pub removed: u64,
    /// With a key only.
    pub changed: Option<u64>,
    /// Rows there are now.
    pub rows: u64,
    /// Those that came, went, or have another type.
    pub columns: Vec<ColumnChange>,
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

/// What became of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChange {
    pub name: String,
    /// Its type, in words; none for one that is new.
    pub before: Option<String>,
    /// None for one that is gone.
    pub after: Option<String>,
}

/// What a model's rows are compared with.
#[derive(Debug, Clone, Copy)]
pub enum Against {
    /// The rows its SQL gives now, with those of its table.
    Table,
    /// The rows of its table, with those of an earlier version.
    Version(u64),
}

/// Compares; `None` when there is nothing to compare with yet. Of the rows that differ `limit` are given, or all.
pub async fn difference(
    context: &Arc<Context>,
    id: NodeId,
    against: Against,
    limit: Option<usize>,
) -> Result<Option<Difference>, Diagnostics> {
    let node = context.graph.node(id);
    let Some(relation) = node.relation() else { return Ok(None) };
    let stored = |error: crate::storage::StorageError| Diagnostics::from(fault::storage_diagnostic(&error));
    let Some(table) = context.warehouse.table(relation).await.map_err(stored)? else { return Ok(None) };
    let sql = match &node.kind {
        NodeKind::Model(_) => compile::compile_node(context, id, false).await?,
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
                return Err(Diagnostic::error(Code::Source, message)
                    .in_file(node.path.clone())
                    .hint("leave out `--diff` to see what it reads now; `engine watch` compares the builds it makes")
                    .into());
            }
            let after: Arc<dyn TableProvider> = match seed::rows(context, id).await? {
                Some(rows) => Arc::new(rows),
                None => Arc::new(ViewTable::new(plan.clone(), None)),
            };
            (now, after)
        }
        Against::Version(version) => {
            let before = context.warehouse.table_at(&table, version).await.map_err(stored)?;
            (context.warehouse.provider(&before, session.state()).await.map_err(stored)?, now)
        }
    };
    let stored_as = |schema: &Schema| table_schema(relation, schema).map_err(stored);
    let changes = changed_columns(&before.schema(), &*stored_as(&after.schema())?);
    let mut comparison = Comparison::new(&session, &plan, (before, after), changes, keys(context, id));
    comparison.is_stored = matches!(against, Against::Version(_));
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
    unique.find_map(|test| Some(bare_column(test.column.as_ref()?).into_owned())).into_iter().collect()
}

struct Comparison {
    context: SessionContext,
    before: Arc<dyn TableProvider>,
    after: Arc<dyn TableProvider>,
    changes: Vec<ColumnChange>,
    /// Of both sides, and each as it is compared.
    columns: Vec<(String, String)>,
    /// Those of them that rows can be put in order by.
    ordered: Vec<String>,
    keys: Vec<String>,
    left_out: Vec<String>,
    /// Both sides are read from files; else one of them is the model's query, which is asked no more often than needed.
    is_stored: bool,
}

impl Comparison {
    fn new(
        session: &StepSession,
        plan: &LogicalPlan,
        (before, after): (Arc<dyn TableProvider>, Arc<dyn TableProvider>),
        changes: Vec<ColumnChange>,
        keys: Vec<String>,
    ) -> Self {
        let (old, new) = (before.schema(), after.schema());
        let volatile = volatile(plan);
        let (mut columns, mut ordered, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for field in new.fields() {
            let name = field.name();
            let Some((_, before)) = old.column_with_name(name) else { continue };
            if volatile.contains(name) && !keys.contains(name) {
                left_out.push(name.clone());
                continue;
            }
            let is_retyped = changes.iter().any(|change| change.name == *name);
            let Some(compared) = compared(name, before.data_type(), field.data_type(), is_retyped) else { continue };
            columns.push((name.clone(), compared));
            if !field.data_type().is_nested() {
                ordered.push(name.clone());
            }
        }
        let has = |key: &String| columns.iter().any(|(name, _)| name == key);
        let keys = if keys.iter().all(has) { keys } else { Vec::new() };
        let state = session.state().as_ref().clone();
        let config = state.config().clone().with_create_default_catalog_and_schema(true);
        let state = SessionStateBuilder::new_from_existing(state)
            .with_config(config.with_default_catalog_and_schema("scratch", "scratch"))
            .with_catalog_list(Arc::new(datafusion::catalog::MemoryCatalogProviderList::new()))
            .build();
        let context = SessionContext::new_with_state(state);
        Self { context, before, after, changes, columns, ordered, keys, left_out, is_stored: false }
    }

    async fn run(self, limit: Option<usize>) -> Result<Difference> {
        self.context.register_table(BEFORE, Arc::clone(&self.before))?;
        self.context.register_table(AFTER, Arc::clone(&self.after))?;
        if self.columns.is_empty() {
            let counts = format!(
                "select (select count(*) from {AFTER}) as came, (select count(*) from {BEFORE}) as went, 0 as a, 0 as b"
            );
            let [rows, old, _, _] = self.numbers(&counts).await?;
            let first = Preview::new(Vec::new(), Vec::new());
            let (columns, left_out) = (self.changes, self.left_out);
            return Ok(Difference { added: rows, removed: old, changed: None, rows, columns, left_out, first });
        }
        let (counts, first) = (self.counts(), self.first(limit));
        let ([rows, added, removed, changed], first) = if self.is_stored {
            // Small files are waited for more than worked on.
            tokio::try_join!(self.numbers(&counts), self.rows(&first))?
        } else {
            let numbers = self.numbers(&counts).await?;
            let first = match numbers {
                [_, 0, 0, _] => Preview::new(Vec::new(), Vec::new()),
                _ => self.rows(&first).await?,
            };
            (numbers, first)
        };
        let (added, removed) = (added.saturating_sub(changed), removed.saturating_sub(changed));
        let changed = (!self.keys.is_empty()).then_some(changed);
        Ok(Difference { added, removed, changed, rows, columns: self.changes, left_out: self.left_out, first })
    }

    /// Every row once, with how often it is there more than before, and how often it is there now.
    fn both(&self) -> String {
        let names = quoted(self.columns.iter().map(|(name, _)| name));
        let compared: Vec<&str> = self.columns.iter().map(|(_, compared)| compared.as_str()).collect();
        let compared = compared.join(", ");
        format!(
            "select {names}, sum({MORE}) as {MORE}, sum({NOW}) as {NOW} from (select {compared}, 1 as {MORE}, 1 as {NOW} \
             from {AFTER} union all select {compared}, -1 as {MORE}, 0 as {NOW} from {BEFORE}) as both_sides group by {names}"
        )
    }

    /// The rows there are now, those that came and went, and the keys of which some did both; all in one pass, for it may
    /// run the model's query.
    fn counts(&self) -> String {
        let counts = format!(
            "sum({NOW}) as {NOW}, sum(case when {MORE} > 0 then {MORE} else 0 end) as came, \
             sum(case when {MORE} < 0 then -{MORE} else 0 end) as went"
        );
        let by_key = match self.keys.is_empty() {
            true => format!("select {counts} from ({}) as d", self.both()),
            false => format!("select {counts} from ({}) as d group by {}", self.both(), quoted(&self.keys)),
        };
        let changed = match self.keys.is_empty() {
            true => "0",
            false => "sum(case when came > 0 and went > 0 then 1 else 0 end)",
        };
        format!("select sum({NOW}), sum(came), sum(went), {changed} from ({by_key}) as k")
    }

    /// What went stands beside what came in its place, as far as columns in order bring them together.
    fn first(&self, limit: Option<usize>) -> String {
        let names = quoted(self.columns.iter().map(|(name, _)| name));
        let others = self.ordered.iter().filter(|name| !self.keys.contains(name));
        let mut order: Vec<String> = self.keys.iter().chain(others).map(|name| quote(name)).collect();
        order.insert(self.keys.len(), MORE.to_owned());
        if self.keys.is_empty() {
            order.rotate_left(1);
        }
        let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
        format!(
            "select case when {MORE} > 0 then '+' else '-' end as \"±\", {names} from ({}) as d where {MORE} <> 0 order by {}{limit}",
            self.both(),
            order.join(", ")
        )
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

    async fn numbers(&self, sql: &str) -> Result<[u64; 4]> {
        let mut stream = self.context.sql(sql).await?.execute_stream().await?;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 && batch.num_columns() == 4 {
                let mut numbers = [0; 4];
                for (number, column) in numbers.iter_mut().zip(batch.columns()) {
                    let column = datafusion::arrow::compute::cast(column, &DataType::Int64)?;
                    // Without any row there is no sum, and a null stands as 0.
                    *number = u64::try_from(column.as_primitive::<Int64Type>().value(0)).unwrap_or(0);
                }
                return Ok(numbers);
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

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted<'a>(columns: impl IntoIterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = columns.into_iter().map(|name| quote(name)).collect();
    quoted.join(", ")
}

/// A column as its values are compared: as text where its type is another one. None where even that says nothing.
fn compared(name: &str, before: &DataType, after: &DataType, is_retyped: bool) -> Option<String> {
    let column = quote(name);
    let both = |is: fn(&DataType) -> bool| is(before) && is(after);
    if !is_retyped || both(DataType::is_numeric) || both(DataType::is_temporal) {
        return Some(column);
    }
    let has_text = |data_type: &DataType| !data_type.is_nested() && !data_type.is_binary();
    (has_text(before) && has_text(after)).then(|| format!("cast({column} as varchar) as {column}"))
}

fn changed_columns(before: &Schema, after: &Schema) -> Vec<ColumnChange> {
    let mut changes = Vec::new();
    for field in after.fields() {
        let old = before.column_with_name(field.name()).map(|(_, old)| old.data_type());
        if old.is_none_or(|old| !same_in_delta(old, field.data_type())) {
            let after = Some(shown_type(field.data_type()));
            changes.push(ColumnChange { name: field.name().clone(), before: old.map(shown_type), after });
        }
    }
    let gone = before.fields().iter().filter(|field| after.column_with_name(field.name()).is_none());
    changes.extend(gone.map(|field| {
        let before = Some(shown_type(field.data_type()));
        ColumnChange { name: field.name().clone(), before, after: None }
    }));
    changes
}

//! `table` and `incremental` - the query's rows, written as the action says in one commit each.

use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Column;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::scalar::ScalarValue;

use super::{Build, contract_broken, evolution, left_out, only_partitions, unknown_columns};
use crate::diagnostic::Diagnostics;
use crate::execution::session::output_schema;
use crate::execution::step::Outcome;
use crate::graph::{IncrementalStrategy, Materialized};
use crate::plan::Action;
use crate::storage::{
    Change, Description, Merge, Removes, Rewrite, Staged, StorageError, Table, evolve, same_in_delta, table_schema,
};

/// A query ready to be staged: its plan gives the table's columns in their order.
pub(super) struct Prepared {
    pub(super) plan: LogicalPlan,
    /// What is written: the table's columns, in the Arrow types the rows come in where Delta makes no difference.
    pub(super) schema: SchemaRef,
    pub(super) evolution: Option<crate::storage::EvolvedSchema>,
}

pub(super) async fn write(build: &Build<'_>, began: Instant) -> Result<Outcome, Diagnostics> {
    let planned = build.plan().await?;
    let warehouse = &build.context.warehouse;
    let relation = &build.model.relation;
    let base = match warehouse.table(relation).await {
        Ok(base) => base,
        Err(error) => return Err(build.run_fault(error).await),
    };
    let compile = began.elapsed();
    let mut outcome = match build.session.sources().is_empty() {
        true => build.write_once(planned, base).await?,
        false => super::source_rows::write(build, planned, base).await?,
    };
    outcome.compile = compile;
    Ok(outcome)
}

impl Build<'_> {
    /// The model's query, whose columns hold all that its config names.
    pub(super) async fn plan(&self) -> Result<LogicalPlan, Diagnostics> {
        let planned = match self.session.plan(&self.sql).await {
            Ok(plan) => plan,
            Err(error) => return Err(self.sql_fault(error).await),
        };
        let columns = output_schema(&planned);
        let mut wrong = unknown_columns(self.node, self.model, &columns);
        wrong.extend(only_partitions(self.node, self.model, &columns));
        wrong.extend(contract_broken(self.session.state(), self.node, self.model, &columns));
        wrong.finish(planned).map(|(planned, _)| planned)
    }

    async fn write_once(&self, planned: LogicalPlan, base: Option<Table>) -> Result<Outcome, Diagnostics> {
        let prepared = self.prepare(planned, base.as_ref(), self.action).await?;
        let staged = self.stage(&prepared, base.as_ref()).await?;
        let rows = staged.rows;
        let committed = self.publish(base.as_ref(), &prepared, staged, self.action, Vec::new(), None).await?;
        Ok(Outcome { rows, version: Some(committed.version()), ..Outcome::default() })
    }

    /// Brings the query's columns to those of the table, which have those that the config names, too.
    pub(super) async fn prepare(
        &self,
        planned: LogicalPlan,
        base: Option<&Table>,
        action: Action,
    ) -> Result<Prepared, Diagnostics> {
        let prepared = match self.fitted(planned, base, action) {
            Ok(prepared) => prepared,
            Err(error) => return Err(self.run_fault(error).await),
        };
        match &prepared.evolution {
            Some(evolved) => {
                left_out(self.node, self.model, &evolved.schema).finish(prepared).map(|(prepared, _)| prepared)
            }
            None => Ok(prepared),
        }
    }

    fn fitted(&self, planned: LogicalPlan, base: Option<&Table>, action: Action) -> Result<Prepared, StorageError> {
        let relation = &self.model.relation;
        let rows = table_schema(relation, &output_schema(&planned))?;
        // A topic takes the columns as they are now: no rows lie in its table.
        let Some(table) = base.filter(|_| action.is_incremental() && action != Action::Send) else {
            return Ok(Prepared { plan: planned, schema: rows, evolution: None });
        };
        let evolved = evolve(relation, &table.schema(), &rows, evolution(self.model))?;
        let written = Arc::new(Schema::new(
            evolved.schema.fields().iter().map(|field| as_written(field, &rows)).collect::<Vec<_>>(),
        ));
        let failed = |source| StorageError::Write { relation: relation.clone(), source };
        let plan = project(planned, &written).map_err(failed)?;
        Ok(Prepared { plan, schema: written, evolution: Some(evolved) })
    }

    /// Whether the table of a topic has the columns and the words that the model has now; other tables get them with rows.
    pub(super) fn is_described(&self, planned: &LogicalPlan, base: &Table, action: Action) -> bool {
        if action != Action::Send {
            return true;
        }
        let rows = table_schema(&self.model.relation, &output_schema(planned));
        rows.is_ok_and(|rows| self.description(&rows, &[]).holds_for(base))
    }

    pub(super) async fn stage(&self, prepared: &Prepared, base: Option<&Table>) -> Result<Staged, Diagnostics> {
        let state = self.session.state();
        let physical = match state.create_physical_plan(&prepared.plan).await {
            Ok(physical) => physical,
            Err(error) => return Err(self.sql_fault(error).await),
        };
        if self.action == Action::Send {
            return self.send(physical, prepared).await;
        }
        let partition_by = self.partition_by(base);
        let warehouse = &self.context.warehouse;
        let staged = warehouse
            .stage(&self.model.relation, physical, &state.task_ctx(), &prepared.schema, &partition_by, self.progress)
            .await;
        match staged {
            Ok(staged) => Ok(staged),
            Err(error) => Err(self.run_fault(error).await),
        }
    }

    /// A table keeps its partitioning until it is replaced.
    fn partition_by(&self, base: Option<&Table>) -> Vec<String> {
        match base.filter(|_| self.action.is_incremental()) {
            Some(table) => table.partition_columns(),
            None => self.model.config.partition_by.clone(),
        }
    }

    /// Commits staged rows as `action` says; rows of which `replaced` holds give way to them. Without rows an incremental commit changes nothing and is left out, unless it
    /// carries positions.
    pub(super) async fn publish(
        &self,
        base: Option<&Table>,
        prepared: &Prepared,
        staged: Staged,
        action: Action,
        positions: Vec<(String, i64)>,
        replaced: Option<String>,
    ) -> Result<Table, Diagnostics> {
        let warehouse = &self.context.warehouse;
        let description = self.description(&prepared.schema, &staged.partition_by);
        if let Some(table) = base
            && action.is_incremental()
            && staged.rows == 0
            && positions.is_empty()
            && replaced.is_none()
            && self.model.config.replace_where.is_none()
            && description.holds_for(table)
        {
            return Ok(table.clone());
        }
        let changed = self.change(base, prepared, staged, action, description, replaced).await;
        let mut change = match changed {
            Ok(change) => change,
            Err(error) => return Err(self.run_fault(error).await),
        };
        change.positions = positions;
        match warehouse.commit(base, change).await {
            Ok(committed) => Ok(committed.table),
            Err(error) => Err(self.run_fault(error).await),
        }
    }

    async fn change(
        &self,
        base: Option<&Table>,
        prepared: &Prepared,
        staged: Staged,
        action: Action,
        description: Description,
        replaced: Option<String>,
    ) -> Result<Change, StorageError> {
        let describe = match base {
            Some(table) if description.holds_for(table) => None,
            Some(_) | None => Some(description),
        };
        let reshape = prepared.evolution.as_ref().is_some_and(|evolution| evolution.rewrite);
        let replaced = replaced.map(Rewrite::Where);
        let rewrite =
            base.and_then(|table| Some((table, replaced.or_else(|| self.rewrite_of(action, prepared, reshape))?)));
        let (staged, rewritten, removes) = if let Some((table, rewrite)) = rewrite {
            let warehouse = &self.context.warehouse;
            let state = self.session.state();
            let done = warehouse.rewrite(state, table, staged, &prepared.schema, &rewrite, reshape).await?;
            (done.staged, done.rewritten, done.removes)
        } else {
            let config = &self.model.config;
            let is_first_merge = action == Action::ReplaceTable
                && config.materialized == Materialized::Incremental
                && config.strategy == IncrementalStrategy::Merge;
            let staged = match is_first_merge {
                // The next merge could not tell its rows apart.
                true => {
                    let (warehouse, state) = (&self.context.warehouse, self.session.state());
                    warehouse.refuse_duplicates(state, staged, &config.unique_key).await?
                }
                false => staged,
            };
            let removes = match action {
                Action::Append | Action::Send => Removes::None,
                Action::InsertOverwrite => Removes::SamePartitions,
                Action::ReplaceTable
                | Action::Merge
                | Action::DeleteInsert
                | Action::CreateView
                | Action::LoadSeed
                | Action::RunTest => Removes::All,
            };
            (staged, None, removes)
        };
        Ok(Change {
            staged,
            rewritten,
            removes,
            describe,
            positions: Vec::new(),
            info: self.info(),
            mode: mode(action),
            now_millis: self.context.started.as_millisecond(),
        })
    }

    /// Which old rows must give way by rewriting files; `None` when whole files do.
    fn rewrite_of(&self, action: Action, prepared: &Prepared, reshape: bool) -> Option<Rewrite> {
        let config = &self.model.config;
        match action {
            Action::Merge => Some(Rewrite::Merge(Merge {
                keys: config.unique_key.clone(),
                predicates: config.incremental_predicates.clone(),
                update: self.updated_columns(&prepared.schema),
            })),
            Action::DeleteInsert => Some(Rewrite::DeleteInsert {
                keys: config.unique_key.clone(),
                predicates: config.incremental_predicates.clone(),
            }),
            Action::InsertOverwrite if config.replace_where.is_some() => {
                config.replace_where.clone().map(Rewrite::Where)
            }
            Action::InsertOverwrite if reshape => Some(Rewrite::Partitions(self.model.config.partition_by.clone())),
            Action::Append if reshape => Some(Rewrite::Reshape),
            Action::InsertOverwrite
            | Action::Append
            | Action::Send
            | Action::ReplaceTable
            | Action::CreateView
            | Action::LoadSeed
            | Action::RunTest => None,
        }
    }

    /// The columns a merge updates; `None` for all.
    fn updated_columns(&self, schema: &Schema) -> Option<Vec<String>> {
        let config = &self.model.config;
        if let Some(update) = &config.merge_update_columns {
            return Some(update.clone());
        }
        if config.merge_exclude_columns.is_empty() {
            return None;
        }
        let excluded = |name: &str| config.merge_exclude_columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        Some(schema.fields().iter().map(|field| field.name().clone()).filter(|name| !excluded(name)).collect())
    }
}

/// The operation's name in the table's history.
fn mode(action: Action) -> &'static str {
    match action {
        Action::Merge => "merge",
        Action::DeleteInsert => "delete+insert",
        Action::InsertOverwrite => "insert_overwrite",
        Action::Send => "send",
        Action::ReplaceTable | Action::Append | Action::CreateView | Action::LoadSeed | Action::RunTest => "write",
    }
}

/// A table's field in the Arrow type its rows come in, where Delta makes no difference between the two.
fn as_written(field: &Field, rows: &Schema) -> Field {
    let row = rows.fields().iter().find(|row| row.name().eq_ignore_ascii_case(field.name()));
    let data_type = match row {
        // Files hold no dictionaries: what was read as one is written as its values.
        Some(row) if matches!(row.data_type(), DataType::Dictionary(_, _)) => field.data_type().clone(),
        Some(row) if same_in_delta(row.data_type(), field.data_type()) => row.data_type().clone(),
        Some(_) | None => field.data_type().clone(),
    };
    Field::new(field.name(), data_type, true)
}

/// The plan's columns by name in the order of `schema`; one it lacks is NULL.
fn project(plan: LogicalPlan, schema: &Schema) -> Result<LogicalPlan, DataFusionError> {
    let columns: Vec<Column> = plan.schema().columns();
    let expressions: Vec<Expr> = schema
        .fields()
        .iter()
        .map(|field| match columns.iter().find(|column| column.name.eq_ignore_ascii_case(field.name())) {
            Some(column) => Ok(Expr::Column(column.clone()).alias(field.name())),
            None => Ok(Expr::Literal(ScalarValue::try_from(field.data_type())?, None).alias(field.name())),
        })
        .collect::<Result<_, DataFusionError>>()?;
    LogicalPlanBuilder::from(plan).project(expressions)?.build()
}

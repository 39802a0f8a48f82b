//! A model that reads connectors: what waits is read in slices, each with its position in the same commit.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde_json::Map;
use tokio::sync::mpsc;

use super::Build;
use crate::connectors::Item;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::execution::fault::connector_diagnostic;
use crate::execution::scan::{ConnectorTable, Slice, rejected_schema};
use crate::execution::step::Outcome;
use crate::graph::{IncrementalStrategy, Materialized, NodeKind};
use crate::plan::Action;
use crate::project::TableReader;
use crate::storage::{Change, Description, Positions, Progress, Removes, Staged, Table};

/// Batches of rejected records on their way to their table.
const REJECTS_AHEAD: usize = 16;
/// How many changed files are named in a warning.
const NAMED: usize = 3;

/// A source of the model: where it stands and what waits in it.
struct Reading {
    table: Arc<ConnectorTable>,
    positions: Positions,
    waiting: Vec<Item>,
}

pub(super) async fn write(
    build: &Build<'_>,
    planned: LogicalPlan,
    base: Option<Table>,
) -> Result<Outcome, Diagnostics> {
    let mut outcome = Outcome::default();
    let mut readings = Vec::new();
    for table in build.session.sources() {
        readings.push(reading(build, table, base.as_ref(), &mut outcome).await?);
    }
    let incremental = build.model.config.materialized == Materialized::Incremental;
    let mut base = base;
    let mut action = build.action;
    let mut first = true;
    loop {
        // A table that readers have now is replaced in one commit: none of them sees half of the new one. And what a slice
        // overwrites may not be the rows of the slice before.
        let strategy = build.model.config.strategy;
        let overwrites = matches!(strategy, IncrementalStrategy::InsertOverwrite | IncrementalStrategy::DeleteInsert);
        let whole = !incremental || overwrites || (action == Action::ReplaceTable && base.is_some());
        let slices: Vec<Vec<Item>> = readings
            .iter_mut()
            .map(|reading| {
                let waiting = &reading.waiting;
                let count = if whole { waiting.len() } else { reading.table.connector.per_commit(waiting) };
                let rest = reading.waiting.split_off(count.min(reading.waiting.len()));
                std::mem::replace(&mut reading.waiting, rest)
            })
            .collect();
        let nothing = slices.iter().all(Vec::is_empty);
        if nothing && (!first || action.is_incremental()) {
            break;
        }
        let slice = SliceOfRun { readings: &readings, slices: &slices, replaces: action == Action::ReplaceTable };
        let (committed, rows, rejected) = slice.commit(build, planned.clone(), base.as_ref(), action).await?;
        outcome.rows += rows;
        outcome.rejected += rejected;
        base = Some(committed);
        first = false;
        if nothing || !incremental {
            break;
        }
        action = match (action, build.model.config.strategy) {
            (Action::ReplaceTable, IncrementalStrategy::Merge) => Action::Merge,
            (Action::ReplaceTable, _) => Action::Append,
            (other, _) => other,
        };
    }
    outcome.version = base.as_ref().map(Table::version);
    Ok(outcome)
}

async fn reading(
    build: &Build<'_>,
    table: Arc<ConnectorTable>,
    base: Option<&Table>,
    outcome: &mut Outcome,
) -> Result<Reading, Diagnostics> {
    let positions = match base {
        Some(base) => match build.context.warehouse.positions(base, &table.name).await {
            Ok(positions) => positions,
            Err(error) => return Err(build.run_fault(error).await),
        },
        None => Positions::default(),
    };
    let positions = match build.action.is_incremental() {
        true => positions,
        false if base.is_some() => positions.next_generation(),
        false => positions,
    };
    let waiting = table.connector.waiting(&positions.items).await;
    let waiting = waiting.map_err(|error| {
        let (place, path) = source_place(build, &table);
        connector_diagnostic(&error).label_or_file(place, "", &path)
    })?;
    if !waiting.changed.is_empty() {
        let named: Vec<String> = waiting.changed.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = waiting.changed.len().saturating_sub(NAMED);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        outcome.warnings.push(
            Diagnostic::warning(
                Code::Source,
                format!(
                    "{}{rest} of source `{}` changed after `{}` had read them",
                    named.join(", "),
                    table.name,
                    build.model.relation
                ),
            )
            .note("a file is read once; its new rows are not in the table")
            .hint(format!("to read everything anew: engine run --select {} --full-refresh", build.node.name)),
        );
    }
    Ok(Reading { table, positions, waiting: waiting.items })
}

/// Where the source's path stands, and in which file.
fn source_place(build: &Build<'_>, table: &ConnectorTable) -> (Option<Span>, String) {
    let graph = &build.context.graph;
    let Some(node) = graph.by_source(&table.name).map(|id| graph.node(id)) else { return (None, String::new()) };
    let place = match &node.kind {
        NodeKind::Source(source) => match &source.reader {
            TableReader::Files(config) => config.path_place.clone(),
            TableReader::Table { .. } => source.place.clone(),
        },
        NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) => None,
    };
    (place, node.path.clone())
}

/// What one commit reads.
struct SliceOfRun<'a> {
    readings: &'a [Reading],
    /// Of each reading.
    slices: &'a [Vec<Item>],
    replaces: bool,
}

/// What the table of rejected records holds before a slice.
struct StoredRejects {
    /// Of each reading: items of the slice whose rejects an earlier, interrupted run has stored already.
    items: Vec<HashSet<String>>,
    /// All of them, if they are of an earlier reading of the sources.
    outdated: Removes,
}

impl SliceOfRun<'_> {
    /// Reads the slice and commits it: first its rejected records, then its rows with the positions.
    async fn commit(
        &self,
        build: &Build<'_>,
        planned: LogicalPlan,
        base: Option<&Table>,
        action: Action,
    ) -> Result<(Table, u64, u64), Diagnostics> {
        let prepared = match build.prepare(planned, base, action) {
            Ok(prepared) => prepared,
            Err(error) => return Err(build.run_fault(error).await),
        };
        let rejected_base = match build.context.warehouse.table(&build.model.relation.rejected()).await {
            Ok(table) => table,
            Err(error) => return Err(build.run_fault(error).await),
        };
        let (sender, receiver) = mpsc::channel(REJECTS_AHEAD);
        let stored = self.stored_rejects(build, rejected_base.as_ref()).await?;
        for ((reading, items), rejected_before) in self.readings.iter().zip(self.slices).zip(stored.items) {
            let rejects = Some(sender.clone());
            reading.table.set(Slice { items: items.clone(), rejects, rejected_before, ..Slice::default() });
        }
        drop(sender);
        let (rejects, staged) = tokio::join!(stage_rejects(build, receiver), async {
            let staged = build.stage(&prepared, base).await;
            // The tables' senders close the channel of rejects.
            for reading in self.readings {
                reading.table.set(Slice::default());
            }
            staged
        });
        let (staged, rejects) = match (staged, rejects) {
            (Ok(staged), Ok(rejects)) => (staged, rejects),
            (Ok(left), Err(error)) | (Err(error), Ok(left)) => {
                build.context.warehouse.abandon(left).await;
                return Err(error);
            }
            (Err(error), Err(_)) => return Err(error),
        };
        let rejected = rejects.rows;
        self.commit_rejects(build, rejected_base.as_ref(), rejects, stored.outdated).await?;
        let rows = staged.rows;
        let positions = self.positions();
        let committed = build.publish(base, &prepared, staged, action, positions).await?;
        Ok((committed, rows, rejected))
    }

    fn positions(&self) -> Vec<(String, i64)> {
        self.readings
            .iter()
            .zip(self.slices)
            .flat_map(|(reading, items)| {
                let read: Vec<(String, i64)> = items.iter().map(|item| (item.name.clone(), item.mark)).collect();
                reading.positions.advance(&reading.table.name, &read)
            })
            .collect()
    }

    async fn stored_rejects(&self, build: &Build<'_>, rejected: Option<&Table>) -> Result<StoredRejects, Diagnostics> {
        let mut stored = Vec::new();
        for reading in self.readings {
            stored.push(match rejected {
                None => Positions::default(),
                Some(table) => match build.context.warehouse.positions(table, &reading.table.name).await {
                    Ok(stored) => stored,
                    Err(error) => return Err(build.run_fault(error).await),
                },
            });
        }
        let generations = || self.readings.iter().map(|reading| reading.positions.generation);
        let of_this_reading =
            stored.iter().zip(generations()).all(|(stored, generation)| stored.generation == generation)
                && stored.iter().any(|stored| !stored.items.is_empty());
        // A model read anew forgets what was rejected before, but not what it has stored itself before it was interrupted.
        let outdated = match self.replaces && !of_this_reading && rejected.is_some_and(|table| table.files() > 0) {
            true => Removes::All,
            false => Removes::None,
        };
        let items = stored
            .iter()
            .zip(generations())
            .zip(self.slices)
            .map(|((stored, generation), items)| match stored.generation == generation && outdated == Removes::None {
                true => {
                    let same = items.iter().filter(|item| stored.items.get(&item.name) == Some(&item.mark));
                    same.map(|item| item.name.clone()).collect()
                }
                false => HashSet::new(),
            })
            .collect();
        Ok(StoredRejects { items, outdated })
    }

    async fn commit_rejects(
        &self,
        build: &Build<'_>,
        base: Option<&Table>,
        rejects: Staged,
        removes: Removes,
    ) -> Result<(), Diagnostics> {
        if rejects.rows == 0 && removes == Removes::None {
            return Ok(());
        }
        let description = Description {
            schema: rejected_schema(),
            partition_by: Vec::new(),
            comment: format!("records that could not be decoded for {}", build.model.relation),
            column_comments: [
                ("raw", "the record as it came"),
                ("error", "why it could not be decoded"),
                ("_source", "where it came from"),
                ("_line", "its line there, from 1"),
                ("_ingested_at", "when the run that read it began"),
            ]
            .into_iter()
            .map(|(column, comment)| (column.to_owned(), comment.to_owned()))
            .collect(),
            properties: Vec::new(),
        };
        let relation = build.model.relation.rejected();
        let change = Change {
            staged: rejects,
            rewritten: None,
            removes,
            describe: base.is_none().then_some(description),
            positions: self.positions(),
            info: super::commit_info(build.context, &build.node.unique_id, &build.sql, Map::new()),
            mode: "write",
            now_millis: build.context.started.as_millisecond(),
        };
        let warehouse = &build.context.warehouse;
        let committed = async {
            let _lock = warehouse.lock(&relation).await?;
            warehouse.commit(base, change).await
        };
        match committed.await {
            Ok(_) => Ok(()),
            Err(error) => Err(build.run_fault(error).await),
        }
    }
}

/// Writes rejected records as they come; ends when the scans do.
async fn stage_rejects(build: &Build<'_>, receiver: mpsc::Receiver<RecordBatch>) -> Result<Staged, Diagnostics> {
    let schema = rejected_schema();
    let batches = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|batch| (Ok::<_, DataFusionError>(batch), receiver))
    });
    let stream: SendableRecordBatchStream =
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), batches.boxed()));
    let progress = Arc::new(Progress::default());
    let relation = build.model.relation.rejected();
    let staged = build.context.warehouse.stage_streams(&relation, vec![stream], &schema, &[], &progress).await;
    match staged {
        Ok(staged) => Ok(staged),
        Err(error) => Err(build.run_fault(error).await),
    }
}

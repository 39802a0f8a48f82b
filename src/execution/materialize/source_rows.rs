//! A model that reads connectors: what waits is read in slices, each with its position in the same commit.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use tokio::sync::mpsc;

use super::Build;
use super::rejects::stage_rejects;
use crate::connectors::Item;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::execution::fault::connector_diagnostic;
use crate::execution::scan::{ConnectorTable, Slice};
use crate::execution::step::Outcome;
use crate::execution::{Event, Pace};
use crate::graph::{IncrementalStrategy, Materialized, NodeKind};
use crate::names::Relation;
use crate::plan::Action;
use crate::project::TableReader;
use crate::storage::{Positions, Table};

/// Batches of rejected records on their way to their table.
const REJECTS_AHEAD: usize = 16;
/// How many changed files are named in a warning.
const NAMED: usize = 3;

/// A source of the model: where it stands and what waits in it.
pub(super) struct Reading {
    pub(super) table: Arc<ConnectorTable>,
    pub(super) positions: Positions,
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
    let incremental = matches!(build.model.config.materialized, Materialized::Incremental | Materialized::Kafka);
    let mut base = base;
    let mut action = build.action;
    let mut first = true;
    let mut anew: Option<Build<'_>> = None;
    let mut planned = planned;
    loop {
        if !first {
            // The table has the slice before now: `this`, and whether the model is incremental, mean something else.
            let again = build.again(action).await?;
            planned = again.plan().await?;
            anew = Some(again);
        }
        let build = anew.as_ref().unwrap_or(build);
        // A table that readers have now is replaced in one commit: none of them sees half of the new one. And what a slice
        // overwrites may not be the rows of the slice before.
        let strategy = build.model.config.strategy;
        let overwrites = matches!(strategy, IncrementalStrategy::InsertOverwrite | IncrementalStrategy::DeleteInsert);
        // Nor may rows that a slice would join still wait in another source.
        let whole =
            !incremental || overwrites || readings.len() > 1 || (action == Action::ReplaceTable && base.is_some());
        let slices: Vec<Vec<Item>> = readings
            .iter_mut()
            .map(|reading| {
                let waiting = &reading.waiting;
                let count = if whole { waiting.len() } else { reading.table.connector.per_commit(waiting) };
                let rest = reading.waiting.split_off(count.min(reading.waiting.len()));
                reading.table.connector.joined(std::mem::replace(&mut reading.waiting, rest), whole)
            })
            .collect();
        let nothing = slices.iter().all(Vec::is_empty);
        // The first run of all makes a table, though it has nothing to read.
        if nothing && (!first || (action.is_incremental() && base.is_some())) {
            // A look alone may have moved a position: where `latest` is, what was lost, what is skipped. That must not be
            // worked out anew the next time.
            let moved = readings.iter().any(|reading| reading.table.connector.has_moved());
            let is_described = base.as_ref().is_none_or(|base| build.is_described(&planned, base, action));
            if !first || (!moved && is_described) {
                break;
            }
        }
        let slice = SliceOfRun { readings: &readings, slices: &slices, replaces: action == Action::ReplaceTable };
        let committed = slice.commit(build, planned.clone(), base.as_ref(), action, &mut outcome.warnings).await?;
        let (committed, rows, rejected) = committed;
        outcome.rows += rows;
        outcome.rejected += rejected;
        base = Some(committed);
        first = false;
        for (reading, items) in readings.iter_mut().zip(&slices) {
            let rest = reading.table.connector.unread(items);
            reading.waiting.splice(0..0, rest);
        }
        if nothing || !incremental || build.context.pace == Pace::OneBatch {
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
        connector_diagnostic(&error).else_at(place, &path)
    })?;
    // What was noted of it before is of another one: records put aside among it.
    let positions = if waiting.renewed { positions.next_generation() } else { positions };
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
    if let Some(progress) = table.connector.progress() {
        let (source, progress) = (table.name.to_string(), Arc::clone(progress));
        build.context.send(Event::Reading { node: build.id, source, progress });
    }
    Ok(Reading { table, positions, waiting: waiting.items })
}

/// Where the source's path stands, and in which file.
fn source_place(build: &Build<'_>, table: &ConnectorTable) -> (Option<Span>, String) {
    let graph = &build.context.graph;
    let topic = Relation::new(&table.name.source, &table.name.table).ok().and_then(|name| graph.by_relation(&name));
    if let Some(node) = topic.map(|id| graph.node(id))
        && let Some(config) = node.as_model().and_then(|model| model.config.topic.as_ref())
    {
        return (config.place.clone(), node.path.clone());
    }
    let Some(node) = graph.by_source(&table.name).map(|id| graph.node(id)) else { return (None, String::new()) };
    let place = match &node.kind {
        NodeKind::Source(source) => match &source.reader {
            TableReader::Files(config) => config.path_place.clone(),
            TableReader::Http(http) => Some(http.place.clone()),
            TableReader::Kafka(kafka) => kafka.place.clone(),
            TableReader::Table { .. } => source.place.clone(),
        },
        NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => None,
    };
    (place, node.path.clone())
}

/// What one commit reads.
pub(super) struct SliceOfRun<'a> {
    pub(super) readings: &'a [Reading],
    /// Of each reading.
    pub(super) slices: &'a [Vec<Item>],
    pub(super) replaces: bool,
}

impl SliceOfRun<'_> {
    /// Reads the slice and commits it: first its rejected records, then its rows with the positions.
    async fn commit(
        &self,
        build: &Build<'_>,
        planned: LogicalPlan,
        base: Option<&Table>,
        action: Action,
        warnings: &mut Diagnostics,
    ) -> Result<(Table, u64, u64), Diagnostics> {
        let prepared = build.prepare(planned, base, action).await?;
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
        if let Err(found) = self.remarks(build, warnings) {
            build.context.warehouse.abandon(staged).await;
            build.context.warehouse.abandon(rejects).await;
            return Err(found);
        }
        let replaced = match self.replaced(build, base) {
            Ok(replaced) => replaced,
            Err(found) => {
                build.context.warehouse.abandon(staged).await;
                build.context.warehouse.abandon(rejects).await;
                return Err(found);
            }
        };
        let changes = self.changes();
        let positions = self.positions(&changes);
        self.commit_rejects(build, rejected_base.as_ref(), rejects, stored.outdated, &positions).await?;
        let rows = staged.rows;
        let committed = build.publish(base, &prepared, staged, action, positions, replaced).await?;
        for (reading, changes) in self.readings.iter().zip(&changes) {
            reading.table.connector.settle(changes);
        }
        Ok((committed, rows, rejected))
    }

    /// What changes in each source's position with these rows.
    fn changes(&self) -> Vec<Vec<(String, i64)>> {
        self.readings.iter().zip(self.slices).map(|(reading, items)| reading.table.connector.advance(items)).collect()
    }

    /// The actions that say so in a commit; none, if nothing changes.
    fn positions(&self, changes: &[Vec<(String, i64)>]) -> Vec<(String, i64)> {
        let advanced = self.readings.iter().zip(changes).filter(|(_, changes)| !changes.is_empty());
        advanced.flat_map(|(reading, changes)| reading.positions.advance(&reading.table.name, changes)).collect()
    }

    /// What is odd about the answers; an error of it fails the slice.
    fn remarks(&self, build: &Build<'_>, warnings: &mut Diagnostics) -> Result<(), Diagnostics> {
        let mut found = Diagnostics::default();
        for (reading, items) in self.readings.iter().zip(self.slices) {
            for remark in reading.table.connector.remarks(items) {
                let (place, path) = source_place(build, &reading.table);
                found.push(remark.label_or_file(place, "", &path));
            }
        }
        if found.has_errors() {
            return Err(found);
        }
        warnings.extend(found);
        Ok(())
    }

    /// The rows that make way for those of windows read again.
    fn replaced(&self, build: &Build<'_>, base: Option<&Table>) -> Result<Option<String>, Diagnostics> {
        let Some(base) = base else { return Ok(None) };
        let all = || {
            self.readings
                .iter()
                .zip(self.slices)
                .flat_map(|(reading, items)| items.iter().map(move |item| (reading, item)))
        };
        let all = || all().filter(|(reading, item)| !reading.table.connector.is_pending(item));
        if build.action != Action::Append || !all().any(|(reading, item)| reading.table.connector.is_again(item)) {
            return Ok(None);
        }
        // New windows, too: the condition must hold for every row that comes.
        let again: Vec<String> = all()
            .map(|(_, item)| format!("arrow_cast('{}', 'Timestamp(Microsecond, Some(\"UTC\"))')", item.name))
            .collect();
        let schema = base.schema();
        let is_there = |name: &&str| schema.column_with_name(name).is_some();
        let configured = build.model.config.window_column.as_deref();
        match configured.into_iter().chain(["_window_start", "window_start"]).find(is_there) {
            Some(column) => Ok(Some(format!("\"{column}\" in ({})", again.join(", ")))),
            None => Err(build
                .mistake(Code::Source, format!("`{}` cannot read windows again", build.node.label()))
                .note("none of its columns says which window a row is of, so the old rows cannot be told from the new")
                .hint("select `_window_start as window_start` and build the table anew, with --full-refresh")
                .into()),
        }
    }
}

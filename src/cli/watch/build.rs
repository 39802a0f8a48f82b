//! What a save changes, built and tested, and its rows compared with those of the version before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Watch;
use super::keys::Wish;
use crate::cli::run::summary;
use crate::cli::show::{difference_json, difference_text};
use crate::diagnostic::Diagnostics;
use crate::execution::{Against, Context, NodeResult, Status, difference, preview_node};
use crate::graph::{Graph, NodeId, NodeKind};
use crate::invocation::{Invocation, Loaded, Settings, load_project, threads};
use crate::plan::Command;

/// Rows shown of a model that has changed.
const FIRST: usize = 5;
/// Rows shown when details are asked for.
const DETAILS: usize = 50;
/// Lines of a table besides its rows: the frame and the header.
const FRAME: usize = 4;

/// What is to be built.
pub(super) struct Wanted {
    pub(super) models: BTreeSet<NodeId>,
    pub(super) tests: BTreeSet<NodeId>,
    /// Models whose own SQL or settings changed: their rows are shown.
    changed: BTreeSet<NodeId>,
    full_refresh: bool,
    /// What was built last, or its tests alone, which is not what `r` means next.
    is_again: bool,
}

impl Wanted {
    /// The changed nodes, what is selected below them, and the tests on these.
    pub(super) fn of(graph: &Graph, changed: &BTreeSet<NodeId>, selected: &BTreeSet<NodeId>) -> Self {
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
        Self { models, tests, changed: own, full_refresh: false, is_again: false }
    }
}

/// What is said of the rows that were built.
#[derive(Default)]
struct Told {
    lines: Vec<String>,
    /// More of it, for who asks.
    details: Vec<String>,
    /// The same for machines.
    differences: Vec<Value>,
    wrong: Diagnostics,
}

impl Watch<'_> {
    /// The last build once more.
    pub(super) async fn again(&mut self, wish: Wish) {
        let settings = self.settings();
        let loaded = match load_project(&settings) {
            Ok(loaded) => loaded,
            Err(found) => return self.printer.diagnostics(&found),
        };
        let graph = &loaded.graph;
        let last: BTreeSet<NodeId> = graph.ids().filter(|id| self.last.contains(&graph.node(*id).unique_id)).collect();
        if last.is_empty() {
            return self.printer.note("nothing was built yet");
        }
        let mut wanted = Wanted::of(graph, &last, &last);
        if wish == Wish::Tests {
            wanted.models.clear();
        }
        wanted.full_refresh = wish == Wish::FullRefresh;
        wanted.is_again = true;
        self.build(&loaded, &wanted, settings).await;
    }

    pub(super) async fn build(&mut self, loaded: &Loaded, wanted: &Wanted, settings: Settings) {
        if let Err(found) = self.try_build(loaded, wanted, settings).await {
            self.printer.diagnostics(&found);
        }
    }

    async fn try_build(&mut self, loaded: &Loaded, wanted: &Wanted, settings: Settings) -> Result<(), Diagnostics> {
        let graph = &loaded.graph;
        let unique_id = |id: NodeId| graph.node(id).unique_id.clone();
        let clock = settings.clock;
        let settings = Settings { full_refresh: wanted.full_refresh, command: "build".to_owned(), ..settings };
        let (events, receiver) = mpsc::unbounded_channel();
        // Dropped with this future, when another save comes: what is under way is given up then.
        let cancel = CancellationToken::new();
        let _given_up = cancel.clone().drop_guard();
        let width = threads(&loaded.project, &settings);
        let invocation = Invocation::after(self.context.as_deref(), loaded, settings, events, cancel.clone())?;
        let before = versions(&invocation.context, &wanted.models).await;
        let selection: BTreeSet<NodeId> = wanted.models.union(&wanted.tests).copied().collect();
        let plan = invocation.plan(&selection, Command::Build).await?;
        for id in &selection {
            self.known.begin(&unique_id(*id));
        }
        if !wanted.is_again {
            self.last = selection.iter().map(|id| unique_id(*id)).collect();
        }
        self.printer.begin(graph, &plan, width, &loaded.project.config.target.name);
        let printing = self.printer.follow(graph, &plan, receiver);
        let results = invocation.execute(&plan).await?;
        let done = results.iter().filter(|result| result.status.lets_on());
        done.for_each(|result| self.known.done(&unique_id(result.node)));
        // Nothing is run of a model that is built into those that read it.
        let run: BTreeSet<NodeId> = results.iter().map(|result| result.node).collect();
        selection.difference(&run).for_each(|id| self.known.done(&unique_id(*id)));
        let written = invocation.write_artifacts(Some(&results));
        let context = Arc::clone(&invocation.context);
        let told = self.compared(&context, wanted, &before, &results).await;
        // With the last sender of events gone, the printer has seen everything.
        drop((context, invocation));
        printing.finish().await;
        self.tell_results(loaded, &results, told, clock.elapsed());
        written
    }

    fn tell_results(&mut self, loaded: &Loaded, results: &[NodeResult], told: Told, elapsed: Duration) {
        let target_path = &loaded.project.config.target_path;
        let mut found = Diagnostics::default();
        for result in results {
            found.extend(result.diagnostics.clone());
        }
        found.extend(told.wrong);
        if self.printer.is_json() {
            self.printer.diagnostics(&found);
            told.differences.into_iter().for_each(|difference| self.printer.json_line("difference", difference));
            let summary = summary(results, &loaded.graph, elapsed, false);
            return self.printer.summary(&summary, results, &loaded.graph, target_path);
        }
        if !found.is_empty() {
            self.printer.note("");
        }
        self.printer.diagnostics(&found);
        self.printer.tests(results, &loaded.graph, target_path);
        for line in told.lines {
            self.printer.output(&line);
        }
        self.details = told.details;
    }

    /// What became of the rows.
    async fn compared(
        &self,
        context: &Arc<Context>,
        wanted: &Wanted,
        before: &BTreeMap<NodeId, u64>,
        results: &[NodeResult],
    ) -> Told {
        let mut told = Told::default();
        for result in results.iter().filter(|result| result.status == Status::Success) {
            let label = context.graph.node(result.node).label();
            let Some(version) = before.get(&result.node) else {
                told.lines.extend(self.first_rows(context, wanted, result.node, &label).await);
                continue;
            };
            if result.version == Some(*version) {
                if wanted.changed.contains(&result.node) && !self.printer.is_json() {
                    told.lines.push(format!(
                        "{label}: no rows were due; those that are there stay as they were until `f` builds it anew"
                    ));
                }
                continue;
            }
            match difference(context, result.node, Against::Version(*version), Some(DETAILS)).await {
                Ok(difference) if self.printer.is_json() => {
                    told.differences.push(difference_json(&label, difference.as_ref()));
                }
                Ok(None) => {}
                Ok(Some(difference)) => {
                    let text = difference_text(&label, &difference);
                    let rows = if wanted.changed.contains(&result.node) { FIRST } else { 0 };
                    told.lines.push(head(&text, rows));
                    told.details.push(text);
                }
                Err(wrong) => told.wrong.extend(wrong),
            }
        }
        told
    }

    /// Of a model that is new, or a view.
    async fn first_rows(&self, context: &Arc<Context>, wanted: &Wanted, id: NodeId, label: &str) -> Option<String> {
        let is_shown = wanted.changed.contains(&id) && context.graph.node(id).as_model().is_some();
        if !is_shown || self.printer.is_json() {
            return None;
        }
        // Its mistakes are told by its build.
        let preview = preview_node(context, id, Some(FIRST)).await.ok()?;
        Some(format!("{label}:\n{}", preview.to_text()))
    }
}

/// The version of each model's table, of those that have one.
async fn versions(context: &Context, models: &BTreeSet<NodeId>) -> BTreeMap<NodeId, u64> {
    let mut versions = BTreeMap::new();
    for id in models {
        let Some(relation) = context.graph.node(*id).relation() else { continue };
        if let Ok(Some(table)) = context.warehouse.table(relation).await {
            versions.insert(*id, table.version());
        }
    }
    versions
}

/// The first line, and so many rows of the table below it.
fn head(text: &str, rows: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    match rows {
        0 => lines.first().copied().unwrap_or_default().to_owned(),
        rows if lines.len() <= rows + FRAME + 1 => text.to_owned(),
        rows => {
            let shown = lines[..rows + FRAME].iter().chain(lines.last());
            shown.copied().collect::<Vec<_>>().join("\n")
        }
    }
}

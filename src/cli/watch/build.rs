//! What a save changes, built and tested, and its rows compared with those of the version before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Watch;
use super::early::Early;
use super::keys::Wish;
use super::rows::Told;
use super::wanted::Wanted;
use crate::cli::check::listed;
use crate::cli::run::summary;
use crate::diagnostic::Diagnostics;
use crate::execution::{Context, NodeResult};
use crate::graph::NodeId;
use crate::invocation::{Invocation, Loaded, Settings, load_project, threads};
use crate::plan::Command;

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
        let mut wanted = Wanted::of(graph, &last, last.clone());
        if wish == Wish::Tests {
            wanted.models.clear();
        }
        wanted.full_refresh = wish == Wish::FullRefresh;
        wanted.is_again = true;
        self.build(&loaded, wanted, settings).await;
    }

    pub(super) async fn build(&mut self, loaded: &Loaded, wanted: Wanted, settings: Settings) {
        if let Err(found) = self.try_build(loaded, wanted, settings).await {
            self.printer.diagnostics(&found);
        }
    }

    async fn try_build(&mut self, loaded: &Loaded, mut wanted: Wanted, settings: Settings) -> Result<(), Diagnostics> {
        let graph = &loaded.graph;
        let unique_id = |id: NodeId| graph.node(id).unique_id.clone();
        let clock = settings.clock;
        let settings = Settings { full_refresh: wanted.full_refresh, command: "build".to_owned(), ..settings };
        let (events, mut receiver) = mpsc::unbounded_channel();
        // Dropped with this future, when another save comes: what is under way is given up then.
        let cancel = CancellationToken::new();
        let _given_up = cancel.clone().drop_guard();
        let width = threads(&loaded.project, &settings);
        let invocation = Invocation::after(self.context.as_deref(), loaded, settings, events, cancel.clone())?;
        if !wanted.is_again {
            self.last = wanted.all().into_iter().map(unique_id).collect();
        }
        wanted.find_missing(&invocation.context).await;
        let before = versions(&invocation.context, &wanted.models).await;
        let selection = wanted.all();
        let plan = invocation.plan(&selection, Command::Build).await?;
        for id in &selection {
            self.known.begin(&unique_id(*id));
        }
        if !wanted.missing.is_empty() && !self.printer.is_json() {
            let missing: Vec<String> = wanted.missing.iter().map(|id| graph.node(*id).name.clone()).collect();
            self.printer.note(&format!("also {}: not built yet", listed(&missing)));
        }
        self.printer.begin(graph, &plan, width, &loaded.project.config.target.name);
        let (shown, to_show) = mpsc::unbounded_channel();
        let printing = self.printer.follow(graph, &plan, to_show);
        // Who shows them ends with the last of them.
        let show = |event| _ = shown.send(event);
        let mut early = Early::new(&invocation.context, before);
        let results = {
            let execution = invocation.execute(&plan);
            tokio::pin!(execution);
            loop {
                tokio::select! {
                    biased;
                    Some(event) = receiver.recv() => {
                        early.see(&event);
                        show(event);
                    }
                    results = &mut execution => break results?,
                }
            }
        };
        while let Ok(event) = receiver.try_recv() {
            early.see(&event);
            show(event);
        }
        let done = results.iter().filter(|result| result.status.lets_on());
        done.for_each(|result| self.known.done(&unique_id(result.node)));
        // Nothing is run of a model that is built into those that read it.
        let run: BTreeSet<NodeId> = results.iter().map(|result| result.node).collect();
        selection.difference(&run).for_each(|id| self.known.done(&unique_id(*id)));
        let written = invocation.write_artifacts(Some(&results));
        let context = Arc::clone(&invocation.context);
        let (before, compared) = early.finish().await;
        let told = self.told(&context, &wanted, &before, compared, &results).await;
        // With the last sender of events gone, the printer has seen everything.
        drop((context, invocation));
        while let Some(event) = receiver.recv().await {
            show(event);
        }
        drop(shown);
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
            told.events.into_iter().for_each(|(event, told)| self.printer.json_line(event, told));
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

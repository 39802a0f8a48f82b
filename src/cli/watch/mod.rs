//! `watch` - every save is checked at once; what it changes is built, tested and compared with what was there.

mod build;
mod changes;
mod keys;

use std::collections::{BTreeSet, HashMap};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::check::{counted, offline};
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Diagnostics, Severity, count, render_json};
use crate::execution::{Analysis, CheckMemory, Context, check_project};
use crate::graph::NodeId;
use crate::invocation::{Invocation, Loaded, Settings, load_project, open_warehouse, select};
use crate::project::find_root;
use build::Wanted;
use changes::Changes;
use keys::{Keys, Wish};

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// Find mistakes only: nothing is built
    #[arg(long)]
    check_only: bool,
}

pub(super) fn run(arguments: &WatchArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let root = find_root(&settings.working_directory, settings.project_dir.as_deref())?;
    // A project that cannot be read yet is watched as well: the next save may mend it.
    let left_out = load_project(&settings).ok().and_then(|loaded| {
        let warehouse = open_warehouse(&loaded.project).ok()?.location().folder();
        Some(vec![root.join(&loaded.project.config.target_path), warehouse.unwrap_or_default()])
    });
    block_on(async {
        let mut changes = Changes::of(&root, &left_out.unwrap_or_default())?;
        let is_terminal = std::io::stdin().is_terminal() && printer.live;
        let mut keys = Keys::listen(is_terminal);
        let mut watch = Watch {
            arguments,
            settings: Settings { memory: Some(Arc::default()), ..settings },
            printer,
            known: None,
            memory: Arc::default(),
            context: None,
            last: BTreeSet::new(),
            details: Vec::new(),
        };
        watch.look(&[]).await;
        if !printer.is_json() {
            let hint = if is_terminal { "; r rerun, f full refresh, t tests, enter details, q quit" } else { "" };
            printer.note(&format!("watching {}{hint}", root.display()));
        }
        let mut due: Option<Due> = None;
        loop {
            let doing = async {
                match due.take() {
                    Some(due) => watch.act(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = doing => {}
                // What is being built is given up, and still to be done.
                files = changes.next() => due = Some(Due::Changed(files)),
                Some(wish) = keys.next() => match wish {
                    Wish::Quit => break,
                    wish => due = Some(Due::Asked(wish)),
                },
                _ = tokio::signal::ctrl_c() => break,
            }
        }
        Ok(Exit::Success)
    })?
}

enum Due {
    Changed(Vec<String>),
    Asked(Wish),
}

struct Watch<'a> {
    arguments: &'a WatchArguments,
    settings: Settings,
    printer: &'a Printer,
    /// What every node was made of when it was last built, or when the watch began.
    known: Option<HashMap<String, u64>>,
    /// What the last check has found.
    memory: Arc<CheckMemory>,
    /// Of the last look: what it has opened is used on.
    context: Option<Arc<Context>>,
    /// What was built last, by id.
    last: BTreeSet<String>,
    /// More of what was told last.
    details: Vec<String>,
}

impl Watch<'_> {
    async fn act(&mut self, due: Due) {
        match due {
            Due::Changed(files) => self.look(&files).await,
            Due::Asked(Wish::Details) => {
                for detail in &self.details {
                    self.printer.output(detail);
                }
            }
            Due::Asked(wish) => self.again(wish).await,
        }
    }

    /// Those of an invocation that begins now.
    fn settings(&self) -> Settings {
        let since = self.settings.clock.elapsed();
        Settings {
            started: self.settings.started.checked_add(since).unwrap_or(self.settings.started),
            clock: Instant::now(),
            invocation_id: uuid::Uuid::new_v4().to_string(),
            ..self.settings.clone()
        }
    }

    /// After a change: the verdict, and then what is to be built.
    async fn look(&mut self, files: &[String]) {
        let began = Instant::now();
        if !files.is_empty() && !self.printer.is_json() {
            self.printer.note(&format!("\n{}", files.join(", ")));
        }
        let settings = self.settings();
        let (loaded, analysis) = match self.check(&settings).await {
            Ok(checked) => checked,
            Err(found) => return self.tell(None, &found, began),
        };
        let mut found = loaded.warnings.clone();
        found.extend(analysis.found.clone());
        self.tell(Some(&analysis), &found, began);
        let graph = &loaded.graph;
        let prints = &analysis.fingerprints;
        let now: HashMap<String, u64> =
            prints.iter().map(|(id, print)| (graph.node(*id).unique_id.clone(), *print)).collect();
        let Some(known) = &self.known else {
            self.known = Some(now);
            return;
        };
        let is_changed = |id: &NodeId, print: &u64| known.get(&graph.node(*id).unique_id) != Some(print);
        let changed: BTreeSet<NodeId> =
            prints.iter().filter(|(id, print)| is_changed(id, print)).map(|(id, _)| *id).collect();
        if self.arguments.check_only || analysis.errors() > 0 || changed.is_empty() {
            return;
        }
        let Ok(selected) = select(&loaded, &self.arguments.selection.selection()) else { return };
        if self.build(&loaded, &Wanted::of(graph, &changed, &selected), settings).await {
            self.known = Some(now);
        }
    }

    async fn check(&mut self, settings: &Settings) -> Result<(Loaded, Analysis), Diagnostics> {
        let loaded = load_project(settings)?;
        let selected = select(&loaded, &self.arguments.selection.selection())?;
        let (events, _receiver) = mpsc::unbounded_channel();
        let earlier = self.context.as_deref();
        let settings = offline(settings.clone(), &loaded);
        let invocation = Invocation::after(earlier, &loaded, settings, events, CancellationToken::new())?;
        let analysis = check_project(&invocation.context, &selected, Some(&self.memory)).await;
        let before = self.context.replace(Arc::clone(&invocation.context));
        // A project takes a while to be taken apart: nobody waits for it.
        std::thread::spawn(move || drop(before));
        Ok((loaded, analysis))
    }

    /// The verdict; without an analysis the project could not even be read.
    fn tell(&self, analysis: Option<&Analysis>, found: &Diagnostics, began: Instant) {
        let seconds = began.elapsed().as_secs_f64();
        let errors = found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
        let (models, tests) = analysis.map_or((0, 0), |analysis| (analysis.models, analysis.tests));
        if self.printer.is_json() {
            let diagnostics: Vec<_> = found.iter().map(render_json).collect();
            self.printer.json_line(
                "check",
                json!({"models": models, "tests": tests, "errors": errors, "seconds": seconds, "diagnostics": diagnostics}),
            );
            return;
        }
        self.printer.each(found);
        self.printer.note(&format!("checked {} in {seconds:.2}s: {}", count(models, "model"), counted(found)));
    }
}

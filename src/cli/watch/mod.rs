//! `watch` - every save is checked at once; what it changes is built, tested and compared with what was there.

mod build;
mod changes;
mod early;
mod keys;
mod known;
mod places;
mod rows;
mod terminal;
mod wanted;

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::check::{counted, offline};
use super::ending::Ending;
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Diagnostics, Severity, count, render_json};
use crate::execution::{Analysis, CheckMemory, Context, check_project};
use crate::invocation::{Invocation, Loaded, Settings, load_what_is_right, select};
use crate::project::find_root;
use changes::{Changes, Eyes};
use keys::{Keys, Wish};
use known::Known;
use places::Places;
use wanted::Wanted;

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
    let root = settings.working_directory.join(root);
    // A project that cannot be read yet is watched as well: the next save may mend it.
    let loaded = load_what_is_right(&settings).ok();
    if let Some(loaded) = loaded.as_ref().filter(|loaded| !loaded.warnings.has_errors()) {
        // What is misspelt now will be at every save.
        select(loaded, &arguments.selection.selection())?;
    }
    let places = Places::of(&root, loaded.as_ref());
    block_on(async {
        let mut ending = Ending::listen_at_terminal();
        let mut changes = Changes::of(places)?;
        let mut watch = Watch {
            arguments,
            settings: Settings { memory: Some(Arc::default()), ..settings },
            printer,
            eyes: changes.eyes(),
            known: Known::default(),
            memory: Arc::default(),
            context: None,
            last: BTreeSet::new(),
            details: Vec::new(),
        };
        let mut keys = Keys::listen(std::io::stdin().is_terminal() && printer.live);
        watch.look(&[]).await;
        if !printer.is_json() {
            let hint = if keys.are_there() { "; r rerun, f full refresh, t tests, enter details, q quit" } else { "" };
            printer.note(&format!("watching {}{hint}", root.display()));
        }
        watch.follow(&mut changes, &mut keys, &mut ending).await;
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
    eyes: Eyes,
    known: Known,
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
    /// Until the user wants no more. A save gives up what is being built, and it is still to be done; a key waits until
    /// that is over.
    async fn follow(&mut self, changes: &mut Changes, keys: &mut Keys, ending: &mut Ending) {
        let mut due: Option<Due> = None;
        let mut asked: Option<Wish> = None;
        loop {
            let now = due.take().or_else(|| asked.take().map(Due::Asked));
            let is_idle = now.is_none();
            let doing = async {
                match now {
                    Some(due) => self.act(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(doing);
            loop {
                tokio::select! {
                    biased;
                    () = ending.come() => return,
                    Some(wish) = keys.next() => {
                        if wish == Wish::Quit {
                            return;
                        }
                        asked = Some(wish);
                        if is_idle {
                            break;
                        }
                    }
                    files = changes.next() => {
                        due = Some(Due::Changed(files));
                        break;
                    }
                    () = &mut doing => break,
                }
            }
        }
    }

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
        self.known.saved(files);
        let settings = self.settings();
        let (loaded, analysis) = match self.check(&settings).await {
            Ok(checked) => checked,
            Err(found) => return self.tell(None, &found.by_place(), began),
        };
        let mut found = loaded.warnings.clone();
        found.extend(analysis.found.clone());
        self.tell(Some(&analysis), &found.by_place(), began);
        // What the project is made of is known once all of it can be read.
        if loaded.warnings.has_errors() {
            return;
        }
        let changed = self.known.checked(&loaded.graph, &analysis.fingerprints);
        if self.arguments.check_only || analysis.errors() > 0 || changed.is_empty() {
            return;
        }
        let Ok(selected) = select(&loaded, &self.arguments.selection.selection()) else { return };
        self.build(&loaded, Wanted::of(&loaded.graph, &changed, selected), settings).await;
    }

    async fn check(&mut self, settings: &Settings) -> Result<(Loaded, Analysis), Diagnostics> {
        let loaded = load_what_is_right(settings)?;
        self.eyes.follow(Places::of(&loaded.project.root, Some(&loaded)))?;
        let selected = match select(&loaded, &self.arguments.selection.selection()) {
            // What is selected may be what is wrong.
            Err(_) if loaded.warnings.has_errors() => return Err(loaded.warnings),
            selected => selected?,
        };
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

//! What lies below the streams, built anew after their commits: one refresh at a time, which takes all that has come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Shared, Streams};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::execution::fault::storage_diagnostic;
use crate::execution::{Event, Pace, Status, execute};
use crate::graph::{Materialized, NodeId};
use crate::names::Existing;
use crate::plan::{Command, Request, RunPlan};
use crate::project::shown_duration;

/// Before a refresh is tried again that could not begin; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// So often it is tried at the end.
const LAST_TRIES: u32 = 5;

pub(super) struct Refresher {
    below: BTreeSet<NodeId>,
    feeds: BTreeMap<NodeId, BTreeSet<NodeId>>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Streams that have committed since the last refresh began.
    marked: BTreeSet<NodeId>,
    closing: Option<Closing>,
    /// What was wrong the last time, by model.
    failures: BTreeMap<NodeId, Diagnostics>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// With what is in hand.
    Now,
    /// When all that came is seen below.
    Refreshed,
}

impl Refresher {
    pub(super) fn new(streams: &Streams) -> Self {
        Self {
            below: streams.below.clone(),
            feeds: streams.feeds.clone(),
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream has committed.
    pub(super) fn mark(&self, stream: NodeId) {
        self.state().marked.insert(stream);
        self.changed.notify_one();
    }

    pub(super) fn close(&self, how: Closing) {
        self.state().closing = Some(how);
        self.changed.notify_one();
    }

    /// For so long, unless it is closed now.
    async fn rest(&self, pause: Duration) {
        let closed = async {
            while self.state().closing != Some(Closing::Now) {
                self.changed.notified().await;
            }
        };
        // Too late is as good as asked to leave.
        let _ = tokio::time::timeout(pause, closed).await;
    }

    /// The models could not be looked at: they are still to be refreshed.
    fn put_off(&self, models: &BTreeSet<NodeId>, why: &Diagnostic, pause: Duration, shared: &Shared) {
        let warning = Diagnostic { severity: Severity::Warning, ..why.clone() };
        let note =
            format!("what lies below the streams is not refreshed; it is tried again in {}", shown_duration(pause));
        shared.context.send(Event::Warning(warning.note(note)));
        let mut state = self.state();
        for id in models {
            state.failures.insert(*id, why.clone().into());
            state.marked.extend(self.feeds.get(id).into_iter().flatten());
        }
    }

    /// What is wrong with these models now, in place of what was; gives that.
    fn replace_failures(
        &self,
        models: &BTreeSet<NodeId>,
        failures: BTreeMap<NodeId, Diagnostics>,
    ) -> BTreeMap<NodeId, Diagnostics> {
        let mut state = self.state();
        let (before, others) = std::mem::take(&mut state.failures).into_iter().partition(|(id, _)| models.contains(id));
        state.failures = others;
        state.failures.extend(failures);
        before
    }

    /// What is wrong with what lies below, as of the last refresh.
    pub(super) fn failures(&self) -> Diagnostics {
        let mut found = Diagnostics::default();
        for failure in self.state().failures.values() {
            found.extend(failure.clone());
        }
        found
    }

    /// The models below those streams that have committed; `None` when there will be no more.
    async fn next(&self) -> Option<BTreeSet<NodeId>> {
        loop {
            {
                let mut state = self.state();
                if state.closing == Some(Closing::Now) || (state.marked.is_empty() && state.closing.is_some()) {
                    return None;
                }
                let marked = std::mem::take(&mut state.marked);
                if !marked.is_empty() {
                    let is_fed = |id: &&NodeId| self.feeds.get(*id).is_some_and(|feeds| !feeds.is_disjoint(&marked));
                    return Some(self.below.iter().filter(is_fed).copied().collect());
                }
            }
            self.changed.notified().await;
        }
    }
}

pub(super) async fn run(shared: &Shared) {
    let (mut pause, mut last_tries) = (FIRST_PAUSE, 0);
    while let Some(models) = shared.refresher.next().await {
        let mut context = shared.context.of_batch(Pace::CatchUp);
        // What a refresh does is told as a whole: its steps come too often to be told one by one.
        let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
        context.events = events;
        let context = Arc::new(context);
        let relations: Vec<_> = models.iter().filter_map(|id| context.graph.node(*id).relation().cloned()).collect();
        let existing = match context.warehouse.existing(&relations).await {
            Ok(existing) => existing,
            Err(error) => {
                shared.refresher.put_off(&models, &storage_diagnostic(&error), pause, shared);
                shared.refresher.rest(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                let is_closing = shared.refresher.state().closing.is_some();
                last_tries = if is_closing { last_tries + 1 } else { 0 };
                // The failures say what is not refreshed.
                if last_tries == LAST_TRIES {
                    return;
                }
                continue;
            }
        };
        pause = FIRST_PAUSE;
        // A view that is there is computed when it is read.
        let is_due = |id: &NodeId| {
            let model = context.graph.node(*id).as_model();
            model.is_some_and(|model| {
                model.config.materialized != Materialized::View
                    || existing.get(&model.relation) != Some(&Existing::View)
            })
        };
        let models: BTreeSet<NodeId> = models.into_iter().filter(is_due).collect();
        if models.is_empty() {
            continue;
        }
        let request = Request { command: Command::Run, full_refresh: false };
        let plan = RunPlan::new(&context.graph, &models, &existing, request);
        let results = execute(&context, &plan, shared.request.walk).await;
        while let Ok(event) = told.try_recv() {
            if matches!(event, Event::Warning(_) | Event::Log { .. }) {
                shared.context.send(event);
            }
        }
        shared.told().refreshes += 1;
        let failed = results.iter().filter(|result| result.status == Status::Error);
        let failures: BTreeMap<NodeId, Diagnostics> =
            failed.map(|result| (result.node, result.diagnostics.clone())).collect();
        let before = shared.refresher.replace_failures(&models, failures.clone());
        for (node, found) in &failures {
            // The same mistake after every batch is one mistake.
            if before.get(node) != Some(found) {
                found.iter().for_each(|diagnostic| shared.context.send(Event::Warning(told_once(diagnostic))));
            }
        }
        if !before.is_empty() && failures.is_empty() && shared.refresher.failures().is_empty() {
            let message = "what lies below the streams is refreshed again".to_owned();
            shared.context.send(Event::Log { message, info: true });
        }
    }
}

fn told_once(diagnostic: &Diagnostic) -> Diagnostic {
    let told = Diagnostic { severity: Severity::Warning, ..diagnostic.clone() };
    told.note("the streams go on; it is tried again after the next commit, and told again when it changes")
}

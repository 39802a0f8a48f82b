//! One stream: it waits for something to read, takes a batch, and tries again after what may go away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{BatchTold, GRACE, Shared, Stage, Streams};
use crate::connectors::Connector;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::execution::fault::{connector_diagnostic, storage_diagnostic};
use crate::execution::session::StepSession;
use crate::execution::{Context, Event, NodeResult, Pace, Status, step};
use crate::graph::NodeId;
use crate::names::{Existing, Relation};
use crate::plan::{Command, Request, RunPlan};
use crate::project::shown_duration;
use crate::storage::{Progress, Upkeep};

/// How often brokers are asked whether something came: so many times between two batches, within bounds.
const LOOKS: u32 = 20;
const SHORTEST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_millis(250);
/// The first pause after a failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long a batch that was cancelled may take to hear of it.
const LAST_GRACE: Duration = Duration::from_secs(10);
/// So many batches without a commit, though messages wait, are the end of `--once`.
const IN_VAIN: u32 = 3;
/// How often files are deleted that no version needs any more.
const VACUUM: Duration = Duration::from_hours(1);
/// Commits between two looks at the table's files.
const COMMITS: u64 = 16;

pub(super) struct Worker {
    shared: Arc<Shared>,
    id: NodeId,
    every: Duration,
    is_counted: bool,
    upstream: Vec<watch::Receiver<Stage>>,
    /// The last batch was read to its end.
    has_read: bool,
    /// Batches in a row without a commit.
    in_vain: u32,
    /// When the last batch began.
    began: Option<Instant>,
    /// The table's version after our own last commit.
    version: Option<u64>,
    bytes: u64,
    commits: u64,
    /// What the last batch has warned of: the same in each batch is told once.
    warned: Vec<Diagnostic>,
    /// When files were last deleted that no version needs.
    vacuumed: Option<Instant>,
}

/// Why a stream does not wait any longer.
enum Waited {
    ForRows,
    ForTheEnd,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, streams: &Streams, id: NodeId) -> Self {
        let upstream = streams.upstream.get(&id).into_iter().flatten();
        let upstream = upstream.filter_map(|id| shared.stages.get(id)).map(watch::Sender::subscribe).collect();
        let every = streams.every.get(&id).copied().unwrap_or(LONGEST_LOOK);
        let is_counted = streams.counted.contains(&id);
        Self {
            shared,
            id,
            every,
            is_counted,
            upstream,
            has_read: false,
            in_vain: 0,
            began: None,
            version: None,
            bytes: 0,
            commits: 0,
            warned: Vec::new(),
            vacuumed: None,
        }
    }

    fn stop(&self) -> &CancellationToken {
        &self.shared.ends
    }

    fn context(&self) -> &Arc<Context> {
        &self.shared.context
    }

    fn label(&self) -> String {
        self.context().graph.node(self.id).label()
    }

    /// Until the end; an error is one that trying again does not mend.
    pub(super) async fn run(mut self) -> Result<(), Diagnostics> {
        let ran = self.batches().await;
        if let Some(stage) = self.shared.stages.get(&self.id) {
            stage.send_modify(|stage| *stage = if *stage > Stage::Starting { Stage::Ended } else { Stage::NeverRan });
        }
        ran
    }

    async fn batches(&mut self) -> Result<(), Diagnostics> {
        if !self.upstream_reaches(Stage::Standing).await {
            return Ok(());
        }
        let mut pause = FIRST_PAUSE;
        loop {
            // As the batch begins: the feed may get that far while this one fails for want of it.
            let is_ahead = self.is_ahead();
            let tried = match self.wait().await {
                Ok(Waited::ForTheEnd) => return Ok(()),
                Ok(Waited::ForRows) => self.bounded_batch().await,
                Err(found) => Err(found.into()),
            };
            match tried {
                Ok(()) => {
                    self.has_read = true;
                    pause = FIRST_PAUSE;
                }
                Err(_) if self.stop().is_cancelled() => return Ok(()),
                // Its feed is about to say what columns there are.
                Err(found) if !is_transient(&found) && is_ahead => {
                    self.tell_ahead(&found);
                    if !self.upstream_reaches(Stage::Running).await {
                        return Ok(());
                    }
                }
                Err(found) if !is_transient(&found) => return Err(found),
                Err(found) => {
                    self.has_read = false;
                    self.tell_trouble(&found, pause);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.stop().cancelled() => return Ok(()),
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Whether a topic that it reads is written in this process, too, and has had no batch yet.
    fn is_ahead(&self) -> bool {
        self.upstream.iter().any(|stage| *stage.borrow() == Stage::Standing)
    }

    /// Waits for the streams whose topics it reads.
    async fn upstream_reaches(&mut self, wanted: Stage) -> bool {
        let stop = self.stop().clone();
        for stage in &mut self.upstream {
            tokio::select! {
                reached = stage.wait_for(|stage| *stage >= wanted) => {
                    // What has gone wrong is the other stream's to tell.
                    if reached.is_ok_and(|stage| *stage == Stage::NeverRan) {
                        return false;
                    }
                }
                () = stop.cancelled() => return false,
            }
        }
        true
    }

    /// Until a batch is due.
    async fn wait(&self) -> Result<Waited, Diagnostic> {
        loop {
            if self.stop().is_cancelled() {
                return Ok(Waited::ForTheEnd);
            }
            let Some(began) = self.began else { return Ok(Waited::ForRows) };
            // Asked before the brokers are: what an ended one has sent is there to be seen then.
            let is_fed = self.upstream.iter().any(|stage| *stage.borrow() < Stage::Ended);
            let backlog = tokio::select! {
                backlog = self.backlog() => backlog?,
                () = self.stop().cancelled() => return Ok(Waited::ForTheEnd),
            };
            let once = self.shared.request.once;
            let due = self.every.saturating_sub(began.elapsed());
            let pause = match backlog {
                // Its query takes nothing of what waits.
                Some((waiting, _)) if waiting > 0 && once && self.in_vain >= IN_VAIN => return Ok(Waited::ForTheEnd),
                Some((waiting, enough))
                    if waiting > 0 && (once || due.is_zero() || (waiting >= enough && self.in_vain == 0)) =>
                {
                    return Ok(Waited::ForRows);
                }
                Some((0, _)) if once && !is_fed => return Ok(Waited::ForTheEnd),
                Some(_) => (self.every / LOOKS).clamp(SHORTEST_LOOK, LONGEST_LOOK),
                // Files and services are read to the end at once.
                None if once && !is_fed && self.has_read => return Ok(Waited::ForTheEnd),
                None if once && !self.has_read => return Ok(Waited::ForRows),
                None if due.is_zero() => return Ok(Waited::ForRows),
                None => due,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop().cancelled() => {}
            }
        }
    }

    /// The messages that wait, and how many are enough for a batch; `None` where that is not known without reading.
    async fn backlog(&self) -> Result<Option<(u64, u64)>, Diagnostic> {
        let kept = self.context().kept.as_ref().map(|kept| kept.connectors(self.id)).unwrap_or_default();
        let mut backlog = None;
        for connector in kept {
            let Connector::Kafka(kafka) = connector.as_ref() else { continue };
            let waiting = kafka.backlog().await.map_err(|error| connector_diagnostic(&error))?;
            let (known, enough) = backlog.unwrap_or((0, u64::MAX));
            // A batch that was full of bytes is followed by the next at once.
            let own = if kafka.was_cut() { 1 } else { kafka.rows_of_batch() };
            backlog = Some((known + waiting.unwrap_or(1), enough.min(own)));
        }
        Ok(backlog)
    }

    /// A batch that stalls after it was asked to stop is given up: nothing of it is committed half.
    async fn bounded_batch(&mut self) -> Result<(), Diagnostics> {
        let (stop, cancel) = (self.stop().clone(), self.context().cancel.clone());
        let grace = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
            cancel.cancel();
            tokio::time::sleep(LAST_GRACE).await;
        };
        tokio::select! {
            done = self.batch() => done,
            () = grace => Ok(()),
        }
    }

    async fn batch(&mut self) -> Result<(), Diagnostics> {
        self.began = Some(Instant::now());
        // Without messages to count, what there is is read in one go.
        let pace = if self.is_counted { Pace::OneBatch } else { Pace::CatchUp };
        let context = Arc::new(self.context().of_batch(pace));
        let Some(relation) = context.graph.node(self.id).relation().cloned() else { return Ok(()) };
        let (result, before) = self.step(&context, &relation).await?;
        let diagnostics = &result.diagnostics;
        let is_warning = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Warning;
        let warnings: Vec<Diagnostic> = diagnostics.iter().filter(is_warning).cloned().collect();
        for warning in warnings.iter().filter(|warning| !self.warned.contains(warning)) {
            context.send(Event::Warning(warning.clone()));
        }
        self.warned = warnings;
        if result.status != Status::Success {
            return Err(result.diagnostics);
        }
        let is_first = self.version.is_none();
        let has_committed = self.note_version(&relation, before, &result);
        if let Some(stage) = self.shared.stages.get(&self.id) {
            stage.send_if_modified(|stage| std::mem::replace(stage, Stage::Running) < Stage::Running);
        }
        self.in_vain = if has_committed { 0 } else { self.in_vain + 1 };
        if has_committed {
            self.tell(&result).await;
        }
        if is_first || has_committed {
            self.shared.refresher.mark(self.id);
        }
        if has_committed && self.commits.is_multiple_of(COMMITS) {
            self.tidy(&context, &relation).await;
        }
        Ok(())
    }

    /// The step that `run` would take, with the version that the table had before.
    async fn step(
        &self,
        context: &Arc<Context>,
        relation: &Relation,
    ) -> Result<(NodeResult, Option<u64>), Diagnostics> {
        let existing = context.warehouse.existing(std::slice::from_ref(relation)).await;
        let existing = existing.map_err(|error| storage_diagnostic(&error))?;
        let before = match existing.get(relation) {
            Some(Existing::Table { version }) => Some(*version),
            Some(Existing::View) | None => None,
        };
        let request = Request { command: Command::Run, full_refresh: false };
        let plan = RunPlan::new(&context.graph, &[self.id].into(), &existing, request);
        let Some(step) = plan.steps.into_iter().next() else {
            return Err(Diagnostic::error(Code::Execution, format!("`{}` cannot be run", self.label())).into());
        };
        Ok((step::run(Arc::clone(context), step, Arc::new(Progress::default())).await, before))
    }

    /// Whether there is a new version; one before it that is not ours is told.
    fn note_version(&mut self, relation: &Relation, before: Option<u64>, result: &NodeResult) -> bool {
        let Some(version) = result.version else { return false };
        let ours = self.version.replace(version);
        if ours.is_some() && before > ours {
            let warning = format!("another process writes `{relation}`: it has committed since our last batch");
            let warning = Diagnostic::warning(Code::Locked, warning);
            self.context().send(Event::Warning(
                warning.note("reading goes on behind it, nothing twice; one stream for each model is enough"),
            ));
        }
        before.is_none_or(|before| version > before)
    }

    async fn tell(&mut self, result: &NodeResult) {
        self.commits += 1;
        let received = self.received();
        let bytes = received.saturating_sub(std::mem::replace(&mut self.bytes, received));
        // Only told: what goes wrong here is met again when the next batch is waited for.
        let lag = self.backlog().await.ok().flatten().map(|(waiting, _)| waiting);
        let elapsed = self.began.map(|began| began.elapsed()).unwrap_or_default();
        {
            let mut told = self.shared.told();
            told.rows += result.rows;
            told.batches += 1;
        }
        self.context().send(Event::Batch(Box::new(BatchTold {
            node: self.id,
            rows: result.rows,
            rejected: result.rejected,
            bytes,
            version: result.version,
            lag,
            elapsed,
        })));
    }

    fn received(&self) -> u64 {
        let kept = self.context().kept.as_ref().map(|kept| kept.connectors(self.id)).unwrap_or_default();
        let progress = kept.iter().filter_map(|connector| connector.progress().map(Arc::clone));
        progress.map(|progress| progress.bytes.load(std::sync::atomic::Ordering::Relaxed)).sum()
    }

    fn tell_trouble(&self, found: &Diagnostics, pause: Duration) {
        for diagnostic in found.iter() {
            let mut warning = diagnostic.clone();
            warning.severity = Severity::Warning;
            warning.message =
                format!("{}: {}; trying again in {}", self.label(), warning.message, shown_duration(pause));
            self.context().send(Event::Warning(warning));
        }
    }

    fn tell_ahead(&self, found: &Diagnostics) {
        for diagnostic in found.iter() {
            let warning = Diagnostic { severity: Severity::Warning, ..diagnostic.clone() };
            self.context().send(Event::Warning(
                warning.note("it is tried again after the first batch of the model whose topic it reads"),
            ));
        }
    }

    /// Small files become larger ones, old rows go. What fails here is told and tried again later.
    async fn tidy(&mut self, context: &Arc<Context>, relation: &Relation) {
        let node = context.graph.node(self.id);
        let keep = node.as_model().and_then(|model| model.config.keep.as_ref());
        let keep = keep.and_then(|keep| {
            let oldest = context.started.checked_sub(keep.rows_for).ok()?;
            Some((keep.by.clone(), oldest.as_microsecond()))
        });
        let vacuum = self.vacuumed.is_none_or(|at| at.elapsed() >= VACUUM);
        if vacuum {
            self.vacuumed = Some(Instant::now());
        }
        let upkeep = Upkeep { keep, vacuum, now_millis: context.started.as_millisecond() };
        let session = StepSession::new(context, None);
        match context.warehouse.tidy(relation, session.state(), &upkeep).await {
            Ok(Some(version)) => self.version = Some(version),
            Ok(None) => {}
            Err(error) => {
                let mut warning = storage_diagnostic(&error);
                warning.severity = Severity::Warning;
                warning.message = format!("{relation} was not tidied up: {}", warning.message);
                context.send(Event::Warning(warning));
            }
        }
    }
}

/// Whether all that is wrong may go away.
fn is_transient(found: &Diagnostics) -> bool {
    let mut errors = found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).peekable();
    errors.peek().is_some() && errors.all(|diagnostic| diagnostic.transient)
}

//! The asynchronous half: a plan is walked, each step runs when what it waits for has succeeded.

mod check;
mod compile;
mod diff;
mod existing;
mod explain;
mod fault;
mod for_each;
mod kept;
mod lineage;
mod materialize;
mod preview;
mod scan;
mod seed;
mod session;
mod sources;
mod step;
mod stream;
mod verify;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::execution::context::SessionState;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use check::{Analysis, Memory as CheckMemory, Stubs, analysed, check as check_project};
pub use diff::{Against, Difference, difference};
pub use explain::{Explained, Operator, explain};
pub use kept::Kept;
pub use lineage::{ColumnLineage, Influence, Lineage, Origin, OriginTable, Use};
pub use preview::{Preview, compile_inline, compiled_sql, preview_node, preview_sql};
pub use session::{Limits, base_state};
pub use sources::{Checked, Standing, check, reset, standings};
pub use stream::{BatchTold, StreamEnd, StreamRequest, Streams, stream};

use crate::connectors::{SourceProgress, Surroundings};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText};
use crate::graph::{Graph, NodeId};
use crate::names::Relation;
use crate::plan::{Action, RunPlan};
use crate::project::Project;
use crate::storage::{Progress, Warehouse};
use crate::template::{NodeTemplate, Templates};

/// All that a step needs, shared by the steps of an invocation.
pub struct Context {
    pub project: Arc<Project>,
    pub graph: Arc<Graph>,
    pub templates: Arc<Templates>,
    pub warehouse: Arc<Warehouse>,
    pub base: SessionState,
    pub invocation_id: String,
    pub started: Timestamp,
    /// Time since `started`, which does not jump.
    pub clock: Instant,
    /// What connectors share.
    pub around: Arc<Surroundings>,
    pub full_refresh: bool,
    pub store_failures: bool,
    pub events: mpsc::UnboundedSender<Event>,
    pub cancel: CancellationToken,
    pub pace: Pace,
    /// The tables of a check, which reads nothing.
    pub offline: Option<Arc<Stubs>>,
    /// What stays open between the batches of a stream.
    pub kept: Option<Arc<Kept>>,
    /// Compiled SQL by node, kept for the artifacts; with whether it was compiled as incremental.
    pub compiled: Mutex<HashMap<NodeId, (String, bool)>>,
}

/// How much of what waits in its sources a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// All of it, in as many commits as it takes.
    CatchUp,
    /// What makes one commit.
    OneBatch,
}

impl Context {
    /// The same, for a batch that begins now.
    fn of_batch(&self, pace: Pace) -> Self {
        let started = step::after(self.started, self.clock.elapsed());
        Self {
            project: Arc::clone(&self.project),
            graph: Arc::clone(&self.graph),
            templates: Arc::clone(&self.templates),
            warehouse: Arc::clone(&self.warehouse),
            base: self.base.clone(),
            invocation_id: self.invocation_id.clone(),
            started,
            clock: Instant::now(),
            around: Arc::new(Surroundings { now: started, ..self.around.as_ref().clone() }),
            full_refresh: false,
            store_failures: self.store_failures,
            events: self.events.clone(),
            cancel: self.cancel.clone(),
            pace,
            offline: self.offline.clone(),
            kept: self.kept.clone(),
            compiled: Mutex::default(),
        }
    }

    /// The same, with these tables and no others.
    fn offline(&self, stubs: Arc<Stubs>) -> Self {
        Self { offline: Some(stubs), ..self.of_batch(self.pace) }
    }

    fn send(&self, event: Event) {
        // Nobody listens any more only when the whole invocation is over.
        let _ = self.events.send(event);
    }

    fn started_micros(&self) -> i64 {
        self.started.as_microsecond()
    }

    fn keep_compiled(&self, id: NodeId, sql: &str, incremental: bool) {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.insert(id, (sql.to_owned(), incremental));
    }

    fn compiled_incremental(&self, id: NodeId) -> bool {
        let compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.get(&id).is_some_and(|(_, incremental)| *incremental)
    }

    /// Every function a query may call, for "did you mean".
    fn function_names(&self) -> Vec<String> {
        let state = &self.base;
        let mut names: Vec<String> = state
            .scalar_functions()
            .keys()
            .chain(state.aggregate_functions().keys())
            .chain(state.window_functions().keys())
            .cloned()
            .collect();
        names.sort_unstable();
        names
    }
}

/// How a step ended. Models and seeds succeed or fail; tests pass, warn or fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Success,
    Error,
    Skipped,
    Pass,
    Warn,
    Fail,
}

impl Status {
    /// Whether what waits for the step may start.
    pub fn lets_on(self) -> bool {
        match self {
            Self::Success | Self::Pass | Self::Warn => true,
            Self::Error | Self::Skipped | Self::Fail => false,
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone)]
pub struct NodeResult {
    pub node: NodeId,
    pub status: Status,
    pub action: Action,
    pub started: Timestamp,
    pub completed: Timestamp,
    /// Time spent rendering and planning, out of the whole.
    pub compile: Duration,
    /// Rows written, or failing rows of a test.
    pub rows: u64,
    /// Records that could not be decoded and were put aside.
    pub rejected: u64,
    pub version: Option<u64>,
    /// Versions of the relations it read.
    pub inputs: BTreeMap<Relation, u64>,
    pub message: String,
    pub diagnostics: Diagnostics,
}

/// What an invocation tells while it runs.
#[derive(Debug, Clone)]
pub enum Event {
    Started {
        step: usize,
        node: NodeId,
        progress: Arc<Progress>,
    },
    /// A step reads a source that tells more than rows.
    Reading {
        node: NodeId,
        source: String,
        progress: Arc<SourceProgress>,
    },
    Finished {
        step: usize,
        result: Box<NodeResult>,
    },
    /// A batch of a stream is committed.
    Batch(Box<BatchTold>),
    Warning(Diagnostic),
    Log {
        message: String,
        info: bool,
    },
}

/// How the walk treats failures and how wide it is.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    pub threads: usize,
    pub fail_fast: bool,
}

/// Runs every step of the plan. The results are in the order in which steps ended.
pub async fn execute(context: &Arc<Context>, plan: &RunPlan, walk: Walk) -> Vec<NodeResult> {
    let mut walker = Walker {
        context,
        plan,
        outcome: vec![None; plan.steps.len()],
        started: vec![false; plan.steps.len()],
        running: JoinSet::new(),
        steps_of_tasks: HashMap::new(),
        results: Vec::new(),
        stopping: false,
    };
    loop {
        walker.start_ready(walk.threads);
        if walker.running.is_empty() {
            break;
        }
        tokio::select! {
            Some(joined) = walker.running.join_next_with_id() => walker.finish(joined, walk.fail_fast),
            () = context.cancel.cancelled(), if !walker.stopping => {
                walker.stopping = true;
                walker.running.abort_all();
            }
        }
    }
    walker.skip_rest();
    walker.results
}

struct Walker<'a> {
    context: &'a Arc<Context>,
    plan: &'a RunPlan,
    outcome: Vec<Option<Status>>,
    started: Vec<bool>,
    running: JoinSet<NodeResult>,
    steps_of_tasks: HashMap<tokio::task::Id, usize>,
    results: Vec<NodeResult>,
    stopping: bool,
}

impl Walker<'_> {
    fn start_ready(&mut self, threads: usize) {
        let mut progressed = true;
        while progressed {
            progressed = false;
            for step in 0..self.plan.steps.len() {
                if self.started[step] || self.stopping {
                    continue;
                }
                match self.readiness(step) {
                    Readiness::Waiting => {}
                    Readiness::Skip(reason) => {
                        self.started[step] = true;
                        self.skip(step, reason);
                        progressed = true;
                    }
                    Readiness::Ready if self.running.len() < threads.max(1) => {
                        self.started[step] = true;
                        let progress = Arc::new(Progress::default());
                        let node = self.plan.steps[step].node;
                        self.context.send(Event::Started { step, node, progress: Arc::clone(&progress) });
                        let task = step::run(Arc::clone(self.context), self.plan.steps[step].clone(), progress);
                        let handle = self.running.spawn(task);
                        self.steps_of_tasks.insert(handle.id(), step);
                    }
                    Readiness::Ready => return,
                }
            }
        }
    }

    fn readiness(&self, step: usize) -> Readiness {
        let step = &self.plan.steps[step];
        let mut waiting = false;
        for needed in step.waits_for.iter().chain(&step.gates) {
            match self.outcome[*needed] {
                None => waiting = true,
                Some(status) if status.lets_on() => {}
                Some(status) => {
                    let name = self.context.graph.node(self.plan.steps[*needed].node).label();
                    return Readiness::Skip(match status {
                        Status::Fail => format!("test `{name}` failed"),
                        Status::Skipped => format!("`{name}` was skipped"),
                        Status::Error | Status::Success | Status::Pass | Status::Warn => format!("`{name}` failed"),
                    });
                }
            }
        }
        if waiting { Readiness::Waiting } else { Readiness::Ready }
    }

    fn finish(&mut self, joined: Result<(tokio::task::Id, NodeResult), tokio::task::JoinError>, fail_fast: bool) {
        let (step, result) = match joined {
            Ok((id, result)) => (self.steps_of_tasks.get(&id).copied(), result),
            Err(error) => {
                let Some(step) = self.steps_of_tasks.get(&error.id()).copied() else { return };
                if error.is_panic() {
                    std::panic::resume_unwind(error.into_panic());
                }
                (Some(step), self.without_run(step, Status::Skipped, "cancelled".to_owned()))
            }
        };
        let Some(step) = step else { return };
        let failed = matches!(result.status, Status::Error | Status::Fail);
        self.record(step, result);
        if failed && fail_fast && !self.stopping {
            self.stopping = true;
            self.running.abort_all();
        }
    }

    fn record(&mut self, step: usize, result: NodeResult) {
        self.outcome[step] = Some(result.status);
        self.context.send(Event::Finished { step, result: Box::new(result.clone()) });
        self.results.push(result);
    }

    fn skip(&mut self, step: usize, reason: String) {
        let result = self.without_run(step, Status::Skipped, reason);
        self.record(step, result);
    }

    /// What never started because the walk was stopped.
    fn skip_rest(&mut self) {
        for step in 0..self.plan.steps.len() {
            if !self.started[step] {
                let why = if self.context.cancel.is_cancelled() { "cancelled" } else { "stopped by --fail-fast" };
                self.skip(step, why.to_owned());
            }
        }
    }

    fn without_run(&self, step: usize, status: Status, message: String) -> NodeResult {
        NodeResult {
            node: self.plan.steps[step].node,
            status,
            action: self.plan.steps[step].action,
            started: self.context.started,
            completed: self.context.started,
            compile: Duration::ZERO,
            rows: 0,
            rejected: 0,
            version: None,
            inputs: BTreeMap::new(),
            message,
            diagnostics: Diagnostics::default(),
        }
    }
}

enum Readiness {
    Waiting,
    Ready,
    Skip(String),
}

/// Renders and runs a hook: a query, for what it raises and logs.
async fn run_hook(context: &Arc<Context>, node: Option<NodeId>, hook: &str) -> Result<(), Diagnostics> {
    use futures::StreamExt;
    let owner = node.map(|id| context.graph.node(id));
    let name = owner.map_or_else(|| "hook".to_owned(), |node| format!("hook of {}", node.name));
    let template = NodeTemplate {
        locals: Vec::new(),
        unique_id: owner
            .map_or_else(|| format!("operation.{}", context.graph.project_name), |node| node.unique_id.clone()),
        name: name.clone(),
        source: SourceText::new(name.clone(), hook),
        this: owner.and_then(|node| node.relation().cloned()),
        config: owner.map(|node| node.config.clone()).unwrap_or_default(),
        model: serde_json::Value::Null,
    };
    let sql = compile::compile_template(context, None, template, false).await?;
    if sql.trim().is_empty() {
        return Ok(());
    }
    let session = session::StepSession::new(context, node);
    let ran = async {
        let plan = session.plan(&sql).await?;
        let frame = datafusion::prelude::DataFrame::new(session.state().as_ref().clone(), plan);
        let mut stream = frame.execute_stream().await?;
        while let Some(batch) = stream.next().await {
            batch?;
        }
        Ok(())
    };
    ran.await.map_err(|error: datafusion::error::DataFusionError| {
        Diagnostics::from(
            Diagnostic::error(Code::Sql, format!("{name} failed: {}", fault::plain(&error)))
                .note(format!("it runs: {}", sql.trim()))
                .hint("hooks are queries; what changes tables belongs into a model"),
        )
    })
}

/// The project's own hooks, before the first and after the last step.
pub async fn run_project_hooks(context: &Arc<Context>, hooks: &[String]) -> Result<(), Diagnostics> {
    for hook in hooks {
        run_hook(context, None, hook).await?;
    }
    Ok(())
}

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        // The work itself panicked (it cannot be cancelled once it runs): so do we.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

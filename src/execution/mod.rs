//! The asynchronous half: a plan is walked, each step runs when what it waits for has succeeded.

mod catalogs;
mod check;
mod compile;
mod diff;
mod existing;
mod explain;
mod fault;
mod fences;
mod for_each;
mod hook;
mod kept;
mod lineage;
mod materialize;
mod preview;
mod scan;
mod seed;
mod session;
mod sources;
mod statement;
mod step;
mod stream;
mod verify;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::execution::context::SessionState;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use check::{Analysis, Memory as CheckMemory, Stubs, check as check_project, surveyed};
pub use diff::{Against, ColumnChange, Difference, difference};
pub use explain::{Explained, Operator, explain};
pub use hook::run_project_hooks;
pub use kept::Kept;
pub use lineage::{ColumnLineage, Influence, Lineage, Origin, OriginTable, Use};
pub use preview::{Preview, compile_inline, compiled_sql, preview_node, preview_sql};
pub use session::{Limits, base_state};
pub use sources::{Checked, Standing, check, reset, standings};
pub use statement::STACK;
pub use stream::{BatchTold, StreamEnd, StreamRequest, Streams, stream};
pub use walk::{Walk, execute};

use crate::connectors::{SourceProgress, Surroundings};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{Graph, NodeId};
use crate::names::Relation;
use crate::plan::Action;
use crate::project::Project;
use crate::storage::{Progress, Warehouse};
use crate::template::Templates;

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

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        // The work itself panicked (it cannot be cancelled once it runs): so do we.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

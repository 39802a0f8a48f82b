//! Models that read connectors, run again and again: each batch is one commit with its position, and what lies below is
//! refreshed after it.
//!
//! A batch is the same step that `run` takes, so whatever holds for a run holds here: where reading goes on comes from the
//! Delta log, each time anew, and a process that dies costs the batch in hand.

mod batch;
mod refresh;
mod select;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub use select::Streams;

use super::{Context, Walk};
use crate::diagnostic::Diagnostics;
use crate::graph::NodeId;
use batch::Worker;
use refresh::{Closing, Refresher};

/// How long a stream that was asked to stop may finish the batch in hand.
const GRACE: Duration = Duration::from_secs(30);

/// What `engine stream` is asked for.
#[derive(Debug, Clone)]
pub struct StreamRequest {
    /// Until nothing waits any more.
    pub once: bool,
    pub max_runtime: Option<Duration>,
    pub walk: Walk,
    /// Asked to end: after the batch in hand.
    pub stop: CancellationToken,
}

/// A batch that is committed.
#[derive(Debug, Clone)]
pub struct BatchTold {
    pub node: NodeId,
    pub rows: u64,
    pub rejected: u64,
    /// Received from the brokers.
    pub bytes: u64,
    pub version: Option<u64>,
    /// Messages that wait still, where that can be said.
    pub lag: Option<u64>,
    pub elapsed: Duration,
}

/// What has come of it.
#[derive(Debug, Default)]
pub struct StreamEnd {
    pub rows: u64,
    pub batches: u64,
    pub refreshes: u64,
    /// Why streams could not go on, and what is wrong with what lies below.
    pub failures: Diagnostics,
}

/// How far a stream is, for those that read its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Starting,
    /// Its table is there from before.
    Standing,
    /// It has had a batch.
    Running,
    /// It will send no more.
    Ended,
    /// It ended before it had a table.
    NeverRan,
}

/// What the streams and the refresher share.
struct Shared {
    context: Arc<Context>,
    request: StreamRequest,
    /// To end after the batch in hand: asked to, or out of time.
    ends: CancellationToken,
    stages: BTreeMap<NodeId, watch::Sender<Stage>>,
    told: Mutex<StreamEnd>,
    refresher: Refresher,
}

impl Shared {
    fn told(&self) -> std::sync::MutexGuard<'_, StreamEnd> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asked to leave, it leaves with what it has in hand; else what lies below shall know all that came.
async fn close(shared: &Shared, mut refreshing: JoinHandle<()>) {
    let stop = &shared.request.stop;
    shared.refresher.close(Closing::Refreshed);
    let leave = async {
        stop.cancelled().await;
        shared.refresher.close(Closing::Now);
        tokio::time::sleep(GRACE).await;
        shared.context.cancel.cancel();
        std::future::pending::<()>().await;
    };
    let refreshed = tokio::select! {
        refreshed = &mut refreshing => refreshed,
        () = leave => return,
    };
    if let Err(error) = refreshed
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Runs the streams until they are asked to stop, have nothing more to do, or cannot go on.
pub async fn stream(context: &Arc<Context>, streams: &Streams, request: StreamRequest) -> StreamEnd {
    let mut stages = BTreeMap::new();
    for id in &streams.streams {
        // What has a table already is read, whether its own sources can be reached now or not.
        let table = match context.graph.node(*id).relation() {
            Some(relation) => context.warehouse.table(relation).await.ok().flatten(),
            None => None,
        };
        let stage = if table.is_some() { Stage::Standing } else { Stage::Starting };
        stages.insert(*id, watch::channel(stage).0);
    }
    let shared = Arc::new(Shared {
        refresher: Refresher::new(streams),
        context: Arc::clone(context),
        request: request.clone(),
        ends: request.stop.child_token(),
        stages,
        told: Mutex::default(),
    });
    let mut workers = JoinSet::new();
    for id in &streams.streams {
        workers.spawn(Worker::new(Arc::clone(&shared), streams, *id).run());
    }
    let refreshing = tokio::spawn({
        let shared = Arc::clone(&shared);
        async move { refresh::run(&shared).await }
    });
    // `checked_add`: a time without end is one that never comes.
    let ends = request.max_runtime.and_then(|time| Instant::now().checked_add(time));
    let runtime = async {
        match ends {
            Some(end) => tokio::time::sleep_until(end.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(runtime);
    loop {
        tokio::select! {
            joined = workers.join_next() => match joined {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(found))) => {
                    shared.told().failures.extend(found);
                    shared.ends.cancel();
                }
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(Err(_)) => {}
                None => break,
            },
            () = &mut runtime, if !shared.ends.is_cancelled() => shared.ends.cancel(),
        }
    }
    close(&shared, refreshing).await;
    let mut end = std::mem::take(&mut *shared.told());
    end.failures.extend(shared.refresher.failures());
    end
}

//! One step: a model built, a seed loaded, a test run; its outcome as a result, whatever happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Context, NodeResult, Status, materialize, seed, verify};
use crate::diagnostic::Diagnostics;
use crate::graph::NodeKind;
use crate::names::Relation;
use crate::plan::Step;
use crate::storage::Progress;

/// What a step has done.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rows: u64,
    pub(super) rejected: u64,
    pub(super) version: Option<u64>,
    pub(super) inputs: BTreeMap<Relation, u64>,
    pub(super) message: String,
    pub(super) compile: Duration,
    /// A test's verdict; a build's is success.
    pub(super) status: Option<Status>,
    pub(super) warnings: Diagnostics,
}

pub(super) async fn run(context: Arc<Context>, step: Step, progress: Arc<Progress>) -> NodeResult {
    let began = Instant::now();
    let started = after(context.started, context.clock.elapsed());
    let outcome = match &context.graph.node(step.node).kind {
        NodeKind::Model(_) => materialize::run(&context, &step, &progress).await,
        NodeKind::Seed(_) => seed::run(&context, step.node, &progress).await,
        NodeKind::Test(_) => verify::run(&context, step.node, &progress).await,
        NodeKind::Source(_) | NodeKind::Exposure(_) => Ok(Outcome::default()),
    };
    let completed = after(started, began.elapsed());
    let base = NodeResult {
        node: step.node,
        status: Status::Error,
        action: step.action,
        started,
        completed,
        compile: Duration::ZERO,
        rows: 0,
        rejected: 0,
        version: None,
        inputs: BTreeMap::new(),
        message: String::new(),
        diagnostics: Diagnostics::default(),
    };
    match outcome {
        Ok(outcome) => NodeResult {
            status: outcome.status.unwrap_or(Status::Success),
            compile: outcome.compile,
            rows: outcome.rows,
            rejected: outcome.rejected,
            version: outcome.version,
            inputs: outcome.inputs,
            message: outcome.message,
            diagnostics: outcome.warnings,
            ..base
        },
        Err(diagnostics) => {
            let message = diagnostics.iter().next().map(|first| first.message.clone()).unwrap_or_default();
            NodeResult { message, diagnostics, ..base }
        }
    }
}

pub(super) fn after(start: Timestamp, passed: Duration) -> Timestamp {
    start.checked_add(passed).unwrap_or(start)
}

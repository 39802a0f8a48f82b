//! The steps of a plan in their order: each starts when what it waits for has succeeded, and what lies below a failure is
//! left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Context, Event, NodeResult, Status, step};
use crate::diagnostic::Diagnostics;
use crate::plan::RunPlan;
use crate::storage::Progress;

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

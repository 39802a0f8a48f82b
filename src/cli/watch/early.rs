//! Rows that are compared as soon as a model is built, while its tests and what lies below are still running.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::rows::DETAILS;
use crate::diagnostic::Diagnostics;
use crate::execution::{Against, Context, Difference, Event, NodeResult, Status, difference};
use crate::graph::NodeId;

/// What comparing a model's rows came to; none for what keeps no rows.
pub(super) type Compared = Result<Option<Difference>, Diagnostics>;

/// The comparisons under way, which end with this.
pub(super) struct Early {
    context: Arc<Context>,
    before: BTreeMap<NodeId, u64>,
    running: JoinSet<(NodeId, Compared)>,
}

impl Early {
    /// `before` are the versions that rows are compared with.
    pub(super) fn new(context: &Arc<Context>, before: BTreeMap<NodeId, u64>) -> Self {
        Self { context: Arc::clone(context), before, running: JoinSet::new() }
    }

    /// Begins with the rows of a model that is built.
    pub(super) fn see(&mut self, event: &Event) {
        let Event::Finished { result, .. } = event else { return };
        let Some(version) = self.before_of(result).filter(|version| result.version != Some(*version)) else { return };
        let (context, node) = (Arc::clone(&self.context), result.node);
        self.running
            .spawn(async move { (node, difference(&context, node, Against::Version(version), Some(DETAILS)).await) });
    }

    /// The version before, of a model that was built.
    fn before_of(&self, result: &NodeResult) -> Option<u64> {
        if result.status == Status::Success { self.before.get(&result.node).copied() } else { None }
    }

    pub(super) async fn finish(mut self) -> (BTreeMap<NodeId, u64>, BTreeMap<NodeId, Compared>) {
        let mut compared = BTreeMap::new();
        while let Some(joined) = self.running.join_next().await {
            match joined {
                Ok((node, found)) => _ = compared.insert(node, found),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
        }
        (self.before, compared)
    }
}

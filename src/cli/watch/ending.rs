//! What ends a watch from outside: Ctrl-C, a supervisor, a terminal that is closed.

use futures::future::select_all;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Heard from when it is made: nothing that comes while something else is done is lost.
pub(super) struct Ending(Vec<Signal>);

impl Ending {
    pub(super) fn listen() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    pub(super) async fn come(&mut self) {
        match self.0.is_empty() {
            true => std::future::pending().await,
            false => drop(select_all(self.0.iter_mut().map(|signal| Box::pin(signal.recv()))).await),
        }
    }
}

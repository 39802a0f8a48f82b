//! What ends a command from outside: Ctrl-C, a supervisor, a terminal that is closed.

use futures::future::select_all;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Heard from when it is made: nothing that comes while something else is done is lost.
pub(super) struct Ending(Vec<Signal>);

impl Ending {
    /// Ctrl-C, or what a supervisor sends.
    fn listen() -> Self {
        Self::of(&[SignalKind::interrupt(), SignalKind::terminate()])
    }

    /// The terminal's end, too.
    pub(super) fn listen_at_terminal() -> Self {
        Self::of(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
    }

    fn of(kinds: &[SignalKind]) -> Self {
        Self(kinds.iter().filter_map(|kind| signal(*kind).ok()).collect())
    }

    pub(super) async fn come(&mut self) {
        match self.0.is_empty() {
            true => std::future::pending().await,
            false => drop(select_all(self.0.iter_mut().map(|signal| Box::pin(signal.recv()))).await),
        }
    }
}

/// The first Ctrl-C stops the run in order, the second at once.
pub(super) fn watch_interrupts(cancel: CancellationToken) -> JoinHandle<()> {
    let mut ending = Ending::listen();
    tokio::spawn(async move {
        ending.come().await;
        cancel.cancel();
        ending.come().await;
        #[expect(clippy::exit, reason = "asked twice: nothing is committed half, so leaving now loses nothing")]
        std::process::exit(130);
    })
}

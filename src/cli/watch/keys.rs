//! Single keys from a terminal.

use console::{Key, Term};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Rerun,
    FullRefresh,
    Tests,
    Details,
    Quit,
}

/// The keys of a terminal; none ever where there is no terminal.
pub(super) struct Keys {
    wishes: UnboundedReceiver<Wish>,
    // While it is there the channel is open, and an empty one is waited for.
    _sender: UnboundedSender<Wish>,
}

impl Keys {
    pub(super) fn listen(is_terminal: bool) -> Self {
        let (sender, wishes) = unbounded_channel();
        let keys = Self { wishes, _sender: sender.clone() };
        if is_terminal {
            std::thread::spawn(move || read(&sender));
        }
        keys
    }

    pub(super) async fn next(&mut self) -> Option<Wish> {
        self.wishes.recv().await
    }
}

fn read(sender: &UnboundedSender<Wish>) {
    let terminal = Term::stderr();
    while let Ok(key) = terminal.read_key() {
        let wish = match key {
            Key::Char('r') => Wish::Rerun,
            Key::Char('f') => Wish::FullRefresh,
            Key::Char('t') => Wish::Tests,
            Key::Enter => Wish::Details,
            Key::Char('q') | Key::CtrlC => Wish::Quit,
            _ => continue,
        };
        if sender.send(wish).is_err() {
            break;
        }
    }
}

//! Single keys from a terminal.

use std::io::Read;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::terminal::SingleKeys;

/// Bytes of one stroke at most: some keys send several.
const STROKE: usize = 64;

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
    // Dropped, the terminal is as it was.
    modes: Option<SingleKeys>,
}

impl Keys {
    pub(super) fn listen(is_terminal: bool) -> Self {
        let (sender, wishes) = unbounded_channel();
        let modes = is_terminal.then(SingleKeys::of_input).flatten();
        let keys = Self { wishes, _sender: sender.clone(), modes };
        if keys.are_there() {
            std::thread::spawn(move || read(&sender));
        }
        keys
    }

    pub(super) fn are_there(&self) -> bool {
        self.modes.is_some()
    }

    pub(super) async fn next(&mut self) -> Option<Wish> {
        self.wishes.recv().await
    }
}

fn read(sender: &UnboundedSender<Wish>) {
    let mut input = std::io::stdin().lock();
    let mut stroke = [0; STROKE];
    while let Ok(length @ 1..) = input.read(&mut stroke) {
        for wish in wishes(&stroke[..length]) {
            if sender.send(wish).is_err() {
                return;
            }
        }
    }
}

/// An arrow, or a key with Alt, is several bytes that begin with Escape, and means nothing here.
fn wishes(stroke: &[u8]) -> Vec<Wish> {
    const ESCAPE: u8 = 0x1b;
    const CTRL_C: u8 = 0x03;
    const CTRL_D: u8 = 0x04;
    if stroke.first() == Some(&ESCAPE) {
        return Vec::new();
    }
    let meant = stroke.iter().filter_map(|byte| match byte {
        b'r' => Some(Wish::Rerun),
        b'f' => Some(Wish::FullRefresh),
        b't' => Some(Wish::Tests),
        b'\r' | b'\n' => Some(Wish::Details),
        b'q' | &CTRL_C | &CTRL_D => Some(Wish::Quit),
        _ => None,
    });
    meant.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_send_more_than_a_letter_mean_nothing() {
        assert_eq!(wishes(b"r"), [Wish::Rerun]);
        assert_eq!(wishes(b"xq"), [Wish::Quit]);
        assert_eq!(wishes(b"\x1b[A"), []);
        assert_eq!(wishes(b"\x1bf"), []);
    }
}

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
    let mut bytes = stroke.iter().copied();
    let mut meant = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            ESCAPE => match bytes.next() {
                // Up to the letter that ends it.
                Some(b'[') => drop(bytes.find(|byte| (0x40..=0x7e).contains(byte))),
                Some(b'O') => drop(bytes.next()),
                Some(_) | None => {}
            },
            b'r' => meant.push(Wish::Rerun),
            b'f' => meant.push(Wish::FullRefresh),
            b't' => meant.push(Wish::Tests),
            b'\r' | b'\n' => meant.push(Wish::Details),
            b'q' | CTRL_C | CTRL_D => meant.push(Wish::Quit),
            _ => {}
        }
    }
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_send_more_than_a_letter_mean_nothing() {
        assert_eq!(wishes(b"r"), [Wish::Rerun]);
        assert_eq!(wishes(b"xq"), [Wish::Quit]);
        assert_eq!(wishes(b"\x1b[A"), []);
        assert_eq!(wishes(b"\x1bf\x1bOr\x1b[1;5Aq"), [Wish::Quit]);
    }
}

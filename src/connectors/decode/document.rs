//! JSON documents: an array of records, or records one after another, read record by record.

use super::scan::Malformed;
use super::table::{Table, Walked, malformed};
use super::window::Window;

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A record or an array of records, outside any array.
    Document,
    /// The first element, or the array's end.
    FirstElement,
    Element,
    /// A comma, or the array's end.
    CommaOrEnd,
}

pub(super) struct Documents {
    pub(super) window: Window,
    expect: Expect,
    /// An array is due: anything else is no record.
    is_array: bool,
    line: u64,
}

impl Documents {
    pub(super) fn new(window: Window) -> Self {
        Self { window, expect: Expect::Document, is_array: false, line: 1 }
    }

    /// An array of records and nothing else.
    pub(super) fn array(window: Window) -> Self {
        Self { is_array: true, ..Self::new(window) }
    }

    /// Fills the page; false when the stream has ended.
    pub(super) fn fill(&mut self, table: &mut Table) -> bool {
        while !table.is_full() {
            let Some(next) = self.next_token(table) else {
                self.end(table);
                return false;
            };
            match (self.expect, next) {
                (Expect::Document, b'[') => self.pass(1, Expect::FirstElement),
                (Expect::Document, _) if self.is_array => {
                    self.reject_rest(table, "expected an array of records");
                }
                (Expect::FirstElement | Expect::CommaOrEnd, b']') => self.pass(1, Expect::Document),
                (Expect::CommaOrEnd, b',') => self.pass(1, Expect::Element),
                (Expect::CommaOrEnd, _) => self.reject_rest(table, "expected `,` or `]` after a record"),
                (Expect::Document | Expect::FirstElement | Expect::Element, _) => self.record(table),
            }
        }
        true
    }

    fn record(&mut self, table: &mut Table) {
        loop {
            let Walked { scanner, outcome } = table.walk(self.window.rest());
            let end = scanner.position();
            match outcome {
                // A number that reaches the end may go on behind it.
                Ok(())
                    if end == self.window.rest().len()
                        && self.window.rest().last().is_some_and(u8::is_ascii_digit)
                        && self.read_more(table) => {}
                Ok(()) => {
                    let record = &self.window.rest()[..end];
                    table.append_json(self.window.chunk(), self.window.at(), record, self.line);
                    let expect = if self.expect == Expect::Document { Expect::Document } else { Expect::CommaOrEnd };
                    return self.pass(end, expect);
                }
                Err(Malformed::End) if self.read_more(table) => {}
                Err(error) => return self.reject_rest(table, &malformed(error, end)),
            }
        }
    }

    /// The next byte that is no white space, not taken.
    fn next_token(&mut self, table: &mut Table) -> Option<u8> {
        loop {
            let rest = self.window.rest();
            let blank = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            let next = rest.get(blank).copied();
            self.pass(blank, self.expect);
            if next.is_some() || !self.read_more(table) {
                return next;
            }
        }
    }

    fn pass(&mut self, bytes: usize, expect: Expect) {
        let passed = &self.window.rest()[..bytes];
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.window.advance(bytes);
        self.expect = expect;
    }

    fn read_more(&mut self, table: &mut Table) -> bool {
        let more = self.window.read_more();
        table.leave_chunk();
        more
    }

    /// Behind a malformed record no other can be found: all that is left is one rejected record.
    fn reject_rest(&mut self, table: &mut Table, error: &str) {
        while self.read_more(table) {}
        if !self.window.has_failed() {
            table.reject(self.window.rest(), error.to_owned(), self.line);
        }
        self.pass(self.window.rest().len(), Expect::Document);
    }

    fn end(&mut self, table: &mut Table) {
        if self.expect != Expect::Document && !self.window.has_failed() {
            table.reject(b"", "the document ends inside its array".to_owned(), self.line);
            self.expect = Expect::Document;
        }
    }
}

//! Formats of a record a line: NDJSON and text.

use memchr::memchr;

use super::table::Table;
use super::window::Window;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Json,
    Text,
}

pub(super) struct Lines {
    pub(super) window: Window,
    kind: LineKind,
    line: u64,
    /// How much of the window's rest is known to hold no line's end.
    searched: usize,
}

impl Lines {
    pub(super) fn new(window: Window, kind: LineKind) -> Self {
        Self { window, kind, line: 0, searched: 0 }
    }

    /// Fills the page; false when the stream has ended.
    pub(super) fn fill(&mut self, table: &mut Table) -> bool {
        loop {
            let rest = self.window.rest();
            let mut start = self.window.at();
            let mut from = self.searched;
            let mut taken = 0;
            while let Some(length) = memchr(b'\n', &rest[taken + from..]).map(|end| from + end) {
                from = 0;
                self.line += 1;
                append(self.kind, table, &self.window, start, &rest[taken..taken + length], self.line);
                start += length + 1;
                taken += length + 1;
                if table.is_full() {
                    break;
                }
            }
            self.searched = if table.is_full() { 0 } else { rest.len() - taken };
            self.window.advance(taken);
            if table.is_full() {
                return true;
            }
            if self.window.read_more() {
                table.leave_chunk();
                continue;
            }
            self.last_line(table);
            return false;
        }
    }

    /// A last line without an end; of a broken stream it is a piece, and no record.
    fn last_line(&mut self, table: &mut Table) {
        let rest = self.window.rest();
        if rest.is_empty() || self.window.has_failed() {
            return;
        }
        table.leave_chunk();
        append(self.kind, table, &self.window, self.window.at(), rest, self.line + 1);
        self.line += 1;
        self.window.advance(self.window.rest().len());
    }
}

fn append(kind: LineKind, table: &mut Table, window: &Window, start: usize, line: &[u8], number: u64) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match kind {
        LineKind::Json if line.trim_ascii().is_empty() => {}
        LineKind::Json => table.append_line(window.chunk(), start, line, number),
        LineKind::Text => table.append_text_line(window.chunk(), start, line, number),
    }
}

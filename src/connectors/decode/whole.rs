//! A JSON document taken as one record, and the array inside one.

use std::ops::Range;

use datafusion::arrow::buffer::Buffer;

use super::paths::{Found, PathTree};
use super::scan::Scanner;
use super::table::{Table, Walked, malformed};
use crate::project::{JsonPath, PathStep};

/// One document, which becomes one row or one rejected record.
pub(super) struct Whole {
    document: Buffer,
    /// Why it is no record, when that is known already.
    refused: Option<String>,
}

impl Whole {
    pub(super) fn document(document: Vec<u8>) -> Self {
        Self { document: Buffer::from_vec(document), refused: None }
    }

    pub(super) fn refused(document: Vec<u8>, error: String) -> Self {
        Self { document: Buffer::from_vec(document), refused: Some(error) }
    }

    pub(super) fn fill(&mut self, table: &mut Table) {
        let all = self.document.as_slice();
        let (start, end) = trimmed(all);
        let record = &all[start..end];
        if let Some(error) = self.refused.take() {
            return table.reject(record, error, 1);
        }
        let Walked { mut scanner, outcome } = table.walk(record);
        match outcome.and_then(|()| scanner.end()) {
            Ok(()) => table.append_document(&self.document, start, record),
            Err(error) => table.reject(record, malformed(error, scanner.position()), 1),
        }
    }
}

/// Where the text begins and ends: without a byte order mark and white space around it.
fn trimmed(document: &[u8]) -> (usize, usize) {
    let mark = if document.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let start = document[mark..].iter().position(|byte| !byte.is_ascii_whitespace());
    let start = start.map_or(document.len(), |start| mark + start);
    let end = document.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(start, |end| end + 1);
    (start, end.max(start))
}

/// The bytes of the array at a path; the error says why there is none.
pub(super) fn array_at(document: &[u8], path: &JsonPath) -> Result<Range<usize>, String> {
    let (start, end) = trimmed(document);
    let text = &document[start..end];
    let mut path = path.clone();
    if path.0.last() == Some(&PathStep::Each) {
        path.0.pop();
    }
    let mut found = [Found::default()];
    let mut scanner = Scanner::new(text, 0);
    let walked = PathTree::new([&path]).walk(&mut scanner, text, &mut found).and_then(|()| scanner.end());
    walked.map_err(|error| malformed(error, scanner.position()))?;
    let Some(span) = found[0].value else {
        return Err(format!("nothing is at `{path}`, where the records should be"));
    };
    let range = span.range();
    match text[range.clone()].first() {
        Some(b'[') => Ok(start + range.start..start + range.end),
        _ => Err(format!("expected an array of records at `{path}`")),
    }
}

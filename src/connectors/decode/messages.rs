//! Messages one by one, each a JSON value, lines of them, or bytes that are not looked into.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::error::ArrowError;

use super::Rejected;
use super::table::Table;
use crate::project::{ColumnDefinition, Format};

/// Bytes that are decoded at once.
const LARGE: usize = 4 << 20;

/// Messages on their way to rows.
pub struct Messages {
    format: Format,
    table: Table,
    bytes: Vec<u8>,
    /// Of each message its place among the bytes; none for one without a value.
    places: Vec<Option<(usize, usize)>>,
}

/// What the messages gave.
#[derive(Debug)]
pub struct DecodedMessages {
    pub batch: RecordBatch,
    /// Of each row the message it came from.
    pub accepted: Vec<usize>,
    /// Each with its message.
    pub rejected: Vec<(usize, Rejected)>,
}

impl Messages {
    pub fn new(format: Format, columns: &[ColumnDefinition]) -> Self {
        Self { format, table: Table::new(columns, usize::MAX), bytes: Vec::new(), places: Vec::new() }
    }

    /// A message's value; one without is a row of NULLs.
    pub fn push(&mut self, value: Option<&[u8]>) {
        self.places.push(value.map(|value| {
            let start = self.bytes.len();
            if self.format != Format::Text {
                self.bytes.extend_from_slice(value);
            }
            (start, self.bytes.len())
        }));
    }

    pub fn is_large(&self) -> bool {
        self.bytes.len() >= LARGE
    }

    /// Decodes what was pushed since the last time.
    pub fn decode(&mut self) -> Result<DecodedMessages, ArrowError> {
        let chunk = Buffer::from_vec(std::mem::take(&mut self.bytes));
        self.table.leave_chunk();
        let (mut accepted, mut origins) = (Vec::with_capacity(self.places.len()), Vec::new());
        for (index, place) in std::mem::take(&mut self.places).into_iter().enumerate() {
            let (rows, rejected) = (self.table.rows(), self.table.rejected());
            match place {
                None => self.table.append_nothing(),
                Some(_) if self.format == Format::Text => self.table.append_nothing(),
                Some((start, end)) if self.format == Format::Ndjson => {
                    let mut at = start;
                    for line in chunk.as_slice()[start..end].split(|byte| *byte == b'\n') {
                        if !line.trim_ascii().is_empty() {
                            self.table.append_line(&chunk, at, line, 0);
                        }
                        at += line.len() + 1;
                    }
                }
                Some((start, end)) => self.table.append_line(&chunk, start, &chunk.as_slice()[start..end], 0),
            }
            accepted.extend(std::iter::repeat_n(index, self.table.rows() - rows));
            origins.extend(std::iter::repeat_n(index, self.table.rejected() - rejected));
        }
        let page = self.table.finish_always()?;
        let rejected = origins.into_iter().zip(page.rejected).collect();
        Ok(DecodedMessages { batch: page.batch, accepted, rejected })
    }
}

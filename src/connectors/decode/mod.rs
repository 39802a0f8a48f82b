//! Bytes to rows: a file's content, decompressed and decoded into pages of Arrow rows, in one pass and bounded memory.
//!
//! Synchronous, for a blocking thread. [`Rows`] gives [`Page`]s. A record that cannot be decoded is in its page's `rejected`
//! and never an error; an error is the stream's (a file cut short), comes after the rows before the damage, and is last.
//!
//! - **NDJSON**: a JSON value a line, blank lines skipped. **JSON**: an array of records or records in a row, read one by
//!   one; behind a malformed one nothing can be found, so all that is left is one rejected record. With `records` the array
//!   lies inside a document, and a document without it is one rejected record. **Document**: all of it is one record. **CSV**: a header, columns
//!   by name, an empty field is NULL. **Text**: a line a row. A byte order mark is skipped. Parquet is not decoded here.
//! - **Paths**: a missing field, a step into something that is no object or array, and JSON null give NULL. `[*]` gives a
//!   flat list with an entry for each element, NULL where the element lacks the value. `$` is the record's own text. Of equal
//!   keys the last counts.
//! - **Types**: `string` takes a string's meaning (a lone surrogate becomes U+FFFD) and of anything else the JSON text;
//!   `json` always the text; numbers also come from numeric strings, an integer may be written `1.0`; `boolean` takes true
//!   and false; `timestamp` RFC 3339, `YYYY-MM-DD HH:MM:SS[.f]`, ` UTC` behind it, a date, or seconds since 1970; `decimal`
//!   is rounded to its scale. A value that does not fit rejects the record, naming the column.
//! - Strings are views, and `$` of a line is not copied: its views lie in the chunk read. All other columns own their bytes,
//!   so that a column alone does not hold the chunk.

mod column;
mod compression;
mod delimited;
mod document;
mod escape;
mod lines;
mod messages;
mod nesting;
mod paths;
mod plain;
mod scan;
mod survey;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod whole;
mod window;

use std::io;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;

use crate::project::{ColumnDefinition, Format, JsonPath};
use compression::Decompressed;
use delimited::Delimited;
use document::Documents;
use lines::{LineKind, Lines};
use table::Table;
use whole::Whole;
use window::Window;

pub use compression::{Compression, Content};
pub use messages::{DecodedMessages, Messages};
pub use survey::{Decoded, decompressed, read_document, survey};
pub use table::arrow_schema;

/// Rows of one file that were decoded together, and the records among them that could not be.
#[derive(Debug)]
pub struct Page {
    /// In the schema of [`arrow_schema`]; it may have no rows.
    pub batch: RecordBatch,
    pub rejected: Vec<Rejected>,
}

/// A record that is not what its source declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// As it came, without the line's end; a CSV record is written anew.
    pub raw: Vec<u8>,
    pub error: String,
    /// One-based, where the record begins.
    pub line: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("cannot read `{file}`")]
    Read {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot read `{file}`")]
    Csv {
        file: String,
        #[source]
        source: csv::Error,
    },
    #[error("cannot build the rows of `{file}`")]
    Arrow {
        file: String,
        #[source]
        source: ArrowError,
    },
    #[error("`{file}` is Parquet, which is not decoded record by record")]
    Parquet { file: String },
}

/// What a reader keeps from one file to the next: memory of the size a file needs. All its files are read for the same
/// columns.
#[derive(Default)]
pub struct Spare(Option<Table>);

/// The pages of one file.
pub struct Rows {
    file: String,
    table: Table,
    records: Option<Records>,
    failure: Option<DecodeError>,
}

enum Records {
    Lines(Lines),
    Documents(Documents),
    Delimited(Box<Delimited>),
    Whole(Whole),
}

impl Rows {
    /// `file` names the file in errors; `records` is where a JSON document has its array of records. A page has at most
    /// `page_rows` rows, fewer if they are large.
    pub fn open(
        file: &str,
        content: Content,
        format: Format,
        records: Option<&JsonPath>,
        columns: &[ColumnDefinition],
        page_rows: usize,
        spare: &mut Spare,
    ) -> Result<Self, DecodeError> {
        let mut table = || spare.0.take().unwrap_or_else(|| Table::new(columns, page_rows));
        let read = |source| DecodeError::Read { file: file.to_owned(), source };
        if format == Format::Document || records.is_some_and(|path| !path.is_root_array()) {
            let document = read_document(content).map_err(read)?;
            let records = match records.filter(|_| format == Format::Json) {
                None => Records::Whole(Whole::document(document)),
                Some(path) => match whole::array_at(&document, path) {
                    Ok(range) => {
                        let array = document[range].to_vec();
                        Records::Documents(Documents::array(Window::new(Decompressed::Whole(array))))
                    }
                    Err(error) => Records::Whole(Whole::refused(document, error)),
                },
            };
            return Ok(Self { file: file.to_owned(), table: table(), records: Some(records), failure: None });
        }
        let content = content.decompressed().map_err(read)?;
        let records = match format {
            Format::Ndjson => Records::Lines(Lines::new(Window::new(content), LineKind::Json)),
            Format::Text => Records::Lines(Lines::new(Window::new(content), LineKind::Text)),
            Format::Json if records.is_some() => Records::Documents(Documents::array(Window::new(content))),
            Format::Json | Format::Document => Records::Documents(Documents::new(Window::new(content))),
            Format::Csv => {
                let delimited = Delimited::open(content.into_reader(), columns);
                Records::Delimited(Box::new(
                    delimited.map_err(|source| DecodeError::Csv { file: file.to_owned(), source })?,
                ))
            }
            Format::Parquet => return Err(DecodeError::Parquet { file: file.to_owned() }),
        };
        Ok(Self { file: file.to_owned(), table: table(), records: Some(records), failure: None })
    }

    /// What the next file can use, once all pages of this one were taken.
    pub fn spare(self) -> Spare {
        Spare(self.records.is_none().then_some(self.table))
    }

    /// Fills a page; false when the stream has ended, whose failure is kept for after the page.
    fn fill(&mut self) -> bool {
        let file = || self.file.clone();
        let (more, failure) = match &mut self.records {
            None => (false, None),
            Some(Records::Lines(lines)) => {
                let more = lines.fill(&mut self.table);
                (
                    more,
                    if more { None } else { lines.window.take_failure() }
                        .map(|source| DecodeError::Read { file: file(), source }),
                )
            }
            Some(Records::Documents(documents)) => {
                let more = documents.fill(&mut self.table);
                (
                    more,
                    if more { None } else { documents.window.take_failure() }
                        .map(|source| DecodeError::Read { file: file(), source }),
                )
            }
            Some(Records::Whole(whole)) => {
                whole.fill(&mut self.table);
                (false, None)
            }
            Some(Records::Delimited(delimited)) => match delimited.fill(&mut self.table) {
                Ok(more) => (more, None),
                Err(source) => (false, Some(DecodeError::Csv { file: file(), source })),
            },
        };
        self.failure = self.failure.take().or(failure);
        more
    }
}

impl Iterator for Rows {
    type Item = Result<Page, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.records.is_some() && !self.fill() {
            self.records = None;
        }
        match self.table.finish() {
            Ok(Some(page)) => Some(Ok(page)),
            Ok(None) => self.failure.take().map(Err),
            Err(source) => {
                self.records = None;
                Some(Err(DecodeError::Arrow { file: self.file.clone(), source }))
            }
        }
    }
}

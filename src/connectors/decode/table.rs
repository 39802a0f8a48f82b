//! The columns of one source table while a page of rows is gathered; a record enters whole or is rejected whole.

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use simdutf8::compat::{Utf8Error, from_utf8};

use super::column::{ColumnBuilder, Mismatch, arrow_type};
use super::paths::{Found, PathTree};
use super::scan::{Malformed, Scanner};
use super::{Page, Rejected};
use crate::project::{ColumnDefinition, ColumnType, PathStep};

/// A page is closed when its records have this many bytes, however few they are.
const PAGE_BYTES: usize = 16 << 20;

/// The schema of declared columns: all nullable, since any record may lack any field.
///
/// A path with `[*]` makes a list of what it finds, flat however many `[*]` it has: the declared type is that list or, for
/// short, the type of its elements.
pub fn arrow_schema(columns: &[ColumnDefinition]) -> Schema {
    let field = |column: &ColumnDefinition| Field::new(&column.name, arrow_type(&column_type(column)), true);
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

fn column_type(column: &ColumnDefinition) -> ColumnType {
    match (has_each(column), &column.column_type) {
        (false, declared) | (true, declared @ ColumnType::List(_)) => declared.clone(),
        (true, element) => ColumnType::List(Box::new(element.clone())),
    }
}

fn has_each(column: &ColumnDefinition) -> bool {
    column.path.0.contains(&PathStep::Each)
}

/// How a column's value is taken from a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Take {
    /// The record's own text.
    Record,
    Value,
    Elements,
}

struct Column {
    name: String,
    take: Take,
    builder: ColumnBuilder,
}

pub(super) struct Table {
    schema: SchemaRef,
    columns: Vec<Column>,
    paths: PathTree,
    found: Vec<Found>,
    page_rows: usize,
    rows: usize,
    /// Of the records of this page, rejected ones too.
    bytes: usize,
    rejected: Vec<Rejected>,
}

impl Table {
    pub(super) fn new(columns: &[ColumnDefinition], page_rows: usize) -> Self {
        let paths = PathTree::new(columns.iter().map(|column| &column.path));
        let found = columns.iter().map(|_| Found::default()).collect();
        let schema = arrow_schema(columns).into();
        let columns = columns
            .iter()
            .map(|column| Column {
                name: column.name.clone(),
                take: match column.column_type {
                    _ if has_each(column) => Take::Elements,
                    ColumnType::String | ColumnType::Json if column.path.0.is_empty() => Take::Record,
                    _ => Take::Value,
                },
                builder: ColumnBuilder::new(&column_type(column)),
            })
            .collect();
        Self { schema, columns, paths, found, page_rows: page_rows.max(1), rows: 0, bytes: 0, rejected: Vec::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.page_rows || self.rejected.len() >= self.page_rows || self.bytes >= PAGE_BYTES
    }

    /// The records of this page so far that became rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Those that did not.
    pub(super) fn rejected(&self) -> usize {
        self.rejected.len()
    }

    /// A row of NULLs.
    pub(super) fn append_nothing(&mut self) {
        self.columns.iter_mut().for_each(|column| column.builder.append_null());
        self.rows += 1;
    }

    /// Walks the JSON value `text` begins with; its columns are remembered for [`Self::append_json`].
    #[inline]
    pub(super) fn walk<'a>(&mut self, text: &'a [u8]) -> Walked<'a> {
        self.found.iter_mut().for_each(Found::clear);
        let mut scanner = Scanner::new(text, 0);
        let outcome = self.paths.walk(&mut scanner, text, &mut self.found);
        Walked { scanner, outcome }
    }

    /// A line that should be one JSON value, at `start` of `chunk`.
    pub(super) fn append_line(&mut self, chunk: &Buffer, start: usize, record: &[u8], line: u64) {
        let Walked { mut scanner, outcome } = self.walk(record);
        match outcome.and_then(|()| scanner.end()) {
            Ok(()) => self.append_json(chunk, start, record, line),
            Err(error) => self.reject(record, malformed(error, scanner.position()), line),
        }
    }

    /// The document just walked, which is one record whatever it is.
    pub(super) fn append_document(&mut self, chunk: &Buffer, start: usize, record: &[u8]) {
        match from_utf8(record) {
            Ok(text) => self.append_found(chunk, start, text, 1),
            Err(error) => self.reject(record, invalid_utf8(error), 1),
        }
    }

    /// The record just walked, at `start` of `chunk`.
    pub(super) fn append_json(&mut self, chunk: &Buffer, start: usize, record: &[u8], line: u64) {
        let text = match from_utf8(record) {
            Ok(text) => text,
            Err(error) => return self.reject(record, invalid_utf8(error), line),
        };
        if self.paths.wants_object() && !record.trim_ascii_start().starts_with(b"{") {
            return self.reject(record, "expected a JSON object".to_owned(), line);
        }
        self.append_found(chunk, start, text, line);
    }

    fn append_found(&mut self, chunk: &Buffer, start: usize, text: &str, line: u64) {
        let mut fault = None;
        for (column, found) in self.columns.iter_mut().zip(&self.found) {
            let builder = &mut column.builder;
            let appended = match (column.take, found.value) {
                (Take::Record, _) => builder.append_shared(chunk, start, text),
                (Take::Value, Some(value)) => builder.append_json(text, value),
                (Take::Elements, _) if found.is_list => builder.append_found(text, &found.elements),
                (Take::Value | Take::Elements, _) => {
                    builder.append_null();
                    Ok(())
                }
            };
            if let Err(error) = appended {
                fault = Some(in_column(&column.name, &error));
                break;
            }
        }
        self.close_row(fault, text.as_bytes(), line);
    }

    /// A line of text, which is every column's value.
    pub(super) fn append_text_line(&mut self, chunk: &Buffer, start: usize, record: &[u8], line: u64) {
        let text = match from_utf8(record) {
            Ok(text) => text,
            Err(error) => return self.reject(record, invalid_utf8(error), line),
        };
        let mut fault = None;
        for column in &mut self.columns {
            if let Err(error) = column.builder.append_shared(chunk, start, text) {
                fault = Some(in_column(&column.name, &error));
                break;
            }
        }
        self.close_row(fault, record, line);
    }

    /// A row of fields, one for each column; `None` and the empty field are NULL. `raw` is asked for only if it is rejected.
    pub(super) fn append_fields<'a>(
        &mut self,
        fields: impl Iterator<Item = Option<&'a str>>,
        raw: &dyn Fn() -> Vec<u8>,
        line: u64,
    ) {
        let mut fault = None;
        for (column, field) in self.columns.iter_mut().zip(fields) {
            match field {
                None | Some("") => column.builder.append_null(),
                Some(text) => {
                    self.bytes += text.len();
                    if let Err(error) = column.builder.append_text(text) {
                        fault = Some(in_column(&column.name, &error));
                        break;
                    }
                }
            }
        }
        match fault {
            None => self.rows += 1,
            Some(error) => {
                self.take_back();
                self.reject(&raw(), error, line);
            }
        }
    }

    pub(super) fn reject(&mut self, raw: &[u8], error: String, line: u64) {
        self.bytes += raw.len();
        self.rejected.push(Rejected { raw: raw.to_vec(), error, line });
    }

    /// Records that follow lie in another chunk.
    pub(super) fn leave_chunk(&mut self) {
        self.columns.iter_mut().for_each(|column| column.builder.leave_chunk());
    }

    /// The page so far, or `None` if nothing came.
    pub(super) fn finish(&mut self) -> Result<Option<Page>, ArrowError> {
        if self.rows == 0 && self.rejected.is_empty() {
            return Ok(None);
        }
        self.finish_always().map(Some)
    }

    /// The page so far, though nothing came.
    pub(super) fn finish_always(&mut self) -> Result<Page, ArrowError> {
        let arrays = self.columns.iter_mut().map(|column| column.builder.finish()).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), arrays, &options)?;
        self.rows = 0;
        self.bytes = 0;
        Ok(Page { batch, rejected: std::mem::take(&mut self.rejected) })
    }

    fn close_row(&mut self, fault: Option<String>, record: &[u8], line: u64) {
        match fault {
            None => {
                self.rows += 1;
                self.bytes += record.len();
            }
            Some(error) => {
                self.take_back();
                self.reject(record, error, line);
            }
        }
    }

    fn take_back(&mut self) {
        self.columns.iter_mut().for_each(|column| column.builder.truncate(self.rows));
    }
}

/// What [`Table::walk`] came to, and how far.
pub(super) struct Walked<'a> {
    pub(super) scanner: Scanner<'a>,
    pub(super) outcome: Result<(), Malformed>,
}

/// The error text of a record that is not JSON.
pub(super) fn malformed(error: Malformed, at: usize) -> String {
    format!("malformed JSON at byte {at}: {error}")
}

fn in_column(name: &str, error: &Mismatch) -> String {
    format!("column `{name}{}`: {}", error.path, error.what)
}

fn invalid_utf8(error: Utf8Error) -> String {
    format!("invalid UTF-8 at byte {}", error.valid_up_to())
}

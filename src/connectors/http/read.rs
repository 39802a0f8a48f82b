//! Fetched answers become pages of rows.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringViewArray, new_null_array,
};
use datafusion::arrow::compute::{cast, max, max_string_view, min, min_string_view};
use datafusion::arrow::datatypes::{DataType, Int64Type};

use super::fetch::{Fetched, Received};
use super::outcome::Outcome;
use super::position::CursorValue;
use super::request::each_text;
use super::{ConnectorError, Http, Item, lock, start_of};
use crate::connectors::decode::{Rows, Spare};
use crate::connectors::{Origin, PAGE_ROWS, Page};
use crate::project::{ColumnDefinition, HttpColumn};

impl Http {
    /// Reads an item on the calling (blocking) thread.
    pub(in crate::connectors) fn read(
        &self,
        item: &Item,
        columns: &[usize],
        spare: &mut Spare,
        take: &mut dyn FnMut(Page) -> bool,
    ) -> Result<(), ConnectorError> {
        let fetched: Arc<Fetched> = self.runtime.block_on(self.fetched(item))?;
        let mut outcome = fetched.outcome.clone();
        let window = self.config.window.as_ref().map(|_| start_of(item) * 1_000_000);
        for received in &fetched.answers {
            let origin = Origin {
                source: Arc::from(received.url.as_str()),
                sources: None,
                window_start_micros: window,
                status: received.status,
                error: received.error.as_deref().map(Arc::from),
            };
            if !self.read_answer(received, origin, columns, &mut outcome, spare, take)? {
                return Ok(());
            }
        }
        lock(&self.outcomes).insert(item.name.clone(), outcome);
        Ok(())
    }

    fn read_answer(
        &self,
        received: &Received,
        origin: Origin,
        columns: &[usize],
        outcome: &mut Outcome,
        spare: &mut Spare,
        take: &mut dyn FnMut(Page) -> bool,
    ) -> Result<bool, ConnectorError> {
        let wanted = Wanted::new(self, columns);
        let arrow = |source| ConnectorError::Arrow { file: received.url.clone(), source };
        let Some((body, compression)) = &received.body else {
            // A failed request is a row of its own.
            let batch = wanted.rows(self, None, 1, received).map_err(arrow)?;
            return Ok(take(Page { batch, rejected: Vec::new(), origin }));
        };
        let open = |source| ConnectorError::Open { file: received.url.clone(), source };
        let content = body.content(*compression).map_err(open)?;
        let (format, records) = (self.config.format, self.config.records.as_ref());
        let mut rows = Rows::open(&received.url, content, format, records, &wanted.decoded, PAGE_ROWS, spare)?;
        for page in &mut rows {
            let page = page?;
            if let Some(index) = wanted.cursor {
                note_cursor(page.batch.column(index), outcome).map_err(arrow)?;
            }
            let count = page.batch.num_rows();
            let batch = wanted.rows(self, Some(&page.batch), count, received).map_err(arrow)?;
            if !take(Page { batch, rejected: page.rejected, origin: origin.clone() }) {
                return Ok(false);
            }
        }
        *spare = rows.spare();
        Ok(true)
    }
}

/// The asked columns, and where each comes from.
struct Wanted {
    decoded: Vec<ColumnDefinition>,
    sources: Vec<From>,
    /// Of the decoded columns, the one the cursor follows.
    cursor: Option<usize>,
    schema: datafusion::arrow::datatypes::SchemaRef,
}

enum From {
    Decoded(usize),
    Each(String),
}

impl Wanted {
    fn new(http: &Http, columns: &[usize]) -> Self {
        let mut decoded: Vec<ColumnDefinition> = Vec::new();
        let sources = columns
            .iter()
            .map(|index| match &http.config.columns[*index] {
                HttpColumn::Decoded(column) => {
                    decoded.push(column.clone());
                    From::Decoded(decoded.len() - 1)
                }
                HttpColumn::Each { key, .. } => From::Each(key.clone()),
            })
            .collect();
        let cursor = http.config.cursor.as_ref().map(|cursor| {
            decoded.iter().position(|column| column.name == cursor.field).unwrap_or_else(|| {
                decoded.extend(http.config.decoded().find(|column| column.name == cursor.field).cloned());
                decoded.len() - 1
            })
        });
        let fields: Vec<_> = columns.iter().map(|index| Arc::clone(&http.schema.fields()[*index])).collect();
        let schema = Arc::new(datafusion::arrow::datatypes::Schema::new(fields));
        Self { decoded, sources, cursor, schema }
    }

    fn rows(
        &self,
        http: &Http,
        batch: Option<&RecordBatch>,
        count: usize,
        received: &Received,
    ) -> Result<RecordBatch, datafusion::arrow::error::ArrowError> {
        let columns: Vec<ArrayRef> = self
            .sources
            .iter()
            .zip(self.schema.fields())
            .map(|(source, field)| match (source, batch) {
                (From::Decoded(index), Some(batch)) => Arc::clone(batch.column(*index)),
                (From::Decoded(_), None) => new_null_array(field.data_type(), count),
                (From::Each(key), _) => {
                    let value = each_text(&received.each, key).map(|text| http.mask.text(&text));
                    Arc::new(std::iter::repeat_n(value, count).collect::<StringViewArray>())
                }
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

/// Widens what is known of the cursor's column by a page of it.
fn note_cursor(column: &ArrayRef, outcome: &mut Outcome) -> Result<(), datafusion::arrow::error::ArrowError> {
    let (least, greatest) = match column.data_type() {
        DataType::Utf8View => {
            let texts = column.as_string_view();
            let text = |text: Option<&str>| text.map(|text| CursorValue::Text(text.to_owned()));
            (text(min_string_view(texts)), text(max_string_view(texts)))
        }
        DataType::Date32 => {
            let days = cast(&cast(column, &DataType::Int32)?, &DataType::Int64)?;
            let days = days.as_primitive::<Int64Type>();
            (min(days).map(CursorValue::Number), max(days).map(CursorValue::Number))
        }
        _ => {
            let numbers = cast(column, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            (min(numbers).map(CursorValue::Number), max(numbers).map(CursorValue::Number))
        }
    };
    if let Some(least) = least {
        outcome.least = Some(outcome.least.take().map_or_else(|| least.clone(), |known| known.min(least.clone())));
    }
    outcome.greatest = outcome.greatest.take().max(greatest);
    Ok(())
}

//! One declared column on its way into Arrow: takes values row by row, and can take back the rows of a rejected record.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray,
    NullBufferBuilder, PrimitiveArray, StructArray,
};
use datafusion::arrow::buffer::{Buffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, Fields, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::error::ArrowError;

use super::escape::unescaped;
use super::scan::{Malformed, Scanner, Span};
use super::text::{TextBuilder, TooLong};
use super::value;
use crate::project::ColumnType;

/// Why a value is not what its column declares. The path leads from the column inwards: `.commits[].message`.
#[derive(Debug, Default)]
pub(super) struct Mismatch {
    pub(super) path: String,
    pub(super) what: String,
}

impl Mismatch {
    fn new(expected: &ColumnType, found: &str) -> Self {
        /// What of a value is shown.
        const SHOWN: usize = 80;
        let mut shown: String = found.chars().take(SHOWN).collect();
        if shown.len() < found.len() {
            shown.push('…');
        }
        Self { path: String::new(), what: format!("expected {}, found {shown}", value::type_name(expected)) }
    }

    fn within(mut self, outer: &str) -> Self {
        self.path.insert_str(0, outer);
        self
    }
}

impl From<TooLong> for Mismatch {
    fn from(_: TooLong) -> Self {
        Self { path: String::new(), what: "a string of more than 2 GiB".to_owned() }
    }
}

impl From<Malformed> for Mismatch {
    fn from(error: Malformed) -> Self {
        Self { path: String::new(), what: format!("malformed JSON: {error}") }
    }
}

/// The Arrow type of a declared one.
pub(super) fn arrow_type(column_type: &ColumnType) -> DataType {
    match column_type {
        ColumnType::String | ColumnType::Json => DataType::Utf8View,
        ColumnType::Int => DataType::Int32,
        ColumnType::BigInt => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Date => DataType::Date32,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
        ColumnType::List(element) => DataType::List(Arc::new(Field::new_list_field(arrow_type(element), true))),
        ColumnType::Struct(fields) => DataType::Struct(arrow_fields(fields)),
    }
}

fn arrow_fields(fields: &[(String, ColumnType)]) -> Fields {
    fields.iter().map(|(name, column_type)| Field::new(name, arrow_type(column_type), true)).collect()
}

pub(super) struct ColumnBuilder {
    column_type: ColumnType,
    nulls: NullBufferBuilder,
    values: Values,
    /// Rows of NULL that come behind these. Most records lack most columns, and many NULLs are as cheap as one.
    nulls_behind: usize,
}

enum Values {
    Text(TextBuilder),
    Int(Vec<i32>),
    BigInt(Vec<i64>),
    Double(Vec<f64>),
    Boolean(BooleanBufferBuilder),
    Timestamp(Vec<i64>),
    Date(Vec<i32>),
    Decimal(Vec<i128>),
    List { offsets: Vec<i32>, element: Box<ColumnBuilder> },
    Struct(Vec<ColumnBuilder>),
}

impl ColumnBuilder {
    pub(super) fn new(column_type: &ColumnType) -> Self {
        let values = match column_type {
            ColumnType::String | ColumnType::Json => Values::Text(TextBuilder::default()),
            ColumnType::Int => Values::Int(Vec::new()),
            ColumnType::BigInt => Values::BigInt(Vec::new()),
            ColumnType::Double => Values::Double(Vec::new()),
            ColumnType::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            ColumnType::Timestamp => Values::Timestamp(Vec::new()),
            ColumnType::Date => Values::Date(Vec::new()),
            ColumnType::Decimal { .. } => Values::Decimal(Vec::new()),
            ColumnType::List(element) => Values::List { offsets: vec![0], element: Box::new(Self::new(element)) },
            ColumnType::Struct(fields) => Values::Struct(fields.iter().map(|(_, field)| Self::new(field)).collect()),
        };
        Self { column_type: column_type.clone(), nulls: NullBufferBuilder::new(0), values, nulls_behind: 0 }
    }

    pub(super) fn rows(&self) -> usize {
        self.nulls.len() + self.nulls_behind
    }

    #[inline]
    pub(super) fn append_null(&mut self) {
        self.nulls_behind += 1;
    }

    /// Makes rows of the NULLs behind; whatever appends a value does this first.
    #[inline]
    fn catch_up(&mut self) {
        if self.nulls_behind > 0 {
            self.append_nulls_behind();
        }
    }

    fn append_nulls_behind(&mut self) {
        let count = std::mem::take(&mut self.nulls_behind);
        let rows = self.nulls.len() + count;
        match &mut self.values {
            Values::Text(text) => text.push_empty(count),
            Values::Int(values) | Values::Date(values) => values.resize(rows, 0),
            Values::BigInt(values) | Values::Timestamp(values) => values.resize(rows, 0),
            Values::Double(values) => values.resize(rows, 0.0),
            Values::Boolean(values) => values.append_n(count, false),
            Values::Decimal(values) => values.resize(rows, 0),
            Values::List { offsets, .. } => offsets.resize(rows + 1, offsets.last().copied().unwrap_or_default()),
            Values::Struct(fields) => fields.iter_mut().for_each(|field| field.nulls_behind += count),
        }
        self.nulls.append_n_nulls(count);
    }

    /// A JSON value that lies at `span` in `record`, already checked. After an error the builder must be truncated.
    pub(super) fn append_json(&mut self, record: &str, span: Span) -> Result<(), Mismatch> {
        let text = &record[span.range()];
        let first = text.as_bytes().first().copied().unwrap_or(b'n');
        if first == b'n' {
            self.append_null();
            return Ok(());
        }
        self.catch_up();
        match (&mut self.values, first) {
            (Values::Text(values), b'"') if self.column_type == ColumnType::String => {
                let inside = &text.as_bytes()[1..text.len() - 1];
                if span.escaped { values.push_escaped(inside)? } else { values.push(inside)? }
            }
            (Values::Text(values), _) => values.push(text.as_bytes())?,
            (Values::List { .. }, b'[') => return self.append_elements(record, span),
            (Values::Struct(_), b'{') => return self.append_fields(record, span),
            (Values::List { .. } | Values::Struct(_), _) => return Err(Mismatch::new(&self.column_type, text)),
            (Values::Timestamp(values), b'-' | b'0'..=b'9') => match value::epoch(text) {
                Some(micros) => values.push(micros),
                None => return Err(Mismatch::new(&self.column_type, text)),
            },
            (_, b'"') if span.escaped => {
                let inside = unescaped(&text.as_bytes()[1..text.len() - 1]);
                return self.append_scalar(&String::from_utf8_lossy(&inside), text);
            }
            (_, b'"') => return self.append_scalar(&text[1..text.len() - 1], text),
            _ => return self.append_scalar(text, text),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// A field of a text format: nested types are read as JSON. After an error the builder must be truncated.
    pub(super) fn append_text(&mut self, text: &str) -> Result<(), Mismatch> {
        self.catch_up();
        match &mut self.values {
            Values::Text(values) => values.push(text.as_bytes())?,
            Values::List { .. } | Values::Struct(_) => {
                let mut scanner = Scanner::new(text.as_bytes(), 0);
                let span = scanner.value()?;
                scanner.end()?;
                return self.append_json(text, span);
            }
            _ => return self.append_scalar(text, &format!("{text:?}")),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// A piece of the chunk in hand as it stands, for a text column.
    pub(super) fn append_shared(&mut self, chunk: &Buffer, start: usize, text: &str) -> Result<(), Mismatch> {
        self.catch_up();
        match &mut self.values {
            Values::Text(values) => values.push_shared(chunk, start, text.as_bytes())?,
            _ => return self.append_text(text),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// What `append_shared` gets next lies in another chunk.
    pub(super) fn leave_chunk(&mut self) {
        if let Values::Text(values) = &mut self.values {
            values.leave_chunk();
        }
    }

    /// The elements that a path with `[*]` found, for a list column.
    pub(super) fn append_found(&mut self, record: &str, found: &[Option<Span>]) -> Result<(), Mismatch> {
        self.catch_up();
        let Values::List { offsets, element } = &mut self.values else {
            return Err(Mismatch::new(&self.column_type, "a list"));
        };
        for span in found {
            match span {
                Some(span) => element.append_json(record, *span).map_err(|error| error.within("[*]"))?,
                None => element.append_null(),
            }
        }
        offsets.push(offset(element.rows())?);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_elements(&mut self, record: &str, span: Span) -> Result<(), Mismatch> {
        let Values::List { offsets, element } = &mut self.values else { return Ok(()) };
        let mut scanner = Scanner::new(record.as_bytes(), span.start + 1);
        let mut more = scanner.first_element();
        while more {
            let value = scanner.value()?;
            element.append_json(record, value).map_err(|error| error.within("[*]"))?;
            more = scanner.next_element()?;
        }
        offsets.push(offset(element.rows())?);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_fields(&mut self, record: &str, span: Span) -> Result<(), Mismatch> {
        let (Values::Struct(builders), ColumnType::Struct(fields)) = (&mut self.values, &self.column_type) else {
            return Ok(());
        };
        let row = self.nulls.len();
        let mut scanner = Scanner::new(record.as_bytes(), span.start + 1);
        let mut more = scanner.first_key()?;
        while more {
            let name = unescaped(&record.as_bytes()[scanner.key().inside()]);
            let value = scanner.value()?;
            if let Some(at) = fields.iter().position(|(field, _)| field.as_bytes() == &*name) {
                builders[at].truncate(row);
                builders[at].append_json(record, value).map_err(|error| error.within(&format!(".{}", fields[at].0)))?;
            }
            more = scanner.next_key()?;
        }
        builders.iter_mut().filter(|builder| builder.rows() == row).for_each(Self::append_null);
        self.nulls.append_non_null();
        Ok(())
    }

    /// A scalar from its text; `found` is how the value stands in the record.
    fn append_scalar(&mut self, text: &str, found: &str) -> Result<(), Mismatch> {
        let text = text.trim_ascii();
        let fits = match &mut self.values {
            Values::Int(values) => keep(values, value::int(text)),
            Values::BigInt(values) => keep(values, value::bigint(text)),
            Values::Double(values) => keep(values, value::double(text)),
            Values::Boolean(values) => value::boolean(text).map(|value| values.append(value)),
            Values::Timestamp(values) => keep(values, value::timestamp(text).or_else(|| value::epoch(text))),
            Values::Date(values) => keep(values, value::date(text)),
            Values::Decimal(values) => match self.column_type {
                ColumnType::Decimal { precision, scale } => keep(values, value::decimal(text, precision, scale)),
                _ => None,
            },
            Values::Text(_) | Values::List { .. } | Values::Struct(_) => None,
        };
        match fits {
            Some(()) => {
                self.nulls.append_non_null();
                Ok(())
            }
            None => Err(Mismatch::new(&self.column_type, found)),
        }
    }

    /// Back to the first `rows` rows.
    pub(super) fn truncate(&mut self, rows: usize) {
        match rows.checked_sub(self.nulls.len()) {
            Some(behind) => self.nulls_behind = self.nulls_behind.min(behind),
            None => {
                self.nulls_behind = 0;
                self.nulls.truncate(rows);
            }
        }
        // Of a value that could not be read a part may be there.
        let rows = self.nulls.len();
        match &mut self.values {
            Values::Text(text) => text.truncate(rows),
            Values::Int(values) | Values::Date(values) => values.truncate(rows),
            Values::BigInt(values) | Values::Timestamp(values) => values.truncate(rows),
            Values::Double(values) => values.truncate(rows),
            Values::Boolean(values) => values.truncate(rows),
            Values::Decimal(values) => values.truncate(rows),
            Values::List { offsets, element } => {
                offsets.truncate(rows + 1);
                element.truncate(offsets.last().map_or(0, |last| usize::try_from(*last).unwrap_or_default()));
            }
            Values::Struct(fields) => fields.iter_mut().for_each(|field| field.truncate(rows)),
        }
    }

    /// The rows so far as an array; the builder begins anew.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        self.catch_up();
        let data_type = arrow_type(&self.column_type);
        let rows = self.nulls.len();
        let nulls = &mut self.nulls;
        let array: ArrayRef = match &mut self.values {
            Values::Text(text) => Arc::new(text.finish(nulls)?),
            Values::Int(values) => Arc::new(Int32Array::try_new(drain(values).into(), nulls.finish())?),
            Values::BigInt(values) => Arc::new(Int64Array::try_new(drain(values).into(), nulls.finish())?),
            Values::Double(values) => Arc::new(Float64Array::try_new(drain(values).into(), nulls.finish())?),
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls.finish())),
            Values::Timestamp(values) => Arc::new(
                PrimitiveArray::<TimestampMicrosecondType>::try_new(drain(values).into(), nulls.finish())?
                    .with_data_type(data_type),
            ),
            Values::Date(values) => {
                Arc::new(PrimitiveArray::<Date32Type>::try_new(drain(values).into(), nulls.finish())?)
            }
            Values::Decimal(values) => {
                Arc::new(Decimal128Array::try_new(drain(values).into(), nulls.finish())?.with_data_type(data_type))
            }
            Values::List { offsets, element } => {
                let offsets = OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
                let field = Arc::new(Field::new_list_field(arrow_type(&element.column_type), true));
                Arc::new(ListArray::try_new(field, offsets, element.finish()?, nulls.finish())?)
            }
            Values::Struct(fields) => {
                let DataType::Struct(names) = data_type else {
                    return Err(ArrowError::SchemaError("not a struct".to_owned()));
                };
                let arrays = fields.iter_mut().map(Self::finish).collect::<Result<Vec<_>, _>>()?;
                Arc::new(StructArray::try_new_with_length(names, arrays, nulls.finish(), rows)?)
            }
        };
        Ok(array)
    }
}

/// The values, with room for as many again left behind.
fn drain<T>(values: &mut Vec<T>) -> Vec<T> {
    let capacity = values.len();
    std::mem::replace(values, Vec::with_capacity(capacity))
}

fn keep<T>(values: &mut Vec<T>, value: Option<T>) -> Option<()> {
    values.push(value?);
    Some(())
}

fn offset(rows: usize) -> Result<i32, TooLong> {
    i32::try_from(rows).map_err(|_| TooLong)
}

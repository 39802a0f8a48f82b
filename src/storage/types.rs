//! The columns a Delta table can hold: every Arrow type a query can give becomes one of them, or is refused by name.
//!
//! Every column is nullable: a NOT NULL that Arrow happens to know of (`select 1`) is no promise the user made. Unsigned
//! integers become the next wider signed ones (64 bits: `bigint`, and a value beyond it fails). Timestamps are
//! microseconds in UTC; one without a zone is taken as UTC.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::error::ArrowError;

use super::error::StorageError;
use crate::names::Relation;

/// Refuses two columns of one name, between which nothing that reads them could choose.
pub fn names_once(relation: &Relation, query: &Schema) -> Result<(), StorageError> {
    let mut names = HashSet::new();
    match query.fields().iter().find(|field| !names.insert(field.name())) {
        Some(twin) => Err(StorageError::DuplicateColumn { relation: relation.clone(), column: twin.name().clone() }),
        None => Ok(()),
    }
}

/// The schema a query's rows have in the table.
pub fn table_schema(relation: &Relation, query: &Schema) -> Result<SchemaRef, StorageError> {
    let mut names = HashSet::new();
    let mut fields = Vec::with_capacity(query.fields().len());
    for (index, field) in query.fields().iter().enumerate() {
        let name = field.name();
        if name.is_empty() || name.contains([' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '=']) {
            return Err(StorageError::ColumnName {
                relation: relation.clone(),
                number: index + 1,
                column: name.clone(),
            });
        }
        if !names.insert(name.to_lowercase()) {
            return Err(StorageError::DuplicateColumn { relation: relation.clone(), column: name.clone() });
        }
        let data_type = table_type(field.data_type()).map_err(|hint| StorageError::ColumnType {
            relation: relation.clone(),
            column: name.clone(),
            data_type: shown(field.data_type()),
            hint: hint.to_owned(),
        })?;
        fields.push(Field::new(name, data_type, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// How a type is called in messages.
pub fn shown(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "a string".to_owned(),
        DataType::Dictionary(_, values) => shown(values),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Interval(_) => "an interval".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "a time of day".to_owned(),
        DataType::Duration(_) => "a duration".to_owned(),
        DataType::Union(_, _) => "a JSON value of no fixed type".to_owned(),
        DataType::Timestamp(_, _) => "a timestamp".to_owned(),
        DataType::List(field) => format!("a list of {}", several(&shown(field.data_type()))),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision}, {scale})")
        }
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{}: {}", field.name(), bare(&shown(field.data_type())))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        other => other.to_string().to_lowercase(),
    }
}

/// `strings` of `a string`; names of types stay.
fn several(one: &str) -> String {
    match one.strip_prefix("a list of ") {
        Some(items) => format!("lists of {items}"),
        None if bare(one) != one && !bare(one).contains(' ') => format!("{}s", bare(one)),
        None => one.to_owned(),
    }
}

fn bare(one: &str) -> &str {
    one.strip_prefix("a ").or_else(|| one.strip_prefix("an ")).unwrap_or(one)
}

fn table_type(data_type: &DataType) -> Result<DataType, &'static str> {
    Ok(match data_type {
        DataType::Null | DataType::LargeUtf8 => DataType::Utf8,
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Date64 => DataType::Date32,
        DataType::LargeBinary | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Dictionary(_, values) => table_type(values)?,
        DataType::RunEndEncoded(_, values) => table_type(values.data_type())?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            DataType::List(Arc::new(Field::new("element", table_type(item.data_type())?, true)))
        }
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| Ok(Arc::new(Field::new(field.name(), table_type(field.data_type())?, true))))
                .collect::<Result<Fields, &'static str>>()?,
        ),
        DataType::Map(entries, sorted) => map_type(entries, *sorted)?,
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Utf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::BinaryView => data_type.clone(),
        DataType::Decimal128(precision, scale) if *scale >= 0 => DataType::Decimal128(*precision, *scale),
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => {
            return Err("cast it to decimal(38, s) with a scale of at least 0");
        }
        DataType::Interval(_) | DataType::Duration(_) => {
            return Err("cast it to a string, or take the seconds with `extract(epoch from ...)`");
        }
        DataType::Time32(_) | DataType::Time64(_) => return Err("cast it to a string"),
        DataType::Union(_, _) => {
            return Err("say which type the JSON value has: `json_get_str`, `json_get_int`, or a cast");
        }
    })
}

fn map_type(entries: &Field, sorted: bool) -> Result<DataType, &'static str> {
    let DataType::Struct(pair) = entries.data_type() else { return Err("cast it to a string") };
    let [key, value] = pair.as_ref() else { return Err("cast it to a string") };
    let pair = Fields::from(vec![
        Field::new("key", table_type(key.data_type())?, false),
        Field::new("value", table_type(value.data_type())?, true),
    ]);
    Ok(DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair), false)), sorted))
}

/// The batch with the columns of `schema`, matched by position; a value that does not fit is an error.
pub fn fit(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast_column(column, field.data_type(), &options)
                .map_err(|error| ArrowError::CastError(format!("column `{}`: {error}", field.name()))),
        })
        .collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

/// A timestamp without a zone is taken as UTC, which changes its type and no value: arrow would ask for the zone's offset
/// at each.
fn cast_column(column: &ArrayRef, to: &DataType, options: &CastOptions<'_>) -> Result<ArrayRef, ArrowError> {
    match (column.data_type(), to) {
        (DataType::Timestamp(_, None), DataType::Timestamp(TimeUnit::Microsecond, Some(zone))) if **zone == *"UTC" => {
            let plain = cast_with_options(column, &DataType::Timestamp(TimeUnit::Microsecond, None), options)?;
            let micros = plain.as_primitive::<TimestampMicrosecondType>().clone();
            Ok(Arc::new(micros.with_timezone(Arc::clone(zone))))
        }
        _ => cast_with_options(column, to, options),
    }
}

/// Whether two types are one in a Delta table: strings and views of strings, a dictionary and its values (a partition's
/// column is read as one), lists whatever their field is called.
pub fn same_in_delta(left: &DataType, right: &DataType) -> bool {
    fn plain(data_type: &DataType) -> DataType {
        match data_type {
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
            DataType::Dictionary(_, values) => plain(values),
            DataType::List(item) => DataType::List(Arc::new(Field::new("element", plain(item.data_type()), true))),
            DataType::Struct(fields) => DataType::Struct(
                fields.iter().map(|field| Field::new(field.name(), plain(field.data_type()), true)).collect(),
            ),
            other => other.clone(),
        }
    }
    plain(left) == plain(right)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{TimestampMicrosecondArray, TimestampNanosecondArray, UInt8Array, UInt64Array};

    use super::*;

    fn relation() -> Relation {
        Relation::new("gold", "t").unwrap()
    }

    #[test]
    fn every_column_is_nullable_and_signed() {
        let query = Schema::new(vec![
            Field::new("a", DataType::UInt8, false),
            Field::new("b", DataType::Timestamp(TimeUnit::Nanosecond, None), false),
            Field::new("c", DataType::Null, true),
        ]);
        let schema = table_schema(&relation(), &query).unwrap();
        assert!(schema.fields().iter().all(|field| field.is_nullable()));
        assert_eq!(schema.field(0).data_type(), &DataType::Int16);
        assert_eq!(schema.field(1).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        assert_eq!(schema.field(2).data_type(), &DataType::Utf8);
    }

    #[test]
    fn a_dictionary_is_its_values() {
        let dictionary = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
        assert!(same_in_delta(&dictionary, &DataType::Utf8View));
        assert!(!same_in_delta(&dictionary, &DataType::Int64));
        assert_eq!(shown(&dictionary), "a string");
    }

    #[test]
    fn a_timestamp_without_a_zone_is_utc() {
        let query = Schema::new(vec![Field::new("a", DataType::Timestamp(TimeUnit::Nanosecond, None), true)]);
        let schema = table_schema(&relation(), &query).unwrap();
        let nanos = TimestampNanosecondArray::from(vec![Some(1_500), None, Some(-1_000)]);
        let batch = RecordBatch::try_from_iter([("a", Arc::new(nanos) as ArrayRef)]).unwrap();
        let fitted = fit(batch, &schema).unwrap();
        let expected = TimestampMicrosecondArray::from(vec![Some(1), None, Some(-1)]).with_timezone("UTC");
        assert_eq!(fitted.column(0).as_primitive::<TimestampMicrosecondType>(), &expected);
    }

    #[test]
    fn unsigned_values_keep_their_value_or_fail() {
        let query = Schema::new(vec![Field::new("a", DataType::UInt8, false)]);
        let schema = table_schema(&relation(), &query).unwrap();
        let batch = RecordBatch::try_from_iter([("a", Arc::new(UInt8Array::from(vec![200])) as ArrayRef)]).unwrap();
        let fitted = fit(batch, &schema).unwrap();
        assert_eq!(format!("{:?}", fitted.column(0).as_ref()).matches("200").count(), 1);

        let query = Schema::new(vec![Field::new("a", DataType::UInt64, false)]);
        let schema = table_schema(&relation(), &query).unwrap();
        let batch =
            RecordBatch::try_from_iter([("a", Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef)]).unwrap();
        assert!(fit(batch, &schema).unwrap_err().to_string().contains("column `a`"));
    }

    #[test]
    fn a_type_delta_has_not_is_refused_with_a_remedy() {
        let query = Schema::new(vec![Field::new("a", DataType::Duration(TimeUnit::Second), true)]);
        let error = table_schema(&relation(), &query).unwrap_err();
        assert_eq!(error.to_string(), "column `a` of `gold.t` is a duration, which a Delta table cannot hold");
    }

    #[test]
    fn names_that_differ_by_case_only_are_refused() {
        let query = Schema::new(vec![Field::new("id", DataType::Int64, true), Field::new("ID", DataType::Int64, true)]);
        assert!(matches!(table_schema(&relation(), &query), Err(StorageError::DuplicateColumn { .. })));
    }
}

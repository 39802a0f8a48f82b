//! How a table's Parquet files are written, decided by a look at the first rows.
//!
//! A dictionary of values that hardly repeat costs its hashing and is thrown away; the least and greatest of long texts
//! skip no file. Both are left out where the sample says so.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use deltalake::parquet::basic::Compression;
use deltalake::parquet::file::properties::{EnabledStatistics, WriterProperties};
use deltalake::parquet::schema::types::ColumnPath;

/// A row group at most: what a writer keeps in memory, encoded.
const ROW_GROUP_ROWS: usize = 256 << 10;
const ROW_GROUP_BYTES: usize = 16 << 20;
/// Values looked at of each column.
const SAMPLE: usize = 1024;
/// Too few values tell nothing.
const SAMPLE_AT_LEAST: usize = 256;
/// Bytes from which a text is long.
const LONG: usize = 64;

/// Settings for rows that begin with `sample`.
pub(super) fn properties(schema: &SchemaRef, sample: &[RecordBatch]) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let Some(first) = sample.first() else { return builder.build() };
    for (field, column) in schema.fields().iter().zip(first.columns()) {
        if field.data_type().is_nested() {
            continue;
        }
        let column = column.slice(0, column.len().min(SAMPLE));
        let path = ColumnPath::new(vec![field.name().clone()]);
        let long = mean_length(&column).is_some_and(|length| length >= LONG);
        if long {
            builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        }
        if long || !repeats(&column) {
            builder = builder.set_column_dictionary_enabled(path, false);
        }
    }
    builder.build()
}

/// Of texts, those that are there.
fn mean_length(column: &ArrayRef) -> Option<usize> {
    let lengths: (usize, usize) = match column.data_type() {
        DataType::Utf8 => sum(column.as_string::<i32>().iter().flatten().map(str::len)),
        DataType::Utf8View => sum(column.as_string_view().iter().flatten().map(str::len)),
        _ => return None,
    };
    lengths.0.checked_div(lengths.1)
}

fn sum(lengths: impl Iterator<Item = usize>) -> (usize, usize) {
    lengths.fold((0, 0), |(total, count), length| (total + length, count + 1))
}

/// Whether at least one value in ten is there twice; a column of few values is given the benefit of the doubt.
fn repeats(column: &ArrayRef) -> bool {
    let present = column.len() - column.null_count();
    if present < SAMPLE_AT_LEAST {
        return true;
    }
    let Ok(converter) = RowConverter::new(vec![SortField::new(column.data_type().clone())]) else { return true };
    let Ok(rows) = converter.convert_columns(std::slice::from_ref(column)) else { return true };
    let distinct: HashSet<_> = rows.iter().collect();
    distinct.len() * 10 <= present * 9
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_key_gets_no_dictionary_and_a_long_text_no_statistics() {
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        let kinds: ArrayRef = Arc::new(StringArray::from_iter_values((0..1000).map(|n| format!("kind {}", n % 7))));
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..1000).map(|n| format!("{n}{}", "x".repeat(90)))));
        let batch = RecordBatch::try_from_iter([("key", keys), ("kind", kinds), ("text", texts)]).unwrap();
        let properties = properties(&batch.schema(), &[batch]);
        let path = |name: &str| ColumnPath::new(vec![name.to_owned()]);
        assert!(!properties.dictionary_enabled(&path("key")));
        assert!(properties.dictionary_enabled(&path("kind")));
        assert!(!properties.dictionary_enabled(&path("text")));
        assert_eq!(properties.statistics_enabled(&path("text")), EnabledStatistics::None);
        assert_eq!(properties.statistics_enabled(&path("key")), EnabledStatistics::Chunk);
    }
}

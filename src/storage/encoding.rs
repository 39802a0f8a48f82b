//! How a table's Parquet files are written, decided by a look at the first rows.
//!
//! A dictionary of values that hardly repeat costs its hashing and is thrown away; the least and greatest of long texts
//! skip no file. Both are left out where the sample says so.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{ArrowNativeType, DataType, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use deltalake::parquet::basic::Compression;
use deltalake::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use deltalake::parquet::schema::types::ColumnPath;

/// A row group at most: what a writer keeps in memory, encoded. Larger ones are read no faster, and each is copied once
/// more on its way into the file: at four times the size a run faults in twice the pages, and takes 4 % more CPU time.
const ROW_GROUP_ROWS: usize = 256 << 10;
const ROW_GROUP_BYTES: usize = 4 << 20;
/// A page at most, before compression: with what it is made of it stays in the cache of a core.
const PAGE_BYTES: usize = 128 << 10;
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
        .set_data_page_size_limit(PAGE_BYTES)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for (index, field) in schema.fields().iter().enumerate() {
        if let Some(values) = first_values(sample, index) {
            builder = leaves(builder, vec![field.name().clone()], &values);
        }
    }
    builder.build()
}

/// The beginning of a column: of each batch some values, until there are enough.
fn first_values(sample: &[RecordBatch], index: usize) -> Option<ArrayRef> {
    let mut parts = Vec::new();
    let mut present = 0;
    for batch in sample {
        let column = batch.column(index);
        let part = column.slice(0, column.len().min(SAMPLE));
        present += part.len() - part.null_count();
        parts.push(part);
        if present >= SAMPLE {
            break;
        }
    }
    concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>()).ok()
}

/// The settings of the Parquet columns an Arrow column becomes.
fn leaves(mut builder: WriterPropertiesBuilder, path: Vec<String>, values: &ArrayRef) -> WriterPropertiesBuilder {
    let below = |names: &[&str]| path.iter().cloned().chain(names.iter().map(|name| (*name).to_owned())).collect();
    match values.data_type() {
        DataType::List(element) => {
            let elements = values.as_list::<i32>();
            let (start, end) =
                (elements.value_offsets()[0].as_usize(), elements.value_offsets()[elements.len()].as_usize());
            let inner = elements.values().slice(start, end - start);
            leaves(builder, below(&["list", element.name()]), &inner)
        }
        DataType::Struct(fields) => fields
            .iter()
            .zip(values.as_struct().columns())
            .fold(builder, |builder, (field, inner)| leaves(builder, below(&[field.name()]), inner)),
        nested if nested.is_nested() => builder,
        _ => {
            let path = ColumnPath::new(path);
            let long = mean_length(values).is_some_and(|length| length >= LONG);
            if long {
                builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
            }
            if long || !repeats(values) {
                builder = builder.set_column_dictionary_enabled(path, false);
            }
            builder
        }
    }
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

/// Whether at least half of the values were there before; a column of few values is given the benefit of the doubt.
fn repeats(column: &ArrayRef) -> bool {
    let present = column.len() - column.null_count();
    if present < SAMPLE_AT_LEAST {
        return true;
    }
    let Ok(converter) = RowConverter::new(vec![SortField::new(column.data_type().clone())]) else { return true };
    let Ok(rows) = converter.convert_columns(std::slice::from_ref(column)) else { return true };
    let distinct: HashSet<_> = rows.iter().collect();
    distinct.len() * 2 <= present
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

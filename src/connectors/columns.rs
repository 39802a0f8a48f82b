//! The columns of what connectors read: the declared ones, and those that every row gets besides.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{decode, http, kafka};
use crate::graph::TopicConfig;
use crate::project::TableReader;

/// Where a row came from: a file's name, or a URL.
pub const SOURCE_COLUMN: &str = "_source";
/// Where the window begins that a row was read for; NULL where there are no windows.
pub const WINDOW_COLUMN: &str = "_window_start";
/// When the run that read the row began; one value for the whole run.
pub const INGESTED_AT_COLUMN: &str = "_ingested_at";
/// The status of the answer a row came in; NULL where there was none.
pub const STATUS_COLUMN: &str = "_status";
/// Why a request failed, in a row that stands for it.
pub const ERROR_COLUMN: &str = "_error";

/// The columns every connector adds to the declared ones.
pub fn added_columns() -> [Field; 5] {
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    [
        Field::new(SOURCE_COLUMN, DataType::Utf8View, true),
        Field::new(INGESTED_AT_COLUMN, time(), true),
        Field::new(WINDOW_COLUMN, time(), true),
        Field::new(STATUS_COLUMN, DataType::Int32, true),
        Field::new(ERROR_COLUMN, DataType::Utf8View, true),
    ]
}

/// What a source's table has for a query, as declared; `None` if that is an existing table.
pub fn declared_columns(reader: &TableReader) -> Option<SchemaRef> {
    let declared = match reader {
        TableReader::Files(config) => Arc::new(decode::arrow_schema(&config.columns)),
        TableReader::Http(config) => http::schema(config),
        TableReader::Kafka(config) => kafka::schema(config),
        TableReader::Table { .. } => return None,
    };
    Some(full_schema(&declared))
}

/// What the topic of a model has for those that read it.
pub fn topic_columns(topic: &TopicConfig, columns: &Schema) -> SchemaRef {
    full_schema(&kafka::schema(&kafka::topic_source(topic, columns)))
}

/// The declared columns and the added ones.
pub fn full_schema(declared: &Schema) -> SchemaRef {
    let fields: Vec<Field> =
        declared.fields().iter().map(|field| field.as_ref().clone()).chain(added_columns()).collect();
    Arc::new(Schema::new(fields))
}

//! A model's topic as a source for other models: its columns out of the messages, and what a message has besides.

use datafusion::arrow::datatypes::{DataType, Schema};

use crate::graph::TopicConfig;
use crate::project::{
    ColumnDefinition, ColumnType, Format, JsonPath, KafkaColumn, KafkaConfig, MessagePart, PathStep, StartAt,
};

/// The parts of a message under the names they have beside a model's own columns.
const PARTS: [(&str, MessagePart); 6] = [
    ("_topic", MessagePart::Topic),
    ("_partition", MessagePart::Partition),
    ("_offset", MessagePart::Offset),
    ("_timestamp", MessagePart::Timestamp),
    ("_key", MessagePart::Key),
    ("_headers", MessagePart::Headers),
];

/// How the topic of a model with the columns of `schema` is read.
pub fn topic_source(topic: &TopicConfig, schema: &Schema) -> KafkaConfig {
    let mut columns: Vec<KafkaColumn> = match &topic.value {
        Some(value) => vec![KafkaColumn::Part { name: value.clone(), part: MessagePart::Value }],
        None => schema
            .fields()
            .iter()
            .filter(|field| !topic.headers.iter().any(|header| header == field.name()))
            .map(|field| {
                KafkaColumn::Decoded(ColumnDefinition {
                    name: field.name().clone(),
                    column_type: column_type(field.data_type()),
                    path: JsonPath(vec![PathStep::Name(field.name().clone())]),
                    place: None,
                })
            })
            .collect(),
    };
    let is_taken = |name: &str| schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
    let parts = PARTS.iter().filter(|(name, _)| !is_taken(name));
    columns.extend(parts.map(|(name, part)| KafkaColumn::Part { name: (*name).to_owned(), part: *part }));
    KafkaConfig {
        connection: std::sync::Arc::clone(&topic.connection),
        topic: topic.topic.clone(),
        start: StartAt::Earliest,
        live: false,
        on_lost_offsets: topic.on_lost_offsets,
        properties: Vec::new(),
        format: if topic.value.is_some() { Format::Text } else { Format::Json },
        columns,
        batch: topic.batch,
        place: topic.place.clone(),
    }
}

/// The type that takes every value of an Arrow type as it stands in JSON.
fn column_type(data_type: &DataType) -> ColumnType {
    match data_type {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => ColumnType::Int,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ColumnType::BigInt,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnType::Double,
        DataType::Timestamp(_, _) => ColumnType::Timestamp,
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => ColumnType::Decimal { precision: *precision, scale: *scale },
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::FixedSizeList(element, _) => ColumnType::List(Box::new(column_type(element.data_type()))),
        DataType::Struct(fields) => ColumnType::Struct(
            fields.iter().map(|field| (field.name().clone(), column_type(field.data_type()))).collect(),
        ),
        DataType::Map(_, _) => ColumnType::Json,
        DataType::Dictionary(_, values) => column_type(values),
        _ => ColumnType::String,
    }
}

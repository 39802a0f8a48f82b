//! Where the rows of a model with `materialized: kafka` go.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Span};
use crate::project::{
    BatchConfig, Connection, ConnectionKind, KafkaConnection, OnLostOffsets, parse_bytes, parse_duration,
};

use super::config_reader::Reader;

#[derive(Debug, Clone)]
pub struct TopicConfig {
    pub connection: Arc<KafkaConnection>,
    pub topic: String,
    /// The column whose text is a message's key.
    pub key: Option<String>,
    /// Columns that become headers, and are not in the value.
    pub headers: Vec<String>,
    /// The column whose text is a message's value; default: a JSON object of the columns.
    pub value: Option<String>,
    /// Of a topic that has to be made; default: what the brokers do.
    pub partitions: Option<i32>,
    pub replication: Option<i32>,
    pub retention: Option<Duration>,
    pub compression: Compression,
    /// librdkafka's, over those of the connection.
    pub properties: Vec<(String, String)>,
    /// How models that read the topic take it.
    pub batch: BatchConfig,
    pub on_lost_offsets: OnLostOffsets,
    /// The config, for what is wrong with it at run time.
    pub place: Option<Span>,
}

/// How the producer compresses batches of messages. Default: zstd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    const NAMES: &[&str] = &["none", "gzip", "snappy", "lz4", "zstd"];

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "gzip" => Self::Gzip,
            "snappy" => Self::Snappy,
            "lz4" => Self::Lz4,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// Settings that mean nothing for a table.
const KEYS: &[&str] = &["topic", "key", "headers", "value"];

impl TopicConfig {
    pub(super) fn read(reader: &mut Reader<'_>, connections: &[Connection]) -> Option<Self> {
        let connection = Self::connection(reader, connections);
        let topic = reader.optional_string("topic");
        if topic.is_none() && reader.config.get("topic").is_none_or(Value::is_null) {
            let message = format!("`{}` is materialized as a topic and names none", reader.owner);
            reader.conflict(message, "say which: topic='github-events-raw'");
        }
        let read = Self {
            key: reader.optional_string("key"),
            headers: reader.strings("headers"),
            value: reader.optional_string("value"),
            partitions: reader.number("partitions"),
            replication: reader.number("replication"),
            retention: reader.duration("retention"),
            compression: reader
                .choice("compression", Compression::NAMES, Compression::parse)
                .unwrap_or(Compression::Zstd),
            properties: reader.pairs("properties"),
            batch: Self::batch(reader),
            on_lost_offsets: reader
                .choice("on_lost_offsets", OnLostOffsets::NAMES, OnLostOffsets::parse)
                .unwrap_or(OnLostOffsets::Fail),
            place: reader.place.clone(),
            connection: connection?,
            topic: topic?,
        };
        Some(read)
    }

    fn connection(reader: &mut Reader<'_>, connections: &[Connection]) -> Option<Arc<KafkaConnection>> {
        let Some(name) = reader.optional_string("connection") else {
            if reader.config.get("connection").is_none_or(Value::is_null) {
                let message = format!("`{}` is materialized as a topic and names no connection", reader.owner);
                reader.conflict(message, "say where the brokers are: connection='broker', an entry of `connections:`");
            }
            return None;
        };
        let place = reader.place_of("connection");
        let found = connections.iter().find(|connection| connection.name == name);
        let mistake = match found.map(|connection| &connection.kind) {
            Some(ConnectionKind::Kafka(kafka)) => return Some(Arc::clone(kafka)),
            Some(ConnectionKind::Broken) => return None,
            Some(ConnectionKind::Http(_)) => Diagnostic::error(
                Code::Config,
                format!("connection `{name}` is not one to Kafka"),
            )
            .label_or_file(place, "it has `http`", reader.path),
            None => Diagnostic::error(Code::Config, format!("no connection is named `{name}`"))
                .label_or_file(place, "not in `connections:` of sources.yaml", reader.path)
                .nearest(&name, connections.iter().map(|connection| connection.name.as_str()))
                .unknown(&name),
        };
        reader.found.push(mistake);
        None
    }

    fn batch(reader: &mut Reader<'_>) -> BatchConfig {
        let mut batch = BatchConfig::default();
        let Some(Value::Object(given)) = reader.config.get("batch") else { return batch };
        for (key, value) in given {
            let text = value.as_str();
            let taken = match key.as_str() {
                "rows" => value
                    .as_u64()
                    .and_then(|rows| usize::try_from(rows).ok())
                    .filter(|rows| *rows > 0)
                    .map(|rows| batch.rows = rows),
                "every" => text.and_then(parse_duration).map(|every| batch.every = every),
                "bytes" => text.and_then(parse_bytes).map(|bytes| batch.bytes = bytes),
                _ => None,
            };
            if taken.is_none() {
                let expected = "such as `{'rows': 100000, 'bytes': '64MiB', 'every': '5s'}`";
                reader.wrong("batch", expected, &Value::Object(given.clone()));
                break;
            }
        }
        batch
    }

    /// Settings of a topic in a model that is none.
    pub(super) fn refuse(reader: &mut Reader<'_>) {
        let given = KEYS.iter().find(|key| reader.config.get(**key).is_some_and(|value| !value.is_null()));
        let Some(key) = given.filter(|_| !reader.is_partial) else { return };
        let place = reader.place_of(key);
        reader.found.push(
            Diagnostic::error(Code::Config, format!("`{key}` of `{}` is a setting of a topic", reader.owner))
                .label_or_file(place, "", reader.path)
                .hint("it needs materialized='kafka'"),
        );
    }
}

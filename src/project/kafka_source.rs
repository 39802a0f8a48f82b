//! `kafka:` of a source's table: which topic, from where, and what of a message becomes a column.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Place;
use super::connection::KafkaConnection;
use super::source::{ColumnDefinition, Format};

/// The `kafka:` connector's settings.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    pub connection: Arc<KafkaConnection>,
    pub topic: String,
    pub start: StartAt,
    /// Every start is at the end of the topic: what came in between is skipped on purpose.
    pub live: bool,
    pub on_lost_offsets: OnLostOffsets,
    /// librdkafka's properties, over those of the connection.
    pub properties: Vec<(String, String)>,
    pub format: Format,
    pub columns: Vec<KafkaColumn>,
    pub batch: BatchConfig,
    /// The `kafka` key, or the config of the model whose topic it is.
    pub place: Place,
}

#[derive(Debug, Clone)]
pub enum KafkaColumn {
    /// Out of the message's value.
    Decoded(ColumnDefinition),
    /// Of the message itself.
    Part { name: String, part: MessagePart },
}

/// What a message has besides what its value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessagePart {
    Topic,
    Partition,
    Offset,
    /// Its timestamp, by the producer's clock or the broker's.
    Timestamp,
    /// As text.
    Key,
    /// As text.
    Value,
    /// A JSON object; of headers of one name the last counts.
    Headers,
}

/// Where reading begins before there is a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    Earliest,
    Latest,
    At(Timestamp),
}

/// When offsets that were not read yet are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLostOffsets {
    Fail,
    SkipAndReport,
}

impl OnLostOffsets {
    pub const NAMES: &[&str] = &["fail", "skip_and_report"];

    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "fail" => Self::Fail,
            "skip_and_report" => Self::SkipAndReport,
            _ => return None,
        })
    }
}

/// When a batch is closed and committed; whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchConfig {
    /// Default: 100,000.
    pub rows: usize,
    /// Default: 5s.
    pub every: Duration,
    /// Default: 64 MiB.
    pub bytes: u64,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { rows: 100_000, every: Duration::from_secs(5), bytes: 64 << 20 }
    }
}

impl KafkaConfig {
    /// The columns that are decoded from a value, in their order.
    pub fn decoded(&self) -> impl Iterator<Item = &ColumnDefinition> {
        self.columns.iter().filter_map(|column| match column {
            KafkaColumn::Decoded(column) => Some(column),
            KafkaColumn::Part { .. } => None,
        })
    }
}

impl MessagePart {
    pub(super) const NAMES: &[&str] = &["topic", "partition", "offset", "timestamp", "key", "value", "headers"];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "topic" => Self::Topic,
            "partition" => Self::Partition,
            "offset" => Self::Offset,
            "timestamp" => Self::Timestamp,
            "key" => Self::Key,
            "value" => Self::Value,
            "headers" => Self::Headers,
            _ => return None,
        })
    }
}

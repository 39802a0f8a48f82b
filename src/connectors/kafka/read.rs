//! Messages become pages of rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray, StringViewBuilder,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::error::ArrowError;
use rdkafka::Message;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Timestamp};
use rdkafka::topic_partition_list::Offset;
use serde_json::{Map, Value};

use super::client::Reading;
use super::{ConnectorError, Item, Kafka, TopicError, lock};
use crate::connectors::decode::{Messages, Rejected};
use crate::connectors::{Origin, PAGE_ROWS, Page};
use crate::project::{ColumnDefinition, KafkaColumn, MessagePart, OnLostOffsets};

/// How long a broker may say nothing while there is more to read.
const SILENCE: Duration = Duration::from_mins(2);
/// How long one wait for a message is.
const TICK: Duration = Duration::from_millis(100);

impl Kafka {
    /// Reads a partition up to an offset on the calling (blocking) thread.
    pub(in crate::connectors) fn read(
        &self,
        item: &Item,
        columns: &[usize],
        take: &mut dyn FnMut(Page) -> bool,
    ) -> Result<(), ConnectorError> {
        let Some(partition) = self.partition(&item.name) else { return Ok(()) };
        let Some(start) = self.next(partition) else { return Ok(()) };
        let known = lock(&self.readings).remove(&partition).filter(|reading| reading.next == start);
        let mut reading = match known {
            Some(reading) => reading,
            None => Reading::at(&self.config, partition, start, lock(&self.state).starts.len())?,
        };
        let mut gathered = Gathered::new(self, columns, partition);
        let mut bytes = 0_u64;
        let mut heard = Instant::now();
        let (mut goes_on, mut ended) = (true, false);
        while goes_on && reading.next < item.mark {
            if self.around.cancel.is_cancelled() {
                return Err(TopicError::Cancelled { topic: self.config.topic.clone() }.into());
            }
            // By the messages themselves, so that every scan of a slice ends at the same one.
            if item.bytes_at_most.is_some_and(|limit| bytes >= limit) {
                lock(&self.state).cut.insert(partition);
                break;
            }
            if let Some(held) = reading.held.take() {
                if held.offset() >= item.mark {
                    reading.next = item.mark;
                    reading.held = Some(held);
                    break;
                }
                reading.next = held.offset() + 1;
                bytes += held.payload().map_or(0, <[u8]>::len) as u64;
                gathered.push(&held);
                continue;
            }
            match reading.consumer.poll(TICK) {
                Some(Ok(message)) if message.offset() >= item.mark => {
                    reading.held = Some(message.detach());
                    reading.next = item.mark;
                    break;
                }
                Some(Ok(message)) => {
                    heard = Instant::now();
                    ended = false;
                    reading.next = message.offset() + 1;
                    bytes += message.payload_len() as u64;
                    self.progress.bytes.fetch_add(message.payload_len() as u64, Ordering::Relaxed);
                    gathered.push(&message);
                }
                // One end may have been told before what waits now came. Two in a row, or nothing behind one, is the end:
                // behind the last message there may be marks of transactions, and before an open one it ends early.
                Some(Err(KafkaError::PartitionEOF(_))) if !ended => ended = true,
                Some(Err(KafkaError::PartitionEOF(_))) | None if ended => {
                    reading.next = reading.next.max(behind(&reading, &self.config.topic, partition)).min(item.mark);
                    break;
                }
                // The next look tells what was lost, and goes on behind it.
                Some(Err(error)) if is_lost(&error) && self.config.on_lost_offsets == OnLostOffsets::SkipAndReport => {
                    return Err(TopicError::read(&self.config, partition, &error).into());
                }
                Some(Err(error)) if is_lost(&error) => {
                    let lost = vec![format!("offset {} of partition {partition} is gone", reading.next)];
                    return Err(TopicError::Lost { topic: self.config.topic.clone(), lost }.into());
                }
                Some(Err(error)) if heard.elapsed() > SILENCE => {
                    return Err(TopicError::read(&self.config, partition, &error).into());
                }
                None if heard.elapsed() > SILENCE => {
                    let reason = format!("no message for {} seconds", SILENCE.as_secs());
                    let topic = self.config.topic.clone();
                    return Err(TopicError::Read { topic, partition, reason }.into());
                }
                Some(Err(_)) | None => {}
            }
            if gathered.is_full() {
                goes_on = gathered.hand_over(take)?;
            }
        }
        if goes_on {
            gathered.hand_over(take)?;
        }
        // Of several scans of one slice the shortest counts.
        lock(&self.state)
            .reached
            .entry(partition)
            .and_modify(|reached| *reached = (*reached).min(reading.next))
            .or_insert(reading.next);
        lock(&self.readings).insert(partition, reading);
        self.progress.items.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The offset behind all that was given.
fn behind(reading: &Reading, topic: &str, partition: i32) -> i64 {
    let position = reading.consumer.position().ok();
    match position.and_then(|list| Some(list.find_partition(topic, partition)?.offset())) {
        Some(Offset::Offset(offset)) => offset,
        _ => reading.next,
    }
}

fn is_lost(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset))
}

/// Messages on their way to a page.
struct Gathered<'a> {
    kafka: &'a Kafka,
    partition: i32,
    messages: Messages,
    offsets: Vec<i64>,
    timestamps: Vec<Option<i64>>,
    keys: Vec<Option<String>>,
    values: Vec<Option<String>>,
    headers: Vec<Option<String>>,
    sources: Vec<From>,
    schema: Arc<Schema>,
    wants: Wants,
}

enum From {
    Decoded(usize),
    Part(MessagePart),
}

/// What of a message is worth copying.
#[derive(Default)]
struct Wants {
    key: bool,
    value: bool,
    headers: bool,
}

impl<'a> Gathered<'a> {
    fn new(kafka: &'a Kafka, columns: &[usize], partition: i32) -> Self {
        let mut decoded: Vec<ColumnDefinition> = Vec::new();
        let mut wants = Wants::default();
        let sources = columns
            .iter()
            .map(|index| match &kafka.config.columns[*index] {
                KafkaColumn::Decoded(column) => {
                    decoded.push(column.clone());
                    From::Decoded(decoded.len() - 1)
                }
                KafkaColumn::Part { part, .. } => {
                    wants.key |= *part == MessagePart::Key;
                    wants.value |= *part == MessagePart::Value;
                    wants.headers |= *part == MessagePart::Headers;
                    From::Part(*part)
                }
            })
            .collect();
        let fields: Vec<_> = columns.iter().map(|index| Arc::clone(&kafka.schema.fields()[*index])).collect();
        // Also if no decoded column is asked for: what is no JSON is rejected whatever the query looks at.
        let messages = Messages::new(kafka.config.format, &decoded);
        Self {
            kafka,
            partition,
            messages,
            offsets: Vec::new(),
            timestamps: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
            headers: Vec::new(),
            sources,
            schema: Arc::new(Schema::new(fields)),
            wants,
        }
    }

    fn push(&mut self, message: &impl Message) {
        self.messages.push(message.payload());
        self.offsets.push(message.offset());
        self.timestamps.push(match message.timestamp() {
            Timestamp::NotAvailable => None,
            Timestamp::CreateTime(millis) | Timestamp::LogAppendTime(millis) => Some(millis.saturating_mul(1000)),
        });
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if self.wants.key {
            self.keys.push(message.key().map(text));
        }
        if self.wants.value {
            self.values.push(message.payload().map(text));
        }
        if self.wants.headers {
            self.headers.push(message.headers().map(|headers| {
                let mut map = Map::new();
                for header in headers.iter() {
                    map.insert(header.key.to_owned(), header.value.map(text).map_or(Value::Null, Value::String));
                }
                Value::Object(map).to_string()
            }));
        }
    }

    fn is_full(&self) -> bool {
        self.offsets.len() >= PAGE_ROWS || self.messages.is_large()
    }

    /// Gives what is gathered as pages; whether more is wanted.
    fn hand_over(&mut self, take: &mut dyn FnMut(Page) -> bool) -> Result<bool, ConnectorError> {
        if self.offsets.is_empty() {
            return Ok(true);
        }
        let source = self.kafka.name(self.partition);
        let arrow = |error| ConnectorError::Arrow { file: source.clone(), source: error };
        let decoded = self.messages.decode().map_err(arrow)?;
        let batch = self.rows(&decoded.batch, &decoded.accepted).map_err(arrow)?;
        let rejected = decoded
            .rejected
            .into_iter()
            .map(|(index, rejected)| Rejected { line: u64::try_from(self.offsets[index]).unwrap_or(0), ..rejected })
            .collect();
        let places = decoded.accepted.iter().map(|index| Some(format!("{source}/{}", self.offsets[*index])));
        let places: StringViewArray = places.collect();
        let origin = Origin {
            source: Arc::from(source.as_str()),
            sources: Some(Arc::new(places)),
            window_start_micros: None,
            status: None,
            error: None,
        };
        self.offsets.clear();
        self.timestamps.clear();
        self.keys.clear();
        self.values.clear();
        self.headers.clear();
        Ok(take(Page { batch, rejected, origin }))
    }

    fn rows(&self, decoded: &RecordBatch, accepted: &[usize]) -> Result<RecordBatch, ArrowError> {
        let texts = |texts: &[Option<String>]| {
            let mut builder = StringViewBuilder::with_capacity(accepted.len());
            for index in accepted {
                builder.append_option(texts[*index].as_deref());
            }
            Arc::new(builder.finish()) as ArrayRef
        };
        let columns: Vec<ArrayRef> = self
            .sources
            .iter()
            .map(|source| match source {
                From::Decoded(index) => Arc::clone(decoded.column(*index)),
                From::Part(MessagePart::Topic) => {
                    let topic = Some(self.kafka.config.topic.as_str());
                    Arc::new(std::iter::repeat_n(topic, accepted.len()).collect::<StringViewArray>())
                }
                From::Part(MessagePart::Partition) => Arc::new(Int32Array::from_value(self.partition, accepted.len())),
                From::Part(MessagePart::Offset) => {
                    Arc::new(accepted.iter().map(|index| self.offsets[*index]).collect::<Int64Array>())
                }
                From::Part(MessagePart::Timestamp) => {
                    let times: TimestampMicrosecondArray =
                        accepted.iter().map(|index| self.timestamps[*index]).collect();
                    Arc::new(times.with_timezone("UTC"))
                }
                From::Part(MessagePart::Key) => texts(&self.keys),
                From::Part(MessagePart::Value) => texts(&self.values),
                From::Part(MessagePart::Headers) => texts(&self.headers),
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(accepted.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

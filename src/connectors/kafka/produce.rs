//! Rows become messages of a topic.
//!
//! At least once: what was sent counts only when the brokers have confirmed every message of it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use datafusion::arrow::array::{Array, AsArray, BinaryArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::LineDelimited;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use tokio_util::sync::CancellationToken;

use super::TopicError;
use super::client::{ASKING_PAUSE, LEAST_QUEUE, PATIENCE, base_consumer, client_config, create};
use super::look::topic_error;
use crate::graph::TopicConfig;

/// How long a full queue is waited for before it is looked at again.
const QUEUE_FULL: Duration = Duration::from_millis(100);
/// How long a message may be on its way, retries included.
const DELIVERY: Duration = Duration::from_mins(2);
/// How long one wait for confirmations is.
const FLUSH: Duration = Duration::from_millis(500);
/// What waits to be sent, in kilobytes; twice, and librdkafka's own, are the memory of a producer.
const QUEUE: &str = "65536";
/// The largest message the client takes; what the topic takes is up to the brokers.
const LARGEST: &str = "67108864";

/// A producer to one topic.
pub struct Producer {
    config: TopicConfig,
    client: ThreadedProducer<Reports>,
    cancel: CancellationToken,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Producer").field("topic", &self.config.topic).finish_non_exhaustive()
    }
}

/// A message that the brokers did not take: why, its key and its size.
type Failure = (KafkaError, String, usize);

/// What the brokers have said of the messages sent; the first failure is kept.
#[derive(Debug, Default, Clone)]
struct Reports {
    failure: Arc<Mutex<Option<Failure>>>,
    /// A message has left the queue.
    left: Arc<Condvar>,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        if let Err((error, message)) = result {
            let key = message.key().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
            self.lock().get_or_insert((error.clone(), key, message.payload_len()));
        }
        self.left.notify_all();
    }
}

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_room(&self) {
        let _ = self.left.wait_timeout(self.lock(), QUEUE_FULL);
    }
}

impl Producer {
    /// Connects, and makes the topic if it is not there; blocks.
    pub fn open(config: &TopicConfig, cancel: &CancellationToken) -> Result<Self, TopicError> {
        make_topic(config)?;
        let mut client = client_config(&config.connection);
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", config.compression.name())
            .set("linger.ms", "20")
            .set("message.timeout.ms", DELIVERY.as_millis().to_string())
            .set("message.max.bytes", LARGEST)
            .set("queue.buffering.max.kbytes", QUEUE);
        for (name, value) in &config.properties {
            client.set(name, value);
        }
        let reports = Reports::default();
        let client = create(&config.connection, || client.create_with_context(reports.clone()))?;
        Ok(Self { config: config.clone(), client, cancel: cancel.clone() })
    }

    /// Hands every row to the client; blocks while its queue is full.
    pub fn send(&self, batch: &RecordBatch) -> Result<(), TopicError> {
        let encode = |source| TopicError::Encode { topic: self.config.topic.clone(), source };
        let keys = self.config.key.as_ref().map(|name| column(batch, name)).transpose().map_err(encode)?;
        let headers: Vec<(&str, StringArray)> = self
            .config
            .headers
            .iter()
            .map(|name| Ok((name.as_str(), texts(batch, name)?)))
            .collect::<Result<_, ArrowError>>()
            .map_err(encode)?;
        let values = self.values(batch).map_err(encode)?;
        for row in 0..batch.num_rows() {
            let value = values.of(row);
            let key = keys.as_ref().and_then(|keys| keys.is_valid(row).then(|| keys.value(row)));
            self.send_one(key, value, &headers, row)?;
        }
        Ok(())
    }

    fn send_one(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, StringArray)],
        row: usize,
    ) -> Result<(), TopicError> {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.config.topic);
        if let Some(key) = key {
            record = record.key(key);
        }
        if let Some(value) = value {
            record = record.payload(value);
        }
        if !headers.is_empty() {
            let mut owned = OwnedHeaders::new_with_capacity(headers.len());
            for (name, texts) in headers {
                let value = texts.is_valid(row).then(|| texts.value(row));
                owned = owned.insert(Header { key: name, value });
            }
            record = record.headers(owned);
        }
        loop {
            if self.cancel.is_cancelled() {
                return Err(TopicError::Cancelled { topic: self.config.topic.clone() });
            }
            record = match self.client.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => {
                    self.refuse_failure()?;
                    self.client.context().wait_for_room();
                    record
                }
                Err((error, record)) => {
                    let key = record.key.map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
                    return Err(self.failed(&error, key, record.payload.map_or(0, <[u8]>::len)));
                }
            };
        }
    }

    /// Waits until every message sent is confirmed; blocks.
    pub fn finish(&self) -> Result<(), TopicError> {
        let began = Instant::now();
        loop {
            let flushed = self.client.flush(FLUSH);
            self.refuse_failure()?;
            match flushed {
                Ok(()) => return Ok(()),
                Err(_) if self.cancel.is_cancelled() => {
                    return Err(TopicError::Cancelled { topic: self.config.topic.clone() });
                }
                Err(_) if began.elapsed() < DELIVERY + PATIENCE => {}
                Err(error) => return Err(self.failed(&error, String::new(), 0)),
            }
        }
    }

    fn refuse_failure(&self) -> Result<(), TopicError> {
        match self.client.context().lock().take() {
            Some((error, key, size)) => Err(self.failed(&error, key, size)),
            None => Ok(()),
        }
    }

    fn failed(&self, error: &KafkaError, key: String, size: usize) -> TopicError {
        let topic = self.config.topic.clone();
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => TopicError::TooLarge { topic, key, size },
            // Sent again it is refused again.
            Some(
                RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::InvalidTimestamp
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::PolicyViolation
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            ) => TopicError::Refused { topic, reason: error.to_string() },
            _ => TopicError::Send { topic, reason: error.to_string() },
        }
    }

    fn values(&self, batch: &RecordBatch) -> Result<Values, ArrowError> {
        if let Some(name) = &self.config.value {
            return Ok(Values::Column(column(batch, name)?));
        }
        let schema = batch.schema();
        let kept: Vec<usize> = (0..batch.num_columns())
            .filter(|index| !self.config.headers.iter().any(|header| header == schema.field(*index).name()))
            .collect();
        let mut bytes = Vec::with_capacity(batch.num_rows() * 256);
        {
            let builder = WriterBuilder::new().with_explicit_nulls(true);
            let mut writer = builder.build::<_, LineDelimited>(&mut bytes);
            writer.write(&batch.project(&kept)?)?;
            writer.finish()?;
        }
        // No line break stands in a JSON value as it is written here.
        let mut ends: Vec<usize> = memchr::memchr_iter(b'\n', &bytes).collect();
        ends.truncate(batch.num_rows());
        Ok(Values::Lines { bytes, ends })
    }
}

enum Values {
    Column(BinaryArray),
    Lines { bytes: Vec<u8>, ends: Vec<usize> },
}

impl Values {
    fn of(&self, row: usize) -> Option<&[u8]> {
        match self {
            Self::Column(values) => values.is_valid(row).then(|| values.value(row)),
            Self::Lines { bytes, ends } => {
                let start = row.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| end + 1);
                ends.get(row).map(|end| &bytes[start..*end])
            }
        }
    }
}

/// A column's bytes, or its text's.
fn column(batch: &RecordBatch, name: &str) -> Result<BinaryArray, ArrowError> {
    let values = named(batch, name)?;
    let values = match values.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Arc::clone(values),
        _ => cast(values, &DataType::Utf8)?,
    };
    Ok(cast(&values, &DataType::Binary)?.as_binary().clone())
}

fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    Ok(cast(named(batch, name)?, &DataType::Utf8)?.as_string().clone())
}

fn named<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Arc<dyn Array>, ArrowError> {
    let schema = batch.schema();
    let index = schema.index_of(name)?;
    Ok(batch.column(index))
}

/// The topic as the model describes it, if there is none.
fn make_topic(config: &TopicConfig) -> Result<(), TopicError> {
    // A consumer asks: a producer's question would make the topic by itself.
    let asking = base_consumer(&config.connection, &[], LEAST_QUEUE)?;
    let began = Instant::now();
    let metadata = loop {
        match asking.fetch_metadata(Some(&config.topic), PATIENCE) {
            // Just started it does not know itself yet: the client that makes topics would not ask for minutes again.
            Ok(metadata) if metadata.brokers().is_empty() && began.elapsed() < PATIENCE => {
                asking.poll(ASKING_PAUSE);
            }
            answered => break answered,
        }
    };
    match metadata.map_err(|error| topic_error(&config.connection, &config.topic, &asking, &error)) {
        Ok(metadata) => {
            let is_there = metadata
                .topics()
                .iter()
                .any(|topic| topic.name() == config.topic && topic.error().is_none() && !topic.partitions().is_empty());
            if is_there {
                return Ok(());
            }
        }
        Err(TopicError::NoTopic { .. }) => {}
        Err(error) => return Err(error),
    }
    let client = client_config(&config.connection);
    let admin: AdminClient<DefaultClientContext> = create(&config.connection, || client.create())?;
    let retention = config.retention.map(|retention| retention.as_millis().to_string());
    let replication = TopicReplication::Fixed(config.replication.unwrap_or(-1));
    let mut topic = NewTopic::new(&config.topic, config.partitions.unwrap_or(-1), replication);
    if let Some(retention) = &retention {
        topic = topic.set("retention.ms", retention);
    }
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
    let failed = |reason: String| TopicError::Make { topic: config.topic.clone(), reason };
    // The client answers from a thread of its own.
    let made = block_on(admin.create_topics([&topic], &options)).map_err(|error| failed(error.to_string()))?;
    match made.into_iter().next() {
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists)) | Ok(_)) | None => Ok(()),
        Some(Err((_, code))) => Err(failed(code.to_string())),
    }
}

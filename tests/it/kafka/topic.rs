//! A topic of its own for each test: what is sent to it, what is in it, and a project that reads it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, Headers, OwnedHeaders};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::topic_partition_list::Offset;
use serde_json::Value;

use super::PAUSE;
use super::broker::Broker;
use crate::project::TestProject;

/// How long a question to the broker may take.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A message as it lies in the topic, its texts as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<String>,
    pub value: Option<String>,
    /// Names and values, in their order.
    pub headers: Vec<(String, Option<String>)>,
}

impl Sent {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = message.headers().map(|headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.map(text))).collect::<Vec<_>>()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(text),
            value: message.payload().map(text),
            headers: headers.unwrap_or_default(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(self.value.as_deref().unwrap()).unwrap()
    }
}

/// Why messages did not come to the broker.
#[derive(Default)]
struct Undelivered(Mutex<Vec<KafkaError>>);

impl ClientContext for Undelivered {}

impl ProducerContext for Undelivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap().push(error.clone());
        }
    }
}

/// A topic that no other test knows of.
pub struct Topic {
    pub name: String,
    pub broker: Broker,
}

fn patient() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE))
}

impl Topic {
    /// On the broker that tests share; `None` where there is none.
    pub fn new(partitions: i32) -> Option<Self> {
        Some(Self::on(Broker::shared()?, partitions))
    }

    pub fn on(broker: Broker, partitions: i32) -> Self {
        let topic = Self::named(broker);
        assert!(topic.is_created(partitions, &[]));
        topic
    }

    /// With settings of the broker's.
    pub fn with(partitions: i32, settings: &[(&str, &str)]) -> Option<Self> {
        let topic = Self::named(Broker::shared()?);
        assert!(topic.is_created(partitions, settings));
        Some(topic)
    }

    /// A name, and nothing that has it.
    pub fn absent() -> Option<Self> {
        Some(Self::named(Broker::shared()?))
    }

    fn named(broker: Broker) -> Self {
        Self { name: format!("test-{}", uuid::Uuid::new_v4()), broker }
    }

    /// The settings with which a client finds the broker.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.address());
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    pub fn is_created(&self, partitions: i32, settings: &[(&str, &str)]) -> bool {
        let mut topic = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        for (name, value) in settings {
            topic = topic.set(name, value);
        }
        let admin = self.admin();
        let created = block_on(admin.create_topics(&[topic], &patient())).unwrap();
        let is_created = created.iter().all(Result::is_ok);
        if is_created {
            self.wait_for_leaders(&admin, usize::try_from(partitions).unwrap());
        }
        is_created
    }

    /// The controller answers before the broker knows who leads the partitions.
    fn wait_for_leaders(&self, admin: &AdminClient<DefaultClientContext>, partitions: usize) {
        self.until(admin, "partitions with a leader each", |topic| {
            let led = topic.partitions().iter().filter(|partition| partition.leader() >= 0);
            topic.error().is_none() && topic.partitions().len() == partitions && led.count() == partitions
        });
    }

    /// What the controller has done the broker learns a moment later.
    fn until(&self, admin: &AdminClient<DefaultClientContext>, what: &str, is_so: impl Fn(&MetadataTopic) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !admin.inner().fetch_metadata(Some(&self.name), PATIENCE).unwrap().topics().iter().all(&is_so) {
            assert!(Instant::now() < deadline, "`{}`: no {what}", self.name);
            std::thread::park_timeout(PAUSE);
        }
    }

    /// Deleted, and made anew under its name.
    pub fn renew(&self, partitions: i32) {
        self.delete();
        // The broker takes its time to forget the name.
        let deadline = Instant::now() + PATIENCE;
        while !self.is_created(partitions, &[]) {
            assert!(Instant::now() < deadline, "`{}` does not go away", self.name);
            std::thread::park_timeout(PAUSE);
        }
    }

    pub fn delete(&self) {
        let admin = self.admin();
        let deleted = block_on(admin.delete_topics(&[&self.name], &patient())).unwrap();
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
        self.until(&admin, "end of it", |topic| topic.partitions().is_empty());
    }

    /// Everything below an offset of a partition.
    pub fn delete_below(&self, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, Offset::Offset(offset)).unwrap();
        block_on(self.admin().delete_records(&list, &patient())).unwrap();
    }

    pub fn grow(&self, partitions: usize) {
        let more = NewPartitions::new(&self.name, partitions);
        let grown = block_on(self.admin().create_partitions(&[more], &patient())).unwrap();
        assert!(grown.iter().all(Result::is_ok), "{grown:?}");
        self.wait_for_leaders(&self.admin(), partitions);
    }

    /// A setting, as the broker tells it.
    pub fn setting(&self, name: &str) -> Option<String> {
        let topic = ResourceSpecifier::Topic(&self.name);
        let described = block_on(self.admin().describe_configs(&[topic], &patient())).unwrap();
        let resource = described.into_iter().next().unwrap().unwrap();
        resource.get(name).and_then(|entry| entry.value.clone())
    }

    /// Reads nothing by itself, and tells no group.
    pub fn consumer(&self) -> BaseConsumer {
        let mut config = self.client();
        config.set("group.id", "tests").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.create().unwrap()
    }

    pub fn partitions(&self) -> i32 {
        let metadata = self.consumer().fetch_metadata(Some(&self.name), PATIENCE).unwrap();
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.name).unwrap();
        i32::try_from(topic.partitions().len()).unwrap()
    }

    /// How many messages there are in all partitions, without reading them.
    pub fn count(&self, consumer: &BaseConsumer, partitions: i32) -> i64 {
        let ends = (0..partitions).map(|partition| consumer.fetch_watermarks(&self.name, partition, PATIENCE).unwrap());
        ends.map(|(low, high)| high - low).sum()
    }

    /// All that is there now, partition by partition.
    pub fn messages(&self) -> Vec<Sent> {
        let consumer = self.consumer();
        let mut open: BTreeSet<i32> = (0..self.partitions()).collect();
        let mut list = TopicPartitionList::new();
        for partition in &open {
            list.add_partition_offset(&self.name, *partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let mut messages = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while !open.is_empty() {
            assert!(Instant::now() < deadline, "partitions without an end: {open:?}");
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => messages.push(Sent::of(&message)),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                // A connection that is lost is made anew.
                Some(Err(_)) | None => {}
            }
        }
        messages.sort_by_key(|message| (message.partition, message.offset));
        messages
    }

    fn producer(&self) -> BaseProducer<Undelivered> {
        self.client().set("linger.ms", "5").create_with_context(Undelivered::default()).unwrap()
    }

    /// `(partition, key, value)`, in their order.
    pub fn send(&self, messages: &[(i32, Option<&str>, Option<&str>)]) {
        self.send_at(None, messages);
    }

    /// With a time of their own, in milliseconds since 1970.
    pub fn send_at(&self, timestamp: Option<i64>, messages: &[(i32, Option<&str>, Option<&str>)]) {
        let producer = self.producer();
        for (partition, key, value) in messages {
            let mut record: BaseRecord<'_, str, str> = BaseRecord::to(&self.name).partition(*partition);
            record = record.headers(OwnedHeaders::new().insert(Header { key: "from", value: Some("test") }));
            record.timestamp = timestamp;
            if let Some(key) = key {
                record = record.key(key);
            }
            if let Some(value) = value {
                record = record.payload(value);
            }
            producer.send(record).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        let undelivered = producer.context().0.lock().unwrap();
        assert!(undelivered.is_empty(), "{undelivered:?}");
    }

    /// `{"id": n, "name": "nn"}`, spread over the partitions.
    pub fn numbers(&self, numbers: Range<i32>, partitions: i32) {
        self.numbers_at(None, numbers, partitions);
    }

    /// The same, all of them in one partition.
    pub fn numbers_in(&self, partition: i32, numbers: Range<i32>) {
        self.send_numbers(None, numbers.map(|number| (partition, number)));
    }

    pub fn numbers_at(&self, timestamp: Option<i64>, numbers: Range<i32>, partitions: i32) {
        self.send_numbers(timestamp, numbers.map(|number| (number % partitions, number)));
    }

    fn send_numbers(&self, timestamp: Option<i64>, numbers: impl Iterator<Item = (i32, i32)>) {
        let texts: Vec<(i32, String)> = numbers
            .map(|(partition, number)| (partition, format!("{{\"id\": {number}, \"name\": \"n{number}\"}}")))
            .collect();
        let messages: Vec<_> = texts.iter().map(|(partition, text)| (*partition, None, Some(text.as_str()))).collect();
        self.send_at(timestamp, &messages);
    }

    /// `sources.yaml` with a connection `broker`, to be continued.
    pub fn connection(&self) -> String {
        connection(&format!("brokers: \"{}\"", self.broker.address()))
    }

    /// `bronze.events` appends what it has not read yet; `settings` are further ones of the source.
    pub fn project(&self, settings: &str) -> TestProject {
        self.connected(&self.connection(), settings)
    }

    /// By another connection.
    pub fn connected(&self, connection: &str, settings: &str) -> TestProject {
        let source = format!(
            "sources:\n  - name: live\n    tables:\n      \
             - name: events\n        kafka: {{connection: broker, topic: {}{settings}}}\n        columns:\n          \
             - {{name: id, type: bigint}}\n          - {{name: name, type: string}}\n          \
             - {{name: key, kafka: key}}\n          - {{name: partition, kafka: partition}}\n          \
             - {{name: offset, kafka: offset}}\n          - {{name: sent_at, kafka: timestamp}}\n          \
             - {{name: headers, kafka: headers}}\n",
            self.name
        );
        TestProject::new().file("sources.yaml", &format!("{connection}{source}")).file(
            "models/bronze/events.sql",
            "{{ config(materialized='incremental') }}\nselect * from {{ source('live', 'events') }}\n",
        )
    }
}

impl Drop for Topic {
    /// What is left behind makes the next start of the shared broker slower.
    fn drop(&mut self) {
        if self.broker.is_shared() {
            // Some were never made, some are gone.
            let _ = block_on(self.admin().delete_topics(&[&self.name], &AdminOptions::new()));
        }
    }
}

/// `sources.yaml` with a connection `broker` of these settings, to be continued.
pub fn connection(settings: &str) -> String {
    format!("version: 2\nconnections:\n  broker: {{kafka: {{{settings}}}}}\n")
}

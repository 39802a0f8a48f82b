//! Consumers: one for each partition, assigned and positioned by us.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::topic_partition_list::Offset;

use super::TopicError;
use crate::project::{KafkaConfig, KafkaConnection};

/// Kilobytes of messages that wait to be read: of all partitions, and of one.
const QUEUES: usize = 128 << 10;
pub(super) const LEAST_QUEUE: usize = 4 << 10;
const MOST_QUEUE: usize = 64 << 10;
/// How long, and how often, a client is listened to that could not answer.
const LISTEN: Duration = Duration::from_millis(50);
const LISTENED: usize = 10;
/// How long a question to the brokers may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Before brokers are asked again for what they do not know yet.
pub(super) const ASKING_PAUSE: Duration = Duration::from_millis(100);

/// What a client says of its connections when nobody asks: why it has none.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Option<String>>);

impl ClientContext for Told {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "FAIL" {
            // `[thrd:host:port/1]: host:port/1: SASL authentication error: ...`
            let reason = message.split_once("]: ").map_or(message, |(_, reason)| reason);
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Told {}

/// An error with what the client has said of its connections before it.
pub(super) fn explained(client: &Client, error: &KafkaError) -> String {
    let told = || client.context().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for _ in 0..LISTENED {
        if let Some(reason) = told() {
            return format!("{error}: {reason}");
        }
        // It may be a moment behind the error.
        client.poll(LISTEN);
    }
    error.to_string()
}

/// A consumer that tells why it cannot reach anybody.
pub(super) type Client = BaseConsumer<Told>;

/// A consumer on its way through a partition.
pub(super) struct Reading {
    pub(super) consumer: Client,
    /// The offset it gives next.
    pub(super) next: i64,
    /// A message beyond the end of the range that was read.
    pub(super) held: Option<OwnedMessage>,
}

/// Where the brokers are and how to sign in.
pub(super) fn client_config(connection: &KafkaConnection) -> ClientConfig {
    let mut client = ClientConfig::new();
    settle(&mut client, connection, &[]);
    client
}

/// What the user has set wins over what is set already; `own` properties win over the connection's.
fn settle(client: &mut ClientConfig, connection: &KafkaConnection, own: &[(String, String)]) {
    client.set("bootstrap.servers", &connection.brokers).set("socket.keepalive.enable", "true");
    let own = own.iter().map(|(name, value)| (name, value.as_str()));
    for (name, value) in connection.properties.iter().map(|(name, value)| (name, value.0.as_str())).chain(own) {
        client.set(name, value);
    }
}

/// Makes a client; a property it does not take is named.
pub(super) fn create<T>(
    connection: &KafkaConnection,
    make: impl FnOnce() -> Result<T, KafkaError>,
) -> Result<T, TopicError> {
    make().map_err(|source| match source {
        // The client says the value, which may be a password.
        KafkaError::ClientConfig(_, reason, property, value) => {
            let reason = if value.is_empty() { reason } else { reason.replace(&value, "***") };
            TopicError::Property { property, reason }
        }
        // Nobody was asked yet: a certificate or a key that cannot be read, for one.
        KafkaError::ClientCreation(reason) => TopicError::Client { reason: without_values(connection, reason) },
        other => TopicError::Unreachable { brokers: connection.brokers.clone(), reason: other.to_string() },
    })
}

/// What the client says, less the values it may repeat.
fn without_values(connection: &KafkaConnection, reason: String) -> String {
    let values = connection.properties.iter().map(|(_, value)| value.0.as_str()).filter(|value| value.len() > 3);
    values.fold(reason, |reason, value| reason.replace(value, "***"))
}

/// A consumer that asks questions, or reads what it is told to.
pub(super) fn base_consumer(
    connection: &KafkaConnection,
    own: &[(String, String)],
    queue: usize,
) -> Result<Client, TopicError> {
    let mut client = ClientConfig::new();
    client
        // No group decides what is read: the position in the Delta log does.
        .set("group.id", "engine")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "100")
        .set("queued.min.messages", "100000")
        .set("queued.max.messages.kbytes", queue.to_string())
        // A full queue is looked at again soon; by default a second later, when it has long run dry.
        .set("fetch.queue.backoff.ms", "10")
        .set("check.crcs", "true");
    settle(&mut client, connection, own);
    create(connection, || client.create_with_context(Told::default()))
}

/// A consumer that asks questions, of which no message waits to be read.
pub(super) fn asking(config: &KafkaConfig) -> Result<Client, TopicError> {
    base_consumer(&config.connection, &config.properties, LEAST_QUEUE)
}

/// Kilobytes of a partition that may wait to be read, of so many partitions: what comes in during a commit is read at once
/// after it.
fn queue(partitions: usize) -> usize {
    (QUEUES / partitions.max(1)).clamp(LEAST_QUEUE, MOST_QUEUE)
}

impl Reading {
    /// `partitions` share the memory that messages may wait in.
    pub(super) fn at(config: &KafkaConfig, partition: i32, offset: i64, partitions: usize) -> Result<Self, TopicError> {
        let consumer = base_consumer(&config.connection, &config.properties, queue(partitions))?;
        let mut list = TopicPartitionList::new();
        let assigned = list
            .add_partition_offset(&config.topic, partition, Offset::Offset(offset))
            .and_then(|()| consumer.assign(&list));
        assigned.map_err(|error| TopicError::read(config, partition, &error))?;
        Ok(Self { consumer, next: offset, held: None })
    }

    /// Tells the brokers how far this partition is committed in the table.
    pub(super) fn tell_group(&self, topic: &str, partition: i32, next: i64) {
        let mut list = TopicPartitionList::new();
        if list.add_partition_offset(topic, partition, Offset::Offset(next)).is_ok() {
            // Nobody reads from there: a failure changes nothing.
            let _ = self.consumer.commit(&list, CommitMode::Async);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Secret;

    fn told(reason: &str) -> TopicError {
        let properties = [("security.protocol", "SSL"), ("ssl.key.pem", "swordfish"), ("ssl.key.password", "")];
        let connection = KafkaConnection {
            name: "broker".to_owned(),
            brokers: "localhost:9092".to_owned(),
            properties: properties.map(|(name, value)| (name.to_owned(), Secret(value.to_owned()))).into(),
        };
        create::<()>(&connection, || Err(KafkaError::ClientCreation(reason.to_owned()))).unwrap_err()
    }

    #[test]
    fn a_client_that_cannot_be_made_is_a_mistake_and_shows_no_value() {
        let error = told("SSL: `swordfish` is no key, nor is swordfish2");
        assert!(!error.is_transient());
        assert_eq!(error.to_string(), "the Kafka client cannot be made: SSL: `***` is no key, nor is ***2");
    }
}

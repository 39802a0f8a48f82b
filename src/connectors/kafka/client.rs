//! Consumers: one for each partition, assigned and positioned by us.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::topic_partition_list::Offset;

use super::TopicError;
use crate::project::KafkaConfig;

/// How long a question to the brokers may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// A consumer on its way through a partition.
pub(super) struct Reading {
    pub(super) consumer: BaseConsumer,
    /// The offset it gives next.
    pub(super) next: i64,
    /// A message beyond the end of the range that was read.
    pub(super) held: Option<OwnedMessage>,
}

pub(super) fn consumer(config: &KafkaConfig) -> Result<BaseConsumer, TopicError> {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.connection.brokers)
        // No group decides what is read: the position in the Delta log does.
        .set("group.id", "engine")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "100")
        .set("queued.min.messages", "100000")
        .set("socket.keepalive.enable", "true")
        .set("check.crcs", "true");
    let own = config.properties.iter().map(|(name, value)| (name, value.as_str()));
    for (name, value) in config.connection.properties.iter().map(|(name, value)| (name, value.0.as_str())).chain(own) {
        client.set(name, value);
    }
    client.create().map_err(|source| match source {
        KafkaError::ClientConfig(_, _, ref property, _) => {
            TopicError::Property { property: property.clone(), reason: source.to_string() }
        }
        other => TopicError::Unreachable { brokers: config.connection.brokers.clone(), reason: other.to_string() },
    })
}

impl Reading {
    pub(super) fn at(config: &KafkaConfig, partition: i32, offset: i64) -> Result<Self, TopicError> {
        let consumer = consumer(config)?;
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

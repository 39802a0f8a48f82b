//! What a topic has now, against what was read of it.

use std::collections::BTreeMap;
use std::time::Instant;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::Offset;

use super::TopicError;
use super::client::{ASKING_PAUSE, Client, PATIENCE, explained};
use crate::diagnostic::{Code, Diagnostic};
use crate::project::{KafkaConfig, KafkaConnection, OnLostOffsets, StartAt};

/// A partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partition {
    /// Where reading goes on.
    pub(super) next: i64,
    /// The offset the next message gets.
    pub(super) high: i64,
}

#[derive(Debug)]
pub(super) struct Look {
    pub(super) partitions: BTreeMap<i32, Partition>,
    pub(super) remarks: Vec<Diagnostic>,
    /// A partition ends before what was read of it.
    pub(super) renewed: bool,
}

/// What an error of asking for a topic means.
pub(super) fn topic_error(
    connection: &KafkaConnection,
    topic: &str,
    client: &Client,
    error: &KafkaError,
) -> TopicError {
    let brokers = connection.brokers.clone();
    match error {
        KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            TopicError::NoTopic { topic: topic.to_owned(), brokers }
        }
        other => TopicError::Unreachable { brokers, reason: explained(client, other) },
    }
}

/// The partitions of the topic, by number.
fn partitions(config: &KafkaConfig, consumer: &Client) -> Result<Vec<i32>, TopicError> {
    let metadata = consumer
        .fetch_metadata(Some(&config.topic), PATIENCE)
        .map_err(|error| topic_error(&config.connection, &config.topic, consumer, &error))?;
    let topic = metadata.topics().iter().find(|topic| topic.name() == config.topic);
    let numbers: Vec<i32> = topic.into_iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
    match numbers.is_empty() {
        true => Err(TopicError::NoTopic { topic: config.topic.clone(), brokers: config.connection.brokers.clone() }),
        false => Ok(numbers),
    }
}

/// The oldest offset of a partition and the one its next message gets. One that was just made, or changes hands, may have
/// nobody to answer for a moment.
fn watermarks(config: &KafkaConfig, consumer: &Client, partition: i32) -> Result<(i64, i64), TopicError> {
    let began = Instant::now();
    loop {
        match consumer.fetch_watermarks(&config.topic, partition, PATIENCE) {
            Err(error) if is_leaderless(&error) && began.elapsed() < PATIENCE => {
                consumer.poll(ASKING_PAUSE);
                // Only this makes the client ask who leads it now; what it says is of no interest.
                let _ = consumer.fetch_metadata(Some(&config.topic), PATIENCE);
            }
            answered => return answered.map_err(|error| TopicError::read(config, partition, &error)),
        }
    }
}

fn is_leaderless(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownPartition
                // Its leader has not heard of a new topic yet.
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
        )
    )
}

/// How many messages there are from where partitions stand on; all of those that `starts` does not know. Blocks.
pub(super) fn backlog(config: &KafkaConfig, consumer: &Client, starts: &BTreeMap<i32, i64>) -> Result<u64, TopicError> {
    let mut waiting = 0;
    for number in partitions(config, consumer)? {
        let (low, high) = watermarks(config, consumer, number)?;
        let next = starts.get(&number).copied().unwrap_or(low);
        // A partition that ends before its position was made anew: a look says so.
        waiting += if next > high { 1 } else { u64::try_from(high - next).unwrap_or(0) };
    }
    Ok(waiting)
}

/// Asks the brokers; blocks until they have answered. `known` has the next offset of each partition read before; with
/// `skip` they go on at the end.
pub(super) fn look(
    config: &KafkaConfig,
    consumer: &Client,
    known: &BTreeMap<i32, i64>,
    skip: bool,
) -> Result<Look, TopicError> {
    let numbers = partitions(config, consumer)?;
    let mut partitions = BTreeMap::new();
    let (mut lost, mut skipped) = (Vec::new(), 0);
    let mut bounds = Vec::new();
    for number in numbers {
        bounds.push((number, watermarks(config, consumer, number)?));
    }
    let ends_before = |(number, (_, high)): &(i32, (i64, i64))| known.get(number).is_some_and(|next| next > high);
    let renewed = !skip && bounds.iter().any(ends_before);
    for (number, (low, high)) in bounds {
        let next = match known.get(&number) {
            Some(next) if skip => {
                skipped += (high - next).max(0);
                high
            }
            Some(next) if *next > high => {
                lost.push(format!(
                    "partition {number} ends at offset {high}, before offset {next}: the topic was deleted and made anew"
                ));
                low
            }
            // What has come to it since is another partition's, however far it is.
            Some(_) if renewed => low,
            Some(next) if *next < low => {
                lost.push(format!("offsets {next} to {} of partition {number} were deleted", low - 1));
                low
            }
            Some(next) => *next,
            // Came up after the others were read.
            None if !known.is_empty() => low,
            None => start(config, consumer, number, low, high)?,
        };
        partitions.insert(number, Partition { next, high });
    }
    let mut remarks = Vec::new();
    if !lost.is_empty() {
        if config.on_lost_offsets == OnLostOffsets::Fail {
            return Err(TopicError::Lost { topic: config.topic.clone(), lost });
        }
        let message = format!("topic `{}` has lost messages that were not read", config.topic);
        let mut told = Diagnostic::warning(Code::Source, message);
        for part in lost {
            told = told.note(part);
        }
        let from = if renewed {
            "every partition is read from its oldest message on"
        } else {
            "reading goes on with the oldest message there is"
        };
        remarks.push(told.note(from));
    }
    if skipped > 0 {
        let message = format!("topic `{}` is read live: {skipped} messages were skipped", config.topic);
        remarks.push(Diagnostic::warning(Code::Source, message));
    }
    Ok(Look { partitions, remarks, renewed })
}

/// Where a partition begins that was never read.
fn start(config: &KafkaConfig, consumer: &Client, number: i32, low: i64, high: i64) -> Result<i64, TopicError> {
    match config.start {
        _ if config.live => Ok(high),
        StartAt::Earliest => Ok(low),
        StartAt::Latest => Ok(high),
        StartAt::At(time) => {
            let mut list = TopicPartitionList::new();
            let found = list
                .add_partition_offset(&config.topic, number, Offset::Offset(time.as_millisecond()))
                .and_then(|()| consumer.offsets_for_times(list, PATIENCE));
            let found = found.map_err(|error| TopicError::read(config, number, &error))?;
            Ok(match found.find_partition(&config.topic, number).map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => offset,
                // Nothing is as young as that.
                _ => high,
            })
        }
    }
}

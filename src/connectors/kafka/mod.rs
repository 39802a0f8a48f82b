//! A topic of Kafka: what a model has not read yet, by partition and offset.
//!
//! Partitions are assigned by us, from the position in the Delta log; there is no consumer group that could move them. An
//! item is a partition up to an offset. It is read from where the partition stands, so that ranges follow one another
//! whatever gaps transactions and compaction have left. The position has `<topic>/<partition>` = the next offset.

mod client;
mod look;
mod produce;
mod read;
mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::decode::arrow_schema;
use super::{ConnectorError, Item, SourceProgress, Surroundings, Waiting};
use crate::diagnostic::Diagnostic;
use crate::project::{KafkaColumn, KafkaConfig, MessagePart};
use client::{Client, Reading};
use look::Look;
pub use produce::Producer;
pub use topic::topic_source;

#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    #[error("the brokers at `{brokers}` cannot be reached: {reason}")]
    Unreachable { brokers: String, reason: String },
    #[error("there is no topic `{topic}` at `{brokers}`")]
    NoTopic { topic: String, brokers: String },
    #[error("partition {partition} of topic `{topic}` cannot be read: {reason}")]
    Read { topic: String, partition: i32, reason: String },
    #[error("topic `{topic}` no longer has what comes next: {}", lost.join("; "))]
    Lost { topic: String, lost: Vec<String> },
    #[error("the Kafka client does not take the property `{property}`: {reason}")]
    Property { property: String, reason: String },
    #[error("the Kafka client cannot be made: {reason}")]
    Client { reason: String },
    #[error("topic `{topic}` was given up")]
    Cancelled { topic: String },
    #[error("topic `{topic}` cannot be made: {reason}")]
    Make { topic: String, reason: String },
    #[error("rows cannot become messages of topic `{topic}`")]
    Encode {
        topic: String,
        #[source]
        source: datafusion::arrow::error::ArrowError,
    },
    #[error("topic `{topic}` does not take a message of {size} bytes{}", shown_key(key))]
    TooLarge { topic: String, key: String, size: usize },
    #[error("topic `{topic}` refuses what was sent: {reason}")]
    Refused { topic: String, reason: String },
    #[error("topic `{topic}` did not confirm what was sent: {reason}")]
    Send { topic: String, reason: String },
}

fn shown_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(", the one with key `{key}`") }
}

impl TopicError {
    /// Whether it may go away by itself.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoTopic { .. } | Self::Read { .. } | Self::Send { .. } => true,
            Self::Lost { .. }
            | Self::Property { .. }
            | Self::Client { .. }
            | Self::Cancelled { .. }
            | Self::Make { .. }
            | Self::Encode { .. }
            | Self::Refused { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    fn read(config: &KafkaConfig, partition: i32, reason: &dyn std::error::Error) -> Self {
        Self::Read { topic: config.topic.clone(), partition, reason: reason.to_string() }
    }
}

pub struct Kafka {
    config: KafkaConfig,
    schema: SchemaRef,
    around: Arc<Surroundings>,
    state: Mutex<State>,
    /// Of each partition, positioned behind what it gave last.
    readings: Mutex<BTreeMap<i32, Reading>>,
    /// Asks what there is.
    asking: Arc<Mutex<Option<Client>>>,
    progress: Arc<SourceProgress>,
}

#[derive(Debug, Default)]
struct State {
    /// What is committed.
    position: BTreeMap<String, i64>,
    /// Where partitions begin that the position does not know, and where those go on that have lost something.
    starts: BTreeMap<i32, i64>,
    /// A look was had before: a live topic is not skipped through again.
    looked: bool,
    /// Partitions whose range was not read to its end, for the batch was full.
    cut: BTreeSet<i32>,
    /// Of the batch before.
    was_cut: bool,
    /// How far the items in hand were read.
    reached: BTreeMap<i32, i64>,
    remarks: Vec<Diagnostic>,
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Kafka").field("topic", &self.config.topic).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kafka {
    pub(super) fn open(config: &KafkaConfig, around: &Arc<Surroundings>) -> Self {
        Self {
            schema: schema(config),
            config: config.clone(),
            around: Arc::clone(around),
            state: Mutex::default(),
            readings: Mutex::default(),
            asking: Arc::default(),
            progress: Arc::default(),
        }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(super) fn progress(&self) -> &Arc<SourceProgress> {
        &self.progress
    }

    fn name(&self, partition: i32) -> String {
        format!("{}/{partition}", self.config.topic)
    }

    fn partition(&self, name: &str) -> Option<i32> {
        name.strip_prefix(&self.config.topic)?.strip_prefix('/')?.parse().ok()
    }

    /// Asks the brokers what there is and cuts it into ranges, each partition in turn.
    pub(super) async fn waiting(&self, position: &BTreeMap<String, i64>) -> Result<Waiting, ConnectorError> {
        let mut known: BTreeMap<i32, i64> =
            position.iter().filter_map(|(name, next)| Some((self.partition(name)?, *next))).collect();
        if self.config.live {
            // What was skipped once stays so, though no commit has said it yet.
            for (partition, start) in &lock(&self.state).starts {
                known.entry(*partition).and_modify(|next| *next = (*next).max(*start)).or_insert(*start);
            }
        }
        let skip = self.config.live && !lock(&self.state).looked;
        let Look { mut partitions, remarks, renewed } =
            self.ask(move |config, consumer| look::look(config, consumer, &known, skip)).await?;
        let mut state = lock(&self.state);
        // In another generation of positions every partition is noted again.
        let position = if renewed { BTreeMap::new() } else { position.clone() };
        *state = State { position, remarks, looked: true, ..State::default() };
        state.starts = partitions.iter().map(|(number, partition)| (*number, partition.next)).collect();
        let mut items = Vec::new();
        let active = partitions.values().filter(|partition| partition.next < partition.high).count().max(1);
        let share = i64::try_from((self.config.batch.rows / active).max(1)).unwrap_or(i64::MAX);
        let bytes_at_most = Some((self.config.batch.bytes / active as u64).max(1));
        loop {
            let before = items.len();
            for (number, partition) in &mut partitions {
                if partition.next < partition.high {
                    let end = partition.next.saturating_add(share).min(partition.high);
                    let weight = u64::try_from(end - partition.next).unwrap_or(0);
                    items.push(Item { name: self.name(*number), mark: end, weight, bytes_at_most });
                    partition.next = end;
                }
            }
            if items.len() == before {
                break;
            }
        }
        self.progress.expect(items.len());
        Ok(Waiting { items, renewed, ..Waiting::default() })
    }

    /// Messages that came since what was committed last; `None` before the first look.
    pub async fn backlog(&self) -> Result<Option<u64>, ConnectorError> {
        let starts = {
            let state = lock(&self.state);
            if !state.looked {
                return Ok(None);
            }
            state.starts.clone()
        };
        let waiting = self.ask(move |config, consumer| look::backlog(config, consumer, &starts)).await?;
        Ok(Some(waiting))
    }

    /// Puts a question to the brokers where blocking is allowed.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&KafkaConfig, &Client) -> Result<T, TopicError> + Send + 'static,
    ) -> Result<T, TopicError> {
        let (config, asking) = (self.config.clone(), Arc::clone(&self.asking));
        let answered = tokio::task::spawn_blocking(move || {
            let mut asking = lock(&asking);
            let consumer = match asking.take() {
                Some(consumer) => consumer,
                None => client::asking(&config)?,
            };
            let answer = question(&config, &consumer);
            // One that failed is made anew.
            *asking = answer.is_ok().then_some(consumer);
            answer
        });
        answered.await.map_err(|_| TopicError::Cancelled { topic: self.config.topic.clone() })?
    }

    /// What of these items, just committed, was left for the next batch.
    pub(super) fn unread(&self, items: &[Item]) -> Vec<Item> {
        let mut state = lock(&self.state);
        let cut = std::mem::take(&mut state.cut);
        state.was_cut = !cut.is_empty();
        let is_cut = |item: &&Item| self.partition(&item.name).is_some_and(|partition| cut.contains(&partition));
        items.iter().filter(is_cut).cloned().collect()
    }

    /// Whether the last batch was full of bytes, so that more is there at once.
    pub fn was_cut(&self) -> bool {
        lock(&self.state).was_cut
    }

    /// So many messages are a batch, however early.
    pub fn rows_of_batch(&self) -> u64 {
        self.config.batch.rows as u64
    }

    /// One range of each partition at most.
    pub(super) fn per_commit(waiting: &[Item]) -> usize {
        let mut partitions = BTreeSet::new();
        waiting.iter().take_while(|item| partitions.insert(&item.name)).count().max(1)
    }

    /// Ranges that follow one another are one: a partition is read by one reader, from where it stands. With `whole`
    /// they are read to their ends.
    pub(super) fn joined(items: Vec<Item>, whole: bool) -> Vec<Item> {
        let mut joined: Vec<Item> = Vec::new();
        for mut item in items {
            item.bytes_at_most = item.bytes_at_most.filter(|_| !whole);
            match joined.iter_mut().find(|other| other.name == item.name) {
                Some(other) => {
                    other.mark = other.mark.max(item.mark);
                    other.weight += item.weight;
                }
                None => joined.push(item),
            }
        }
        joined
    }

    /// Where each partition stands once the items in hand are committed.
    pub(super) fn advance(&self, items: &[Item]) -> Vec<(String, i64)> {
        let state = lock(&self.state);
        let mut changes = BTreeMap::new();
        // A start that was worked out once holds, also if nothing was read: `latest` is then no later than that.
        for (partition, start) in &state.starts {
            changes.insert(self.name(*partition), *start);
        }
        for partition in items.iter().filter_map(|item| self.partition(&item.name)) {
            if let Some(reached) = state.reached.get(&partition) {
                changes.insert(self.name(partition), *reached);
            }
        }
        changes.into_iter().filter(|(name, next)| state.position.get(name) != Some(next)).collect()
    }

    pub(super) fn settle(&self, changes: &[(String, i64)]) {
        let mut state = lock(&self.state);
        state.position.extend(changes.iter().cloned());
        for (name, next) in changes {
            if let Some(partition) = self.partition(name) {
                state.starts.insert(partition, *next);
            }
        }
        state.reached.clear();
        drop(state);
        self.tell_group(changes);
    }

    /// For tools that watch lag; nothing here reads it.
    fn tell_group(&self, changes: &[(String, i64)]) {
        let readings = lock(&self.readings);
        for (name, next) in changes {
            if let Some((partition, reading)) =
                self.partition(name).and_then(|partition| Some((partition, readings.get(&partition)?)))
            {
                reading.tell_group(&self.config.topic, partition, *next);
            }
        }
    }

    pub(super) fn remarks(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut lock(&self.state).remarks)
    }

    pub(super) fn describe(&self, position: &BTreeMap<String, i64>) -> String {
        let parts = position.iter().filter(|(name, _)| self.partition(name).is_some());
        let parts: Vec<String> = parts.map(|(name, next)| format!("{name} to offset {next}")).collect();
        parts.join(", ")
    }

    /// Where a partition is read on from: the same for every scan of a slice.
    fn next(&self, partition: i32) -> Option<i64> {
        lock(&self.state).starts.get(&partition).copied()
    }
}

/// The columns of a topic's messages, as they are declared.
pub fn schema(config: &KafkaConfig) -> SchemaRef {
    let decoded: Vec<_> = config.decoded().cloned().collect();
    let arrow = arrow_schema(&decoded);
    let mut decoded = arrow.fields().iter();
    let fields: Vec<Field> = config
        .columns
        .iter()
        .filter_map(|column| match column {
            KafkaColumn::Decoded(_) => decoded.next().map(|field| field.as_ref().clone()),
            KafkaColumn::Part { name, part } => Some(Field::new(name, part_type(*part), true)),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn part_type(part: MessagePart) -> DataType {
    match part {
        MessagePart::Partition => DataType::Int32,
        MessagePart::Offset => DataType::Int64,
        MessagePart::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        MessagePart::Topic | MessagePart::Key | MessagePart::Value | MessagePart::Headers => DataType::Utf8View,
    }
}

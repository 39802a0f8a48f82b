//! Which of the selected models are streams, and what lies below and beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::graph::{Graph, Materialized, NodeId, NodeKind};
use crate::project::{SourceTable, TableReader};

/// How often files and windows are looked for.
const LOOK: Duration = Duration::from_secs(5);

/// A selection, sorted.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    /// Models that read connectors, in the order of the graph.
    pub streams: Vec<NodeId>,
    /// Models and seeds that no stream feeds: built once.
    pub before: BTreeSet<NodeId>,
    /// Models below a stream that are not streams themselves.
    pub below: BTreeSet<NodeId>,
    /// Of each model below, the streams it lies below of.
    pub(super) feeds: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// Of each stream, the streams whose topics it reads.
    pub(super) upstream: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// Streams whose sources tell how much waits: those of messages.
    pub(super) counted: BTreeSet<NodeId>,
    /// How long after a batch of each began the next one may begin.
    pub(super) every: BTreeMap<NodeId, Duration>,
}

impl Streams {
    pub fn of(graph: &Graph, selection: &BTreeSet<NodeId>) -> Self {
        let mut sorted = Self::default();
        for id in graph.ids().filter(|id| selection.contains(id)) {
            let is_model = graph.node(id).as_model().is_some();
            let reads = if is_model { Reads::of(graph, id) } else { Reads::default() };
            let feeding = feeding(graph, id, &sorted.streams);
            match &graph.node(id).kind {
                NodeKind::Model(model) if model.config.materialized == Materialized::Ephemeral => {}
                NodeKind::Model(model)
                    if reads.something
                        && matches!(model.config.materialized, Materialized::Incremental | Materialized::Kafka) =>
                {
                    sorted.every.insert(id, reads.every.unwrap_or(LOOK));
                    if reads.messages {
                        sorted.counted.insert(id);
                    }
                    let topics = reads.topics.into_iter().filter(|topic| sorted.streams.contains(topic)).collect();
                    sorted.upstream.insert(id, topics);
                    sorted.streams.push(id);
                }
                // Its rows are those of tables: each refresh would send all of them again.
                NodeKind::Model(model) if !feeding.is_empty() && model.config.materialized == Materialized::Kafka => {}
                NodeKind::Model(_) if !feeding.is_empty() => {
                    sorted.below.insert(id);
                    sorted.feeds.insert(id, feeding);
                }
                NodeKind::Model(_) | NodeKind::Seed(_) => {
                    sorted.before.insert(id);
                }
                NodeKind::Source(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {}
            }
        }
        sorted
    }
}

/// The streams nearest above a node: what lies behind one of them comes through it.
fn feeding(graph: &Graph, id: NodeId, streams: &[NodeId]) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut border = vec![id];
    while let Some(next) = border.pop() {
        for parent in graph.parents(next).iter().filter(|parent| seen.insert(**parent)) {
            match streams.contains(parent) {
                true => {
                    found.insert(*parent);
                }
                false => border.push(*parent),
            }
        }
    }
    found
}

/// What a model reads from outside.
#[derive(Debug, Default)]
struct Reads {
    something: bool,
    messages: bool,
    every: Option<Duration>,
    /// Models whose topics it reads.
    topics: BTreeSet<NodeId>,
}

impl Reads {
    fn of(graph: &Graph, id: NodeId) -> Self {
        let mut reads = Self::default();
        reads.look(graph, id);
        reads
    }

    fn look(&mut self, graph: &Graph, id: NodeId) {
        for parent in graph.parents(id) {
            match &graph.node(*parent).kind {
                NodeKind::Source(table) => self.source(table),
                NodeKind::Model(model) => match (&model.config.topic, model.config.materialized) {
                    (Some(topic), _) => {
                        self.takes(topic.batch.every);
                        self.messages = true;
                        self.topics.insert(*parent);
                    }
                    // Its SQL is part of the reader's.
                    (None, Materialized::Ephemeral) => self.look(graph, *parent),
                    (None, _) => {}
                },
                NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {}
            }
        }
    }

    fn source(&mut self, table: &SourceTable) {
        match &table.reader {
            TableReader::Kafka(kafka) => {
                self.takes(kafka.batch.every);
                self.messages = true;
            }
            TableReader::Http(http) => self.takes(http.poll.as_ref().map_or(LOOK, |poll| poll.every)),
            TableReader::Files(_) => self.takes(LOOK),
            TableReader::Table { .. } => {}
        }
    }

    fn takes(&mut self, every: Duration) {
        self.something = true;
        self.every = Some(self.every.map_or(every, |known| known.min(every)));
    }
}

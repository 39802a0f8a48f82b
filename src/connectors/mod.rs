//! Sources read from outside: what there is to read, and its rows.
//!
//! A connector lists [`Item`]s (a file, later a window or a partition's offsets), each to be read once by each model, and
//! turns an item into pages of rows. It knows its own settings and nothing of tables.

mod columns;
pub mod decode;
mod files;
pub mod http;
mod kafka;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;

pub use columns::{
    ERROR_COLUMN, INGESTED_AT_COLUMN, SOURCE_COLUMN, STATUS_COLUMN, WINDOW_COLUMN, added_columns, declared_columns,
    full_schema, topic_columns,
};
pub use decode::{DecodeError, Rejected, Spare};
pub use files::Files;
pub use http::{Again, Clients, ForEach, Http, HttpError, Recorder, Replay, ReplayError, SourceProgress, Surroundings};

use jiff::Timestamp;

pub use kafka::{Kafka, Producer, TopicError, schema as topic_schema, topic_source};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::{KafkaConfig, SourceTable, TableReader};

/// Rows of a page at most.
const PAGE_ROWS: usize = 8192;

/// Something that is read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Stable between runs: what the position remembers.
    pub name: String,
    /// What tells a changed item from the one that was read: a file's size.
    pub mark: i64,
    /// Roughly how much work it is, in bytes.
    pub weight: u64,
    /// After so many the rest of it is left for the next commit.
    pub bytes_at_most: Option<u64>,
}

/// What waits to be read.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    /// In the order they are read.
    pub items: Vec<Item>,
    /// Names that were read before and are not what they were then.
    pub changed: Vec<String>,
    /// It is another source under the old names: a topic that was made anew.
    pub renewed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The path or pattern cannot be used.
    #[error("`{path}` cannot be read as a path: {reason}")]
    Path { path: String, reason: String },
    /// Nothing lies at a path that is no pattern.
    #[error("no file at `{path}`")]
    Missing { path: String },
    #[error("cannot list `{path}`")]
    List {
        path: String,
        #[source]
        source: object_store::Error,
    },
    #[error("cannot open `{file}`")]
    Open {
        file: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot fetch `{file}`")]
    Fetch {
        file: String,
        #[source]
        source: object_store::Error,
    },
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("cannot read `{file}` as Parquet")]
    Parquet {
        file: String,
        #[source]
        source: datafusion::parquet::errors::ParquetError,
    },
    #[error("the rows of `{file}` are not those declared")]
    Arrow {
        file: String,
        #[source]
        source: datafusion::arrow::error::ArrowError,
    },
    #[error(transparent)]
    Location(#[from] crate::location::InvalidLocation),
    #[error(transparent)]
    Http(Box<HttpError>),
    #[error("`{request}` cannot be followed to its end")]
    Paging {
        request: String,
        #[source]
        source: http::PagingError,
    },
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Topic(#[from] TopicError),
    #[error(
        "only {good} of {all} requests of source `{source_name}` for {item} succeeded; `min_success` is {percent}%"
    )]
    TooFewGood { source_name: String, item: String, good: usize, all: usize, percent: f64, first: String },
    /// Mistakes that have their words already.
    #[error("{}", first_message(.0))]
    Found(Diagnostics),
}

fn first_message(found: &Diagnostics) -> String {
    found.iter().next().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default()
}

/// Every connector there is.
#[derive(Debug)]
pub enum Connector {
    Files(Box<Files>),
    Http(Box<Http>),
    Kafka(Box<Kafka>),
}

/// A page of an item: rows in the asked columns, and the records that could not be decoded.
#[derive(Debug)]
pub struct Page {
    pub batch: RecordBatch,
    pub rejected: Vec<Rejected>,
    pub origin: Origin,
}

/// Where a page's rows came from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub source: Arc<str>,
    /// Of each row, where they differ.
    pub sources: Option<ArrayRef>,
    pub window_start_micros: Option<i64>,
    pub status: Option<u16>,
    pub error: Option<Arc<str>>,
}

impl Connector {
    /// The connector of a source's table; `None` when the source is an existing table.
    pub fn open(
        table: &SourceTable,
        around: &Arc<Surroundings>,
        for_each: Arc<dyn ForEach>,
    ) -> Result<Option<Arc<Self>>, ConnectorError> {
        Ok(match &table.reader {
            TableReader::Files(config) => {
                Some(Arc::new(Self::Files(Box::new(Files::open(&table.name, config, around)?))))
            }
            TableReader::Http(config) => {
                Some(Arc::new(Self::Http(Box::new(Http::open(&table.name, config, around, for_each)?))))
            }
            TableReader::Kafka(config) => Some(Arc::new(Self::Kafka(Box::new(Kafka::open(config, around))))),
            TableReader::Table { .. } => None,
        })
    }

    /// The topic of a model, read by other models.
    pub fn topic(config: &KafkaConfig, around: &Arc<Surroundings>) -> Arc<Self> {
        Arc::new(Self::Kafka(Box::new(Kafka::open(config, around))))
    }

    /// The declared columns, without `_source` and the like.
    pub fn schema(&self) -> SchemaRef {
        match self {
            Self::Files(files) => files.schema(),
            Self::Http(http) => http.schema(),
            Self::Kafka(kafka) => kafka.schema(),
        }
    }

    /// What is there and not read yet, as a position says: names and numbers, which mean something to the connector only.
    pub async fn waiting(&self, position: &BTreeMap<String, i64>) -> Result<Waiting, ConnectorError> {
        match self {
            Self::Files(files) => files.waiting(position).await,
            Self::Http(http) => http.waiting(position),
            Self::Kafka(kafka) => kafka.waiting(position).await,
        }
    }

    /// The items that a query reads which only wants to see what is there.
    pub fn for_a_look(&self, mut items: Vec<Item>) -> Vec<Item> {
        match self {
            Self::Files(_) => items,
            // Years of windows are no answer to that.
            Self::Http(_) => items.split_off(items.len().saturating_sub(1)),
            Self::Kafka(_) => Kafka::joined(items, true),
        }
    }

    /// How many of the waiting items, from the first on, are committed together; at least one.
    pub fn per_commit(&self, waiting: &[Item]) -> usize {
        match self {
            Self::Files(files) => files.per_commit(waiting),
            Self::Http(http) => http.per_commit(),
            Self::Kafka(_) => Kafka::per_commit(waiting),
        }
    }

    /// The items of one commit, as they are read: none of them waits for another. With `whole` nothing of them may be
    /// left for the next.
    pub fn joined(&self, items: Vec<Item>, whole: bool) -> Vec<Item> {
        match self {
            Self::Files(_) | Self::Http(_) => items,
            Self::Kafka(_) => Kafka::joined(items, whole),
        }
    }

    /// Below which line an item's rejected records are stored by the time of a position; `None` if none of them are.
    pub fn rejects_stored(&self, position: &BTreeMap<String, i64>, item: &Item) -> Option<u64> {
        match self {
            Self::Files(_) => (position.get(&item.name) == Some(&item.mark)).then_some(u64::MAX),
            Self::Http(http) => http.is_read(position, item).then_some(u64::MAX),
            // Lines are offsets.
            Self::Kafka(_) => position.get(&item.name).and_then(|next| u64::try_from(*next).ok()),
        }
    }

    /// What changes in the position once the rows of these items, just read, are committed.
    pub fn advance(&self, items: &[Item]) -> Vec<(String, i64)> {
        match self {
            Self::Files(_) => items.iter().map(|item| (item.name.clone(), item.mark)).collect(),
            Self::Http(http) => http.advance(items),
            Self::Kafka(kafka) => kafka.advance(items),
        }
    }

    /// What of these items, just committed, was not read to its end and comes next.
    pub fn unread(&self, items: &[Item]) -> Vec<Item> {
        match self {
            Self::Files(_) | Self::Http(_) => Vec::new(),
            Self::Kafka(kafka) => kafka.unread(items),
        }
    }

    /// Whether the look at what waits has moved the position by itself.
    pub fn has_moved(&self) -> bool {
        match self {
            Self::Files(_) | Self::Http(_) => false,
            Self::Kafka(kafka) => !kafka.advance(&[]).is_empty(),
        }
    }

    /// These changes are committed: the next items start from there.
    pub fn settle(&self, changes: &[(String, i64)]) {
        match self {
            Self::Files(_) => {}
            Self::Http(http) => {
                http.settle(changes);
                http.forget();
            }
            Self::Kafka(kafka) => kafka.settle(changes),
        }
    }

    /// What the user should know of the items just read. An error among it stops the commit.
    pub fn remarks(&self, items: &[Item]) -> Vec<Diagnostic> {
        match self {
            Self::Files(_) => Vec::new(),
            Self::Http(http) => http.remarks(items),
            Self::Kafka(kafka) => kafka.remarks(),
        }
    }

    /// Whether the item was read before, so that its rows replace those it gave then.
    pub fn is_again(&self, item: &Item) -> bool {
        match self {
            Self::Files(_) => false,
            Self::Http(http) => http.is_again(item),
            Self::Kafka(_) => false,
        }
    }

    /// Where a position is, in words; empty at the beginning.
    pub fn describe(&self, position: &BTreeMap<String, i64>) -> String {
        match self {
            Self::Files(_) => match position.len() {
                0 => String::new(),
                1 => "1 file".to_owned(),
                many => format!("{many} files"),
            },
            Self::Http(http) => http.describe(position),
            Self::Kafka(kafka) => kafka.describe(position),
        }
    }

    /// The position with what begins at `from` or later forgotten; without `from`, or where there are no windows, all of it.
    pub fn set_back(&self, position: &BTreeMap<String, i64>, from: Option<Timestamp>) -> Vec<(String, i64)> {
        match self {
            Self::Files(_) => Vec::new(),
            Self::Http(http) => http.set_back(position, from),
            Self::Kafka(_) => Vec::new(),
        }
    }

    /// What it calls the things it reads one by one.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Files(_) => "file",
            Self::Http(http) => http.unit(),
            Self::Kafka(_) => "batch",
        }
    }

    /// Whether the item, just read, is not there yet and will be asked for again.
    pub fn is_pending(&self, item: &Item) -> bool {
        match self {
            Self::Files(_) => false,
            Self::Http(http) => http.is_pending(item),
            Self::Kafka(_) => false,
        }
    }

    /// How far it is, for connectors that have more to tell than rows.
    pub fn progress(&self) -> Option<&Arc<SourceProgress>> {
        match self {
            Self::Files(_) => None,
            Self::Http(http) => Some(http.progress()),
            Self::Kafka(kafka) => Some(kafka.progress()),
        }
    }

    /// Begins to fetch an item that is read next.
    pub fn prefetch(self: &Arc<Self>, item: &Item) {
        if let Self::Http(http) = self.as_ref() {
            // Taken now: the reader may be done with the item before the task begins.
            let (slot, connector, item) = (http.slot(item), Arc::clone(self), item.clone());
            http.spawn(async move {
                if let Self::Http(http) = connector.as_ref() {
                    http.prefetch(&item, &slot).await;
                }
            });
        }
    }

    /// Nobody reads the item any more.
    pub fn release(&self, item: &Item) {
        match self {
            Self::Files(_) => {}
            Self::Http(http) => http.release(item),
            Self::Kafka(_) => {}
        }
    }

    /// Reads an item on the calling (blocking) thread; `columns` are indices into [`Connector::schema`]. Every page goes to
    /// `take`, which says whether to go on. `spare` is for the next item of the same columns.
    pub fn read(
        &self,
        item: &Item,
        columns: &[usize],
        spare: &mut Spare,
        take: &mut dyn FnMut(Page) -> bool,
    ) -> Result<(), ConnectorError> {
        match self {
            Self::Files(files) => files.read(item, columns, spare, take),
            Self::Http(http) => http.read(item, columns, spare, take),
            Self::Kafka(kafka) => kafka.read(item, columns, take),
        }
    }
}

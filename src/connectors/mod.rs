//! Sources read from outside: what there is to read, and its rows.
//!
//! A connector lists [`Item`]s (a file, later a window or a partition's offsets), each to be read once by each model, and
//! turns an item into pages of rows. It knows its own settings and nothing of tables.

pub mod decode;
mod files;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use decode::{DecodeError, Rejected};
pub use files::Files;

use crate::project::{SourceTable, TableReader};

/// Where a row came from: a file's name.
pub const SOURCE_COLUMN: &str = "_source";
/// When the run that read the row began; one value for the whole run.
pub const INGESTED_AT_COLUMN: &str = "_ingested_at";

/// Something that is read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Stable between runs: what the position remembers.
    pub name: String,
    /// What tells a changed item from the one that was read: a file's size.
    pub mark: i64,
    /// Roughly how much work it is, in bytes.
    pub weight: u64,
}

/// What waits to be read.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    /// In the order they are read.
    pub items: Vec<Item>,
    /// Names that were read before and are not what they were then.
    pub changed: Vec<String>,
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
}

/// Every connector there is.
#[derive(Debug)]
pub enum Connector {
    Files(Files),
}

/// A page of an item: rows in the asked columns, and the records that could not be decoded.
#[derive(Debug)]
pub struct Page {
    pub batch: RecordBatch,
    pub rejected: Vec<Rejected>,
}

impl Connector {
    /// The connector of a source's table; `None` when the source is an existing table. `base` is the project's root.
    pub fn open(
        table: &SourceTable,
        base: &Path,
        env: &BTreeMap<String, String>,
    ) -> Result<Option<Arc<Self>>, ConnectorError> {
        match &table.reader {
            TableReader::Files(config) => Ok(Some(Arc::new(Self::Files(Files::open(config, base, env)?)))),
            TableReader::Table { .. } => Ok(None),
        }
    }

    /// The declared columns, without `_source` and the like.
    pub fn schema(&self) -> SchemaRef {
        match self {
            Self::Files(files) => files.schema(),
        }
    }

    /// What is there and not among `read`, which holds names and marks.
    pub async fn waiting(&self, read: &BTreeMap<String, i64>) -> Result<Waiting, ConnectorError> {
        match self {
            Self::Files(files) => files.waiting(read).await,
        }
    }

    /// How many of the waiting items, from the first on, are committed together; at least one.
    pub fn per_commit(&self, waiting: &[Item]) -> usize {
        match self {
            Self::Files(files) => files.per_commit(waiting),
        }
    }

    /// Reads an item on the calling (blocking) thread; `columns` are indices into [`Connector::schema`]. Every page goes to
    /// `take`, which says whether to go on.
    pub fn read(
        &self,
        item: &Item,
        columns: &[usize],
        take: &mut dyn FnMut(Page) -> bool,
    ) -> Result<(), ConnectorError> {
        match self {
            Self::Files(files) => files.read(item, columns, take),
        }
    }
}

/// The columns every connector adds to the declared ones.
pub fn added_columns() -> [Field; 2] {
    [
        Field::new(SOURCE_COLUMN, DataType::Utf8View, true),
        Field::new(INGESTED_AT_COLUMN, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]
}

/// The declared columns and the added ones.
pub fn full_schema(declared: &Schema) -> SchemaRef {
    let fields: Vec<Field> =
        declared.fields().iter().map(|field| field.as_ref().clone()).chain(added_columns()).collect();
    Arc::new(Schema::new(fields))
}

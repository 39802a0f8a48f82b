//! What the world did to a table.

use deltalake::DeltaTableError;
use deltalake::datafusion::error::DataFusionError;

use crate::location::InvalidLocation;
use crate::names::Relation;

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The warehouse's address is not one we can read.
    #[error(transparent)]
    Location(#[from] InvalidLocation),
    /// The object store or the disk refused.
    #[error("cannot reach `{path}`")]
    Store {
        path: String,
        #[source]
        source: object_store::Error,
    },
    #[error("cannot open `{relation}`")]
    Open {
        relation: Relation,
        #[source]
        source: DeltaTableError,
    },
    /// The newest commit file is empty or torn: a power loss, or a copy that was cut.
    #[error("the log of `{relation}` is damaged: `{file}`")]
    DamagedCommit { relation: Relation, file: String },
    /// The query failed, or its rows could not be written.
    #[error("cannot write `{relation}`")]
    Write {
        relation: Relation,
        #[source]
        source: DataFusionError,
    },
    #[error("cannot write `{relation}`")]
    Commit {
        relation: Relation,
        #[source]
        source: DeltaTableError,
    },
    /// Somebody else changed the table between our read and our commit.
    #[error("`{relation}` was changed by another writer while this model ran")]
    Conflict { relation: Relation },
    /// Another process of ours holds the table's lock.
    #[error("`{relation}` is being written by another process")]
    Locked { relation: Relation },
    /// Delta has no such type.
    #[error("column `{column}` of `{relation}` is {data_type}, which a Delta table cannot hold")]
    ColumnType { relation: Relation, column: String, data_type: String, hint: String },
    /// An expression without a name, or a name with a character that Parquet or Delta keeps for itself.
    #[error("column {number} of `{relation}` has no name that a table's column can have")]
    ColumnName { relation: Relation, number: usize, column: String },
    #[error("two columns of `{relation}` are called `{column}`")]
    DuplicateColumn { relation: Relation, column: String },
    /// The rows' columns and the table's cannot be brought together as asked.
    #[error("{message}")]
    SchemaChange { relation: Relation, column: Option<String>, message: String, hint: String },
    /// Several rows of the source have one key.
    #[error("several rows for one key of `{relation}`: {sample}")]
    DuplicateKey { relation: Relation, key: String, sample: String },
    /// New rows lie outside of what they replace.
    #[error("{rows} new rows of `{relation}` do not satisfy `replace_where`: {predicate}")]
    OutsidePredicate { relation: Relation, predicate: String, rows: u64 },
}

impl StorageError {
    pub fn relation(&self) -> Option<&Relation> {
        match self {
            Self::Location(_) | Self::Store { .. } => None,
            Self::Open { relation, .. }
            | Self::DamagedCommit { relation, .. }
            | Self::Write { relation, .. }
            | Self::Commit { relation, .. }
            | Self::Conflict { relation }
            | Self::Locked { relation }
            | Self::ColumnType { relation, .. }
            | Self::ColumnName { relation, .. }
            | Self::DuplicateColumn { relation, .. }
            | Self::SchemaChange { relation, .. }
            | Self::DuplicateKey { relation, .. }
            | Self::OutsidePredicate { relation, .. } => Some(relation),
        }
    }
}

//! `sources:` of `sources.yaml` and of any `.yml` under the model paths: where rows come in.

use std::fmt;

use serde_json::{Map, Value};

use super::column::ColumnProperties;
use super::column_type::ColumnType;
use super::declared_test::DeclaredTest;
use super::http_source::HttpConfig;
use super::json_path::JsonPath;
use super::kafka_source::KafkaConfig;
use super::{Place, target::Hidden};
use crate::names::SourceName;

/// One table of a source.
#[derive(Debug, Clone)]
pub struct SourceTable {
    pub name: SourceName,
    pub description: String,
    pub source_description: String,
    pub reader: TableReader,
    pub columns: Vec<ColumnProperties>,
    pub data_tests: Vec<DeclaredTest>,
    pub tags: Vec<String>,
    pub meta: Map<String, Value>,
    pub config: Map<String, Value>,
    /// The table's name in the YAML.
    pub place: Place,
}

/// How a source's table is read.
#[derive(Clone)]
pub enum TableReader {
    /// Files at a path or glob, each read once by each model.
    Files(FilesConfig),
    /// Answers of a service.
    Http(Box<HttpConfig>),
    /// Messages of a topic.
    Kafka(Box<KafkaConfig>),
    /// An existing table, read whole: Delta, or Parquet, CSV or JSON files.
    Table {
        /// A path relative to the project, or an object-store URL.
        location: String,
        /// Default: by the location's extension; without one, Delta.
        format: TableFormat,
        storage_options: Map<String, Value>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    Delta,
    Parquet,
    Csv,
    Json,
}

/// The `files:` connector's settings.
#[derive(Clone)]
pub struct FilesConfig {
    /// A path or glob, relative to the project, or an object-store URL.
    pub path: String,
    pub path_place: Place,
    /// Default: by the path's extension; `.json` says nothing, since it may be either kind.
    pub format: Format,
    pub columns: Vec<ColumnDefinition>,
    /// Files whose positions are committed together. Default: 24, and more while they are small.
    pub per_commit: Option<usize>,
    pub storage_options: Map<String, Value>,
}

/// What is inside a file; `.gz` and `.zst` are recognised by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value a line.
    Ndjson,
    /// One JSON document: an array of records, or one record.
    Json,
    /// One JSON document, which is one record whatever it is.
    Document,
    Csv,
    Parquet,
    /// One column, `value`: a line a row.
    Text,
}

/// A declared column of a connector's table.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDefinition {
    pub name: String,
    pub column_type: ColumnType,
    /// A `JSONPath` of names, indices and `[*]`; `$` is the record as it came. Default: `$.<name>`.
    pub path: JsonPath,
    pub place: Place,
}

impl TableFormat {
    pub(super) const NAMES: &[&str] = &["delta", "parquet", "csv", "json"];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "delta" => Self::Delta,
            "parquet" => Self::Parquet,
            "csv" => Self::Csv,
            "json" | "ndjson" | "jsonl" => Self::Json,
            _ => return None,
        })
    }
}

impl Format {
    pub(super) const NAMES: &[&str] = &["ndjson", "json", "document", "csv", "parquet", "text"];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "ndjson" | "jsonl" => Self::Ndjson,
            "json" => Self::Json,
            "document" => Self::Document,
            "csv" => Self::Csv,
            "parquet" => Self::Parquet,
            "text" => Self::Text,
            _ => return None,
        })
    }
}

impl fmt::Debug for TableReader {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => out.debug_tuple("Files").field(files).finish(),
            Self::Kafka(kafka) => out.debug_tuple("Kafka").field(kafka).finish(),
            Self::Http(http) => out.debug_tuple("Http").field(http).finish(),
            Self::Table { location, format, storage_options } => out
                .debug_struct("Table")
                .field("location", location)
                .field("format", format)
                .field("storage_options", &Hidden(storage_options))
                .finish(),
        }
    }
}

impl fmt::Debug for FilesConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FilesConfig")
            .field("path", &self.path)
            .field("format", &self.format)
            .field("columns", &self.columns)
            .field("per_commit", &self.per_commit)
            .field("storage_options", &Hidden(&self.storage_options))
            .finish_non_exhaustive()
    }
}

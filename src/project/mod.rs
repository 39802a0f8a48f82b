//! What is on disk, typed, nothing resolved: the project file, models, seeds, tests, macros, properties, sources and
//! exposures.

mod auth;
mod column;
mod column_type;
mod config;
mod config_tree;
mod connection;
mod dbt_keys;
mod declared_test;
mod env;
mod exposure;
mod fields;
mod files;
mod http_pages;
mod http_reader;
mod http_source;
mod inventory;
mod json_path;
mod kafka_reader;
mod kafka_source;
mod load;
mod memory;
mod model_config;
mod properties;
mod rendered;
mod source;
mod source_entry;
mod source_reader;
mod span_of_time;
mod target;
#[cfg(test)]
mod tests;
mod unread;
mod window;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::diagnostic::{SourceText, Span};
use crate::names::SourceName;

pub use auth::Auth;
pub use column::ColumnProperties;
pub use column_type::{ColumnType, InvalidType, InvalidTypeKind};
pub use config::ProjectConfig;
pub use connection::{
    Connection, ConnectionKind, HttpConnection, KafkaConnection, RateConfig, RetryConfig, Secret, TimeoutConfig,
};
pub use declared_test::DeclaredTest;
pub use exposure::{Exposure, ExposureKind, Maturity};
pub use http_source::{
    CursorConfig, HttpColumn, HttpConfig, Method, OnGap, OnStatus, Paginate, PollConfig, RequestConfig, StatusPattern,
    Text, WindowConfig,
};
pub use json_path::{InvalidPath, InvalidPathKind, JsonPath, PathStep};
pub use kafka_source::{BatchConfig, KafkaColumn, KafkaConfig, MessagePart, OnLostOffsets, StartAt};
pub use load::{LoadOptions, find_root, load};
pub use memory::Memory;
pub use model_config::{
    ConfigOf, MODEL_CONFIG_KEYS, SEED_CONFIG_KEYS, SOURCE_CONFIG_KEYS, TEST_CONFIG_KEYS, check_config_key,
    check_config_value, merge_config,
};
pub use properties::Properties;
pub use rendered::{Local, RenderYaml, YamlScope};
pub use source::{ColumnDefinition, FilesConfig, Format, SourceTable, TableFormat, TableReader};
pub use span_of_time::{Rate, parse_duration, shown_duration};
pub use target::{TargetConfig, parse_bytes};
pub use unread::{Unread, last_word};
pub use window::{parse_instant, window_start};
pub use yaml::{Key, Node, NodeKind, parse as parse_yaml};

/// A project as it lies on disk.
pub struct Project {
    pub root: PathBuf,
    pub config: ProjectConfig,
    /// `.sql` files of the model paths, in order of their paths.
    pub models: Vec<ModelFile>,
    /// `.csv` files of the seed paths.
    pub seeds: Vec<SeedFile>,
    /// `.sql` files of the test paths, `generic/` left out.
    pub singular_tests: Vec<TestFile>,
    /// `.sql` files of the macro paths, and of `generic/` below the test paths.
    pub macros: Vec<MacroFile>,
    pub sources: Vec<SourceTable>,
    pub exposures: Vec<Exposure>,
    pub connections: Vec<Connection>,
    /// Environment variables with those of `.env` below them.
    pub env: BTreeMap<String, String>,
    /// Empty, unless something is wrong with the project.
    pub unread: Arc<Unread>,
}

/// A model: its SQL, and all that YAML says of it.
#[derive(Debug, Clone)]
pub struct ModelFile {
    pub name: String,
    /// The first folder below the model path; declared in `layers`.
    pub layer: String,
    /// Folders below the model path, then the name: `[gold, github, revenue]`.
    pub fqn: Vec<String>,
    pub source: Arc<SourceText>,
    /// Config of the folders in `project.yaml`, outermost first, already merged; then the properties' config.
    pub config: Map<String, Value>,
    pub properties: Arc<Properties>,
}

#[derive(Debug, Clone)]
pub struct SeedFile {
    pub name: String,
    /// The path relative to the root.
    pub path: String,
    pub fqn: Vec<String>,
    pub config: Map<String, Value>,
    pub properties: Arc<Properties>,
}

#[derive(Debug, Clone)]
pub struct TestFile {
    pub name: String,
    pub source: Arc<SourceText>,
    pub fqn: Vec<String>,
    pub config: Map<String, Value>,
    pub properties: Arc<Properties>,
}

#[derive(Debug, Clone)]
pub struct MacroFile {
    /// The namespace its macros are also reached under: the project's name, or the package's.
    pub package: String,
    pub source: Arc<SourceText>,
}

impl fmt::Debug for Project {
    /// Without the environment, which holds secrets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Project")
            .field("root", &self.root)
            .field("config", &self.config)
            .field("models", &self.models)
            .field("seeds", &self.seeds)
            .field("singular_tests", &self.singular_tests)
            .field("macros", &self.macros)
            .field("sources", &self.sources)
            .field("exposures", &self.exposures)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl SourceTable {
    pub fn source_name(&self) -> &SourceName {
        &self.name
    }
}

/// Where a value stands, when it is known.
pub type Place = Option<Span>;

/// Where settings have their values, by name.
pub type SettingPlaces = BTreeMap<String, Span>;

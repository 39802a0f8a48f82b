//! A model's and a seed's settings, typed: what `config()` and YAML may say and what they mean.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::config_reader::Reader;
use super::topic::TopicConfig;
use crate::diagnostic::{Diagnostics, Span};
use crate::project::{Connection, SettingPlaces};

/// How a model becomes a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Materialized {
    Table,
    View,
    Incremental,
    Ephemeral,
    /// A topic that its rows are sent to.
    Kafka,
}

impl Materialized {
    pub const NAMES: &[&str] = &["table", "view", "incremental", "ephemeral", "kafka"];

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "table" => Self::Table,
            "view" => Self::View,
            "incremental" => Self::Incremental,
            "ephemeral" => Self::Ephemeral,
            "kafka" => Self::Kafka,
            _ => return None,
        })
    }
}

impl fmt::Display for Materialized {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Incremental => "incremental",
            Self::Ephemeral => "ephemeral",
            Self::Kafka => "kafka",
        })
    }
}

/// How new rows meet the rows already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncrementalStrategy {
    /// Added as they are.
    Append,
    /// Rows of a known key are updated, others inserted.
    Merge,
    /// Rows of the keys that come are deleted, then all are inserted.
    DeleteInsert,
    /// The partitions that come are replaced whole, or the rows of `replace_where`.
    InsertOverwrite,
}

impl IncrementalStrategy {
    pub const NAMES: &[&str] = &["append", "merge", "delete+insert", "insert_overwrite", "replace_where"];

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "append" => Self::Append,
            "merge" => Self::Merge,
            "delete+insert" => Self::DeleteInsert,
            "insert_overwrite" | "replace_where" => Self::InsertOverwrite,
            _ => return None,
        })
    }
}

impl fmt::Display for IncrementalStrategy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Append => "append",
            Self::Merge => "merge",
            Self::DeleteInsert => "delete+insert",
            Self::InsertOverwrite => "insert_overwrite",
        })
    }
}

/// What happens when an incremental model's columns are no longer those of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSchemaChange {
    /// The table's columns stay; new ones are left out, missing ones are NULL.
    Ignore,
    Fail,
    AppendNewColumns,
    /// New columns are added, those that are gone are dropped.
    SyncAllColumns,
}

impl OnSchemaChange {
    pub const NAMES: &[&str] = &["ignore", "fail", "append_new_columns", "sync_all_columns"];

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ignore" => Self::Ignore,
            "fail" => Self::Fail,
            "append_new_columns" => Self::AppendNewColumns,
            "sync_all_columns" => Self::SyncAllColumns,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// Default: view, as in dbt.
    pub materialized: Materialized,
    /// Default: merge with a unique key, else append.
    pub strategy: IncrementalStrategy,
    pub unique_key: Vec<String>,
    pub on_schema_change: OnSchemaChange,
    pub partition_by: Vec<String>,
    /// Wins over `--full-refresh`, both ways.
    pub full_refresh: Option<bool>,
    pub pre_hook: Vec<String>,
    pub post_hook: Vec<String>,
    pub merge_update_columns: Option<Vec<String>>,
    pub merge_exclude_columns: Vec<String>,
    /// SQL conditions on the target's rows that a merge or a delete looks at.
    pub incremental_predicates: Vec<String>,
    /// The rows an `insert_overwrite` replaces; default: the partitions that come.
    pub replace_where: Option<String>,
    /// The column that says which window of its source a row is of; default: `_window_start` or `window_start`.
    pub window_column: Option<String>,
    pub table_properties: Vec<(String, String)>,
    /// Rows older than this go, file by file, while the model is streamed; by the time in `keep_by`.
    pub keep: Option<Keep>,
    /// Its columns are those described in YAML, by name and type, and no others.
    pub contract: bool,
    /// Where the rows of a `kafka` model go.
    pub topic: Option<TopicConfig>,
}

/// How long rows are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    pub rows_for: Duration,
    /// A timestamp column.
    pub by: String,
}

#[derive(Debug, Clone)]
pub struct SeedConfig {
    /// Declared types by column name; the others are inferred.
    pub column_types: Vec<(String, String)>,
    /// Where the types are declared.
    pub types_place: Option<Span>,
    pub delimiter: u8,
}

impl ModelConfig {
    /// `place` is the `config()` call, or the properties entry. Of a config that is partial it is not told what is missing.
    pub fn read(
        config: &Map<String, Value>,
        owner: &str,
        place: Option<Span>,
        settings: &SettingPlaces,
        path: &str,
        is_partial: bool,
        connections: &[Connection],
    ) -> Result<Self, Diagnostics> {
        let mut reader = Reader { config, owner, place, settings, path, is_partial, found: Diagnostics::default() };
        let materialized =
            reader.choice("materialized", Materialized::NAMES, Materialized::parse).unwrap_or(Materialized::View);
        let unique_key = reader.strings("unique_key");
        let asked = reader.choice("incremental_strategy", IncrementalStrategy::NAMES, IncrementalStrategy::parse);
        let default = match unique_key.is_empty() {
            true => IncrementalStrategy::Append,
            false => IncrementalStrategy::Merge,
        };
        let read = Self {
            materialized,
            strategy: asked.unwrap_or(default),
            unique_key,
            on_schema_change: reader
                .choice("on_schema_change", OnSchemaChange::NAMES, OnSchemaChange::parse)
                .unwrap_or(OnSchemaChange::Ignore),
            partition_by: reader.strings("partition_by"),
            full_refresh: reader.optional_bool("full_refresh"),
            pre_hook: reader.hooks("pre_hook"),
            post_hook: reader.hooks("post_hook"),
            merge_update_columns: config
                .get("merge_update_columns")
                .as_ref()
                .is_some_and(|value| !value.is_null())
                .then(|| reader.strings("merge_update_columns")),
            merge_exclude_columns: reader.strings("merge_exclude_columns"),
            incremental_predicates: reader.strings("incremental_predicates"),
            replace_where: reader.optional_string("replace_where"),
            window_column: reader.optional_string("window_column"),
            table_properties: reader.pairs("table_properties"),
            contract: contract(&mut reader),
            keep: keep(&mut reader),
            topic: match materialized {
                Materialized::Kafka => TopicConfig::read(&mut reader, connections),
                _ => {
                    TopicConfig::refuse(&mut reader);
                    None
                }
            },
        };
        read.check(&mut reader);
        reader.found.finish(read).map(|(read, _)| read)
    }

    fn check(&self, reader: &mut Reader<'_>) {
        if self.materialized != Materialized::Incremental {
            return;
        }
        let owner = reader.owner.to_owned();
        match self.strategy {
            IncrementalStrategy::Merge | IncrementalStrategy::DeleteInsert if self.unique_key.is_empty() => {
                reader.conflict(
                    format!("`{owner}` is incremental by `{}` and has no `unique_key`", self.strategy),
                    "name the columns that identify a row: unique_key='id', or use incremental_strategy='append'",
                );
            }
            IncrementalStrategy::InsertOverwrite if self.partition_by.is_empty() && self.replace_where.is_none() => {
                reader.conflict(
                    format!("`{owner}` is incremental by `insert_overwrite` and says not what to overwrite"),
                    "set partition_by='date', or replace_where=\"date >= '2026-01-01'\"",
                );
            }
            IncrementalStrategy::Append
            | IncrementalStrategy::Merge
            | IncrementalStrategy::DeleteInsert
            | IncrementalStrategy::InsertOverwrite => {}
        }
        if self.merge_update_columns.is_some() && !self.merge_exclude_columns.is_empty() {
            reader.conflict(
                format!("`{owner}` has both `merge_update_columns` and `merge_exclude_columns`"),
                "keep one of them",
            );
        }
    }
}

/// What a contract may say, in dbt.
const CONTRACT_KEYS: &[&str] = &["enforced", "alias_types", "checksum"];

/// `contract: {enforced: true}`, as in dbt.
fn contract(reader: &mut Reader<'_>) -> bool {
    match reader.config.get("contract") {
        None | Some(Value::Null) => false,
        Some(Value::Object(entries)) if !entries.keys().all(|key| CONTRACT_KEYS.contains(&key.as_str())) => {
            reader.wrong("contract", "a mapping such as `{'enforced': true}`", &Value::Object(entries.clone()));
            false
        }
        Some(Value::Object(entries)) => match entries.get("enforced") {
            None => false,
            Some(Value::Bool(enforced)) => *enforced,
            Some(other) => {
                reader.wrong("enforced", "`true` or `false`", other);
                false
            }
        },
        Some(other) => {
            reader.wrong("contract", "a mapping such as `{'enforced': true}`", other);
            false
        }
    }
}

fn keep(reader: &mut Reader<'_>) -> Option<Keep> {
    let rows_for = reader.duration("keep_for");
    let by = reader.optional_string("keep_by");
    match (rows_for, by) {
        (Some(rows_for), Some(by)) => Some(Keep { rows_for, by }),
        (Some(_), None) => {
            let message = format!("`{}` has `keep_for` and says not by which time", reader.owner);
            reader.conflict(message, "name a column of the rows' time: keep_by='ingested_at'");
            None
        }
        // What is wrong with a `keep_for` that is there was told.
        (None, Some(_)) if reader.config.get("keep_for").is_some_and(|given| !given.is_null()) => None,
        (None, Some(_)) => {
            let message = format!("`{}` has `keep_by` and says not for how long", reader.owner);
            reader.conflict(message, "say how long rows are kept: keep_for='24h'");
            None
        }
        (None, None) => None,
    }
}

impl SeedConfig {
    pub fn read(
        config: &Map<String, Value>,
        owner: &str,
        place: Option<Span>,
        settings: &SettingPlaces,
        path: &str,
    ) -> Result<Self, Diagnostics> {
        let is_partial = false;
        let mut reader = Reader { config, owner, place, settings, path, is_partial, found: Diagnostics::default() };
        let delimiter = reader.optional_string("delimiter").unwrap_or_else(|| ",".to_owned());
        let delimiter = if let [one] = delimiter.as_bytes() {
            *one
        } else {
            reader.wrong("delimiter", "one character", &Value::String(delimiter));
            b','
        };
        let read = Self {
            column_types: reader.pairs("column_types"),
            types_place: settings.get("column_types").cloned(),
            delimiter,
        };
        reader.found.finish(read).map(|(read, _)| read)
    }
}

//! The config of a node: which keys there are, what they hold, and how one level is laid over another.
//!
//! The same lists check `project.yaml`, the properties and `config()` inside a file.

use serde_json::{Map, Value};

use super::fields::{Fields, hint_known, snake_case};
use super::span_of_time::parse_duration;
use super::yaml::{Node, NodeKind};
use super::{Place, SettingPlaces};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Config keys of models.
pub const MODEL_CONFIG_KEYS: &[&str] = &[
    "enabled",
    "materialized",
    "tags",
    "meta",
    "unique_key",
    "incremental_strategy",
    "on_schema_change",
    "partition_by",
    "full_refresh",
    "pre_hook",
    "post_hook",
    "merge_update_columns",
    "merge_exclude_columns",
    "incremental_predicates",
    "replace_where",
    "window_column",
    "contract",
    "keep_for",
    "keep_by",
    "connection",
    "topic",
    "key",
    "headers",
    "value",
    "partitions",
    "replication",
    "retention",
    "compression",
    "properties",
    "batch",
    "on_lost_offsets",
    "persist_docs",
    "docs",
    "table_properties",
    "group",
    "access",
];

/// Config keys of seeds.
pub const SEED_CONFIG_KEYS: &[&str] =
    &["column_types", "delimiter", "quote_columns", "enabled", "tags", "meta", "full_refresh", "docs", "persist_docs"];

/// Config keys of data tests, singular and generic.
pub const TEST_CONFIG_KEYS: &[&str] = &[
    "severity",
    "warn_if",
    "error_if",
    "where",
    "limit",
    "store_failures",
    "store_failures_as",
    "fail_calc",
    "tags",
    "enabled",
    "alias",
    "schema",
    "meta",
    "group",
];

/// Config keys of sources and their tables.
pub const SOURCE_CONFIG_KEYS: &[&str] = &["enabled", "tags", "meta"];

/// Config keys of exposures.
pub const EXPOSURE_CONFIG_KEYS: &[&str] = &["enabled", "tags", "meta"];

/// Whose config it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigOf {
    Model,
    Seed,
    Test,
    Source,
    Exposure,
}

impl ConfigOf {
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Model => MODEL_CONFIG_KEYS,
            Self::Seed => SEED_CONFIG_KEYS,
            Self::Test => TEST_CONFIG_KEYS,
            Self::Source => SOURCE_CONFIG_KEYS,
            Self::Exposure => EXPOSURE_CONFIG_KEYS,
        }
    }

    pub fn noun(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed => "seed",
            Self::Test => "data test",
            Self::Source => "source",
            Self::Exposure => "exposure",
        }
    }

    /// The noun with its article.
    pub fn one(self) -> String {
        let article = if self == Self::Exposure { "an" } else { "a" };
        format!("{article} {}", self.noun())
    }
}

/// dbt's keys that we refuse, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("schema", "the layer is the schema: move the file to the folder of the layer it belongs to"),
    ("database", "the target's `warehouse` says where tables lie"),
    ("catalog", "the target's `warehouse` says where tables lie"),
    ("alias", "the file's name is the table's name: rename the file"),
    ("sql_header", "put the statement into `pre_hook`"),
];

/// dbt's keys that change nothing in the rows: taken, with a warning.
const IGNORED: &[&str] = &["grants", "quoting", "static_analysis", "packages", "event_time", "freshness"];

/// What is wrong with a config key (in snake case, without `+`), if anything.
pub fn check_config_key(of: ConfigOf, key: &str, place: Place, file: &str) -> Option<Diagnostic> {
    if of.keys().contains(&key) {
        return None;
    }
    let one = of.one();
    if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == key) {
        let message = format!("`{key}` is not a config of {one} here");
        return Some(
            Diagnostic::error(Code::Config, message).label_or_file(place, "not supported", file).hint(*instead),
        );
    }
    if IGNORED.contains(&key) {
        let message = format!("config `{key}` is not part of this version and changes nothing");
        return Some(Diagnostic::warning(Code::Config, message).label_or_file(place, "ignored", file));
    }
    let unknown = Diagnostic::error(Code::Config, format!("unknown config `{key}` of {one}")).label_or_file(
        place,
        "not a config key",
        file,
    );
    let known = hint_known(unknown, key, of.keys());
    Some(match known.hints.is_empty() {
        true => known.hint(format!("keys of your own belong under `meta`: `meta: {{{key}: ...}}`")),
        false => known,
    })
}

/// What is wrong with the value of a known config key, if anything. Null is always right: it stands for the default.
pub fn check_config_value(key: &str, value: &Value, place: Place, file: &str) -> Option<Diagnostic> {
    let wanted = expected(key, value)?;
    let given = match value {
        Value::String(text) if text.len() <= 40 => &format!("the string `{text}`"),
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    let message = format!("config `{key}` is {wanted}, not {given}");
    Some(Diagnostic::error(Code::Config, message).label_or_file(place, format!("expected {wanted}"), file))
}

fn one_of(value: &Value, names: &[&str]) -> bool {
    value.as_str().is_some_and(|given| names.contains(&given.to_lowercase().as_str()))
}

/// What a key wants, if this value is not it.
fn expected(key: &str, value: &Value) -> Option<&'static str> {
    let is_strings = match value {
        Value::String(_) => true,
        Value::Array(items) => items.iter().all(Value::is_string),
        _ => false,
    };
    let (fits, wanted) = match key {
        _ if value.is_null() => return None,
        "enabled" | "full_refresh" | "store_failures" | "quote_columns" => (value.is_boolean(), "`true` or `false`"),
        "tags"
        | "unique_key"
        | "partition_by"
        | "merge_update_columns"
        | "merge_exclude_columns"
        | "incremental_predicates"
        | "headers" => (is_strings, "a string or a list of strings"),
        "meta" | "docs" | "persist_docs" | "table_properties" | "contract" | "column_types" | "properties"
        | "batch" => (value.is_object(), "a mapping"),
        "materialized" => (
            one_of(value, &["table", "view", "incremental", "ephemeral", "kafka"]),
            "`table`, `view`, `incremental`, `ephemeral` or `kafka`",
        ),
        "incremental_strategy" => (
            one_of(value, &["append", "merge", "delete+insert", "insert_overwrite", "replace_where"]),
            "`append`, `merge`, `delete+insert`, `insert_overwrite` or `replace_where`",
        ),
        "on_schema_change" => (
            one_of(value, &["ignore", "fail", "append_new_columns", "sync_all_columns"]),
            "`ignore`, `fail`, `append_new_columns` or `sync_all_columns`",
        ),
        "alias" | "replace_where" | "window_column" | "group" | "access" | "delimiter" | "store_failures_as"
        | "fail_calc" | "schema" | "where" | "warn_if" | "error_if" => (value.is_string(), "a string"),
        "keep_for" | "retention" => {
            let fits = value.as_str().is_some_and(|text| parse_duration(text).is_some_and(|it| !it.is_zero()));
            (fits, "a length of time such as `3h`")
        }
        "keep_by" | "connection" | "topic" | "key" | "value" => (value.is_string(), "a string"),
        "partitions" | "replication" => (value.as_u64().is_some_and(|n| n > 0), "a whole number from 1 on"),
        "on_lost_offsets" => (one_of(value, &["fail", "skip_and_report"]), "`fail` or `skip_and_report`"),
        "compression" => {
            (one_of(value, &["none", "gzip", "snappy", "lz4", "zstd"]), "`none`, `gzip`, `snappy`, `lz4` or `zstd`")
        }
        "limit" => (value.as_u64().is_some(), "a whole number"),
        "severity" => (
            value.as_str().is_some_and(|given| ["warn", "error"].contains(&given.to_lowercase().as_str())),
            "`warn` or `error`",
        ),
        "target_file_size" => (value.is_u64() || value.is_string(), "a size such as `128MiB`"),
        // A hook is SQL, or `{sql: ..., transaction: ...}`, or a list of these.
        "pre_hook" | "post_hook" => (!value.is_boolean() && !value.is_number(), "SQL or a list of SQL"),
        _ => return None,
    };
    (!fits).then_some(wanted)
}

/// Lays one level of config over those below it: tags and hooks append, `meta` merges, everything else replaces.
///
/// Keys come out in snake case and without `+`.
pub fn merge_config(base: &mut Map<String, Value>, layer: &Map<String, Value>) {
    for (key, value) in layer {
        let key = snake_case(key.trim_start_matches('+'));
        match (key.as_str(), value) {
            ("tags" | "pre_hook" | "post_hook", _) => {
                let mut all = as_list(base.shift_remove(&key));
                for item in as_list(Some(value.clone())) {
                    if key != "tags" || !all.contains(&item) {
                        all.push(item);
                    }
                }
                base.insert(key, Value::Array(all));
            }
            ("meta", Value::Object(more)) => match base.get_mut("meta") {
                Some(Value::Object(meta)) => meta.extend(more.clone()),
                _ => {
                    base.insert(key, value.clone());
                }
            },
            _ => {
                base.insert(key, value.clone());
            }
        }
    }
}

fn as_list(value: Option<Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
    }
}

/// A `config:` mapping, checked; its keys come out in snake case.
pub(super) fn read_config(node: &Node, of: ConfigOf, found: &mut Diagnostics) -> Map<String, Value> {
    let mut config = Map::new();
    let NodeKind::Mapping(entries) = &node.kind else {
        if !node.is_null() {
            let message = format!("`config` is a mapping, not {}", node.describe());
            found.push(Diagnostic::error(Code::Config, message).label(node.span.clone(), "expected `key: value`"));
        }
        return config;
    };
    for (key, value) in entries {
        let name = snake_case(key.name.trim_start_matches('+'));
        let file = &key.span.source.path;
        let json = match (name.as_str(), value.to_json()) {
            ("severity", Value::String(severity)) => Value::String(severity.to_lowercase()),
            (_, json) => json,
        };
        let mistake = check_config_key(of, &name, Some(key.span.clone()), file)
            .or_else(|| check_config_value(&name, &json, Some(value.span.clone()), file));
        let is_known = mistake.is_none();
        found.extend(mistake);
        if is_known {
            merge_config(&mut config, &Map::from_iter([(name, json)]));
        }
    }
    config
}

/// `tags`, `meta` and `enabled`, beside `config:` or in it.
pub(super) fn own_config(fields: &mut Fields<'_>, of: ConfigOf) -> Map<String, Value> {
    let mut config = Map::new();
    for key in ["tags", "meta", "enabled"] {
        if let Some(entry) = fields.entry(key).filter(|(_, value)| !value.is_null()) {
            let one = Node { kind: NodeKind::Mapping(vec![entry.clone()]), span: entry.0.span.clone() };
            merge_config(&mut config, &read_config(&one, of, fields.found()));
        }
    }
    if let Some(node) = fields.node("config") {
        merge_config(&mut config, &read_config(node, of, fields.found()));
    }
    config
}

/// Where each setting of a `config:` mapping has its value.
pub(super) fn setting_places(node: &Node) -> SettingPlaces {
    let NodeKind::Mapping(entries) = &node.kind else { return SettingPlaces::new() };
    let name = |key: &str| snake_case(key.trim_start_matches('+'));
    entries.iter().map(|(key, value)| (name(&key.name), value.span.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_append_merge_or_replace() {
        let mut config = Map::new();
        for level in [
            json!({"+materialized": "view", "tags": "a", "meta": {"x": 1, "y": 1}, "pre-hook": "one"}),
            json!({"materialized": "table", "tags": ["b", "a"], "meta": {"y": 2}, "pre_hook": ["one", "two"]}),
        ] {
            merge_config(&mut config, level.as_object().unwrap());
        }
        let wanted = json!({
            "materialized": "table", "tags": ["a", "b"], "meta": {"x": 1, "y": 2}, "pre_hook": ["one", "one", "two"],
        });
        assert_eq!(Value::Object(config), wanted);
    }

    #[test]
    fn every_known_key_takes_null_and_refuses_its_wrong_shape() {
        for of in [ConfigOf::Model, ConfigOf::Seed, ConfigOf::Test, ConfigOf::Source, ConfigOf::Exposure] {
            for key in of.keys() {
                assert_eq!(check_config_key(of, key, None, "a"), None);
                assert_eq!(check_config_value(key, &Value::Null, None, "a"), None);
            }
        }
        let wrong = check_config_value("enabled", &json!("yes"), None, "models/a.sql").unwrap();
        assert_eq!(wrong.to_string(), "config `enabled` is `true` or `false`, not the string `yes` (models/a.sql)");
    }

    #[test]
    fn unknown_and_foreign_keys_say_what_to_do() {
        let hint = |key| check_config_key(ConfigOf::Model, key, None, "a").unwrap().hints[0].clone();
        assert_eq!(hint("materialised"), "did you mean `materialized`?");
        assert_eq!(hint("owner_team"), "keys of your own belong under `meta`: `meta: {owner_team: ...}`");
        assert!(hint("schema").starts_with("the layer is the schema"));
    }
}

//! A node's `config` in the manifest: dbt's keys with their defaults, and what the project says over them.
//!
//! Readers of the manifest check the shapes of the keys they know. `config()` in a template may hold anything, so a
//! value of another shape is left out and the default stands.

use serde_json::{Map, Value, json};

use super::object;
use crate::graph::{Materialized, ModelConfig};
use crate::names::TEST_AUDIT;

/// Keys that may be missing; when they are there, they are text.
const TEXTS: &[&str] = &["group", "where", "incremental_strategy", "store_failures_as"];

/// `typed` is what the engine made of a model's config; a disabled model has none.
pub(super) fn of_model(written: &Map<String, Value>, typed: Option<&ModelConfig>, alias: &str, layer: &str) -> Value {
    let mut config = of_built("view", alias, layer);
    config.extend(object(json!({"access": "protected", "freshness": null})));
    lay_over(&mut config, written);
    if let Some(typed) = typed {
        config.insert("materialized".to_owned(), json!(typed.materialized.to_string()));
        if typed.materialized == Materialized::Incremental {
            config.insert("incremental_strategy".to_owned(), json!(typed.strategy.to_string()));
        }
    }
    Value::Object(enabled(config, typed.is_some()))
}

pub(super) fn of_seed(written: &Map<String, Value>, is_enabled: bool, alias: &str, schema: &str) -> Value {
    let mut config = of_built("seed", alias, schema);
    config.extend(object(json!({"delimiter": ",", "quote_columns": null})));
    lay_over(&mut config, written);
    Value::Object(enabled(config, is_enabled))
}

pub(super) fn of_test(written: &Map<String, Value>, alias: &str) -> Value {
    let mut config = object(json!({
        "enabled": true,
        "alias": null,
        "schema": null,
        "database": null,
        "tags": [],
        "meta": {},
        "group": null,
        "materialized": "test",
        "severity": "error",
        "store_failures": null,
        "store_failures_as": null,
        "where": null,
        "limit": null,
        "fail_calc": "count(*)",
        "warn_if": "!= 0",
        "error_if": "!= 0",
    }));
    lay_over(&mut config, written);
    Value::Object(named(config, alias, TEST_AUDIT))
}

pub(super) fn of_source(written: &Map<String, Value>) -> Value {
    let mut config = object(json!({
        "enabled": true,
        "event_time": null,
        "freshness": null,
        "loaded_at_field": null,
        "loaded_at_query": null,
        "meta": {},
        "tags": [],
    }));
    lay_over(&mut config, written);
    Value::Object(config)
}

pub(super) fn of_exposure(written: &Map<String, Value>) -> Value {
    let mut config = object(json!({"enabled": true, "tags": [], "meta": {}}));
    lay_over(&mut config, written);
    Value::Object(config)
}

/// `docs:`, of which readers take these two keys only.
pub(super) fn docs(written: &Map<String, Value>) -> Value {
    let docs = written.get("docs");
    let show = docs.and_then(|docs| docs.get("show")).and_then(Value::as_bool).unwrap_or(true);
    let color = docs.and_then(|docs| docs.get("node_color")).and_then(Value::as_str);
    json!({"show": show, "node_color": color})
}

/// `tags:`, which may be one or many.
pub(super) fn tags(written: &Map<String, Value>) -> Vec<String> {
    match written.get("tags") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// What models and seeds have in common.
fn of_built(materialized: &str, alias: &str, schema: &str) -> Map<String, Value> {
    let mut config = object(json!({
        "enabled": true,
        "alias": null,
        "schema": null,
        "database": null,
        "tags": [],
        "meta": {},
        "group": null,
        "materialized": materialized,
        "incremental_strategy": null,
        "batch_size": null,
        "lookback": 1,
        "begin": null,
        "persist_docs": {},
        "post-hook": [],
        "pre-hook": [],
    }));
    config.extend(object(json!({
        "quoting": {},
        "column_types": {},
        "full_refresh": null,
        "unique_key": null,
        "on_schema_change": "ignore",
        "on_configuration_change": "apply",
        "grants": {},
        "packages": [],
        "docs": docs(&Map::new()),
        "contract": {"enforced": false, "alias_types": true},
        "event_time": null,
        "concurrent_batches": null,
    })));
    named(config, alias, schema)
}

/// The project's own `alias` and `schema` change nothing: these are the names the node has.
fn named(mut config: Map<String, Value>, alias: &str, schema: &str) -> Map<String, Value> {
    config.insert("alias".to_owned(), json!(alias));
    config.insert("schema".to_owned(), json!(schema));
    config
}

fn enabled(mut config: Map<String, Value>, is_enabled: bool) -> Map<String, Value> {
    config.insert("enabled".to_owned(), json!(is_enabled));
    config
}

fn lay_over(config: &mut Map<String, Value>, written: &Map<String, Value>) {
    for (key, value) in written {
        let laid = match key.as_str() {
            "alias" | "schema" | "database" => None,
            "pre_hook" => Some(("pre-hook", hooks(value))),
            "post_hook" => Some(("post-hook", hooks(value))),
            "docs" => Some(("docs", docs(written))),
            "contract" => Some(("contract", contract(value))),
            "access" => value
                .as_str()
                .filter(|access| ["private", "protected", "public"].contains(access))
                .map(|access| ("access", json!(access))),
            key if fits(key, config.get(key), value) => Some((key, value.clone())),
            key => one_as_list(config.get(key), value).map(|list| (key, list)),
        };
        if let Some((key, value)) = laid {
            config.insert(key.to_owned(), value);
        }
    }
}

/// Whether a reader that expects the shape of `default` can take `value`.
fn fits(key: &str, default: Option<&Value>, value: &Value) -> bool {
    match default {
        None => true,
        Some(Value::Null) => match key {
            "full_refresh" | "store_failures" | "quote_columns" => value.is_boolean(),
            "limit" => value.is_u64(),
            "unique_key" => value.is_string() || is_strings(value),
            _ => value.is_string() || !TEXTS.contains(&key),
        },
        Some(Value::Bool(_)) => value.is_boolean(),
        Some(Value::Number(_)) => value.is_number(),
        Some(Value::String(_)) => value.is_string(),
        Some(Value::Array(_)) => is_strings(value),
        Some(Value::Object(_)) => value.is_object(),
    }
}

fn is_strings(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

/// `tags: daily` is `tags: [daily]`.
fn one_as_list(default: Option<&Value>, value: &Value) -> Option<Value> {
    (default.is_some_and(Value::is_array) && value.is_string()).then(|| json!([value]))
}

/// SQL, `{sql: ..., transaction: ...}`, or a list of these.
fn hooks(written: &Value) -> Value {
    let items = match written {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let hook = |item: &Value| {
        let sql = item.as_str().or_else(|| item.get("sql")?.as_str())?;
        let transaction = item.get("transaction").and_then(Value::as_bool).unwrap_or(true);
        Some(json!({"sql": sql, "transaction": transaction, "index": null}))
    };
    items.iter().filter_map(hook).collect()
}

fn contract(written: &Value) -> Value {
    let flag = |key: &str, default: bool| written.get(key).and_then(Value::as_bool).unwrap_or(default);
    json!({"enforced": flag("enforced", false), "alias_types": flag("alias_types", true)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out() {
        let written = object(json!({
            "tags": "daily", "meta": "no", "group": 7, "access": "all", "docs": {"show": false, "mine": 1},
            "pre_hook": ["select 1", {"sql": "select 2", "transaction": false}, 3], "partition_by": ["date"],
            "full_refresh": "yes", "contract": {"enforced": true, "mine": 1}, "unique_key": ["a", "b"], "schema": "x",
        }));
        let config = of_model(&written, None, "orders", "silver");
        let wanted = json!({
            "tags": ["daily"], "meta": {}, "group": null, "access": "protected", "partition_by": ["date"],
            "docs": {"show": false, "node_color": null}, "contract": {"enforced": true, "alias_types": true},
            "pre-hook": [
                {"sql": "select 1", "transaction": true, "index": null},
                {"sql": "select 2", "transaction": false, "index": null},
            ],
            "full_refresh": null, "unique_key": ["a", "b"], "schema": "silver", "alias": "orders", "enabled": false,
        });
        for (key, value) in object(wanted) {
            assert_eq!(config[&key], value, "{key}");
        }
        assert!(config.get("pre_hook").is_none());
    }
}

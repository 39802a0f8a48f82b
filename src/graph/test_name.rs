//! The names and ids dbt gives to generic tests, so that its tools and its users find them again.

use md5::{Digest, Md5};
use serde_json::{Map, Value};

/// The synthesized name of a test, and the last part of its unique id.
pub(super) struct TestName {
    pub(super) name: String,
    pub(super) hash: String,
}

impl TestName {
    /// `unique_orders_id`, shortened when it is longer than 63 characters. `prefix` is `source_` for a source's tests.
    pub(super) fn new(
        prefix: &str,
        test: &str,
        owner: &str,
        arguments: &Map<String, Value>,
        chosen: Option<&str>,
    ) -> Self {
        let (namespace, bare) = match test.split_once('.') {
            Some((namespace, bare)) => (Some(namespace), bare),
            None => (None, test),
        };
        let base = match namespace {
            Some(namespace) => format!("{prefix}{namespace}_{bare}_{owner}"),
            None => format!("{prefix}{bare}_{owner}"),
        };
        let full = match flat_arguments(arguments) {
            parts if parts.is_empty() => base.clone(),
            parts => format!("{base}_{parts}"),
        };
        let name = match chosen {
            Some(chosen) => chosen.to_owned(),
            None if full.len() >= 64 => {
                let head: String = base.chars().take(30).collect();
                format!("{head}_{}", hex(&full))
            }
            None => full,
        };
        let metadata = python_repr(arguments, bare, namespace);
        let digest = hex(&format!("{name}{metadata}"));
        Self { hash: digest[digest.len() - 10..].to_owned(), name }
    }
}

fn hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    Md5::digest(text.as_bytes()).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Values in the order of their keys, joined by `__`, other characters than letters and digits as `_`.
fn flat_arguments(arguments: &Map<String, Value>) -> String {
    let mut keys: Vec<&String> = arguments.keys().filter(|key| *key != "model").collect();
    keys.sort();
    let mut parts = Vec::new();
    for key in keys {
        match &arguments[key] {
            Value::Array(items) => parts.extend(items.iter().map(plain)),
            Value::Object(entries) => parts.extend(entries.values().map(plain)),
            single => parts.push(plain(single)),
        }
    }
    let cleaned: Vec<String> = parts.iter().map(|part| collapse(part)).collect();
    cleaned.join("__")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        other => other.to_string(),
    }
}

/// Runs of other characters become one underscore.
fn collapse(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_ascii_alphanumeric() || character == '_' {
            true => cleaned.push(character),
            false if cleaned.ends_with('_') => {}
            false => cleaned.push('_'),
        }
    }
    cleaned
}

fn python_repr(arguments: &Map<String, Value>, name: &str, namespace: Option<&str>) -> String {
    let mut keys: Vec<&String> = arguments.keys().collect();
    keys.sort();
    let inner: Vec<String> = keys.iter().map(|key| format!("'{key}': {}", leaf(&arguments[*key]))).collect();
    format!("{{'kwargs': {{{}}}, 'name': '{name}', 'namespace': '{}'}}", inner.join(", "), namespace.unwrap_or("None"))
}

fn leaf(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(leaf).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let mut keys: Vec<&String> = entries.keys().collect();
            keys.sort();
            let inner: Vec<String> = keys.iter().map(|key| format!("'{key}': {}", leaf(&entries[*key]))).collect();
            format!("{{{}}}", inner.join(", "))
        }
        other => format!("'{}'", plain(other).replace('\'', "\\'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(json: &serde_json::Value) -> Map<String, Value> {
        json.as_object().cloned().unwrap()
    }

    #[test]
    fn names_are_those_of_dbt() {
        let unique = TestName::new("", "unique", "orders", &arguments(&serde_json::json!({"column_name": "id"})), None);
        assert_eq!(unique.name, "unique_orders_id");
        let values = arguments(&serde_json::json!({"column_name": "status", "values": ["a b", "c"]}));
        assert_eq!(
            TestName::new("", "accepted_values", "orders", &values, None).name,
            "accepted_values_orders_status__a_b__c"
        );
    }

    #[test]
    fn a_long_name_is_cut_and_hashed() {
        let long = arguments(&serde_json::json!({"column_name": "x".repeat(60)}));
        let name = TestName::new("", "not_null", "orders", &long, None).name;
        assert!(name.starts_with("not_null_orders_") && name.len() <= 63, "{name}");
    }
}

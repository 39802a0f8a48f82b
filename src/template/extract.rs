//! What the first pass finds: the calls of `ref`, `source` and `config`, each with its place.

use serde_json::{Map, Value};

use crate::diagnostic::Span;
use crate::project::SettingPlaces;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefCall {
    pub package: Option<String>,
    pub name: String,
    /// Of the whole call, in the template or in the macro that made it.
    pub span: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCall {
    pub source: String,
    pub table: String,
    pub span: Option<Span>,
}

/// What a template asked for in its first pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extracted {
    pub refs: Vec<RefCall>,
    pub sources: Vec<SourceCall>,
    /// Of all `config()` calls, merged as dbt merges them.
    pub config: Map<String, Value>,
    /// Of the first `config()` call.
    pub config_span: Option<Span>,
}

pub(super) type Record = Extracted;

impl Extracted {
    pub(super) fn add_ref(&mut self, call: RefCall) {
        if !self.refs.contains(&call) {
            self.refs.push(call);
        }
    }

    pub(super) fn add_source(&mut self, call: SourceCall) {
        if !self.sources.contains(&call) {
            self.sources.push(call);
        }
    }

    /// Later values win; tags and hooks add up, `meta` is merged by key.
    pub(super) fn add_config(&mut self, config: Map<String, Value>, span: Option<Span>) {
        if self.config_span.is_none() {
            self.config_span = span;
        }
        for (key, value) in config {
            let merged = match (self.config.remove(&key), key.as_str()) {
                (Some(old), "tags" | "pre_hook" | "post_hook" | "pre-hook" | "post-hook") => appended(old, value),
                (Some(Value::Object(mut old)), "meta") if value.is_object() => {
                    if let Value::Object(new) = value {
                        old.extend(new);
                    }
                    Value::Object(old)
                }
                (_, _) => value,
            };
            self.config.insert(key, merged);
        }
    }

    /// The place of a config's name, for a mistake in its value.
    pub fn config_key_span(&self, key: &str) -> Option<Span> {
        let span = self.config_span.as_ref()?;
        let call = &span.source.text[span.range.clone()];
        let at = call.match_indices(key).map(|(at, _)| at).find(|at| {
            let before = call[..*at].chars().next_back();
            let after = call[at + key.len()..].chars().next();
            let word = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !word(before) && !word(after)
        })?;
        let start = span.range.start + at;
        Some(Span::new(&span.source, start..start + key.len()))
    }

    /// Where the settings of the `config()` call stand, each from its name to the end of the call.
    pub fn setting_places(&self) -> SettingPlaces {
        let place = |key: &String| {
            let name = self.config_key_span(key)?;
            let end = self.config_span.as_ref()?.range.end;
            Some((key.clone(), Span::new(&name.source, name.range.start..end)))
        };
        self.config.keys().filter_map(place).collect()
    }

    /// What another rendering for the same node asked for as well.
    pub fn merge(&mut self, other: Self) {
        other.refs.into_iter().for_each(|call| self.add_ref(call));
        other.sources.into_iter().for_each(|call| self.add_source(call));
        self.add_config(other.config, other.config_span);
    }
}

fn appended(old: Value, new: Value) -> Value {
    let listed = |value| match value {
        Value::Array(items) => items,
        single => vec![single],
    };
    let mut all = listed(old);
    all.extend(listed(new));
    Value::Array(all)
}

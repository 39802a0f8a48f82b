//! Settings read out of a merged config; wrong ones are collected with the place of the config.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::project::{SettingPlaces, parse_duration};

/// Reads settings out of a merged config; wrong ones are collected with the place of the config.
pub(super) struct Reader<'a> {
    pub(super) config: &'a Map<String, Value>,
    pub(super) owner: &'a str,
    pub(super) place: Option<Span>,
    /// Where settings are written, in YAML or in `config()`.
    pub(super) settings: &'a SettingPlaces,
    pub(super) path: &'a str,
    /// Not all of it is known: that something is missing is no mistake.
    pub(super) is_partial: bool,
    pub(super) found: Diagnostics,
}

impl Reader<'_> {
    pub(super) fn wrong(&mut self, key: &str, expected: &str, value: &Value) {
        let shown = match value {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let own = self.settings.get(key).and_then(|area| narrow(area, key, value).or_else(|| Some(area.clone())));
        let place = own.or_else(|| self.place.clone().and_then(|place| narrow(&place, key, value)));
        self.found.push(
            Diagnostic::error(Code::Config, format!("`{key}` of `{}` is {expected}, not {shown}", self.owner))
                .label_or_file(place, "", self.path),
        );
    }

    pub(super) fn choice<T>(&mut self, key: &str, names: &[&str], parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.config.get(key).filter(|value| !value.is_null())?;
        let parsed = value.as_str().and_then(|name| parse(&name.to_lowercase()));
        if parsed.is_none() {
            let listed: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            self.wrong(key, &crate::diagnostic::or_list(&listed), value);
        }
        parsed
    }

    pub(super) fn strings(&mut self, key: &str) -> Vec<String> {
        match self.config.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) if many.iter().all(Value::is_string) => {
                many.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(other) => {
                self.wrong(key, "a string or a list of strings", other);
                Vec::new()
            }
        }
    }

    pub(super) fn hooks(&mut self, key: &str) -> Vec<String> {
        let items = match self.config.get(key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(many)) => many.clone(),
            Some(one) => vec![one.clone()],
        };
        let mut hooks = Vec::new();
        for item in items {
            match item.as_str().or_else(|| item.get("sql").and_then(Value::as_str)) {
                Some(sql) => hooks.push(sql.to_owned()),
                None => self.wrong(key, "SQL or a list of SQL", &item),
            }
        }
        hooks
    }

    pub(super) fn optional_bool(&mut self, key: &str) -> Option<bool> {
        match self.config.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(value)) => Some(*value),
            Some(other) => {
                self.wrong(key, "`true` or `false`", other);
                None
            }
        }
    }

    pub(super) fn optional_string(&mut self, key: &str) -> Option<String> {
        match self.config.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(value)) => Some(value.clone()),
            Some(other) => {
                self.wrong(key, "a string", other);
                None
            }
        }
    }

    pub(super) fn pairs(&mut self, key: &str) -> Vec<(String, String)> {
        match self.config.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(entries)) => entries
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                .collect(),
            Some(other) => {
                self.wrong(key, "a mapping", other);
                Vec::new()
            }
        }
    }

    /// A length of time such as `3h`.
    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let text = self.optional_string(key)?;
        let read = parse_duration(&text).filter(|duration| !duration.is_zero());
        if read.is_none() {
            self.wrong(key, "a length of time such as `3h`", &Value::String(text));
        }
        read
    }

    /// A whole number from 1 on.
    pub(super) fn number(&mut self, key: &str) -> Option<i32> {
        let value = self.config.get(key).filter(|value| !value.is_null())?;
        let number = value.as_i64().and_then(|number| i32::try_from(number).ok()).filter(|number| *number > 0);
        if number.is_none() {
            self.wrong(key, "a whole number from 1 on", value);
        }
        number
    }

    /// The setting's own place, else that of the config.
    pub(super) fn place_of(&self, key: &str) -> Option<Span> {
        let value = self.config.get(key).unwrap_or(&Value::Null);
        if let Some(area) = self.settings.get(key) {
            return narrow(area, key, value).or_else(|| Some(area.clone()));
        }
        self.place.clone().and_then(|place| narrow(&place, key, value).or(Some(place)))
    }

    /// Settings that do not go together, or need another one.
    pub(super) fn conflict(&mut self, message: String, hint: &str) {
        if self.is_partial {
            return;
        }
        self.found
            .push(Diagnostic::error(Code::Config, message).label_or_file(self.place.clone(), "", self.path).hint(hint));
    }
}

/// The value (else the key) within a `config()` call.
fn narrow(place: &Span, key: &str, value: &Value) -> Option<Span> {
    let text = &place.source.text[place.range.clone()];
    let needle = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    // The value of a mapping in YAML stands without its key.
    let key_at = text.find(key);
    let at = key_at.unwrap_or(0);
    let (start, length) = match (text[at..].find(&needle), key_at) {
        (Some(offset), _) if !needle.is_empty() => (at + offset, needle.len()),
        (_, Some(at)) => (at, key.len()),
        (_, None) => return None,
    };
    let start = place.range.start + start;
    Some(Span::new(&place.source, start..start + length))
}

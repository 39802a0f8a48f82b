//! A declared request and what it is made for become a request that can be sent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::Url;

use super::client::{Request, same_origin};
use super::mask::Mask;
use super::position::CursorValue;
use super::{ConnectorError, Http, Item, start_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::SourceName;
use crate::project::{Auth, ColumnType, HttpColumn, HttpConfig, Local, Secret, Text, YamlScope};

impl Http {
    /// The first request of a chain.
    pub(super) fn request(&self, item: &Item, each: &Map<String, Value>) -> Result<Request, ConnectorError> {
        let locals = self.locals(item, each);
        let config = &self.config.request;
        let path = self.render(&config.path, &locals)?;
        let mut url = self.url(&path, &config.path)?;
        for (name, text) in &config.query {
            let value = self.render(text, &locals)?;
            if !value.is_empty() {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        let mut headers = Vec::new();
        for (name, text) in &config.headers {
            headers.push((name.clone(), self.render(text, &locals)?));
        }
        let body = config.body.as_ref().map(|text| self.render(text, &locals)).transpose()?;
        Ok(Request { method: config.method, url, headers, body })
    }

    /// A path below the connection's URL, or a whole URL of its host.
    fn url(&self, path: &str, text: &Text) -> Result<Url, ConnectorError> {
        let base = &self.config.connection.base_url;
        let refused = |reason: &str| {
            ConnectorError::Found(
                Diagnostic::error(Code::Source, format!("`{}` is no path to ask for: {reason}", self.mask.text(path)))
                    .label(text.place.clone(), "rendered from this")
                    .into(),
            )
        };
        if path.contains("://") {
            let url = Url::parse(path).map_err(|error| refused(&error.to_string()))?;
            return match same_origin(&url, base) {
                true => Ok(url),
                false => Err(refused("it is on another host than the connection's `base_url`")),
            };
        }
        let joined = format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'));
        Url::parse(&joined).map_err(|error| refused(&error.to_string()))
    }

    fn render(&self, text: &Text, locals: &[(&'static str, Local)]) -> Result<String, ConnectorError> {
        let scope =
            YamlScope { vars: &self.around.vars, env: &self.around.env, target: Some(&self.around.target), locals };
        let rendered = self.around.renderer.render(&text.text, &text.place, &scope);
        let value = rendered.map_err(|diagnostic| ConnectorError::Found(diagnostic.into()))?;
        Ok(match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        })
    }

    fn locals(&self, item: &Item, each: &Map<String, Value>) -> Vec<(&'static str, Local)> {
        let mut locals = Vec::new();
        if let Some(window) = &self.config.window
            && let Ok(start) = jiff::Timestamp::from_second(start_of(item))
        {
            locals.push(("window", window.local(start)));
        }
        if self.config.for_each.is_some() {
            locals.push(("each", Local::Json(Value::Object(each.clone()))));
        }
        if self.config.cursor.is_some() {
            locals.push(("cursor", Local::Fields(vec![("value".to_owned(), self.cursor_local())])));
        }
        locals
    }

    /// Where the cursor stands, as the type of its column.
    fn cursor_local(&self) -> Local {
        let Some(cursor) = &self.config.cursor else { return Local::Json(Value::Null) };
        let initial = || Local::Json(cursor.initial.clone().map_or(Value::Null, Value::String));
        match super::position::read_cursor(&super::lock(&self.position)) {
            None => initial(),
            Some(CursorValue::Text(text)) => Local::Json(Value::String(text)),
            Some(CursorValue::Number(number)) => match self.column_type(&cursor.field) {
                Some(ColumnType::Timestamp) => {
                    jiff::Timestamp::from_microsecond(number).map_or_else(|_| initial(), Local::Time)
                }
                Some(ColumnType::Date) => {
                    let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(number));
                    date.map_or_else(|_| initial(), |date| Local::Json(Value::String(date.to_string())))
                }
                _ => Local::Json(Value::from(number)),
            },
        }
    }

    pub(super) fn column_type(&self, name: &str) -> Option<&ColumnType> {
        self.config.decoded().find(|column| column.name == name).map(|column| &column.column_type)
    }
}

/// Knows what may not be shown of a table's requests: credentials, and what a request takes from the environment.
pub(super) fn mask(config: &HttpConfig, env: &BTreeMap<String, String>) -> Mask {
    let own = |secret: &Secret| secret.0.clone();
    let mut secrets: Vec<String> = match &config.connection.auth {
        Auth::Anonymous => Vec::new(),
        Auth::Bearer(tokens) => tokens.iter().map(own).collect(),
        Auth::Basic { user, password } => vec![own(password), super::auth::basic(user, password)],
        Auth::ApiKeyHeader { value, .. } | Auth::ApiKeyQuery { value, .. } => vec![own(value)],
        Auth::ClientCredentials { client_secret, .. } => vec![own(client_secret)],
    };
    let plain = ["accept", "user-agent", "content-type", "accept-language"];
    let headers = config.connection.headers.iter().filter(|(name, _)| !plain.contains(&name.to_lowercase().as_str()));
    secrets.extend(headers.map(|(_, value)| own(value)));
    for text in config.texts() {
        for call in text.text.split("env_var(").skip(1) {
            let name = call.trim_start().trim_start_matches(['\'', '"']);
            let name = name.split(['\'', '"']).next().unwrap_or_default();
            secrets.extend(env.get(name).cloned());
        }
    }
    Mask::new(secrets)
}

/// The text of an `each:` column.
pub(super) fn each_text(each: &Map<String, Value>, key: &str) -> Option<String> {
    match each.get(key)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A column of `each:` that is none of the query's.
pub fn missing_each(config: &HttpConfig, source: &SourceName, names: &[&str]) -> Option<Diagnostic> {
    let mut keys = config.columns.iter().filter_map(|column| match column {
        HttpColumn::Each { key, .. } => Some(key.as_str()),
        HttpColumn::Decoded(_) => None,
    });
    let missing = keys.find(|key| !names.contains(key))?;
    let place = config.for_each.as_ref().map(|text| text.place.clone());
    let message = format!("the `for_each` query of source `{source}` has no column `{missing}`");
    Some(
        Diagnostic::error(Code::UnknownColumn, message)
            .label_or_file(place, "", "sources.yaml")
            .nearest(missing, names.iter().copied()),
    )
}

//! A look at a URL: what answers there, and the YAML that reads it. What it finds is written down, never used as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::answer::Answer;
use super::client::{Clients, Handling, Request};
use super::error::{HttpError, HttpErrorKind};
use super::mask::{Mask, is_secret_name};
use crate::connectors::decode::read_document;
use crate::project::{Auth, HttpConnection, Method, RateConfig, RetryConfig, Secret, TimeoutConfig};

/// Records whose fields are looked at.
const LOOKED_AT: usize = 200;
/// Names under which services put the way to the next page.
const NEXT_URLS: &[&str] = &["next", "next_url", "next_page_url", "next_link", "nextLink", "@odata.nextLink"];
const NEXT_CURSORS: &[&str] = &["next_cursor", "nextCursor", "next_page_token", "nextPageToken", "cursor", "after"];

/// Asks the URL once and describes it as `connections:` and `sources:`.
pub async fn probe(url: &str, headers: &[(String, String)], now: jiff::Timestamp) -> Result<String, HttpError> {
    let failed = |kind| HttpError { request: format!("`GET {url}`"), attempts: 1, kind };
    let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let parsed = parsed.ok_or_else(|| failed(HttpErrorKind::Request("expected `https://host/path`".to_owned())))?;
    let connection =
        connection(&parsed, headers).ok_or_else(|| failed(HttpErrorKind::Request("it has no host".to_owned())))?;
    let client = Clients::starting_at(now).client(&Arc::new(connection)).map_err(failed)?;
    let request = Request { method: Method::Get, url: parsed.clone(), headers: Vec::new(), body: None };
    let parts = headers.iter().flat_map(|(_, value)| value.split(' ').chain([value.as_str()]));
    let mask = Mask::new(parts.map(str::to_owned));
    let handling = Handling { mask: &mask, scratch: None, on_status: &|_| None };
    let answer = client.send(&request, &handling).await?;
    let compression = answer.body.compression(answer.header("content-encoding"), answer.url.path());
    let text = compression
        .and_then(|compression| read_document(answer.body.content(compression)?))
        .map_err(|error| failed(HttpErrorKind::Store(error)))?;
    Ok(Described::new(&parsed, &answer, &text, &mask).yaml(headers))
}

fn connection(url: &Url, headers: &[(String, String)]) -> Option<HttpConnection> {
    Some(HttpConnection {
        name: name_of_host(url),
        base_url: url.join("/").ok()?,
        headers: headers.iter().map(|(name, value)| (name.clone(), Secret(value.clone()))).collect(),
        auth: Auth::Anonymous,
        rate: RateConfig {
            budget: None,
            reserve: 0.0,
            remaining_header: "x-ratelimit-remaining".to_owned(),
            reset_header: "x-ratelimit-reset".to_owned(),
        },
        retry: RetryConfig {
            max: 2,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(5),
            max_wait: Duration::from_mins(1),
        },
        timeout: TimeoutConfig { connect: Duration::from_secs(10), request: Duration::from_secs(30) },
        concurrency: 1,
    })
}

/// `api.github.com` is `github`.
fn name_of_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("service");
    let parts: Vec<&str> = host.split('.').collect();
    let is_address = host.parse::<std::net::IpAddr>().is_ok() || parts.len() < 2;
    let part = if is_address { "service" } else { parts[parts.len() - 2] };
    snake(part)
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_uppercase() => {
                if !snake.is_empty() && !snake.ends_with('_') {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            c if c.is_ascii_alphanumeric() => snake.push(c),
            _ if snake.ends_with('_') || snake.is_empty() => {}
            _ => snake.push('_'),
        }
    }
    let snake = snake.trim_end_matches('_').to_owned();
    if snake.is_empty() || snake.starts_with(|c: char| c.is_ascii_digit()) { format!("_{snake}") } else { snake }
}

struct Described<'a> {
    url: &'a Url,
    answer: &'a Answer,
    mask: &'a Mask,
    format: &'static str,
    records: Option<String>,
    paginate: Option<String>,
    has_more: bool,
    fields: Vec<(String, &'static str)>,
    count: usize,
}

impl<'a> Described<'a> {
    fn new(url: &'a Url, answer: &'a Answer, text: &[u8], mask: &'a Mask) -> Self {
        let mut described = Self {
            url,
            answer,
            mask,
            format: "text",
            records: None,
            paginate: None,
            has_more: false,
            fields: Vec::new(),
            count: 0,
        };
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let lines = || text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let line_records: Option<Vec<Value>> =
            lines().take(LOOKED_AT).map(|line| serde_json::from_slice(line).ok().filter(Value::is_object)).collect();
        match serde_json::from_slice::<Value>(text) {
            Ok(document) => described.document(&document),
            Err(_) if line_records.as_ref().is_some_and(|records| !records.is_empty()) => {
                described.format = "ndjson";
                described.count = lines().count();
                described.fields = fields(&line_records.unwrap_or_default());
            }
            Err(_) => described.delimited(text),
        }
        let link = answer.header("link").is_some_and(|link| link.contains("rel=\"next\"") || link.contains("rel=next"));
        if link {
            described.paginate = Some("{link_header: next}".to_owned());
        }
        described
    }

    fn document(&mut self, document: &Value) {
        self.format = "json";
        match document {
            Value::Array(records) => {
                self.records = Some("$".to_owned());
                self.take(records);
            }
            Value::Object(object) => {
                let array = object.iter().find(|(_, value)| {
                    value.as_array().is_some_and(|array| array.first().is_some_and(Value::is_object))
                });
                match array.and_then(|(key, value)| Some((key, value.as_array()?))) {
                    Some((key, records)) => {
                        self.records = Some(path(&[key]));
                        self.take(records);
                    }
                    None => self.take(std::slice::from_ref(document)),
                }
                self.paginate = next(object);
                self.has_more = object.get("has_more").and_then(Value::as_bool) == Some(true);
            }
            _ => self.format = "document",
        }
    }

    fn take(&mut self, records: &[Value]) {
        self.count = records.len();
        self.fields = fields(&records[..records.len().min(LOOKED_AT)]);
    }

    fn delimited(&mut self, text: &[u8]) {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
        let Ok(headers) = reader.headers().cloned() else { return };
        let mut count = 0;
        let mut even = headers.len() > 1;
        for record in reader.records().take(LOOKED_AT) {
            even &= record.is_ok_and(|record| record.len() == headers.len());
            count += 1;
        }
        if even && count > 0 {
            self.format = "csv";
            self.count = count;
            self.fields = headers.iter().map(|name| (name.to_owned(), "string")).collect();
        }
    }

    fn yaml(&self, headers: &[(String, String)]) -> String {
        let name = name_of_host(self.url);
        let mut yaml = String::new();
        let base = self.mask.text(&self.url[..url::Position::BeforePath]);
        let _ = writeln!(
            yaml,
            "# {} answered {}: {} as {}",
            self.mask.url(self.url),
            self.answer.status,
            records(self.count),
            self.format
        );
        let _ = writeln!(yaml, "version: 2\n\nconnections:\n  {name}:\n    http:\n      base_url: {base}");
        if !headers.is_empty() {
            let _ = writeln!(yaml, "      headers:");
            for (header, _) in headers {
                let variable = snake(header).to_uppercase();
                let _ = writeln!(yaml, "        {header}: \"{{{{ env_var('{variable}') }}}}\"");
            }
        }
        if let Some(limit) = self.answer.header("x-ratelimit-limit") {
            let _ = writeln!(
                yaml,
                "      rate: {{budget: {}/h, reserve: 10%}}   # it says the limit is {limit}; the period is a guess",
                limit.trim()
            );
        }
        let table =
            self.url.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty()).map(str::to_owned));
        let table = snake(table.as_deref().map_or("rows", |part| part.split('.').next().unwrap_or(part)));
        let _ = writeln!(yaml, "\nsources:\n  - name: {name}\n    tables:\n      - name: {table}");
        let _ = write!(yaml, "        http: {{connection: {name}, path: {}", quoted(self.url.path()));
        let query: Vec<String> = self
            .url
            .query_pairs()
            .map(|(key, value)| match is_secret_name(&key) {
                true => format!("{}: \"{{{{ env_var('{}') }}}}\"", quoted(&key), snake(&key).to_uppercase()),
                false => format!("{}: {}", quoted(&key), quoted(&value)),
            })
            .collect();
        if !query.is_empty() {
            let _ = write!(yaml, ", query: {{{}}}", query.join(", "));
        }
        if let Some(paginate) = &self.paginate {
            let _ = write!(yaml, ", paginate: {paginate}");
        }
        let note = match &self.paginate {
            Some(paginate) if paginate.contains("query.cursor") => "   # look up the name of the parameter",
            None if self.has_more => "   # has_more is true: say in `paginate` how to get the next page",
            _ => "",
        };
        let _ = writeln!(yaml, "}}{note}\n        format: {}", self.format);
        if let Some(records) = &self.records {
            let _ = writeln!(yaml, "        records: {records}");
        }
        let interval =
            self.answer.header("x-poll-interval").map(|_| ", interval_header: x-poll-interval").unwrap_or_default();
        if self.answer.header("etag").is_some() {
            let _ = writeln!(yaml, "        poll: {{every: 1h, conditional: etag{interval}}}");
        }
        let _ = writeln!(yaml, "        columns:");
        for (field, column_type) in &self.fields {
            let column = snake(field);
            let path = if column == *field { String::new() } else { format!(", path: {}", quoted(&path(&[field]))) };
            let path = if self.format == "csv" { String::new() } else { path };
            let column = if self.format == "csv" { quoted(field) } else { column };
            let _ = writeln!(yaml, "          - {{name: {column}, type: {column_type}{path}}}");
        }
        match self.format {
            "text" => {
                let _ = writeln!(yaml, "          - {{name: value, type: string}}");
            }
            "csv" => {}
            _ => {
                let _ = writeln!(yaml, "          - {{name: raw, type: string, path: $}}   # each record as it came");
            }
        }
        yaml.trim_end().to_owned()
    }
}

fn records(count: usize) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

fn path(names: &[&str]) -> String {
    let steps = names.iter().map(|name| crate::project::PathStep::Name((*name).to_owned())).collect();
    crate::project::JsonPath(steps).to_string()
}

/// As YAML has it.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.'))
        && !text.starts_with('-');
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

/// How a document says where its next page is.
fn next(object: &serde_json::Map<String, Value>) -> Option<String> {
    let inner = object.iter().filter_map(|(key, value)| Some((Some(key.as_str()), value.as_object()?)));
    for (outer, object) in std::iter::once((None, object)).chain(inner) {
        let at = |name: &str| {
            let names: Vec<&str> = outer.into_iter().chain(std::iter::once(name)).collect();
            path(&names)
        };
        for name in NEXT_URLS {
            if object
                .get(*name)
                .and_then(Value::as_str)
                .is_some_and(|text| text.starts_with("http") || text.starts_with('/'))
            {
                return Some(format!("{{next_url: {}}}", quoted(&at(name))));
            }
        }
        for name in NEXT_CURSORS {
            if object.get(*name).is_some_and(|value| value.is_string() || value.is_number()) {
                let from = quoted(&at(name));
                return Some(format!("{{cursor: {{from: {from}, to: query.cursor}}}}"));
            }
        }
    }
    None
}

/// The fields of some records in order of their coming up, with a type that takes all their values.
fn fields(records: &[Value]) -> Vec<(String, &'static str)> {
    let mut order: Vec<String> = Vec::new();
    let mut types: BTreeMap<String, &'static str> = BTreeMap::new();
    for (key, value) in records.iter().filter_map(Value::as_object).flatten() {
        if !order.contains(key) {
            order.push(key.clone());
        }
        let Some(own) = type_of(value) else { continue };
        types.entry(key.clone()).and_modify(|known| *known = wider(known, own)).or_insert(own);
    }
    order
        .into_iter()
        .map(|key| {
            let found = types.get(&key).copied().unwrap_or("string");
            (key, found)
        })
        .collect()
}

fn type_of(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "double",
        Value::Number(_) => "bigint",
        Value::String(text)
            if text.len() >= 19 && text.as_bytes()[10] == b'T' && text.parse::<jiff::Timestamp>().is_ok() =>
        {
            "timestamp"
        }
        Value::String(_) => "string",
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => "list<string>",
        Value::Array(_) | Value::Object(_) => "json",
    })
}

fn wider(one: &'static str, other: &'static str) -> &'static str {
    match (one, other) {
        (one, other) if one == other => one,
        ("bigint", "double") | ("double", "bigint") => "double",
        ("json" | "list<string>", _) | (_, "json" | "list<string>") => "json",
        _ => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_get_the_type_that_holds_all_values() {
        let records: Vec<Value> = serde_json::from_str(
            r#"[{"id":1,"n":1,"at":"2025-07-01T00:00:00Z","tags":["a"],"x":null},{"id":"a","n":2.5,"tags":[],"o":{}}]"#,
        )
        .unwrap();
        let expected =
            [("id", "string"), ("n", "double"), ("at", "timestamp"), ("tags", "json"), ("x", "string"), ("o", "json")];
        let found = fields(&records);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_become_columns() {
        assert_eq!(snake("updatedAt"), "updated_at");
        assert_eq!(snake("first-seen on"), "first_seen_on");
        assert_eq!(snake("3d"), "_3d");
        assert_eq!(name_of_host(&Url::parse("https://api.github.com/x").unwrap()), "github");
        assert_eq!(name_of_host(&Url::parse("http://127.0.0.1:80/x").unwrap()), "service");
    }
}

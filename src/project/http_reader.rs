//! `http:` of a source's table, read from YAML.

use std::sync::Arc;
use std::time::Duration;

use super::column::ReadColumn;
use super::column_type::ColumnType;
use super::connection::{Connection, ConnectionKind, HttpConnection};
use super::fields::{Fields, hint_known};
use super::http_pages::paginate;
use super::http_source::{
    CursorConfig, HttpColumn, HttpConfig, Method, OnGap, OnStatus, PollConfig, RequestConfig, StatusPattern, Text,
};
use super::json_path::JsonPath;
use super::source::Format;
use super::source_reader::{definitions, format_of, unknown_format};
use super::span_of_time::{parse_duration, parse_percent};
use super::window::window;
use super::yaml::{Node, NodeKind};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Reads the settings; `None`, with the mistakes told, if they are no source.
pub(super) fn http(fields: &mut Fields<'_>, columns: &[ReadColumn], connections: &[Connection]) -> Option<HttpConfig> {
    let place = fields.entry("http").map(|(key, _)| key.span.clone())?;
    let format_given = fields.string("format");
    let records = fields.string("records").and_then(|(text, node)| json_path(&text, node, fields));
    let for_each = fields.string("for_each").map(|(text, node)| Text { text, place: node.span.clone() });
    let window = window(fields);
    let poll = poll(fields);
    let cursor = cursor(fields, columns);
    let on_status = on_status(fields);
    let min_success = fields.parsed("min_success", "a percentage such as `90%`", parse_percent);
    let per_commit = fields.count("per_commit").unwrap_or(24);

    let mut inner = fields.fields("http", "`http`")?;
    let connection = connection(&mut inner, connections);
    let request = request(&mut inner);
    let (paginate, max_pages) = paginate(&mut inner);
    inner.finish(fields.found());
    let (connection, request) = (connection?, request?);

    let format = match format_given {
        Some((name, node)) => match Format::parse(&name) {
            Some(Format::Parquet) | None => {
                fields.push(unknown_format(&name, node, &["ndjson", "json", "document", "csv", "text"]));
                return None;
            }
            Some(format) => format,
        },
        None => format_of(&request.path.text).filter(|format| *format != Format::Parquet).unwrap_or(Format::Json),
    };
    let mut fits = true;
    if records.is_some() && format != Format::Json {
        fits = false;
        let span = fields.entry("records").map_or_else(|| place.clone(), |(key, _)| key.span.clone());
        fields.push(
            Diagnostic::error(Code::Config, "`records` has a meaning for `format: json` only")
                .label(span, "there is no document to look into"),
        );
    }
    fits &= exclusive(fields, window.is_some(), poll.is_some());
    let mut refuse = |key: &'static str, message: &str, label: &str, hint: &str| {
        fits = false;
        let span = fields.entry(key).map_or_else(|| place.clone(), |(key, _)| key.span.clone());
        fields.push(Diagnostic::error(Code::Config, message).label(span, label).hint(hint));
    };
    if window.is_none() && on_status.iter().any(|(_, action)| matches!(action, OnStatus::AbsentAfter(_))) {
        let message = "`absent` is said of a window";
        refuse("on_status", message, "this table has no `window`", "`skip` and `row` are for tables without one");
    }
    if for_each.is_some() && poll.as_ref().is_some_and(|poll| poll.conditional) {
        let message = "one `etag` cannot stand for the answers to several rows";
        refuse("poll", message, "this table has `for_each`", "leave `conditional` out");
    }
    let columns = http_columns(fields, format, columns, for_each.is_some())?;
    fits.then_some(HttpConfig {
        connection,
        request,
        paginate,
        max_pages,
        for_each,
        window,
        poll,
        cursor,
        on_status,
        min_success,
        format,
        records,
        columns,
        per_commit,
        place,
    })
}

/// A table is read by windows or by polls.
fn exclusive(fields: &mut Fields<'_>, window: bool, poll: bool) -> bool {
    if !(window && poll) {
        return true;
    }
    let span = fields.entry("poll").map_or_else(|| fields.span().clone(), |(key, _)| key.span.clone());
    fields.push(
        Diagnostic::error(Code::Config, "a table is read by `window` or by `poll`")
            .label(span, "both are given")
            .hint("a window is read once; a poll reads the same URL again and again"),
    );
    false
}

fn connection(fields: &mut Fields<'_>, connections: &[Connection]) -> Option<Arc<HttpConnection>> {
    let (name, node) = fields.required_string("connection")?;
    let found = connections.iter().find(|connection| connection.name == name);
    match found.map(|connection| &connection.kind) {
        Some(ConnectionKind::Http(http)) => Some(Arc::clone(http)),
        Some(ConnectionKind::Broken) => None,
        Some(ConnectionKind::Kafka(_)) => {
            fields.push(
                Diagnostic::error(Code::Config, format!("connection `{name}` is not one over HTTP"))
                    .label(node.span.clone(), "it has `kafka`"),
            );
            None
        }
        None => {
            fields.push(
                Diagnostic::error(Code::Config, format!("no connection is named `{name}`"))
                    .label(node.span.clone(), "not in `connections:`")
                    .nearest(&name, connections.iter().map(|connection| connection.name.as_str()))
                    .unknown(&name),
            );
            None
        }
    }
}

fn request(fields: &mut Fields<'_>) -> Option<RequestConfig> {
    let path = fields.required_string("path").map(|(text, node)| Text { text, place: node.span.clone() });
    let query = texts(fields, "query");
    let headers = texts(fields, "headers");
    let body = fields.string("body").map(|(text, node)| Text { text, place: node.span.clone() });
    let method = match fields.string("method") {
        None if body.is_some() => Method::Post,
        None => Method::Get,
        Some((name, node)) => match name.to_uppercase().as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            _ => {
                fields.push(
                    Diagnostic::error(Code::Config, format!("`{name}` is not a method that reads"))
                        .label(node.span.clone(), "expected `GET` or `POST`"),
                );
                return None;
            }
        },
    };
    Some(RequestConfig { method, path: path?, query, headers, body })
}

/// A mapping of strings with Jinja.
fn texts(fields: &mut Fields<'_>, name: &'static str) -> Vec<(String, Text)> {
    let Some(node) = fields.node(name) else { return Vec::new() };
    let NodeKind::Mapping(entries) = &node.kind else {
        fields.map(name);
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, value) in entries {
        match value.as_text() {
            Some(text) => read.push((key.name.clone(), Text { text, place: value.span.clone() })),
            None => fields.push(
                Diagnostic::error(Code::Config, format!("`{}` is a value, not {}", key.name, value.describe()))
                    .label(value.span.clone(), "expected a string or a number"),
            ),
        }
    }
    read
}

fn poll(fields: &mut Fields<'_>) -> Option<PollConfig> {
    let mut inner = fields.fields("poll", "`poll`")?;
    let every = inner.duration("every").unwrap_or_default();
    let interval_header = inner.string("interval_header").map(|(name, _)| name.to_lowercase());
    let conditional = match inner.string("conditional") {
        None => false,
        Some((name, _)) if name == "etag" => true,
        Some((name, _)) if name == "none" => false,
        Some((name, node)) => {
            inner.push(
                Diagnostic::error(Code::Config, format!("`{name}` is no way to ask for changes"))
                    .label(node.span.clone(), "expected `etag` or `none`"),
            );
            false
        }
    };
    inner.finish(fields.found());
    Some(PollConfig { every, interval_header, conditional })
}

fn cursor(fields: &mut Fields<'_>, columns: &[ReadColumn]) -> Option<CursorConfig> {
    let mut inner = fields.fields("cursor", "`cursor`")?;
    let field = inner.required_string("field").and_then(|(field, node)| {
        let column = columns.iter().find(|column| column.properties.name == field);
        let simple = column.and_then(|column| column.column_type.as_ref()).is_none_or(|column_type| {
            matches!(
                column_type,
                ColumnType::String | ColumnType::Int | ColumnType::BigInt | ColumnType::Timestamp | ColumnType::Date
            )
        });
        if column.is_none() {
            inner.push(
                Diagnostic::error(Code::Config, format!("`cursor` names `{field}`, which is no column of the table"))
                    .label(node.span.clone(), "not declared in `columns`")
                    .nearest(&field, columns.iter().map(|column| column.properties.name.as_str())),
            );
            return None;
        }
        if !simple {
            inner.push(
                Diagnostic::error(Code::Config, format!("column `{field}` has no order a cursor could follow"))
                    .label(node.span.clone(), "expected a timestamp, a date, a whole number or a string"),
            );
            return None;
        }
        Some(field)
    });
    let initial = inner.text("initial");
    let on_gap = match inner.string("on_gap") {
        None => OnGap::Ignore,
        Some((name, node)) => match name.as_str() {
            "warn" => OnGap::Warn,
            "fail" => OnGap::Fail,
            "ignore" => OnGap::Ignore,
            _ => {
                let unknown = Diagnostic::error(Code::Config, format!("`{name}` is nothing to do about a gap"))
                    .label(node.span.clone(), "not known");
                inner.push(hint_known(unknown, &name, &["warn", "fail", "ignore"]));
                OnGap::Ignore
            }
        },
    };
    inner.finish(fields.found());
    Some(CursorConfig { field: field?, initial, on_gap })
}

fn on_status(fields: &mut Fields<'_>) -> Vec<(StatusPattern, OnStatus)> {
    let Some(node) = fields.node("on_status") else { return Vec::new() };
    let NodeKind::Mapping(entries) = &node.kind else {
        fields.map("on_status");
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, value) in entries {
        let pattern = StatusPattern::parse(&key.name);
        if pattern.is_none() {
            fields.push(
                Diagnostic::error(Code::Config, format!("`{}` is not a status of HTTP", key.name))
                    .label(key.span.clone(), "expected `404`, or `5xx` for a class"),
            );
        }
        let action = value.as_text().and_then(|text| action(&text));
        if action.is_none() {
            fields.push(Diagnostic::error(Code::Config, format!("not known what to do on {}", key.name)).label(
                value.span.clone(),
                "expected `absent`, `absent_after <time>`, `row`, `skip`, `retry` or `fail`",
            ));
        }
        read.extend(pattern.zip(action));
    }
    read
}

fn action(text: &str) -> Option<OnStatus> {
    let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    match (word, rest.trim()) {
        ("absent", "") => Some(OnStatus::AbsentAfter(Duration::ZERO)),
        ("absent_after", time) => parse_duration(time).map(OnStatus::AbsentAfter),
        ("row", "") => Some(OnStatus::Row),
        ("skip", "") => Some(OnStatus::Skip),
        ("retry", "") => Some(OnStatus::Retry),
        ("fail", "") => Some(OnStatus::Fail),
        _ => None,
    }
}

pub(super) fn json_path(text: &str, node: &Node, fields: &mut Fields<'_>) -> Option<JsonPath> {
    match JsonPath::parse(text) {
        Ok(path) => Some(path),
        Err(mistake) => {
            fields.push(
                Diagnostic::error(Code::Config, mistake.to_string())
                    .label(node.part(mistake.range), format!("in the path `{text}`")),
            );
            None
        }
    }
}

fn http_columns(
    fields: &mut Fields<'_>,
    format: Format,
    columns: &[ReadColumn],
    has_each: bool,
) -> Option<Vec<HttpColumn>> {
    let mut mistakes = Diagnostics::default();
    for column in columns.iter().filter(|_| !has_each) {
        if let Some((_, span)) = &column.each {
            mistakes.push(
                Diagnostic::error(Code::Config, "`each` takes a value of the `for_each` row")
                    .label(span.clone(), "this table has no `for_each`"),
            );
        }
    }
    let decoded: Vec<&ReadColumn> = columns.iter().filter(|column| column.each.is_none()).collect();
    let defined = match decoded.is_empty() && !columns.is_empty() {
        true => Some(Vec::new()),
        false => definitions(fields, format, &decoded),
    };
    let failed = mistakes.has_errors();
    fields.found().extend(mistakes);
    let mut defined = defined.filter(|_| !failed)?.into_iter().peekable();
    let mut read = Vec::new();
    for column in columns {
        let name = &column.properties.name;
        match &column.each {
            Some((key, _)) => read.push(HttpColumn::Each { name: name.clone(), key: key.clone() }),
            None => read.extend(defined.next_if(|next| next.name == *name).map(HttpColumn::Decoded)),
        }
    }
    Some(read)
}

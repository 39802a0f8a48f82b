//! `kafka:` of a source's table, read from YAML.

use std::sync::Arc;

use super::column::ReadColumn;
use super::connection::{Connection, ConnectionKind, KafkaConnection};
use super::fields::{Fields, hint_known};
use super::kafka_source::{BatchConfig, KafkaColumn, KafkaConfig, MessagePart, OnLostOffsets, StartAt};
use super::source::Format;
use super::source_reader::{definitions, unknown_format};
use super::target::parse_bytes;
use super::window::parse_instant;
use super::yaml::NodeKind;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Reads the settings; `None`, with the mistakes told, if they are no source.
pub(super) fn kafka(
    fields: &mut Fields<'_>,
    columns: &[ReadColumn],
    connections: &[Connection],
) -> Option<KafkaConfig> {
    let place = fields.entry("kafka").map(|(key, _)| key.span.clone())?;
    let format = match fields.string("format") {
        None => Some(Format::Json),
        Some((name, node)) => match name.to_lowercase().as_str() {
            "json" => Some(Format::Json),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "raw" | "text" => Some(Format::Text),
            _ => {
                fields.push(unknown_format(&name, node, &["json", "ndjson", "raw"]));
                None
            }
        },
    };
    let mut inner = fields.fields("kafka", "`kafka`")?;
    let connection = connection(&mut inner, connections);
    let topic = inner.required_string("topic").map(|(topic, _)| topic);
    let start = start(&mut inner);
    let live = inner.flag("live").unwrap_or(false);
    let on_lost_offsets = match inner.string("on_lost_offsets") {
        None => OnLostOffsets::Fail,
        Some((name, node)) => OnLostOffsets::parse(&name).unwrap_or_else(|| {
            let unknown = Diagnostic::error(Code::Config, format!("`{name}` is nothing to do about lost offsets"))
                .label(node.span.clone(), "not known");
            inner.push(hint_known(unknown, &name, OnLostOffsets::NAMES));
            OnLostOffsets::Fail
        }),
    };
    let batch = batch(&mut inner);
    let properties = properties(&mut inner);
    inner.finish(fields.found());
    let columns = kafka_columns(fields, format?, columns)?;
    Some(KafkaConfig {
        connection: connection?,
        topic: topic?,
        start: start?,
        live,
        on_lost_offsets,
        properties,
        format: format?,
        columns,
        batch,
        place: Some(place),
    })
}

fn connection(fields: &mut Fields<'_>, connections: &[Connection]) -> Option<Arc<KafkaConnection>> {
    let (name, node) = fields.required_string("connection")?;
    let found = connections.iter().find(|connection| connection.name == name);
    match found.map(|connection| &connection.kind) {
        Some(ConnectionKind::Kafka(kafka)) => Some(Arc::clone(kafka)),
        Some(ConnectionKind::Http(_)) => {
            fields.push(
                Diagnostic::error(Code::Config, format!("connection `{name}` is not one to Kafka"))
                    .label(node.span.clone(), "it has `http`"),
            );
            None
        }
        Some(ConnectionKind::Broken) => None,
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

fn start(fields: &mut Fields<'_>) -> Option<StartAt> {
    let Some((text, node)) = fields.string("start") else { return Some(StartAt::Earliest) };
    match text.as_str() {
        "earliest" => Some(StartAt::Earliest),
        "latest" => Some(StartAt::Latest),
        time => match parse_instant(time) {
            Some(at) => Some(StartAt::At(at)),
            None => {
                fields.push(Diagnostic::error(Code::Config, format!("`{time}` is no place to start")).label(
                    node.span.clone(),
                    "expected `earliest`, `latest` or a time such as `2025-07-01T06:00:00Z`",
                ));
                None
            }
        },
    }
}

fn batch(fields: &mut Fields<'_>) -> BatchConfig {
    let mut config = BatchConfig::default();
    let Some(mut batch) = fields.fields("batch", "`batch`") else { return config };
    config.rows = batch.count("rows").unwrap_or(config.rows);
    config.every = batch.duration("every").unwrap_or(config.every);
    config.bytes = batch.parsed("bytes", "a size such as `64MiB`", parse_bytes).unwrap_or(config.bytes);
    batch.finish(fields.found());
    config
}

/// `properties`: scalars as text.
pub(super) fn properties(fields: &mut Fields<'_>) -> Vec<(String, String)> {
    let Some(node) = fields.node("properties") else { return Vec::new() };
    let NodeKind::Mapping(entries) = &node.kind else {
        fields.map("properties");
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, value) in entries {
        match value.as_text() {
            Some(text) => read.push((key.name.clone(), text)),
            None => fields.push(
                Diagnostic::error(Code::Config, format!("`{}` is a value, not {}", key.name, value.describe()))
                    .label(value.span.clone(), "expected a string or a number"),
            ),
        }
    }
    read
}

fn kafka_columns(fields: &mut Fields<'_>, format: Format, columns: &[ReadColumn]) -> Option<Vec<KafkaColumn>> {
    let mut mistakes = Diagnostics::default();
    let mut parts = Vec::new();
    for column in columns {
        let Some((name, span)) = &column.kafka else {
            if format == Format::Text {
                mistakes.push(
                    Diagnostic::error(
                        Code::Config,
                        format!("column `{}` is not in a raw message", column.properties.name),
                    )
                    .label(column.place.clone(), "a raw message is not decoded")
                    .hint("`kafka: value` takes the value as it is"),
                );
            }
            parts.push(None);
            continue;
        };
        let part = MessagePart::parse(name);
        if part.is_none() {
            let unknown = Diagnostic::error(Code::Config, format!("a message has no `{name}`"))
                .label(span.clone(), "not a part of it");
            mistakes.push(hint_known(unknown, name, MessagePart::NAMES));
        }
        parts.push(part);
    }
    let decoded: Vec<&ReadColumn> = columns.iter().filter(|column| column.kafka.is_none()).collect();
    let failed = mistakes.has_errors();
    fields.found().extend(mistakes);
    let defined = match decoded.is_empty() {
        true => Vec::new(),
        false => definitions(fields, format, &decoded)?,
    };
    if failed {
        return None;
    }
    let mut defined = defined.into_iter().peekable();
    let mut read = Vec::new();
    for (column, part) in columns.iter().zip(parts) {
        let name = &column.properties.name;
        match part {
            Some(part) => read.push(KafkaColumn::Part { name: name.clone(), part }),
            None => read.extend(defined.next_if(|next| next.name == *name).map(KafkaColumn::Decoded)),
        }
    }
    Some(read)
}

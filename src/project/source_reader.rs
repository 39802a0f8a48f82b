//! Where the rows of a source's table come from: `files:`, `http:`, or an existing table at a `location:`.

use super::column::ReadColumn;
use super::column_type::ColumnType;
use super::connection::Connection;
use super::fields::{Fields, hint_known};
use super::http_reader::http;
use super::json_path::JsonPath;
use super::kafka_reader::kafka;
use super::source::{ColumnDefinition, FilesConfig, Format, TableFormat, TableReader};
use super::target::storage_options;
use super::yaml::Node;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};

/// Settings that only `http` has.
const HTTP_SETTINGS: &[&str] =
    &["window", "poll", "for_each", "records", "cursor", "on_status", "min_success", "per_commit"];

/// Where the rows of a table come from; exactly one way must be given.
pub(super) fn read_reader(
    fields: &mut Fields<'_>,
    source: &str,
    table: &str,
    columns: &[ReadColumn],
    connections: &[Connection],
) -> Option<TableReader> {
    let ways = ["files", "http", "kafka", "external", "table", "location"];
    let given: Vec<Span> =
        ways.into_iter().filter_map(|way| fields.entry(way).map(|(key, _)| key.span.clone())).collect();
    match given.as_slice() {
        [] => {
            fields.accept(&["format", "storage_options"]);
            let span = fields.span().clone();
            let span = fields.node("name").map_or(span, |node| node.span.clone());
            fields.push(
                Diagnostic::error(Code::Config, format!("nothing says where `{source}.{table}` is read from"))
                    .label(span, "neither `files`, `http`, `kafka` nor `location`")
                    .hint("add `files: {path: ...}` to read files, `http:` to ask a service, `kafka:` to read a topic, or `location:` for an existing table"),
            );
            None
        }
        [_] if fields.entry("files").is_some() => {
            refuse_http_settings(fields);
            files(fields, columns).map(TableReader::Files)
        }
        [_] if fields.entry("kafka").is_some() => {
            refuse_http_settings(fields);
            kafka(fields, columns, connections).map(|kafka| TableReader::Kafka(Box::new(kafka)))
        }
        [_] if fields.entry("http").is_some() => {
            http(fields, columns, connections).map(|http| TableReader::Http(Box::new(http)))
        }
        [_] => {
            refuse_http_settings(fields);
            existing_table(fields, columns)
        }
        [first, second, ..] => {
            fields.accept(&["format", "storage_options"]);
            fields.push(
                Diagnostic::error(Code::Config, format!("`{source}.{table}` is read from two places"))
                    .label(second.clone(), "and from here")
                    .secondary(first.clone(), "from here")
                    .hint("keep one"),
            );
            None
        }
    }
}

fn refuse_http_settings(fields: &mut Fields<'_>) {
    for &name in HTTP_SETTINGS.iter().filter(|name| **name != "per_commit") {
        let Some((key, _)) = fields.entry(name) else { continue };
        let span = key.span.clone();
        fields.push(
            Diagnostic::error(Code::Config, format!("`{name}` has a meaning for `http` only"))
                .label(span, "this table is not read over HTTP"),
        );
    }
}

fn existing_table(fields: &mut Fields<'_>, columns: &[ReadColumn]) -> Option<TableReader> {
    for column in columns {
        if let Some((_, span)) = &column.path {
            fields.push(no_paths(span.clone()));
        }
    }
    let mut inner = fields.fields("external", "`external`").or_else(|| fields.fields("table", "`table`"));
    let mut format = fields.string("format");
    let mut options = storage_options(fields);
    let location = match &mut inner {
        None => fields.required_string("location"),
        Some(inner) => {
            format = inner.string("format").or_else(|| inner.string("file_format")).or(format);
            options.extend(storage_options(inner));
            inner.required_string("location")
        }
    };
    if let Some(inner) = inner {
        inner.finish(fields.found());
    }
    let (location, _) = location?;
    let format = match format {
        None => extension(&location).and_then(TableFormat::parse).unwrap_or(TableFormat::Delta),
        Some((name, node)) => TableFormat::parse(&name).or_else(|| {
            fields.push(unknown_format(&name, node, TableFormat::NAMES));
            None
        })?,
    };
    Some(TableReader::Table { location, format, storage_options: options })
}

fn files(fields: &mut Fields<'_>, columns: &[ReadColumn]) -> Option<FilesConfig> {
    let format = fields.string("format");
    let mut storage = storage_options(fields);
    let mut inner = fields.fields("files", "`files`")?;
    let path = inner.required_string("path");
    storage.extend(storage_options(&mut inner));
    let per_commit = inner.count("per_commit");
    inner.finish(fields.found());
    let (path, path_node) = path?;
    let format = match format {
        Some((name, node)) => Format::parse(&name).or_else(|| {
            fields.push(unknown_format(&name, node, Format::NAMES));
            None
        })?,
        None => format_of(&path).or_else(|| {
            fields.push(
                Diagnostic::error(Code::Config, "`files` needs a `format` beside it")
                    .label(path_node.span.clone(), "the name does not say what is inside")
                    .hint("expected `ndjson`, `json`, `document`, `csv`, `parquet` or `text`"),
            );
            None
        })?,
    };
    let columns = definitions(fields, format, &columns.iter().collect::<Vec<_>>())?;
    let path_place = Some(path_node.span.clone());
    Some(FilesConfig { path, path_place, format, columns, per_commit, storage_options: storage })
}

pub(super) fn format_of(path: &str) -> Option<Format> {
    match extension(path)? {
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "csv" => Some(Format::Csv),
        "parquet" => Some(Format::Parquet),
        "txt" => Some(Format::Text),
        _ => None,
    }
}

/// The extension below `.gz` and `.zst`.
fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    name.rsplit_once('.').map(|(_, extension)| extension)
}

pub(super) fn unknown_format(name: &str, node: &Node, known: &[&str]) -> Diagnostic {
    let unknown = Diagnostic::error(Code::Config, format!("unknown format `{name}`"))
        .label(node.span.clone(), "not a format that can be read here");
    hint_known(unknown, name, known)
}

fn no_paths(span: Span) -> Diagnostic {
    Diagnostic::error(Code::Config, "`path` has a meaning for JSON files only")
        .label(span, "these columns are found by their names")
}

/// The columns that are decoded; `None`, with the mistakes told, if they do not fit the format.
pub(super) fn definitions(
    fields: &mut Fields<'_>,
    format: Format,
    columns: &[&ReadColumn],
) -> Option<Vec<ColumnDefinition>> {
    let is_json = matches!(format, Format::Ndjson | Format::Json | Format::Document);
    let mut mistakes = Diagnostics::default();
    let mut defined = Vec::new();
    for column in columns {
        let name = &column.properties.name;
        let mut path = JsonPath::of_name(name);
        if let Some((given, span)) = &column.path {
            if !is_json {
                mistakes.push(no_paths(span.clone()));
            }
            path = given.clone();
        }
        let column_type = match (&column.column_type, format) {
            (Some(column_type), _) => column_type.clone(),
            (None, Format::Csv) => ColumnType::String,
            (None, Format::Parquet | Format::Text) => continue,
            (None, Format::Ndjson | Format::Json | Format::Document) if column.is_broken => continue,
            (None, Format::Ndjson | Format::Json | Format::Document) => {
                mistakes.push(
                    Diagnostic::error(Code::Config, format!("column `{name}` needs a `type`"))
                        .label(column.place.clone(), "`type` is missing")
                        .hint("`string` takes any value as it is written"),
                );
                continue;
            }
        };
        if path.is_list() && !matches!(column_type, ColumnType::List(_)) {
            let span = column.path.as_ref().map_or_else(|| column.place.clone(), |(_, span)| span.clone());
            mistakes.push(
                Diagnostic::error(Code::Config, format!("column `{name}` is a list: its path holds `[*]`"))
                    .label(span, "finds any number of values")
                    .hint(format!("declare it `list<{column_type}>`, or take one element with `[0]`")),
            );
        }
        defined.push(ColumnDefinition { name: name.clone(), column_type, path, place: Some(column.place.clone()) });
    }
    if is_json && columns.is_empty() {
        let span = fields
            .entry("format")
            .or_else(|| fields.entry("files"))
            .or_else(|| fields.entry("http"))
            .or_else(|| fields.entry("kafka"));
        let span = span.map_or_else(|| fields.span().clone(), |(key, _)| key.span.clone());
        mistakes.push(
            Diagnostic::error(Code::Config, "JSON needs `columns`")
                .label(span, "no column is declared")
                .hint("`columns: [{name: raw, type: string, path: $}]` takes each record as it came"),
        );
    }
    let has_mistakes = mistakes.has_errors();
    fields.found().extend(mistakes);
    (!has_mistakes).then_some(defined)
}

//! Where the rows of a source's table come from: `files:`, or an existing table at a `location:`.

use super::column::ReadColumn;
use super::column_type::ColumnType;
use super::fields::{Fields, hint_known};
use super::json_path::JsonPath;
use super::source::{ColumnDefinition, FilesConfig, Format, TableFormat, TableReader};
use super::target::storage_options;
use super::yaml::{Node, NodeKind};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};

/// Connectors that this version does not have yet.
const LATER_CONNECTORS: &[&str] = &["http", "kafka"];

/// Settings of those connectors.
const LATER_SETTINGS: &[&str] =
    &["window", "poll", "for_each", "records", "cursor", "on_status", "min_success", "paginate", "live", "replay"];

/// `connections:` serve connectors that do not exist yet.
pub(super) fn refuse_connections(fields: &mut Fields<'_>) {
    let Some((key, value)) = fields.entry("connections") else {
        return;
    };
    let used = match &value.kind {
        NodeKind::Mapping(entries) => entries.iter().find_map(|(_, connection)| match &connection.kind {
            NodeKind::Mapping(kinds) => kinds.first().map(|(kind, _)| kind.name.clone()),
            _ => None,
        }),
        _ => None,
    };
    let message = match used {
        Some(kind) if LATER_CONNECTORS.contains(&kind.as_str()) => {
            format!("the `{kind}` connector is not part of this version")
        }
        _ => "`connections` are not part of this version".to_owned(),
    };
    let span = key.span.clone();
    fields.push(Diagnostic::error(Code::Config, message).label(span, "not supported yet").hint(ONLY_FILES));
}

const ONLY_FILES: &str = "this version reads `files:` and existing tables at a `location:`";

/// Where the rows of a table come from; exactly one way must be given.
pub(super) fn read_reader(
    fields: &mut Fields<'_>,
    source: &str,
    table: &str,
    columns: &[ReadColumn],
) -> Option<TableReader> {
    if refuse_later(fields) {
        fields.accept(&["files", "external", "table", "location", "format", "storage_options"]);
        return None;
    }
    let ways = ["files", "external", "table", "location"];
    let given: Vec<Span> =
        ways.into_iter().filter_map(|way| fields.entry(way).map(|(key, _)| key.span.clone())).collect();
    match given.as_slice() {
        [] => {
            fields.accept(&["format", "storage_options"]);
            let span = fields.span().clone();
            let span = fields.node("name").map_or(span, |node| node.span.clone());
            fields.push(
                Diagnostic::error(Code::Config, format!("nothing says where `{source}.{table}` is read from"))
                    .label(span, "neither `files` nor `location`")
                    .hint("add `files: {path: ...}` to read files, or `location:` for an existing table"),
            );
            None
        }
        [_] if fields.entry("files").is_some() => files(fields, columns).map(TableReader::Files),
        [_] => existing_table(fields, columns),
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

fn refuse_later(fields: &mut Fields<'_>) -> bool {
    let mut is_refused = false;
    for &name in LATER_CONNECTORS {
        if let Some((key, _)) = fields.entry(name) {
            let message = format!("the `{name}` connector is not part of this version");
            let span = key.span.clone();
            fields.push(Diagnostic::error(Code::Config, message).label(span, "not supported yet").hint(ONLY_FILES));
            is_refused = true;
        }
    }
    for &name in LATER_SETTINGS {
        let Some((key, _)) = fields.entry(name) else {
            continue;
        };
        // With the connector refused, its settings need no words of their own.
        if !is_refused {
            let message = format!("`{name}` is not part of this version");
            let span = key.span.clone();
            fields.push(Diagnostic::error(Code::Config, message).label(span, "not supported yet").hint(ONLY_FILES));
        }
    }
    is_refused
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
                    .hint("expected `ndjson`, `json`, `csv`, `parquet` or `text`"),
            );
            None
        })?,
    };
    let columns = definitions(fields, format, columns)?;
    let path_place = Some(path_node.span.clone());
    Some(FilesConfig { path, path_place, format, columns, per_commit, storage_options: storage })
}

fn format_of(path: &str) -> Option<Format> {
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

fn unknown_format(name: &str, node: &Node, known: &[&str]) -> Diagnostic {
    let unknown = Diagnostic::error(Code::Config, format!("unknown format `{name}`"))
        .label(node.span.clone(), "not a format that can be read here");
    hint_known(unknown, name, known)
}

fn no_paths(span: Span) -> Diagnostic {
    Diagnostic::error(Code::Config, "`path` has a meaning for JSON files only")
        .label(span, "these columns are found by their names")
}

/// The columns that are decoded; `None`, with the mistakes told, if they do not fit the format.
fn definitions(fields: &mut Fields<'_>, format: Format, columns: &[ReadColumn]) -> Option<Vec<ColumnDefinition>> {
    let is_json = matches!(format, Format::Ndjson | Format::Json);
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
            (None, Format::Ndjson | Format::Json) if column.is_broken => continue,
            (None, Format::Ndjson | Format::Json) => {
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
        let span = fields.entry("format").or_else(|| fields.entry("files"));
        let span = span.map_or_else(|| fields.span().clone(), |(key, _)| key.span.clone());
        mistakes.push(
            Diagnostic::error(Code::Config, "JSON files need `columns`")
                .label(span, "no column is declared")
                .hint("`columns: [{name: raw, type: string, path: $}]` takes each record as it came"),
        );
    }
    let has_mistakes = mistakes.has_errors();
    fields.found().extend(mistakes);
    (!has_mistakes).then_some(defined)
}

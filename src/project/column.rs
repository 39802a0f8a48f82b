//! `columns:` of models, seeds and source tables.

use serde_json::{Map, Value};

use super::Place;
use super::column_type::{ColumnType, TYPE_NAMES};
use super::declared_test::{DeclaredTest, TestContext};
use super::fields::Fields;
use super::json_path::JsonPath;
use super::yaml::Node;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};

#[derive(Debug, Clone)]
pub struct ColumnProperties {
    pub name: String,
    pub description: String,
    pub data_type: Option<String>,
    pub tags: Vec<String>,
    pub meta: Map<String, Value>,
    pub data_tests: Vec<DeclaredTest>,
    pub place: Place,
}

/// Whose columns they are: a source's may also say how they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnsOf {
    Node,
    Source,
}

/// A column with what a source says of it.
#[derive(Debug)]
pub(super) struct ReadColumn {
    pub(super) properties: ColumnProperties,
    pub(super) column_type: Option<ColumnType>,
    pub(super) path: Option<(JsonPath, Span)>,
    /// A value of the `for_each` row.
    pub(super) each: Option<(String, Span)>,
    /// A part of a message of Kafka.
    pub(super) kafka: Option<(String, Span)>,
    pub(super) place: Span,
    /// Something was wrong with it, and has been told.
    pub(super) is_broken: bool,
}

/// The columns of a mapping; a name may stand once.
pub(super) fn read_columns(fields: &mut Fields<'_>, of: ColumnsOf, tests: TestContext<'_>) -> Vec<ReadColumn> {
    let mut columns: Vec<ReadColumn> = Vec::new();
    for node in fields.list("columns") {
        let Some(column) = read_column(node, of, tests, fields.found()) else {
            continue;
        };
        let same = columns.iter().find(|other| other.properties.name == column.properties.name);
        if let Some(first) = same {
            fields.push(
                Diagnostic::error(Code::Duplicate, format!("column `{}` is described twice", column.properties.name))
                    .label(column.place, "described again here")
                    .secondary(first.place.clone(), "first described here"),
            );
            continue;
        }
        columns.push(column);
    }
    columns
}

fn read_column(node: &Node, of: ColumnsOf, tests: TestContext<'_>, found: &mut Diagnostics) -> Option<ReadColumn> {
    let mut fields = Fields::new(node, "a column", found)?;
    let name = fields.required_string("name");
    let mut tags = texts(&mut fields, "tags");
    let mut meta = fields.map("meta");
    if let Some(mut config) = fields.fields("config", "a column's config") {
        tags.extend(texts(&mut config, "tags"));
        meta.extend(config.map("meta"));
        config.finish(fields.found());
    }
    if let Some((key, _)) = fields.entry("constraints") {
        let message = "`constraints` are not enforced in this version";
        let span = key.span.clone();
        fields.push(Diagnostic::warning(Code::Config, message).label(span, "ignored").hint("declare `data_tests`"));
    }
    fields.accept(&["quote", "policy_tags", "dimension", "entity", "granularity"]);
    let mut data_type = fields.text("data_type");
    let (mut column_type, mut path, mut is_broken) = (None, None, false);
    let (mut each, mut kafka) = (None, None);
    if of == ColumnsOf::Source {
        let declared = fields.string("type").or_else(|| fields.string("data_type"));
        if let Some((text, node)) = declared {
            column_type = read_type(&text, node, &mut fields);
            is_broken |= column_type.is_none();
            data_type = column_type.as_ref().map(ToString::to_string);
        }
        if let Some((text, node)) = fields.string("path") {
            path = read_path(&text, node, &mut fields).map(|path| (path, node.span.clone()));
            is_broken |= path.is_none();
        }
        kafka = fields.string("kafka").map(|(part, node)| (part, node.span.clone()));
        each = fields.string("each").map(|(key, node)| (key, node.span.clone()));
    }
    let properties = ColumnProperties {
        name: name.as_ref().map(|(name, _)| name.clone()).unwrap_or_default(),
        description: fields.text("description").unwrap_or_default(),
        data_type,
        tags,
        meta,
        data_tests: DeclaredTest::read_all(&mut fields, tests),
        place: name.as_ref().map(|(_, node)| node.span.clone()),
    };
    fields.finish(found);
    let place = name?.1.span.clone();
    Some(ReadColumn { properties, column_type, path, each, kafka, place, is_broken })
}

fn read_type(text: &str, node: &Node, fields: &mut Fields<'_>) -> Option<ColumnType> {
    let mistake = match ColumnType::parse(text) {
        Ok(column_type) => return Some(column_type),
        Err(mistake) => mistake,
    };
    let word = text[mistake.range.clone()].to_owned();
    let wrong = Diagnostic::error(Code::Config, mistake.to_string())
        .label(node.part(mistake.range), format!("in the type `{text}`"))
        .nearest(&word, TYPE_NAMES.iter().copied());
    fields.push(wrong);
    None
}

fn read_path(text: &str, node: &Node, fields: &mut Fields<'_>) -> Option<JsonPath> {
    let mistake = match JsonPath::parse(text) {
        Ok(path) => return Some(path),
        Err(mistake) => mistake,
    };
    let wrong = Diagnostic::error(Code::Config, mistake.to_string())
        .label(node.part(mistake.range), format!("in the path `{text}`"));
    fields.push(wrong);
    None
}

fn texts(fields: &mut Fields<'_>, name: &'static str) -> Vec<String> {
    fields.strings(name).unwrap_or_default().into_iter().map(|(text, _)| text).collect()
}

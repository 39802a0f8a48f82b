//! One node as the page shows it: what it is, what it has, what is said and tested of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::describe::Description;
use super::types::type_name;
use crate::graph::{Node, NodeId, NodeKind, TestKind, TestNode};
use crate::names::SEEDS;
use crate::project::{ColumnProperties, Exposure, TableReader};

/// Config that has a place of its own on the page, or that may hold what is nobody's business.
const NOT_SHOWN: &[&str] =
    &["enabled", "materialized", "tags", "meta", "docs", "properties", "headers", "persist_docs"];

pub(super) fn described(all: &Description<'_>, id: NodeId) -> Value {
    let node = all.graph.node(id);
    let config: Map<String, Value> = node
        .config
        .iter()
        .filter(|(key, value)| !NOT_SHOWN.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut told = Map::from_iter([
        ("id".to_owned(), json!(node.unique_id)),
        ("kind".to_owned(), json!(node.resource_type())),
        ("name".to_owned(), json!(node.name)),
        ("label".to_owned(), json!(node.label())),
        ("group".to_owned(), json!(group(node))),
        ("path".to_owned(), json!(node.path)),
        ("tags".to_owned(), json!(node.tags)),
        ("description".to_owned(), json!(node.description.trim())),
        ("meta".to_owned(), node.config.get("meta").cloned().unwrap_or_default()),
        ("config".to_owned(), Value::Object(config)),
        ("columns".to_owned(), columns(all, id, declared(node))),
        ("tests".to_owned(), tests(all, id)),
    ]);
    match &node.kind {
        NodeKind::Model(model) => {
            told.insert("materialized".to_owned(), json!(model.config.materialized.to_string()));
            told.insert("template".to_owned(), json!(model.template.source.text.trim()));
            told.insert("compiled".to_owned(), json!(all.compiled.get(&id).map(|sql| sql.trim())));
        }
        NodeKind::Source(table) => {
            let reader = match &table.reader {
                TableReader::Files(_) => "files",
                TableReader::Http(_) => "http",
                TableReader::Kafka(_) => "kafka",
                TableReader::Table { .. } => "table",
            };
            told.insert("materialized".to_owned(), json!(reader));
            told.insert("about_source".to_owned(), json!(table.source_description.trim()));
        }
        NodeKind::Exposure(exposure) => told.extend(of_exposure(exposure)),
        NodeKind::Seed(_) | NodeKind::Test(_) => {}
    }
    Value::Object(told)
}

/// Under what the tree has it: a layer, a source.
fn group(node: &Node) -> &str {
    match &node.kind {
        NodeKind::Model(model) => model.relation.layer(),
        NodeKind::Source(table) => &table.name.source,
        NodeKind::Seed(_) => SEEDS,
        NodeKind::Exposure(_) => "exposures",
        NodeKind::Test(_) => "",
    }
}

fn of_exposure(exposure: &Exposure) -> Map<String, Value> {
    Map::from_iter([
        ("materialized".to_owned(), json!(exposure.kind.to_string())),
        ("title".to_owned(), json!(exposure.label)),
        ("owner".to_owned(), json!(exposure.owner)),
        ("url".to_owned(), json!(exposure.url)),
        ("maturity".to_owned(), json!(exposure.maturity.map(|maturity| maturity.to_string()))),
    ])
}

fn declared(node: &Node) -> &[ColumnProperties] {
    match &node.kind {
        NodeKind::Model(model) => &model.properties.columns,
        NodeKind::Seed(seed) => &seed.properties.columns,
        NodeKind::Source(table) => &table.columns,
        NodeKind::Test(_) | NodeKind::Exposure(_) => &[],
    }
}

/// The columns of the query, in its order; then those that are only declared.
fn columns(all: &Description<'_>, id: NodeId, declared: &[ColumnProperties]) -> Value {
    let known = all.analysis.schemas.get(&id);
    let mut names = BTreeSet::new();
    let mut columns = Vec::new();
    for field in known.iter().flat_map(|schema| schema.fields()) {
        names.insert(field.name().as_str());
        let properties = declared.iter().find(|column| column.name == *field.name());
        columns.push(column(field.name(), Some(&type_name(field.data_type())), properties));
    }
    for properties in declared.iter().filter(|column| !names.contains(column.name.as_str())) {
        columns.push(column(&properties.name, properties.data_type.as_deref(), Some(properties)));
    }
    Value::Array(columns)
}

fn column(name: &str, data_type: Option<&str>, properties: Option<&ColumnProperties>) -> Value {
    json!({
        "name": name,
        "type": data_type,
        "description": properties.map_or("", |column| column.description.trim()),
        "tags": properties.map(|column| column.tags.as_slice()).unwrap_or_default(),
        "meta": properties.map(|column| column.meta.clone()).unwrap_or_default(),
    })
}

/// The tests that look at a node.
fn tests(all: &Description<'_>, id: NodeId) -> Value {
    let graph = all.graph;
    let tests = graph.children(id).iter().filter_map(|child| {
        let node = graph.node(*child);
        node.as_test().map(|declared| test(all, id, node, declared))
    });
    tests.collect()
}

fn test(all: &Description<'_>, id: NodeId, node: &Node, test: &TestNode) -> Value {
    let (kind, arguments) = match &test.kind {
        TestKind::Singular => ("singular", Map::new()),
        TestKind::Generic { test, arguments } => {
            let others = arguments.iter().filter(|(name, _)| *name != "column_name");
            (test.as_str(), others.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
    };
    // One that stands on another table only names this one.
    let of = test.attached.filter(|attached| *attached != id).map(|attached| all.graph.node(attached).label());
    json!({
        "name": node.name,
        "test": kind,
        "arguments": arguments,
        "column": test.column.as_ref().filter(|_| of.is_none()),
        "of": of,
        "severity": test.config.get("severity"),
        "where": test.config.get("where"),
        "description": node.description.trim(),
        "path": node.path,
    })
}

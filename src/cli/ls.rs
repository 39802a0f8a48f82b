//! `ls` - what is in the project, without touching the warehouse.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::Exit;
use super::arguments::SelectionArguments;
use super::printer::Printer;
use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, NodeId, NodeKind};
use crate::invocation::{Settings, load_project, select};

#[derive(Debug, Args)]
pub(super) struct LsArguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// What to print of each
    #[arg(long, value_enum, default_value_t = Output::Selector)]
    output: Output,
    /// Only these kinds
    #[arg(long, value_enum, num_args = 1.., value_name = "KIND")]
    resource_type: Vec<ResourceType>,
    /// Keys of the JSON objects; default: all
    #[arg(long, num_args = 1.., value_name = "KEY")]
    output_keys: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The name a selection understands
    Selector,
    Name,
    Path,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ResourceType {
    Model,
    Seed,
    Source,
    Test,
    Exposure,
}

pub(super) fn run(arguments: &LsArguments, settings: &Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let loaded = load_project(settings)?;
    printer.diagnostics(&loaded.warnings);
    let graph = &loaded.graph;
    let mut nodes: Vec<NodeId> = select(&loaded, &arguments.selection.selection())?
        .into_iter()
        .filter(|id| arguments.resource_type.is_empty() || arguments.resource_type.contains(&kind(graph, *id)))
        .collect();
    nodes.sort_by(|left, right| graph.node(*left).unique_id.cmp(&graph.node(*right).unique_id));
    let json = arguments.output == Output::Json || printer.is_json();
    for id in nodes {
        let node = graph.node(id);
        let line = match arguments.output {
            _ if json => described(graph, id, &arguments.output_keys).to_string(),
            Output::Name => node.name.clone(),
            Output::Path => node.path.clone(),
            Output::Selector | Output::Json => match &node.kind {
                NodeKind::Source(table) => format!("source:{}.{}", graph.project_name, table.name),
                NodeKind::Exposure(_) => format!("exposure:{}.{}", graph.project_name, node.name),
                NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) => node.fqn.join("."),
            },
        };
        if !printer.output(&line) {
            break;
        }
    }
    Ok(Exit::Success)
}

fn kind(graph: &Graph, id: NodeId) -> ResourceType {
    match graph.node(id).kind {
        NodeKind::Model(_) => ResourceType::Model,
        NodeKind::Seed(_) => ResourceType::Seed,
        NodeKind::Source(_) => ResourceType::Source,
        NodeKind::Test(_) => ResourceType::Test,
        NodeKind::Exposure(_) => ResourceType::Exposure,
    }
}

fn described(graph: &Graph, id: NodeId, keys: &[String]) -> Value {
    let node = graph.node(id);
    let parents: Vec<&str> = graph.parents(id).iter().map(|parent| graph.node(*parent).unique_id.as_str()).collect();
    let mut config = node.config.as_ref().clone();
    if let Some(model) = node.as_model() {
        config.insert("materialized".to_owned(), json!(model.config.materialized.to_string()));
    }
    let all = json!({
        "unique_id": node.unique_id,
        "name": node.name,
        "alias": node.name,
        "resource_type": node.resource_type(),
        "package_name": graph.project_name,
        "original_file_path": node.path,
        "relation": node.relation().map(ToString::to_string),
        "fqn": node.fqn,
        "tags": node.tags,
        "config": config,
        "source_name": match &node.kind { NodeKind::Source(table) => Some(&table.name.source), _ => None },
        "depends_on": {"nodes": parents, "macros": []},
        "description": node.description,
    });
    match (keys.is_empty(), all) {
        (false, Value::Object(object)) => {
            let mut kept = Map::new();
            for key in keys {
                let value =
                    key.split('.').try_fold(&Value::Object(object.clone()), |value, part| value.get(part)).cloned();
                kept.insert(key.clone(), value.unwrap_or(Value::Null));
            }
            Value::Object(kept)
        }
        (_, all) => all,
    }
}

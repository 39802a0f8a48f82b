//! `manifest.json`, version 12: the whole project as dbt describes one.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::entry::project_id;
use super::macros::Macros;
use super::node::Entries;
use super::{Header, disabled, object, time};
use crate::execution::Lineage;
use crate::graph::{Graph, NodeId, NodeKind};
use crate::project::Project;

/// `compiled` holds the SQL of the nodes that were compiled in this invocation, `lineages` what their columns are made of,
/// as far as that was looked at.
pub fn manifest(
    project: &Project,
    graph: &Graph,
    compiled: &HashMap<NodeId, String>,
    lineages: &BTreeMap<NodeId, Lineage>,
    header: &Header<'_>,
) -> Value {
    let macros = Macros::read(&project.macros);
    let created_at = header.started_at.as_duration().as_secs_f64();
    let entries = Entries { project, graph, compiled, lineages, macros: &macros, created_at };
    let (mut nodes, mut sources, mut exposures) = (Map::new(), Map::new(), Map::new());
    for (id, node) in graph.ids().zip(graph.nodes()) {
        let group = match &node.kind {
            NodeKind::Source(_) => &mut sources,
            NodeKind::Exposure(_) => &mut exposures,
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) => &mut nodes,
        };
        group.insert(node.unique_id.clone(), Value::Object(entries.of(id)));
    }
    let mut manifest = Map::new();
    let mut add = |key: &str, entries| manifest.insert(key.to_owned(), Value::Object(entries));
    add("metadata", metadata(project, header));
    add("nodes", nodes);
    add("sources", sources);
    add("macros", macros.entries(created_at));
    add("docs", Map::new());
    add("exposures", exposures);
    for key in ["metrics", "groups", "selectors"] {
        add(key, Map::new());
    }
    add("disabled", disabled::entries(project, &graph.disabled, created_at));
    add("parent_map", edges(graph, |id| graph.parents(id)));
    add("child_map", edges(graph, |id| graph.children(id)));
    for key in ["group_map", "saved_queries", "semantic_models", "unit_tests", "functions"] {
        add(key, Map::new());
    }
    Value::Object(manifest)
}

fn metadata(project: &Project, header: &Header<'_>) -> Map<String, Value> {
    let mut metadata = header.metadata("manifest/v12");
    metadata.extend(object(json!({
        "project_name": project.config.name,
        "project_id": project_id(&project.config.name),
        "user_id": null,
        "send_anonymous_usage_stats": false,
        "adapter_type": "engine",
        "quoting": {"database": true, "schema": true, "identifier": true, "column": null},
        "run_started_at": time(header.started_at),
    })));
    metadata
}

/// The unique ids on the other side of every node's edges.
fn edges<'a>(graph: &Graph, across: impl Fn(NodeId) -> &'a [NodeId]) -> Map<String, Value> {
    let ids = |id| across(id).iter().map(|other| graph.node(*other).unique_id.as_str()).collect::<Value>();
    graph.ids().map(|id| (graph.node(id).unique_id.clone(), ids(id))).collect()
}

//! What the page is told: the project and its nodes, each by its place in one list.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::node;
use crate::execution::{Analysis, Origin};
use crate::graph::{Graph, NodeId};
use crate::project::Project;

pub(super) struct Description<'a> {
    pub(super) project: &'a Project,
    pub(super) graph: &'a Graph,
    pub(super) analysis: &'a Analysis,
    pub(super) compiled: &'a HashMap<NodeId, String>,
}

impl Description<'_> {
    pub(super) fn json(&self, now: Timestamp) -> Value {
        let is_shown = |id: &NodeId| self.graph.node(*id).as_test().is_none();
        let shown: Vec<NodeId> = self.graph.ids().filter(is_shown).collect();
        let places = Places(shown.iter().enumerate().map(|(place, id)| (*id, place)).collect());
        let config = &self.project.config;
        json!({
            "project": config.name,
            "target": config.target.name,
            "layers": config.layers,
            "engine": env!("CARGO_PKG_VERSION"),
            "generated_at": format!("{now:.0}"),
            "nodes": shown.iter().map(|id| self.node(*id, &places)).collect::<Vec<Value>>(),
        })
    }

    /// Nodes are named by their places: parents stand before their children.
    fn node(&self, id: NodeId, places: &Places) -> Value {
        let mut told = node::described(self, id);
        let mut add = |key: &str, value| {
            if let Some(entries) = told.as_object_mut() {
                entries.insert(key.to_owned(), value);
            }
        };
        add("parents", places.of(self.graph.parents(id)));
        add("children", places.of(self.graph.children(id)));
        let Some(lineage) = self.analysis.lineages.get(&id) else { return told };
        let told_of = |origin: &Origin, how: Value| match origin.table.node(self.graph).and_then(|id| places.0.get(&id))
        {
            Some(place) => json!([place, origin.column, how]),
            None => json!([null, origin.to_string(), how]),
        };
        let columns = lineage.columns.iter().map(|column| {
            let origins = column.origins.iter().map(|(origin, how)| told_of(origin, json!(how)));
            let influences = column.influences.iter().map(|(origin, influence)| told_of(origin, json!(influence)));
            (column.column.clone(), origins.chain(influences).collect::<Value>())
        });
        add("lineage", Value::Object(columns.collect()));
        let rows = lineage.influences();
        let rows = rows.iter().flat_map(|(influence, origins)| {
            origins.iter().map(|origin| told_of(origin, json!(influence))).collect::<Vec<Value>>()
        });
        add("rows", rows.collect());
        told
    }
}

/// Of the nodes that are shown.
struct Places(HashMap<NodeId, usize>);

impl Places {
    fn of(&self, ids: &[NodeId]) -> Value {
        ids.iter().filter_map(|id| self.0.get(id)).map(|place| json!(place)).collect()
    }
}

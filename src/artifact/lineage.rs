//! Where a model's columns and rows come from, by unique ids.

use serde_json::{Map, Value, json};

use crate::execution::{Lineage, Origin};
use crate::graph::Graph;

/// Each column with what it is made of, and how, and what decides which rows go into it.
pub(super) fn of_columns(graph: &Graph, lineage: &Lineage) -> Value {
    let columns = lineage.columns.iter().map(|column| {
        let origins = column.origins.iter().map(|(origin, how)| told(graph, origin, &json!(how)));
        let influences = column.influences.iter().map(|(origin, influence)| told(graph, origin, &json!(influence)));
        (column.column.clone(), origins.chain(influences).collect())
    });
    Value::Object(columns.collect::<Map<String, Value>>())
}

/// The columns that decide which rows there are, and how.
pub(super) fn of_rows(graph: &Graph, lineage: &Lineage) -> Value {
    let influences = lineage.influences();
    let each = influences
        .into_iter()
        .flat_map(|(influence, origins)| origins.iter().map(move |origin| told(graph, origin, &json!(influence))));
    each.collect()
}

/// A relation that no node makes has its name alone.
fn told(graph: &Graph, origin: &Origin, how: &Value) -> Value {
    let node = origin.table.node(graph).map(|id| graph.node(id).unique_id.as_str());
    match node {
        Some(node) => json!({"node": node, "column": origin.column, "use": how}),
        None => json!({"node": null, "relation": origin.table.to_string(), "column": origin.column, "use": how}),
    }
}

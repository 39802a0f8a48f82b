//! What a change would reach: models by their columns and rows, the data tests that look at them, and the exposures
//! that use them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::tree::Paths;
use crate::diagnostic::count;
use crate::execution::Origin;
use crate::graph::{Graph, NodeId, NodeKind, TestKind, TestNode};
use crate::names::bare_column;
use crate::project::Exposure;

/// What of a node a change reaches.
#[derive(Debug, Default)]
struct Hit<'a> {
    /// In the order of the table.
    columns: Vec<&'a str>,
    /// Whether other rows may be there.
    rows: bool,
}

impl Hit<'_> {
    fn has(&self, column: &str) -> bool {
        self.columns.contains(&column)
    }
}

pub(super) struct Impact<'a> {
    graph: &'a Graph,
    models: BTreeMap<NodeId, Hit<'a>>,
    tests: BTreeSet<NodeId>,
    /// They do not say which columns they use.
    exposures: Vec<(NodeId, &'a Exposure)>,
}

impl<'a> Impact<'a> {
    /// A change of these columns; with `with_rows` also of which rows the table has.
    pub(super) fn new(paths: &Paths<'a>, changed: NodeId, columns: &'a [String], with_rows: bool) -> Self {
        let graph = paths.graph;
        let columns = columns.iter().map(String::as_str).collect();
        let mut hits = BTreeMap::from([(changed, Hit { columns, rows: with_rows })]);
        // Nodes are in the order of the graph: what a model reads has been looked at before it.
        for (id, lineage) in paths.analysis.lineages.iter().filter(|(id, _)| **id != changed) {
            let is_hit = |origin: &Origin| {
                let node = origin.table.node(graph);
                node.and_then(|node| hits.get(&node)).is_some_and(|hit| hit.has(&origin.column))
            };
            let columns = lineage.columns.iter().filter(|column| {
                column.origins.keys().any(is_hit) || column.influences.iter().any(|(origin, _)| is_hit(origin))
            });
            let hit = Hit {
                columns: columns.map(|column| column.column.as_str()).collect(),
                rows: lineage.influences().into_iter().any(|(_, origins)| origins.iter().any(is_hit))
                    || graph.parents(*id).iter().any(|parent| hits.get(parent).is_some_and(|hit| hit.rows)),
            };
            if hit.rows || !hit.columns.is_empty() {
                hits.insert(*id, hit);
            }
        }
        let looks = |id: &NodeId| graph.node(*id).as_test().is_some_and(|test| looks_at(graph, *id, test, &hits));
        let tests = graph.ids().filter(looks).collect();
        let uses = |id: NodeId| match &graph.node(id).kind {
            NodeKind::Exposure(exposure) => {
                let is_hit = graph.parents(id).iter().any(|parent| hits.contains_key(parent));
                is_hit.then_some((id, exposure.as_ref()))
            }
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Test(_) => None,
        };
        let exposures = graph.ids().filter_map(uses).collect();
        hits.remove(&changed);
        Self { graph, models: hits, tests, exposures }
    }

    pub(super) fn text(&self, title: &str) -> String {
        let mut lines = vec![title.to_owned()];
        if self.models.is_empty() && self.tests.is_empty() && self.exposures.is_empty() {
            lines.push("  reaches nothing".to_owned());
            return lines.join("\n");
        }
        let labels = self.models.keys().map(|id| self.graph.node(*id).label());
        let width = labels.map(|label| label.chars().count()).max().unwrap_or(0);
        if !self.models.is_empty() {
            lines.push("  models".to_owned());
        }
        for (id, hit) in &self.models {
            let rows = if hit.rows { "its rows" } else { "" };
            let columns = hit.columns.join(", ");
            let parts: Vec<&str> = [columns.as_str(), rows].into_iter().filter(|part| !part.is_empty()).collect();
            lines.push(format!("    {:<width$}  {}", self.graph.node(*id).label(), parts.join("; ")));
        }
        if !self.tests.is_empty() {
            lines.push("  data tests".to_owned());
        }
        lines.extend(self.tests.iter().map(|id| format!("    {}", self.graph.node(*id).label())));
        if !self.exposures.is_empty() {
            lines.push("  exposures".to_owned());
        }
        let width = self.exposures.iter().map(|(_, exposure)| exposure.name.chars().count()).max().unwrap_or(0);
        for (_, exposure) in &self.exposures {
            lines.push(format!("    {:<width$}  {} of {}", exposure.name, exposure.kind, exposure.owner_text()));
        }
        let exposures = match self.exposures.len() {
            0 => String::new(),
            number => format!(", {}", count(number, "exposure")),
        };
        let columns: usize = self.models.values().map(|hit| hit.columns.len()).sum();
        lines.push(format!(
            "  {}, {}, {}{exposures}",
            count(self.models.len(), "model"),
            count(columns, "column"),
            count(self.tests.len(), "data test")
        ));
        lines.join("\n")
    }

    pub(super) fn json(&self, title: &str) -> Value {
        let models = self.models.iter().map(|(id, hit)| {
            let node = self.graph.node(*id);
            json!({"unique_id": node.unique_id, "name": node.label(), "columns": hit.columns, "rows": hit.rows})
        });
        let models: Vec<Value> = models.collect();
        let tests: Vec<&str> = self.tests.iter().map(|id| self.graph.node(*id).unique_id.as_str()).collect();
        let exposures = self.exposures.iter().map(|(id, exposure)| {
            json!({
                "unique_id": self.graph.node(*id).unique_id,
                "name": exposure.name,
                "type": exposure.kind.to_string(),
                "owner": exposure.owner,
            })
        });
        let exposures: Vec<Value> = exposures.collect();
        json!({"name": title, "models": models, "tests": tests, "exposures": exposures})
    }
}

/// Whether a test may see the change. One that is declared on a column looks at that one; of a further table, as in
/// `relationships`, at the columns its arguments name; and nobody knows at which columns any other test looks.
fn looks_at(graph: &Graph, id: NodeId, test: &TestNode, hits: &BTreeMap<NodeId, Hit<'_>>) -> bool {
    let sees = |parent: &NodeId| {
        let Some(hit) = hits.get(parent) else { return false };
        let is_own = test.attached == Some(*parent);
        hit.rows
            || match (&test.kind, &test.column) {
                (TestKind::Singular, _) | (TestKind::Generic { .. }, None) => true,
                (TestKind::Generic { .. }, Some(column)) if is_own => hit.has(&bare_column(column)),
                (TestKind::Generic { arguments, .. }, Some(_)) => {
                    let others = arguments.iter().filter(|(name, _)| *name != "column_name");
                    others.filter_map(|(_, value)| value.as_str()).any(|word| hit.has(&bare_column(word)))
                }
            }
    };
    graph.parents(id).iter().any(sees)
}

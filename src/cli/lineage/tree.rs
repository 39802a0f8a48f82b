//! What a column is made of, step by step up to the sources, and what is made of it, down to the last model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::execution::{Analysis, Influence, Lineage, Origin, Use};
use crate::graph::{Graph, NodeId, NodeKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

impl Direction {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// The lineages of a project's models, to be followed both ways.
pub(super) struct Paths<'a> {
    pub(super) graph: &'a Graph,
    pub(super) analysis: &'a Analysis,
    /// Who reads a node's column, in the order of the graph.
    readers: BTreeMap<(NodeId, &'a str), Vec<Reader<'a>>>,
}

#[derive(Debug, Clone, Copy)]
struct Reader<'a> {
    node: NodeId,
    /// The column it is a part of; none where it decides about rows.
    column: Option<&'a str>,
    tie: Tie,
}

/// How a column hangs together with what is made of it.
#[derive(Debug, Clone, Copy)]
enum Tie {
    Value(Use),
    /// It decides which rows go into that column alone.
    Within(Influence),
    /// It decides which rows there are.
    Rows(Influence),
}

impl fmt::Display for Tie {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(how) => write!(out, "{how}"),
            Self::Within(Influence::Filter) => out.write_str("filters what goes into it"),
            Self::Within(Influence::Join) => out.write_str("joins what goes into it"),
            Self::Within(Influence::Group) => out.write_str("groups what goes into it"),
            Self::Within(Influence::Window) => out.write_str("keys its window"),
            Self::Within(Influence::Order) => out.write_str("orders what goes into it"),
            Self::Rows(Influence::Filter) => out.write_str("filters its rows"),
            Self::Rows(Influence::Join) => out.write_str("joins its rows"),
            Self::Rows(Influence::Group) => out.write_str("groups its rows"),
            Self::Rows(Influence::Window) => out.write_str("keys a window"),
            Self::Rows(Influence::Order) => out.write_str("orders its rows"),
        }
    }
}

/// A column next to another, with what lies behind it.
#[derive(Debug)]
pub(super) struct Branch {
    /// None for a relation that no node of the project makes.
    node: Option<NodeId>,
    name: String,
    tie: Tie,
    behind: Vec<Branch>,
    /// What lies behind it is told with an earlier branch.
    is_told: bool,
}

struct Next<'a> {
    node: Option<NodeId>,
    name: String,
    column: Option<&'a str>,
    tie: Tie,
}

impl<'a> Paths<'a> {
    pub(super) fn new(graph: &'a Graph, analysis: &'a Analysis) -> Self {
        let mut readers: BTreeMap<(NodeId, &'a str), Vec<Reader<'a>>> = BTreeMap::new();
        let mut add = |origin: &'a Origin, reader: Reader<'a>| {
            if let Some(node) = origin.table.node(graph) {
                readers.entry((node, origin.column.as_str())).or_default().push(reader);
            }
        };
        for (node, lineage) in &analysis.lineages {
            for column in &lineage.columns {
                for (origin, how) in &column.origins {
                    let column = Some(column.column.as_str());
                    add(origin, Reader { node: *node, column, tie: Tie::Value(*how) });
                }
                for (origin, influence) in &column.influences {
                    let column = Some(column.column.as_str());
                    add(origin, Reader { node: *node, column, tie: Tie::Within(*influence) });
                }
            }
            for (influence, origins) in lineage.influences() {
                for origin in origins {
                    add(origin, Reader { node: *node, column: None, tie: Tie::Rows(influence) });
                }
            }
        }
        Self { graph, analysis, readers }
    }

    /// How a node's table is called; a source is told from a relation.
    pub(super) fn title(&self, node: NodeId) -> String {
        let node = self.graph.node(node);
        match node.kind {
            NodeKind::Source(_) => format!("source {}", node.label()),
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => node.label(),
        }
    }

    /// The columns of a node, as far as they are known.
    pub(super) fn columns(&self, node: NodeId) -> Vec<&'a str> {
        // A table may have more columns than its query gives.
        if let Some(schema) = self.analysis.schemas.get(&node) {
            return schema.fields().iter().map(|field| field.name().as_str()).collect();
        }
        let lineage = self.analysis.lineages.get(&node);
        lineage.map(|lineage| lineage.columns.iter().map(|column| column.column.as_str()).collect()).unwrap_or_default()
    }

    /// What is known of the columns of a node that has none here, as what stands behind `its columns are`; whether a query
    /// of a template, its own or one above it, is the reason.
    pub(super) fn unknown(&self, node: NodeId) -> (String, bool) {
        let mut open = BTreeSet::from([node]);
        // Parents stand before their children: each is looked at once.
        while let Some(id) = open.pop_last() {
            if self.analysis.asking.contains(&id) {
                let of = if id == node {
                    "its template".to_owned()
                } else {
                    format!("the template of `{}`", self.title(id))
                };
                return (format!("known only in a run: {of} runs a query"), true);
            }
            let parents = self.graph.parents(id).iter();
            open.extend(parents.filter(|parent| !self.analysis.schemas.contains_key(parent)));
        }
        ("not known".to_owned(), false)
    }

    /// What lies next to a column in one direction, and behind that, at most `depth` steps away.
    pub(super) fn branches(&self, direction: Direction, node: NodeId, column: &str, depth: usize) -> Vec<Branch> {
        let mut told = BTreeSet::from([(node, column.to_owned())]);
        self.grown(direction, (node, column), depth, &mut told)
    }

    fn grown(
        &self,
        direction: Direction,
        (node, column): (NodeId, &str),
        depth: usize,
        told: &mut BTreeSet<(NodeId, String)>,
    ) -> Vec<Branch> {
        if depth == 0 {
            return Vec::new();
        }
        let mut branches = Vec::new();
        for next in self.next(direction, node, column) {
            let mut branch =
                Branch { node: next.node, name: next.name, tie: next.tie, behind: Vec::new(), is_told: false };
            if let Some((node, column)) = next.node.zip(next.column) {
                // Where the depth ends nothing is told of what lies behind, so a shorter way there may still tell it.
                let is_new = match depth {
                    1 => !told.contains(&(node, column.to_owned())),
                    _ => told.insert((node, column.to_owned())),
                };
                match is_new {
                    true => branch.behind = self.grown(direction, (node, column), depth - 1, told),
                    false => branch.is_told = !self.next(direction, node, column).is_empty(),
                }
            }
            branches.push(branch);
        }
        branches
    }

    fn next(&self, direction: Direction, node: NodeId, column: &str) -> Vec<Next<'a>> {
        match direction {
            Direction::Up => {
                let lineage = self.analysis.lineages.get(&node).and_then(|lineage| lineage.column(column));
                let next = lineage.into_iter().flat_map(|column| {
                    let values = column.origins.iter().map(|(origin, how)| (origin, Tie::Value(*how)));
                    values.chain(column.influences.iter().map(|(origin, how)| (origin, Tie::Within(*how))))
                });
                let next = next.map(|(origin, tie)| Next {
                    node: origin.table.node(self.graph),
                    name: origin.to_string(),
                    column: Some(origin.column.as_str()),
                    tie,
                });
                next.collect()
            }
            Direction::Down => {
                let readers = self.readers.get(&(node, column)).into_iter().flatten();
                let next = readers.map(|reader| {
                    let table = self.title(reader.node);
                    Next {
                        node: Some(reader.node),
                        name: reader.column.map_or_else(|| table.clone(), |column| format!("{table}.{column}")),
                        column: reader.column,
                        tie: reader.tie,
                    }
                });
                next.collect()
            }
        }
    }
}

impl Branch {
    pub(super) fn write(&self, direction: Direction, level: usize, lines: &mut Vec<String>) {
        let arrow = match direction {
            Direction::Up => "<-",
            Direction::Down => "->",
        };
        let told = if self.is_told { "   (see above)" } else { "" };
        lines.push(format!("{}{arrow} {}   {}{told}", " ".repeat(2 + 3 * level), self.name, self.tie));
        for branch in &self.behind {
            branch.write(direction, level + 1, lines);
        }
    }

    pub(super) fn json(&self, graph: &Graph, direction: Direction) -> Value {
        let behind: Vec<Value> = self.behind.iter().map(|branch| branch.json(graph, direction)).collect();
        let (tie, how) = match self.tie {
            Tie::Value(how) => ("use", json!(how)),
            Tie::Within(influence) | Tie::Rows(influence) => ("influence", json!(influence)),
        };
        json!({
            "name": self.name,
            "unique_id": self.node.map(|node| graph.node(node).unique_id.as_str()),
            tie: how,
            direction.key(): behind,
        })
    }
}

/// `filtered by silver.orders.status; joined on ...`, if anything decides about the rows.
pub(super) fn influences_text(lineage: &Lineage) -> Option<String> {
    let told = lineage.influences().into_iter().filter(|(_, origins)| !origins.is_empty());
    let told = told.map(|(influence, origins)| {
        let words = match influence {
            Influence::Filter => "filtered by",
            Influence::Join => "joined on",
            Influence::Group => "grouped by",
            Influence::Window => "windowed by",
            Influence::Order => "ordered by",
        };
        let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
        format!("{words} {}", origins.join(", "))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

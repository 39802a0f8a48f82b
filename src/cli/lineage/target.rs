//! What is asked about, one column of a table or all of them, and what is said of it.

use serde_json::{Map, Value, json};

use super::name::Word;
use super::tree::{Direction, Paths, influences_text};
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::{NodeId, NodeKind};

/// One column of a table, or all of them.
#[derive(Debug)]
pub(super) struct Target {
    node: NodeId,
    pub(super) columns: Vec<String>,
    pub(super) is_whole: bool,
}

impl Target {
    pub(super) fn new(paths: &Paths<'_>, node: NodeId, wanted: Option<&Word>) -> Result<Self, Diagnostic> {
        let known = paths.columns(node);
        let Some(wanted) = wanted else {
            return Ok(Self { node, columns: known.into_iter().map(str::to_owned).collect(), is_whole: true });
        };
        if let Some(column) = wanted.find(&known) {
            return Ok(Self { node, columns: vec![column.to_owned()], is_whole: false });
        }
        let wanted = wanted.text.as_str();
        let label = paths.graph.node(node).label();
        Err(match known.is_empty() {
            true => {
                let (why, is_asking) = paths.unknown(node);
                Diagnostic::error(Code::UnknownColumn, format!("the columns of `{label}` are {why}")).hint(
                    match is_asking {
                        true => format!("`engine show {label}` runs it and shows them"),
                        false => "`engine check` tells why".to_owned(),
                    },
                )
            }
            false => Diagnostic::error(Code::UnknownColumn, format!("`{label}` has no column `{wanted}`"))
                .nearest_or_all(wanted, known.iter().copied()),
        })
    }

    pub(super) fn title(&self, paths: &Paths<'_>) -> String {
        let table = paths.title(self.node);
        match self.columns.as_slice() {
            [column] if !self.is_whole => format!("{table}.{column}"),
            _ => table,
        }
    }

    pub(super) fn text(&self, paths: &Paths<'_>, directions: &[Direction], depth: usize) -> String {
        let table = paths.title(self.node);
        let mut lines = Vec::new();
        if self.columns.is_empty() {
            lines.push(table.clone());
            lines.push(format!("  its columns are {}", paths.unknown(self.node).0));
        }
        for column in &self.columns {
            lines.push(format!("{table}.{column}"));
            for direction in directions {
                let branches = paths.branches(*direction, self.node, column, depth);
                if branches.is_empty() {
                    lines.push(format!("  {}", self.nothing(paths, *direction)));
                }
                for branch in &branches {
                    branch.write(*direction, 0, &mut lines);
                }
            }
        }
        let lineage = paths.analysis.lineages.get(&self.node).filter(|_| directions.contains(&Direction::Up));
        if let Some(influences) = lineage.and_then(influences_text) {
            lines.push(format!("  {influences}"));
        }
        lines.join("\n")
    }

    /// Why there are no branches.
    fn nothing(&self, paths: &Paths<'_>, direction: Direction) -> &'static str {
        match (direction, &paths.graph.node(self.node).kind) {
            (Direction::Down, _) => "nothing is made of it",
            (Direction::Up, NodeKind::Seed(_) | NodeKind::Source(_)) => "comes from outside",
            (Direction::Up, _) if paths.analysis.lineages.contains_key(&self.node) => "made of no column",
            (Direction::Up, _) => "not known: the query cannot be bound without running it",
        }
    }

    pub(super) fn json(&self, paths: &Paths<'_>, directions: &[Direction], depth: usize) -> Value {
        let columns = self.columns.iter().map(|column| {
            let mut told = Map::from_iter([("column".to_owned(), json!(column))]);
            for direction in directions {
                let branches = paths.branches(*direction, self.node, column, depth);
                let branches = branches.iter().map(|branch| branch.json(paths.graph, *direction)).collect();
                told.insert(direction.key().to_owned(), Value::Array(branches));
            }
            Value::Object(told)
        });
        let columns: Vec<Value> = columns.collect();
        let influences = paths.analysis.lineages.get(&self.node).map(|lineage| {
            let told = lineage.influences().into_iter().map(|(influence, origins)| {
                let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
                json!({"influence": influence, "columns": origins})
            });
            told.collect::<Vec<Value>>()
        });
        json!({
            "name": paths.title(self.node),
            "unique_id": paths.graph.node(self.node).unique_id,
            "columns": columns,
            "rows": influences,
        })
    }
}

//! `lineage` - what a column is made of, what is made of it, and what a change of it would reach.

mod impact;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::check::offline;
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, count};
use crate::execution::surveyed;
use crate::graph::{Graph, NodeId, NodeKind};
use crate::invocation::{Invocation, Settings, load_project};
use crate::names::{Relation, SourceName};
use impact::Impact;
use tree::{Direction, Paths, influences_text};

#[derive(Debug, Args)]
pub(super) struct LineageArguments {
    /// A column or all of a table: `gold.revenue.total`, `gold.revenue`, `revenue`; of a source: `shop.orders.id`
    // Not `target`: that is the flag every command has.
    #[arg(value_name = "TARGET")]
    wanted: String,
    /// What it is made of; this is the default
    #[arg(long)]
    up: bool,
    /// What is made of it
    #[arg(long)]
    down: bool,
    /// The models, data tests and exposures that a change of it would reach
    #[arg(long, conflicts_with_all = ["up", "down", "depth"])]
    impact: bool,
    /// Steps at most
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl LineageArguments {
    fn directions(&self) -> Vec<Direction> {
        match (self.up, self.down) {
            (true, true) => vec![Direction::Up, Direction::Down],
            (false, true) => vec![Direction::Down],
            (true | false, false) => vec![Direction::Up],
        }
    }
}

pub(super) fn run(arguments: &LineageArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    let (node, wanted) = find(&loaded.graph, &arguments.wanted)?;
    block_on(async {
        let (events, _receiver) = mpsc::unbounded_channel();
        let settings = offline(settings, &loaded);
        let invocation = Invocation::new(&loaded, settings, events, CancellationToken::new())?;
        let all: BTreeSet<NodeId> = loaded.graph.ids().collect();
        let mut analysis = surveyed(&invocation.context, &all).await;
        let mistakes = analysis.errors();
        if !analysis.schemas.contains_key(&node) {
            // It is not known what columns it has; else what is wrong elsewhere is no reason to say nothing.
            std::mem::take(&mut analysis.found).finish(())?;
        }
        if mistakes > 0 {
            let mistakes = count(mistakes, "mistake");
            printer.note(&format!(
                "note: {mistakes} in the project: what comes through it is left out; `engine check` tells why"
            ));
        }
        let paths = Paths::new(&loaded.graph, &analysis);
        let target = Target::new(&paths, node, wanted.as_deref())?;
        let is_json = arguments.format == Format::Json || printer.is_json();
        let text = if arguments.impact {
            let impact = Impact::new(&paths, node, &target.columns, target.is_whole);
            let title = target.title(&paths);
            if is_json { impact.json(&title).to_string() } else { impact.text(&title) }
        } else {
            let directions = arguments.directions();
            let depth = arguments.depth.unwrap_or(usize::MAX);
            match is_json {
                true => target.json(&paths, &directions, depth).to_string(),
                false => target.text(&paths, &directions, depth),
            }
        };
        printer.output(&text);
        Ok(Exit::Success)
    })?
}

/// The node a target names, and the column if it names one.
fn find(graph: &Graph, target: &str) -> Result<(NodeId, Option<String>), Diagnostic> {
    let bare = target.strip_prefix("source:").unwrap_or(target);
    let parts: Vec<&str> = bare.splitn(3, '.').collect();
    let found = match parts.as_slice() {
        [name] => graph.by_ref(name).map(|id| (id, None)),
        [first, second] => table(graph, first, second)
            .map(|id| (id, None))
            .or_else(|| graph.by_ref(first).map(|id| (id, Some((*second).to_owned())))),
        [first, second, column, ..] => table(graph, first, second).map(|id| (id, Some((*column).to_owned()))),
        [] => None,
    };
    found.ok_or_else(|| {
        let name = parts.iter().take(2).copied().collect::<Vec<_>>().join(".");
        let mut known = BTreeSet::new();
        for node in graph.nodes() {
            if !matches!(node.kind, NodeKind::Test(_) | NodeKind::Exposure(_)) {
                known.insert(node.label());
                known.insert(node.name.clone());
            }
        }
        Diagnostic::error(Code::UnknownSelection, format!("no model, seed or source is named `{name}`"))
            .nearest(&name, known.iter().map(String::as_str))
    })
}

fn table(graph: &Graph, first: &str, second: &str) -> Option<NodeId> {
    let relation = Relation::new(first, second).ok().and_then(|relation| graph.by_relation(&relation));
    relation.or_else(|| graph.by_source(&SourceName { source: first.to_owned(), table: second.to_owned() }))
}

/// One column of a table, or all of them.
#[derive(Debug)]
struct Target {
    node: NodeId,
    columns: Vec<String>,
    is_whole: bool,
}

impl Target {
    fn new(paths: &Paths<'_>, node: NodeId, wanted: Option<&str>) -> Result<Self, Diagnostic> {
        let known = paths.columns(node);
        let Some(wanted) = wanted else {
            return Ok(Self { node, columns: known.into_iter().map(str::to_owned).collect(), is_whole: true });
        };
        let same = |column: &&str| *column == wanted;
        let alike = |column: &&str| column.eq_ignore_ascii_case(wanted);
        if let Some(column) = known.iter().copied().find(same).or_else(|| known.iter().copied().find(alike)) {
            return Ok(Self { node, columns: vec![column.to_owned()], is_whole: false });
        }
        let label = paths.graph.node(node).label();
        Err(match known.is_empty() {
            true => Diagnostic::error(Code::UnknownColumn, format!("the columns of `{label}` are not known"))
                .hint("`engine check` tells why"),
            false => Diagnostic::error(Code::UnknownColumn, format!("`{label}` has no column `{wanted}`"))
                .nearest(wanted, known.iter().copied()),
        })
    }

    fn title(&self, paths: &Paths<'_>) -> String {
        let table = paths.title(self.node);
        match self.columns.as_slice() {
            [column] if !self.is_whole => format!("{table}.{column}"),
            _ => table,
        }
    }

    fn text(&self, paths: &Paths<'_>, directions: &[Direction], depth: usize) -> String {
        let table = paths.title(self.node);
        let mut lines = Vec::new();
        if self.columns.is_empty() {
            lines.push(table.clone());
            lines.push("  its columns are not known".to_owned());
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

    fn json(&self, paths: &Paths<'_>, directions: &[Direction], depth: usize) -> Value {
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

//! `lineage` - what a column is made of, what is made of it, and what a change of it would reach.

mod impact;
mod name;
mod target;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::check::offline;
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Diagnostics, count};
use crate::execution::surveyed;
use crate::graph::NodeId;
use crate::invocation::{Invocation, Settings, load_project};
use impact::Impact;
use name::find;
use target::Target;
use tree::{Direction, Paths};

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
        let target = Target::new(&paths, node, wanted.as_ref())?;
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

//! `explain` - the physical plan of a model with the rows and the time of each operator.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::check::listed;
use super::follower::{grouped, rows};
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, count};
use crate::execution::{Explained, explain};
use crate::graph::selector::Selection;
use crate::graph::{Graph, NodeId, NodeKind};
use crate::invocation::{Invocation, Settings, load_project, select};

/// Characters of an operator's description for people; machines get all of it.
const WIDTH: usize = 120;

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The model; its query is run whole, and nothing is kept
    #[arg(value_name = "MODEL")]
    model: String,
}

pub(super) fn run(arguments: &ExplainArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    let selection = Selection { select: vec![arguments.model.clone()], exclude: Vec::new() };
    let selected = select(&loaded, &selection)?;
    let model = only_model(&loaded.graph, &selected, &arguments.model)?;
    block_on(async {
        let (events, _receiver) = mpsc::unbounded_channel();
        let invocation = Invocation::new(&loaded, settings, events, CancellationToken::new())?;
        let explained = explain(&invocation.context, model).await?;
        match printer.is_json() {
            true => json_lines(&explained, printer),
            false => text(&explained, printer),
        }
        Ok(Exit::Success)
    })?
}

/// The one model that is selected.
fn only_model(graph: &Graph, selected: &BTreeSet<NodeId>, wanted: &str) -> Result<NodeId, Diagnostic> {
    let models: Vec<NodeId> = selected.iter().copied().filter(|id| graph.node(*id).as_model().is_some()).collect();
    let (message, hint) = match (models.as_slice(), selected.first()) {
        ([model], _) => return Ok(*model),
        ([], Some(other)) => {
            let kind = match &graph.node(*other).kind {
                NodeKind::Seed(_) => "a seed, which has no query: its file is loaded as it is",
                NodeKind::Source(_) => "a source, which has no query",
                NodeKind::Exposure(_) => "an exposure, of which nothing is built",
                NodeKind::Test(_) | NodeKind::Model(_) => "no model",
            };
            (format!("`{wanted}` is {kind}"), "name a model, as `engine ls` lists them".to_owned())
        }
        ([], None) => (format!("`{wanted}` is no model"), "name one, as `engine ls` lists them".to_owned()),
        (several, _) => {
            let names: Vec<String> = several.iter().map(|id| graph.node(*id).name.clone()).collect();
            let number = count(several.len(), "model");
            (format!("`{wanted}` is {number}; one is explained at a time"), format!("name one of {}", listed(&names)))
        }
    };
    Err(Diagnostic::error(Code::Usage, message).hint(hint))
}

fn text(explained: &Explained, printer: &Printer) {
    printer.output(&format!("{:>12} {:>10}  operator", "rows", "compute"));
    for operator in &explained.operators {
        let rows = operator.rows.map(|rows| grouped(rows as u64)).unwrap_or_default();
        let compute = operator.compute.map(|time| format!("{:.1}ms", time.as_secs_f64() * 1000.0)).unwrap_or_default();
        let spilled = match operator.spilled {
            0 => String::new(),
            bytes => format!("  spilled {}", indicatif::BinaryBytes(bytes as u64)),
        };
        let indent = "  ".repeat(operator.depth);
        let text = match operator.text.char_indices().nth(WIDTH) {
            Some((at, _)) => format!("{}...", &operator.text[..at]),
            None => operator.text.clone(),
        };
        if !printer.output(&format!("{rows:>12} {compute:>10}  {indent}{text}{spilled}")) {
            return;
        }
    }
    let seconds = explained.elapsed.as_secs_f64();
    printer.note(&format!("\n{} in {seconds:.2}s; compute is summed over the partitions", rows(explained.rows)));
}

fn json_lines(explained: &Explained, printer: &Printer) {
    for operator in &explained.operators {
        printer.json_line(
            "operator",
            json!({
                "depth": operator.depth, "name": operator.name, "text": operator.text, "rows": operator.rows,
                "compute_seconds": operator.compute.map(|time| time.as_secs_f64()), "spilled_bytes": operator.spilled,
            }),
        );
    }
    printer.json_line("summary", json!({"rows": explained.rows, "elapsed": explained.elapsed.as_secs_f64()}));
}

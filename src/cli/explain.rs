//! `explain` - the physical plan of a model with the rows and the time of each operator.

use clap::Args;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::follower::{grouped, rows};
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::execution::{Explained, explain};
use crate::graph::selector::Selection;
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
    let models = select(&loaded, &selection)?;
    let mut models = models.into_iter().filter(|id| loaded.graph.node(*id).as_model().is_some());
    let (Some(model), None) = (models.next(), models.next()) else {
        let message = format!("`{}` is not one model", arguments.model);
        return Err(Diagnostic::error(Code::Usage, message).hint("name one: engine explain gold_orders").into());
    };
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

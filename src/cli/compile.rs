//! `compile` - templates to plain SQL, in files and for one model on the screen.

use clap::Args;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Diagnostics, count};
use crate::execution::{compile_inline, compiled_sql, surveyed};
use crate::graph::NodeKind;
use crate::invocation::{Invocation, Settings, load_project, select};

#[derive(Debug, Args)]
pub(super) struct CompileArguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// SQL with Jinja to compile instead
    #[arg(long, value_name = "SQL", conflicts_with_all = ["select", "exclude"])]
    inline: Option<String>,
}

pub(super) fn run(arguments: &CompileArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    let selection = arguments.selection.selection();
    let one_by_name = !selection.select.is_empty();
    let nodes = select(&loaded, &selection)?;
    block_on(async {
        let (events, _receiver) = mpsc::unbounded_channel();
        let invocation = Invocation::new(&loaded, settings, events, CancellationToken::new())?;
        if let Some(inline) = &arguments.inline {
            printer.output(&compile_inline(&invocation.context, inline).await?);
            return Ok(Exit::Success);
        }
        let mut found = Diagnostics::default();
        let mut compiled = Vec::new();
        for &id in &nodes {
            if matches!(loaded.graph.node(id).kind, NodeKind::Model(_) | NodeKind::Test(_))
                && let Some(sql) = found.keep(compiled_sql(&invocation.context, id).await)
            {
                compiled.push((id, sql));
            }
        }
        let (compiled, _) = found.finish(compiled)?;
        let models = nodes.into_iter().filter(|id| loaded.graph.node(*id).as_model().is_some());
        let analysis = surveyed(&invocation.context, &models.collect()).await;
        invocation.write_artifacts_with(&analysis.lineages)?;
        let models: Vec<_> =
            compiled.iter().filter(|(id, _)| matches!(loaded.graph.node(*id).kind, NodeKind::Model(_))).collect();
        match models.as_slice() {
            [(_, sql)] if one_by_name => {
                printer.output(sql);
            }
            _ => printer.progress_line(&format!(
                "compiled {} into {}/compiled",
                count(compiled.len(), "node"),
                loaded.project.config.target_path
            )),
        }
        Ok(Exit::Success)
    })?
}

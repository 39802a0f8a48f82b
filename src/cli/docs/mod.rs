//! `docs` - the project's documentation as one page that needs nothing else: no server, no network.

mod describe;
mod node;
mod page;
mod types;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::check::offline;
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, count};
use crate::execution::{compiled_sql, surveyed};
use crate::graph::NodeKind;
use crate::invocation::{Invocation, Settings, load_project};
use describe::Description;

#[derive(Debug, Args)]
pub(super) struct DocsArguments {
    /// The folder to write `index.html` into; default: `docs` in the folder of the artifacts
    #[arg(long, short = 'o', value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &DocsArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    let project = &loaded.project;
    let artifacts = project.root.join(&project.config.target_path);
    let folder = match &arguments.output {
        Some(folder) => settings.working_directory.join(folder),
        None => artifacts.join("docs"),
    };
    block_on(async {
        let (events, _receiver) = mpsc::unbounded_channel();
        let settings = offline(settings, &loaded);
        let invocation = Invocation::new(&loaded, settings, events, CancellationToken::new())?;
        let context = &invocation.context;
        for id in loaded.graph.ids() {
            if matches!(loaded.graph.node(id).kind, NodeKind::Model(_) | NodeKind::Test(_)) {
                // What cannot be compiled without running something is documented without.
                let _ = compiled_sql(context, id).await;
            }
        }
        let tables = loaded.graph.ids().filter(|id| loaded.graph.node(*id).as_test().is_none());
        let analysis = surveyed(context, &tables.collect()).await;
        invocation.write_artifacts_with(&analysis.lineages)?;
        let compiled = invocation.compiled();
        let description = Description { project, graph: &loaded.graph, analysis: &analysis, compiled: &compiled };
        let described = description.json(invocation.settings.started);
        let file = folder.join("index.html");
        write(&folder, &file, &page::filled(&described)).map_err(|error| {
            Diagnostic::error(Code::Unreadable, format!("cannot write the page: {error}"))
                .in_file(file.display().to_string())
        })?;
        let mistakes = analysis.errors();
        if mistakes > 0 {
            let mistakes = count(mistakes, "mistake");
            printer
                .note(&format!("note: {mistakes} in the project: some columns are missing; `engine check` tells why"));
        }
        let nodes = loaded.graph.nodes().iter().filter(|node| node.as_test().is_none()).count();
        let shown = file.strip_prefix(&invocation.settings.working_directory).unwrap_or(&file);
        printer.progress_line(&format!("documented {} in {}", count(nodes, "node"), shown.display()));
        Ok(Exit::Success)
    })?
}

fn write(folder: &Path, file: &Path, page: &str) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(file, page)
}

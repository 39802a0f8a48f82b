//! `record` - saves what connectors receive, so that a target can replay it.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::printer::Printer;
use super::run::parse_time;
use super::{Exit, block_on};
use crate::connectors::Again;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::invocation::{Invocation, Settings, load_project, select, threads, with_ancestors};
use crate::plan::Command;

#[derive(Debug, Args)]
pub(super) struct RecordArguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// The folder to write; it must not be there yet, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Record the windows from this time on
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Timestamp>,
    /// The windows before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Timestamp>,
}

/// Builds the selected models, and what they need, in a warehouse of their own that is thrown away.
pub(super) fn run(arguments: &RecordArguments, mut settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let scratch = tempfile::tempdir().map_err(|error| {
        Diagnostic::error(Code::Unreadable, format!("cannot make a folder for the time of the recording: {error}"))
    })?;
    settings.again = Again { from: arguments.from, to: arguments.to, force: false };
    let out = settings.working_directory.join(&arguments.out);
    let shown = arguments.out.display();
    let unwritable = |error: std::io::Error| {
        Diagnostics::from(Diagnostic::error(Code::Unreadable, format!("cannot write `{shown}`: {error}")))
    };
    if std::fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Diagnostic::error(Code::Usage, format!("`{shown}` is not empty"))
            .hint("name another folder, or remove what is in it")
            .into());
    }
    // Beside its place until it is whole.
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    let unfinished = out.with_file_name(name);
    remove(&unfinished).map_err(unwritable)?;
    settings.record = Some(unfinished.clone());
    settings.warehouse = Some(scratch.path().to_owned());
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    let selection = with_ancestors(&loaded, &select(&loaded, &arguments.selection.selection())?);
    block_on(async {
        let (events, receiver) = mpsc::unbounded_channel();
        let width = threads(&loaded.project, &settings);
        let invocation = Invocation::new(&loaded, settings, events, CancellationToken::new())?;
        // Seeds come with the models: a `for_each` may read them. Tests of what is thrown away say nothing.
        let plan = invocation.plan(&selection, Command::Build).await?;
        printer.begin(&loaded.graph, &plan, width, "recording");
        let printing = printer.follow(&loaded.graph, &plan, receiver);
        let results = invocation.execute(&plan).await;
        drop(invocation);
        printing.finish().await;
        let results = results?;
        let failed = results.iter().any(|result| !result.status.lets_on());
        for result in &results {
            printer.diagnostics(&result.diagnostics);
        }
        match failed {
            true => {
                remove(&unfinished).map_err(unwritable)?;
                printer.output(&format!("nothing is recorded in {shown}: a recording is whole or not there"));
                Ok(Exit::Failure)
            }
            false => {
                remove(&out).and_then(|()| std::fs::rename(&unfinished, &out)).map_err(unwritable)?;
                printer.output(&format!("recorded in {}", arguments.out.display()));
                Ok(Exit::Success)
            }
        }
    })?
}

/// A folder that need not be there.
fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

//! `run`, `build`, `test`, `seed` - the commands that walk the graph.

use clap::Args;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::ending::watch_interrupts;
use super::printer::{Printer, Summary};
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::execution::{NodeResult, Status};
use crate::graph::NodeKind;
use crate::invocation::{Invocation, Settings, load_project, select, threads};
use crate::plan::Command;
use crate::project::parse_instant;

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// Rebuild incremental models from nothing
    #[arg(long, short = 'f')]
    pub(super) full_refresh: bool,
    /// Stop at the first failure
    #[arg(long, short = 'x')]
    pub(super) fail_fast: bool,
    /// Keep the failing rows of tests in `test_audit`
    #[arg(long)]
    pub(super) store_failures: bool,
    /// Read the windows from this time on, done or not; their rows replace the old ones
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) from: Option<Timestamp>,
    /// The windows before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) to: Option<Timestamp>,
    /// Read the newest window again though it is done
    #[arg(long)]
    pub(super) force: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn parse_time(text: &str) -> Result<Timestamp, String> {
    parse_instant(text).ok_or_else(|| "expected a time such as 2025-07-01 or 2025-07-01T06:00:00Z".to_owned())
}

pub(super) fn run(
    command: Command,
    arguments: &RunArguments,
    settings: Settings,
    printer: &Printer,
) -> Result<Exit, Diagnostics> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && to <= from
    {
        return Err(Diagnostic::error(Code::Usage, format!("nothing lies between --from {from} and --to {to}")).into());
    }
    if arguments.full_refresh && (arguments.from.is_some() || arguments.to.is_some()) {
        let both = "--full-refresh makes a table of these windows alone, without all others that it has";
        return Err(Diagnostic::error(Code::Usage, both)
            .hint("leave it out: --from and --to replace their rows")
            .into());
    }
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    let selection = select(&loaded, &arguments.selection.selection())?;
    block_on(async {
        let (events, receiver) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let width = threads(&loaded.project, &settings);
        let clock = settings.clock;
        let invocation = Invocation::new(&loaded, settings, events, cancel.clone())?;
        let plan = invocation.plan(&selection, command).await?;
        if arguments.dry_run {
            printer.plan(&loaded.graph, &plan);
            return Ok(Exit::Success);
        }
        if plan.steps.is_empty() {
            printer.nothing(plan.ephemeral);
            return Ok(Exit::Success);
        }
        printer.begin(&loaded.graph, &plan, width, &loaded.project.config.target.name);
        let printing = printer.follow(&loaded.graph, &plan, receiver);
        let interrupts = watch_interrupts(cancel.clone());
        let results = invocation.execute(&plan).await;
        let cancelled = cancel.is_cancelled();
        interrupts.abort();
        let written = match &results {
            Ok(results) => invocation.write_artifacts(Some(results)),
            Err(_) => Ok(()),
        };
        // The context holds the events' sender: with it gone the printer has seen everything.
        drop(invocation);
        printing.finish().await;
        let results = results?;
        let summary = summary(&results, &loaded.graph, clock.elapsed(), cancelled);
        printer.summary(&summary, &results, &loaded.graph, &loaded.project.config.target_path);
        written?;
        Ok(match cancelled || results.iter().any(|result| !result.status.lets_on()) {
            true => Exit::Failure,
            false => Exit::Success,
        })
    })?
}

pub(super) fn summary(
    results: &[NodeResult],
    graph: &crate::graph::Graph,
    elapsed: std::time::Duration,
    cancelled: bool,
) -> Summary {
    let count = |status: Status| results.iter().filter(|result| result.status == status).count();
    let kind =
        |wanted: fn(&NodeKind) -> bool| results.iter().filter(|result| wanted(&graph.node(result.node).kind)).count();
    Summary {
        models: kind(|kind| matches!(kind, NodeKind::Model(_))),
        seeds: kind(|kind| matches!(kind, NodeKind::Seed(_))),
        tests: kind(|kind| matches!(kind, NodeKind::Test(_))),
        passed: count(Status::Success) + count(Status::Pass),
        warned: count(Status::Warn),
        failed: count(Status::Error) + count(Status::Fail),
        skipped: count(Status::Skipped),
        elapsed,
        cancelled,
    }
}

//! The command line: words in, words out. The only module that prints, reads the environment and asks the clock.

mod arguments;
mod check;
mod clean;
mod compile;
mod debug;
mod docs;
mod ending;
mod explain;
mod follower;
mod init;
mod lineage;
mod ls;
mod printer;
mod probe;
mod record;
mod run;
mod show;
mod source;
mod stream;
mod watch;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::{Parser, Subcommand};

use crate::connectors::Again;
use crate::diagnostic::Diagnostics;
use crate::execution::STACK;
use crate::invocation::Settings;
use arguments::Global;
use printer::Printer;

/// How a command ended, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All good.
    Success,
    /// A model or a test failed.
    Failure,
    /// The project or the command line is wrong.
    Wrong,
}

#[derive(Debug, Parser)]
#[command(
    name = "engine",
    version,
    about = "SQL models in, Delta tables out",
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct CommandLine {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Commands,
}

#[derive(Debug, Subcommand)]
enum Commands {
    /// Build the selected models
    Run(run::RunArguments),
    /// Build seeds and models and run their tests, in the order of the graph
    Build(run::RunArguments),
    /// Run data tests
    Test(run::RunArguments),
    /// Load the CSV files of the seeds folder
    Seed(run::RunArguments),
    /// Find mistakes in models and tests without reading any data
    Check(check::CheckArguments),
    /// Check every save, and build, test and compare what it changes
    Watch(watch::WatchArguments),
    /// Render models and tests to plain SQL
    Compile(compile::CompileArguments),
    /// Write the project's documentation as one page, for a browser
    Docs(docs::DocsArguments),
    /// Show which columns a column is made of, and what is made of it
    Lineage(lineage::LineageArguments),
    /// List the project's models, seeds, sources, tests and exposures
    #[command(visible_alias = "list")]
    Ls(ls::LsArguments),
    /// Show the first rows of a model or a query
    Show(show::ShowArguments),
    /// Run models that read connectors in small batches, until asked to stop
    Stream(stream::StreamArguments),
    /// Run a model's query and show its operators, with the rows and the time of each
    Explain(explain::ExplainArguments),
    /// Look at the project's sources: list, check, probe, status, reset
    Source(source::SourceArguments),
    /// Save what the sources of the selected models answer, to be replayed by a target
    Record(record::RecordArguments),
    /// Make a small working project in a folder
    Init(init::InitArguments),
    /// Check the project, the target and the warehouse
    Debug,
    /// Delete compiled files and other artifacts
    Clean,
}

impl Commands {
    fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Build(_) => "build",
            Self::Test(_) => "test",
            Self::Seed(_) => "seed",
            Self::Check(_) => "check",
            Self::Watch(_) => "watch",
            Self::Compile(_) => "compile",
            Self::Docs(_) => "docs",
            Self::Lineage(_) => "lineage",
            Self::Ls(_) => "ls",
            Self::Show(_) => "show",
            Self::Stream(_) => "stream",
            Self::Explain(_) => "explain",
            Self::Source(_) => "source",
            Self::Record(_) => "record",
            Self::Init(_) => "init",
            Self::Debug => "debug",
            Self::Clean => "clean",
        }
    }
}

/// The program.
pub fn main() -> ExitCode {
    let clock = Instant::now();
    #[expect(clippy::disallowed_methods, reason = "the border where time comes in")]
    let started = jiff::Timestamp::now();
    // delta-rs recovers from panics of a library below it; only one that nobody catches is worth a word.
    let told = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&told);
    std::panic::set_hook(Box::new(move |panic| {
        *heard.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
    // Not on the main thread, whose stack is what the shell says.
    let ran = std::thread::Builder::new()
        .name("main".to_owned())
        .stack_size(STACK)
        .spawn(move || run_arguments(std::env::args_os(), started, clock))
        .map_or_else(|_| Ok(run_arguments(std::env::args_os(), started, clock)), std::thread::JoinHandle::join);
    ExitCode::from(ran.unwrap_or_else(|_| {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing can be said about a closed pipe.
        let _ = writeln!(
            std::io::stderr(),
            "engine has a defect and stopped; tables are as they were last committed\n{told}"
        );
        101
    }))
}

fn run_arguments(arguments: impl IntoIterator<Item = OsString>, started: jiff::Timestamp, clock: Instant) -> u8 {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // Help and version are no errors; a closed pipe is nobody's concern.
            let _ = error.print();
            return u8::from(error.use_stderr()) * 2;
        }
    };
    let printer = Printer::new(&line.global);
    let exit = match settings(&line, started, clock) {
        Ok(settings) => dispatch(&line.command, settings, &printer),
        Err(found) => {
            printer.diagnostics(&found);
            Exit::Wrong
        }
    };
    match exit {
        Exit::Success => 0,
        Exit::Failure => 1,
        Exit::Wrong => 2,
    }
}

fn settings(line: &CommandLine, started: jiff::Timestamp, clock: Instant) -> Result<Settings, Diagnostics> {
    let run = match &line.command {
        Commands::Run(run) | Commands::Build(run) | Commands::Test(run) | Commands::Seed(run) => Some(run),
        Commands::Check(_)
        | Commands::Watch(_)
        | Commands::Compile(_)
        | Commands::Docs(_)
        | Commands::Lineage(_)
        | Commands::Ls(_)
        | Commands::Show(_)
        | Commands::Stream(_)
        | Commands::Explain(_)
        | Commands::Source(_)
        | Commands::Record(_)
        | Commands::Init(_)
        | Commands::Debug
        | Commands::Clean => None,
    };
    Ok(Settings {
        working_directory: std::env::current_dir().unwrap_or_default(),
        project_dir: line.global.project_dir.clone(),
        target: line.global.target.clone(),
        vars: arguments::parse_vars(line.global.vars.as_deref())?,
        threads: line.global.threads.map(usize::from),
        full_refresh: run.is_some_and(|run| run.full_refresh),
        fail_fast: run.is_some_and(|run| run.fail_fast),
        store_failures: run.is_some_and(|run| run.store_failures),
        again: run.map_or_else(Again::default, |run| Again { from: run.from, to: run.to, force: run.force }),
        record: None,
        warehouse: None,
        env: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        memory: None,
        command: line.command.name().to_owned(),
        invocation_id: uuid::Uuid::new_v4().to_string(),
        started,
        clock,
    })
}

fn dispatch(command: &Commands, settings: Settings, printer: &Printer) -> Exit {
    use crate::plan::Command;
    let outcome = match command {
        Commands::Run(arguments) => run::run(Command::Run, arguments, settings, printer),
        Commands::Build(arguments) => run::run(Command::Build, arguments, settings, printer),
        Commands::Test(arguments) => run::run(Command::Test, arguments, settings, printer),
        Commands::Seed(arguments) => run::run(Command::Seed, arguments, settings, printer),
        Commands::Watch(arguments) => watch::run(arguments, settings, printer),
        Commands::Check(arguments) => check::run(arguments, settings, printer),
        Commands::Compile(arguments) => compile::run(arguments, settings, printer),
        Commands::Docs(arguments) => docs::run(arguments, settings, printer),
        Commands::Lineage(arguments) => lineage::run(arguments, settings, printer),
        Commands::Ls(arguments) => ls::run(arguments, &settings, printer),
        Commands::Show(arguments) => show::run(arguments, settings, printer),
        Commands::Stream(arguments) => stream::run(arguments, settings, printer),
        Commands::Explain(arguments) => explain::run(arguments, settings, printer),
        Commands::Source(arguments) => source::run(arguments, settings, printer),
        Commands::Record(arguments) => record::run(arguments, settings, printer),
        Commands::Init(arguments) => init::run(arguments, &settings, printer),
        Commands::Debug => debug::run(&settings, printer),
        Commands::Clean => clean::run(&settings, printer),
    };
    match outcome {
        Ok(exit) => exit,
        Err(found) => {
            printer.diagnostics(&found);
            Exit::Wrong
        }
    }
}

/// The one runtime of the process.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Diagnostics> {
    // A query that computes for long without a pause must not keep the others, and Ctrl-C, waiting.
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) + 2;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .thread_stack_size(STACK)
        .build();
    let runtime = runtime.map_err(|error| {
        crate::diagnostic::Diagnostic::error(crate::diagnostic::Code::Execution, format!("cannot start: {error}"))
    })?;
    #[expect(clippy::disallowed_methods, reason = "the one crossing into async")]
    let value = runtime.block_on(work);
    // Blocking reads that nobody waits for any more must not hold up the exit.
    runtime.shutdown_background();
    Ok(value)
}

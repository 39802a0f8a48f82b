//! All that is said: progress on a terminal, plain lines in a pipe, JSON lines for machines.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::arguments::{Global, LogFormat};
use super::follower::Follower;
use crate::artifact::compiled_path;
use crate::diagnostic::{Diagnostics, count, gathered, render, render_json};
use crate::execution::{Event, NodeResult, Status};
use crate::graph::{Graph, NodeKind};
use crate::plan::{Action, RunPlan};

pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const RED: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();

#[derive(Debug, Clone)]
pub(super) struct Printer {
    quiet: bool,
    pub(super) json: bool,
    pub(super) coloured: bool,
    pub(super) live: bool,
}

/// The last lines of a run.
pub(super) struct Summary {
    pub(super) models: usize,
    pub(super) seeds: usize,
    pub(super) tests: usize,
    pub(super) passed: usize,
    pub(super) warned: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) elapsed: Duration,
    pub(super) cancelled: bool,
}

/// The task that prints events as they come.
pub(super) struct Following {
    task: JoinHandle<()>,
}

impl Following {
    pub(super) async fn finish(mut self) {
        // A printer that failed has nobody to tell.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Following {
    /// What is given up is not told any more.
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Printer {
    pub(super) fn new(global: &Global) -> Self {
        let json = global.log_format == LogFormat::Json;
        let no_color = global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let terminal = std::io::stderr().is_terminal();
        Self {
            quiet: global.quiet,
            json,
            coloured: terminal && !no_color && !json,
            live: terminal && !global.quiet && !json && std::env::var_os("CI").is_none(),
        }
    }

    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        match self.coloured {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// A line of progress, to the error stream: what is asked for goes to the output.
    pub(super) fn note(&self, line: &str) {
        if !self.quiet {
            self.error_line(line);
        }
    }

    #[expect(clippy::unused_self, reason = "what is printed goes through the printer")]
    fn error_line(&self, line: &str) {
        // Nothing can be said about a closed pipe.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// What a command was asked for; false when nobody reads it any more.
    #[expect(clippy::unused_self, reason = "what is printed goes through the printer")]
    pub(super) fn output(&self, text: &str) -> bool {
        writeln!(std::io::stdout().lock(), "{text}").is_ok()
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    pub(super) fn progress_line(&self, line: &str) {
        self.note(line);
    }

    #[expect(clippy::unused_self, reason = "what is printed goes through the printer")]
    pub(super) fn json_line(&self, event: &str, mut value: Value) {
        if let Some(object) = value.as_object_mut() {
            object.insert("event".to_owned(), json!(event));
        }
        let _ = writeln!(std::io::stdout().lock(), "{value}");
    }

    /// Every diagnostic, and how many errors there were.
    pub(super) fn diagnostics(&self, found: &Diagnostics) {
        let errors = self.each(found);
        if errors > 1 && !self.json {
            self.error_line(&count(errors, "error"));
        }
    }

    /// Every diagnostic, those that say the same together; gives the number of errors.
    pub(super) fn each(&self, found: &Diagnostics) -> usize {
        match self.json {
            true => found.iter().for_each(|diagnostic| self.json_line("diagnostic", render_json(diagnostic))),
            false => {
                for told in gathered(found) {
                    self.error_line(&format!("{}\n", render(&told.whole(), self.coloured)));
                }
            }
        }
        found.errors()
    }

    /// `--dry-run`.
    pub(super) fn plan(&self, graph: &Graph, plan: &RunPlan) {
        for step in &plan.steps {
            let node = graph.node(step.node);
            let waits: Vec<String> =
                step.waits_for.iter().map(|needed| graph.node(plan.steps[*needed].node).label()).collect();
            if self.json {
                self.json_line("step", json!({"unique_id": node.unique_id, "action": step.action, "waits_for": waits}));
                continue;
            }
            let after = if waits.is_empty() { String::new() } else { format!("  after {}", waits.join(", ")) };
            if !self.output(&format!("{:<18} {}{}", planned(step.action), node.label(), self.paint(DIM, &after))) {
                return;
            }
        }
        if !self.json {
            self.note(&format!("{}; nothing was run", count(plan.steps.len(), "step")));
        }
    }

    pub(super) fn nothing(&self, ephemeral: usize) {
        match (self.json, ephemeral) {
            (true, _) => self.json_line("nothing", json!({"ephemeral": ephemeral})),
            (false, 0) => self.note("nothing to do: the selection holds nothing this command builds"),
            (false, _) => self.note("nothing to do: ephemeral models are built into the models that read them"),
        }
    }

    pub(super) fn begin(&self, graph: &Graph, plan: &RunPlan, threads: usize, target: &str) {
        let kinds = |wanted: fn(&NodeKind) -> bool| {
            plan.steps.iter().filter(|step| wanted(&graph.node(step.node).kind)).count()
        };
        let models = kinds(|kind| matches!(kind, NodeKind::Model(_)));
        let seeds = kinds(|kind| matches!(kind, NodeKind::Seed(_)));
        let tests = kinds(|kind| matches!(kind, NodeKind::Test(_)));
        if self.json {
            self.json_line(
                "begin",
                json!({"models": models, "seeds": seeds, "tests": tests, "threads": threads, "target": target}),
            );
            return;
        }
        let parts: Vec<String> = [(models, "model"), (seeds, "seed"), (tests, "data test")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, noun)| count(number, noun))
            .collect();
        self.note(&format!("{} on target `{target}`, {} at a time\n", parts.join(", "), threads));
    }

    /// Prints events until their sender is gone.
    pub(super) fn follow(&self, graph: &Arc<Graph>, plan: &RunPlan, receiver: UnboundedReceiver<Event>) -> Following {
        let follower = Follower::new(self, graph, plan.steps.len());
        Following { task: tokio::spawn(follower.run(receiver)) }
    }

    /// The tests that failed or warned, with the query to look into.
    pub(super) fn tests(&self, results: &[NodeResult], graph: &Graph, target_path: &str) {
        for result in results.iter().filter(|result| matches!(result.status, Status::Fail | Status::Warn)) {
            let node = graph.node(result.node);
            let (word, style) = match result.status {
                Status::Fail => ("failed", RED),
                _ => ("warned", YELLOW),
            };
            let head = self.paint(style, &format!("test {} {word}", node.name));
            let line = format!(
                "{head} ({}): {}\n  its query: {target_path}/compiled/{}",
                node.path,
                result.message,
                compiled_path(node, &graph.project_name).unwrap_or_default()
            );
            self.error_line(&line);
        }
    }

    /// The failures once more, whole, and the counts.
    pub(super) fn summary(&self, summary: &Summary, results: &[NodeResult], graph: &Graph, target_path: &str) {
        if self.json {
            self.json_line(
                "summary",
                json!({
                    "pass": summary.passed, "warn": summary.warned, "error": summary.failed, "skip": summary.skipped,
                    "total": results.len(), "elapsed": summary.elapsed.as_secs_f64(), "cancelled": summary.cancelled,
                }),
            );
            return;
        }
        let mut shown = Diagnostics::default();
        for result in results {
            shown.extend(result.diagnostics.clone());
        }
        if !shown.is_empty() {
            self.note("");
        }
        self.diagnostics(&shown);
        self.tests(results, graph, target_path);
        let built: Vec<String> = [(summary.models, "model"), (summary.seeds, "seed"), (summary.tests, "data test")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, noun)| count(number, noun))
            .collect();
        self.note(&format!("\nfinished {} in {:.2}s", built.join(", "), summary.elapsed.as_secs_f64()));
        let verdict = match (summary.cancelled, summary.failed) {
            (true, _) => self.paint(RED, "cancelled: what was committed stays, the rest was not touched"),
            (false, 0) if summary.warned > 0 => self.paint(YELLOW, "completed with warnings"),
            (false, 0) => self.paint(GREEN, "completed successfully"),
            (false, failed) => self.paint(RED, &format!("completed with {}", count(failed, "failure"))),
        };
        self.note(&format!(
            "{verdict}  PASS={} WARN={} ERROR={} SKIP={} TOTAL={}",
            summary.passed,
            summary.warned,
            summary.failed,
            summary.skipped,
            results.len()
        ));
    }
}

pub(super) fn planned(action: Action) -> &'static str {
    match action {
        Action::ReplaceTable => "create table",
        Action::Append => "append",
        Action::Merge => "merge",
        Action::DeleteInsert => "delete+insert",
        Action::InsertOverwrite => "insert_overwrite",
        Action::Send => "send",
        Action::CreateView => "create view",
        Action::LoadSeed => "load seed",
        Action::RunTest => "test",
    }
}

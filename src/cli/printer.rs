//! All that is said: progress on a terminal, plain lines in a pipe, JSON lines for machines.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::arguments::{Global, LogFormat};
use crate::diagnostic::{Diagnostics, Severity, count, render, render_json};
use crate::execution::{Event, NodeResult, Status};
use crate::graph::{Graph, Node, NodeKind};
use crate::plan::{Action, RunPlan};
use crate::storage::Progress;

/// How often a running model's line is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);
/// Where a run line's status stands.
const WIDTH: usize = 80;

const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();

#[derive(Debug, Clone)]
pub(super) struct Printer {
    quiet: bool,
    json: bool,
    coloured: bool,
    live: bool,
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
    pub(super) async fn finish(self) {
        // A printer that failed has nobody to tell.
        let _ = self.task.await;
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

    fn paint(&self, style: Style, text: &str) -> String {
        match self.coloured {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// A line of progress, to the error stream: what is asked for goes to the output.
    fn note(&self, line: &str) {
        if !self.quiet {
            self.error_line(line);
        }
    }

    fn error_line(&self, line: &str) {
        // Nothing can be said about a closed pipe.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// What a command was asked for; false when nobody reads it any more.
    pub(super) fn output(&self, text: &str) -> bool {
        writeln!(std::io::stdout().lock(), "{text}").is_ok()
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    pub(super) fn progress_line(&self, line: &str) {
        self.note(line);
    }

    fn json_line(&self, event: &str, mut value: Value) {
        if let Some(object) = value.as_object_mut() {
            object.insert("event".to_owned(), json!(event));
        }
        let _ = writeln!(std::io::stdout().lock(), "{value}");
    }

    /// Every diagnostic whole, and how many there were.
    pub(super) fn diagnostics(&self, found: &Diagnostics) {
        let mut errors = 0;
        for diagnostic in found.iter() {
            if diagnostic.severity == Severity::Error {
                errors += 1;
            } else if self.quiet {
                continue;
            }
            match self.json {
                true => self.json_line("diagnostic", render_json(diagnostic)),
                false => self.error_line(&format!("{}\n", render(diagnostic, self.coloured))),
            }
        }
        if errors > 1 && !self.json {
            self.error_line(&count(errors, "error"));
        }
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
        self.note(&format!("{}; nothing was run", count(plan.steps.len(), "step")));
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
        let follower = Follower {
            printer: self.clone(),
            graph: Arc::clone(graph),
            total: plan.steps.len(),
            bars: MultiProgress::new(),
            running: Vec::new(),
        };
        Following { task: tokio::spawn(follower.run(receiver)) }
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
                compiled_path(graph, node)
            );
            match result.status {
                Status::Fail => self.error_line(&line),
                _ => self.note(&line),
            }
        }
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

/// Where the artifacts keep a node's SQL.
fn compiled_path(graph: &Graph, node: &Node) -> String {
    match node.path.ends_with(".sql") {
        true => format!("{}/{}", graph.project_name, node.path),
        false => format!("{}/{}/{}.sql", graph.project_name, node.path, node.name),
    }
}

fn planned(action: Action) -> &'static str {
    match action {
        Action::ReplaceTable => "create table",
        Action::Append => "append",
        Action::Merge => "merge",
        Action::DeleteInsert => "delete+insert",
        Action::InsertOverwrite => "insert_overwrite",
        Action::CreateView => "create view",
        Action::LoadSeed => "load seed",
        Action::RunTest => "test",
    }
}

struct Follower {
    printer: Printer,
    graph: Arc<Graph>,
    total: usize,
    bars: MultiProgress,
    running: Vec<(usize, ProgressBar, Arc<Progress>, Instant)>,
}

impl Follower {
    async fn run(mut self, mut receiver: UnboundedReceiver<Event>) {
        let mut tick = tokio::time::interval(REDRAW);
        loop {
            tokio::select! {
                event = receiver.recv() => match event {
                    Some(event) => self.event(event),
                    None => break,
                },
                _ = tick.tick(), if self.printer.live => self.redraw(),
            }
        }
        for (_, bar, _, _) in &self.running {
            bar.finish_and_clear();
        }
    }

    fn redraw(&self) {
        for (_, bar, progress, began) in &self.running {
            let rows = progress.rows();
            let rows = if rows > 0 { format!("{} rows, ", grouped(rows)) } else { String::new() };
            bar.set_message(format!("{rows}{:.1}s", began.elapsed().as_secs_f64()));
        }
    }

    fn line(&self, line: &str) {
        match self.printer.live {
            // Above the live lines.
            true => {
                let _ = self.bars.println(line);
            }
            false => self.printer.note(line),
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Started { step, node, progress } => self.started(step, node, progress),
            Event::Finished { step, result } => self.finished(step, &result),
            Event::Warning(diagnostic) => match self.printer.json {
                true => self.printer.json_line("diagnostic", render_json(&diagnostic)),
                false => self.line(&render(&diagnostic, self.printer.coloured)),
            },
            Event::Log { message, info: true } => match self.printer.json {
                true => self.printer.json_line("log", json!({"message": message})),
                false => self.line(&message),
            },
            Event::Log { info: false, .. } => {}
        }
    }

    fn started(&mut self, step: usize, node: crate::graph::NodeId, progress: Arc<Progress>) {
        let node = self.graph.node(node);
        if self.printer.json {
            self.printer.json_line("start", json!({"unique_id": node.unique_id}));
            return;
        }
        if self.printer.live {
            let bar = self.bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix}  {msg:.dim}") {
                bar.set_style(style);
            }
            bar.set_prefix(described(node));
            bar.enable_steady_tick(REDRAW);
            self.running.push((step, bar, progress, Instant::now()));
            return;
        }
        self.line(&run_line(step, self.total, &format!("START {}", described(node)), "RUN", &self.printer, None));
    }

    fn finished(&mut self, step: usize, result: &NodeResult) {
        if let Some(at) = self.running.iter().position(|(running, _, _, _)| *running == step) {
            let (_, bar, _, _) = self.running.remove(at);
            bar.finish_and_clear();
        }
        let node = self.graph.node(result.node);
        let seconds = result.completed.duration_since(result.started).as_secs_f64();
        if self.printer.json {
            self.printer.json_line(
                "finish",
                json!({
                    "unique_id": node.unique_id, "status": result.status, "rows": result.rows, "rejected": result.rejected,
                    "version": result.version, "seconds": seconds, "message": result.message,
                    "diagnostics": result.diagnostics.iter().map(render_json).collect::<Vec<_>>(),
                }),
            );
            return;
        }
        let (word, style, outcome) = match result.status {
            Status::Success => ("OK", GREEN, success(result)),
            Status::Pass => ("PASS", GREEN, format!("PASS in {seconds:.2}s")),
            Status::Warn => ("WARN", YELLOW, format!("WARN {} in {seconds:.2}s", result.rows)),
            Status::Fail => ("FAIL", RED, format!("FAIL {} in {seconds:.2}s", result.rows)),
            Status::Error => ("ERROR", RED, format!("ERROR in {seconds:.2}s")),
            Status::Skipped => ("SKIP", YELLOW, "SKIP".to_owned()),
        };
        let outcome = match result.status {
            Status::Success => format!("{outcome} in {seconds:.2}s"),
            _ => outcome,
        };
        let why = if result.status == Status::Skipped { format!(": {}", result.message) } else { String::new() };
        self.line(&run_line(
            step,
            self.total,
            &format!("{word} {}{why}", described(node)),
            &outcome,
            &self.printer,
            Some(style),
        ));
        if result.rejected > 0 {
            let rejected = node.relation().map(|relation| relation.rejected().to_string()).unwrap_or_default();
            self.line(&self.printer.paint(
                YELLOW,
                &format!(
                    "       {} could not be decoded and went to `{rejected}`",
                    count(usize::try_from(result.rejected).unwrap_or(usize::MAX), "record")
                ),
            ));
        }
    }
}

fn success(result: &NodeResult) -> String {
    match result.action {
        Action::CreateView => "view".to_owned(),
        Action::Append | Action::Merge | Action::DeleteInsert | Action::InsertOverwrite => {
            format!("{} {}", planned(result.action), rows(result.rows))
        }
        Action::ReplaceTable | Action::LoadSeed | Action::RunTest => rows(result.rows),
    }
}

fn rows(number: u64) -> String {
    match number {
        1 => "1 row".to_owned(),
        many => format!("{} rows", grouped(many)),
    }
}

/// `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `table model gold.revenue`, `seed seeds.regions`, `test unique_orders_id`.
fn described(node: &Node) -> String {
    match &node.kind {
        NodeKind::Model(model) => format!("{} model {}", model.config.materialized, model.relation),
        NodeKind::Seed(seed) => format!("seed {}", seed.relation),
        NodeKind::Test(_) => format!("test {}", node.name),
        NodeKind::Source(source) => format!("source {}", source.name),
    }
}

/// `3 of 12 OK table model gold.revenue ............ [1,024 rows in 0.31s]`.
fn run_line(step: usize, total: usize, text: &str, status: &str, printer: &Printer, style: Option<Style>) -> String {
    let number = format!("{:>width$} of {total}", step + 1, width = total.to_string().len());
    let head = format!("{number} {text} ");
    let dots = ".".repeat(WIDTH.saturating_sub(head.chars().count()).max(2));
    let status = match style {
        Some(style) => printer.paint(style, status),
        None => status.to_owned(),
    };
    format!("{head}{dots} [{status}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}

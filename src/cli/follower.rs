//! What happens while a run goes on, printed as it comes: live lines on a terminal, plain ones in a pipe, JSON for machines.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anstyle::Style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::printer::{GREEN, Printer, RED, YELLOW, planned};
use crate::connectors::SourceProgress;
use crate::diagnostic::{count, render, render_json};
use crate::execution::{Event, NodeResult, Status};
use crate::graph::{Graph, Node, NodeId, NodeKind, TestKind};
use crate::plan::Action;
use crate::storage::Progress;

/// How often a running model's line is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);
/// Where a run line's status stands.
const WIDTH: usize = 80;

pub(super) struct Follower {
    printer: Printer,
    graph: Arc<Graph>,
    total: usize,
    bars: MultiProgress,
    running: Vec<Running>,
}

/// A step whose line is drawn.
struct Running {
    step: usize,
    node: NodeId,
    bar: ProgressBar,
    progress: Arc<Progress>,
    began: Instant,
    /// What it reads from outside.
    sources: Vec<(String, Arc<SourceProgress>)>,
}

impl Follower {
    pub(super) fn new(printer: &Printer, graph: &Arc<Graph>, total: usize) -> Self {
        Self {
            printer: printer.clone(),
            graph: Arc::clone(graph),
            total,
            bars: MultiProgress::new(),
            running: Vec::new(),
        }
    }

    /// Until the events' sender is gone.
    pub(super) async fn run(mut self, mut receiver: UnboundedReceiver<Event>) {
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
        for running in &self.running {
            running.bar.finish_and_clear();
        }
    }

    fn redraw(&self) {
        for running in &self.running {
            let rows = running.progress.rows();
            let rows = if rows > 0 { format!("{} rows, ", grouped(rows)) } else { String::new() };
            let sources: String = running.sources.iter().map(|(name, source)| read_so_far(name, source)).collect();
            running.bar.set_message(format!("{sources}{rows}{:.1}s", running.began.elapsed().as_secs_f64()));
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
            Event::Reading { node, source, progress } => {
                if let Some(running) = self.running.iter_mut().find(|running| running.node == node) {
                    running.sources.push((source, progress));
                }
            }
            Event::Finished { step, result } => self.finished(step, &result),
            Event::Warning(diagnostic) => match self.printer.json {
                true => self.printer.json_line("diagnostic", render_json(&diagnostic)),
                false => self.line(&render(&diagnostic, self.printer.coloured)),
            },
            Event::Log { message, info: true } => match self.printer.json {
                true => self.printer.json_line("log", json!({"message": message})),
                false => self.line(&message),
            },
            Event::Batch(_) | Event::Log { info: false, .. } => {}
        }
    }

    fn started(&mut self, step: usize, id: NodeId, progress: Arc<Progress>) {
        let node = self.graph.node(id);
        if self.printer.json {
            self.printer.json_line("start", json!({"unique_id": node.unique_id}));
            return;
        }
        if self.printer.live {
            let bar = self.bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix}  {msg:.dim}") {
                bar.set_style(style);
            }
            bar.set_prefix(described(&self.graph, node));
            bar.enable_steady_tick(REDRAW);
            let began = Instant::now();
            self.running.push(Running { step, node: id, bar, progress, began, sources: Vec::new() });
            return;
        }
        self.line(&run_line(
            step,
            self.total,
            &format!("START {}", described(&self.graph, node)),
            "RUN",
            &self.printer,
            None,
        ));
    }

    fn finished(&mut self, step: usize, result: &NodeResult) {
        if let Some(at) = self.running.iter().position(|running| running.step == step) {
            self.running.remove(at).bar.finish_and_clear();
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
            &format!("{word} {}{why}", described(&self.graph, node)),
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

/// `github.archive 12 of 48, 310 requests, 82.1 MB, 4,690 left, `.
fn read_so_far(name: &str, source: &SourceProgress) -> String {
    let items = format!("{} of {}", source.items.load(Relaxed), source.expected.load(Relaxed));
    let requests = source.requests.load(Relaxed);
    let sent = match requests {
        0 => String::new(),
        1 => "1 request, ".to_owned(),
        many => format!("{} requests, ", grouped(many)),
    };
    let bytes = source.bytes.load(Relaxed);
    let received = if bytes > 0 { format!("{}, ", indicatif::DecimalBytes(bytes)) } else { String::new() };
    let left = match u64::try_from(source.quota.load(Relaxed)) {
        Ok(left) => format!("{} left, ", grouped(left)),
        Err(_) => String::new(),
    };
    format!("{name} {items}, {sent}{received}{left}")
}

fn success(result: &NodeResult) -> String {
    match result.action {
        Action::CreateView => "view".to_owned(),
        Action::Append | Action::Merge | Action::DeleteInsert | Action::InsertOverwrite => {
            format!("{} {}", planned(result.action), rows(result.rows))
        }
        Action::Send => format!("sent {}", rows(result.rows)),
        Action::ReplaceTable | Action::LoadSeed | Action::RunTest => rows(result.rows),
    }
}

/// `1 row`, `12,345 rows`.
pub(super) fn rows(number: u64) -> String {
    match number {
        1 => "1 row".to_owned(),
        many => format!("{} rows", grouped(many)),
    }
}

/// `12,345`.
pub(super) fn grouped(number: u64) -> String {
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

/// `table model gold.revenue`, `seed seeds.regions`, `test unique of gold.orders.id`.
fn described(graph: &Graph, node: &Node) -> String {
    match &node.kind {
        NodeKind::Model(model) => format!("{} model {}", model.config.materialized, model.relation),
        NodeKind::Seed(seed) => format!("seed {}", seed.relation),
        NodeKind::Test(test) => match (&test.kind, test.attached) {
            (TestKind::Generic { test: kind, .. }, Some(attached)) => {
                let column = test.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
                format!("test {kind} of {}{column}", graph.node(attached).label())
            }
            _ => format!("test {}", node.name),
        },
        NodeKind::Source(source) => format!("source {}", source.name),
        NodeKind::Exposure(_) => format!("exposure {}", node.name),
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

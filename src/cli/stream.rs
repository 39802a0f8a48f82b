//! `stream` - connector models in micro-batches until asked to stop, and what lies below refreshed after them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::ending::watch_interrupts;
use super::follower::grouped;
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, count, render, render_json};
use crate::execution::{BatchTold, Event, StreamEnd, StreamRequest, Streams, Walk};
use crate::graph::NodeId;
use crate::invocation::{Invocation, Loaded, Settings, load_project, select, threads};
use crate::project::parse_duration;

/// How often a stream says how it does, where nobody watches.
const TELL: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct StreamArguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// Read what is there, refresh what lies below, and end
    #[arg(long)]
    once: bool,
    /// End in order after this time, as in `1h`
    #[arg(long, value_name = "TIME", value_parser = parse_length)]
    max_runtime: Option<Duration>,
}

fn parse_length(text: &str) -> Result<Duration, String> {
    let read = parse_duration(text).filter(|length| !length.is_zero());
    read.ok_or_else(|| "expected a length of time such as 90s, 30m or 1h".to_owned())
}

pub(super) fn run(arguments: &StreamArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    let selection = select(&loaded, &arguments.selection.selection())?;
    let streams = Streams::of(&loaded.graph, &selection);
    if streams.streams.is_empty() {
        let off = &loaded.graph.disabled;
        let off = (!off.is_empty()).then(|| format!("disabled, and not looked at: {}", off.join(", ")));
        return Err(Diagnostic::error(Code::Usage, "nothing that is selected is a stream")
            .note_opt(off)
            .note("a stream is an incremental or kafka model that reads a connector's source, or a topic by `ref()`")
            .hint("`engine source list` shows the sources; `engine run` builds models once")
            .into());
    }
    block_on(async {
        let (events, receiver) = mpsc::unbounded_channel();
        // Not the run's own token: the batch in hand is finished.
        let (stop, clock) = (CancellationToken::new(), settings.clock);
        let walk = Walk { threads: threads(&loaded.project, &settings), fail_fast: false };
        let invocation = Invocation::new(&loaded, settings, events, CancellationToken::new())?;
        let request =
            StreamRequest { once: arguments.once, max_runtime: arguments.max_runtime, walk, stop: stop.clone() };
        let interrupts = watch_interrupts(stop);
        begin(&loaded, &streams, printer);
        let printing = tokio::spawn(Status::new(printer, &loaded).run(receiver));
        let ended = invocation.stream(&streams, request).await;
        interrupts.abort();
        // Fails only if it panicked, which the runtime tells.
        let _ = printing.await;
        let ended = ended?;
        summary(&ended, clock.elapsed(), printer);
        Ok(if ended.failures.has_errors() { Exit::Failure } else { Exit::Success })
    })?
}

fn begin(loaded: &Loaded, streams: &Streams, printer: &Printer) {
    let label = |id: &NodeId| loaded.graph.node(*id).label();
    let names: Vec<String> = streams.streams.iter().map(label).collect();
    let target = &loaded.project.config.target.name;
    if printer.is_json() {
        let ids = |id: &NodeId| loaded.graph.node(*id).unique_id.clone();
        let streams: Vec<String> = streams.streams.iter().map(ids).collect();
        printer.json_line("begin", json!({"streams": streams, "target": target}));
        return;
    }
    let below = match streams.below.len() {
        0 => String::new(),
        many => format!("; {} below", count(many, "model")),
    };
    printer.note(&format!(
        "streaming {} on target `{target}`{below}; Ctrl-C stops after the batch in hand\n",
        names.join(", ")
    ));
}

fn summary(end: &StreamEnd, elapsed: Duration, printer: &Printer) {
    let seconds = elapsed.as_secs_f64();
    if printer.is_json() {
        printer.diagnostics(&end.failures);
        printer.json_line(
            "summary",
            json!({"rows": end.rows, "batches": end.batches, "refreshes": end.refreshes, "elapsed": seconds,
                   "failed": end.failures.has_errors()}),
        );
        return;
    }
    printer.note("");
    printer.diagnostics(&end.failures);
    let refreshes = count_of(end.refreshes, "refresh");
    printer.note(&format!(
        "streamed {} in {} over {seconds:.1}s; {refreshes}",
        count_of(end.rows, "row"),
        count_of(end.batches, "batch"),
    ));
}

fn count_of(number: u64, noun: &str) -> String {
    match (number, noun) {
        (1, noun) => format!("1 {noun}"),
        (many, "batch" | "refresh") => format!("{} {noun}es", grouped(many)),
        (many, noun) => format!("{} {noun}s", grouped(many)),
    }
}

/// What a stream has done since its last line.
struct Line {
    label: String,
    bar: Option<ProgressBar>,
    rows: u64,
    rejected: u64,
    batches: u64,
    since: Instant,
    last: Option<BatchTold>,
    was_told: bool,
}

/// The streams' lines: live ones on a terminal, one now and then in a pipe.
struct Status {
    printer: Printer,
    bars: MultiProgress,
    lines: HashMap<NodeId, Line>,
    labels: HashMap<NodeId, (String, String)>,
}

impl Status {
    fn new(printer: &Printer, loaded: &Loaded) -> Self {
        let graph = &loaded.graph;
        let labels = graph.ids().map(|id| (id, (graph.node(id).label(), graph.node(id).unique_id.clone()))).collect();
        Self { printer: printer.clone(), bars: MultiProgress::new(), lines: HashMap::new(), labels }
    }

    async fn run(mut self, mut receiver: UnboundedReceiver<Event>) {
        let mut tick = tokio::time::interval(TELL);
        tick.reset();
        loop {
            tokio::select! {
                event = receiver.recv() => match event {
                    Some(event) => self.event(event),
                    None => break,
                },
                _ = tick.tick() => self.tell_all(),
            }
        }
        self.tell_all();
        for line in self.lines.values() {
            if let Some(bar) = &line.bar {
                bar.finish();
            }
        }
    }

    fn print(&self, text: &str) {
        match self.printer.live {
            // Above the live lines.
            true => {
                let _ = self.bars.println(text);
            }
            false => self.printer.note(text),
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Batch(told) => self.batch(*told),
            Event::Warning(diagnostic) => match self.printer.is_json() {
                true => self.printer.json_line("diagnostic", render_json(&diagnostic)),
                false => self.print(&render(&diagnostic, self.printer.coloured)),
            },
            Event::Log { message, info: true } => match self.printer.is_json() {
                true => self.printer.json_line("log", json!({"message": message})),
                false => self.print(&message),
            },
            // The steps of a refresh, and of what is built before: told when they fail.
            Event::Started { .. } | Event::Reading { .. } | Event::Finished { .. } | Event::Log { info: false, .. } => {
            }
        }
    }

    fn batch(&mut self, told: BatchTold) {
        let (label, unique_id) = self.labels.get(&told.node).cloned().unwrap_or_default();
        if self.printer.is_json() {
            self.printer.json_line(
                "batch",
                json!({
                    "unique_id": unique_id, "rows": told.rows, "rejected": told.rejected, "bytes": told.bytes,
                    "version": told.version, "lag": told.lag, "seconds": told.elapsed.as_secs_f64(),
                }),
            );
            return;
        }
        let line = self.lines.entry(told.node).or_insert_with(|| Line {
            bar: self.printer.live.then(|| {
                let bar = self.bars.add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix}  {msg:.dim}") {
                    bar.set_style(style);
                }
                bar.set_prefix(label.clone());
                bar
            }),
            label,
            rows: 0,
            rejected: 0,
            batches: 0,
            since: Instant::now(),
            last: None,
            was_told: false,
        });
        line.rows += told.rows;
        line.rejected += told.rejected;
        line.batches += 1;
        line.last = Some(told);
        if let Some(bar) = &line.bar {
            bar.set_message(line.text());
            bar.tick();
        } else if !line.was_told {
            let node = line.last.as_ref().map(|last| last.node);
            self.tell(node);
        }
    }

    fn tell_all(&mut self) {
        let nodes: Vec<NodeId> = self.lines.keys().copied().collect();
        for node in nodes {
            self.tell(Some(node));
        }
    }

    /// A line of what came since the last one, if anything did.
    fn tell(&mut self, node: Option<NodeId>) {
        let Some(line) = node.and_then(|node| self.lines.get_mut(&node)) else { return };
        if line.batches == 0 {
            return;
        }
        let text = line.text();
        let label = line.label.clone();
        (line.rows, line.rejected, line.batches, line.since, line.was_told) = (0, 0, 0, Instant::now(), true);
        if line.bar.is_none() {
            self.printer.note(&format!("{label}  {text}"));
        }
    }
}

impl Line {
    /// `120 rows in 3 batches, 40 rows/s, lag 0, last batch 0.21s, version 12`.
    fn text(&self) -> String {
        let Some(last) = &self.last else { return String::new() };
        let seconds = match self.was_told {
            true => self.since.elapsed().as_secs_f64(),
            false => last.elapsed.as_secs_f64(),
        };
        #[expect(clippy::cast_precision_loss, reason = "a rate is read, not reckoned with")]
        let rate = self.rows as f64 / seconds.max(0.001);
        let lag = last.lag.map(|lag| format!(", lag {}", grouped(lag))).unwrap_or_default();
        let version = last.version.map(|version| format!(", version {version}")).unwrap_or_default();
        let rejected = match self.rejected {
            0 => String::new(),
            many => format!(", {} rejected", grouped(many)),
        };
        format!(
            "{} in {}{rejected}, {rate:.0} rows/s{lag}, last batch {:.2}s{version}",
            count_of(self.rows, "row"),
            count_of(self.batches, "batch"),
            last.elapsed.as_secs_f64()
        )
    }
}

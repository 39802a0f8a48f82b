//! `check` - every mistake that can be found without reading data.

use std::mem::ManuallyDrop;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, Severity, count, render_json};
use crate::execution::{Analysis, check_project};
use crate::graph::{Graph, NodeId};
use crate::invocation::{Invocation, Loaded, Settings, load_what_is_right, select};

/// Names in a note at most.
const NAMED: usize = 5;

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// One JSON object with all diagnostics
    Json,
    /// SARIF 2.1.0, which code hosts show beside the lines
    Sarif,
}

pub(super) fn run(arguments: &CheckArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let began = settings.clock;
    let format = arguments.format;
    // The program ends behind this: nobody needs a large project taken apart again.
    let loaded = match load_what_is_right(&settings) {
        Ok(loaded) => ManuallyDrop::new(loaded),
        Err(found) => {
            let exit = nothing_checked(format, &found.by_place(), began, printer);
            if format == Format::Text && !printer.is_json() {
                printer.note("note: nothing else was checked: what the project is made of is not known without this");
            }
            return Ok(exit);
        }
    };
    let wanted = arguments.selection.selection();
    let is_whole = wanted.select.is_empty() && wanted.exclude.is_empty();
    let is_whole = is_whole && !loaded.warnings.has_errors();
    let selection = match select(&loaded, &wanted) {
        Ok(selected) => selected,
        Err(found) => {
            let mut all = loaded.warnings.clone();
            // What is selected may be what is wrong.
            if !all.has_errors() {
                all.extend(found);
            }
            return Ok(nothing_checked(format, &all.by_place(), began, printer));
        }
    };
    let settings = offline(settings, &loaded);
    block_on(async {
        let (events, _receiver) = mpsc::unbounded_channel();
        let invocation = match Invocation::new(&loaded, settings, events, CancellationToken::new()) {
            Ok(invocation) => ManuallyDrop::new(invocation),
            Err(found) => {
                let all: Diagnostics = loaded.warnings.clone().into_iter().chain(found).collect();
                return Ok(nothing_checked(format, &all.by_place(), began, printer));
            }
        };
        let analysis = ManuallyDrop::new(check_project(&invocation.context, &selection, None).await);
        let mut found = loaded.warnings.clone();
        found.extend(analysis.found.clone());
        let found = found.by_place();
        let exit = if found.has_errors() { Exit::Wrong } else { Exit::Success };
        match format {
            Format::Text if !printer.is_json() => {
                printer.each(&found);
                let unread = if is_whole { analysis.unread(&invocation.context) } else { Vec::new() };
                notes(&analysis, &loaded.graph, &unread, printer);
                printer.note(&verdict(&analysis, &found, began));
            }
            Format::Text => printer.json_line("check", told(&analysis, &loaded.graph, began, &found)),
            Format::Json | Format::Sarif => {
                print(format, &found, &told(&analysis, &loaded.graph, began, &found), printer);
            }
        }
        Ok(exit)
    })?
}

/// The verdict when the project could not be read, or the selection names nothing.
fn nothing_checked(format: Format, found: &Diagnostics, began: Instant, printer: &Printer) -> Exit {
    match format {
        Format::Text => printer.diagnostics(found),
        Format::Json | Format::Sarif => {
            print(format, found, &told(&Analysis::default(), &Graph::default(), began, found), printer);
        }
    }
    Exit::Wrong
}

/// What lies behind a network is not looked at: a check needs no credentials.
pub(super) fn offline(settings: Settings, loaded: &Loaded) -> Settings {
    let target = &loaded.project.config.target.warehouse;
    let is_remote = target.contains("://") && !target.starts_with("file://");
    let nothing = loaded.project.root.join(&loaded.project.config.target_path).join("offline");
    Settings { warehouse: is_remote.then_some(nothing).or(settings.warehouse), ..settings }
}

fn told(analysis: &Analysis, graph: &Graph, began: Instant, found: &Diagnostics) -> Value {
    let unbound: Vec<&str> = analysis.unbound.iter().map(|id| graph.node(*id).unique_id.as_str()).collect();
    json!({
        "models": analysis.models,
        "tests": analysis.tests,
        "errors": found.errors(),
        "not_bound": unbound,
        "seconds": began.elapsed().as_secs_f64(),
        "diagnostics": found.iter().map(render_json).collect::<Vec<_>>(),
    })
}

fn print(format: Format, found: &Diagnostics, told: &Value, printer: &Printer) {
    match format {
        Format::Sarif => printer.output(&sarif(found).to_string()),
        Format::Text | Format::Json => printer.output(&told.to_string()),
    };
}

fn notes(analysis: &Analysis, graph: &Graph, unread: &[NodeId], printer: &Printer) {
    if !analysis.unbound.is_empty() {
        printer.note(&format!(
            "note: not checked, for what they read is known only in a run: {}",
            named(graph, &analysis.unbound)
        ));
    }
    let left_out = graph.left_out.iter().filter(|left_out| left_out.reads_wrong);
    let held_back = analysis.held_back.iter().map(|id| graph.node(*id).label());
    let held_back: Vec<String> = left_out.map(|left_out| left_out.relation.to_string()).chain(held_back).collect();
    if !held_back.is_empty() {
        printer.note(&format!("note: not checked, for what they read is wrong: {}", listed(&held_back)));
    }
    if !unread.is_empty() {
        printer.note(&format!("note: nothing reads {}", named(graph, unread)));
    }
}

fn named(graph: &Graph, ids: &[NodeId]) -> String {
    listed(&ids.iter().map(|id| graph.node(*id).label()).collect::<Vec<_>>())
}

/// The first of many.
pub(super) fn listed(names: &[String]) -> String {
    match names.split_at_checked(NAMED) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        Some(_) | None => names.join(", "),
    }
}

fn verdict(analysis: &Analysis, found: &Diagnostics, began: Instant) -> String {
    let looked = format!("{} and {}", count(analysis.models, "model"), count(analysis.tests, "data test"));
    let seconds = began.elapsed().as_secs_f64();
    format!("checked {looked} in {seconds:.2}s: {}", counted(found))
}

/// `no mistakes`, `2 errors and 1 warning`.
pub(super) fn counted(found: &Diagnostics) -> String {
    let number = |severity: Severity| found.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    match (number(Severity::Error), number(Severity::Warning)) {
        (0, 0) => "no mistakes".to_owned(),
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", count(errors, "error"), count(warnings, "warning")),
    }
}

/// The Static Analysis Results Interchange Format, version 2.1.0 (OASIS).
fn sarif(found: &Diagnostics) -> Value {
    let rules: Vec<Value> = Code::ALL.iter().map(|code| json!({"id": code.as_str()})).collect();
    let results: Vec<Value> = found.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "engine", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(diagnostic: &Diagnostic) -> Value {
    let mut text = diagnostic.message.clone();
    for more in diagnostic.notes.iter().chain(&diagnostic.hints) {
        text.push('\n');
        text.push_str(more);
    }
    let region_of = |label: &Label| {
        let (line, column) = label.span.source.line_column(label.span.range.start);
        let (end_line, end_column) = label.span.source.line_column(label.span.range.end);
        json!({"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column})
    };
    let region = diagnostic.label.as_deref().map(region_of);
    let related = diagnostic.secondary.iter().map(|label| {
        json!({
            "physicalLocation": {"artifactLocation": {"uri": label.span.source.path}, "region": region_of(label)},
            "message": {"text": label.text},
        })
    });
    let location = diagnostic.path().map(|path| {
        let mut place = json!({"artifactLocation": {"uri": path}});
        if let Some(region) = region {
            place["region"] = region;
        }
        json!({"physicalLocation": place})
    });
    json!({
        "ruleId": diagnostic.code.as_str(),
        "level": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": {"text": text},
        "locations": location.into_iter().collect::<Vec<_>>(),
        "relatedLocations": related.collect::<Vec<_>>(),
    })
}

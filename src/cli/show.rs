//! `show` - the first rows of a model or of a query, computed and not kept.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::follower::{grouped, rows};
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::execution::{Against, ColumnChange, Difference, difference, preview_node, preview_sql};
use crate::graph::{Materialized, Node, NodeKind};
use crate::invocation::{Invocation, Settings, load_project, select};

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The model, as an argument or by --select
    #[arg(value_name = "MODEL", conflicts_with = "inline")]
    model: Option<String>,
    #[command(flatten)]
    selection: SelectionArguments,
    /// SQL with Jinja to run instead
    #[arg(long, value_name = "SQL", conflicts_with_all = ["select", "exclude"])]
    inline: Option<String>,
    /// Rows at most; -1 for all
    #[arg(long, default_value_t = 5, allow_negative_numbers = true, value_name = "N")]
    limit: i64,
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// What differs from the table as it was last built, in place of the rows
    #[arg(long, conflicts_with = "inline")]
    diff: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

pub(super) fn run(arguments: &ShowArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    let limit = usize::try_from(arguments.limit).ok();
    let json = arguments.output == Output::Json || printer.is_json();
    let nodes = if arguments.inline.is_some() {
        Vec::new()
    } else {
        let mut selection = arguments.selection.selection();
        selection.select.extend(arguments.model.clone());
        if selection.select.is_empty() {
            return Err(Diagnostic::error(Code::Usage, "`show` needs to know what")
                .hint("name a model: engine show gold_orders; or give a query: engine show --inline 'select 1'")
                .into());
        }
        let selected = select(&loaded, &selection)?;
        selected
            .into_iter()
            .filter(|id| !matches!(loaded.graph.node(*id).kind, NodeKind::Test(_) | NodeKind::Exposure(_)))
            .collect()
    };
    block_on(async {
        let (events, _receiver) = mpsc::unbounded_channel();
        let invocation = Invocation::new(&loaded, settings, events, CancellationToken::new())?;
        let shown = |name: &str, preview: &crate::execution::Preview| match json {
            true => printer.output(&json!({"node": name, "show": preview.to_json()}).to_string()),
            false => printer.output(&preview.to_text()),
        };
        if let Some(inline) = &arguments.inline {
            let preview = preview_sql(&invocation.context, inline, limit).await?;
            shown("inline", &preview);
            return Ok(Exit::Success);
        }
        let many = nodes.len() > 1;
        for id in nodes {
            if arguments.diff {
                let found = difference(&invocation.context, id, Against::Table, limit).await?;
                if !told(printer, loaded.graph.node(id), found.as_ref(), json) {
                    break;
                }
                continue;
            }
            let preview = preview_node(&invocation.context, id, limit).await?;
            let label = loaded.graph.node(id).label();
            if many && !json {
                printer.progress_line(&format!("{label}:"));
            }
            if !shown(&loaded.graph.node(id).name, &preview) {
                break;
            }
        }
        Ok(Exit::Success)
    })?
}

/// Says what differs, or why nothing can be compared; false when nobody reads it any more.
fn told(printer: &Printer, node: &Node, found: Option<&Difference>, json: bool) -> bool {
    let label = node.label();
    let text = match found {
        _ if json => difference_json(&label, found).to_string(),
        Some(found) => difference_text(&label, found),
        None => {
            let materialized = node.as_model().map(|model| model.config.materialized);
            let why = match (materialized, &node.kind) {
                (Some(Materialized::View), _) => "a view keeps no rows",
                (Some(Materialized::Ephemeral), _) => "an ephemeral model keeps no rows",
                (Some(Materialized::Kafka), _) => "its rows went to a topic",
                (None, NodeKind::Source(_)) => "a source is not built",
                (Some(Materialized::Table | Materialized::Incremental) | None, _) => "it has not been built",
            };
            format!("{label}: there is nothing to compare with: {why}")
        }
    };
    printer.output(&text)
}

/// What became of a model's rows, for people.
pub(super) fn difference_text(label: &str, found: &Difference) -> String {
    let without = match found.left_out.as_slice() {
        [] => String::new(),
        columns => format!(" (without {})", columns.join(", ")),
    };
    if found.is_none() {
        return format!("{label}: {}, as before{without}", rows(found.rows));
    }
    let mut parts = Vec::new();
    for (number, word) in [(found.added, "added"), (found.removed, "removed"), (found.changed.unwrap_or(0), "changed")]
    {
        if number > 0 {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    parts.extend(found.columns.iter().map(column_text));
    let head = format!("{label}: {}: {}{without}", rows(found.rows), parts.join(", "));
    match found.first.is_empty() {
        true => head,
        false => format!("{head}\n{}", found.first.to_text()),
    }
}

fn column_text(change: &ColumnChange) -> String {
    let name = &change.name;
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("`{name}` was {before} and is {after}"),
        (None, _) => format!("`{name}` is new"),
        (Some(_), None) => format!("`{name}` is gone"),
    }
}

/// The same for machines.
pub(super) fn difference_json(label: &str, found: Option<&Difference>) -> Value {
    let Some(found) = found else { return json!({"relation": label, "before": null}) };
    let column = |change: &ColumnChange| json!({"column": change.name, "before": change.before, "after": change.after});
    json!({
        "relation": label, "rows": found.rows, "added": found.added, "removed": found.removed, "changed": found.changed,
        "columns": found.columns.iter().map(column).collect::<Vec<_>>(), "left_out": found.left_out,
        "first": found.first.to_json(),
    })
}

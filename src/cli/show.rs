//! `show` - the first rows of a model or of a query, computed and not kept.

use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::arguments::SelectionArguments;
use super::printer::Printer;
use super::{Exit, block_on};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::execution::{preview_node, preview_sql};
use crate::graph::NodeKind;
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
        selected.into_iter().filter(|id| !matches!(loaded.graph.node(*id).kind, NodeKind::Test(_))).collect()
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

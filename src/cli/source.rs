//! `source` - the project's sources: what there is, whether they answer, how far they were read.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::printer::Printer;
use super::run::parse_time;
use super::{Exit, block_on, probe};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, count};
use crate::execution::{self, Standing};
use crate::graph::{Graph, NodeId, NodeKind};
use crate::invocation::{Invocation, Loaded, Settings, load_project};
use crate::project::TableReader;

#[derive(Debug, Args)]
pub(super) struct SourceArguments {
    #[command(subcommand)]
    command: SourceCommand,
}

#[derive(Debug, Subcommand)]
enum SourceCommand {
    /// List the sources and the models that read them
    List,
    /// Ask each source once, and decode what it answers
    Check {
        /// Sources, as `github.archive`; default: all
        sources: Vec<String>,
    },
    /// Look at a URL once and print the YAML that reads it
    Probe(probe::ProbeArguments),
    /// Show how far each model has read each source
    Status,
    /// Set a model's position in a source back
    Reset(ResetArguments),
}

#[derive(Debug, Args)]
struct ResetArguments {
    /// The source, as `github.archive`
    source: String,
    /// The model, where several read the source
    #[arg(long)]
    model: Option<String>,
    /// Forget the windows from this time on only
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Timestamp>,
    /// Do it; without this the command says what it would do
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(arguments: &SourceArguments, settings: Settings, printer: &Printer) -> Result<Exit, Diagnostics> {
    if let SourceCommand::Probe(arguments) = &arguments.command {
        return probe::run(arguments, &settings, printer);
    }
    let loaded = load_project(&settings)?;
    printer.diagnostics(&loaded.warnings);
    if let SourceCommand::List = &arguments.command {
        list(&loaded.graph, printer);
        return Ok(Exit::Success);
    }
    block_on(async {
        let (events, _receiver) = mpsc::unbounded_channel();
        let invocation = Invocation::new(&loaded, settings, events, CancellationToken::new())?;
        match &arguments.command {
            SourceCommand::Check { sources } => check(&loaded, &invocation, sources, printer).await,
            SourceCommand::Status => {
                let standings = execution::standings(&invocation.context).await;
                status(&loaded.graph, &standings, printer);
                Ok(Exit::Success)
            }
            SourceCommand::Reset(arguments) => reset(&loaded, &invocation, arguments, printer).await,
            SourceCommand::List | SourceCommand::Probe(_) => Ok(Exit::Success),
        }
    })?
}

fn sources(graph: &Graph) -> Vec<(NodeId, String, &'static str)> {
    let kind = |reader: &TableReader| match reader {
        TableReader::Files(_) => "files",
        TableReader::Http(_) => "http",
        TableReader::Kafka(_) => "kafka",
        TableReader::Table { .. } => "table",
    };
    let mut found: Vec<_> = graph
        .ids()
        .filter_map(|id| match &graph.node(id).kind {
            NodeKind::Source(table) => Some((id, table.name.to_string(), kind(&table.reader))),
            // Its topic is a source for others.
            NodeKind::Model(model) => model.config.topic.is_some().then(|| (id, model.relation.to_string(), "topic")),
            NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => None,
        })
        .collect();
    found.sort_by(|left, right| left.1.cmp(&right.1));
    found
}

fn list(graph: &Graph, printer: &Printer) {
    let found = sources(graph);
    let width = found.iter().map(|(_, name, _)| name.len()).max().unwrap_or(0);
    for (id, name, kind) in found {
        let readers: Vec<String> = graph
            .children(id)
            .iter()
            .filter(|child| graph.node(**child).as_model().is_some())
            .map(|child| graph.node(*child).label())
            .collect();
        if printer.is_json() {
            printer.json_line("source", json!({"source": name, "connector": kind, "read_by": readers}));
            continue;
        }
        let readers = if readers.is_empty() { "nothing reads it".to_owned() } else { readers.join(", ") };
        printer.output(&format!("{name:<width$}  {kind:<5}  {readers}"));
    }
}

fn find(graph: &Graph, name: &str) -> Result<NodeId, Diagnostics> {
    let all = sources(graph);
    let bare = name.strip_prefix("source:").unwrap_or(name);
    all.iter().find(|(_, known, _)| known == bare).map(|(id, _, _)| *id).ok_or_else(|| {
        Diagnostic::error(Code::UnknownSource, format!("no source is named `{name}`"))
            .nearest(bare, all.iter().map(|(_, known, _)| known.as_str()))
            .into()
    })
}

async fn check(
    loaded: &Loaded,
    invocation: &Invocation,
    wanted: &[String],
    printer: &Printer,
) -> Result<Exit, Diagnostics> {
    let graph = &loaded.graph;
    let chosen: Vec<NodeId> = match wanted {
        [] => sources(graph).into_iter().map(|(id, _, _)| id).collect(),
        names => names.iter().map(|name| find(graph, name)).collect::<Result<_, _>>()?,
    };
    let mut exit = Exit::Success;
    for id in chosen {
        let name = graph.node(id).label();
        match execution::check(&invocation.context, id).await {
            Ok(None) => {
                printer.output(&format!("{name}: an existing table, read as it is"));
            }
            Ok(Some(checked)) => {
                let item = checked.item.as_deref().map_or_else(
                    || "nothing is there now".to_owned(),
                    |item| format!("{item}: {} decoded", count(checked.rows, "row")),
                );
                let rejected = match checked.first_error {
                    Some(error) => format!(", {} rejected; the first: {error}", count(checked.rejected, "record")),
                    None => String::new(),
                };
                if printer.is_json() {
                    let (rows, rejected) = (checked.rows, checked.rejected);
                    printer.json_line("check", json!({"source": name, "rows": rows, "rejected": rejected}));
                } else {
                    printer.output(&format!("{name}: {item}{rejected}"));
                }
            }
            Err(found) => {
                printer.output(&format!("{name}: does not answer as it should"));
                printer.diagnostics(&found);
                exit = Exit::Failure;
            }
        }
    }
    Ok(exit)
}

fn status(graph: &Graph, standings: &[Standing], printer: &Printer) {
    for standing in standings {
        let reader = standing.model.map_or_else(|| "nothing reads it".to_owned(), |id| graph.node(id).label());
        if printer.is_json() {
            printer.json_line(
                "status",
                json!({
                    "source": standing.source.to_string(), "connector": standing.connector, "model": reader,
                    "position": standing.position, "waiting": standing.waiting, "unit": standing.unit,
                    "rejected": standing.rejected, "newest": standing.newest.map(|at| at.to_string()),
                    "trouble": standing.trouble.as_ref().map(|trouble| trouble.message.clone()),
                }),
            );
            continue;
        }
        printer.output(&format!("{} -> {reader}", standing.source));
        let read = if standing.position.is_empty() { "nothing yet" } else { &standing.position };
        printer.output(&format!("  read      {read}"));
        match &standing.trouble {
            Some(trouble) => printer.output(&format!("  waiting   not known: {}", trouble.message)),
            None => printer.output(&format!("  waiting   {}", count(standing.waiting, standing.unit))),
        };
        if let Some(newest) = standing.newest {
            printer.output(&format!("  last read {newest}"));
        }
        if standing.rejected > 0 {
            printer.output(&format!(
                "  rejected  {}",
                count(usize::try_from(standing.rejected).unwrap_or(usize::MAX), "record")
            ));
        }
    }
}

async fn reset(
    loaded: &Loaded,
    invocation: &Invocation,
    arguments: &ResetArguments,
    printer: &Printer,
) -> Result<Exit, Diagnostics> {
    let graph = &loaded.graph;
    let source = find(graph, &arguments.source)?;
    let readers: Vec<NodeId> =
        graph.children(source).iter().copied().filter(|id| graph.node(*id).as_model().is_some()).collect();
    let names: Vec<&str> = readers.iter().map(|id| graph.node(*id).name.as_str()).collect();
    let wrong = |message: String| Diagnostic::error(Code::Usage, message);
    let model = match (&arguments.model, readers.as_slice()) {
        (None, [only]) => *only,
        (None, []) => return Err(wrong(format!("no model reads `{}`", arguments.source)).into()),
        (None, _) => {
            let several = wrong(format!("several models read `{}`", arguments.source));
            return Err(several.hint(format!("name one of them: --model {}", names[0])).into());
        }
        (Some(name), _) => match readers.iter().find(|id| graph.node(**id).name == *name) {
            Some(id) => *id,
            None => {
                let unknown = wrong(format!("`{name}` does not read `{}`", arguments.source));
                return Err(unknown.nearest(name, names.iter().copied()).into());
            }
        },
    };
    let dry = !arguments.yes;
    let (before, after) = execution::reset(&invocation.context, source, model, arguments.from, dry).await?;
    let label = graph.node(model).label();
    let told = |position: String| if position.is_empty() { "nothing".to_owned() } else { position };
    printer.output(&format!("{} -> {label}", arguments.source));
    printer.output(&format!("  {} read  {}", if dry { "has now   " } else { "had before" }, told(before)));
    printer.output(&format!("  {} read  {}", if dry { "would have" } else { "has now   " }, told(after)));
    printer
        .output("  its rows stay as they are; the next run reads again what was forgotten, and an `append` model then");
    printer.output(
        "  holds those rows twice. To read windows again in place of their rows: engine run --from ... --to ...",
    );
    if dry {
        printer.output("  nothing is changed; --yes does it");
    }
    Ok(Exit::Success)
}

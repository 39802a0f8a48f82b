//! Sources looked at by themselves: where each model stands in them, whether they answer, and setting a position back.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::Map;

use super::fault::{connector_diagnostic, storage_diagnostic};
use super::for_each::SourceQuery;
use super::session::StepSession;
use super::{Context, blocking};
use crate::connectors::{Connector, Spare, topic_source};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{NodeId, NodeKind};
use crate::names::{Relation, SourceName};
use crate::project::{SourceTable, TableReader};
use crate::storage::{Change, Positions, Removes, Staged, Table};

/// Where a model stands in a source.
#[derive(Debug)]
pub struct Standing {
    pub source: SourceName,
    pub connector: &'static str,
    /// The reader, if there is one.
    pub model: Option<NodeId>,
    /// In words; empty before anything was read.
    pub position: String,
    /// What can be read now, and what that is counted in.
    pub waiting: usize,
    pub unit: &'static str,
    /// Records put aside.
    pub rejected: u64,
    /// When rows last came in.
    pub newest: Option<Timestamp>,
    /// Why it cannot be said.
    pub trouble: Option<Diagnostic>,
}

/// What a look at a source found.
#[derive(Debug)]
pub struct Checked {
    pub item: Option<String>,
    pub rows: usize,
    pub rejected: usize,
    /// Of the first record that could not be decoded.
    pub first_error: Option<String>,
}

/// A node as a source's table: one that is declared, or the topic of a model that was built.
async fn declared(context: &Arc<Context>, id: NodeId) -> Option<SourceTable> {
    let node = context.graph.node(id);
    match &node.kind {
        NodeKind::Source(table) => Some(table.as_ref().clone()),
        NodeKind::Model(model) => {
            let topic = model.config.topic.as_ref()?;
            // One that cannot be opened is told by its own model.
            let table = context.warehouse.table(&model.relation).await.ok()??;
            let (source, name) = (model.relation.layer().to_owned(), model.relation.name().to_owned());
            Some(SourceTable {
                name: SourceName { source, table: name },
                description: node.description.clone(),
                source_description: String::new(),
                reader: TableReader::Kafka(Box::new(topic_source(topic, &table.schema()))),
                columns: Vec::new(),
                data_tests: Vec::new(),
                tags: node.tags.clone(),
                meta: Map::new(),
                config: Map::new(),
                place: topic.place.clone(),
            })
        }
        NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => None,
    }
}

fn open(context: &Arc<Context>, id: NodeId, table: &SourceTable) -> Result<Option<Arc<Connector>>, Diagnostic> {
    let opened = Connector::open(table, &context.around, SourceQuery::shared(context, id));
    opened.map_err(|error| connector_diagnostic(&error).else_at(table.place.clone(), "sources.yaml"))
}

/// The models that read a source and have a position in it.
fn readers(context: &Context, source: NodeId) -> Vec<NodeId> {
    let children = context.graph.children(source).iter().copied();
    children.filter(|id| context.graph.node(*id).as_model().is_some()).collect()
}

/// Every source with a connector, for each of its readers.
pub async fn standings(context: &Arc<Context>) -> Vec<Standing> {
    let mut standings = Vec::new();
    for id in context.graph.ids() {
        let Some(table) = declared(context, id).await else { continue };
        let table = &table;
        let connector = match open(context, id, table) {
            Ok(Some(connector)) => connector,
            Ok(None) => continue,
            Err(trouble) => {
                standings.push(Standing { trouble: Some(trouble), ..Standing::of(table, None, None) });
                continue;
            }
        };
        let models = readers(context, id);
        if models.is_empty() {
            standings.push(standing(context, table, &connector, None).await);
        }
        for model in models {
            standings.push(standing(context, table, &connector, Some(model)).await);
        }
    }
    standings
}

async fn standing(
    context: &Arc<Context>,
    table: &SourceTable,
    connector: &Arc<Connector>,
    model: Option<NodeId>,
) -> Standing {
    let mut standing = Standing::of(table, Some(connector), model);
    let looked = async {
        let mut positions = Positions::default();
        if let Some(relation) = model.and_then(|id| context.graph.node(id).relation()) {
            let built = context.warehouse.table(relation).await.map_err(|error| storage_diagnostic(&error))?;
            if let Some(built) = built {
                positions = of_table(context, &built, &table.name).await?;
                let is_topic =
                    model.and_then(|id| context.graph.node(id).as_model()).is_some_and(|m| m.config.topic.is_some());
                standing.newest = if is_topic { None } else { newest(context, relation).await };
            }
            standing.rejected = rejected(context, relation).await;
        }
        standing.position = connector.describe(&positions.items);
        let waiting = connector.waiting(&positions.items).await.map_err(|error| connector_diagnostic(&error))?;
        standing.waiting = waiting.items.len();
        Ok::<(), Diagnostic>(())
    };
    if let Err(trouble) = looked.await {
        standing.trouble = Some(trouble);
    }
    standing
}

impl Standing {
    fn of(table: &SourceTable, connector: Option<&Arc<Connector>>, model: Option<NodeId>) -> Self {
        Self {
            source: table.name.clone(),
            connector: match connector.map(AsRef::as_ref) {
                Some(Connector::Files(_)) => "files",
                Some(Connector::Http(_)) => "http",
                Some(Connector::Kafka(_)) => "kafka",
                None => "",
            },
            model,
            position: String::new(),
            waiting: 0,
            unit: connector.map_or("", |connector| connector.unit()),
            rejected: 0,
            newest: None,
            trouble: None,
        }
    }
}

async fn of_table(context: &Arc<Context>, table: &Table, source: &SourceName) -> Result<Positions, Diagnostic> {
    context.warehouse.positions(table, source).await.map_err(|error| storage_diagnostic(&error))
}

/// When rows last came in: the newest `ingested_at`, if the table keeps one.
async fn newest(context: &Arc<Context>, relation: &Relation) -> Option<Timestamp> {
    for column in ["ingested_at", "_ingested_at", "collection_timestamp"] {
        let found = number(context, &format!("select max(\"{column}\") from {}", relation.to_sql())).await;
        if let Some(micros) = found {
            return Timestamp::from_microsecond(micros).ok();
        }
    }
    None
}

async fn rejected(context: &Arc<Context>, relation: &Relation) -> u64 {
    let relation = relation.rejected();
    match context.warehouse.table(&relation).await {
        Ok(Some(_)) => {
            let found = number(context, &format!("select count(*) from {}", relation.to_sql())).await;
            found.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
        }
        Ok(None) | Err(_) => 0,
    }
}

/// The one number of a query, if it can be asked.
async fn number(context: &Arc<Context>, sql: &str) -> Option<i64> {
    let session = StepSession::new(context, None);
    let plan = session.plan(sql).await.ok()?;
    let mut stream = DataFrame::new(session.state().as_ref().clone(), plan).execute_stream().await.ok()?;
    let batch = stream.next().await?.ok()?;
    let column = cast(batch.column(0), &DataType::Int64).ok()?;
    let column = column.as_primitive::<Int64Type>();
    (!column.is_empty() && column.is_valid(0)).then(|| column.value(0))
}

/// Reads the first thing there is, without a table behind it.
pub async fn check(context: &Arc<Context>, source: NodeId) -> Result<Option<Checked>, Diagnostics> {
    let Some(table) = declared(context, source).await else { return Ok(None) };
    let Some(connector) = open(context, source, &table)? else { return Ok(None) };
    let place = |diagnostic: Diagnostic| diagnostic.else_at(table.place.clone(), "sources.yaml");
    let waiting = connector.waiting(&std::collections::BTreeMap::new()).await;
    let waiting = waiting.map_err(|error| place(connector_diagnostic(&error)))?;
    // The newest: the oldest may be from before anybody's time.
    let Some(item) = waiting.items.into_iter().next_back() else {
        return Ok(Some(Checked { item: None, rows: 0, rejected: 0, first_error: None }));
    };
    let columns: Vec<usize> = (0..connector.schema().fields().len()).collect();
    let mut checked = Checked { item: Some(item.name.clone()), rows: 0, rejected: 0, first_error: None };
    let read = blocking(move || {
        connector
            .read(&item, &columns, &mut Spare::default(), &mut |page| {
                checked.rows += page.batch.num_rows();
                checked.rejected += page.rejected.len();
                if checked.first_error.is_none() {
                    checked.first_error = page.rejected.first().map(|record| record.error.clone());
                }
                true
            })
            .map(|()| checked)
    });
    read.await.map(Some).map_err(|error| place(connector_diagnostic(&error)).into())
}

/// Forgets what a model has read of a source, from a time on or all of it. Its rows stay.
pub async fn reset(
    context: &Arc<Context>,
    source: NodeId,
    model: NodeId,
    from: Option<Timestamp>,
    dry: bool,
) -> Result<(String, String), Diagnostics> {
    let Some(declared) = declared(context, source).await else { return Ok(Default::default()) };
    let node = context.graph.node(model);
    let Some(connector) = open(context, source, &declared)? else {
        let message = format!("source `{}` is an existing table: it has no position", declared.name);
        return Err(Diagnostic::error(Code::Source, message).into());
    };
    let Some(relation) = node.relation() else { return Ok(Default::default()) };
    let failed = |error: &crate::storage::StorageError| Diagnostics::from(storage_diagnostic(error));
    let lock = context.warehouse.lock(relation).await.map_err(|error| failed(&error))?;
    let Some(table) = context.warehouse.table(relation).await.map_err(|error| failed(&error))? else {
        let message = format!("`{}` is not built: it has read nothing of `{}`", node.label(), declared.name);
        return Err(Diagnostic::error(Code::Source, message).into());
    };
    let positions = of_table(context, &table, &declared.name).await?;
    let kept = connector.set_back(&positions.items, from);
    let before = connector.describe(&positions.items);
    let after = connector.describe(&kept.iter().cloned().collect());
    if !dry {
        let staged = Staged::empty(relation, &table.schema(), &table.partition_columns());
        let change = Change {
            staged,
            rewritten: None,
            removes: Removes::None,
            describe: None,
            positions: positions.next_generation().advance(&declared.name, &kept),
            info: super::materialize::commit_info(context, &node.unique_id, "", Map::new()),
            mode: "reset",
            now_millis: context.started.as_millisecond(),
        };
        context.warehouse.commit(Some(&table), change).await.map_err(|error| failed(&error))?;
    }
    drop(lock);
    Ok((before, after))
}

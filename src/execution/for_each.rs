//! A source's `for_each`: the query whose rows say what the source is asked for.

use std::sync::{Arc, Weak};

use datafusion::error::DataFusionError;
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::compile::{World, json_value};
use super::session::{StepSession, output_schema};
use super::{Context, blocking, fault};
use crate::connectors::ForEach;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{NodeId, NodeKind, for_each_template};
use crate::names::SourceName;
use crate::project::{TableReader, Text};

/// Runs the query of one source in the project's warehouse.
pub(super) struct SourceQuery {
    context: Weak<Context>,
    source: NodeId,
}

impl SourceQuery {
    pub(super) fn shared(context: &Arc<Context>, source: NodeId) -> Arc<dyn ForEach> {
        Arc::new(Self { context: Arc::downgrade(context), source })
    }

    async fn run(&self, window: Timestamp) -> Result<Vec<Map<String, Value>>, Diagnostics> {
        let Some(context) = self.context.upgrade() else { return Ok(Vec::new()) };
        let node = context.graph.node(self.source);
        let NodeKind::Source(table) = &node.kind else { return Ok(Vec::new()) };
        let TableReader::Http(http) = &table.reader else { return Ok(Vec::new()) };
        let Some(text) = &http.for_each else { return Ok(Vec::new()) };
        let template = for_each_template(&node.unique_id, table, http, window);
        let world = World::shared(&context, Some(self.source), false);
        let (templates, place) = (Arc::clone(&context.templates), text.place.clone());
        let sql = blocking(move || templates.compile_at(&template, &world, &place)).await?;
        let session = StepSession::new(&context, Some(self.source));
        let rows = async {
            let plan = session.plan(&sql).await?;
            let names: Vec<String> = output_schema(&plan).fields().iter().map(|field| field.name().clone()).collect();
            let mut stream = DataFrame::new(session.state().as_ref().clone(), plan).execute_stream().await?;
            let mut rows = Vec::new();
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                rows.extend((0..batch.num_rows()).map(|row| {
                    let cells = names.iter().zip(batch.columns());
                    cells.map(|(name, column)| (name.clone(), json_value(column, row))).collect()
                }));
            }
            Ok(rows)
        };
        rows.await.map_err(|error: DataFusionError| failed(&table.name, text, &error).into())
    }
}

/// What is wrong with the query of a source.
pub(super) fn failed(source: &SourceName, text: &Text, error: &DataFusionError) -> Diagnostic {
    Diagnostic::error(Code::Sql, format!("the `for_each` query of source `{source}` failed"))
        .label(text.place.clone(), "this query")
        .note(fault::plain(error))
}

impl ForEach for SourceQuery {
    fn rows(&self, window: Timestamp) -> BoxFuture<'_, Result<Vec<Map<String, Value>>, Diagnostics>> {
        Box::pin(self.run(window))
    }
}

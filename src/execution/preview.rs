//! The first rows of a model or of a query, without writing anything.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use serde_json::{Map, Value};

use super::compile::{self, json_value};
use super::session::{StepSession, output_schema};
use super::{Context, fault};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText};
use crate::graph::{NodeId, NodeKind};
use crate::template::{Described, NodeTemplate};

/// Rows to be shown.
#[derive(Debug)]
pub struct Preview {
    columns: Vec<String>,
    batches: Vec<RecordBatch>,
}

impl Preview {
    pub(super) fn new(columns: Vec<String>, batches: Vec<RecordBatch>) -> Self {
        Self { columns, batches }
    }

    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// A table in text.
    pub fn to_text(&self) -> String {
        match self.batches.is_empty() {
            true => format!("(no rows) {}", self.columns.join(", ")),
            false => pretty_format_batches(&self.batches).map(|table| table.to_string()).unwrap_or_default(),
        }
    }

    /// One object a row.
    pub fn to_json(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            for row in 0..batch.num_rows() {
                let cells = self.columns.iter().zip(batch.columns());
                rows.push(Value::Object(
                    cells.map(|(name, column)| (name.clone(), json_value(column, row))).collect::<Map<String, Value>>(),
                ));
            }
        }
        rows
    }
}

/// The compiled SQL of a model or test; a seed is read as its table.
pub async fn compiled_sql(context: &Arc<Context>, id: NodeId) -> Result<String, Diagnostics> {
    let node = context.graph.node(id);
    match &node.kind {
        NodeKind::Model(model) => {
            let existing = context.warehouse.existing(std::slice::from_ref(&model.relation)).await;
            let existing = existing.map_err(|error| fault::storage_diagnostic(&error))?;
            let incremental = model.config.materialized == crate::graph::Materialized::Incremental
                && matches!(existing.get(&model.relation), Some(crate::names::Existing::Table { .. }))
                && !model.config.full_refresh.unwrap_or(context.full_refresh);
            let sql = compile::compile_node(context, id, incremental).await?;
            context.keep_compiled(id, &sql, incremental);
            Ok(sql)
        }
        NodeKind::Test(test) => {
            let config = crate::data_test::TestConfig::read(test, &node.name, &node.path, false)?;
            let sql = super::verify::failing_rows(context, id, node, test, &config).await?;
            context.keep_compiled(id, &sql, false);
            Ok(sql)
        }
        NodeKind::Seed(seed) => Ok(format!("select * from {}", seed.relation.to_sql())),
        NodeKind::Source(table) => Ok(format!(
            "select * from \"{}\".\"{}\".\"{}\"",
            super::session::SOURCE,
            table.name.source,
            table.name.table
        )),
        // Nothing is built of it.
        NodeKind::Exposure(_) => Ok(String::new()),
    }
}

/// The first `limit` rows of a node's SQL; all with `None`.
pub async fn preview_node(context: &Arc<Context>, id: NodeId, limit: Option<usize>) -> Result<Preview, Diagnostics> {
    // A model is shown as a whole, not as what an incremental run would add to its table.
    let sql = match &context.graph.node(id).kind {
        NodeKind::Model(_) => {
            let sql = compile::compile_node(context, id, false).await?;
            context.keep_compiled(id, &sql, false);
            sql
        }
        NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {
            compiled_sql(context, id).await?
        }
    };
    let session = StepSession::new(context, Some(id));
    match rows(&session, &sql, limit).await {
        Ok(preview) => Ok(preview),
        Err(error) => Err(fault::sql_fault(context, id, &sql, error, &session.missing()).await),
    }
}

/// The first rows of a query with Jinja in it, typed on the command line.
pub async fn preview_sql(context: &Arc<Context>, inline: &str, limit: Option<usize>) -> Result<Preview, Diagnostics> {
    let sql = compile_inline(context, inline).await?;
    let session = StepSession::new(context, None);
    rows(&session, &sql, limit).await.map_err(|error| {
        Diagnostic::error(Code::Sql, fault::plain(&error)).note(format!("the query is: {}", sql.trim())).into()
    })
}

/// Inline SQL with its Jinja rendered.
pub async fn compile_inline(context: &Arc<Context>, inline: &str) -> Result<String, Diagnostics> {
    let template = NodeTemplate {
        locals: Vec::new(),
        unique_id: format!("sql_operation.{}.inline", context.graph.project_name),
        name: "inline".to_owned(),
        source: SourceText::new("--inline", inline),
        this: None,
        config: Arc::default(),
        model: Described::default(),
    };
    compile::compile_template(context, None, template, false).await
}

async fn rows(
    session: &Arc<StepSession>,
    sql: &str,
    limit: Option<usize>,
) -> Result<Preview, datafusion::error::DataFusionError> {
    let plan = session.plan(sql).await?;
    let columns = output_schema(&plan).fields().iter().map(|field| field.name().clone()).collect();
    let mut frame = DataFrame::new(session.state().as_ref().clone(), plan);
    if let Some(limit) = limit {
        frame = frame.limit(0, Some(limit))?;
    }
    let mut stream = frame.execute_stream().await?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        if batch.num_rows() > 0 {
            batches.push(batch);
        }
    }
    Ok(Preview { columns, batches })
}

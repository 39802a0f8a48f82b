//! The second render: a template with the world behind it, and what it may ask of that world.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::session::{SOURCE, StepSession, output_schema};
use super::{Context, Event};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{Graph, NodeId, NodeKind};
use crate::names::{Existing, Relation, SourceName};
use crate::storage::shown_type;
use crate::template::{CompileContext, NodeTemplate, QueryRows, RelationKind};

/// The compiled SQL of a model or of a singular test.
pub(super) async fn compile_node(context: &Arc<Context>, id: NodeId, incremental: bool) -> Result<String, Diagnostics> {
    let template = match &context.graph.node(id).kind {
        NodeKind::Model(model) => model.template.clone(),
        NodeKind::Test(test) => test.template.clone(),
        NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => return Ok(String::new()),
    };
    compile_template(context, Some(id), template, incremental).await
}

/// Renders on a blocking thread: a template may run queries, and waits for them.
pub(super) async fn compile_template(
    context: &Arc<Context>,
    id: Option<NodeId>,
    template: NodeTemplate,
    incremental: bool,
) -> Result<String, Diagnostics> {
    let world = World::shared(context, id, incremental);
    let templates = Arc::clone(&context.templates);
    super::blocking(move || templates.compile(&template, &world)).await
}

/// What a template asks, answered for one node.
pub(super) struct World {
    context: Arc<Context>,
    node: Option<NodeId>,
    incremental: bool,
    /// Nobody hears what the template logs: it was rendered before.
    silent: bool,
    /// Set when it is asked for what cannot be known offline.
    asked: Option<Arc<AtomicBool>>,
    runtime: Handle,
}

impl World {
    pub(super) fn shared(context: &Arc<Context>, node: Option<NodeId>, incremental: bool) -> Arc<dyn CompileContext> {
        let context = Arc::clone(context);
        Arc::new(Self { context, node, incremental, silent: false, asked: None, runtime: Handle::current() })
    }

    /// For rendering once more what was rendered before.
    pub(super) fn silent(context: &Arc<Context>, node: Option<NodeId>, incremental: bool) -> Arc<dyn CompileContext> {
        let context = Arc::clone(context);
        Arc::new(Self { context, node, incremental, silent: true, asked: None, runtime: Handle::current() })
    }

    /// For a check: nothing is read, and nothing is said.
    pub(super) fn offline(
        context: &Arc<Context>,
        node: impl Into<Option<NodeId>>,
        incremental: bool,
        runtime: &Handle,
        asked: &Arc<AtomicBool>,
    ) -> Arc<dyn CompileContext> {
        let (context, asked) = (Arc::clone(context), Some(Arc::clone(asked)));
        Arc::new(Self { context, node: node.into(), incremental, silent: true, asked, runtime: runtime.clone() })
    }

    /// Notes that the answer would be a guess.
    fn ask(&self) {
        if let Some(asked) = &self.asked {
            asked.store(true, Ordering::Relaxed);
        }
    }

    fn graph(&self) -> &Graph {
        &self.context.graph
    }

    /// Whether a source is called so, and no table of the warehouse can be.
    fn is_source_alone(&self, relation: &Relation) -> bool {
        let source = SourceName { source: relation.layer().to_owned(), table: relation.name().to_owned() };
        self.graph().by_source(&source).is_some() && !self.context.project.config.layers.contains(&source.source)
    }

    fn fault(&self, message: String) -> Diagnostic {
        let diagnostic = Diagnostic::error(Code::Template, message);
        match self.node {
            Some(id) => diagnostic.in_file(self.graph().node(id).path.clone()),
            None => diagnostic,
        }
    }
}

impl CompileContext for World {
    fn resolve_ref(&self, _package: Option<&str>, name: &str) -> Result<Relation, Diagnostic> {
        let unknown = || {
            Diagnostic::error(Code::UnknownRef, format!("no model or seed named `{name}`"))
                .nearest(name, self.graph().ref_names())
        };
        let left_out = self.graph().left_out.iter().find(|left_out| left_out.relation.name() == name);
        if let Some(left_out) = left_out {
            self.ask();
            return Ok(left_out.relation.clone());
        }
        let target = self.graph().by_ref(name).ok_or_else(unknown)?;
        let relation = self.graph().node(target).relation().cloned().ok_or_else(unknown)?;
        if let Some(node) = self.node
            && target != node
            && !self.graph().parents(node).contains(&target)
        {
            return Err(Diagnostic::error(Code::LateRef, format!("`ref('{name}')` was not seen before the run"))
                .note("it stands where only the second render comes, so the graph does not know of it")
                .hint(format!("add a line to the model: -- depends_on: {{{{ ref('{name}') }}}}")));
        }
        Ok(relation)
    }

    fn resolve_source(&self, source: &str, table: &str) -> Result<String, Diagnostic> {
        Ok(format!("\"{SOURCE}\".\"{source}\".\"{table}\""))
    }

    fn is_incremental(&self) -> bool {
        self.incremental
    }

    fn started(&self) -> Option<Timestamp> {
        Some(self.context.started)
    }

    fn should_full_refresh(&self) -> bool {
        let configured =
            self.node.and_then(|id| self.graph().node(id).as_model()).and_then(|model| model.config.full_refresh);
        configured.unwrap_or(self.context.full_refresh)
    }

    fn run_query(&self, sql: &str) -> Result<QueryRows, Diagnostic> {
        if self.context.offline.is_some() {
            self.ask();
            return Ok(QueryRows::default());
        }
        let session = StepSession::new(&self.context, self.node);
        let rows = self.runtime.block_on(async {
            let plan = session.plan(sql).await?;
            let schema = output_schema(&plan);
            let frame = DataFrame::new(session.state().as_ref().clone(), plan);
            let mut stream = frame.execute_stream().await?;
            let mut rows = QueryRows {
                columns: schema
                    .fields()
                    .iter()
                    .map(|field| (field.name().clone(), shown_type(field.data_type())))
                    .collect(),
                rows: Vec::new(),
            };
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                for row in 0..batch.num_rows() {
                    rows.rows.push(batch.columns().iter().map(|column| json_value(column, row)).collect());
                }
            }
            Ok(rows)
        });
        rows.map_err(|error: datafusion::error::DataFusionError| {
            self.fault(format!("`run_query` failed: {}", super::fault::plain(&error)))
        })
    }

    fn relation_exists(&self, relation: &Relation) -> Option<RelationKind> {
        if self.context.offline.is_some() {
            self.ask();
            return None;
        }
        let found = self.runtime.block_on(self.context.warehouse.existing(std::slice::from_ref(relation))).ok()?;
        found.get(relation).map(|existing| match existing {
            Existing::Table { .. } => RelationKind::Table,
            Existing::View => RelationKind::View,
        })
    }

    fn columns_in(&self, relation: &Relation) -> Result<Vec<(String, String)>, Diagnostic> {
        if let Some(stubs) = &self.context.offline {
            let Some(schema) = stubs.columns(relation) else {
                if self.is_source_alone(relation) {
                    return Err(self.fault(format!("cannot look at `{relation}`: no table named `{relation}`")));
                }
                self.ask();
                return Ok(Vec::new());
            };
            let fields = schema.fields().iter();
            return Ok(fields.map(|field| (field.name().clone(), shown_type(field.data_type()))).collect());
        }
        let session = StepSession::new(&self.context, self.node);
        let sql = format!("select * from {}", relation.to_sql());
        let plan = self.runtime.block_on(session.plan(&sql));
        let plan =
            plan.map_err(|error| self.fault(format!("cannot look at `{relation}`: {}", super::fault::plain(&error))))?;
        let schema = output_schema(&plan);
        Ok(schema.fields().iter().map(|field| (field.name().clone(), shown_type(field.data_type()))).collect())
    }

    fn log(&self, message: &str, info: bool) {
        if self.silent {
            return;
        }
        self.context.send(Event::Log { message: message.to_owned(), info });
    }

    fn warn(&self, message: &str) {
        if self.silent {
            return;
        }
        let diagnostic = Diagnostic::warning(Code::Raised, message);
        self.context.send(Event::Warning(match self.node {
            Some(id) => diagnostic.in_file(self.graph().node(id).path.clone()),
            None => diagnostic,
        }));
    }
}

/// A cell as JSON; what JSON has no type for is text.
pub(super) fn json_value(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) || column.data_type() == &DataType::Null {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => json!(column.as_boolean().value(row)),
        kind if kind.is_integer() => match cast(&column.slice(row, 1), &DataType::Int64) {
            Ok(number) => json!(number.as_primitive::<Int64Type>().value(0)),
            Err(_) => text(column, row),
        },
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            match cast(&column.slice(row, 1), &DataType::Float64) {
                Ok(number) => json!(number.as_primitive::<Float64Type>().value(0)),
                Err(_) => text(column, row),
            }
        }
        _ => text(column, row),
    }
}

fn text(column: &ArrayRef, row: usize) -> Value {
    array_value_to_string(column, row).map_or(Value::Null, Value::String)
}

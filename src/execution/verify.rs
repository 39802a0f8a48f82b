//! A data test: its query counts failing rows, its config judges the count.

use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use serde_json::{Map, Value};

use super::compile::{self, World};
use super::session::{SOURCE, StepSession, output_schema};
use super::step::Outcome;
use super::{Context, Status, fault, materialize};
use crate::data_test::{self, TestConfig, Verdict};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{Node, NodeId, NodeKind, TestKind, TestNode};
use crate::names::{Relation, TEST_AUDIT};
use crate::storage::{Change, Description, Progress, Removes, StorageError, table_schema};

pub(super) async fn run(context: &Arc<Context>, id: NodeId, progress: &Arc<Progress>) -> Result<Outcome, Diagnostics> {
    let node = context.graph.node(id);
    let NodeKind::Test(test) = &node.kind else { return Ok(Outcome::default()) };
    let began = Instant::now();
    let config = TestConfig::read(test, &node.name, &node.path, context.store_failures)?;
    let failing_rows = failing_rows(context, id, node, test, &config).await?;
    context.keep_compiled(id, &failing_rows, false);
    let compile = began.elapsed();
    let session = StepSession::new(context, Some(id));
    let failures = match config.store_failures {
        true => store_failures(context, id, node, &session, &failing_rows, progress).await?,
        false => {
            // By itself first: the places of its mistakes are then those of the file.
            if let Err(error) = session.plan(&failing_rows).await {
                return Err(fault::sql_fault(context, id, &failing_rows, error, &session.missing()).await);
            }
            count(context, id, node, &session, &config.count_sql(&failing_rows)).await?
        }
    };
    let (status, message) = match config.verdict(failures) {
        Verdict::Pass => (Status::Pass, String::new()),
        Verdict::Warn { message, .. } => (Status::Warn, message),
        Verdict::Fail { message, .. } => (Status::Fail, message),
    };
    let rows = if status == Status::Pass { 0 } else { u64::try_from(failures).unwrap_or_default() };
    Ok(Outcome { rows, message, compile, status: Some(status), inputs: session.versions(), ..Outcome::default() })
}

/// The query that returns the failing rows.
pub(super) async fn failing_rows(
    context: &Arc<Context>,
    id: NodeId,
    node: &Node,
    test: &TestNode,
    config: &TestConfig,
) -> Result<String, Diagnostics> {
    let (name, arguments) = match &test.kind {
        // It becomes a part of the query that counts.
        TestKind::Singular => {
            let sql = compile::compile_node(context, id, false).await?;
            return Ok(sql.trim_end().trim_end_matches(';').to_owned());
        }
        TestKind::Generic { test, arguments } => (test, arguments),
    };
    let Some(attached) = test.attached else { return Ok(String::new()) };
    if context.templates.generic_test(name).is_some() {
        let world = World::shared(context, Some(id), false);
        let (templates, name, template) = (Arc::clone(&context.templates), name.clone(), test.template.clone());
        let arguments = custom_arguments(context, node, test).unwrap_or_default();
        let compile = move || templates.compile_generic_test(&name, &arguments, &template, &world);
        return super::blocking(compile).await.map_err(|found| called_from(test, found));
    }
    let to = parent_sql(context, id, test, arguments);
    let tested = config.tested(&relation_sql(context.graph.node(attached)));
    data_test::builtin_sql(name, &tested, arguments, &to).ok_or_else(|| {
        Diagnostics::from(
            Diagnostic::error(Code::UnknownTest, format!("no test named `{name}`")).in_file(node.path.clone()),
        )
    })
}

/// Mistakes in the template of a test of the project's own, with the place of its declaration.
pub(super) fn called_from(test: &TestNode, found: Diagnostics) -> Diagnostics {
    let Some(place) = &test.place else { return found };
    found
        .into_iter()
        .map(|mistake| match &mistake.label {
            Some(label) if label.span.source.path != place.source.path => {
                mistake.secondary(place.clone(), "called from here")
            }
            Some(_) => mistake,
            None => mistake.label(place.clone(), ""),
        })
        .collect()
}

/// What a generic test of the project's own is called with.
pub(super) fn custom_arguments(context: &Context, node: &Node, test: &TestNode) -> Option<Map<String, Value>> {
    let TestKind::Generic { arguments, .. } = &test.kind else { return None };
    let config = TestConfig::read(test, &node.name, &node.path, false).ok()?;
    let tested = config.tested(&relation_sql(context.graph.node(test.attached?)));
    let mut arguments = arguments.clone();
    arguments.insert("model".to_owned(), Value::String(tested));
    Some(arguments)
}

/// The parent of `relationships` in SQL.
pub(super) fn parent_sql(context: &Context, id: NodeId, test: &TestNode, arguments: &Map<String, Value>) -> String {
    let other = context.graph.parents(id).iter().find(|parent| Some(**parent) != test.attached).copied();
    match (arguments.get("to").and_then(Value::as_str), other.or(test.attached)) {
        (Some(text), _) if !text.contains('(') => text.to_owned(),
        (_, Some(parent)) => relation_sql(context.graph.node(parent)),
        (_, None) => String::new(),
    }
}

/// A node as a table in SQL.
pub(super) fn relation_sql(node: &Node) -> String {
    match &node.kind {
        NodeKind::Source(table) => format!("\"{SOURCE}\".\"{}\".\"{}\"", table.name.source, table.name.table),
        NodeKind::Model(model) => model.relation.to_sql(),
        NodeKind::Seed(seed) => seed.relation.to_sql(),
        NodeKind::Test(_) | NodeKind::Exposure(_) => String::new(),
    }
}

async fn count(
    context: &Arc<Context>,
    id: NodeId,
    node: &Node,
    session: &Arc<StepSession>,
    sql: &str,
) -> Result<i64, Diagnostics> {
    let counted = async {
        let plan = session.plan(sql).await?;
        let frame = DataFrame::new(session.state().as_ref().clone(), plan);
        let mut stream = frame.execute_stream().await?;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                let number = cast(batch.column(0), &DataType::Int64)?;
                return Ok(Some(if number.is_null(0) { 0 } else { number.as_primitive::<Int64Type>().value(0) }));
            }
        }
        Ok(None)
    };
    match counted.await {
        Ok(Some(failures)) => Ok(failures),
        Ok(None) => {
            Err(Diagnostic::error(Code::TestArguments, format!("`fail_calc` of test `{}` gives no row", node.name))
                .in_file(node.path.clone())
                .into())
        }
        Err(error) => Err(fault::sql_fault(context, id, sql, error, &session.missing()).await),
    }
}

/// Keeps the failing rows in `test_audit.<test>` and counts them.
async fn store_failures(
    context: &Arc<Context>,
    id: NodeId,
    node: &Node,
    session: &Arc<StepSession>,
    failing_rows: &str,
    progress: &Arc<Progress>,
) -> Result<i64, Diagnostics> {
    let relation = Relation::new(TEST_AUDIT, &node.name)
        .map_err(|error| Diagnostic::error(Code::InvalidName, error.to_string()).in_file(node.path.clone()))?;
    let state = session.state();
    let physical = match session.plan(failing_rows).await {
        Ok(plan) => state.create_physical_plan(&plan).await.map(|physical| (physical, output_schema(&plan))),
        Err(error) => Err(error),
    };
    let (physical, schema) = match physical {
        Ok(planned) => planned,
        Err(error) => return Err(fault::sql_fault(context, id, failing_rows, error, &session.missing()).await),
    };
    let warehouse = &context.warehouse;
    let stored = async {
        let _lock = warehouse.lock(&relation).await?;
        let base = warehouse.table(&relation).await?;
        let schema = table_schema(&relation, &schema)?;
        let staged = warehouse.stage(&relation, physical, &state.task_ctx(), &schema, &[], progress).await?;
        let rows = staged.rows;
        let description = Description {
            schema,
            partition_by: Vec::new(),
            comment: format!("failing rows of the test {}", node.name),
            column_comments: std::collections::BTreeMap::new(),
            properties: Vec::new(),
        };
        let change = Change {
            staged,
            rewritten: None,
            removes: Removes::All,
            describe: Some(description),
            positions: Vec::new(),
            info: materialize::commit_info(context, &node.unique_id, failing_rows, Map::new()),
            mode: "write",
            now_millis: context.started.as_millisecond(),
        };
        warehouse.commit(base.as_ref(), change).await?;
        Ok::<u64, StorageError>(rows)
    };
    match stored.await {
        Ok(rows) => Ok(i64::try_from(rows).unwrap_or(i64::MAX)),
        Err(error) => Err(fault::run_fault(context, id, failing_rows, error).await),
    }
}

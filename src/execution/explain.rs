//! How a model's query runs: its operators, with the rows and the time of each after a run that keeps nothing.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;

use super::session::StepSession;
use super::{Context, compile, fault};
use crate::diagnostic::Diagnostics;
use crate::graph::NodeId;

/// An operator of a plan that ran.
#[derive(Debug)]
pub struct Operator {
    /// How many operators lie above it.
    pub depth: usize,
    pub name: String,
    /// The name with what it does.
    pub text: String,
    pub rows: Option<usize>,
    /// Summed over its partitions, waiting for its input left out.
    pub compute: Option<Duration>,
    pub spilled: usize,
}

/// A query that ran.
#[derive(Debug)]
pub struct Explained {
    pub operators: Vec<Operator>,
    pub rows: u64,
    pub elapsed: Duration,
}

/// Runs the model's query as a whole and tells what each operator did.
pub async fn explain(context: &Arc<Context>, id: NodeId) -> Result<Explained, Diagnostics> {
    let sql = compile::compile_node(context, id, false).await?;
    context.keep_compiled(id, &sql, false);
    let session = StepSession::new(context, Some(id));
    let ran = async {
        let plan = session.plan(&sql).await?;
        let physical = session.state().create_physical_plan(&plan).await?;
        let began = Instant::now();
        let mut stream = execute_stream(Arc::clone(&physical), session.state().task_ctx())?;
        let mut rows = 0;
        while let Some(batch) = stream.next().await {
            rows += batch?.num_rows() as u64;
        }
        let mut operators = Vec::new();
        look(context, &physical, 0, &mut operators);
        Ok(Explained { operators, rows, elapsed: began.elapsed() })
    };
    match ran.await {
        Ok(explained) => Ok(explained),
        Err(error) => Err(fault::sql_fault(context, id, &sql, error, &session.missing()).await),
    }
}

fn look(context: &Context, plan: &Arc<dyn ExecutionPlan>, depth: usize, operators: &mut Vec<Operator>) {
    let metrics = plan.metrics();
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write!(text, "{}", DisplayableExecutionPlan::new(plan.as_ref()).one_line());
    let text = fault::below_warehouse(context, text.trim());
    operators.push(Operator {
        depth,
        name: plan.name().trim_end_matches("Exec").to_owned(),
        text: without_files(&text).unwrap_or(text),
        rows: metrics.as_ref().and_then(MetricsSet::output_rows),
        compute: metrics.as_ref().and_then(MetricsSet::elapsed_compute).map(|nanos| Duration::from_nanos(nanos as u64)),
        spilled: metrics.as_ref().and_then(MetricsSet::spilled_bytes).unwrap_or(0),
    });
    for child in plan.children() {
        look(context, child, depth + 1, operators);
    }
}

/// With the table that a scan reads in place of its first files, whose names say nothing and crowd out what does.
fn without_files(text: &str) -> Option<String> {
    let (before, rest) = text.split_once("file_groups={")?;
    let (groups, rest) = rest.split_once(": [[")?;
    let (paths, after) = rest.split_once("]}")?;
    let first = paths.split([',', ']', ':']).next()?;
    let (folder, _file) = first.rsplit_once('/')?;
    // A table's partitions are folders below its own.
    let table: Vec<&str> = folder.split('/').take_while(|part| !part.contains('=')).collect();
    Some(format!("{before}file_groups={{{groups} of {}}}{after}", table.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_told_by_its_table() {
        let told = |text: &str| without_files(text);
        assert_eq!(
            told("Scan: file_groups={1 group: [[gold/t/part-0.parquet]]}, projection=[id]").as_deref(),
            Some("Scan: file_groups={1 group of gold/t}, projection=[id]")
        );
        assert_eq!(
            told("Scan: file_groups={9 groups: [[gold/t/day=1/a.parquet:0..9, gold/t/day=2/b.parquet], [...], ...]}")
                .as_deref(),
            Some("Scan: file_groups={9 groups of gold/t}")
        );
        assert_eq!(told("FilterExec: id@0 > 1"), None);
    }
}

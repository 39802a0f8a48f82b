//! `run_results.json`, version 6: what became of the nodes of an invocation.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Header, time};
use crate::graph::{Graph, Materialized, Node, NodeId, NodeKind};
use crate::names::Relation;

/// What became of one node.
#[derive(Debug, Clone)]
pub struct ResultEntry<'a> {
    pub node: NodeId,
    /// `success`, `error` or `skipped`; of a test also `pass`, `warn` or `fail`.
    pub status: &'a str,
    pub started: Timestamp,
    pub compile_ended: Timestamp,
    pub completed: Timestamp,
    /// Counted from one.
    pub thread: usize,
    pub rows: u64,
    /// Of the table that was written.
    pub version: Option<u64>,
    pub message: &'a str,
    /// Failing rows of a test.
    pub failures: Option<u64>,
    /// Records that a source could not decode.
    pub rejected: u64,
    pub diagnostics: Vec<Value>,
}

/// `elapsed` is in seconds; `compiled` holds the SQL of the nodes that were compiled.
pub fn run_results(
    graph: &Graph,
    compiled: &HashMap<NodeId, String>,
    results: &[ResultEntry<'_>],
    elapsed: f64,
    header: &Header<'_>,
) -> Value {
    let results: Vec<Value> =
        results.iter().map(|result| result.entry(graph.node(result.node), compiled.get(&result.node))).collect();
    json!({
        "metadata": header.metadata("run-results/v6"),
        "results": results,
        "elapsed_time": elapsed,
        "args": header.args,
    })
}

impl ResultEntry<'_> {
    fn entry(&self, node: &Node, sql: Option<&String>) -> Value {
        let has_sql = match &node.kind {
            NodeKind::Model(_) | NodeKind::Test(_) => true,
            NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => false,
        };
        json!({
            "status": self.status,
            "timing": self.timing(),
            "thread_id": format!("Thread-{} (worker)", self.thread),
            "execution_time": seconds(self.started, self.completed),
            "adapter_response": self.response(),
            "message": (!self.message.is_empty()).then_some(self.message),
            "failures": self.failures,
            "unique_id": node.unique_id,
            "compiled": has_sql.then_some(sql.is_some()),
            "compiled_code": sql,
            "relation_name": relation(node).map(Relation::to_sql),
            "batch_results": null,
        })
    }

    fn is_skipped(&self) -> bool {
        self.status == "skipped"
    }

    fn timing(&self) -> Value {
        if self.is_skipped() {
            return json!([]);
        }
        let phase = |name: &str, from, to| json!({"name": name, "started_at": time(from), "completed_at": time(to)});
        json!([
            phase("compile", self.started, self.compile_ended),
            phase("execute", self.compile_ended, self.completed),
        ])
    }

    /// Open to anything, so what dbt has no key for is told here.
    fn response(&self) -> Map<String, Value> {
        let mut response = Map::new();
        if self.is_skipped() {
            return response;
        }
        let code = self.status.to_uppercase();
        let message = if self.message.is_empty() { format!("{code} {}", self.rows) } else { self.message.to_owned() };
        response.insert("_message".to_owned(), json!(message));
        response.insert("code".to_owned(), json!(code));
        response.insert("rows_affected".to_owned(), json!(self.rows));
        if let Some(version) = self.version {
            response.insert("version".to_owned(), json!(version));
        }
        if self.rejected > 0 {
            response.insert("rejected".to_owned(), json!(self.rejected));
        }
        if !self.diagnostics.is_empty() {
            response.insert("diagnostics".to_owned(), json!(self.diagnostics));
        }
        response
    }
}

/// What was built; nothing is built of an ephemeral model.
fn relation(node: &Node) -> Option<&Relation> {
    let is_ephemeral = node.as_model().is_some_and(|model| model.config.materialized == Materialized::Ephemeral);
    node.relation().filter(|_| !is_ephemeral)
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

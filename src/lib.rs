//! A SQL-first transformation engine: a folder of Jinja-templated SQL becomes Delta tables, in one process.
//!
//! Modules in the order of their layers, the lowest last; a module may use those after it, never one before it.
//! `ARCHITECTURE.md` tells the whole story, and `tests/it/architecture.rs` holds it to its word.


pub mod cli;
pub mod invocation;
pub mod artifact { use std::collections::*; use crate::graph::*; use serde_json::Value;
pub struct ResultEntry<'a> { pub node: NodeId, pub status: &'a str, pub started: jiff::Timestamp, pub compile_ended: jiff::Timestamp, pub completed: jiff::Timestamp, pub thread: usize, pub rows: u64, pub version: Option<u64>, pub message: &'a str, pub failures: Option<u64>, pub rejected: u64, pub diagnostics: Vec<Value> }
pub struct Header<'a> { pub invocation_id: &'a str, pub generated_at: jiff::Timestamp, pub started_at: jiff::Timestamp, pub env: BTreeMap<String,String>, pub args: Value }
pub fn manifest(_: &crate::project::Project, _: &Graph, _: &HashMap<NodeId,String>, _:&Header<'_>) -> Value { Value::Null }
pub fn run_results(_: &Graph, _: &HashMap<NodeId,String>, _:&[ResultEntry<'_>], _:f64, _:&Header<'_>) -> Value { Value::Null }
pub fn write(_: &std::path::Path, _:&str, _:&Value) -> std::io::Result<()> {Ok(())}
pub fn write_compiled(_: &std::path::Path, _: &Graph, _: &HashMap<NodeId,String>) -> std::io::Result<()> {Ok(())}
}
pub mod execution;

pub mod connectors;
pub mod functions;
pub mod storage;

pub mod location;

pub mod plan;

pub mod data_test;
pub mod graph;
pub mod template;

pub mod project;

pub mod diagnostic;
pub mod names;

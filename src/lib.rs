//! A SQL-first transformation engine: a folder of Jinja-templated SQL becomes Delta tables, in one process.
//!
//! Modules in the order of their layers, the lowest last; a module may use those after it, never one before it.
//! `ARCHITECTURE.md` tells the whole story, and `tests/it/architecture.rs` holds it to its word.

pub mod cli;

pub mod invocation;

pub mod artifact;
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

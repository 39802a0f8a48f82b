//! What the second pass asks of the world: where things are, and what a query returns.

use jiff::Timestamp;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::names::Relation;

/// Answers a template's questions while it renders for a run. All of it may block.
pub trait CompileContext: Send + Sync {
    /// The relation `ref()` stands for; an ephemeral model's too.
    fn resolve_ref(&self, package: Option<&str>, name: &str) -> Result<Relation, Diagnostic>;
    /// The SQL text of a source's table.
    fn resolve_source(&self, source: &str, table: &str) -> Result<String, Diagnostic>;
    fn is_incremental(&self) -> bool;
    /// When what is rendered for began, if that is not when the invocation did: a batch of a stream.
    fn started(&self) -> Option<Timestamp> {
        None
    }
    fn should_full_refresh(&self) -> bool;
    fn run_query(&self, sql: &str) -> Result<QueryRows, Diagnostic>;
    /// What lies under this name now, if anything.
    fn relation_exists(&self, relation: &Relation) -> Option<RelationKind>;
    /// Names and types of its columns.
    fn columns_in(&self, relation: &Relation) -> Result<Vec<(String, String)>, Diagnostic>;
    /// `log()` and `print()`; `info` is for the user, the rest for the debug log.
    fn log(&self, message: &str, info: bool);
    /// `exceptions.warn()`.
    fn warn(&self, message: &str);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    View,
}

/// The rows of a query a template ran.
#[derive(Debug, Clone, Default)]
pub struct QueryRows {
    /// Names and types.
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Vec<Value>>,
}

//! What went wrong while a step ran, turned into a diagnostic: the one place where the world's errors meet the user's text.
//!
//! `DataFusion` gives a place in the compiled SQL for most mistakes; the template's source map leads from there to the line
//! the user wrote. Where it gives only a message, its first words tell the kind.

use std::error::Error;
use std::sync::Arc;

use datafusion::common::{SchemaError, Span as SqlSpan};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use super::Context;
use super::compile::World;
use crate::connectors::ConnectorError;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::graph::{NodeId, NodeKind};
use crate::names::Relation;
use crate::storage::StorageError;

/// An error of ours on its way through `DataFusion`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("`{relation}` has not been built")]
    NotBuilt { relation: Relation, name: String },
    #[error("a view it reads is wrong")]
    Diagnosed(Diagnostics),
}

impl From<Fault> for DataFusionError {
    fn from(fault: Fault) -> Self {
        Self::External(Box::new(fault))
    }
}

/// A planning error as diagnostics in the node's template.
pub(super) async fn sql_fault(
    context: &Arc<Context>,
    id: NodeId,
    sql: &str,
    error: DataFusionError,
    missing: &[String],
) -> Diagnostics {
    let place = Place { context, id, sql };
    let mut found = Diagnostics::default();
    for one in error.iter() {
        found.extend(place.diagnose(one, missing).await);
    }
    found
}

/// An error of running a step: of the storage, a connector, or the query on its data.
pub(super) async fn run_fault(context: &Arc<Context>, id: NodeId, sql: &str, error: StorageError) -> Diagnostics {
    if let StorageError::Write { source, .. } = &error
        && source_of::<StorageError>(source).is_none()
        && source_of::<ConnectorError>(source).is_none()
        && !is_on_data(source)
    {
        let StorageError::Write { source, .. } = error else { return Diagnostics::default() };
        return sql_fault(context, id, sql, source, &[]).await;
    }
    let place = Place { context, id, sql };
    Diagnostics::from(storage_diagnostic(&error).in_file(place.path()))
}

/// Errors that come from rows, not from the SQL's text.
fn is_on_data(error: &DataFusionError) -> bool {
    matches!(
        error.find_root(),
        DataFusionError::ArrowError(_, _)
            | DataFusionError::Execution(_)
            | DataFusionError::ResourcesExhausted(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_)
            | DataFusionError::ParquetError(_)
            | DataFusionError::External(_)
    )
}

/// A source error of type `T` anywhere below.
fn source_of<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        next = match current.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            _ => current.source(),
        };
    }
    None
}

struct Place<'a> {
    context: &'a Arc<Context>,
    id: NodeId,
    sql: &'a str,
}

impl Place<'_> {
    fn path(&self) -> String {
        self.context.graph.node(self.id).path.clone()
    }

    async fn diagnose(&self, error: &DataFusionError, missing: &[String]) -> Diagnostics {
        if let Some(fault) = source_of::<Fault>(error) {
            return match fault {
                Fault::Diagnosed(found) => found.clone(),
                Fault::NotBuilt { relation, name } => {
                    let span = self.reference(name).await;
                    Diagnostics::from(
                        Diagnostic::error(Code::UnknownTable, format!("`{relation}` has not been built yet"))
                            .label_or_file(span, "", &self.path())
                            .hint(format!(
                                "build it first: `engine run --select +{}`",
                                self.context.graph.node(self.id).name
                            )),
                    )
                }
            };
        }
        if let Some(storage) = source_of::<StorageError>(error) {
            return Diagnostics::from(storage_diagnostic(storage).in_file(self.path()));
        }
        if let Some(connector) = source_of::<ConnectorError>(error) {
            return Diagnostics::from(connector_diagnostic(connector).in_file(self.path()));
        }
        let (described, sql_span) = describe(error, missing, &self.context.function_names());
        let span = match sql_span.or_else(|| self.find_word(&described)) {
            Some(range) => self.in_template(range).await,
            None => None,
        };
        let mut diagnostic =
            Diagnostic::error(described.code, described.message).label_or_file(span, described.label, &self.path());
        for note in described.notes {
            diagnostic = diagnostic.note(note);
        }
        for hint in described.hints {
            diagnostic = diagnostic.hint(hint);
        }
        diagnostic.into()
    }

    /// The only place where a word stands in the SQL, when the error names one and has no place itself.
    fn find_word(&self, described: &Described) -> Option<SqlRange> {
        let word = described.word.as_deref()?;
        let mut places = word_places(self.sql, word);
        let first = places.next()?;
        Some(SqlRange::Bytes(first..first + word.len()))
    }

    /// Where a template mentions a model.
    async fn reference(&self, name: &str) -> Option<Span> {
        let source = self.context.graph.node(self.id).source_text()?;
        Span::find(source, &format!("'{name}'")).or_else(|| Span::find(source, &format!("\"{name}\"")))
    }

    async fn in_template(&self, range: SqlRange) -> Option<Span> {
        let node = self.context.graph.node(self.id);
        let template = match &node.kind {
            NodeKind::Model(model) => model.template.clone(),
            NodeKind::Test(test) => test.template.clone(),
            NodeKind::Seed(_) | NodeKind::Source(_) => return None,
        };
        let compiled = SourceText::new("compiled", self.sql);
        let bytes = match range {
            SqlRange::Bytes(bytes) => bytes,
            SqlRange::Lines(span) => {
                let offset = |line: u64, column: u64| {
                    compiled.offset(usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1))
                };
                let start = offset(span.start.line, span.start.column);
                let end = offset(span.end.line, span.end.column).max(start);
                match end > start {
                    true => start..end,
                    false => {
                        Span::word_at(
                            &compiled,
                            usize::try_from(span.start.line).unwrap_or(1),
                            usize::try_from(span.start.column).unwrap_or(1),
                        )
                        .range
                    }
                }
            }
        };
        let world = World::shared(self.context, Some(self.id), self.context.compiled_incremental(self.id));
        let templates = Arc::clone(&self.context.templates);
        super::blocking(move || templates.source_map(&template, &world).and_then(|map| map.span(bytes))).await
    }
}

/// A place in the compiled SQL.
#[derive(Debug, Clone)]
enum SqlRange {
    Lines(SqlSpan),
    Bytes(std::ops::Range<usize>),
}

/// A planning error in our words.
struct Described {
    code: Code,
    message: String,
    label: String,
    notes: Vec<String>,
    hints: Vec<String>,
    /// A word of the SQL that the error is about.
    word: Option<String>,
}

impl Described {
    fn new(code: Code, message: String) -> Self {
        Self { code, message, label: String::new(), notes: Vec::new(), hints: Vec::new(), word: None }
    }
}

fn describe(error: &DataFusionError, missing: &[String], functions: &[String]) -> (Described, Option<SqlRange>) {
    let told = error.diagnostic();
    let span = told.and_then(|told| told.span).map(SqlRange::Lines);
    let root = error.find_root();
    let described = match root {
        DataFusionError::SchemaError(schema_error, _) => schema_mistake(schema_error),
        DataFusionError::SQL(parser_error, _) => return syntax_mistake(parser_error),
        other => text_mistake(&plain(other), missing, functions),
    };
    let mut described = described;
    if let Some(told) = told {
        described.notes.extend(told.notes.iter().map(|note| lower_first(&note.message)));
        if described.hints.is_empty() {
            described.hints.extend(told.helps.iter().map(|help| lower_first(&help.message)));
        }
    }
    (described, span)
}

fn schema_mistake(error: &SchemaError) -> Described {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let message = match &field.relation {
                Some(table) => format!("`{}` has no column `{}`", table.table(), field.name),
                None => format!("no column named `{}`", field.name),
            };
            let mut names: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let near = crate::names::nearest(&field.name, names.iter().copied());
            let mut described = Described::new(Code::UnknownColumn, message);
            described.word = Some(field.name.clone());
            if !near.is_empty() {
                described.hints.push(format!("did you mean {}?", crate::diagnostic::or_list(&near)));
            } else if !names.is_empty() && names.len() <= 12 {
                described.notes.push(format!(
                    "there are {}",
                    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                ));
            }
            described
        }
        SchemaError::AmbiguousReference { field } => {
            let mut described = Described::new(
                Code::AmbiguousColumn,
                format!("column `{}` is in more than one of the tables", field.name),
            );
            described.hints.push(format!("say which: `<table>.{}`", field.name));
            described.word = Some(field.name.clone());
            described
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            let mut described = Described::new(Code::AmbiguousColumn, format!("two columns are called `{name}`"));
            described.hints.push("give one of them another name with `as`".to_owned());
            described.word = Some(name.clone());
            described
        }
    }
}

/// sqlparser puts the place into its text: `... at Line: 2, Column: 8`.
fn syntax_mistake(error: &ParserError) -> (Described, Option<SqlRange>) {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "the query is nested too deeply",
    };
    let (message, place) = match text.rsplit_once(" at Line: ") {
        Some((message, place)) => (message, place.split_once(", Column: ")),
        None => (text, None),
    };
    let location = place.and_then(|(line, column)| {
        Some(datafusion::common::Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    let message = message.trim_start_matches("sql parser error: ");
    let range = location.map(|location| SqlRange::Lines(SqlSpan { start: location, end: location }));
    (Described::new(Code::SqlSyntax, format!("SQL syntax: {}", lower_first(message))), range)
}

/// Errors that `DataFusion` gives as text only.
fn text_mistake(text: &str, missing: &[String], functions: &[String]) -> Described {
    if let Some(name) = text.strip_prefix("Invalid function '").and_then(|rest| rest.split('\'').next()) {
        let mut described = Described::new(Code::UnknownFunction, format!("no function named `{name}`"));
        let near = crate::names::nearest(name, functions.iter().map(String::as_str));
        if !near.is_empty() {
            described.hints.push(format!("did you mean {}?", crate::diagnostic::or_list(&near)));
        }
        described.word = Some(name.to_owned());
        return described;
    }
    if let Some(name) = text.strip_prefix("table '").and_then(|rest| rest.split('\'').next()) {
        let short = name.trim_start_matches("warehouse.").trim_start_matches("public.");
        let shown = missing.iter().find(|missing| missing.ends_with(short)).map_or(short, String::as_str);
        let mut described = Described::new(Code::UnknownTable, format!("no table named `{shown}`"));
        described
            .hints
            .push("name a model as `{{ ref('model') }}`, a source as `{{ source('source', 'table') }}`".to_owned());
        described.word = shown.rsplit('.').next().map(str::to_owned);
        return described;
    }
    let first = text.lines().next().unwrap_or(text);
    let is_type = [
        "type_coercion",
        "coerce",
        "Cannot infer common argument type",
        "Cannot cast",
        "type signature",
        "candidate functions",
    ]
    .iter()
    .any(|sign| text.contains(sign));
    let code = if is_type { Code::Type } else { Code::Sql };
    let message = match is_type && text.contains("No function matches") {
        true => text.split(" You might").next().unwrap_or(text).lines().next().unwrap_or(text),
        false => first,
    };
    let mut described = Described::new(code, lower_first(message.trim_end_matches('.')));
    described.word = quoted_word(text);
    described
}

/// The first thing in single quotes or backticks: usually what it is about.
fn quoted_word(text: &str) -> Option<String> {
    let start = text.find(['\'', '`'])?;
    let rest = &text[start + 1..];
    let word = rest.split(['\'', '`', '(']).next()?;
    crate::names::is_name(word).then(|| word.to_owned())
}

/// Byte offsets at which a whole word stands.
fn word_places<'a>(sql: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let touches = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let folded = sql.to_lowercase();
    let needle = word.to_lowercase();
    let places: Vec<usize> = match folded.len() == sql.len() {
        true => folded
            .match_indices(&needle)
            .map(|(at, _)| at)
            .filter(|at| {
                !touches(folded[..*at].chars().next_back()) && !touches(folded[at + needle.len()..].chars().next())
            })
            .collect(),
        false => Vec::new(),
    };
    places.into_iter()
}

/// The message without `DataFusion`'s and the kernel's own words around it, and without a backtrace.
pub(super) fn plain(error: &DataFusionError) -> String {
    let text = match error.find_root() {
        DataFusionError::Plan(text)
        | DataFusionError::Execution(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::ResourcesExhausted(text)
        | DataFusionError::Configuration(text) => text.clone(),
        DataFusionError::ArrowError(inner, _) => inner.to_string(),
        DataFusionError::External(inner) => chain(inner.as_ref()),
        other => other.strip_backtrace(),
    };
    let text = text.split("\n   0:").next().unwrap_or(&text);
    text.split("\n\nbacktrace:").next().unwrap_or(text).trim().to_owned()
}

/// An error with its causes, each said once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(current) = next {
        let text = current.to_string();
        let text = text.split("\n   0:").next().unwrap_or_default().trim().to_owned();
        if !text.is_empty() && !parts.iter().any(|earlier| earlier.contains(&text)) {
            parts.push(text);
        }
        next = current.source();
    }
    parts.join(": ")
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

/// A connector's error, with a remedy where there is one.
pub(super) fn connector_diagnostic(error: &ConnectorError) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::Source, error.to_string());
    let diagnostic = match error.source() {
        Some(cause) => diagnostic.note(chain(cause)),
        None => diagnostic,
    };
    match error {
        ConnectorError::Missing { .. } => {
            diagnostic.hint("the path is relative to the project; check it in `sources.yaml`")
        }
        _ => diagnostic,
    }
}

/// A storage error, with its causes as notes and a remedy.
pub(super) fn storage_diagnostic(error: &StorageError) -> Diagnostic {
    if let StorageError::Write { source, .. } = error
        && let Some(connector) = source_of::<ConnectorError>(source)
    {
        return connector_diagnostic(connector);
    }
    match error {
        StorageError::Location(_) => Diagnostic::error(Code::Storage, error.to_string()),
        StorageError::Locked { .. } => {
            Diagnostic::error(Code::Locked, error.to_string()).hint("wait until the other run has ended, or stop it")
        }
        StorageError::Conflict { .. } => {
            Diagnostic::error(Code::Locked, error.to_string()).hint("run it again: it starts from the newest version")
        }
        StorageError::DamagedCommit { file, .. } => Diagnostic::error(Code::Damaged, error.to_string())
            .note("a power loss or an interrupted copy leaves such a file; its rows were never whole")
            .hint(format!("move `{file}` away, then run again: the table is whole up to the version before")),
        StorageError::ColumnType { hint, .. } => {
            Diagnostic::error(Code::ColumnType, error.to_string()).hint(hint.clone())
        }
        StorageError::ColumnName { .. } => {
            Diagnostic::error(Code::ColumnType, error.to_string()).hint("give it a plain name: `... as total`")
        }
        StorageError::DuplicateColumn { .. } => {
            Diagnostic::error(Code::ColumnType, error.to_string()).hint("name one of them differently with `as`")
        }
        StorageError::SchemaChange { hint, .. } => {
            Diagnostic::error(Code::SchemaChange, error.to_string()).hint(hint.clone())
        }
        StorageError::DuplicateKey { key, .. } => Diagnostic::error(Code::DuplicateKey, error.to_string()).hint(
            format!("keep one row for each `{key}`: qualify row_number() over (partition by {key} order by ...) = 1"),
        ),
        StorageError::OutsidePredicate { .. } => {
            Diagnostic::error(Code::Execution, error.to_string()).hint("select only rows that the predicate covers")
        }
        StorageError::Write { source, .. } => match source.find_root() {
            DataFusionError::ResourcesExhausted(text) => Diagnostic::error(Code::Memory, error.to_string())
                .note(text.lines().next().unwrap_or_default())
                .hint("raise `memory_limit` of the target, or lower `threads`"),
            _ => Diagnostic::error(Code::Execution, lower_first(&plain(source))),
        },
        StorageError::Store { source, .. } => Diagnostic::error(Code::Storage, error.to_string()).note(chain(source)),
        StorageError::Open { source, .. } | StorageError::Commit { source, .. } => {
            Diagnostic::error(Code::Storage, error.to_string()).note(chain(source))
        }
    }
}

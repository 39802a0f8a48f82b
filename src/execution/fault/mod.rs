//! What went wrong while a step ran, turned into a diagnostic: the one place where the world's errors meet the user's text.
//!
//! `sql` says it in our words; here it gets its place: from the place in the compiled SQL, or the word it is about, the
//! template's source map leads to the line the user wrote.

mod call;
mod data;
mod declared;
mod elsewhere;
mod hints;
mod mistake;
mod origin;
mod output;
mod planner;
mod query;
mod shape;
mod sql;
mod storage;
mod syntax;
mod text;
mod types;
mod words;

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use datafusion::error::DataFusionError;

pub(super) use mistake::{Mistake, Nature, nature, told_at};
pub(super) use storage::{connector_diagnostic, storage_diagnostic};
pub(super) use text::Text;

use super::statement::Misuse;
use super::{Context, verify};
use crate::connectors::ConnectorError;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::graph::{NodeId, NodeKind, TestKind};
use crate::names::Relation;
use crate::project::TableReader;
use crate::storage::StorageError;
use mistake::{Around, text_place};
use sql::{Described, Word, describe};
use words::{code_only, word_places};

/// An error of ours on its way through `DataFusion`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("`tablesample` would be read as the whole table")]
    Sample,
    #[error(transparent)]
    Misuse(#[from] Misuse),
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
    Place { context, id, sql }.diagnose_all(&error, missing).await
}

/// All that is wrong with a query, in the order of the places.
pub(super) async fn sql_faults(
    context: &Arc<Context>,
    id: NodeId,
    sql: &str,
    mistakes: &[Mistake],
    missing: &[String],
) -> Diagnostics {
    Place { context, id, sql }.diagnose_mistakes(mistakes, missing).await
}

/// An error of running a step: of the storage, a connector, or the query on its data.
pub(super) async fn run_fault(context: &Arc<Context>, id: NodeId, sql: &str, error: StorageError) -> Diagnostics {
    let place = Place { context, id, sql };
    if let StorageError::Write { source, .. } = &error
        && !matches!(source.find_root(), DataFusionError::ResourcesExhausted(_))
    {
        let found = place.diagnose_all(source, &[]).await;
        // A store that went away in the middle of a write may come back.
        return match source_of::<object_store::Error>(source) {
            Some(_) => found.into_iter().map(|diagnostic| Diagnostic { transient: true, ..diagnostic }).collect(),
            None => found,
        };
    }
    place.stored(&error).await.into()
}

/// The message in our words, for where no place is shown.
pub(super) fn plain(error: &DataFusionError) -> String {
    if let Some(fault) = source_of::<Fault>(error) {
        return match fault {
            Fault::NotBuilt { .. } | Fault::Sample | Fault::Misuse(_) => fault.to_string(),
            Fault::Diagnosed(found) => found.iter().next().map(ToString::to_string).unwrap_or_default(),
        };
    }
    describe(error, &[], &[]).message
}

/// What is to be said of an error that has its place from elsewhere.
pub(super) struct Said {
    pub(super) message: String,
    pub(super) notes: Vec<String>,
    pub(super) hints: Vec<String>,
}

pub(super) fn said(error: &DataFusionError) -> Said {
    if source_of::<Fault>(error).is_some() {
        return Said { message: plain(error), notes: Vec::new(), hints: Vec::new() };
    }
    let Described { message, notes, hints, .. } = describe(error, &[], &[]);
    Said { message, notes, hints }
}

/// Where `text` holds the word that an error is about.
pub(super) fn word_in(error: &DataFusionError, text: &str) -> Option<Range<usize>> {
    let code = code_only(text);
    match describe(error, &[], &[]).word? {
        Word::Any(word) | Word::Named(word) => word_places(&code, &word).next().map(|at| at..at + word.len()),
        Word::Only(word) => only_place(&code, &word),
        Word::Text(word) => text_place(text, &word),
    }
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

/// Paths as they are below the warehouse.
pub(super) fn below_warehouse(context: &Context, message: &str) -> String {
    let location = context.warehouse.location();
    // In an address a space is `%20`, and in a path a space.
    let folder = location.folder().map(|folder| format!("{}/", folder.display().to_string().trim_end_matches('/')));
    let mut message = message.to_owned();
    for root in folder.iter().map(String::as_str).chain([location.url().path()]) {
        let relative = root.trim_start_matches('/');
        if !relative.is_empty() {
            message = message.replace(root, "").replace(relative, "").replace("[[/", "[[");
        }
    }
    message
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

/// The node whose SQL failed, and that SQL.
struct Place<'a> {
    context: &'a Arc<Context>,
    id: NodeId,
    sql: &'a str,
}

impl Place<'_> {
    fn path(&self) -> String {
        self.context.graph.node(self.id).path.clone()
    }

    async fn diagnose_all(&self, error: &DataFusionError, missing: &[String]) -> Diagnostics {
        let mut found: Vec<Diagnostic> = Vec::new();
        for one in error.iter() {
            add_new(&mut found, self.diagnose(one, &Around::default(), missing).await);
        }
        found.into_iter().collect()
    }

    async fn diagnose(&self, error: &DataFusionError, around: &Around, missing: &[String]) -> Diagnostics {
        if let Some(fault) = source_of::<Fault>(error) {
            return self.at_declaration(match fault {
                Fault::Diagnosed(found) => found.clone(),
                Fault::NotBuilt { relation, name } => self.not_built(relation, name).into(),
                Fault::Sample => self.sample().await.into(),
                Fault::Misuse(misuse) => self.told(Described::of(misuse), around).await.into(),
            });
        }
        if let Some(connector) = source_of::<ConnectorError>(error) {
            return self.at_declaration(connector_diagnostic(connector).else_at(self.source(), &self.path()).into());
        }
        if let Some(storage) = source_of::<StorageError>(error) {
            return self.at_declaration(self.stored(storage).await.into());
        }
        self.told(describe(error, missing, &self.context.function_names()), around).await.into()
    }

    /// `tablesample`, which the planner takes and forgets.
    async fn sample(&self) -> Diagnostic {
        let folded = self.sql.to_lowercase();
        let place = ["tablesample", "sample"].iter().find_map(|word| Some((folded.find(word)?, word.len())));
        let origin = match place {
            Some((at, length)) => self.origin(at..at + length).await,
            None => None,
        };
        let diagnostic = Diagnostic::error(Code::Unsupported, "`tablesample` would be read as the whole table");
        let diagnostic = match origin {
            Some(origin) => self.at(diagnostic, origin),
            None => diagnostic.in_file(self.path()),
        };
        diagnostic.hint("take a part by a condition, as in `where id % 100 = 0`, or the first rows by `limit`")
    }

    /// A storage error; one about a column stands where the column gets its name.
    async fn stored(&self, error: &StorageError) -> Diagnostic {
        if let Some(connector) = source_of::<ConnectorError>(error) {
            return connector_diagnostic(connector).else_at(self.source(), &self.path());
        }
        let is_seed = matches!(self.context.graph.node(self.id).kind, NodeKind::Seed(_));
        let mut diagnostic = storage_diagnostic(error);
        if is_seed && matches!(error, StorageError::DuplicateColumn { .. } | StorageError::ColumnName { .. }) {
            diagnostic.hints = vec!["rename it in the first line of the file".to_owned()];
        }
        let bytes = match error {
            StorageError::DuplicateColumn { column, .. } => output::twice(self.sql, column),
            StorageError::ColumnName { number, .. } => output::at(self.sql, *number),
            StorageError::ColumnType { column, .. } => output::named(self.sql, column),
            _ => None,
        };
        let bytes = bytes.or_else(|| storage::column_of(error).and_then(|column| self.naming(column)));
        let origin = match bytes {
            Some(bytes) => self.origin(bytes).await,
            None => None,
        };
        match origin {
            Some(origin) => self.at(diagnostic, origin),
            None => diagnostic.in_file(self.path()),
        }
    }

    async fn told(&self, described: Described, around: &Around) -> Diagnostic {
        let described = self.with_frames(self.with_words(described));
        let mut described = self.with_declarations(self.with_fields(self.with_meaning(self.with_tables(described))));
        described.message = below_warehouse(self.context, &described.message);
        if let NodeKind::Test(test) = &self.context.graph.node(self.id).kind
            && matches!(test.kind, TestKind::Generic { .. })
        {
            return self.in_declared(test, described, around).await;
        }
        let bytes = self.bytes(&described, around);
        let origin = match bytes.clone() {
            Some(bytes) => self.origin(bytes).await,
            None => None,
        };
        let rendered = origin
            .as_ref()
            .zip(bytes.as_ref())
            .and_then(|(origin, bytes)| self.rendered(described.code, origin, bytes));
        let in_settings = self.in_settings(&described).filter(|_| bytes.is_none());
        let mut diagnostic = Diagnostic::error(described.code, described.message);
        diagnostic = match origin {
            Some(origin) => self.at(diagnostic, origin),
            None => diagnostic.label_or_file(in_settings, "", &self.path()),
        };
        diagnostic.notes = described.notes;
        diagnostic.notes.extend(rendered);
        diagnostic.hints = described.hints;
        diagnostic
    }

    fn not_built(&self, relation: &Relation, name: &str) -> Diagnostic {
        let graph = &self.context.graph;
        let reader = graph.node(self.id);
        let is_seed = graph.by_relation(relation).is_some_and(|id| matches!(graph.node(id).kind, NodeKind::Seed(_)));
        let hint = match &reader.kind {
            _ if is_seed => format!("load it first: `engine seed --select {name}`"),
            NodeKind::Test(_) => format!("build it first: `engine run --select +{name}`"),
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => {
                format!("build it first: `engine run --select +{}`", reader.name)
            }
        };
        Diagnostic::error(Code::UnknownTable, format!("`{relation}` has not been built yet"))
            .label_or_file(self.reference(name), "", &self.path())
            .hint(hint)
    }

    /// The source the node reads, as it is declared; `None` when there are several.
    fn source(&self) -> Option<Span> {
        let graph = &self.context.graph;
        let mut sources = graph.parents(self.id).iter().filter_map(|id| match &graph.node(*id).kind {
            NodeKind::Source(table) => Some(table),
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => None,
        });
        let only = sources.next().filter(|_| sources.next().is_none())?;
        match &only.reader {
            TableReader::Files(files) => files.path_place.clone().or_else(|| only.place.clone()),
            TableReader::Http(http) => Some(http.place.clone()),
            TableReader::Kafka(kafka) => kafka.place.clone(),
            TableReader::Table { .. } => only.place.clone(),
        }
    }

    /// Where a template mentions a model.
    fn reference(&self, name: &str) -> Option<Span> {
        let source = self.context.graph.node(self.id).source_text()?;
        Span::find(source, &format!("'{name}'")).or_else(|| Span::find(source, &format!("\"{name}\"")))
    }

    /// Where the SQL gives a column its name: the last `as` it, or the only place it stands.
    fn naming(&self, column: &str) -> Option<Range<usize>> {
        let sql = code_only(self.sql);
        let named = word_places(&sql, column).filter(|at| {
            let before = sql[..*at].trim_end_matches('"').trim_end().to_ascii_lowercase();
            before.ends_with(" as") || before.ends_with("\nas") || before.ends_with(")as")
        });
        named.last().map(|at| at..at + column.len()).or_else(|| only_place(&sql, column))
    }

    /// A column that only the template's settings name, as in `replace_where`.
    fn in_settings(&self, described: &Described) -> Option<Span> {
        let (Code::UnknownColumn, Some(Word::Any(word))) = (described.code, &described.word) else { return None };
        let source = self.context.graph.node(self.id).source_text()?;
        only_place(&source.text, word).map(|bytes| Span::new(source, bytes))
    }
}

/// A loop writes one mistake many times.
fn add_new(found: &mut Vec<Diagnostic>, more: Diagnostics) {
    for told in more {
        let is_known =
            |known: &Diagnostic| known.message == told.message && known.label.is_some() && known.label == told.label;
        if !found.iter().any(is_known) {
            found.push(told);
        }
    }
}

fn only_place(sql: &str, word: &str) -> Option<Range<usize>> {
    let mut places = word_places(sql, word);
    let first = places.next()?;
    places.next().is_none().then(|| first..first + word.len())
}

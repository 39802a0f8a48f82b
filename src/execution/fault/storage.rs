//! Errors of tables and of sources, with their causes as notes and a remedy.

use std::error::Error;

use datafusion::error::DataFusionError;

use super::{chain, plain, source_of};
use crate::connectors::ConnectorError;
use crate::connectors::http::PagingError;
use crate::connectors::{ReplayError, TopicError};
use crate::diagnostic::{Code, Diagnostic, count};
use crate::storage::StorageError;

/// A connector's error, with a remedy where there is one.
pub(in crate::execution) fn connector_diagnostic(error: &ConnectorError) -> Diagnostic {
    let mut told = told_of_connector(error);
    told.transient = match error {
        ConnectorError::Topic(topic) => topic.is_transient(),
        ConnectorError::Http(_)
        | ConnectorError::TooFewGood { .. }
        | ConnectorError::List { .. }
        | ConnectorError::Open { .. }
        | ConnectorError::Fetch { .. } => true,
        _ => false,
    };
    told
}

fn told_of_connector(error: &ConnectorError) -> Diagnostic {
    if let ConnectorError::Found(found) = error
        && let Some(first) = found.iter().next()
    {
        return first.clone();
    }
    let diagnostic = Diagnostic::error(Code::Source, error.to_string());
    let diagnostic = match error.source().filter(|_| !matches!(error, ConnectorError::Http(_))) {
        Some(cause) => diagnostic.note(chain(cause)),
        None => diagnostic,
    };
    match error {
        ConnectorError::Missing { .. } => {
            diagnostic.hint("the path is relative to the project; a pattern such as `data/*.ndjson` may match nothing")
        }
        ConnectorError::Http(http) => {
            let diagnostic = match &http.kind {
                kind if !kind.body().is_empty() => diagnostic.note(format!("it said: {}", kind.body())),
                _ => diagnostic,
            };
            diagnostic.hint_opt(http.kind.remedy().map(str::to_owned))
        }
        ConnectorError::TooFewGood { first, .. } => diagnostic
            .note(format!("the first failure: {first}"))
            .note("nothing of it is published; the next run asks again"),
        ConnectorError::Paging { source: PagingError::OtherHost(_), .. } => {
            diagnostic.note("credentials are not sent to another host than the connection's")
        }
        ConnectorError::Replay(ReplayError::Unknown { .. }) => {
            diagnostic.hint("choose a target without `replay`, as in `--target live`, or record the source")
        }
        ConnectorError::Topic(error) => topic_remedy(diagnostic, error),
        ConnectorError::Replay(ReplayError::Missing { .. }) => {
            diagnostic.hint("record it: `engine record --select <model> --out <folder>`")
        }
        _ => diagnostic,
    }
}

fn topic_remedy(diagnostic: Diagnostic, error: &TopicError) -> Diagnostic {
    match error {
        TopicError::Unreachable { .. } => diagnostic.hint("look at `brokers` and `security` of the connection"),
        TopicError::NoTopic { .. } => diagnostic.hint("look at `topic`; topics are not created by reading them"),
        TopicError::Lost { .. } => diagnostic
            .hint("`on_lost_offsets: skip_and_report` goes on with what there is; `engine source reset` begins anew"),
        TopicError::TooLarge { .. } => diagnostic
            .note("nothing of the batch counts as sent")
            .hint("raise `max.message.bytes` of the topic, or send less in a message: `value` and the columns decide"),
        TopicError::Send { .. } => diagnostic.note(
            "the position has not moved: what was confirmed already is sent again, as a topic is written at least once",
        ),
        TopicError::Refused { .. } => diagnostic.note("nothing of the batch counts as sent"),
        TopicError::Make { .. } => {
            diagnostic.hint("look at `partitions`, `replication` and `retention`, or make the topic yourself")
        }
        TopicError::Client { .. } => {
            diagnostic.hint("look at `security` and `properties` of the connection: certificates, keys, files")
        }
        TopicError::Property { .. }
        | TopicError::Read { .. }
        | TopicError::Cancelled { .. }
        | TopicError::Encode { .. } => diagnostic,
    }
}

/// The column that an error is about.
pub(super) fn column_of(error: &StorageError) -> Option<&str> {
    match error {
        StorageError::ColumnType { column, .. }
        | StorageError::ColumnName { column, .. }
        | StorageError::DuplicateColumn { column, .. } => Some(column),
        StorageError::SchemaChange { column, .. } => column.as_deref(),
        StorageError::Location(_)
        | StorageError::Store { .. }
        | StorageError::Open { .. }
        | StorageError::DamagedCommit { .. }
        | StorageError::Write { .. }
        | StorageError::Commit { .. }
        | StorageError::Conflict { .. }
        | StorageError::Locked { .. }
        | StorageError::DuplicateKey { .. }
        | StorageError::OutsidePredicate { .. } => None,
    }
}

/// A storage error, with its causes as notes and a remedy.
pub(in crate::execution) fn storage_diagnostic(error: &StorageError) -> Diagnostic {
    let mut told = told_of_storage(error);
    told.transient |= matches!(
        error,
        StorageError::Locked { .. }
            | StorageError::Conflict { .. }
            | StorageError::Store { .. }
            | StorageError::Open { .. }
            | StorageError::Commit { .. }
    );
    told
}

fn told_of_storage(error: &StorageError) -> Diagnostic {
    if let StorageError::Write { source, .. } = error
        && let Some(connector) = source_of::<ConnectorError>(source)
    {
        return connector_diagnostic(connector);
    }
    let told = |code: Code| Diagnostic::error(code, error.to_string());
    match error {
        StorageError::Location(_) => told(Code::Storage),
        StorageError::Locked { .. } => told(Code::Locked).hint("wait until the other run has ended, or stop it"),
        StorageError::Conflict { .. } => told(Code::Locked).hint("run it again: it starts from the newest version"),
        StorageError::DamagedCommit { file, .. } => told(Code::Damaged)
            .note(match file.ends_with(".parquet") {
                true => "a power loss or an interrupted copy leaves such a file",
                false => "a power loss or an interrupted copy leaves such a file; its rows were never whole",
            })
            .hint(match file.ends_with(".parquet") {
                true => format!("it only sums up commits: move `{file}` and `_last_checkpoint` away, then run again"),
                false => format!("move `{file}` away, then run again: the table is whole up to the version before"),
            }),
        StorageError::ColumnType { hint, .. } => told(Code::ColumnType).hint(hint.clone()),
        StorageError::ColumnName { .. } => told(Code::ColumnType).hint("give it a plain name: `... as total`"),
        StorageError::DuplicateColumn { .. } => told(Code::ColumnType).hint("name one of them differently with `as`"),
        StorageError::SchemaChange { hint, .. } => told(Code::SchemaChange).hint(hint.clone()),
        StorageError::DuplicateKey { key, .. } => told(Code::DuplicateKey).hint(format!(
            "keep one row for each `{key}`: qualify row_number() over (partition by {key} order by ...) = 1"
        )),
        StorageError::OutsidePredicate { relation, predicate, rows } => {
            let rows = count(usize::try_from(*rows).unwrap_or(usize::MAX), "new row");
            Diagnostic::error(
                Code::Execution,
                format!("{rows} of `{relation}` outside of what `replace_where` replaces"),
            )
            .note(format!("it replaces: {predicate}"))
            .hint("select only rows that the predicate covers")
        }
        StorageError::Write { relation, source } => match source.find_root() {
            DataFusionError::ResourcesExhausted(_) => {
                Diagnostic::error(Code::Memory, format!("`{relation}` needs more memory than the target allows"))
                    .hint("raise `memory_limit` of the target, or lower `threads`")
            }
            _ => Diagnostic::error(Code::Execution, plain(source)),
        },
        StorageError::Store { source, .. } => told(Code::Storage).note(chain(source)),
        StorageError::Open { source, .. } | StorageError::Commit { source, .. } => {
            told(Code::Storage).note(chain(source))
        }
    }
}

//! An opened table at one version: its columns, its files, its rows for a query.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use deltalake::DeltaTable;
use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::execution::context::SessionState;
use deltalake::delta_datafusion::TableProviderBuilder;
use deltalake::logstore::LogStoreRef;
use deltalake::table::state::DeltaTableState;

use super::error::StorageError;
use super::types::{same_in_delta, shown};
use crate::names::Relation;

/// A snapshot: it does not move when the table does.
#[derive(Debug, Clone)]
pub struct Table {
    relation: Relation,
    pub(super) state: DeltaTableState,
    pub(super) log_store: LogStoreRef,
}

impl Table {
    pub(super) fn new(relation: Relation, state: DeltaTableState, log_store: LogStoreRef) -> Self {
        Self { relation, state, log_store }
    }

    pub fn relation(&self) -> &Relation {
        &self.relation
    }

    pub fn version(&self) -> u64 {
        self.state.version()
    }

    /// The table's columns as Arrow sees them, partition columns in their place.
    pub fn schema(&self) -> SchemaRef {
        self.state.snapshot().arrow_schema()
    }

    pub fn partition_columns(&self) -> Vec<String> {
        self.state.metadata().partition_columns().iter().map(ToString::to_string).collect()
    }

    /// What tells it from another table that once lay in the same place.
    pub(super) fn id(&self) -> String {
        self.state.metadata().id().to_owned()
    }

    pub fn description(&self) -> Option<String> {
        self.state.metadata().description().map(str::to_owned)
    }

    /// Rows according to the log, where every file says how many it has.
    pub fn rows(&self) -> Option<u64> {
        self.state.log_data().iter().map(|file| file.num_records().map(|rows| rows as u64)).sum()
    }

    pub fn files(&self) -> usize {
        self.state.log_data().num_files()
    }

    pub(super) async fn provider(&self, session: &Arc<SessionState>) -> Result<Arc<dyn TableProvider>, StorageError> {
        self.provider_with(session, None).await
    }

    /// The rows of some of its files.
    pub(super) async fn provider_of(
        &self,
        session: &Arc<SessionState>,
        files: &HashSet<String>,
    ) -> Result<Arc<dyn TableProvider>, StorageError> {
        // They are read as parts of a URL, and a partition's folder has percent signs of its own: `city=K%C3%B6ln`.
        self.builder(session)?
            .with_file_paths(files.iter().map(|path| path.replace('%', "%25")))
            .await
            .map_err(|source| StorageError::Write { relation: self.relation.clone(), source })
    }

    /// With `file_column`, each row also tells the file it lies in.
    pub(super) async fn provider_with(
        &self,
        session: &Arc<SessionState>,
        file_column: Option<&str>,
    ) -> Result<Arc<dyn TableProvider>, StorageError> {
        let mut builder = self.builder(session)?;
        if let Some(name) = file_column {
            builder = builder.with_file_column(name);
        }
        builder.await.map_err(|source| StorageError::Write { relation: self.relation.clone(), source })
    }

    /// The files of this version are known: a query of it reads no log.
    fn builder(&self, session: &Arc<SessionState>) -> Result<TableProviderBuilder, StorageError> {
        let failed = |source| StorageError::Open { relation: self.relation.clone(), source };
        let delta = DeltaTable::new(Arc::clone(&self.log_store));
        delta.update_datafusion_session(session.as_ref()).map_err(failed)?;
        let snapshot = self.state.snapshot().clone();
        Ok(delta.table_provider().with_eager_snapshot(snapshot).with_session(Arc::clone(session)))
    }
}

/// What a model's columns need of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evolution {
    /// The table's columns stay; new ones are left out.
    Ignore,
    Fail,
    AppendNewColumns,
    SyncAllColumns,
}

/// The columns a table has after a write of `rows`' columns.
#[derive(Debug, Clone)]
pub struct EvolvedSchema {
    pub schema: SchemaRef,
    /// The commit must carry new metadata.
    pub changed: bool,
    /// Columns were dropped or changed their type: old files do not fit any more.
    pub rewrite: bool,
}

/// The table's columns after `rows` are written to it, or why they cannot be.
pub fn evolve(
    relation: &Relation,
    table: &SchemaRef,
    rows: &SchemaRef,
    evolution: Evolution,
) -> Result<EvolvedSchema, StorageError> {
    let added: Vec<&Field> =
        rows.fields().iter().filter(|field| find(table, field.name()).is_none()).map(AsRef::as_ref).collect();
    let removed: Vec<&Field> =
        table.fields().iter().filter(|field| find(rows, field.name()).is_none()).map(AsRef::as_ref).collect();
    let retyped: Vec<(&Field, &DataType)> = rows
        .fields()
        .iter()
        .filter_map(|field| find(table, field.name()).map(|old| (old, field.data_type())))
        .filter(|(old, new)| !same_in_delta(old.data_type(), new))
        .collect();
    let unchanged = EvolvedSchema { schema: Arc::clone(table), changed: false, rewrite: false };
    match evolution {
        Evolution::Ignore => {
            refuse_retyped(relation, &retyped)?;
            Ok(unchanged)
        }
        Evolution::Fail if added.is_empty() && removed.is_empty() && retyped.is_empty() => Ok(unchanged),
        Evolution::Fail => Err(StorageError::SchemaChange {
            relation: relation.clone(),
            column: added.first().copied().or(retyped.first().map(|(old, _)| *old)).map(|field| field.name().clone()),
            message: format!("the columns of `{relation}` changed: {}", difference(&added, &removed, &retyped)),
            hint: "on_schema_change is `fail`; run with --full-refresh to rebuild the table".to_owned(),
        }),
        Evolution::AppendNewColumns => {
            refuse_retyped(relation, &retyped)?;
            let fields = table.fields().iter().cloned().chain(added.iter().map(|field| Arc::new((*field).clone())));
            Ok(EvolvedSchema {
                schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
                changed: !added.is_empty(),
                rewrite: false,
            })
        }
        Evolution::SyncAllColumns => Ok(EvolvedSchema {
            schema: Arc::clone(rows),
            changed: !(added.is_empty() && removed.is_empty() && retyped.is_empty()),
            rewrite: !(removed.is_empty() && retyped.is_empty()),
        }),
    }
}

/// A column that stays as it is takes only values it can hold as they are.
fn refuse_retyped(relation: &Relation, retyped: &[(&Field, &DataType)]) -> Result<(), StorageError> {
    let Some((old, new)) = retyped.iter().find(|(old, new)| !widens(new, old.data_type())) else { return Ok(()) };
    Err(StorageError::SchemaChange {
        relation: relation.clone(),
        column: Some(old.name().clone()),
        message: format!(
            "column `{}` of `{relation}` is {} in the table and now {}",
            old.name(),
            shown(old.data_type()),
            shown(new)
        ),
        hint: "cast it, set on_schema_change='sync_all_columns', or run with --full-refresh".to_owned(),
    })
}

fn difference(added: &[&Field], removed: &[&Field], retyped: &[(&Field, &DataType)]) -> String {
    let mut parts = Vec::new();
    parts.extend(added.iter().map(|field| format!("`{}` is new", field.name())));
    parts.extend(removed.iter().map(|field| format!("`{}` is gone", field.name())));
    parts.extend(
        retyped
            .iter()
            .map(|(old, new)| format!("`{}` was {} and is {}", old.name(), shown(old.data_type()), shown(new))),
    );
    parts.join(", ")
}

fn find<'a>(schema: &'a Schema, name: &str) -> Option<&'a Field> {
    schema.fields().iter().map(AsRef::as_ref).find(|field| field.name().eq_ignore_ascii_case(name))
}

/// Whether every value of `from` has an exact place in `to`, so that a cast is no surprise.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::{Decimal128, Float32, Float64, Int8, Int16, Int32, Int64};
    match (from, to) {
        (Int8, Int16 | Int32 | Int64 | Float32 | Float64)
        | (Int16, Int32 | Int64 | Float32 | Float64)
        | (Int32, Int64 | Float64)
        | (Float32 | Int64, Float64)
        | (DataType::Date32, DataType::Timestamp(_, _)) => true,
        (Int64 | Int32, Decimal128(precision, scale)) => i16::from(*precision) - i16::from(*scale) >= 19,
        (Decimal128(p1, s1), Decimal128(p2, s2)) => {
            s2 >= s1 && i16::from(*p2) - i16::from(*s2) >= i16::from(*p1) - i16::from(*s1)
        }
        // The value decides: one that does not fit fails the write, none is cut.
        (Int64, Int32 | Int16 | Int8) | (Int32, Int16 | Int8) | (Float64, Float32) => true,
        _ => false,
    }
}

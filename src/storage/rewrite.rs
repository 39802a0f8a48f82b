//! Rows that must give way: merge, delete+insert and replace-where, by rewriting the files they touch.
//!
//! The new rows are staged already. The files of the table that hold a row to be replaced are found, their other rows are
//! written again, and one commit takes the old files out and both sets of new ones in. NULL keys match nothing.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::context::SessionState;
use deltalake::DeltaTable;
use deltalake::table::state::DeltaTableState;
use futures::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;

use super::commit::Removes;
use super::error::StorageError;
use super::overlay::Overlay;
use super::queries::{Queries, scratch};
use super::stage::{Progress, Staged};
use super::{Table, Warehouse};
use crate::names::Relation;

/// dbt's names for the two sides of a merge, usable in `incremental_predicates`.
const TARGET: &str = "DBT_INTERNAL_DEST";
pub(super) const SOURCE: &str = "DBT_INTERNAL_SOURCE";
/// In which file a row lies, while rows are replaced.
pub const FILE_COLUMN: &str = "__engine_file";

/// Which rows of the table the new ones replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewrite {
    /// Rows of the same key; several new rows of one key are an error.
    Merge(Merge),
    /// Rows of the same key; all new rows come in.
    DeleteInsert { keys: Vec<String>, predicates: Vec<String> },
    /// Rows for which the predicate holds; every new row must satisfy it.
    Where(String),
    /// Rows of the partitions, by these columns, that the new ones fall into.
    Partitions(Vec<String>),
    /// None: the old rows are only brought into the new columns.
    Reshape,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    pub keys: Vec<String>,
    /// Conditions on the table's rows; one that does not hold means no match.
    pub predicates: Vec<String>,
    /// Columns a match takes from the new row; `None` takes all.
    pub update: Option<Vec<String>>,
}

/// What comes in and what goes out.
#[derive(Debug)]
pub struct Rewritten {
    pub staged: Staged,
    pub rewritten: Option<Staged>,
    pub removes: Removes,
}

impl Rewrite {
    /// The query for the files that hold a row to be replaced; `None` when all do.
    fn touched(&self) -> Option<String> {
        match self {
            Self::Merge(Merge { keys, predicates, .. }) | Self::DeleteInsert { keys, predicates } => Some(format!(
                "select distinct \"{FILE_COLUMN}\" from \"{TARGET}\" left semi join \"{SOURCE}\" on {}",
                matches(keys, predicates)
            )),
            Self::Where(predicate) => {
                Some(format!("select distinct \"{FILE_COLUMN}\" from \"{TARGET}\" where {predicate}"))
            }
            Self::Partitions(_) | Self::Reshape => None,
        }
    }

    /// Whether its conditions go with the columns of the new rows and of the table; nothing is read.
    pub async fn bind(
        &self,
        session: &SessionState,
        relation: &Relation,
        rows: &SchemaRef,
        table: &SchemaRef,
    ) -> Result<(), StorageError> {
        let queries = Queries { relation, context: scratch(session) };
        let file = Field::new(FILE_COLUMN, DataType::Utf8, true);
        let fields = table.fields().iter().cloned().chain(std::iter::once(Arc::new(file)));
        let table = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        queries.add(SOURCE, Arc::new(EmptyTable::new(Arc::clone(rows))))?;
        queries.add(TARGET, Arc::new(EmptyTable::new(table)))?;
        let outside = match self {
            Self::Where(predicate) => Some(outside(predicate)),
            Self::Merge(_) | Self::DeleteInsert { .. } | Self::Partitions(_) | Self::Reshape => None,
        };
        for sql in outside.into_iter().chain(self.touched()) {
            let frame = queries.sql(&sql).await?;
            frame.into_optimized_plan().map_err(|source| queries.failed(source))?;
        }
        Ok(())
    }
}

/// The query for the number of new rows that `replace_where` does not cover.
fn outside(predicate: &str) -> String {
    format!("select count(*) as n from \"{SOURCE}\" where ({predicate}) is not true")
}

impl Warehouse {
    /// Works out what `staged` replaces in `base`. `schema` is the table's after the commit; with `all_files` every file
    /// is written again, for old ones no longer fit the columns.
    pub async fn rewrite(
        &self,
        session: &SessionState,
        base: &Table,
        staged: Staged,
        schema: &SchemaRef,
        rewrite: &Rewrite,
        all_files: bool,
    ) -> Result<Rewritten, StorageError> {
        let relation = staged.relation.clone();
        let queries = Queries { relation: &relation, context: scratch(session) };
        let work = Work { warehouse: self, base, schema, queries };
        work.queries.add(SOURCE, self.staged_provider(&staged, session).await?)?;
        if let Err(error) = work.refuse_wrong_rows(&staged, rewrite).await {
            self.abandon(staged).await;
            return Err(error);
        }
        let state = Arc::new(work.queries.context.state());
        work.queries.add(TARGET, base.provider_with(&state, Some(FILE_COLUMN)).await?)?;
        let files = match all_files {
            true => base.paths(),
            false => work.touched(rewrite).await?,
        };
        if files.is_empty() {
            let removes = Removes::Files(files);
            return Ok(Rewritten { staged, rewritten: None, removes });
        }
        work.restrict(&files, &state).await?;
        let kept = work.write(&work.kept_rows(rewrite)).await;
        let result = match (kept, rewrite) {
            (Ok(rewritten), Rewrite::Merge(Merge { update: Some(_), .. })) => {
                // The merged rows are in the rewritten files; the staged ones were only looked at.
                let rows = staged.rows;
                let empty = Staged { rows, ..Staged::empty(&relation, &staged.schema, &staged.partition_by) };
                self.abandon(staged).await;
                Ok((empty, rewritten))
            }
            (Ok(rewritten), _) => Ok((staged, rewritten)),
            (Err(error), _) => {
                self.abandon(staged).await;
                Err(error)
            }
        };
        let (staged, rewritten) = result?;
        Ok(Rewritten { staged, rewritten: Some(rewritten), removes: Removes::Files(files) })
    }

    /// Several staged rows of one key are an error; the rows are given up then.
    pub async fn refuse_duplicates(
        &self,
        session: &SessionState,
        staged: Staged,
        keys: &[String],
    ) -> Result<Staged, StorageError> {
        let relation = staged.relation.clone();
        let queries = Queries { relation: &relation, context: scratch(session) };
        queries.add(SOURCE, self.staged_provider(&staged, session).await?)?;
        match queries.refuse_duplicate_keys(keys).await {
            Ok(()) => Ok(staged),
            Err(error) => {
                self.abandon(staged).await;
                Err(error)
            }
        }
    }

    /// Staged rows as a table nobody else sees.
    pub async fn staged_provider(
        &self,
        staged: &Staged,
        session: &SessionState,
    ) -> Result<Arc<dyn TableProvider>, StorageError> {
        let relation = &staged.relation;
        let failed = |source| StorageError::Open { relation: relation.clone(), source };
        let log_path = self.location.path(&relation.path()).join("_delta_log");
        let overlay = Arc::new(Overlay::new(log_path.clone(), Arc::clone(self.location.store())));
        let commit = staged.as_commit().map_err(failed)?;
        let path = log_path.join("00000000000000000000.json");
        overlay
            .put(&path, commit.into())
            .await
            .map_err(|source| StorageError::Store { path: path.to_string(), source })?;
        let store: Arc<dyn ObjectStore> = overlay;
        let log_store = self.log_store_over(relation, store);
        let state = DeltaTableState::try_new(&log_store, None).await.map_err(failed)?;
        // Data files are read through the session's own store of the warehouse, not through the overlay.
        DeltaTable::new(self.log_store(relation)).update_datafusion_session(session).map_err(failed)?;
        Table::new(relation.clone(), state, log_store).provider(&Arc::new(session.clone())).await
    }
}

struct Work<'a> {
    warehouse: &'a Warehouse,
    base: &'a Table,
    schema: &'a SchemaRef,
    queries: Queries<'a>,
}

impl Work<'_> {
    async fn refuse_wrong_rows(&self, staged: &Staged, rewrite: &Rewrite) -> Result<(), StorageError> {
        match rewrite {
            Rewrite::Merge(merge) => self.queries.refuse_duplicate_keys(&merge.keys).await,
            Rewrite::Where(predicate) => {
                let sql = outside(predicate);
                let outside = self
                    .queries
                    .first(&sql)
                    .await?
                    .map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0));
                match outside {
                    0 => Ok(()),
                    rows => Err(StorageError::OutsidePredicate {
                        relation: staged.relation.clone(),
                        predicate: predicate.clone(),
                        rows: u64::try_from(rows).unwrap_or_default(),
                    }),
                }
            }
            Rewrite::DeleteInsert { .. } | Rewrite::Partitions(_) | Rewrite::Reshape => Ok(()),
        }
    }

    /// The files that hold a row to be replaced.
    async fn touched(&self, rewrite: &Rewrite) -> Result<HashSet<String>, StorageError> {
        let Some(sql) = rewrite.touched() else { return Ok(self.base.paths()) };
        let sql = format!("select arrow_cast(\"{FILE_COLUMN}\", 'Utf8') as file from ({sql})");
        let mut stream =
            self.queries.sql(&sql).await?.execute_stream().await.map_err(|source| self.queries.failed(source))?;
        let mut names = HashSet::new();
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|source| self.queries.failed(source))?;
            let files = batch.column(0).as_string::<i32>();
            names.extend(files.iter().flatten().map(|file| file_name(file).to_owned()));
        }
        // By file name: another file of the same name in another partition is rewritten along, which changes nothing.
        Ok(self.base.paths().into_iter().filter(|path| names.contains(file_name(path))).collect())
    }

    /// Leaves only `files` in the target.
    async fn restrict(&self, files: &HashSet<String>, state: &Arc<SessionState>) -> Result<(), StorageError> {
        self.queries.add(TARGET, self.base.provider_of(state, files).await?)
    }

    /// The rows that the touched files hold afterwards, besides the staged ones.
    fn kept_rows(&self, rewrite: &Rewrite) -> String {
        let old = self.base.schema();
        let kept = list(self.schema.fields(), |field| match old.field_with_name(field.name()) {
            Ok(_) => format!("\"{TARGET}\".\"{0}\" as \"{0}\"", field.name()),
            Err(_) => format!("null as \"{}\"", field.name()),
        });
        match rewrite {
            Rewrite::Merge(Merge { keys, predicates, update: None }) | Rewrite::DeleteInsert { keys, predicates } => {
                let on = matches(keys, predicates);
                format!("select {kept} from \"{TARGET}\" left anti join \"{SOURCE}\" on {on}")
            }
            Rewrite::Merge(Merge { keys, predicates, update: Some(update) }) => {
                let on = matches(keys, predicates);
                let merged = list(self.schema.fields(), |field| {
                    let from_source = update.iter().any(|column| column.eq_ignore_ascii_case(field.name()));
                    match from_source || old.field_with_name(field.name()).is_err() {
                        true => format!("\"{SOURCE}\".\"{0}\" as \"{0}\"", field.name()),
                        false => format!("\"{TARGET}\".\"{0}\" as \"{0}\"", field.name()),
                    }
                });
                let new = list(self.schema.fields(), |field| format!("\"{SOURCE}\".\"{0}\" as \"{0}\"", field.name()));
                format!(
                    "select {kept} from \"{TARGET}\" left anti join \"{SOURCE}\" on {on} \
                     union all select {merged} from \"{TARGET}\" join \"{SOURCE}\" on {on} \
                     union all select {new} from \"{SOURCE}\" left anti join \"{TARGET}\" on {on}"
                )
            }
            Rewrite::Where(predicate) => {
                format!("select {kept} from \"{TARGET}\" where ({predicate}) is not true")
            }
            Rewrite::Partitions(columns) => {
                let same: Vec<String> = columns
                    .iter()
                    .map(|column| format!("\"{TARGET}\".\"{column}\" is not distinct from \"{SOURCE}\".\"{column}\""))
                    .collect();
                format!("select {kept} from \"{TARGET}\" left anti join \"{SOURCE}\" on {}", same.join(" and "))
            }
            Rewrite::Reshape => format!("select {kept} from \"{TARGET}\""),
        }
    }

    async fn write(&self, sql: &str) -> Result<Staged, StorageError> {
        let frame = self.queries.sql(sql).await?;
        let context = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(|source| self.queries.failed(source))?;
        let partition_by = self.base.partition_columns();
        let progress = Arc::new(Progress::default());
        self.warehouse.stage(self.queries.relation, plan, &context, self.schema, &partition_by, &progress).await
    }
}

/// The join condition: equal keys, and the predicates.
fn matches(keys: &[String], predicates: &[String]) -> String {
    let mut conditions: Vec<String> =
        keys.iter().map(|key| format!("\"{TARGET}\".\"{key}\" = \"{SOURCE}\".\"{key}\"")).collect();
    conditions.extend(predicates.iter().map(|predicate| format!("({})", quote_sides(predicate))));
    conditions.join(" and ")
}

/// dbt's predicates name the sides without quotes, and unquoted names are folded to lower case.
fn quote_sides(predicate: &str) -> String {
    [TARGET, SOURCE].iter().fold(predicate.to_owned(), |text, side| {
        let folded = side.to_lowercase();
        text.replace(&format!("{side}."), &format!("\"{side}\"."))
            .replace(&format!("{folded}."), &format!("\"{side}\"."))
    })
}

pub(super) fn list<T>(items: impl IntoIterator<Item = T>, shown: impl Fn(T) -> String) -> String {
    items.into_iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Table {
    /// The files of this version, as the log names them.
    pub(super) fn paths(&self) -> HashSet<String> {
        self.state.log_data().iter().map(|file| file.path().into_owned()).collect()
    }
}

impl Staged {
    /// A commit that creates a table of just these rows.
    fn as_commit(&self) -> Result<Vec<u8>, deltalake::DeltaTableError> {
        use delta_kernel::engine::arrow_conversion::TryIntoKernel;
        let schema: deltalake::kernel::StructType = self.schema.as_ref().try_into_kernel()?;
        let nothing: [(String, String); 0] = [];
        let metadata = deltalake::kernel::new_metadata(&schema, &self.partition_by, nothing)?;
        let mut lines = vec![
            json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}).to_string(),
            json!({"metaData": metadata}).to_string(),
        ];
        for add in &self.adds {
            lines.push(json!({"add": add}).to_string());
        }
        Ok(lines.join("\n").into_bytes())
    }
}

//! One Delta commit: rows in, rows out, columns, positions and who did it, all or nothing.
//!
//! Overwrites never let delta-rs retry on a moved table: its conflict check would let a stale overwrite keep rows. The
//! table is read again here and the change made anew, where that is sound. An error does not mean that a commit did not
//! land (a checkpoint after it may fail, an answer may be lost), so our own commit id is looked for first.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use delta_kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake::kernel::{Action, Add, Metadata, MetadataExt, Protocol, Remove, StructType, new_metadata};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use serde_json::{Map, Value, json};

use super::error::StorageError;
use super::stage::Staged;
use super::{Table, Warehouse, position};
use crate::location;
use crate::names::Relation;

/// How often a change is made anew on a table that moved.
const ATTEMPTS: usize = 5;
/// Versions between two looks for logs that have expired.
const CLEAN_EVERY: u64 = 100;
/// The mode of a change that puts rows into other files.
pub(super) const OPTIMIZE: &str = "optimize";
/// The key under which a commit carries its own id.
const COMMIT_ID: &str = "engine.commit";

/// Which files a commit takes out of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removes {
    None,
    /// Every file: an overwrite.
    All,
    /// The files of every partition that the new rows fall into.
    SamePartitions,
    /// These, as read at the base version: what a merge has rewritten.
    Files(HashSet<String>),
}

/// What a commit does to a relation.
#[derive(Debug, Clone)]
pub struct Change {
    pub staged: Staged,
    /// Rows that are there already, rewritten: they come in as files but are not counted as new.
    pub rewritten: Option<Staged>,
    pub removes: Removes,
    /// New columns, partitioning or descriptions.
    pub describe: Option<Description>,
    /// Application transactions: how far the sources have been read.
    pub positions: Vec<(String, i64)>,
    /// What the commit says of itself: invocation, model, hash, inputs.
    pub info: Map<String, Value>,
    /// The operation's name in the table's history, beyond a plain write.
    pub mode: &'static str,
    pub now_millis: i64,
}

impl Change {
    /// Whether the table has the same rows after it.
    fn moves_rows_only(&self) -> bool {
        self.mode == OPTIMIZE
    }
}

/// A table's columns and what is said of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    pub schema: SchemaRef,
    pub partition_by: Vec<String>,
    pub comment: String,
    pub column_comments: BTreeMap<String, String>,
    pub properties: Vec<(String, String)>,
}

/// A commit that landed.
#[derive(Debug, Clone)]
pub struct Committed {
    pub table: Table,
    /// Rows that came in.
    pub rows: u64,
}

impl Warehouse {
    /// Commits `change` on top of `base`; `None` creates the table. The caller holds the table's lock.
    pub async fn commit(&self, base: Option<&Table>, change: Change) -> Result<Committed, StorageError> {
        let relation = change.staged.relation.clone();
        self.sync(&relation, &change).await?;
        let mut base = base.cloned();
        let started_from = match &base {
            Some(table) => Some(self.own_positions(table, &change).await?),
            None => None,
        };
        let is_new = base.is_none();
        let commit_id = uuid::Uuid::now_v7().to_string();
        for _ in 0..ATTEMPTS {
            let source = match self.attempt(&relation, base.as_ref(), &change, &commit_id).await {
                Ok(table) => {
                    self.take_place(&relation, is_new).await?;
                    return Ok(Committed { table, rows: change.staged.rows });
                }
                Err(source) => source,
            };
            let Some(current) = self.reload(&relation).await? else {
                return Err(StorageError::Commit { relation, source });
            };
            if self.landed(&current, &commit_id).await? {
                self.take_place(&relation, is_new).await?;
                return Ok(Committed { table: current, rows: change.staged.rows });
            }
            if !is_conflict(&source) {
                return Err(StorageError::Commit { relation, source });
            }
            let moved = self.own_positions(&current, &change).await?;
            let sound = !matches!(change.removes, Removes::Files(_))
                && started_from.as_ref().is_some_and(|before| *before == moved)
                && change.describe.is_none();
            if !sound {
                return Err(StorageError::Conflict { relation });
            }
            base = Some(current);
        }
        Err(StorageError::Conflict { relation })
    }

    async fn attempt(
        &self,
        relation: &Relation,
        base: Option<&Table>,
        change: &Change,
        commit_id: &str,
    ) -> Result<Table, DeltaTableError> {
        let log_store = self.log_store(relation);
        let mut info = change.info.clone();
        info.insert(COMMIT_ID.to_owned(), json!(commit_id));
        let transactions =
            change.positions.iter().map(|txn| position::to_action(txn.clone(), change.now_millis)).collect();
        // Expired logs are looked for now and then: each time the whole folder is listed.
        let next = base.map_or(0, |table| table.version() + 1);
        let properties = CommitProperties::default()
            .with_cleanup_expired_logs((!next.is_multiple_of(CLEAN_EVERY)).then_some(false))
            .with_max_retries(0)
            .with_metadata(info)
            .with_application_transactions(transactions);
        let actions = actions(base, change)?;
        let written = DeltaOperation::Write {
            mode: match change.removes {
                Removes::None => SaveMode::Append,
                Removes::All | Removes::SamePartitions | Removes::Files(_) => SaveMode::Overwrite,
            },
            partition_by: (!change.staged.partition_by.is_empty()).then(|| change.staged.partition_by.clone()),
            predicate: (change.mode != "write").then(|| change.mode.to_owned()),
        };
        let operation = match change.moves_rows_only() {
            true => DeltaOperation::Optimize { predicate: None, target_size: 0 },
            false => written,
        };
        let committed = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(base.map(|table| &table.state as &dyn TableReference), Arc::clone(&log_store), operation)
            .await?;
        let table = Table::new(relation.clone(), committed.snapshot, log_store);
        // What fails here is found out when the table is opened the next time.
        let commit = self.commit_at(&table, table.version()).await.ok().flatten();
        self.remember(&table, commit).await;
        Ok(table)
    }

    /// What was a view is a table now. A view beside a table that was there before is left of an earlier failure: that is
    /// no reason to call this commit, which has landed, a failed one.
    async fn take_place(&self, relation: &Relation, is_new: bool) -> Result<(), StorageError> {
        match self.remove_view(relation).await {
            Err(error) if is_new => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn reload(&self, relation: &Relation) -> Result<Option<Table>, StorageError> {
        self.forget(relation).await;
        self.table(relation).await
    }

    /// The relation's transactions that this change would move.
    async fn own_positions(&self, table: &Table, change: &Change) -> Result<BTreeMap<String, i64>, StorageError> {
        if change.positions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ours: HashSet<&String> = change.positions.iter().map(|(id, _)| id).collect();
        let all = self.transactions(table).await?;
        Ok(all.into_iter().filter(|(id, _)| ours.contains(id)).collect())
    }

    /// Whether a commit of this id is among the newest.
    async fn landed(&self, table: &Table, commit_id: &str) -> Result<bool, StorageError> {
        let failed = |source| StorageError::Open { relation: table.relation().clone(), source };
        let mut delta = DeltaTable::new(Arc::clone(&table.log_store));
        delta.load_version(table.version()).await.map_err(failed)?;
        let history: Vec<_> = delta.history(Some(2 * ATTEMPTS)).try_collect().await.map_err(failed)?;
        Ok(history.iter().any(|info| info.info.get(COMMIT_ID).and_then(Value::as_str) == Some(commit_id)))
    }

    /// On a disk of our own, rows are down before the commit names them.
    async fn sync(&self, relation: &Relation, change: &Change) -> Result<(), StorageError> {
        let Some(folder) = self.location.folder() else { return Ok(()) };
        let table = folder.join(relation.path());
        let adds = change.staged.adds.iter().chain(change.rewritten.iter().flat_map(|staged| &staged.adds));
        let files: Vec<PathBuf> = adds.map(|add| table.join(&add.path)).collect();
        let root = table.clone();
        let synced = tokio::task::spawn_blocking(move || location::sync_files(&root, &files)).await;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| StorageError::Store {
            path: table.display().to_string(),
            source: object_store::Error::Generic { store: "LocalFileSystem", source },
        };
        match synced {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(failed(source.into())),
            Err(source) => Err(failed(source.into())),
        }
    }
}

/// Whether somebody else's commit is what stood in the way.
fn is_conflict(error: &DeltaTableError) -> bool {
    use deltalake::kernel::transaction::TransactionError as Transaction;
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => {
            matches!(
                source,
                Transaction::VersionAlreadyExists(_)
                    | Transaction::CommitConflict(_)
                    | Transaction::MaxCommitAttempts(_)
            )
        }
        _ => false,
    }
}

fn actions(base: Option<&Table>, change: &Change) -> Result<Vec<Action>, DeltaTableError> {
    let mut actions = Vec::new();
    if base.is_none() {
        actions.push(Action::Protocol(plain_protocol()?));
    }
    if let Some(description) = &change.describe {
        actions.push(Action::Metadata(metadata(base, description)?));
    }
    actions.extend(removes(base, change).into_iter().map(Action::Remove));
    for add in change.staged.adds.iter().chain(change.rewritten.iter().flat_map(|staged| &staged.adds)) {
        actions.push(Action::Add(Add { data_change: !change.moves_rows_only(), ..add.clone() }));
    }
    Ok(actions)
}

/// Reader 1, writer 2: what every Delta reader opens.
fn plain_protocol() -> Result<Protocol, DeltaTableError> {
    Ok(serde_json::from_value(json!({"minReaderVersion": 1, "minWriterVersion": 2}))?)
}

fn metadata(base: Option<&Table>, description: &Description) -> Result<Metadata, DeltaTableError> {
    let schema = kernel_schema(description)?;
    let old = base.map(|table| table.state.metadata().clone());
    let mut properties: BTreeMap<String, String> = old
        .as_ref()
        .map(|old| old.configuration().iter().map(|(key, value)| (key.clone(), value.clone())).collect())
        .unwrap_or_default();
    properties.extend(description.properties.iter().cloned());
    let mut metadata = new_metadata(&schema, &description.partition_by, properties)?;
    if let Some(old) = old {
        metadata = metadata.with_table_id(old.id().to_owned())?;
    }
    if !description.comment.is_empty() {
        metadata = metadata.with_description(description.comment.clone())?;
    }
    Ok(metadata)
}

fn kernel_schema(description: &Description) -> Result<StructType, DeltaTableError> {
    let fields: Vec<Field> = description
        .schema
        .fields()
        .iter()
        .map(|field| {
            let mut extra = HashMap::new();
            if let Some(comment) = description.column_comments.get(field.name()).filter(|comment| !comment.is_empty()) {
                extra.insert("comment".to_owned(), comment.clone());
            }
            field.as_ref().clone().with_metadata(extra)
        })
        .collect();
    (&Schema::new(fields)).try_into_kernel().map_err(DeltaTableError::from)
}

fn removes(base: Option<&Table>, change: &Change) -> Vec<Remove> {
    let Some(table) = base else { return Vec::new() };
    let log = table.state.log_data();
    let partitions: HashSet<BTreeMap<&String, &Option<String>>> = match change.removes {
        Removes::SamePartitions => change.staged.adds.iter().map(|add| add.partition_values.iter().collect()).collect(),
        Removes::None | Removes::All | Removes::Files(_) => HashSet::new(),
    };
    log.iter()
        .filter(|file| match &change.removes {
            Removes::None => false,
            Removes::All => true,
            Removes::SamePartitions => {
                let values = file.partition_values_map();
                partitions.contains(&values.iter().collect::<BTreeMap<_, _>>())
            }
            Removes::Files(paths) => paths.contains(file.path().as_ref()),
        })
        .map(|file| file.remove_action(!change.moves_rows_only()))
        .collect()
}

impl Description {
    /// Whether the table already says all of this.
    pub fn holds_for(&self, table: &Table) -> bool {
        let state = &table.state;
        let Ok(wanted) = kernel_schema(self) else { return false };
        let metadata = state.metadata();
        let properties = metadata.configuration();
        state.schema().as_ref() == &wanted
            && metadata.description().unwrap_or_default() == self.comment
            && table.partition_columns() == self.partition_by
            && self.properties.iter().all(|(key, value)| properties.get(key) == Some(value))
    }
}

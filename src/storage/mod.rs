//! The warehouse: relations as Delta tables, and the only owner of `deltalake`.
//!
//! A write is staged (Parquet files that no version names), then committed (one Delta commit: rows, positions, metadata).
//! It knows names, not models.

mod commit;
mod encoding;
mod error;
mod lock;
mod log_store;
mod overlay;
mod position;
mod queries;
mod rewrite;
mod stage;
mod table;
mod types;
mod upkeep;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::path::Path as FsPath;
use std::sync::Arc;

use deltalake::datafusion::execution::context::SessionState;
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStoreExt};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

pub use commit::{Change, Committed, Description, Removes};
pub use error::StorageError;
pub use lock::TableLock;
pub use position::Positions;
pub use rewrite::{FILE_COLUMN, Merge, Rewrite, Rewritten};
pub use stage::{Progress, Staged};
pub use table::{Evolution, EvolvedSchema, Table, evolve};
pub use types::{names_once, same_in_delta, shown as shown_type, table_schema};
pub use upkeep::Upkeep;
pub use view::View;

use crate::location::Location;
use crate::names::{Existing, Relation};

/// Where relations live.
#[derive(Debug)]
pub struct Warehouse {
    location: Location,
    locks: lock::Locks,
    /// Tables opened in this process; each is refreshed, not reloaded, when asked for again.
    opened: Mutex<HashMap<Relation, Opened>>,
    /// How far tables were read, as of a version.
    known: Mutex<HashMap<Relation, position::Known>>,
}

/// A table as it was last seen.
#[derive(Debug, Clone)]
struct Opened {
    table: Table,
    /// The file of its newest commit: a table that was removed and made anew has another one there.
    commit: Option<ObjectMeta>,
}

impl Warehouse {
    /// Nothing is read or created yet.
    pub fn open(
        location: &str,
        base: &FsPath,
        options: &Map<String, Value>,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, StorageError> {
        let location = Location::open(location, base, options, env)?;
        let locks = lock::Locks::new(location.folder());
        Ok(Self { location, locks, opened: Mutex::default(), known: Mutex::default() })
    }

    /// Whether it lies on a disk, and not behind a network.
    pub fn is_local(&self) -> bool {
        self.location.folder().is_some()
    }

    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The table's newest version; `None` when there is none.
    pub async fn table(&self, relation: &Relation) -> Result<Option<Table>, StorageError> {
        let known = self.opened.lock().await.get(relation).cloned();
        let known = match known {
            Some(known) if self.is_same(&known).await? => Some(known.table),
            Some(_) => {
                self.forget(relation).await;
                None
            }
            None => None,
        };
        let refreshed = match known {
            // Versions have no gaps: without the next one there is none behind it.
            Some(table) => match self.commit_at(&table, table.version() + 1).await? {
                None => return Ok(Some(table)),
                Some(_) => self.refreshed(table).await,
            },
            None => match self.has_log(relation).await? {
                true => self.loaded(relation, None).await,
                false => return Ok(None),
            },
        };
        let table = match refreshed {
            Ok(table) => table,
            Err(source) => {
                if let Some(file) = self.damaged_commit(relation).await? {
                    return Err(StorageError::DamagedCommit { relation: relation.clone(), file });
                }
                // A table dropped behind our back is gone, not broken.
                if !self.has_log(relation).await? {
                    self.forget(relation).await;
                    return Ok(None);
                }
                return Err(StorageError::Open { relation: relation.clone(), source });
            }
        };
        let commit = self.refuse_empty_commit(&table).await?;
        self.remember(&table, commit).await;
        Ok(Some(table))
    }

    /// An earlier version of a table.
    pub async fn table_at(&self, table: &Table, version: u64) -> Result<Table, StorageError> {
        let relation = table.relation();
        let failed = |source| StorageError::Open { relation: relation.clone(), source };
        self.loaded(relation, Some(version)).await.map_err(failed)
    }

    /// The table as its log has it, from the beginning; the newest version, if none is wanted.
    async fn loaded(&self, relation: &Relation, version: Option<u64>) -> Result<Table, DeltaTableError> {
        let log_store = self.log_store(relation);
        let state = DeltaTableState::try_new(&log_store, version).await?;
        Ok(Table::new(relation.clone(), state, log_store))
    }

    /// With the versions that came since.
    async fn refreshed(&self, mut table: Table) -> Result<Table, DeltaTableError> {
        table.state.update(&table.log_store, None).await?;
        Ok(table)
    }

    /// `commit` is the file of its newest commit; without it the table is opened anew the next time.
    async fn remember(&self, table: &Table, commit: Option<ObjectMeta>) {
        self.opened.lock().await.insert(table.relation().clone(), Opened { table: table.clone(), commit });
    }

    /// The file of a version's commit; `None` if it is not there.
    async fn commit_at(&self, table: &Table, version: u64) -> Result<Option<ObjectMeta>, StorageError> {
        let relation = table.relation();
        let path = self.location.path(&relation.path()).join("_delta_log").join(commit_file(version));
        match self.location.store().head(&path).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(StorageError::Store { path: relation.path(), source }),
        }
    }

    /// Whether the table is the one that was seen, at that version or a later one.
    async fn is_same(&self, known: &Opened) -> Result<bool, StorageError> {
        let there = self.commit_at(&known.table, known.table.version()).await?;
        Ok(there.is_some() && there == known.commit)
    }

    async fn forget(&self, relation: &Relation) {
        self.opened.lock().await.remove(relation);
        self.known.lock().await.remove(relation);
    }

    /// A path as the user knows it: on a disk it begins at the root.
    fn shown(&self, path: &object_store::path::Path) -> String {
        match self.location.folder() {
            Some(_) => format!("/{path}"),
            None => path.to_string(),
        }
    }

    /// What lies at each relation's place.
    pub async fn existing(&self, relations: &[Relation]) -> Result<HashMap<Relation, Existing>, StorageError> {
        let mut found = HashMap::new();
        for relation in relations {
            if self.view(relation).await?.is_some() {
                found.insert(relation.clone(), Existing::View);
            } else if let Some(table) = self.table(relation).await? {
                found.insert(relation.clone(), Existing::Table { version: table.version() });
            }
        }
        Ok(found)
    }

    /// One writer at a time per table; held until dropped.
    pub async fn lock(&self, relation: &Relation) -> Result<TableLock, StorageError> {
        self.locks.acquire(relation).await
    }

    /// Deletes everything at a relation's place but the file `kept`.
    async fn drop_table(&self, relation: &Relation, kept: &str) -> Result<(), StorageError> {
        self.forget(relation).await;
        let path = self.location.path(&relation.path());
        let failed = |source| StorageError::Store { path: relation.path(), source };
        let files: Vec<_> = self.location.store().list(Some(&path)).try_collect().await.map_err(failed)?;
        for file in files.iter().filter(|file| file.location.filename() != Some(kept)) {
            self.location.store().delete(&file.location).await.map_err(failed)?;
        }
        if let Some(folder) = self.location.folder() {
            // The empty folder that remains; the files, which matter, are gone.
            let _ = std::fs::remove_dir_all(folder.join(relation.path()).join("_delta_log"));
        }
        Ok(())
    }

    /// Writes, reads and deletes a small object: whether the warehouse can be used at all.
    pub async fn probe(&self) -> Result<(), StorageError> {
        let path = self.location.path(".engine_probe").join("probe");
        let failed = |source| StorageError::Store { path: self.location.url().to_string(), source };
        let store = self.location.store();
        store.put(&path, "probe".into()).await.map_err(failed)?;
        store.get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
        store.delete(&path).await.map_err(failed)?;
        if let Some(folder) = self.location.folder() {
            let _ = std::fs::remove_dir(folder.join(".engine_probe"));
        }
        Ok(())
    }

    async fn has_log(&self, relation: &Relation) -> Result<bool, StorageError> {
        let log = self.location.path(&relation.path()).join("_delta_log");
        if let Some(folder) = self.location.folder() {
            let folder = folder.join(relation.path()).join("_delta_log");
            let Ok(mut entries) = std::fs::read_dir(folder) else { return Ok(false) };
            return Ok(entries.any(|entry| entry.is_ok_and(|entry| is_log_file(&entry.file_name().to_string_lossy()))));
        }
        let mut files = self.location.store().list(Some(&log));
        let failed = |source| StorageError::Store { path: relation.path(), source };
        while let Some(file) = files.try_next().await.map_err(failed)? {
            if file.location.filename().is_some_and(is_log_file) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The newest checkpoint, when it is no Parquet file.
    async fn damaged_checkpoint(
        &self,
        relation: &Relation,
        files: &[ObjectMeta],
    ) -> Result<Option<String>, StorageError> {
        let named =
            |file: &&ObjectMeta| file.location.filename().is_some_and(|name| name.ends_with(".checkpoint.parquet"));
        let newest = files.iter().filter(named).max_by(|a, b| a.location.filename().cmp(&b.location.filename()));
        let Some(newest) = newest else { return Ok(None) };
        let failed = |source| StorageError::Store { path: relation.path(), source };
        let bytes = self.location.store().get(&newest.location).await.map_err(failed)?.bytes().await.map_err(failed)?;
        let whole = position::checkpoint_transactions(bytes).is_ok();
        let name = newest.location.filename().unwrap_or_default();
        Ok((!whole).then(|| format!("{}/_delta_log/{name}", relation.path())))
    }

    /// The newest commit file, when it cannot be read as one.
    async fn damaged_commit(&self, relation: &Relation) -> Result<Option<String>, StorageError> {
        let log = self.location.path(&relation.path()).join("_delta_log");
        let failed = |source| StorageError::Store { path: relation.path(), source };
        let files: Vec<_> = self.location.store().list(Some(&log)).try_collect().await.map_err(failed)?;
        if let Some(checkpoint) = self.damaged_checkpoint(relation, &files).await? {
            return Ok(Some(checkpoint));
        }
        let newest = files
            .iter()
            .filter(|file| is_commit(file.location.filename().unwrap_or_default()))
            .max_by(|a, b| a.location.filename().cmp(&b.location.filename()));
        let Some(newest) = newest else { return Ok(None) };
        let bytes = self.location.store().get(&newest.location).await.map_err(failed)?.bytes().await.map_err(failed)?;
        let whole = !bytes.is_empty()
            && bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .all(|line| serde_json::from_slice::<Value>(line).is_ok());
        Ok((!whole)
            .then(|| format!("{}/_delta_log/{}", relation.path(), newest.location.filename().unwrap_or_default())))
    }

    /// An empty commit file reads as a version in which nothing happened: rows would be missing in silence.
    async fn refuse_empty_commit(&self, table: &Table) -> Result<Option<ObjectMeta>, StorageError> {
        let relation = table.relation();
        match self.commit_at(table, table.version()).await? {
            Some(meta) if meta.size == 0 => Err(StorageError::DamagedCommit {
                relation: relation.clone(),
                file: format!("{}/_delta_log/{}", relation.path(), commit_file(table.version())),
            }),
            // There and not empty, or cleaned up behind a checkpoint.
            found => Ok(found),
        }
    }

    /// A committed table's or a staged one's rows, for queries of this session.
    pub async fn provider(
        &self,
        table: &Table,
        session: &Arc<SessionState>,
    ) -> Result<Arc<dyn deltalake::datafusion::catalog::TableProvider>, StorageError> {
        table.provider(session).await
    }
}

impl Warehouse {
    /// The table at the location itself: one of another system, at an address of its own.
    pub async fn foreign(
        &self,
        session: &Arc<SessionState>,
    ) -> Result<Arc<dyn deltalake::datafusion::catalog::TableProvider>, StorageError> {
        let mut delta =
            DeltaTable::new(log_store::at(&self.location, self.location.url(), Arc::clone(self.location.store())));
        let reason = |source: DeltaTableError| {
            StorageError::Location(crate::location::InvalidLocation {
                location: self.location.url().to_string(),
                reason: source.to_string(),
            })
        };
        delta.load().await.map_err(reason)?;
        delta.update_datafusion_session(session.as_ref()).map_err(reason)?;
        let builder = delta.table_provider().with_session(Arc::clone(session));
        builder.await.map_err(|source| {
            StorageError::Location(crate::location::InvalidLocation {
                location: self.location.url().to_string(),
                reason: source.to_string(),
            })
        })
    }
}

/// `00000000000000000007.json`.
fn commit_file(version: u64) -> String {
    format!("{version:020}.json")
}

fn is_commit(name: &str) -> bool {
    name.strip_suffix(".json").is_some_and(|stem| stem.len() == 20 && stem.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_log_file(name: &str) -> bool {
    is_commit(name) || name.ends_with(".checkpoint.parquet")
}

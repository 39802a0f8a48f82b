//! One writer at a time per table: within this process by a mutex, across processes by a lock file.
//!
//! Two overwrites, or an overwrite and a compaction, that start from the same version can both land in a Delta log and
//! leave rows that neither meant. The lock file is held by the operating system, so it falls with its process.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::error::StorageError;
use crate::names::Relation;

/// Where lock files lie, below the warehouse.
const FOLDER: &str = ".engine_locks";

#[derive(Debug)]
pub(super) struct Locks {
    folder: Option<PathBuf>,
    held: Mutex<HashMap<Relation, Arc<Mutex<()>>>>,
}

/// Dropped, it lets the next writer in.
#[derive(Debug)]
pub struct TableLock {
    _process: OwnedMutexGuard<()>,
    _file: Option<File>,
}

impl Locks {
    /// Without a folder (an object store) only this process is kept apart; there, conditional commits do the rest.
    pub(super) fn new(warehouse: Option<PathBuf>) -> Self {
        Self { folder: warehouse.map(|folder| folder.join(FOLDER)), held: Mutex::default() }
    }

    pub(super) async fn acquire(&self, relation: &Relation) -> Result<TableLock, StorageError> {
        let mutex = Arc::clone(self.held.lock().await.entry(relation.clone()).or_default());
        let process = mutex.lock_owned().await;
        let file = match &self.folder {
            Some(folder) => Some(lock_file(folder, relation)?),
            None => None,
        };
        Ok(TableLock { _process: process, _file: file })
    }
}

fn lock_file(folder: &std::path::Path, relation: &Relation) -> Result<File, StorageError> {
    let path = folder.join(relation.to_string());
    let failed = |source: std::io::Error| StorageError::Store {
        path: path.display().to_string(),
        source: object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(source) },
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::Locked { relation: relation.clone() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

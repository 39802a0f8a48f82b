//! How far a relation has read its sources: `txn` actions of its own Delta log, committed with the rows they stand for.
//!
//! An application id is `engine/<source>/<generation>/<item>`, its version what the connector says of the item (a file's
//! size, the next offset). The generation is itself a `txn` (`engine/<source>`): a full refresh raises it, which forgets
//! all earlier items at once, for a `txn` cannot be deleted.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Int64Type;
use deltalake::kernel::Transaction;
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use serde_json::Value;

use super::error::StorageError;
use super::{Table, Warehouse, is_commit};
use crate::names::SourceName;

/// Where a relation stands in one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions {
    pub generation: i64,
    /// What was read, with what the connector noted of it.
    pub items: BTreeMap<String, i64>,
}

impl Positions {
    /// Everything forgotten: what a full refresh starts from.
    #[must_use]
    pub fn next_generation(&self) -> Self {
        Self { generation: self.generation + 1, items: BTreeMap::new() }
    }

    /// The `txn` actions that add `items` to these positions.
    pub fn advance(&self, source: &SourceName, items: &[(String, i64)]) -> Vec<(String, i64)> {
        let prefix = prefix(source);
        let mut actions = vec![(prefix.clone(), self.generation)];
        actions.extend(items.iter().map(|(item, value)| (format!("{prefix}/{}/{item}", self.generation), *value)));
        actions
    }

    fn from_transactions(source: &SourceName, transactions: &BTreeMap<String, i64>) -> Self {
        let prefix = prefix(source);
        let generation = transactions.get(&prefix).copied().unwrap_or_default();
        let start = format!("{prefix}/{generation}/");
        let items = transactions
            .range(start.clone()..)
            .take_while(|(id, _)| id.starts_with(&start))
            .map(|(id, value)| (id[start.len()..].to_owned(), *value))
            .collect();
        Self { generation, items }
    }
}

fn prefix(source: &SourceName) -> String {
    format!("engine/{source}")
}

pub(super) fn to_action((app_id, version): (String, i64), now_millis: i64) -> Transaction {
    Transaction::new_with_last_update(app_id, version, Some(now_millis))
}

impl Warehouse {
    /// Where `table` stands in `source`; the beginning when it never read it.
    pub async fn positions(&self, table: &Table, source: &SourceName) -> Result<Positions, StorageError> {
        let transactions = self.transactions(table).await?;
        Ok(Positions::from_transactions(source, &transactions))
    }

    /// All application transactions of a table. Those of an earlier version that is known here are read on from.
    pub(super) async fn transactions(&self, table: &Table) -> Result<BTreeMap<String, i64>, StorageError> {
        let known = self.known.lock().await.get(table.relation()).cloned();
        let known = known.filter(|known| known.id == table.id() && known.version <= table.version());
        let transactions = match known {
            Some(known) => match self.transactions_since(table, &known).await? {
                Some(transactions) => transactions,
                None => self.all_transactions(table).await?,
            },
            None => self.all_transactions(table).await?,
        };
        let known = Known { id: table.id(), version: table.version(), transactions: transactions.clone() };
        self.known.lock().await.insert(table.relation().clone(), known);
        Ok(transactions)
    }

    /// Reads the commits after the known version; `None` if one of them is not there any more.
    async fn transactions_since(
        &self,
        table: &Table,
        known: &Known,
    ) -> Result<Option<BTreeMap<String, i64>>, StorageError> {
        let log = self.location.path(&table.relation().path()).join("_delta_log");
        let mut transactions = known.transactions.clone();
        for version in known.version + 1..=table.version() {
            let path = log.clone().join(super::commit_file(version));
            match self.location.store().get(&path).await {
                Ok(found) => {
                    let failed = |source| StorageError::Store { path: self.shown(&path), source };
                    extend_by_commit(&mut transactions, &found.bytes().await.map_err(failed)?);
                }
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(source) => return Err(StorageError::Store { path: self.shown(&path), source }),
            }
        }
        Ok(Some(transactions))
    }

    /// Those of the newest checkpoint, then those of the commits after it.
    async fn all_transactions(&self, table: &Table) -> Result<BTreeMap<String, i64>, StorageError> {
        let log = self.location.path(&table.relation().path()).join("_delta_log");
        let failed = |source| StorageError::Store { path: self.shown(&log), source };
        let mut files: Vec<ObjectMeta> = self.location.store().list(Some(&log)).try_collect().await.map_err(failed)?;
        files.sort_by(|left, right| left.location.cmp(&right.location));
        let mut transactions = BTreeMap::new();
        let newest =
            files.iter().filter_map(|file| checkpoint_version(&file.location)).filter(|v| *v <= table.version()).max();
        let mut after = 0;
        if let Some(version) = newest {
            after = version + 1;
            for file in files.iter().filter(|file| checkpoint_version(&file.location) == Some(version)) {
                let bytes = self.fetch(&file.location).await?;
                let read = checkpoint_transactions(bytes)
                    .map_err(|source| StorageError::Open { relation: table.relation().clone(), source })?;
                transactions.extend(read);
            }
        }
        for file in files.iter().filter(|file| is_commit(file.location.filename().unwrap_or_default())) {
            let version: u64 = file.location.filename().and_then(|name| name[..20].parse().ok()).unwrap_or_default();
            if version < after || version > table.version() {
                continue;
            }
            let bytes = self.fetch(&file.location).await?;
            extend_by_commit(&mut transactions, &bytes);
        }
        Ok(transactions)
    }

    async fn fetch(&self, path: &Path) -> Result<bytes::Bytes, StorageError> {
        let failed = |source| StorageError::Store { path: self.shown(path), source };
        self.location.store().get(path).await.map_err(failed)?.bytes().await.map_err(failed)
    }
}

/// The transactions of a table at a version.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// The table's own id: one dropped and made anew is another.
    id: String,
    version: u64,
    transactions: BTreeMap<String, i64>,
}

fn extend_by_commit(transactions: &mut BTreeMap<String, i64>, commit: &[u8]) {
    for line in commit.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"txn\"")) {
        let Ok(action) = serde_json::from_slice::<Value>(line) else { continue };
        let txn = &action["txn"];
        if let (Some(id), Some(version)) = (txn["appId"].as_str(), txn["version"].as_i64()) {
            transactions.insert(id.to_owned(), version);
        }
    }
}

fn checkpoint_version(path: &Path) -> Option<u64> {
    let name = path.filename()?;
    name.ends_with(".parquet").then(|| name.split_once(".checkpoint")).flatten()?.0.parse().ok()
}

pub(super) fn checkpoint_transactions(bytes: bytes::Bytes) -> Result<Vec<(String, i64)>, deltalake::DeltaTableError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["txn"]);
    let mut found = Vec::new();
    for batch in builder.with_projection(mask).build()? {
        let batch = batch?;
        let Some(txn) = batch.column_by_name("txn").and_then(|column| column.as_struct_opt().cloned()) else {
            continue;
        };
        let (Some(ids), Some(versions)) = (txn.column_by_name("appId"), txn.column_by_name("version")) else {
            continue;
        };
        let versions = versions.as_primitive::<Int64Type>();
        let ids = ids.as_string::<i32>();
        found.extend(
            (0..batch.num_rows())
                .filter(|row| txn.is_valid(*row) && ids.is_valid(*row))
                .map(|row| (ids.value(row).to_owned(), versions.value(row))),
        );
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_refresh_forgets_what_was_read() {
        let source = SourceName { source: "github".into(), table: "archive".into() };
        let first = Positions::default();
        let mut log: BTreeMap<String, i64> = first.advance(&source, &[("a.json".into(), 10)]).into_iter().collect();
        let read = Positions::from_transactions(&source, &log);
        assert_eq!(read.items, BTreeMap::from([("a.json".to_owned(), 10)]));
        log.extend(read.next_generation().advance(&source, &[("b.json".into(), 5)]));
        assert_eq!(Positions::from_transactions(&source, &log).items, BTreeMap::from([("b.json".to_owned(), 5)]));
    }
}

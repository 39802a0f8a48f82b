//! A table that grows by small commits, kept in hand: small files become larger ones, old rows go, and what no version
//! needs any more is deleted.
//!
//! Files of like size are put together once there are enough of them, so that a row is written again a few times in its
//! life and not at every turn. Rows do not change by that, and the commit says so (`dataChange: false`).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use delta_kernel::expressions::Scalar;
use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::execution::context::SessionState;
use deltalake::kernel::TombstoneView;
use deltalake::table::config::TablePropertiesExt;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde_json::Map;

use super::commit::{Change, OPTIMIZE, Removes};
use super::error::StorageError;
use super::stage::{Progress, Staged};
use super::{Table, Warehouse};
use crate::names::Relation;

/// So many files of like size become one.
const FILES: usize = 16;
/// What one upkeep writes again: a batch waits for it.
const MOST_FILES: usize = 128;
const MOST_BYTES: u64 = 256 << 20;
/// Parts of the time rows are kept for: files of different ones are not put together, or the old would stay with the new.
const PARTS: i64 = 8;
/// Files that no version names are left alone for so long at least: another process may be about to commit them.
const ORPHAN_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// The largest file of each size; larger ones stay as they are.
const SIZES: [u64; 3] = [1 << 20, 16 << 20, 128 << 20];

/// What a table's upkeep goes by.
#[derive(Debug, Clone)]
pub struct Upkeep {
    /// Rows whose time in this column is before so many microseconds since 1970 may go.
    pub keep: Option<(String, i64)>,
    /// Whether files that no version needs any more are deleted, too.
    pub vacuum: bool,
    pub now_millis: i64,
}

/// Files that may become one: the partition they lie in, their size among [`SIZES`], and where rows go by their time, the
/// part of that time their newest row is of.
type Alike = (Vec<(String, Option<String>)>, usize, Option<i64>);

/// What an upkeep takes out of a table and puts together.
#[derive(Debug, Default)]
struct Work {
    expired: HashSet<String>,
    merged: HashSet<String>,
}

impl Warehouse {
    /// Does what is due; the new version, if there is one.
    pub async fn tidy(
        &self,
        relation: &Relation,
        session: &Arc<SessionState>,
        upkeep: &Upkeep,
    ) -> Result<Option<u64>, StorageError> {
        let _lock = self.lock(relation).await?;
        let Some(table) = self.table(relation).await? else { return Ok(None) };
        let work = work(&table, upkeep);
        let mut current = table;
        let mut changed = false;
        if !work.expired.is_empty() {
            let staged = Staged::empty(relation, &current.schema(), &current.partition_columns());
            let change = self.change(staged, work.expired, "expire", upkeep);
            current = self.commit(Some(&current), change).await?.table;
            changed = true;
        }
        if !work.merged.is_empty() {
            let staged = self.put_together(&current, session, &work.merged).await?;
            let change = self.change(staged.clone(), work.merged, OPTIMIZE, upkeep);
            current = match self.commit(Some(&current), change).await {
                Ok(committed) => committed.table,
                // Any other error may come after the commit has landed: these files are the table's then.
                Err(error @ StorageError::Conflict { .. }) => {
                    self.abandon(staged).await;
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            changed = true;
        }
        if upkeep.vacuum {
            self.vacuum(&current, upkeep.now_millis).await?;
        }
        Ok(changed.then(|| current.version()))
    }

    /// Deletes files that no version of the last `delta.deletedFileRetentionDuration` (a week, if it does not say) needs:
    /// those that left the table before, and those that were written and never committed. A log forgets what left long
    /// ago, so the folder is looked through; nothing younger than that time is touched.
    async fn vacuum(&self, table: &Table, now_millis: i64) -> Result<(), StorageError> {
        let relation = table.relation();
        let failed = |source| StorageError::Open { relation: relation.clone(), source };
        let log_store = self.log_store(relation);
        let state = &table.state;
        let retention = state.table_config().deleted_file_retention_duration();
        let latest = now_millis.saturating_sub(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX));
        let tombstones: Vec<_> = state.all_tombstones(log_store.as_ref()).try_collect().await.map_err(failed)?;
        // By name, which is unique: paths are written in several ways.
        let mut needed: HashSet<String> = table.paths().iter().map(|path| name_of(path).to_owned()).collect();
        let is_recent = |gone: &TombstoneView| gone.deletion_timestamp().is_none_or(|at| at >= latest);
        let mut gone = HashSet::new();
        for file in &tombstones {
            let kind = if is_recent(file) { &mut needed } else { &mut gone };
            kind.insert(name_of(&file.path()).to_owned());
        }
        let store = log_store.object_store(None);
        let store_failed = |source| StorageError::Store { path: relation.path(), source };
        let files: Vec<ObjectMeta> = store.list(None).try_collect().await.map_err(store_failed)?;
        for file in files {
            // A partition's folder may begin with anything.
            let is_hidden = |part: &str| part.starts_with(['_', '.']) && !part.contains('=');
            let is_hidden = file.location.parts().any(|part| is_hidden(part.as_ref()));
            let name = file.location.filename().unwrap_or_default();
            let latest = if gone.contains(name) { latest } else { latest.min(now_millis - ORPHAN_MILLIS) };
            let is_old = file.last_modified.timestamp_millis() < latest;
            if is_hidden || !name.ends_with(".parquet") || !is_old || needed.contains(name) {
                continue;
            }
            match store.delete(&file.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => return Err(store_failed(source)),
            }
        }
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "a commit is the warehouse's")]
    fn change(&self, staged: Staged, removed: HashSet<String>, mode: &'static str, upkeep: &Upkeep) -> Change {
        Change {
            staged,
            rewritten: None,
            removes: Removes::Files(removed),
            describe: None,
            positions: Vec::new(),
            info: Map::new(),
            mode,
            now_millis: upkeep.now_millis,
        }
    }

    /// The rows of these files in new ones.
    async fn put_together(
        &self,
        table: &Table,
        session: &Arc<SessionState>,
        files: &HashSet<String>,
    ) -> Result<Staged, StorageError> {
        let relation = table.relation();
        let failed = |source| StorageError::Write { relation: relation.clone(), source };
        let rows = table.provider_of(session, files).await?;
        let schema: SchemaRef = TableProvider::schema(rows.as_ref());
        let plan = rows.scan(session.as_ref(), None, &[], None).await.map_err(failed)?;
        // One writer, so that what was many files is one.
        let plan: Arc<dyn ExecutionPlan> = Arc::new(CoalescePartitionsExec::new(plan));
        let progress = Arc::new(Progress::default());
        self.stage(relation, plan, &session.task_ctx(), &schema, &table.partition_columns(), &progress).await
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn work(table: &Table, upkeep: &Upkeep) -> Work {
    let mut work = Work::default();
    let mut alike: BTreeMap<Alike, Vec<(i64, u64, String)>> = BTreeMap::new();
    for file in table.state.log_data().iter() {
        let path = file.path().to_string();
        let newest = upkeep.keep.as_ref().and_then(|keep| Some((newest(&file, &keep.0)?, keep.1)));
        if newest.is_some_and(|(newest, oldest)| newest < oldest) {
            work.expired.insert(path);
            continue;
        }
        let part = newest.map(|(newest, oldest)| {
            let kept = upkeep.now_millis.saturating_mul(1000).saturating_sub(oldest);
            newest.div_euclid((kept / PARTS).max(1))
        });
        let size = u64::try_from(file.size()).unwrap_or(u64::MAX);
        let Some(tier) = SIZES.iter().position(|limit| size < *limit) else { continue };
        let mut partition: Vec<_> = file.partition_values_map().into_iter().collect();
        partition.sort();
        alike.entry((partition, tier, part)).or_default().push((file.modification_time(), size, path));
    }
    let mut bytes = 0;
    for mut files in alike.into_values().filter(|files| files.len() >= FILES) {
        files.sort();
        // The oldest first; what is too much for one upkeep is left for the next.
        for (_, size, path) in files.into_iter().take(MOST_FILES) {
            if bytes < MOST_BYTES {
                bytes += size;
                work.merged.insert(path);
            }
        }
    }
    work
}

/// The newest time in a column of a file, in microseconds since 1970, if the log says it.
fn newest(file: &deltalake::kernel::LogicalFileView, column: &str) -> Option<i64> {
    let of = |values: Scalar| {
        let Scalar::Struct(values) = values else { return None };
        let at = values.fields().iter().position(|field| field.name() == column)?;
        values.values().get(at).cloned()
    };
    // A row without a time is not old.
    if !matches!(of(file.null_counts()?)?, Scalar::Long(0)) {
        return None;
    }
    match &of(file.max_values()?)? {
        Scalar::Timestamp(micros) | Scalar::TimestampNtz(micros) => Some(*micros),
        Scalar::Date(days) => Some((i64::from(*days) + 1) * 86_400_000_000 - 1),
        _ => None,
    }
}

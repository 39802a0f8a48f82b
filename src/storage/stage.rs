//! Rows become Parquet files in the table's folder that no version names yet.
//!
//! One writer per partition of the physical plan, so an unpartitioned table, too, is encoded in parallel. A partition's
//! first few megabytes are held back: when all of them are small they are written as one file.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use delta_kernel::table_properties::DataSkippingNumIndexedCols;
use deltalake::datafile::writer::{DeltaWriter, WriterConfig};
use deltalake::kernel::Add;
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::error::StorageError;
use super::types::fit;
use super::{Warehouse, encoding};
use crate::names::Relation;

/// What a partition holds back before it opens a file of its own.
const HELD_BACK: usize = 8 << 20;
/// Rows handed to the encoder at once.
const WRITE_ROWS: usize = 64 << 10;

/// Rows written so far; read by whoever shows progress.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
}

impl Progress {
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub fn add(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }
}

/// Files of rows that are not part of any version.
#[derive(Debug, Clone)]
pub struct Staged {
    pub relation: Relation,
    pub(super) adds: Vec<Add>,
    pub schema: SchemaRef,
    pub partition_by: Vec<String>,
    pub rows: u64,
    pub bytes: u64,
}

/// What is written where.
pub(super) struct Target<'a> {
    pub(super) relation: &'a Relation,
    pub(super) schema: &'a SchemaRef,
    pub(super) partition_by: &'a [String],
}

impl Staged {
    /// No rows.
    pub fn empty(relation: &Relation, schema: &SchemaRef, partition_by: &[String]) -> Self {
        Self {
            relation: relation.clone(),
            adds: Vec::new(),
            schema: Arc::clone(schema),
            partition_by: partition_by.to_vec(),
            rows: 0,
            bytes: 0,
        }
    }
}

impl Staged {
    /// Rows that went elsewhere: they are counted, and no file of the table has them.
    #[must_use]
    pub fn counting(self, rows: u64) -> Self {
        Self { rows, ..self }
    }
}

impl Warehouse {
    /// Runs `plan`, whose columns are those of `schema` in order, and writes its rows.
    pub async fn stage(
        &self,
        relation: &Relation,
        plan: Arc<dyn ExecutionPlan>,
        context: &Arc<TaskContext>,
        schema: &SchemaRef,
        partition_by: &[String],
        progress: &Arc<Progress>,
    ) -> Result<Staged, StorageError> {
        let partitions = plan.properties().output_partitioning().partition_count();
        let streams = (0..partitions)
            .map(|partition| plan.execute(partition, Arc::clone(context)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| StorageError::Write { relation: relation.clone(), source })?;
        self.stage_streams(relation, streams, schema, partition_by, progress).await
    }

    /// Writes the rows of all streams, one writer each.
    pub async fn stage_streams(
        &self,
        relation: &Relation,
        streams: Vec<SendableRecordBatchStream>,
        schema: &SchemaRef,
        partition_by: &[String],
        progress: &Arc<Progress>,
    ) -> Result<Staged, StorageError> {
        let target = Target { relation, schema, partition_by };
        let failed = |source| StorageError::Write { relation: relation.clone(), source };
        let mut tasks = JoinSet::new();
        let stop = CancellationToken::new();
        for stream in streams {
            let lane = Lane::new(self, &target, progress);
            tasks.spawn(lane.run(stream, stop.clone()));
        }
        let mut adds = Vec::new();
        let mut held_back = Vec::new();
        let mut failure = None;
        while let Some(joined) = tasks.join_next().await {
            match joined {
                Ok(Ok(written)) => {
                    adds.extend(written.adds);
                    held_back.extend(written.held_back);
                }
                Ok(Err(source)) => {
                    failure.get_or_insert(source);
                    // The others give up in order, so that nothing of theirs stays behind.
                    stop.cancel();
                }
                Err(join) if join.is_cancelled() => {}
                Err(join) => std::panic::resume_unwind(join.into_panic()),
            }
        }
        if failure.is_none() && !held_back.is_empty() {
            let lane = Lane::new(self, &target, progress);
            match lane.write_all(held_back).await {
                Ok(rest) => adds.extend(rest),
                Err(source) => failure = Some(source),
            }
        }
        if let Some(source) = failure {
            self.discard(relation, &adds).await;
            return Err(failed(source));
        }
        let bytes = adds.iter().map(|add| u64::try_from(add.size).unwrap_or_default()).sum();
        let rows =
            adds.iter().map(|add| add.get_stats().ok().flatten().map_or(0, |stats| stats.num_records)).sum::<i64>();
        Ok(Staged {
            adds,
            rows: u64::try_from(rows).unwrap_or_default(),
            bytes,
            ..Staged::empty(relation, schema, partition_by)
        })
    }

    /// Deletes staged files that will not be committed. One that remains is an orphan no reader sees.
    async fn discard(&self, relation: &Relation, adds: &[Add]) {
        let log_store = self.log_store(relation);
        let store = log_store.object_store(None);
        for add in adds {
            let path = object_store::path::Path::parse(&add.path).unwrap_or_else(|_| add.path.as_str().into());
            let _ = object_store::ObjectStoreExt::delete(&store, &path).await;
        }
    }

    /// Gives up staged rows.
    pub async fn abandon(&self, staged: Staged) {
        self.discard(&staged.relation, &staged.adds).await;
    }

    /// A writer whose encoding suits the first rows.
    fn writer(&self, target: &Target<'_>) -> DeltaWriter {
        let config = WriterConfig::new(
            Arc::clone(target.schema),
            target.partition_by.to_vec(),
            None,
            None,
            Some(WRITE_ROWS),
            DataSkippingNumIndexedCols::NumColumns(32),
            None,
        );
        DeltaWriter::new(self.log_store(target.relation).object_store(None), config)
    }
}

/// One stream of batches on its way into files.
struct Lane {
    /// Taken while its encoding is set, and when it is closed.
    writer: Option<DeltaWriter>,
    schema: SchemaRef,
    partition_columns: Vec<usize>,
    progress: Arc<Progress>,
}

struct Written {
    adds: Vec<Add>,
    held_back: Vec<RecordBatch>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lane").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Lane {
    fn new(warehouse: &Warehouse, target: &Target<'_>, progress: &Arc<Progress>) -> Self {
        let partition_columns =
            target.partition_by.iter().filter_map(|column| target.schema.index_of(column).ok()).collect();
        Self {
            writer: Some(warehouse.writer(target)),
            schema: Arc::clone(target.schema),
            partition_columns,
            progress: Arc::clone(progress),
        }
    }

    async fn run(
        mut self,
        mut stream: SendableRecordBatchStream,
        stop: CancellationToken,
    ) -> Result<Written, DataFusionError> {
        let mut held_back = Vec::new();
        let mut held_bytes = 0;
        let mut writing = false;
        loop {
            let next = tokio::select! {
                next = stream.next() => next,
                () = stop.cancelled() => return self.give_up(DataFusionError::Execution("given up".to_owned())).await,
            };
            let Some(batch) = next else { break };
            let batch = match batch.and_then(|batch| Ok(fit(batch, &self.schema)?)) {
                Ok(batch) if batch.num_rows() == 0 => continue,
                Ok(batch) => self.without_empty_partitions(batch)?,
                Err(source) => return self.give_up(source).await,
            };
            self.progress.add(batch.num_rows());
            if !writing {
                held_bytes += batch.get_array_memory_size();
                held_back.push(batch);
                if held_bytes < HELD_BACK {
                    continue;
                }
                writing = true;
                if let Err(source) = self.write_held_back(std::mem::take(&mut held_back)).await {
                    return self.give_up(source).await;
                }
            } else if let Err(source) = self.write(&batch).await {
                return self.give_up(source).await;
            }
        }
        let adds = match writing {
            true => self.close().await?,
            false => Vec::new(),
        };
        Ok(Written { adds, held_back })
    }

    async fn write_all(mut self, batches: Vec<RecordBatch>) -> Result<Vec<Add>, DataFusionError> {
        match self.write_held_back(batches).await {
            Ok(()) => self.close().await,
            Err(source) => self.give_up(source).await,
        }
    }

    /// The first rows: they decide how all are encoded.
    async fn write_held_back(&mut self, batches: Vec<RecordBatch>) -> Result<(), DataFusionError> {
        let properties = encoding::properties(&self.schema, &batches);
        self.writer = self.writer.take().map(|writer| writer.with_writer_properties(properties));
        for batch in batches {
            self.write(&batch).await?;
        }
        Ok(())
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        match &mut self.writer {
            Some(writer) => Ok(writer.write(batch).await?),
            None => Ok(()),
        }
    }

    async fn close(mut self) -> Result<Vec<Add>, DataFusionError> {
        match self.writer.take() {
            Some(writer) => Ok(writer.close().await?),
            None => Ok(Vec::new()),
        }
    }

    async fn give_up<T>(mut self, source: DataFusionError) -> Result<T, DataFusionError> {
        if let Some(writer) = self.writer.take() {
            // The first error is the one to tell; parts that stay behind are swept by the store's own rules.
            let _ = writer.abort().await;
        }
        Err(source)
    }

    /// In a partition column '' and NULL are one value by Delta's protocol: NULL is what every reader gives.
    fn without_empty_partitions(&self, batch: RecordBatch) -> Result<RecordBatch, DataFusionError> {
        let mut columns = batch.columns().to_vec();
        let mut changed = false;
        for index in &self.partition_columns {
            if let Some(column) = nulled(&columns[*index])? {
                columns[*index] = column;
                changed = true;
            }
        }
        match changed {
            true => Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?),
            false => Ok(batch),
        }
    }
}

fn nulled(column: &ArrayRef) -> Result<Option<ArrayRef>, DataFusionError> {
    let empty: datafusion::arrow::array::BooleanArray = match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().iter().map(|value| Some(value == Some(""))).collect(),
        DataType::Utf8View => column.as_string_view().iter().map(|value| Some(value == Some(""))).collect(),
        _ => return Ok(None),
    };
    if empty.true_count() == 0 {
        return Ok(None);
    }
    let nulls = new_null_array(column.data_type(), column.len());
    Ok(Some(zip(&empty, &nulls, column)?))
}

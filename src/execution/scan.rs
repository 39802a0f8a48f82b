//! A connector as a table: the rows a model has not read yet.
//!
//! Which items a scan reads is set on its [`Slice`] between planning and execution, so that one logical plan serves all
//! slices of a run. Records that cannot be decoded leave through a channel; they never stop the scan.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use tokio::sync::mpsc;

use crate::connectors::{
    Connector, INGESTED_AT_COLUMN, Item, Origin, Rejected, SOURCE_COLUMN, STATUS_COLUMN, Spare, WINDOW_COLUMN,
    added_columns, full_schema,
};
use crate::names::SourceName;

/// Pages a partition may be ahead of its reader.
const PAGES_AHEAD: usize = 2;

/// What the next execution of a scan reads, and where its rejected records go.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub(super) items: Vec<Item>,
    pub(super) rejects: Option<mpsc::Sender<RecordBatch>>,
    /// Items whose rejected records are stored already, below a line.
    pub(super) rejected_before: HashMap<String, u64>,
    pub(super) told: Arc<Told>,
}

/// Which rejected records were told. A query that names its source twice scans it twice, and each scan meets them.
#[derive(Debug, Default)]
pub(super) struct Told {
    scans: AtomicUsize,
    /// Item and line; filled only when there are several scans.
    records: Mutex<HashSet<(String, u64)>>,
}

impl Told {
    /// Whether other scans read the same items.
    fn has_others(&self) -> bool {
        self.scans.load(Ordering::Relaxed) > 1
    }

    fn is_first(&self, item: &str, record: &Rejected) -> bool {
        self.scans.load(Ordering::Relaxed) < 2
            || self.records.lock().unwrap_or_else(PoisonError::into_inner).insert((item.to_owned(), record.line))
    }
}

/// A source's table as a query sees it.
pub(super) struct ConnectorTable {
    pub(super) name: SourceName,
    pub(super) connector: Arc<Connector>,
    schema: SchemaRef,
    ingested_at_micros: i64,
    slice: Mutex<Slice>,
}

impl fmt::Debug for ConnectorTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ConnectorTable").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ConnectorTable {
    pub(super) fn new(name: SourceName, connector: Arc<Connector>, ingested_at_micros: i64) -> Self {
        let schema = full_schema(&connector.schema());
        Self { name, connector, schema, ingested_at_micros, slice: Mutex::default() }
    }

    pub(super) fn set(&self, slice: Slice) {
        *self.slice.lock().unwrap_or_else(PoisonError::into_inner) = slice;
    }

    /// What there is, read before or not: for queries that are no model's. Of a service that is the newest item only.
    pub(super) async fn set_everything(&self) -> Result<()> {
        let waiting = self
            .connector
            .waiting(&BTreeMap::new())
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let items = self.connector.for_a_look(waiting.items);
        self.set(Slice { items, ..Slice::default() });
        Ok(())
    }
}

#[async_trait]
impl TableProvider for ConnectorTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns: Vec<usize> = projection.map_or_else(|| (0..self.schema.fields().len()).collect(), Clone::clone);
        let schema = Arc::new(self.schema.project(&columns)?);
        let lanes = {
            let slice = self.slice.lock().unwrap_or_else(PoisonError::into_inner);
            let rejected_before = Arc::new(slice.rejected_before.clone());
            slice.told.scans.fetch_add(1, Ordering::Relaxed);
            spread(&slice.items, state.config().target_partitions())
                .into_iter()
                .map(|items| {
                    Arc::new(Lane {
                        connector: Arc::clone(&self.connector),
                        items,
                        columns: columns.clone(),
                        schema: Arc::clone(&schema),
                        ingested_at_micros: self.ingested_at_micros,
                        rejects: slice.rejects.clone(),
                        rejected_before: Arc::clone(&rejected_before),
                        told: Arc::clone(&slice.told),
                    }) as Arc<dyn PartitionStream>
                })
                .collect()
        };
        Ok(Arc::new(StreamingTableExec::try_new(schema, lanes, None, Vec::new(), false, limit)?))
    }
}

/// Items over lanes, the heaviest first to the lightest lane; within a lane in their own order.
fn spread(items: &[Item], lanes: usize) -> Vec<Vec<Item>> {
    let lanes = lanes.clamp(1, items.len().max(1));
    let mut loads = vec![(0_u64, Vec::new()); lanes];
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(items[*index].weight));
    for index in order {
        if let Some(lightest) = loads.iter_mut().min_by_key(|(load, _)| *load) {
            lightest.0 += items[index].weight;
            lightest.1.push(index);
        }
    }
    loads
        .into_iter()
        .map(|(_, mut indices)| {
            indices.sort_unstable();
            indices.into_iter().map(|index: usize| items[index].clone()).collect()
        })
        .collect()
}

/// Some of the items, one after the other.
struct Lane {
    connector: Arc<Connector>,
    items: Vec<Item>,
    columns: Vec<usize>,
    schema: SchemaRef,
    ingested_at_micros: i64,
    rejects: Option<mpsc::Sender<RecordBatch>>,
    rejected_before: Arc<HashMap<String, u64>>,
    told: Arc<Told>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lane").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

impl PartitionStream for Lane {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), PAGES_AHEAD);
        let pages = builder.tx();
        let lane = Self {
            connector: Arc::clone(&self.connector),
            items: self.items.clone(),
            columns: self.columns.clone(),
            schema: Arc::clone(&self.schema),
            ingested_at_micros: self.ingested_at_micros,
            rejects: self.rejects.clone(),
            rejected_before: Arc::clone(&self.rejected_before),
            told: Arc::clone(&self.told),
        };
        builder.spawn_blocking(move || lane.read(&pages));
        builder.build()
    }
}

impl Lane {
    fn read(&self, pages: &mpsc::Sender<Result<RecordBatch>>) -> Result<()> {
        let declared = self.connector.schema().fields().len();
        let wanted: Vec<usize> = self.columns.iter().copied().filter(|column| *column < declared).collect();
        let mut spare = Spare::default();
        for (index, item) in self.items.iter().enumerate() {
            if let Some(next) = self.items.get(index + 1) {
                self.connector.prefetch(next);
            }
            let mut failure = None;
            let mut listening = true;
            self.connector
                .read(item, &wanted, &mut spare, &mut |page| {
                    if !page.rejected.is_empty() {
                        let stored = self.rejected_before.get(&item.name).copied().unwrap_or(0);
                        self.reject(&page.origin, &page.rejected, stored);
                    }
                    if page.batch.num_rows() == 0 {
                        return true;
                    }
                    match self.complete(&page.origin, &page.batch) {
                        Ok(batch) => listening = pages.blocking_send(Ok(batch)).is_ok(),
                        Err(error) => failure = Some(error),
                    }
                    listening && failure.is_none()
                })
                .map_err(|error| DataFusionError::External(Box::new(error)))?;
            if let Some(error) = failure {
                return Err(error);
            }
            if !self.told.has_others() {
                self.connector.release(item);
            }
            if !listening {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The asked columns in their order: decoded ones, and what every source adds.
    fn complete(&self, origin: &Origin, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let declared = self.connector.schema().fields().len();
        let mut decoded = batch.columns().iter();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        let time = |micros: Option<i64>| ScalarValue::TimestampMicrosecond(micros, Some("UTC".into()));
        for column in &self.columns {
            let Some(added) = column.checked_sub(declared) else {
                match decoded.next() {
                    Some(array) => columns.push(Arc::clone(array)),
                    None => return Err(DataFusionError::Internal("a decoded column is missing".to_owned())),
                }
                continue;
            };
            if let (0, Some(sources)) = (added, &origin.sources) {
                columns.push(Arc::clone(sources));
                continue;
            }
            let value = match added_columns()[added].name().as_str() {
                SOURCE_COLUMN => ScalarValue::Utf8View(Some(origin.source.to_string())),
                INGESTED_AT_COLUMN => time(Some(self.ingested_at_micros)),
                WINDOW_COLUMN => time(origin.window_start_micros),
                STATUS_COLUMN => ScalarValue::Int32(origin.status.map(i32::from)),
                _ => ScalarValue::Utf8View(origin.error.as_deref().map(str::to_owned)),
            };
            columns.push(value.to_array_of_size(rows)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    fn reject(&self, origin: &Origin, rejected: &[Rejected], stored: u64) {
        let Some(channel) = &self.rejects else { return };
        let source = &*origin.source;
        let is_new = |record: &&Rejected| record.line >= stored && self.told.is_first(source, record);
        let rejected: Vec<&Rejected> = rejected.iter().filter(is_new).collect();
        if rejected.is_empty() {
            return;
        }
        if let Ok(batch) = rejected_batch(source, &rejected, self.ingested_at_micros) {
            // Nobody listens any more only when the whole step has failed.
            let _ = channel.blocking_send(batch);
        }
    }
}

/// The columns of a `<model>__rejected` table.
pub(super) fn rejected_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("raw", DataType::Utf8, true),
        Field::new("error", DataType::Utf8, true),
        Field::new("_source", DataType::Utf8, true),
        Field::new("_line", DataType::Int64, true),
        Field::new("_ingested_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ]))
}

fn rejected_batch(file: &str, rejected: &[&Rejected], ingested_at_micros: i64) -> Result<RecordBatch> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rejected.iter().map(|record| text(&record.raw)))),
        Arc::new(StringArray::from_iter_values(rejected.iter().map(|record| &record.error))),
        Arc::new(StringArray::from_iter_values(rejected.iter().map(|_| file))),
        Arc::new(Int64Array::from_iter_values(
            rejected.iter().map(|record| i64::try_from(record.line).unwrap_or(i64::MAX)),
        )),
        Arc::new(TimestampMicrosecondArray::from_value(ingested_at_micros, rejected.len()).with_timezone("UTC")),
    ];
    Ok(RecordBatch::try_new(rejected_schema(), columns)?)
}

//! Records that could not be decoded: put aside in a table of their own, in a commit before the one of the rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use serde_json::Map;
use tokio::sync::mpsc;

use super::Build;
use super::source_rows::SliceOfRun;
use crate::connectors::Item;
use crate::diagnostic::Diagnostics;
use crate::execution::scan::rejected_schema;
use crate::storage::{Change, Description, Positions, Progress, Removes, Staged, Table};

/// What the table of rejected records holds before a slice.
pub(super) struct StoredRejects {
    /// Of each reading: items of the slice whose rejects an earlier, interrupted run has stored already.
    pub(super) items: Vec<HashMap<String, u64>>,
    /// All of them, if they are of an earlier reading of the sources.
    pub(super) outdated: Removes,
}

impl SliceOfRun<'_> {
    pub(super) async fn stored_rejects(
        &self,
        build: &Build<'_>,
        rejected: Option<&Table>,
    ) -> Result<StoredRejects, Diagnostics> {
        let mut stored = Vec::new();
        for reading in self.readings {
            stored.push(match rejected {
                None => Positions::default(),
                Some(table) => match build.context.warehouse.positions(table, &reading.table.name).await {
                    Ok(stored) => stored,
                    Err(error) => return Err(build.run_fault(error).await),
                },
            });
        }
        let generations = || self.readings.iter().map(|reading| reading.positions.generation);
        let of_this_reading =
            stored.iter().zip(generations()).all(|(stored, generation)| stored.generation == generation)
                && stored.iter().any(|stored| !stored.items.is_empty());
        // A model read anew forgets what was rejected before, but not what it has stored itself before it was interrupted.
        let outdated = match self.replaces && !of_this_reading && rejected.is_some_and(|table| table.files() > 0) {
            true => Removes::All,
            false => Removes::None,
        };
        let items = stored
            .iter()
            .zip(generations())
            .zip(self.readings.iter().zip(self.slices))
            .map(|((stored, generation), (reading, items))| {
                match stored.generation == generation && outdated == Removes::None {
                    true => {
                        let below = |item: &Item| reading.table.connector.rejects_stored(&stored.items, item);
                        items.iter().filter_map(|item| Some((item.name.clone(), below(item)?))).collect()
                    }
                    false => HashMap::new(),
                }
            })
            .collect();
        Ok(StoredRejects { items, outdated })
    }

    pub(super) async fn commit_rejects(
        &self,
        build: &Build<'_>,
        base: Option<&Table>,
        rejects: Staged,
        removes: Removes,
        positions: &[(String, i64)],
    ) -> Result<(), Diagnostics> {
        if rejects.rows == 0 && removes == Removes::None {
            return Ok(());
        }
        let description = Description {
            schema: rejected_schema(),
            partition_by: Vec::new(),
            comment: format!("records that could not be decoded for {}", build.model.relation),
            column_comments: [
                ("raw", "the record as it came"),
                ("error", "why it could not be decoded"),
                ("_source", "where it came from"),
                ("_line", "its line there, from 1"),
                ("_ingested_at", "when the run that read it began"),
            ]
            .into_iter()
            .map(|(column, comment)| (column.to_owned(), comment.to_owned()))
            .collect(),
            properties: Vec::new(),
        };
        let relation = build.model.relation.rejected();
        let change = Change {
            staged: rejects,
            rewritten: None,
            removes,
            describe: base.is_none().then_some(description),
            positions: positions.to_vec(),
            info: super::commit_info(build.context, &build.node.unique_id, &build.sql, Map::new()),
            mode: "write",
            now_millis: build.context.started.as_millisecond(),
        };
        let warehouse = &build.context.warehouse;
        let committed = async {
            let _lock = warehouse.lock(&relation).await?;
            warehouse.commit(base, change).await
        };
        match committed.await {
            Ok(_) => Ok(()),
            Err(error) => Err(build.run_fault(error).await),
        }
    }
}

/// Writes rejected records as they come; ends when the scans do.
pub(super) async fn stage_rejects(
    build: &Build<'_>,
    receiver: mpsc::Receiver<RecordBatch>,
) -> Result<Staged, Diagnostics> {
    let schema = rejected_schema();
    let batches = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|batch| (Ok::<_, DataFusionError>(batch), receiver))
    });
    let stream: SendableRecordBatchStream =
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), batches.boxed()));
    let progress = Arc::new(Progress::default());
    let relation = build.model.relation.rejected();
    let staged = build.context.warehouse.stage_streams(&relation, vec![stream], &schema, &[], &progress).await;
    match staged {
        Ok(staged) => Ok(staged),
        Err(error) => Err(build.run_fault(error).await),
    }
}

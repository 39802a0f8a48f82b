//! `kafka` - the query's rows, sent to a topic. The model's table holds no rows: it has their columns, and how far the
//! model's own sources were read, which moves once the brokers have confirmed all that was sent.

use std::sync::Arc;

use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use futures::future::try_join_all;

use super::Build;
use super::rows::Prepared;
use crate::connectors::{ConnectorError, Producer, TopicError};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::execution::blocking;
use crate::execution::fault::connector_diagnostic;
use crate::graph::TopicConfig;
use crate::storage::{Staged, StorageError};

impl Build<'_> {
    /// Sends the rows and waits until they are confirmed.
    pub(super) async fn send(&self, plan: Arc<dyn ExecutionPlan>, prepared: &Prepared) -> Result<Staged, Diagnostics> {
        let Some(config) = &self.model.config.topic else {
            let message = format!("`{}` has no topic", self.node.label());
            return Err(Diagnostic::error(Code::Config, message).in_file(self.node.path.clone()).into());
        };
        let fault = |error| self.topic_fault(config, error);
        let producer = match self.context.kept_producer(self.id) {
            Some(producer) => producer,
            None => {
                let (config, cancel) = (config.clone(), self.context.cancel.clone());
                Arc::new(blocking(move || Producer::open(&config, &cancel)).await.map_err(fault)?)
            }
        };
        let context = self.session.state().task_ctx();
        let partitions = plan.properties().output_partitioning().partition_count();
        let streams: Result<Vec<_>, _> =
            (0..partitions).map(|partition| plan.execute(partition, Arc::clone(&context))).collect();
        let sent = match streams {
            Ok(streams) => try_join_all(streams.into_iter().map(|stream| self.send_all(&producer, stream))).await,
            Err(source) => Err(Failed::Query(source)),
        };
        let rows: u64 = match sent {
            Ok(rows) => rows.into_iter().sum(),
            Err(Failed::Topic(error)) => return Err(fault(error)),
            Err(Failed::Query(source)) => {
                let relation = self.model.relation.clone();
                return Err(self.run_fault(StorageError::Write { relation, source }).await);
            }
        };
        let confirming = Arc::clone(&producer);
        blocking(move || confirming.finish()).await.map_err(fault)?;
        self.context.keep_producer(self.id, producer);
        Ok(Staged::empty(&self.model.relation, &prepared.schema, &[]).counting(rows))
    }

    async fn send_all(&self, producer: &Arc<Producer>, mut stream: SendableRecordBatchStream) -> Result<u64, Failed> {
        let mut rows = 0;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(Failed::Query)?;
            let (producer, count) = (Arc::clone(producer), batch.num_rows());
            blocking(move || producer.send(&batch)).await.map_err(Failed::Topic)?;
            rows += count as u64;
            self.progress.add(count);
        }
        Ok(rows)
    }

    fn topic_fault(&self, config: &TopicConfig, error: TopicError) -> Diagnostics {
        let told = connector_diagnostic(&ConnectorError::Topic(error));
        told.else_at(config.place.clone(), &self.node.path).into()
    }
}

enum Failed {
    Query(datafusion::error::DataFusionError),
    Topic(TopicError),
}

//! What is looked up before anything is bound: tables that are there already.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;

use crate::execution::{Context, existing};
use crate::graph::{Materialized, NodeId, NodeKind};
use crate::project::TableReader;
use crate::storage::Table;

/// What lies in the warehouse and beside it.
#[derive(Default)]
pub(super) struct Tables {
    /// The tables of incremental models, whose columns must still fit.
    pub(super) built: HashMap<NodeId, Table>,
    /// The columns of sources that are tables on a disk.
    pub(super) sources: HashMap<NodeId, SchemaRef>,
}

pub(super) async fn tables(context: &Arc<Context>, nodes: &BTreeSet<NodeId>) -> Tables {
    let mut tables = Tables::default();
    for id in nodes {
        match &context.graph.node(*id).kind {
            NodeKind::Model(model) if model.config.materialized == Materialized::Incremental => {
                // One that cannot be opened is the run's to report.
                if context.warehouse.is_local()
                    && let Ok(Some(table)) = context.warehouse.table(&model.relation).await
                {
                    tables.built.insert(*id, table);
                }
            }
            NodeKind::Source(source) => {
                if let TableReader::Table { location, format, storage_options } = &source.reader
                    && (!location.contains("://") || location.starts_with("file://"))
                {
                    let state = Arc::new(context.base.clone());
                    let found = existing::provider(&state, context, location, *format, storage_options).await;
                    if let Ok(provider) = found {
                        tables.sources.insert(*id, provider.schema());
                    }
                }
            }
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {}
        }
    }
    tables
}

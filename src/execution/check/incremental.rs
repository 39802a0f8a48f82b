//! What an incremental model does to its table, beside its query: the conditions of a merge or of `replace_where`.

use datafusion::arrow::datatypes::SchemaRef;
use futures::executor::block_on;

use super::bind::Binder;
use crate::graph::{IncrementalStrategy, ModelConfig, ModelNode};
use crate::storage::{Merge, Rewrite, StorageError};

impl Binder {
    /// The conditions in its settings against the columns of its rows and of its table.
    pub(super) fn conditions(
        &self,
        model: &ModelNode,
        rows: &SchemaRef,
        table: &SchemaRef,
    ) -> Result<(), StorageError> {
        match with_conditions(&model.config) {
            // Ready at once: nothing is read.
            Some(rewrite) => block_on(rewrite.bind(&self.state, &model.relation, rows, table)),
            None => Ok(()),
        }
    }
}

/// How rows are replaced, if conditions say which.
fn with_conditions(config: &ModelConfig) -> Option<Rewrite> {
    let (keys, predicates) = (config.unique_key.clone(), config.incremental_predicates.clone());
    match config.strategy {
        IncrementalStrategy::Merge if !predicates.is_empty() => {
            Some(Rewrite::Merge(Merge { keys, predicates, update: None }))
        }
        IncrementalStrategy::DeleteInsert if !predicates.is_empty() => Some(Rewrite::DeleteInsert { keys, predicates }),
        IncrementalStrategy::InsertOverwrite => config.replace_where.clone().map(Rewrite::Where),
        IncrementalStrategy::Append | IncrementalStrategy::Merge | IncrementalStrategy::DeleteInsert => None,
    }
}

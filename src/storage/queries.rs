//! Queries on staged rows, and on what is there, while rows are replaced.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::catalog::{MemoryCatalogProviderList, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionState;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;

use super::error::StorageError;
use super::rewrite::{SOURCE, list};
use crate::names::Relation;

/// A session of its own: the caller's functions, memory and stores, and no tables.
pub(super) fn scratch(session: &SessionState) -> SessionContext {
    let config = session.config().clone().with_create_default_catalog_and_schema(true);
    let state = SessionStateBuilder::new_from_existing(session.clone())
        .with_config(config.with_default_catalog_and_schema("scratch", "scratch"))
        .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
        .build();
    SessionContext::new_with_state(state)
}

/// Queries on staged rows, and on what is there, about one relation.
pub(super) struct Queries<'a> {
    pub(super) relation: &'a Relation,
    pub(super) context: SessionContext,
}

impl Queries<'_> {
    pub(super) fn failed(&self, source: DataFusionError) -> StorageError {
        StorageError::Write { relation: self.relation.clone(), source }
    }

    pub(super) fn add(&self, name: &str, provider: Arc<dyn TableProvider>) -> Result<(), StorageError> {
        let name = format!("\"{name}\"");
        self.context.deregister_table(name.as_str()).map_err(|source| self.failed(source))?;
        self.context.register_table(name.as_str(), provider).map_err(|source| self.failed(source))?;
        Ok(())
    }

    pub(super) async fn sql(&self, sql: &str) -> Result<DataFrame, StorageError> {
        self.context.sql(sql).await.map_err(|source| self.failed(source))
    }

    /// The first batch of a query that gives a handful of rows.
    pub(super) async fn first(&self, sql: &str) -> Result<Option<RecordBatch>, StorageError> {
        let mut stream = self.sql(sql).await?.execute_stream().await.map_err(|source| self.failed(source))?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|source| self.failed(source))?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    pub(super) async fn refuse_duplicate_keys(&self, keys: &[String]) -> Result<(), StorageError> {
        let columns = list(keys, |key| format!("\"{key}\""));
        let present = keys.iter().map(|key| format!("\"{key}\" is not null")).collect::<Vec<_>>().join(" and ");
        let sql = format!(
            "select {columns}, count(*) as n from \"{SOURCE}\" where {present} group by {columns} having count(*) > 1 order by n desc, {columns} limit 1"
        );
        let Some(batch) = self.first(&sql).await? else { return Ok(()) };
        let shown = |index: usize| array_value_to_string(batch.column(index), 0).unwrap_or_default();
        let key: Vec<String> =
            keys.iter().enumerate().map(|(index, key)| format!("{key} = {}", shown(index))).collect();
        Err(StorageError::DuplicateKey {
            relation: self.relation.clone(),
            key: keys.join(", "),
            sample: format!("{} has {} rows", key.join(", "), shown(keys.len())),
        })
    }
}

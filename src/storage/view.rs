//! A view: its SQL in a file where a table's log would lie. Delta has no views; the engine resolves them.

use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use super::{StorageError, Warehouse};
use crate::names::Relation;

const FILE: &str = "_engine_view.json";

/// What is kept of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    pub sql: String,
    pub description: String,
    pub invocation_id: String,
}

impl Warehouse {
    /// The view at a relation's place, if there is one.
    pub async fn view(&self, relation: &Relation) -> Result<Option<View>, StorageError> {
        let path = self.location.path(&relation.path()).join(FILE);
        let failed = |source| StorageError::Store { path: self.shown(&path), source };
        let bytes = match self.location.store().get(&path).await {
            Ok(found) => found.bytes().await.map_err(failed)?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        // A file that is no view of ours counts as none: the next run writes it anew.
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// Puts a view in place of whatever the relation was; a table there is dropped once the view stands.
    pub async fn put_view(&self, relation: &Relation, view: &View) -> Result<(), StorageError> {
        let path = self.location.path(&relation.path()).join(FILE);
        let failed = |source| StorageError::Store { path: self.shown(&path), source };
        let there = self.view(relation).await?;
        if there.as_ref().is_none_or(|old| old.sql != view.sql || old.description != view.description) {
            let text = serde_json::to_vec_pretty(view).unwrap_or_default();
            self.location.store().put(&path, PutPayload::from(text)).await.map_err(failed)?;
        }
        // Also what a run that was killed here has left.
        match self.has_log(relation).await? {
            true => self.drop_table(relation, FILE).await,
            false => Ok(()),
        }
    }

    /// Removes a view's file: a table has taken its place.
    pub(super) async fn remove_view(&self, relation: &Relation) -> Result<(), StorageError> {
        let path = self.location.path(&relation.path()).join(FILE);
        match self.location.store().delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(StorageError::Store { path: self.shown(&path), source }),
        }
    }
}

//! A table's Delta log at a place.

use std::sync::Arc;

use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use object_store::ObjectStore;
use object_store::prefix::PrefixStore;
use url::Url;

use super::Warehouse;
use crate::location::Location;
use crate::names::Relation;

/// The log of the table at an address of `location`, read through `store`.
pub(super) fn at(location: &Location, url: &Url, store: Arc<dyn ObjectStore>) -> LogStoreRef {
    let prefixed = Arc::new(PrefixStore::new(Arc::clone(&store), location.path_of(url)));
    default_logstore(prefixed, store, url, &StorageConfig::default())
}

impl Warehouse {
    pub(super) fn log_store(&self, relation: &Relation) -> LogStoreRef {
        self.log_store_over(relation, Arc::clone(self.location.store()))
    }

    /// With another store in place of the warehouse's own.
    pub(super) fn log_store_over(&self, relation: &Relation, store: Arc<dyn ObjectStore>) -> LogStoreRef {
        at(&self.location, &self.location.below(&relation.path()), store)
    }
}

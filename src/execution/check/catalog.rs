//! Tables without rows: what a query is bound against when nothing is read.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::{DataFusionError, Result};

use crate::execution::session::{SOURCE, WAREHOUSE};
use crate::names::Relation;

/// What is known of a table's columns.
#[derive(Debug, Clone)]
pub(super) enum Columns {
    Known(SchemaRef),
    /// It is there; what it has cannot be said without reading it, or because its own SQL is wrong.
    Unknown,
}

/// A table that is there, with columns nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("the columns of `{0}` are not known")]
pub(super) struct Unbound(String);

/// By schema and name: `layer` and `model`, `source` and `table`.
type Tables = HashMap<(String, String), Columns>;

/// The tables of a check. Filled from the top of the graph down, while queries further down are bound.
#[derive(Debug, Default)]
pub struct Stubs {
    relations: RwLock<Tables>,
    sources: RwLock<Tables>,
}

impl Stubs {
    pub(super) fn add_relation(&self, relation: &Relation, columns: Columns) {
        let key = (relation.layer().to_owned(), relation.name().to_owned());
        self.relations.write().unwrap_or_else(PoisonError::into_inner).insert(key, columns);
    }

    pub(super) fn add_source(&self, name: &crate::names::SourceName, columns: Columns) {
        let key = (name.source.clone(), name.table.clone());
        self.sources.write().unwrap_or_else(PoisonError::into_inner).insert(key, columns);
    }

    fn find(&self, kind: Kind, schema: &str, name: &str) -> Option<Columns> {
        let tables = match kind {
            Kind::Relations => &self.relations,
            Kind::Sources => &self.sources,
        };
        let key = (schema.to_owned(), name.to_owned());
        tables.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// The columns of a relation, if they are known.
    pub(in crate::execution) fn columns(&self, relation: &Relation) -> Option<SchemaRef> {
        match self.find(Kind::Relations, relation.layer(), relation.name())? {
            Columns::Known(schema) => Some(schema),
            Columns::Unknown => None,
        }
    }

    /// The columns of a source's table, if they are known.
    pub(in crate::execution) fn source_columns(&self, name: &crate::names::SourceName) -> Option<SchemaRef> {
        match self.find(Kind::Sources, &name.source, &name.table)? {
            Columns::Known(schema) => Some(schema),
            Columns::Unknown => None,
        }
    }

    /// Whether a table of this name is there, its columns known or not.
    pub(super) fn has(&self, catalog: &str, schema: &str, name: &str) -> bool {
        Kind::of(catalog).is_some_and(|kind| self.find(kind, schema, name).is_some())
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Relations,
    Sources,
}

impl Kind {
    fn of(catalog: &str) -> Option<Self> {
        match catalog {
            WAREHOUSE => Some(Self::Relations),
            SOURCE => Some(Self::Sources),
            _ => None,
        }
    }
}

/// All catalogs of a check's session.
#[derive(Debug)]
pub(super) struct StubCatalogs(pub(super) Arc<Stubs>);

impl CatalogProviderList for StubCatalogs {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![WAREHOUSE.to_owned(), SOURCE.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        let kind = Kind::of(name)?;
        Some(Arc::new(StubCatalog { stubs: Arc::clone(&self.0), kind }))
    }
}

#[derive(Debug)]
struct StubCatalog {
    stubs: Arc<Stubs>,
    kind: Kind,
}

impl CatalogProvider for StubCatalog {
    fn schema_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::new(StubTables { stubs: Arc::clone(&self.stubs), kind: self.kind, schema: name.to_owned() }))
    }
}

#[derive(Debug)]
struct StubTables {
    stubs: Arc<Stubs>,
    kind: Kind,
    schema: String,
}

#[async_trait]
impl SchemaProvider for StubTables {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.stubs.find(self.kind, &self.schema, name) {
            None => Ok(None),
            Some(Columns::Known(schema)) => Ok(Some(Arc::new(EmptyTable::new(schema)))),
            Some(Columns::Unknown) => {
                Err(DataFusionError::External(Box::new(Unbound(format!("{}.{name}", self.schema)))))
            }
        }
    }

    fn table_exist(&self, _: &str) -> bool {
        true
    }
}

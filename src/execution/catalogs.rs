//! Relations and sources as catalogs of a step's session: a table is opened when a query names it.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::error::Result;

use super::session::{SOURCE, StepSession, WAREHOUSE};
use crate::names::{Relation, SourceName};

/// All catalogs of a step's session.
#[derive(Debug)]
pub(super) struct Catalogs {
    pub(super) session: Weak<StepSession>,
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![WAREHOUSE.to_owned(), SOURCE.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        let kind = match name {
            WAREHOUSE => Kind::Relations,
            SOURCE => Kind::Sources,
            _ => return None,
        };
        Some(Arc::new(Catalog { session: self.session.clone(), kind }))
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Relations,
    Sources,
}

#[derive(Debug)]
struct Catalog {
    session: Weak<StepSession>,
    kind: Kind,
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::new(Tables { session: self.session.clone(), kind: self.kind, schema: name.to_owned() }))
    }
}

/// The tables of one layer or one source, opened when a query names them.
#[derive(Debug)]
struct Tables {
    session: Weak<StepSession>,
    kind: Kind,
    schema: String,
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(session) = self.session.upgrade() else { return Ok(None) };
        let found = match self.kind {
            Kind::Relations => match Relation::new(&self.schema, name) {
                Ok(relation) => session.relation(&relation).await?,
                Err(_) => None,
            },
            Kind::Sources => {
                session.source(&SourceName { source: self.schema.clone(), table: name.to_owned() }).await?
            }
        };
        if found.is_none() {
            session.note_missing(match self.schema.as_str() {
                "public" => name.to_owned(),
                schema => format!("{schema}.{name}"),
            });
        }
        Ok(found)
    }

    fn table_exist(&self, _: &str) -> bool {
        true
    }
}

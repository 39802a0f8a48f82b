//! A source that is a table already: Delta, or Parquet, CSV or JSON files read whole.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionState;
use serde_json::{Map, Value};

use super::Context;
use crate::location::Location;
use crate::project::TableFormat;
use crate::storage::Warehouse;

pub(super) async fn provider(
    state: &Arc<SessionState>,
    context: &Context,
    location: &str,
    format: TableFormat,
    storage_options: &Map<String, Value>,
) -> Result<Arc<dyn TableProvider>> {
    let external = |error: crate::storage::StorageError| DataFusionError::External(Box::new(error));
    let root = &context.project.root;
    let file_format: Arc<dyn FileFormat> = match format {
        TableFormat::Delta => {
            let opened = Warehouse::open(location, root, storage_options, &context.project.env).map_err(external)?;
            return opened.foreign(state).await.map_err(external);
        }
        TableFormat::Parquet => Arc::new(ParquetFormat::default()),
        TableFormat::Csv => Arc::new(CsvFormat::default().with_has_header(true)),
        TableFormat::Json => Arc::new(JsonFormat::default()),
    };
    let url = match location.contains("://") {
        true => {
            let opened = Location::open(location, root, storage_options, &context.project.env)
                .map_err(|error| external(error.into()))?;
            state.runtime_env().register_object_store(opened.url(), Arc::clone(opened.store()));
            ListingTableUrl::parse(location)?
        }
        false => ListingTableUrl::parse(root.join(location).to_string_lossy())?,
    };
    let options = ListingOptions::new(file_format);
    let schema = options.infer_schema(state.as_ref(), &url).await?;
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
}

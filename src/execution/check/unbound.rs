//! What a query reads that is not known, or nowhere.

use datafusion::error::DataFusionError;

use super::bind::Binder;
use super::catalog::{Columns, Stubs, Unbound};
use crate::execution::Context;
use crate::execution::session::WAREHOUSE;
use crate::execution::statement::statement_of;
use crate::execution::verify::relation_sql;
use crate::graph::NodeId;
use crate::names::Relation;

impl Binder {
    /// Whether the SQL names a table whose columns are not known: it cannot be bound then.
    pub(super) fn reads_unknown(&self, id: NodeId, sql: &str) -> bool {
        let unknown = self.context.graph.parents(id).iter().filter(|parent| self.columns_of(**parent).is_none());
        let mut tables = unknown.map(|parent| relation_sql(self.context.graph.node(*parent)));
        tables.any(|table| sql.contains(&table))
    }

    /// Tables that the SQL names and no node stands for, looked for in the warehouse; whether there is one now.
    pub(super) fn adopt(&self, sql: &str) -> bool {
        if !self.context.warehouse.is_local() {
            return false;
        }
        let mut is_there = false;
        for (layer, name) in missing_relations(&self.context, &self.stubs, sql) {
            let Ok(relation) = Relation::new(&layer, &name) else { continue };
            if let Ok(Some(table)) = self.runtime().block_on(self.context.warehouse.table(&relation)) {
                self.stubs.add_relation(&relation, Columns::Known(table.schema()));
                is_there = true;
            }
        }
        is_there
    }
}

/// Whether a query could not be bound because of what it reads.
pub(super) fn is_unbound(error: &DataFusionError) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if current.is::<Unbound>() {
            return true;
        }
        next = match current.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            _ => current.source(),
        };
    }
    false
}

/// The tables that a query names and that are nowhere.
pub(super) fn missing(context: &Context, stubs: &Stubs, sql: &str) -> Vec<String> {
    let missing = missing_relations(context, stubs, sql);
    let shown = |(schema, table): (String, String)| match schema.as_str() {
        "public" => table,
        schema => format!("{schema}.{table}"),
    };
    missing.into_iter().map(shown).collect()
}

fn missing_relations(context: &Context, stubs: &Stubs, sql: &str) -> Vec<(String, String)> {
    let Ok(statement) = statement_of(&context.base, sql) else { return Vec::new() };
    let Ok(references) = context.base.resolve_table_references(&statement) else { return Vec::new() };
    references
        .iter()
        .filter_map(|reference| {
            let full = reference.clone().resolve(WAREHOUSE, "public");
            let is_there = stubs.has(&full.catalog, &full.schema, &full.table);
            (!is_there).then(|| (full.schema.to_string(), full.table.to_string()))
        })
        .collect()
}

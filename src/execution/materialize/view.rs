//! `view` - the SQL is stored, nothing is computed. It is planned first, so that a wrong view is never stored.

use super::{Build, contract_broken};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::execution::check::unreadable_view;
use crate::execution::session::output_schema;
use crate::execution::step::Outcome;
use crate::graph::Node;
use crate::storage::{StorageError, View, table_schema};

pub(super) async fn create(build: &Build<'_>) -> Result<Outcome, Diagnostics> {
    let planned = match build.session.plan(&build.sql).await {
        Ok(plan) => build.session.state().optimize(&plan).map(|_| plan),
        Err(error) => Err(error),
    };
    let planned = match planned {
        Ok(planned) => planned,
        Err(error) => return Err(build.sql_fault(error).await),
    };
    let broken = contract_broken(build.session.state(), build.node, build.model, &output_schema(&planned));
    if broken.has_errors() {
        return Err(broken);
    }
    if let Err(error @ StorageError::DuplicateColumn { .. }) =
        table_schema(&build.model.relation, &output_schema(&planned))
    {
        return Err(build.run_fault(error).await);
    }
    if let Some(source) = build.session.sources().first() {
        return Err(view_of_source(build.node, &source.name.to_string()).into());
    }
    if let Some(error) = unreadable_view(build.session.state(), planned).await {
        return Err(build.sql_fault(error).await);
    }
    let view = View {
        sql: build.sql.clone(),
        description: build.model.properties.description.trim().to_owned(),
        invocation_id: build.context.invocation_id.clone(),
    };
    let relation = &build.model.relation;
    let warehouse = &build.context.warehouse;
    let stored = async { warehouse.put_view(relation, &view).await };
    match stored.await {
        Ok(()) => Ok(Outcome { message: "view".to_owned(), ..Outcome::default() }),
        Err(error) => Err(build.run_fault(error).await),
    }
}

/// A view cannot be asked again for rows that come only once.
pub(in crate::execution) fn view_of_source(node: &Node, source: &str) -> Diagnostic {
    let message = format!("`{}` is a view of the source `{source}`, which is read only once", node.label());
    Diagnostic::error(Code::Source, message)
        .in_file(node.path.clone())
        .hint("make it `materialized: incremental`: its table then keeps what was read, and how far")
}

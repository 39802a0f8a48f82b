//! How a model becomes a relation: one file each; this is the registry and what they share.

mod columns;
mod contract;
mod partitions;
mod rejects;
mod rows;
mod source_rows;
mod topic;
mod view;

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub(super) use columns::{evolution, left_out, unknown_columns};
pub(super) use contract::{contract_broken, naming};
pub(super) use partitions::only_partitions;
pub(super) use view::view_of_source;

use super::hook::Hook;
use super::session::StepSession;
use super::step::Outcome;
use super::{Context, compile, fault, hook};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::graph::{ModelNode, Node, NodeId, NodeKind};
use crate::plan::{Action, Step};
use crate::storage::{Description, Progress};

/// A model on its way into its relation.
pub(super) struct Build<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) id: NodeId,
    pub(super) node: &'a Node,
    pub(super) model: &'a ModelNode,
    pub(super) action: Action,
    pub(super) session: Arc<StepSession>,
    pub(super) sql: String,
    pub(super) progress: &'a Arc<Progress>,
}

pub(super) async fn run(context: &Arc<Context>, step: &Step, progress: &Arc<Progress>) -> Result<Outcome, Diagnostics> {
    let node = context.graph.node(step.node);
    let NodeKind::Model(model) = &node.kind else { return Ok(Outcome::default()) };
    let began = Instant::now();
    // Before anything is read: what `this` says must still hold when the rows are committed.
    let _lock = match context.warehouse.lock(&model.relation).await {
        Ok(lock) => lock,
        Err(error) => return Err(fault::storage_diagnostic(&error).in_file(node.path.clone()).into()),
    };
    let incremental = step.action.renders_incremental();
    let sql = compile::compile_node(context, step.node, incremental).await?;
    context.keep_compiled(step.node, &sql, incremental);
    let session = StepSession::of_step(context, step.node);
    let build = Build { context, id: step.node, node, model, action: step.action, session, sql, progress };
    build.hooks(&model.config.pre_hook).await?;
    let mut outcome = match step.action {
        Action::CreateView => view::create(&build).await,
        Action::ReplaceTable
        | Action::Append
        | Action::Merge
        | Action::DeleteInsert
        | Action::InsertOverwrite
        | Action::Send => rows::write(&build, began).await,
        Action::LoadSeed | Action::RunTest => Ok(Outcome::default()),
    }?;
    build.hooks(&model.config.post_hook).await?;
    outcome.inputs = build.session.versions();
    Ok(outcome)
}

impl<'a> Build<'a> {
    /// The same model, rendered once more for `action`, in the same session.
    async fn again(&self, action: Action) -> Result<Build<'a>, Diagnostics> {
        let sql = compile::compile_node(self.context, self.id, action.renders_incremental()).await?;
        let session = Arc::clone(&self.session);
        let (context, id, node, model, progress) = (self.context, self.id, self.node, self.model, self.progress);
        Ok(Build { context, id, node, model, action, session, sql, progress })
    }
}

impl Build<'_> {
    /// Hooks are queries; they run for what they raise and log.
    async fn hooks(&self, hooks: &[String]) -> Result<(), Diagnostics> {
        for text in hooks {
            hook::run(self.context, Hook { node: Some(self.id), text }).await?;
        }
        Ok(())
    }

    /// The SQL's own mistakes, in the template.
    async fn sql_fault(&self, error: datafusion::error::DataFusionError) -> Diagnostics {
        fault::sql_fault(self.context, self.id, &self.sql, error, &self.session.missing()).await
    }

    async fn run_fault(&self, error: crate::storage::StorageError) -> Diagnostics {
        fault::run_fault(self.context, self.id, &self.sql, error).await
    }

    /// What the commit says of itself.
    fn info(&self) -> Map<String, Value> {
        let inputs: Map<String, Value> =
            self.session.versions().iter().map(|(relation, version)| (relation.to_string(), json!(version))).collect();
        commit_info(self.context, &self.node.unique_id, &self.sql, inputs)
    }

    fn description(&self, schema: &datafusion::arrow::datatypes::SchemaRef, partition_by: &[String]) -> Description {
        Description {
            schema: Arc::clone(schema),
            partition_by: partition_by.to_vec(),
            comment: self.model.properties.description.trim().to_owned(),
            column_comments: self
                .model
                .properties
                .columns
                .iter()
                .map(|column| (column.name.clone(), column.description.trim().to_owned()))
                .collect(),
            properties: self.model.config.table_properties.clone(),
        }
    }

    fn mistake(&self, code: Code, message: String) -> Diagnostic {
        Diagnostic::error(code, message).in_file(self.node.path.clone())
    }
}

/// The keys under which a commit names who made it.
pub(in crate::execution) fn commit_info(
    context: &Context,
    model: &str,
    sql: &str,
    inputs: Map<String, Value>,
) -> Map<String, Value> {
    let hash: String = Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut info = Map::new();
    info.insert("engine.invocation".to_owned(), json!(context.invocation_id));
    info.insert("engine.model".to_owned(), json!(model));
    info.insert("engine.sql_hash".to_owned(), json!(hash));
    info.insert("engine.inputs".to_owned(), Value::Object(inputs));
    info
}

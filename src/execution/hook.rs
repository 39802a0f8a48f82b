//! Hooks: queries that run around a model or around all of a run, for what they raise and log.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::session::StepSession;
use super::{Context, compile, fault};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::graph::NodeId;
use crate::template::{Described, NodeTemplate};

/// A hook of a node, or of the project.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hook<'a> {
    pub(super) node: Option<NodeId>,
    pub(super) text: &'a str,
}

/// Renders and runs a hook.
pub(super) async fn run(context: &Arc<Context>, hook: Hook<'_>) -> Result<(), Diagnostics> {
    let sql = compile::compile_template(context, None, hook.template(context), false).await?;
    if sql.trim().is_empty() {
        return Ok(());
    }
    let session = StepSession::new(context, hook.node);
    let ran = async {
        let plan = session.plan(&sql).await?;
        let frame = DataFrame::new(session.state().as_ref().clone(), plan);
        let mut stream = frame.execute_stream().await?;
        while let Some(batch) = stream.next().await {
            batch?;
        }
        Ok(())
    };
    ran.await.map_err(|error: DataFusionError| hook.fault(context, &sql, &error).into())
}

/// The project's own hooks, before the first and after the last step.
pub async fn run_project_hooks(context: &Arc<Context>, hooks: &[String]) -> Result<(), Diagnostics> {
    for text in hooks {
        run(context, Hook { node: None, text }).await?;
    }
    Ok(())
}

impl Hook<'_> {
    fn name(self, context: &Context) -> String {
        match self.node {
            Some(id) => format!("hook of {}", context.graph.node(id).name),
            None => "hook".to_owned(),
        }
    }

    pub(super) fn template(self, context: &Context) -> NodeTemplate {
        let owner = self.node.map(|id| context.graph.node(id));
        let name = self.name(context);
        NodeTemplate {
            locals: Vec::new(),
            unique_id: owner
                .map_or_else(|| format!("operation.{}", context.graph.project_name), |node| node.unique_id.clone()),
            name: name.clone(),
            source: SourceText::new(name, self.text),
            this: owner.and_then(|node| node.relation().cloned()),
            config: owner.map(|node| Arc::clone(&node.config)).unwrap_or_default(),
            model: Described::default(),
        }
    }

    /// What is wrong with its query, where the hook is written.
    pub(super) fn fault(self, context: &Context, sql: &str, error: &DataFusionError) -> Diagnostic {
        let said = fault::said(error);
        let mut diagnostic = Diagnostic::error(Code::Sql, format!("{}: {}", self.name(context), said.message));
        diagnostic.notes = said.notes;
        diagnostic.notes.push(format!("it runs: {}", sql.trim()));
        diagnostic.hints = match fault::nature(error) {
            fault::Nature::Name => said.hints,
            _ => vec!["hooks are queries; what changes tables belongs into a model".to_owned()],
        };
        let path = self.node.map_or("project.yaml", |id| context.graph.node(id).path.as_str());
        diagnostic.label_or_file(self.place(context, error), "", path)
    }

    /// Where it stands in the model's or the project's file, and in it the word that is wrong.
    fn place(self, context: &Context, error: &DataFusionError) -> Option<Span> {
        let own = self.node.and_then(|id| context.graph.node(id).source_text());
        let of_project = context.project.config.place.as_ref().map(|place| &place.source);
        let hook = own.into_iter().chain(of_project).find_map(|source| Span::find(source, self.text))?;
        Some(match fault::word_in(error, self.text) {
            Some(word) => Span::new(&hook.source, hook.range.start + word.start..hook.range.start + word.end),
            None => hook,
        })
    }
}

//! What is said of rows after a build: how they differ from those before, the first ones of what is new, and those that
//! failed a test.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Watch;
use super::early::Compared;
use super::wanted::Wanted;
use crate::cli::show::{difference_json, difference_text};
use crate::diagnostic::Diagnostics;
use crate::execution::{Context, Difference, NodeResult, Preview, Status, preview_node, preview_sql};
use crate::graph::NodeId;

/// Rows shown of a model that has changed.
const FIRST: usize = 5;
/// Rows shown when details are asked for.
pub(super) const DETAILS: usize = 50;
/// Lines of a table besides its rows: the frame and the header.
const FRAME: usize = 4;
/// Tests whose rows are shown: each is a query.
const TESTS: usize = 5;

/// What is said of the rows that were built.
#[derive(Default)]
pub(super) struct Told {
    pub(super) lines: Vec<String>,
    /// More of it, for who asks.
    pub(super) details: Vec<String>,
    /// The same for machines, each with the name of its event.
    pub(super) events: Vec<(&'static str, Value)>,
    pub(super) wrong: Diagnostics,
}

impl Told {
    fn table(&mut self, text: String, rows: usize) {
        self.lines.push(head(&text, rows));
        self.details.push(text);
    }
}

impl Watch<'_> {
    /// What became of the rows.
    pub(super) async fn told(
        &self,
        context: &Arc<Context>,
        wanted: &Wanted,
        before: &BTreeMap<NodeId, u64>,
        mut compared: BTreeMap<NodeId, Compared>,
        results: &[NodeResult],
    ) -> Told {
        let mut told = Told::default();
        for result in results.iter().filter(|result| result.status == Status::Success) {
            let is_new = !before.contains_key(&result.node);
            self.model(context, wanted, is_new, compared.remove(&result.node), result, &mut told).await;
        }
        let failed = results.iter().filter(|result| matches!(result.status, Status::Fail | Status::Warn));
        for result in failed.take(TESTS) {
            self.failing(context, result.node, &mut told).await;
        }
        told
    }

    async fn model(
        &self,
        context: &Arc<Context>,
        wanted: &Wanted,
        is_new: bool,
        compared: Option<Compared>,
        result: &NodeResult,
        told: &mut Told,
    ) {
        let label = context.graph.node(result.node).label();
        let is_changed = wanted.changed.contains(&result.node);
        let Some(compared) = compared else {
            if !is_changed || self.printer.is_json() {
                return;
            }
            match is_new {
                true => told.lines.extend(first_rows(context, result.node, &label).await),
                false => told.lines.push(format!(
                    "{label}: no rows were due; those that are there stay as they were until `f` builds it anew"
                )),
            }
            return;
        };
        match compared {
            Ok(difference) if self.printer.is_json() => {
                told.events.push(("difference", difference_json(&label, difference.as_ref())));
            }
            Ok(None) => {}
            Ok(Some(difference)) => {
                let text = difference_text(&label, &difference);
                let shown = match has_new_columns_alone(&difference) {
                    true if is_changed => table_rows(context, result.node).await,
                    true | false => None,
                };
                match shown {
                    Some(rows) => told.table(format!("{text}\n{}", rows.to_text()), FIRST),
                    None => told.table(text, if is_changed { FIRST } else { 0 }),
                }
            }
            Err(wrong) => told.wrong.extend(wrong),
        }
    }

    /// The rows a test is about.
    async fn failing(&self, context: &Arc<Context>, test: NodeId, told: &mut Told) {
        // Its mistakes are told by its build.
        let Ok(rows) = preview_node(context, test, Some(DETAILS)).await else { return };
        let node = context.graph.node(test);
        match self.printer.is_json() {
            true => {
                let first: Vec<Value> = rows.to_json().into_iter().take(FIRST).collect();
                told.events.push(("failing", json!({"unique_id": node.unique_id, "first": first})));
            }
            false => told.table(format!("{}:\n{}", node.name, rows.to_text()), FIRST),
        }
    }
}

/// Of a model that is new, or a view.
async fn first_rows(context: &Arc<Context>, id: NodeId, label: &str) -> Option<String> {
    context.graph.node(id).as_model()?;
    // Its mistakes are told by its build.
    let preview = preview_node(context, id, Some(FIRST)).await.ok()?;
    Some(format!("{label}:\n{}", preview.to_text()))
}

/// No row differs in the columns that were there before, so none would be seen.
fn has_new_columns_alone(difference: &Difference) -> bool {
    difference.first.is_empty() && difference.rows > 0 && !difference.columns.is_empty()
}

/// What is in a model's table now.
async fn table_rows(context: &Arc<Context>, id: NodeId) -> Option<Preview> {
    let relation = context.graph.node(id).relation()?;
    preview_sql(context, &format!("select * from {}", relation.to_sql()), Some(DETAILS)).await.ok()
}

/// The first line, and so many rows of the table below it.
fn head(text: &str, rows: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    match rows {
        0 => lines.first().copied().unwrap_or_default().to_owned(),
        rows if lines.len() <= rows + FRAME + 1 => text.to_owned(),
        rows => {
            let shown = lines[..rows + FRAME].iter().chain(lines.last());
            shown.copied().collect::<Vec<_>>().join("\n")
        }
    }
}

//! Which nodes a command means: dbt's selection grammar, parsed and evaluated.
//!
//! ```text
//! selection    := part (" " part)*                 union
//! part         := atom ("," atom)*                 intersection
//! atom         := "@"? (depth? "+")? (method ":")? value ("+" depth?)?
//! method       := fqn | tag | path | file | source | exposure | resource_type | test_type | test_name | package
//!               | config "." key ("." key)*
//! ```
//!
//! A value is a glob (`* ? []`). Without a method it is a path when it holds a `/`, a file when it ends in `.sql` or
//! `.csv`, else a name, a layer or folder (`gold`, `gold.github`), or a dotted `layer.name`. `+x` is x and all above it,
//! `x+` all below, `2+x` two steps up, `@x` x, all below it, and all above those.
//!
//! Unlike dbt, an exact name that matches nothing is an error with the nearest names.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::atom::Atom;
use super::{Graph, NodeId, NodeKind};
use crate::diagnostic::{Diagnostics, SourceText, Span};

/// What `--select` and `--exclude` say.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Union of the arguments; empty means everything.
    pub select: Vec<String>,
    pub exclude: Vec<String>,
}

impl Selection {
    /// The selected nodes, tests included: a data test is selected when any of its parents is.
    pub fn evaluate(&self, graph: &Graph) -> Result<BTreeSet<NodeId>, Diagnostics> {
        let mut found = Diagnostics::default();
        let selected = match self.select.is_empty() {
            true => graph.ids().collect(),
            false => union(graph, "--select", &self.select, &mut found),
        };
        let excluded = union(graph, "--exclude", &self.exclude, &mut found);
        found.finish(selected.difference(&excluded).copied().collect()).map(|(selected, _)| selected)
    }
}

fn union(graph: &Graph, flag: &str, arguments: &[String], found: &mut Diagnostics) -> BTreeSet<NodeId> {
    let mut all = BTreeSet::new();
    if arguments.is_empty() {
        return all;
    }
    let text = format!("{flag} {}", arguments.join(" "));
    let source = SourceText::new("command line", text);
    let mut offset = flag.len();
    for part in source.text[flag.len()..].split_inclusive(char::is_whitespace) {
        let trimmed = part.trim();
        if !trimmed.is_empty() {
            let start = offset + (part.len() - part.trim_start().len());
            if let Some(nodes) = found.keep(intersection(graph, &source, trimmed, start)) {
                all.extend(nodes);
            }
        }
        offset += part.len();
    }
    all
}

fn intersection(
    graph: &Graph,
    source: &Arc<SourceText>,
    part: &str,
    start: usize,
) -> Result<BTreeSet<NodeId>, Diagnostics> {
    let mut result: Option<BTreeSet<NodeId>> = None;
    let mut offset = start;
    for text in part.split(',') {
        let span = Span::new(source, offset..offset + text.len());
        offset += text.len() + 1;
        let atom = Atom::parse(text, span)?;
        let mut nodes = atom.matched(graph);
        if nodes.is_empty() {
            atom.refuse_unknown_name(graph)?;
        }
        nodes = atom.extended(graph, nodes);
        with_tests(graph, &mut nodes);
        result = Some(match result {
            None => nodes,
            Some(earlier) => earlier.intersection(&nodes).copied().collect(),
        });
    }
    Ok(result.unwrap_or_default())
}

/// Adds the data tests that stand on any selected node.
fn with_tests(graph: &Graph, nodes: &mut BTreeSet<NodeId>) {
    let tests: Vec<NodeId> = nodes
        .iter()
        .flat_map(|id| graph.children(*id))
        .copied()
        .filter(|id| matches!(graph.node(*id).kind, NodeKind::Test(_)))
        .collect();
    nodes.extend(tests);
}

//! Jinja inside YAML: which strings are rendered, and with what in sight.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::fields::snake_case;
use super::yaml::{Key, Node, NodeKind};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

/// Renders a YAML string that holds Jinja; a string that is one expression keeps the expression's type.
pub trait RenderYaml {
    fn render(&self, text: &str, span: &Span, scope: &YamlScope<'_>) -> Result<Value, Diagnostic>;
}

/// What a template in YAML may see: `var()`, `env_var()` and `target`.
#[derive(Clone, Copy)]
pub struct YamlScope<'a> {
    pub vars: &'a Map<String, Value>,
    pub env: &'a BTreeMap<String, String>,
    /// Unknown while the targets themselves are read.
    pub target: Option<&'a Value>,
    /// Further names, such as the `window` of a request.
    pub locals: &'a [(&'static str, Local)],
}

/// A value that a template sees under a name of its own.
#[derive(Debug, Clone)]
pub enum Local {
    Json(Value),
    Time(Timestamp),
    Fields(Vec<(String, Local)>),
    /// Whatever name is asked of it is an empty string: for trying a template before its values are known.
    Any,
}

/// Rendered when they are used, with `ref()` and macros in sight, or never.
pub(super) const LATER: &[&str] = &["description", "pre_hook", "post_hook", "on_run_start", "on_run_end"];

/// What of a property file is rendered as it is read. A key that nobody knows is told, whatever it holds.
const READ: &[&str] = &["models", "seeds", "sources", "exposures", "connections"];

/// Of a source's table: rendered for each request.
const PER_REQUEST: &[&str] = &["http", "for_each"];

/// A renderer with its scope.
#[derive(Clone, Copy)]
pub(super) struct YamlRenderer<'a> {
    pub(super) renderer: &'a dyn RenderYaml,
    pub(super) scope: YamlScope<'a>,
}

impl YamlRenderer<'_> {
    /// A property file with its templates rendered, but for those that are rendered later. An entry of a list or a mapping
    /// that cannot be rendered is left out, with the mistake told: what is missing of it would be a second one.
    pub(super) fn properties(self, node: &Node, found: &mut Diagnostics) -> Node {
        let mut skipped: Vec<&str> = LATER.iter().copied().chain(["tests", "data_tests"]).collect();
        let NodeKind::Mapping(entries) = &node.kind else {
            return self.node(node, &skipped, found);
        };
        let own = skipped.len();
        let mut rendered = Vec::new();
        for (key, value) in entries {
            skipped.truncate(own);
            match key.name.as_str() {
                "sources" => skipped.extend(PER_REQUEST),
                "exposures" => skipped.push("depends_on"),
                _ => {}
            }
            if !READ.contains(&key.name.as_str()) {
                rendered.push((key.clone(), value.clone()));
                continue;
            }
            let kind = match &value.kind {
                NodeKind::Sequence(items) => {
                    let items = items.iter().filter_map(|item| whole(found, |found| self.node(item, &skipped, found)));
                    NodeKind::Sequence(items.collect())
                }
                NodeKind::Mapping(entries) => {
                    let entries = entries.iter().filter_map(|(key, value)| {
                        let value = whole(found, |found| self.entry(key, value, &skipped, found))?;
                        Some((key.clone(), value))
                    });
                    NodeKind::Mapping(entries.collect())
                }
                _ => whole(found, |found| self.node(value, &skipped, found)).map_or(NodeKind::Null, |value| value.kind),
            };
            rendered.push((key.clone(), Node { kind, span: value.span.clone() }));
        }
        Node { kind: NodeKind::Mapping(rendered), span: node.span.clone() }
    }

    /// The tree with its templates rendered; what stands under a key of `skipped` is left as it is.
    pub(super) fn node(self, node: &Node, skipped: &[&str], found: &mut Diagnostics) -> Node {
        let kind = match &node.kind {
            NodeKind::String(text) if has_jinja(text) => {
                return match self.renderer.render(text, &node.span, &self.scope) {
                    Ok(value) => Node::from_json(value, &node.span),
                    Err(diagnostic) => {
                        found.push(diagnostic);
                        Node { kind: NodeKind::Null, span: node.span.clone() }
                    }
                };
            }
            NodeKind::Sequence(items) => {
                NodeKind::Sequence(items.iter().map(|item| self.node(item, skipped, found)).collect())
            }
            NodeKind::Mapping(entries) => NodeKind::Mapping(
                entries.iter().map(|(key, value)| (key.clone(), self.entry(key, value, skipped, found))).collect(),
            ),
            other => other.clone(),
        };
        Node { kind, span: node.span.clone() }
    }

    pub(super) fn entry(self, key: &Key, value: &Node, skipped: &[&str], found: &mut Diagnostics) -> Node {
        let name = snake_case(key.name.trim_start_matches('+'));
        match skipped.contains(&name.as_str()) {
            true => value.clone(),
            false => self.node(value, skipped, found),
        }
    }
}

/// What was rendered, if all of it could be.
fn whole(found: &mut Diagnostics, render: impl FnOnce(&mut Diagnostics) -> Node) -> Option<Node> {
    let mut own = Diagnostics::default();
    let node = render(&mut own);
    let is_whole = own.is_empty();
    found.extend(own);
    is_whole.then_some(node)
}

fn has_jinja(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

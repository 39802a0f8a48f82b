//! Jinja inside YAML: which strings are rendered, and with what in sight.

use std::collections::BTreeMap;

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
}

/// Rendered when they are used, with `ref()` and macros in sight, or never.
pub(super) const LATER: &[&str] = &["description", "pre_hook", "post_hook", "on_run_start", "on_run_end"];

/// A renderer with its scope.
#[derive(Clone, Copy)]
pub(super) struct YamlRenderer<'a> {
    pub(super) renderer: &'a dyn RenderYaml,
    pub(super) scope: YamlScope<'a>,
}

impl YamlRenderer<'_> {
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

fn has_jinja(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

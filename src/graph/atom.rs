//! One part of a selection: a method, a value and how far it reaches, parsed and matched.

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};
use serde_json::Value;

use super::{Graph, Node, NodeId, NodeKind, TestKind};
use crate::diagnostic::{Code, Diagnostic, Span};

#[derive(Debug)]
pub(super) struct Atom {
    text: String,
    span: Span,
    childrens_parents: bool,
    parents: Option<usize>,
    children: Option<usize>,
    method: Method,
    value: String,
    pattern: GlobMatcher,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Method {
    Any,
    Fqn,
    Tag,
    Path,
    File,
    Source,
    Exposure,
    ResourceType,
    TestType,
    TestName,
    Package,
    Config(Vec<String>),
}

const METHODS: &[&str] = &[
    "fqn",
    "tag",
    "path",
    "file",
    "source",
    "exposure",
    "config",
    "resource_type",
    "test_type",
    "test_name",
    "package",
];

impl Atom {
    pub(super) fn parse(text: &str, span: Span) -> Result<Self, Diagnostic> {
        let wrong = |message: String| Diagnostic::error(Code::SelectionSyntax, message).label(span.clone(), "");
        let mut rest = text;
        let childrens_parents = rest.starts_with('@');
        if childrens_parents {
            rest = &rest[1..];
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let parents = match rest[digits..].strip_prefix('+') {
            Some(after) => {
                let depth = depth(&rest[..digits]).ok_or_else(|| wrong(format!("`{text}` goes up too many steps")))?;
                rest = after;
                Some(depth)
            }
            None => None,
        };
        let children = match rest.rsplit_once('+') {
            Some((before, after)) if after.chars().all(|c| c.is_ascii_digit()) => {
                rest = before;
                Some(depth(after).ok_or_else(|| wrong(format!("`{text}` goes down too many steps")))?)
            }
            _ => None,
        };
        if childrens_parents && children.is_some() {
            return Err(
                wrong(format!("`{text}` has both `@` and a trailing `+`")).hint("`@x` already holds all below x")
            );
        }
        let (method, value) = match rest.split_once(':') {
            Some((method, value)) => (Self::method(method, &span)?, value),
            None => (Method::Any, rest),
        };
        if value.is_empty() {
            return Err(wrong(format!("`{text}` names nothing")).hint("as in `gold+`, `+revenue`, `tag:nightly`"));
        }
        let pattern = Glob::new(value)
            .map_err(|_| wrong(format!("`{value}` is not a pattern")).hint("`*`, `?` and `[..]` are understood"))?
            .compile_matcher();
        Ok(Self {
            text: text.to_owned(),
            childrens_parents,
            parents,
            children,
            method,
            value: value.to_owned(),
            pattern,
            span,
        })
    }

    fn method(name: &str, span: &Span) -> Result<Method, Diagnostic> {
        if let Some(keys) = name.strip_prefix("config.") {
            return Ok(Method::Config(keys.split('.').map(str::to_owned).collect()));
        }
        Ok(match name {
            "fqn" => Method::Fqn,
            "tag" => Method::Tag,
            "path" => Method::Path,
            "file" => Method::File,
            "source" => Method::Source,
            "exposure" => Method::Exposure,
            "resource_type" => Method::ResourceType,
            "test_type" => Method::TestType,
            "test_name" => Method::TestName,
            "package" => Method::Package,
            unknown => {
                let listed: Vec<String> = METHODS.iter().map(|method| (*method).to_owned()).collect();
                return Err(Diagnostic::error(Code::SelectionSyntax, format!("no selection method `{unknown}`"))
                    .label(span.clone(), "")
                    .nearest(unknown, METHODS.iter().copied())
                    .note(format!("methods are {}", crate::diagnostic::or_list(&listed))));
            }
        })
    }

    pub(super) fn matched(&self, graph: &Graph) -> BTreeSet<NodeId> {
        graph.ids().filter(|id| self.matches(graph, *id)).collect()
    }

    fn matches(&self, graph: &Graph, id: NodeId) -> bool {
        let node = graph.node(id);
        match &self.method {
            Method::Any if self.value.contains('/') => self.matches_path(&node.path),
            Method::Any if self.value.ends_with(".sql") || self.value.ends_with(".csv") => {
                self.matches_file(&node.path)
            }
            Method::Any | Method::Fqn => self.matches_name(graph, id),
            Method::Tag => node.tags.iter().any(|tag| self.pattern.is_match(tag)),
            Method::Path => self.matches_path(&node.path),
            Method::File => self.matches_file(&node.path),
            Method::Source => match &node.kind {
                NodeKind::Source(table) => {
                    self.pattern.is_match(&table.name.source)
                        || self.pattern.is_match(table.name.to_string())
                        || self.pattern.is_match(format!("{}.{}", graph.project_name, table.name))
                }
                NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => false,
            },
            Method::Exposure => {
                matches!(node.kind, NodeKind::Exposure(_))
                    && (self.pattern.is_match(&node.name)
                        || self.pattern.is_match(format!("{}.{}", graph.project_name, node.name)))
            }
            Method::ResourceType => self.pattern.is_match(node.resource_type()),
            Method::TestType => node.as_test().is_some_and(|test| match &test.kind {
                TestKind::Singular => ["singular", "data"].contains(&self.value.as_str()),
                TestKind::Generic { .. } => ["generic", "data", "schema"].contains(&self.value.as_str()),
            }),
            Method::TestName => node.as_test().is_some_and(|test| match &test.kind {
                TestKind::Generic { test, .. } => self.pattern.is_match(test),
                TestKind::Singular => self.pattern.is_match(&node.name),
            }),
            Method::Package => self.value == "this" || self.pattern.is_match(&graph.project_name),
            Method::Config(keys) => {
                let mut value = node.config.get(&keys[0]);
                for key in &keys[1..] {
                    value = value.and_then(|inner| inner.get(key));
                }
                value.is_some_and(|value| self.matches_value(value))
                    || (keys == &["materialized"]
                        && node
                            .as_model()
                            .is_some_and(|model| self.pattern.is_match(model.config.materialized.to_string())))
            }
        }
    }

    fn matches_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.pattern.is_match(text),
            Value::Array(items) => items.iter().any(|item| self.matches_value(item)),
            other => self.pattern.is_match(other.to_string()),
        }
    }

    /// A name, a folder prefix of it (`gold`, `gold.github`), or with the project's name before it.
    fn matches_name(&self, graph: &Graph, id: NodeId) -> bool {
        let node = graph.node(id);
        // As in dbt, they have methods of their own.
        if matches!(node.kind, NodeKind::Source(_) | NodeKind::Exposure(_)) {
            return self.value == "*";
        }
        if self.pattern.is_match(&node.name) {
            return true;
        }
        if node.relation().is_some_and(|relation| self.pattern.is_match(relation.to_string())) {
            return true;
        }
        if node.as_test().is_some_and(|test| test.attached.is_some()) {
            // Only by its whole path, as `ls` prints it: a folder brings its models' tests anyway.
            return [&node.fqn[1..], &node.fqn[..]].iter().any(|fqn| self.value == fqn.join("."));
        }
        if matches!(node.kind, NodeKind::Seed(_)) && self.value == crate::names::SEEDS {
            return true;
        }
        let wanted = self.value.split('.').count();
        [&node.fqn[1..], &node.fqn[..]]
            .iter()
            .any(|fqn| fqn.len() >= wanted && self.pattern.is_match(fqn[..wanted].join(".")))
    }

    fn matches_path(&self, path: &str) -> bool {
        let wanted = self.value.trim_end_matches('/');
        path == wanted
            || path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
            || self.pattern.is_match(path)
    }

    fn matches_file(&self, path: &str) -> bool {
        let file = path.rsplit('/').next().unwrap_or(path);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        self.pattern.is_match(file) || self.pattern.is_match(stem)
    }

    pub(super) fn extended(&self, graph: &Graph, matched: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let mut nodes = matched.clone();
        for id in matched {
            if let Some(depth) = self.parents {
                nodes.extend(graph.ancestors(id, depth));
            }
            if let Some(depth) = self.children {
                nodes.extend(graph.descendants(id, depth));
            }
            if self.childrens_parents {
                let below = graph.descendants(id, usize::MAX);
                for child in below.iter().copied().chain([id]) {
                    nodes.extend(graph.ancestors(child, usize::MAX));
                }
                nodes.extend(below);
            }
        }
        nodes
    }

    /// A pattern, a tag or a config may match nothing; an exact name, path or source that does is a typo.
    pub(super) fn refuse_unknown_name(&self, graph: &Graph) -> Result<(), Diagnostic> {
        let glob = self.value.contains(['*', '?', '[']);
        let exact = match self.method {
            Method::Any
            | Method::Fqn
            | Method::Path
            | Method::File
            | Method::Source
            | Method::Exposure
            | Method::TestName => true,
            Method::Tag | Method::ResourceType | Method::TestType | Method::Package | Method::Config(_) => false,
        };
        if glob || !exact {
            return Ok(());
        }
        if let Some(name) = graph.disabled.iter().find(|name| **name == self.value) {
            return Err(Diagnostic::error(Code::UnknownSelection, format!("`{name}` is disabled"))
                .label(self.span.clone(), "switched off by `enabled: false`"));
        }
        let message = match self.method {
            Method::Source => format!("`{}` matches no source", self.text),
            Method::Exposure => format!("`{}` matches no exposure", self.text),
            _ => format!("`{}` matches nothing in this project", self.text),
        };
        let is_exposure = |node: &Node| matches!(node.kind, NodeKind::Exposure(_)) && node.name == self.value;
        let exposure = graph.nodes().iter().any(is_exposure).then(|| format!("write `exposure:{}`", self.value));
        Err(Diagnostic::error(Code::UnknownSelection, message)
            .label(self.span.clone(), "")
            .hint_opt(exposure)
            .nearest(&self.value, self.candidates(graph).iter().map(String::as_str)))
    }

    fn candidates(&self, graph: &Graph) -> Vec<String> {
        let mut names = BTreeSet::new();
        for node in graph.nodes() {
            match (&self.method, &node.kind) {
                (Method::Source, NodeKind::Source(table)) => {
                    names.insert(table.name.source.clone());
                    names.insert(table.name.to_string());
                }
                (Method::Path, _) => {
                    names.insert(node.path.clone());
                }
                (Method::Exposure, NodeKind::Exposure(_)) => {
                    names.insert(node.name.clone());
                }
                (Method::Exposure, _) => {}
                (_, NodeKind::Model(model)) => {
                    names.insert(node.name.clone());
                    names.insert(model.relation.layer().to_owned());
                    if self.value.contains('/') {
                        names.insert(node.path.clone());
                    }
                    if self.value.contains('.') {
                        names.insert(model.relation.to_string());
                    }
                }
                (_, NodeKind::Seed(_)) => {
                    names.insert(node.name.clone());
                }
                (_, NodeKind::Test(test)) if matches!(test.kind, TestKind::Singular) => {
                    names.insert(node.name.clone());
                }
                (_, NodeKind::Source(_) | NodeKind::Test(_) | NodeKind::Exposure(_)) => {}
            }
        }
        names.into_iter().collect()
    }
}

/// An empty depth is any depth.
fn depth(digits: &str) -> Option<usize> {
    match digits {
        "" => Some(usize::MAX),
        digits => digits.parse().ok(),
    }
}

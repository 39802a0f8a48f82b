//! A mapping read setting by setting: what was never asked for is an unknown key, and every mistake is collected.
//!
//! Keys are asked for in snake case; `kebab-case` in the file is the same setting. A key without a value counts as absent.

use std::time::Duration;

use serde_json::{Map, Value};

use super::span_of_time::parse_duration;
use super::yaml::{Key, Node, NodeKind, to_map};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::names;

/// The settings of one mapping. [`Fields::finish`] reports what was found, unknown keys included.
#[derive(Debug)]
#[must_use = "mistakes are reported by `finish`"]
pub(super) struct Fields<'a> {
    /// What the mapping is, for messages: `a target`.
    what: &'static str,
    span: Span,
    entries: &'a [(Key, Node)],
    asked: Vec<&'static str>,
    found: Diagnostics,
}

impl<'a> Fields<'a> {
    /// `None`, with the mistake reported, for anything but a mapping.
    pub(super) fn new(node: &'a Node, what: &'static str, found: &mut Diagnostics) -> Option<Self> {
        let NodeKind::Mapping(entries) = &node.kind else {
            let given = node.describe();
            found.push(
                Diagnostic::error(Code::Config, format!("{what} is a mapping, not {given}"))
                    .label(node.span.clone(), "expected `key: value`"),
            );
            return None;
        };
        let span = node.span.clone();
        Some(Self { what, span, entries, asked: Vec::new(), found: Diagnostics::default() })
    }

    /// Hands over the mistakes, with every key nobody asked for.
    pub(super) fn finish(mut self, found: &mut Diagnostics) {
        let unknown: Vec<&Key> = self.unknown().map(|(key, _)| key).collect();
        for key in unknown {
            let unknown = Diagnostic::error(Code::Config, format!("unknown key `{}` in {}", key.name, self.what))
                .label(key.span.clone(), "not a setting");
            self.found.push(hint_known(unknown, &key.name, &self.asked));
        }
        found.extend(self.found);
    }

    /// What nobody has asked for until now.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &'a (Key, Node)> {
        self.entries.iter().filter(|(key, _)| !self.asked.contains(&snake_case(&key.name).as_str()))
    }

    /// Whether a list or a mapping stands under a key that nobody has asked for: one that is missing may have been meant.
    pub(super) fn has_unknown_collection(&self) -> bool {
        self.unknown().any(|(_, node)| matches!(node.kind, NodeKind::Sequence(_) | NodeKind::Mapping(_)))
    }

    /// The place of the whole mapping.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    pub(super) fn found(&mut self) -> &mut Diagnostics {
        &mut self.found
    }

    /// The key and its value, null included.
    pub(super) fn entry(&mut self, name: &'static str) -> Option<&'a (Key, Node)> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        let mut matching = self.entries.iter().filter(|(key, _)| snake_case(&key.name) == name);
        let first = matching.next()?;
        if let Some((second, _)) = matching.next() {
            let message = format!("`{}` and `{}` are one setting", first.0.name, second.name);
            self.found.push(
                Diagnostic::error(Code::Config, message)
                    .label(second.span.clone(), "set again here")
                    .secondary(first.0.span.clone(), "first set here"),
            );
        }
        Some(first)
    }

    /// The value, unless it is absent or null.
    pub(super) fn node(&mut self, name: &'static str) -> Option<&'a Node> {
        self.entry(name).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// Keys that are allowed and say nothing to us.
    pub(super) fn accept(&mut self, names: &[&'static str]) {
        self.asked.extend_from_slice(names);
    }

    /// A scalar as written; `1.10` stays `1.10`.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let node = self.node(name)?;
        let text = node.as_text();
        if text.is_none() {
            self.expected(name, "a string", node);
        }
        text
    }

    /// A string with its place; numbers and booleans must be quoted.
    pub(super) fn string(&mut self, name: &'static str) -> Option<(String, &'a Node)> {
        let node = self.node(name)?;
        if let NodeKind::String(text) = &node.kind {
            return Some((text.clone(), node));
        }
        self.expected(name, "a string", node);
        None
    }

    /// As [`Fields::string`]; its absence is a mistake.
    pub(super) fn required_string(&mut self, name: &'static str) -> Option<(String, &'a Node)> {
        self.required(name);
        self.string(name)
    }

    /// The value; its absence is a mistake.
    pub(super) fn required(&mut self, name: &'static str) -> Option<&'a Node> {
        let node = self.node(name);
        if node.is_none() {
            let span = self.entry(name).map_or_else(|| self.head(), |(key, _)| key.span.clone());
            let message = format!("{} needs `{name}`", self.what);
            self.found.push(Diagnostic::error(Code::Config, message).label(span, format!("`{name}` is missing")));
        }
        node
    }

    /// As [`Fields::required_string`], for what becomes a table, a column of a path or a schema.
    pub(super) fn required_name(&mut self, name: &'static str) -> Option<(String, &'a Node)> {
        let (text, node) = self.required_string(name)?;
        if names::is_name(&text) {
            return Some((text, node));
        }
        self.found.push(invalid_name(&text, node.span.clone()));
        None
    }

    /// A whole number of at least one.
    pub(super) fn count(&mut self, name: &'static str) -> Option<usize> {
        let node = self.node(name)?;
        // What comes from `env_var()` is a string.
        let value = match &node.kind {
            NodeKind::Int(value) => usize::try_from(*value).ok(),
            NodeKind::String(text) => text.parse().ok(),
            _ => None,
        };
        if let Some(value @ 1..) = value {
            return Some(value);
        }
        self.expected(name, "a whole number above zero", node);
        None
    }

    /// A whole number, zero included.
    pub(super) fn whole(&mut self, name: &'static str) -> Option<usize> {
        let node = self.node(name)?;
        let value = match &node.kind {
            NodeKind::Int(value) => usize::try_from(*value).ok(),
            NodeKind::String(text) => text.parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.expected(name, "a whole number", node);
        }
        value
    }

    /// A string that `parse` makes something of; `wanted` says what.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(name)?;
        let value = node.as_text().and_then(|text| parse(&text));
        if value.is_none() {
            let given = node.as_text().map_or_else(|| node.describe().to_owned(), |text| format!("`{text}`"));
            let key = self.entry(name).map_or(name, |(key, _)| key.name.as_str());
            self.found.push(
                Diagnostic::error(Code::Config, format!("`{key}` is {wanted}, not {given}"))
                    .label(node.span.clone(), format!("expected {wanted}")),
            );
        }
        value
    }

    pub(super) fn duration(&mut self, name: &'static str) -> Option<Duration> {
        self.parsed(name, "a length of time such as `30s`", parse_duration)
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let node = self.node(name)?;
        let value = match &node.kind {
            NodeKind::Bool(value) => Some(*value),
            NodeKind::String(text) => text.parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.expected(name, "true or false", node);
        }
        value
    }

    /// A string, or a list of strings.
    pub(super) fn strings(&mut self, name: &'static str) -> Option<Vec<(String, &'a Node)>> {
        let node = self.node(name)?;
        let items = match &node.kind {
            NodeKind::Sequence(items) => items.iter().collect(),
            _ => vec![node],
        };
        let mut strings = Vec::new();
        for item in items {
            match item.as_text() {
                Some(text) => strings.push((text, item)),
                None => self.expected(name, "a string or a list of strings", item),
            }
        }
        Some(strings)
    }

    pub(super) fn list(&mut self, name: &'static str) -> &'a [Node] {
        let Some(node) = self.node(name) else {
            return &[];
        };
        if let NodeKind::Sequence(items) = &node.kind {
            return items;
        }
        self.expected(name, "a list", node);
        &[]
    }

    /// A mapping of the user's own keys.
    pub(super) fn map(&mut self, name: &'static str) -> Map<String, Value> {
        let Some(node) = self.node(name) else {
            return Map::new();
        };
        if let NodeKind::Mapping(entries) = &node.kind {
            return to_map(entries);
        }
        self.expected(name, "a mapping", node);
        Map::new()
    }

    /// A mapping of settings, to be finished by the caller.
    pub(super) fn fields(&mut self, name: &'static str, what: &'static str) -> Option<Fields<'a>> {
        let node = self.node(name)?;
        Fields::new(node, what, &mut self.found)
    }

    fn expected(&mut self, name: &'static str, wanted: &str, node: &Node) {
        let name = self.entry(name).map_or(name, |(key, _)| key.name.as_str());
        let given = node.describe();
        let quote = matches!(node.kind, NodeKind::Bool(_) | NodeKind::Int(_) | NodeKind::Float(_));
        let hint = (quote && wanted == "a string").then(|| "quote it".to_owned());
        self.found.push(
            Diagnostic::error(Code::Config, format!("`{name}` is {wanted}, not {given}"))
                .label(node.span.clone(), format!("expected {wanted}"))
                .hint_opt(hint),
        );
    }

    /// Where to point when something is missing: the first key.
    fn head(&self) -> Span {
        self.entries.first().map_or_else(|| self.span.clone(), |(key, _)| key.span.clone())
    }
}

/// `pre-hook` and `pre_hook` are one setting.
pub(super) fn snake_case(name: &str) -> String {
    name.replace('-', "_")
}

/// The nearest of the known keys, or all of them where they are few.
pub(super) fn hint_known(diagnostic: Diagnostic, wanted: &str, known: &[&str]) -> Diagnostic {
    let wanted = snake_case(wanted);
    let near = names::nearest(&wanted, known.iter().copied());
    let holding: Vec<&str> = known.iter().copied().filter(|name| name.split('_').any(|word| word == wanted)).collect();
    if let ([], [longer]) = (near.as_slice(), holding.as_slice()) {
        return diagnostic.hint(format!("did you mean `{longer}`?"));
    }
    if near.is_empty() && !known.is_empty() && known.len() <= 12 {
        let known: Vec<String> = known.iter().map(|&name| name.to_owned()).collect();
        return diagnostic.hint(format!("expected {}", crate::diagnostic::or_list(&known)));
    }
    diagnostic.nearest(&wanted, known.iter().copied())
}

pub(super) fn invalid_name(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Code::InvalidName, format!("`{name}` is not a name"))
        .label(span, "a letter or underscore, then letters, digits and underscores")
}

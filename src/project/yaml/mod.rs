//! The only owner of the YAML crate: a text becomes a tree whose every key and value knows its place.
//!
//! The tree is built from the parser's events, not through serde, which would lose the places. Plain scalars follow the
//! core schema of YAML 1.2 (`yes` and `on` are strings); a number that would lose digits stays a string.

mod mistake;
mod scalar;
mod tree;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::scalar::resolve_plain;
use crate::diagnostic::{Diagnostic, SourceText, Span};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    pub kind: NodeKind,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub enum NodeKind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub struct Key {
    pub name: String,
    pub span: Span,
}

/// Reads one YAML document; an empty text is null.
pub fn parse(source: &Arc<SourceText>) -> Result<Node, Diagnostic> {
    tree::build(source)
}

impl Node {
    /// The value without its places; what JSON cannot hold was never read as a number.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Int(value) => Value::from(*value),
            NodeKind::Float(value) => Value::from(*value),
            NodeKind::String(value) => Value::String(value.clone()),
            NodeKind::Sequence(items) => items.iter().map(Node::to_json).collect(),
            NodeKind::Mapping(entries) => Value::Object(to_map(entries)),
        }
    }

    /// A value that came from elsewhere (a rendered template), all of it standing at `span`.
    pub fn from_json(value: Value, span: &Span) -> Self {
        let kind = match value {
            Value::Null => NodeKind::Null,
            Value::Bool(value) => NodeKind::Bool(value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => NodeKind::Int(value),
                (None, Some(value)) => NodeKind::Float(value),
                (None, None) => NodeKind::String(number.to_string()),
            },
            Value::String(value) => NodeKind::String(value),
            Value::Array(items) => {
                NodeKind::Sequence(items.into_iter().map(|item| Self::from_json(item, span)).collect())
            }
            Value::Object(entries) => NodeKind::Mapping(
                entries
                    .into_iter()
                    .map(|(name, value)| (Key { name, span: span.clone() }, Self::from_json(value, span)))
                    .collect(),
            ),
        };
        Self { kind, span: span.clone() }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Null)
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let NodeKind::Mapping(entries) = &self.kind else {
            return None;
        };
        entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// What kind of value it is, with its article: `a list`.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Int(_) | NodeKind::Float(_) => "a number",
            NodeKind::String(_) => "a string",
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
        }
    }

    /// A scalar as it is written: `1.10` stays `1.10`.
    pub fn as_text(&self) -> Option<String> {
        match &self.kind {
            NodeKind::String(text) => Some(text.clone()),
            NodeKind::Bool(_) | NodeKind::Int(_) | NodeKind::Float(_) => {
                let written = &self.span.source.text[self.span.range.clone()];
                match resolve_plain(written) {
                    NodeKind::String(_) | NodeKind::Null => Some(self.to_json().to_string()),
                    _ => Some(written.to_owned()),
                }
            }
            NodeKind::Null | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// The place of a part of this string; of the whole where escapes or folding moved the text.
    pub fn part(&self, range: std::ops::Range<usize>) -> Span {
        let NodeKind::String(text) = &self.kind else {
            return self.span.clone();
        };
        let written = &self.span.source.text[self.span.range.clone()];
        let Some(shift) = [0, 1].into_iter().find(|shift| written.get(*shift..shift + text.len()) == Some(text)) else {
            return self.span.clone();
        };
        let start = self.span.range.start + shift;
        Span::new(&self.span.source, start + range.start..start + range.end)
    }
}

/// A mapping without its places.
pub(in crate::project) fn to_map(entries: &[(Key, Node)]) -> Map<String, Value> {
    entries.iter().map(|(key, value)| (key.name.clone(), value.to_json())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Node {
        parse(&SourceText::new("a.yml", text)).unwrap()
    }

    /// Every leaf's text in the file, in order.
    fn written(node: &Node, out: &mut Vec<String>) {
        match &node.kind {
            NodeKind::Sequence(items) => items.iter().for_each(|item| written(item, out)),
            NodeKind::Mapping(entries) => {
                for (key, value) in entries {
                    out.push(key.span.source.text[key.span.range.clone()].to_owned());
                    written(value, out);
                }
            }
            _ => out.push(node.span.source.text[node.span.range.clone()].to_owned()),
        }
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let text = "# ünïcode\nnaïve: \"qüoted\"\n'k': [a, 'b', {c: d}]\nblock: |\n  one\n  two\nlist:\n- x\n- y: 2\n";
        let mut places = Vec::new();
        written(&parsed(text), &mut places);
        let wanted = ["naïve", "\"qüoted\"", "'k'", "a", "'b'", "c", "d", "block", "one\n  two", "list", "x", "y", "2"];
        assert_eq!(places, wanted);
    }

    #[test]
    fn collections_end_where_their_last_child_ends() {
        let node = parsed("a:\n  b: [1, 2]\n  c:\n    - d\n\nz: 1\n");
        let a = node.get("a").unwrap();
        assert_eq!(&a.span.source.text[a.span.range.clone()], "b: [1, 2]\n  c:\n    - d");
        let b = a.get("b").unwrap();
        assert_eq!(&b.span.source.text[b.span.range.clone()], "[1, 2]");
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        let text = "[1, -2, 1.5, 1e3, 007, 99999999999999999999, yes, true, ~, '1', 2025-07-01, 1.2.3, .inf, -x, 10%]";
        let json = parsed(text).to_json().to_string();
        let wanted = r#"[1,-2,1.5,1000.0,"007","99999999999999999999","yes",true,null,"1","2025-07-01","1.2.3",".inf","-x","10%"]"#;
        assert_eq!(json, wanted);
        assert_eq!(parsed("1.10").as_text().unwrap(), "1.10");
    }

    #[test]
    fn anchors_and_merge_keys_are_written_out() {
        let json = parsed("base: &b {x: 1, y: 2}\nuse: *b\nmore:\n  <<: *b\n  y: 3\n").to_json().to_string();
        assert_eq!(json, r#"{"base":{"x":1,"y":2},"use":{"x":1,"y":2},"more":{"y":3,"x":1}}"#);
    }

    #[test]
    fn a_bomb_is_refused() {
        let level = |level: usize| {
            let below = if level == 0 { "x".to_owned() } else { format!("*a{}", level - 1) };
            format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "))
        };
        let text: String = (0..9).map(level).collect();
        assert!(parse(&SourceText::new("a.yml", text)).unwrap_err().message.contains("too large"));
    }

    #[test]
    fn a_part_of_a_string_has_its_own_place() {
        let node = parsed("path: '$.a[x]'");
        assert_eq!(node.get("path").unwrap().part(4..5).range, 11..12);
    }

    #[test]
    fn a_byte_order_mark_does_not_shift_places() {
        let node = parsed("\u{feff}a: b");
        let a = node.get("a").unwrap();
        assert_eq!(&a.span.source.text[a.span.range.clone()], "b");
    }
}

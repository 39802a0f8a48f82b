//! The parser's events, put together to a tree.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde_yaml::granit_parser::{Event, Options, Parser, ScalarStyle, StrInput};

use super::scalar::resolve_plain;
use super::{Key, Node, NodeKind, mistake};
use crate::diagnostic::{Diagnostic, SourceText, Span};

/// Nodes of one text, aliases written out; beyond it the file is a bomb, not a config.
const NODE_LIMIT: usize = 500_000;

/// Bytes of the text.
type Place = Range<usize>;

pub(super) fn build(source: &Arc<SourceText>) -> Result<Node, Diagnostic> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(&source.text, options);
    TreeBuilder { source, parser, anchors: HashMap::new(), nodes: 0 }.document()
}

struct TreeBuilder<'a> {
    source: &'a Arc<SourceText>,
    parser: Parser<'a, StrInput<'a>>,
    /// Values with anchors, and how many nodes each has.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> TreeBuilder<'a> {
    fn document(mut self) -> Result<Node, Diagnostic> {
        let mut document = None;
        loop {
            let (event, place) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if document.is_some() => {
                    return Err(mistake::second_document(self.span(place)));
                }
                Event::DocumentStart(..) => {
                    let (event, place) = self.next()?;
                    document = Some(self.node(event, place)?);
                }
                _ => return Err(mistake::unexpected(self.span(place))),
            }
        }
        Ok(document.unwrap_or_else(|| Node { kind: NodeKind::Null, span: self.span(0..0) }))
    }

    fn next(&mut self) -> Result<(Event<'a>, Place), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let end = self.source.text.len();
                Ok((event, span.byte_range().unwrap_or(end..end)))
            }
            Some(Err(error)) => Err(mistake::syntax(self.source, &error)),
            None => Ok((Event::StreamEnd, self.source.text.len()..self.source.text.len())),
        }
    }

    fn span(&self, place: Place) -> Span {
        Span::new(self.source, place)
    }

    fn node(&mut self, event: Event<'a>, place: Place) -> Result<Node, Diagnostic> {
        let before = self.nodes;
        self.count(1, &place)?;
        let anchor = event.anchor_id();
        let node = match event {
            Event::Scalar(text, style, _, tag) => {
                let kind = match (style, tag) {
                    (_, Some(tag)) if tag.is_yaml_core_schema_tag("str") => NodeKind::String(text.into_owned()),
                    (_, Some(tag)) if !tag.is_yaml_core_schema() => {
                        return Err(mistake::tag(self.span(place), &tag.original()));
                    }
                    (ScalarStyle::Plain, _) => resolve_plain(&text),
                    _ => NodeKind::String(text.into_owned()),
                };
                Node { kind, span: self.trimmed(place) }
            }
            Event::SequenceStart(..) => self.sequence(place)?,
            Event::MappingStart(..) => self.mapping(place)?,
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err(mistake::alias_of_itself(self.span(place)));
                };
                self.count(size, &place)?;
                node
            }
            _ => return Err(mistake::unexpected(self.span(place))),
        };
        if let Some(id) = anchor {
            self.anchors.insert(id, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn sequence(&mut self, start: Place) -> Result<Node, Diagnostic> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, place) = self.next()?;
            if event == Event::SequenceEnd {
                let last = items.last().map(|item| item.span.range.end);
                let span = self.collection_span(start, place, last);
                return Ok(Node { kind: NodeKind::Sequence(items), span });
            }
            items.push(self.node(event, place)?);
        }
    }

    fn mapping(&mut self, start: Place) -> Result<Node, Diagnostic> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut merged: Vec<(Key, Node)> = Vec::new();
        let mut last = None;
        loop {
            let (event, place) = self.next()?;
            if event == Event::MappingEnd {
                let span = self.collection_span(start, place, last);
                merged.retain(|(key, _)| entries.iter().all(|(own, _)| own.name != key.name));
                entries.extend(merged);
                return Ok(Node { kind: NodeKind::Mapping(entries), span });
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.key(&start, &event, place)?;
            if let Some((first, _)) = entries.iter().find(|(other, _)| other.name == key.name) {
                return Err(mistake::set_twice(&first.span, &key));
            }
            let (event, place) = self.next()?;
            last = Some(place.end);
            let value = self.node(event, place)?;
            last = last.max(Some(value.span.range.end).filter(|end| *end > start.start));
            match is_merge {
                true => merge_into(&mut merged, value)?,
                false => entries.push((key, value)),
            }
        }
    }

    fn key(&self, mapping: &Place, event: &Event<'a>, place: Place) -> Result<Key, Diagnostic> {
        let text = &self.source.text;
        match event {
            Event::Scalar(name, ..) if !place.is_empty() => Ok(Key { name: name.to_string(), span: self.span(place) }),
            Event::MappingStart(..) if text[mapping.start..].starts_with("{{") => {
                Err(mistake::unquoted_jinja(self.source, mapping.start))
            }
            Event::Scalar(..) => Err(mistake::no_key(self.span(place.start..place.start + 1))),
            _ => Err(mistake::complex_key(self.span(place))),
        }
    }

    /// From the first byte to the closing bracket, or to the end of the last child in block style.
    fn collection_span(&self, start: Place, end: Place, last: Option<usize>) -> Span {
        let end = if start.is_empty() { last.unwrap_or(start.end) } else { end.end };
        self.span(start.start..end)
    }

    /// Block scalars end with their line breaks, which no caret should cover.
    fn trimmed(&self, place: Place) -> Span {
        let written = self.source.text.get(place.clone()).unwrap_or_default();
        let end = place.start + written.trim_end().len();
        self.span(place.start..end)
    }

    fn count(&mut self, more: usize, place: &Place) -> Result<(), Diagnostic> {
        self.nodes += more;
        match self.nodes > NODE_LIMIT {
            true => Err(mistake::too_large(self.span(place.clone()), NODE_LIMIT)),
            false => Ok(()),
        }
    }
}

/// `<<: *defaults`, or a list of them: the earlier wins.
fn merge_into(merged: &mut Vec<(Key, Node)>, value: Node) -> Result<(), Diagnostic> {
    match value.kind {
        NodeKind::Mapping(entries) => {
            for (key, node) in entries {
                if merged.iter().all(|(other, _)| other.name != key.name) {
                    merged.push((key, node));
                }
            }
            Ok(())
        }
        NodeKind::Sequence(items) => items.into_iter().try_for_each(|item| merge_into(merged, item)),
        _ => Err(mistake::merge_of_scalar(value.span)),
    }
}

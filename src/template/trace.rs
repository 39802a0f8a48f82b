//! Which parts of which templates a part of the output comes from; made only when an error of the output is to be shown.
//!
//! The template is rendered once more with marks. What it gives then is laid beside the output by its characters other than
//! white space, so that a template which trims what it is handed is followed as well.

use std::ops::Range;
use std::sync::Arc;

use super::marks::{Kind, Mark, Marks, Read, is_marked, read};
use crate::diagnostic::{SourceText, Span};

/// The way back from an output.
#[derive(Debug)]
pub struct Trace {
    marks: Vec<Mark>,
    nodes: Vec<Node>,
    /// Where in the output each of them writes next, in its ink.
    runs: Vec<(usize, Option<usize>)>,
}

/// One writing of a marked stretch: a loop writes it many times.
#[derive(Debug)]
struct Node {
    mark: usize,
    parent: Option<usize>,
    /// The output's ink before it.
    start: usize,
}

/// Where a part of the output comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Where it is written.
    pub span: Span,
    /// The text in quotes that became a part of it.
    pub text: Option<Span>,
    /// Where a text in quotes is put in.
    pub used: Option<Span>,
    /// The calls that led there, the nearest first.
    pub calls: Vec<Span>,
    /// It stands in the template as it does in the output.
    pub is_verbatim: bool,
}

impl Trace {
    /// Of a text that is its own output.
    pub(super) fn identity(source: &Arc<SourceText>) -> Self {
        let mark = Mark { span: Span::new(source, 0..source.text.len()), kind: Kind::Text };
        Self { marks: vec![mark], nodes: vec![Node { mark: 0, parent: None, start: 0 }], runs: vec![(0, Some(0))] }
    }

    /// Of what a template gives with marks; none if it is not `output` without them.
    pub(super) fn new(marked: &str, marks: Marks, output: &str) -> Option<Self> {
        if is_marked(output) {
            return None;
        }
        let mut trace = Self { marks: marks.items, nodes: Vec::new(), runs: vec![(0, None)] };
        let mut wanted = output.chars().filter(|character| !character.is_whitespace());
        let (mut written, mut open) = (0, Vec::new());
        for character in marked.chars() {
            match read(character) {
                Read::Open(mark) => {
                    trace.nodes.push(Node { mark, parent: open.last().copied(), start: written });
                    open.push(trace.nodes.len() - 1);
                }
                Read::Close(mark) => match open.iter().rposition(|node: &usize| trace.nodes[*node].mark == mark) {
                    Some(at) => open.truncate(at),
                    None => continue,
                },
                Read::Plain(character) if character.is_whitespace() => continue,
                Read::Plain(character) => {
                    match wanted.next() {
                        Some(next) if next == character => {}
                        Some(_) => return None,
                        // A part of what was written: a test's query without its `;`.
                        None => return Some(trace),
                    }
                    written += character.len_utf8();
                    continue;
                }
            }
            trace.runs.push((written, open.last().copied()));
        }
        wanted.next().is_none().then_some(trace)
    }

    /// Where a range of the output comes from.
    pub fn origin(&self, output: &str, range: Range<usize>) -> Option<Origin> {
        let start = ink(output.get(..range.start)?);
        let wrong = output.get(range)?;
        let end = start + ink(wrong);
        let first = self.node(start)?;
        let last = self.node(end.saturating_sub(1).max(start)).unwrap_or(first);
        let (from, to) = self.beside(first, last)?;
        let (left, right) = (self.within(from, start, end), self.within(to, start, end));
        let is_one = from != to && Arc::ptr_eq(&left.source, &right.source) && left.range.start < right.range.end;
        let span = if is_one { Span::new(&left.source, left.range.start..right.range.end) } else { left };
        let is_quoted = self.kind(from) == Kind::Quoted;
        // A filter made something else of it.
        let is_changed = is_quoted && !span.source.text[span.range.clone()].eq_ignore_ascii_case(wrong);
        let span = if is_changed { self.whole(from) } else { span };
        let put_in = self.upwards(from).find(|node| self.kind(*node) != Kind::Quoted);
        let used = put_in.filter(|_| is_quoted).map(|node| self.whole(node)).filter(|used| !span.within(used));
        let is_text = last != to && self.kind(last) == Kind::Quoted && self.kind(first) != Kind::Quoted;
        let text = is_text.then(|| self.within(last, start, end));
        let calls = self.calls(put_in, &span);
        // A text in quotes that is printed where it stands is as good as one outside of braces.
        let is_plain = self.kind(from) == Kind::Text || (is_quoted && used.is_none() && calls.is_empty());
        Some(Origin { span, text, used, calls, is_verbatim: from == to && is_plain })
    }

    /// The nodes that write at an offset of the output's ink, with what they were called by.
    fn node(&self, ink: usize) -> Option<usize> {
        let index = self.runs.partition_point(|(start, _)| *start <= ink);
        self.runs.get(index.checked_sub(1)?)?.1
    }

    /// The innermost two that hold the nodes and stand in one text.
    fn beside(&self, first: usize, last: usize) -> Option<(usize, usize)> {
        let lasts: Vec<usize> = self.upwards(last).collect();
        self.upwards(first).find_map(|left| {
            let parent = self.nodes[left].parent;
            let right = *lasts.iter().find(|right| self.nodes[**right].parent == parent)?;
            // Texts in quotes that were put together have an expression between them.
            let is_joined = left != right && [left, right].iter().any(|node| self.kind(*node) == Kind::Quoted);
            (!is_joined).then_some((left, right))
        })
    }

    fn kind(&self, node: usize) -> Kind {
        self.marks[self.nodes[node].mark].kind
    }

    fn upwards(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(node), |node| self.nodes[*node].parent)
    }

    fn whole(&self, node: usize) -> Span {
        self.marks[self.nodes[node].mark].span.clone()
    }

    /// What a node writes of a range of the output's ink; all of it, if it is not written as it stands.
    fn within(&self, node: usize, start: usize, end: usize) -> Span {
        let mark = &self.marks[self.nodes[node].mark];
        if mark.kind == Kind::Expression {
            return mark.span.clone();
        }
        let text = &mark.span.source.text[mark.span.range.clone()];
        let began = self.nodes[node].start;
        let from = after_ink(text, start.saturating_sub(began));
        let to = after_ink(text, end.saturating_sub(began + 1)).max(from);
        let last = text[to..].chars().next().map_or(0, char::len_utf8);
        Span::new(&mark.span.source, mark.span.range.start + from..mark.span.range.start + to + last)
    }

    /// The expressions around a node, without those that hold the place itself.
    fn calls(&self, node: Option<usize>, place: &Span) -> Vec<Span> {
        let mut calls: Vec<Span> = Vec::new();
        for parent in node.into_iter().flat_map(|node| self.upwards(node)).skip(1) {
            let call = self.whole(parent);
            if !place.within(&call) && !calls.contains(&call) {
                calls.push(call);
            }
        }
        calls
    }
}

/// Bytes that are no white space.
fn ink(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).map(char::len_utf8).sum()
}

/// The offset of the first character with so much ink before it.
fn after_ink(text: &str, ink: usize) -> usize {
    let mut before = 0;
    for (at, character) in text.char_indices().filter(|(_, character)| !character.is_whitespace()) {
        if before >= ink {
            return at;
        }
        before += character.len_utf8();
    }
    text.len()
}

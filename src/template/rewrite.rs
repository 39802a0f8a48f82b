//! Gives Jinja the semantics of Python that templates rely on, by small insertions before the parse.
//!
//! List and dict literals become mutable values, `%` on text formats, `+` and `-` know lists and dates, a missing key
//! compares as undefined instead of failing, and `ref`, `source` and `config` are told where they stand. Every other
//! byte stays, and an [`OffsetMap`] leads each offset of the new text back to the text the user wrote.

use std::ops::Range;
use std::sync::Arc;

use minijinja::Error;
use minijinja::machinery::ast::{BinOp, BinOpKind, Call, CallBlock, EmitRaw, Expr, Spanned};
use minijinja::machinery::{Span, parse};
use minijinja::syntax::SyntaxConfig;

use super::marks::{self, Kind, Marks};
use super::syntax::{self, Visit};
use crate::diagnostic::SourceText;

/// Marks the first argument that carries the place of a call.
pub(super) const PLACE: char = '\u{1}';

/// A text for the template engine, with the way back.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub text: String,
    pub map: OffsetMap,
}

/// Stretches of the new text that were copied, in order.
#[derive(Debug, Default)]
pub(super) struct OffsetMap {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    at: usize,
    from: usize,
    length: usize,
}

impl OffsetMap {
    /// Whether nothing of the text is the user's.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The original offset; of inserted text, the place it was inserted at.
    pub(super) fn original(&self, offset: usize) -> usize {
        let index = self.pieces.partition_point(|piece| piece.at <= offset);
        match index.checked_sub(1).map(|index| &self.pieces[index]) {
            Some(piece) => piece.from + (offset - piece.at).min(piece.length),
            None => self.pieces.first().map_or(0, |piece| piece.from),
        }
    }

    pub(super) fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.original(range.start);
        start..self.original(range.end).max(start)
    }
}

impl Rewritten {
    /// Adds text that is not the user's.
    pub(super) fn insert(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Copies a range of the source with the edits that lie in it.
    pub(super) fn copy(&mut self, source: &str, range: Range<usize>, edits: &[Edit]) {
        let mut at = range.start;
        for edit in edits.iter().filter(|edit| edit.at >= range.start && edit.at <= range.end) {
            self.piece(source, at..edit.at);
            self.text.push_str(&edit.text);
            at = edit.at + edit.removed;
        }
        self.piece(source, at..range.end);
    }

    fn piece(&mut self, source: &str, range: Range<usize>) {
        if range.start < range.end {
            self.map.pieces.push(Piece { at: self.text.len(), from: range.start, length: range.len() });
            self.text.push_str(&source[range]);
        }
    }
}

/// Text in place of `removed` bytes at an offset.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub at: usize,
    pub removed: usize,
    pub text: String,
    rank: Rank,
}

/// Which of several edits at one offset comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Close,
    CloseMark,
    Replace,
    OpenMark,
    Open,
}

impl Edit {
    pub(super) fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { at: range.start, removed: range.len(), text: text.into(), rank: Rank::Replace }
    }

    fn open(at: usize, text: impl Into<String>) -> Self {
        Self { at, removed: 0, text: text.into(), rank: Rank::Open }
    }

    fn close(at: usize) -> Self {
        Self { at, removed: 0, text: ")".to_owned(), rank: Rank::Close }
    }

    fn mark(at: usize, mark: char, rank: Rank) -> Self {
        Self { at, removed: 0, text: mark.to_string(), rank }
    }

    /// Brings edits into the order they are applied in; of equals, the one found first.
    pub(super) fn sort(edits: &mut [Self]) {
        edits.sort_by_key(|edit| (edit.at, edit.rank));
    }
}

/// What the walk of one template found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// In the order they are to be applied.
    pub edits: Vec<Edit>,
    pub uses_caller: bool,
    pub uses_varargs: bool,
    pub uses_kwargs: bool,
}

/// Parses a template and lists the edits it needs; `owner` is what a place names as its text. The edits and places are
/// in the offsets of the text that `map` leads back to.
pub(super) fn findings(source: &str, owner: &str, map: Option<&OffsetMap>) -> Result<Findings, Error> {
    marked_findings(source, owner, map, None)
}

/// As [`findings`], with marks of what the template writes if they are asked for.
pub(super) fn marked_findings(
    source: &str,
    owner: &str,
    map: Option<&OffsetMap>,
    marking: Option<Marking<'_>>,
) -> Result<Findings, Error> {
    let tree = parse(source, "", SyntaxConfig::default())?;
    let mut walk = Walk { source, owner, map, marking, found: Findings::default() };
    syntax::statement(&tree, &mut walk);
    Edit::sort(&mut walk.found.edits);
    Ok(walk.found)
}

/// Where marks are kept, and the file they are in.
pub(super) struct Marking<'m> {
    pub source: &'m Arc<SourceText>,
    pub marks: &'m mut Marks,
}

struct Walk<'s> {
    source: &'s str,
    owner: &'s str,
    map: Option<&'s OffsetMap>,
    marking: Option<Marking<'s>>,
    found: Findings,
}

impl Walk<'_> {
    fn original(&self, offset: usize) -> usize {
        self.map.map_or(offset, |map| map.original(offset))
    }

    fn open(&mut self, at: usize, text: impl Into<String>) {
        self.found.edits.push(Edit::open(self.original(at), text));
    }

    fn close(&mut self, at: usize) {
        self.found.edits.push(Edit::close(self.original(at)));
    }

    /// Marks a stretch of the template, with the marks at `around`; all are offsets of the text that is read.
    fn mark(&mut self, what: Range<usize>, around: Range<usize>, kind: Kind) {
        let (what, around) = (self.originals(what), self.originals(around));
        let Some(marking) = &mut self.marking else { return };
        if let Some((open, close)) = marking.marks.add(marking.source, what, kind) {
            self.found.edits.push(Edit::mark(around.start, open, Rank::OpenMark));
            self.found.edits.push(Edit::mark(around.end, close, Rank::CloseMark));
        }
    }

    fn originals(&self, range: Range<usize>) -> Range<usize> {
        self.original(range.start)..self.original(range.end)
    }

    /// Marks texts in quotes, inside of their quotes.
    fn mark_quoted(&mut self, find: impl FnOnce(&mut Vec<Range<usize>>)) {
        if !self.marking.as_ref().is_some_and(|marking| marking.marks.quoted) {
            return;
        }
        let mut found = Vec::new();
        find(&mut found);
        for range in found {
            let text = self.source.get(range.clone()).unwrap_or_default();
            // Texts next to each other are one to Jinja.
            if text.len() > 2 && text.starts_with(['\'', '"']) && text.ends_with(['\'', '"']) {
                let inside = range.start + 1..range.end - 1;
                self.mark(inside.clone(), inside, Kind::Quoted);
            }
        }
    }

    /// From the braces before a range to those after it.
    fn braces(&self, range: &Range<usize>, open: &str, close: &str) -> Option<Range<usize>> {
        let start = self.source.get(..range.start)?.rfind(open)?;
        let end = range.end + self.source.get(range.end..)?.find(close)? + close.len();
        Some(start..end)
    }

    /// Whether a side of a comparison is read leniently; of a marked text the marks are taken off then.
    fn is_lax(&self, side: &Expr<'_>) -> bool {
        may_miss(side) || (self.marking.is_some() && matches!(side, Expr::Var(_) | Expr::Const(_)))
    }

    /// Where the operator between the operands stands.
    fn operator(&self, operation: &BinOp<'_>, sign: &str) -> Option<usize> {
        let after = operation.left.span().end_offset as usize;
        Some(after + self.source.get(after..)?.find(sign)?)
    }

    fn open_operation(&mut self, operation: &BinOp<'_>, span: Span) {
        let start = span.start_offset as usize;
        if let Some((function, sign)) = replaced(operation) {
            if let Some(at) = self.operator(operation, sign) {
                self.open(start, function);
                let at = self.original(at);
                self.found.edits.push(Edit::replace(at..at + sign.len(), ","));
            }
        } else if let Some(sign) = equality(operation.op)
            && let Some(at) = self.operator(operation, sign)
        {
            if self.is_lax(&operation.left) {
                // The tree's span of a comparison begins one token too early.
                self.open(syntax::start(&operation.left), "__lax(");
                self.close(at);
            }
            if self.is_lax(&operation.right) {
                self.open(at + sign.len(), " __lax(");
            }
        }
    }

    fn close_operation(&mut self, operation: &BinOp<'_>, span: Span) {
        let closes = match replaced(operation) {
            Some((_, sign)) => self.operator(operation, sign).is_some(),
            None => equality(operation.op).is_some() && self.is_lax(&operation.right),
        };
        if closes {
            self.close(span.end_offset as usize);
        }
    }
}

impl<'a> Visit<'a> for Walk<'_> {
    fn enter(&mut self, expr: &Expr<'a>) {
        match expr {
            Expr::Var(name) => match name.id {
                "caller" => self.found.uses_caller = true,
                "varargs" => self.found.uses_varargs = true,
                "kwargs" => self.found.uses_kwargs = true,
                _ => {}
            },
            Expr::List(list) => self.open(list.span().start_offset as usize, "__list("),
            Expr::Map(map) => self.open(map.span().start_offset as usize, "__dict("),
            Expr::BinOp(operation) => self.open_operation(operation, operation.span()),
            _ => {}
        }
    }

    fn leave(&mut self, expr: &Expr<'a>) {
        match expr {
            Expr::List(list) => self.close(list.span().end_offset as usize),
            Expr::Map(map) => self.close(map.span().end_offset as usize),
            Expr::BinOp(operation) => self.close_operation(operation, operation.span()),
            _ => {}
        }
    }

    fn text(&mut self, text: &Spanned<EmitRaw<'a>>) {
        let range = offsets(text.span());
        if self.source.get(range.clone()) == Some(text.raw) && !text.raw.trim().is_empty() {
            self.mark(range.clone(), range, Kind::Text);
        }
    }

    fn printed(&mut self, expr: &Expr<'a>, span: Span) {
        let range = offsets(span);
        if let Some(around) = self.braces(&range, "{{", "}}") {
            self.mark(range, around, Kind::Expression);
        }
        self.value(expr);
    }

    fn value(&mut self, expr: &Expr<'a>) {
        self.mark_quoted(|found| marks::quoted(expr, found));
    }

    fn call_block(&mut self, block: &Spanned<CallBlock<'a>>) {
        let whole = offsets(block.span());
        if let Some(around) = self.braces(&whole, "{%", "%}") {
            let call = marks::called(&block.call, block.call.span().end_offset as usize);
            self.mark(call, around, Kind::Expression);
        }
        self.done(&block.call);
    }

    fn done(&mut self, call: &Call<'a>) {
        self.mark_quoted(|found| marks::in_call(call, found));
    }

    fn call(&mut self, call: &Call<'a>, span: Span) {
        let placed = match &call.expr {
            Expr::Var(name) => matches!(name.id, "ref" | "source" | "config"),
            Expr::GetAttr(access) => {
                matches!(access.name, "ref" | "source" | "config")
                    && matches!(&access.expr, Expr::Var(name) if name.id == "builtins")
            }
            _ => false,
        };
        if !placed {
            return;
        }
        let callee = call.expr.span().end_offset as usize;
        let Some(open) = self.source.get(callee..).and_then(|rest| rest.find('(')) else { return };
        let comma = if call.args.is_empty() { "" } else { ", " };
        let start = self.original(syntax::start(&call.expr));
        let end = self.original(span.end_offset as usize);
        let place = format!("'{PLACE}{}:{start}:{end}'{comma}", self.owner);
        self.open(callee + open + 1, place);
    }
}

/// Operators that become calls, with the sign they are written with; not where both sides can only be numbers or text.
fn replaced(operation: &BinOp<'_>) -> Option<(&'static str, &'static str)> {
    let plain = |side: &Expr<'_>| matches!(side, Expr::Const(_));
    let number = |side: &Expr<'_>| matches!(side, Expr::Const(constant) if constant.value.is_number());
    match operation.op {
        BinOpKind::Add if !plain(&operation.left) && !plain(&operation.right) => Some(("__add(", "+")),
        BinOpKind::Sub if !plain(&operation.left) && !plain(&operation.right) => Some(("__sub(", "-")),
        BinOpKind::Rem if !number(&operation.left) => Some(("__rem(", "%")),
        _ => None,
    }
}

fn offsets(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

fn equality(kind: BinOpKind) -> Option<&'static str> {
    match kind {
        BinOpKind::Eq => Some("=="),
        BinOpKind::Ne => Some("!="),
        _ => None,
    }
}

/// An access that may find nothing.
fn may_miss(side: &Expr<'_>) -> bool {
    matches!(side, Expr::GetAttr(_) | Expr::GetItem(_))
}

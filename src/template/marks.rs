//! Invisible marks around what a template writes, for finding the way back from its output.
//!
//! Each stretch of text, each expression and each text in quotes that may come to be printed stands between two characters
//! of Unicode's private planes. They pass through macros, loops, `{% set %}` and `{% call %}` like any other character.

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::ast::{BinOpKind, Call, CallArg, Expr};

use super::functions::Builtin;
use super::scope::Scope;
use super::syntax;
use crate::diagnostic::{SourceText, Span};

const OPEN: u32 = 0xF_0000;
const CLOSE: u32 = 0x10_0000;
/// The private planes end two characters early.
const MOST: usize = 0xFFFD;

/// What stands between two marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text outside of braces.
    Text,
    /// What is in double braces, or a call with a body.
    Expression,
    /// Text in quotes, inside of an expression.
    Quoted,
}

#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub span: Span,
    pub kind: Kind,
}

/// The marks of a rendering, each known by its number.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    pub items: Vec<Mark>,
    /// Whether texts in quotes are marked, too: a template may compare them.
    pub quoted: bool,
}

impl Marks {
    pub(super) fn new(quoted: bool) -> Self {
        Self { items: Vec::new(), quoted }
    }

    /// A new mark as its two characters; none when there are too many.
    pub(super) fn add(&mut self, source: &Arc<SourceText>, range: Range<usize>, kind: Kind) -> Option<(char, char)> {
        let number = self.items.len();
        if number >= MOST {
            return None;
        }
        self.items.push(Mark { span: Span::new(source, range), kind });
        let number = u32::try_from(number).ok()?;
        Some((char::from_u32(OPEN + number)?, char::from_u32(CLOSE + number)?))
    }
}

/// A character of a marked text.
pub(super) enum Read {
    Open(usize),
    Close(usize),
    Plain(char),
}

pub(super) fn read(character: char) -> Read {
    let code = u32::from(character);
    let number = |from: u32| usize::try_from(code - from).unwrap_or(usize::MAX);
    match code {
        CLOSE.. => Read::Close(number(CLOSE)),
        OPEN.. => Read::Open(number(OPEN)),
        _ => Read::Plain(character),
    }
}

/// The text without its marks.
pub(super) fn without(text: &str) -> String {
    text.chars().filter(|character| u32::from(*character) < OPEN).collect()
}

/// Whether a text has characters that could be taken for marks.
pub(super) fn is_marked(text: &str) -> bool {
    text.chars().any(|character| u32::from(character) >= OPEN)
}

/// The texts in quotes whose value an expression may become, as ranges of the template.
pub(super) fn quoted(expr: &Expr<'_>, found: &mut Vec<Range<usize>>) {
    match expr {
        Expr::Const(constant) if constant.value.as_str().is_some_and(|text| !text.trim().is_empty()) => {
            let span = constant.span();
            found.push(span.start_offset as usize..span.end_offset as usize);
        }
        Expr::List(list) => list.items.iter().for_each(|item| quoted(item, found)),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| quoted(item, found)),
        Expr::Map(map) => map.values.iter().for_each(|value| quoted(value, found)),
        Expr::IfExpr(choice) => {
            quoted(&choice.true_expr, found);
            choice.false_expr.iter().for_each(|other| quoted(other, found));
        }
        Expr::BinOp(operation) => {
            if matches!(
                operation.op,
                BinOpKind::Add | BinOpKind::Concat | BinOpKind::Rem | BinOpKind::ScAnd | BinOpKind::ScOr
            ) {
                quoted(&operation.left, found);
                quoted(&operation.right, found);
            }
        }
        Expr::Filter(filter) => filter.expr.iter().for_each(|subject| quoted(subject, found)),
        Expr::Call(call) => in_call(call, found),
        Expr::Var(_)
        | Expr::Const(_)
        | Expr::Slice(_)
        | Expr::UnaryOp(_)
        | Expr::Compare(_)
        | Expr::Test(_)
        | Expr::GetAttr(_)
        | Expr::GetItem(_) => {}
    }
}

/// Arguments of macros, and what is added to a list; what other functions are told has a meaning of its own.
pub(super) fn in_call(call: &Call<'_>, found: &mut Vec<Range<usize>>) {
    let takes_texts = match &call.expr {
        Expr::Var(name) => {
            let is_macro = Builtin::named(name.id).is_none() && Scope::named(name.id).is_none();
            is_macro || name.id == "return"
        }
        Expr::GetAttr(access) => {
            matches!(access.name, "append" | "extend" | "insert" | "update" | "setdefault")
        }
        _ => false,
    };
    for argument in call.args.iter().filter(|_| takes_texts) {
        match argument {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) => quoted(value, found),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {}
        }
    }
}

/// A call's place, from its name on.
pub(super) fn called(call: &Call<'_>, end: usize) -> Range<usize> {
    syntax::start(&call.expr)..end
}

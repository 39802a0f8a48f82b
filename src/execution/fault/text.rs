//! Where the expressions of a parsed query stand in its text.
//!
//! The parser tells where names and values are, and leaves out brackets, keywords and signs around them.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{Expr, Spanned};
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use super::words::code_only;

#[derive(Debug, Default)]
pub(in crate::execution) struct Text<'a> {
    sql: &'a str,
    /// Without comments and texts in quotes.
    code: String,
    lines: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(in crate::execution) fn new(sql: &'a str) -> Self {
        let starts = sql.match_indices('\n').map(|(newline, _)| newline + 1);
        Self { sql, code: code_only(sql), lines: std::iter::once(0).chain(starts).collect() }
    }

    /// A place that the parser tells.
    pub(in crate::execution) fn bytes(&self, span: Span) -> Option<Range<usize>> {
        let (start, end) = (self.offset(span.start)?, self.offset(span.end)?);
        (start < end).then_some(start..end)
    }

    fn offset(&self, location: Location) -> Option<usize> {
        let line = usize::try_from(location.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(location.column).ok()?.checked_sub(1)?;
        let start = *self.lines.get(line)?;
        let rest = self.sql.get(start..)?;
        Some(rest.char_indices().nth(column).map_or(self.sql.len(), |(at, _)| start + at))
    }

    /// The whole of an expression.
    pub(in crate::execution) fn of_expression(&self, expression: &Expr) -> Option<Range<usize>> {
        let told = self.bytes(expression.span())?;
        let whole = match expression {
            Expr::UnaryOp { .. } | Expr::Interval(_) | Expr::TypedString(_) => self.word_before(told),
            Expr::Function(_) => self.with_bracket(told),
            Expr::Cast { .. } => match self.called(&told) {
                Some(call) => call,
                None => self.with_type(told),
            },
            Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Overlay { .. }
            | Expr::Nested(_) => self.called(&told).unwrap_or(told),
            _ => told,
        };
        Some(self.closed(whole))
    }

    /// With the brackets that are opened in it and closed behind it, or the other way round.
    fn closed(&self, range: Range<usize>) -> Range<usize> {
        let Some(inside) = self.code.get(range.clone()) else { return range };
        let (mut depth, mut least) = (0_i32, 0_i32);
        for character in inside.chars() {
            depth += step(character);
            least = least.min(depth);
        }
        let mut start = range.start;
        for (at, character) in self.code[..range.start].char_indices().rev() {
            if least >= 0 {
                break;
            }
            (start, depth, least) = (at, depth + step(character), least + step(character));
        }
        let mut end = range.end;
        if depth > 0 {
            for (at, character) in self.code[range.end..].char_indices() {
                depth += step(character);
                if depth == 0 {
                    end = range.end + at + character.len_utf8();
                    break;
                }
            }
        }
        start..end
    }

    /// With the sign or the word before it.
    fn word_before(&self, range: Range<usize>) -> Range<usize> {
        let before = self.code[..range.start].trim_end();
        let word = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        let start = match word == before.len() {
            true => before.char_indices().next_back().map_or(range.start, |(at, _)| at),
            false => word,
        };
        start..range.end
    }

    /// With the bracket it stands in, and the word before that.
    fn called(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let mut depth = 0_i32;
        let open = self.code[..range.start].char_indices().rev().find_map(|(at, character)| {
            depth += step(character);
            (depth > 0).then_some(at)
        })?;
        let between = &self.code[open + 1..range.start];
        // A word may stand between: `extract(day from x)`, `trim(both 'x' from y)`.
        if between.contains([',', '(']) || between.split_whitespace().count() > 2 {
            return None;
        }
        let before = self.code[..open].trim_end();
        let start = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        let is_call = ["cast", "try_cast", "extract", "ceil", "floor", "position", "substring", "trim", "overlay"]
            .contains(&before[start..].to_ascii_lowercase().as_str());
        is_call.then_some(start..range.end.max(open + 1))
    }

    /// With the bracket that opens right behind it.
    fn with_bracket(&self, range: Range<usize>) -> Range<usize> {
        match self.code[range.end..].starts_with('(') {
            true => range.start..range.end + 1,
            false => range,
        }
    }

    /// With `::type` behind it.
    fn with_type(&self, range: Range<usize>) -> Range<usize> {
        let rest = &self.code[range.end..];
        let Some(named) = rest.trim_start().strip_prefix("::") else { return range };
        let named = named.trim_start();
        let word = named.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(named.len());
        let end = self.code.len() - named.len() + word;
        range.start..end
    }
}

fn step(character: char) -> i32 {
    match character {
        '(' => 1,
        ')' => -1,
        _ => 0,
    }
}

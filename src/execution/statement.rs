//! SQL as a statement: one query, of a shape that the planner reads as it is written, and no deeper than stacks are.

use std::ops::ControlFlow;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, Select, SelectFlavor, SetExpr, Spanned, TableFactor, Value, ValueWithSpan, Visit,
    Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, Tokenizer};

use super::fault::Fault;
use crate::diagnostic::Code;

/// What every thread that plans or runs a query has. A level of an expression takes up to some kilobytes of it.
pub const STACK: usize = 128 << 20;

/// Levels of an expression, branches of a `union`, queries of a `with`: planning takes time with the square of each.
const DEEPEST: usize = 3000;

/// Tables of one `from`: planning takes time with the third power of them.
const MOST_JOINED: usize = 500;

/// Values of an `in (...)`: they are as many levels where files are skipped by their statistics.
const LONGEST_LIST: usize = 100_000;

/// What the parser takes of brackets and `case` within each other, about.
const NESTED: usize = 45;

/// Brackets within each other from which the parser, where it cannot go on, tries so many ways that it comes to no end.
const MANY_WAYS: usize = 8;

/// A query that would be misread, or that is too deep to be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Misuse {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: &'static str,
    pub(super) place: Span,
}

/// SQL parsed, if it is a query and means what it says.
pub(super) fn statement_of(state: &SessionState, sql: &str) -> Result<Statement> {
    if most_open(sql) >= MANY_WAYS {
        hopeless(sql)?;
    }
    let dialect = state.config().options().sql_parser.dialect;
    let statement = state.sql_to_statement(sql, &dialect).map_err(|error| too_nested(sql, &error).unwrap_or(error))?;
    let Statement::Statement(inner) = &statement else { return Err(no_query()) };
    if !matches!(**inner, sqlparser::ast::Statement::Query(_)) {
        return Err(no_query());
    }
    match inner.visit(&mut Shape::default()) {
        ControlFlow::Continue(()) => Ok(statement),
        ControlFlow::Break(fault) => {
            // To take apart what is too deep would be as deep again.
            std::mem::forget(statement);
            Err((*fault).into())
        }
    }
}

fn no_query() -> DataFusionError {
    DataFusionError::Plan("only a query can be run here".to_owned())
}

/// Brackets open at once, by a glance that takes texts and comments for SQL.
fn most_open(sql: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in sql.bytes() {
        match byte {
            b'(' | b'[' => {
                open += 1;
                most = most.max(open);
            }
            b')' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Fails where the parser would take for ever to fail.
fn hopeless(sql: &str) -> Result<()> {
    let Some(nesting) = Nesting::of(sql) else { return Ok(()) };
    if nesting.deepest > NESTED {
        return Err(nesting.too_deep());
    }
    match nesting.unclosed.as_slice() {
        [.., last] if nesting.unclosed.len() >= MANY_WAYS => Err(Fault::from(Misuse {
            code: Code::SqlSyntax,
            message: format!("SQL syntax: {} brackets are never closed", nesting.unclosed.len()),
            hint: "close this one, and those before it",
            place: *last,
        })
        .into()),
        _ => Ok(()),
    }
}

/// The parser's limit, which it tells without a place, or not at all: some of its ways then end elsewhere.
fn too_nested(sql: &str, error: &DataFusionError) -> Option<DataFusionError> {
    let DataFusionError::SQL(parser_error, _) = error.find_root() else { return None };
    let is_told = matches!(**parser_error, sqlparser::parser::ParserError::RecursionLimitExceeded);
    let nesting = Nesting::of(sql)?;
    (is_told || nesting.deepest >= NESTED).then(|| nesting.too_deep())
}

/// How brackets, `case` and signs stand within each other.
struct Nesting {
    deepest: usize,
    /// Where they do.
    place: Span,
    /// Brackets without an end.
    unclosed: Vec<Span>,
}

impl Nesting {
    /// None for what has no tokens.
    fn of(sql: &str) -> Option<Self> {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
        // Each with every `not` before it: the parser goes one deeper for each.
        let mut open: Vec<(Span, usize)> = Vec::new();
        let (mut levels, mut nots, mut signs) = (0, 0, 0);
        let mut nesting = Self { deepest: 0, place: Span::empty(), unclosed: Vec::new() };
        for token in tokens {
            match &token.token {
                Token::Whitespace(_) => continue,
                Token::LParen | Token::LBracket => {
                    levels += 1 + nots;
                    open.push((token.span, 1 + nots));
                }
                Token::Word(word) if word.keyword == Keyword::CASE => {
                    levels += 1 + nots;
                    open.push((token.span, 1 + nots));
                }
                Token::RParen | Token::RBracket => levels -= open.pop().map_or(0, |(_, levels)| levels),
                Token::Word(word) if word.keyword == Keyword::END => {
                    levels -= open.pop().map_or(0, |(_, levels)| levels);
                }
                _ => {}
            }
            match &token.token {
                Token::Word(word) if word.keyword == Keyword::NOT => nots += 1,
                Token::Minus | Token::Plus | Token::Tilde => signs += 1,
                _ => (nots, signs) = (0, 0),
            }
            if levels + nots + signs > nesting.deepest {
                (nesting.deepest, nesting.place) = (levels + nots + signs, token.span);
            }
        }
        nesting.unclosed = open.into_iter().map(|(place, _)| place).collect();
        Some(nesting)
    }

    fn too_deep(&self) -> DataFusionError {
        let misuse = Misuse {
            code: Code::SqlSyntax,
            message: "SQL syntax: the query is nested too deeply".to_owned(),
            hint: "give the inner parts names of their own, each in a `with`",
            place: self.place,
        };
        Fault::from(misuse).into()
    }
}

/// Goes through a statement, and stops at what the planner would misread, or at what is too deep for it.
#[derive(Default)]
struct Shape {
    depth: usize,
}

fn stop(fault: impl Into<Fault>) -> ControlFlow<Box<Fault>> {
    ControlFlow::Break(Box::new(fault.into()))
}

fn too_many(what: &str, hint: &'static str, place: Span) -> ControlFlow<Box<Fault>> {
    let message = format!("{what} are more than can be planned");
    stop(Misuse { code: Code::SqlSyntax, message, hint, place })
}

fn unsupported(message: &str, hint: &'static str, place: Span) -> ControlFlow<Box<Fault>> {
    stop(Misuse { code: Code::Unsupported, message: message.to_owned(), hint, place })
}

impl Visitor for Shape {
    type Break = Box<Fault>;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let queries = query.with.as_ref().map(|with| with.cte_tables.as_slice()).unwrap_or_default();
        if let Some(beyond) = queries.get(DEEPEST) {
            let hint = "make models of some of them";
            return too_many(&format!("{} queries in one `with`", queries.len()), hint, beyond.alias.name.span);
        }
        let (mut branches, mut body) = (1, query.body.as_ref());
        while let SetExpr::SetOperation { left, .. } = body {
            (branches, body) = (branches + 1, left);
        }
        if branches > DEEPEST {
            let hint = "rows of constants are `values (...), (...)`, or a seed";
            return too_many(&format!("{branches} queries in one `union`"), hint, first_word(body));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        if let Some(into) = &select.into {
            let hint = "leave it out: the engine makes the table of what the query returns";
            return unsupported("`select ... into` makes no table here", hint, into.name.span());
        }
        if select.projection.is_empty() {
            let message = "this query selects nothing";
            let place = match select.flavor {
                SelectFlavor::Standard | SelectFlavor::FromFirst => select.select_token.0.span,
                SelectFlavor::FromFirstNoSelect => select.from.first().map_or_else(Span::empty, Spanned::span),
            };
            return unsupported(message, "write `select *` or the columns before `from`", place);
        }
        let joins = select.from.iter().map(|from| from.joins.len() + 1).sum::<usize>();
        match joins > MOST_JOINED {
            true => too_many(&format!("{joins} tables in one `from`"), "join some of them in models of their own", {
                select.select_token.0.span
            }),
            false => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                stop(Fault::Sample)
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let hint = match is_junction(expr) {
                true => "write `in (...)` or `not in (...)`, or join a table of the values",
                false => "compute it in parts, each in a `with`, or sum up rows instead of terms",
            };
            let mut first = expr;
            let mut terms = self.depth;
            while let Expr::BinaryOp { left, .. } = first
                && is_junction(first) == is_junction(expr)
            {
                (first, terms) = (left, terms + 1);
            }
            return too_many(&format!("{terms} terms in one expression"), hint, first.span());
        }
        match expr {
            Expr::InList { expr, list, .. } if list.len() > LONGEST_LIST => {
                let hint = "put them into a seed or a model, and write `in (select ...)`";
                too_many(&format!("{} values in one `in (...)`", list.len()), hint, expr.span())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<Self::Break> {
        match &value.value {
            Value::Placeholder(name) => {
                let message = format!("`{name}` stands for a parameter, and nothing gives it a value");
                unsupported(&message, "write the value, or `{{ var('name') }}`", value.span)
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Whether conditions are put together.
fn is_junction(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::Or | BinaryOperator::And, .. })
}

/// The place of a branch's `select`.
fn first_word(branch: &SetExpr) -> Span {
    match branch {
        SetExpr::Select(select) => select.select_token.0.span,
        other => other.span(),
    }
}

//! The columns that a query gives, where its last `select` names them.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{Expr, Query, SelectItem, SetExpr, Spanned, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::text::Text;

/// Where a name is given the second time; of names that only a `*` gives, the last `*`.
pub(super) fn twice(sql: &str, column: &str) -> Option<Range<usize>> {
    let items = items(sql)?;
    let is_star = |item: &&SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    let named: Vec<Span> = items.iter().filter_map(|item| name(item, column)).collect();
    match named.as_slice() {
        [_, second, ..] => range(sql, *second),
        [only] => range(sql, *only),
        [] => range(sql, items.iter().rfind(is_star)?.span()),
    }
}

/// Where a name is given, the last time.
pub(super) fn named(sql: &str, column: &str) -> Option<Range<usize>> {
    range(sql, items(sql)?.iter().rev().find_map(|item| name(item, column))?)
}

/// Where a column stands, counted from 1, if no `*` stands before it.
pub(super) fn at(sql: &str, number: usize) -> Option<Range<usize>> {
    let items = items(sql)?;
    let before = items.get(..number)?;
    match before.iter().all(|item| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })) {
        true => match before.last()? {
            SelectItem::UnnamedExpr(expression) => Text::new(sql).of_expression(expression),
            item => range(sql, item.span()),
        },
        false => None,
    }
}

fn items(sql: &str) -> Option<Vec<SelectItem>> {
    let statement = Parser::parse_sql(&GenericDialect {}, sql).ok()?.into_iter().next()?;
    let Statement::Query(query) = statement else { return None };
    Some(of_query(&query)?.to_vec())
}

/// The names of a union are those of its first query.
fn of_query(query: &Query) -> Option<&[SelectItem]> {
    let mut body = query.body.as_ref();
    loop {
        match body {
            SetExpr::Select(select) => return Some(&select.projection),
            SetExpr::Query(query) => return of_query(query),
            SetExpr::SetOperation { left, .. } => body = left.as_ref(),
            _ => return None,
        }
    }
}

/// Where an item gives a column this name.
fn name(item: &SelectItem, column: &str) -> Option<Span> {
    let (name, span) = match item {
        SelectItem::ExprWithAlias { alias, .. } => (alias, alias.span),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => (name, name.span),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => (names.last()?, item.span()),
        _ => return None,
    };
    name.value.eq_ignore_ascii_case(column).then_some(span)
}

fn range(sql: &str, span: Span) -> Option<Range<usize>> {
    Text::new(sql).bytes(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_two_names_is_found() {
        let place = |sql: &str| twice(sql, "id").map(|range| sql[range].to_owned());
        assert_eq!(twice("select a.id, b.id from a", "id"), Some(13..17));
        assert_eq!(place("with x as (select 1 as id) select id, 2 as id, id from x").as_deref(), Some("id"));
        assert_eq!(place("select a.*, b.* from a join b").as_deref(), Some("b.*"));
        assert_eq!(place("select a.id, b.* from a union select 1"), Some("a.id".to_owned()));
        assert_eq!(place("select 1 as x"), None);
        assert_eq!(named("select count(*) as n from orders as n", "n"), Some(19..20));
    }

    #[test]
    fn a_column_without_a_name_is_found() {
        assert_eq!(at("select id, 1 + 1 from a", 2), Some(11..16));
        assert_eq!(at("select count(*), 1 from a", 1), Some(7..15));
        assert_eq!(at("select *, 1 from a", 2), None);
    }
}

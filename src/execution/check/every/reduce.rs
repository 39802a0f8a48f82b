//! A query without the parts that read a table which is nowhere: of their columns nothing can be said.

use std::ops::{ControlFlow, Range};

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, ObjectName, Query, SelectItem, SetExpr, Spanned, Statement as Inner, TableFactor, Value, Visit,
    Visitor,
};

use crate::execution::fault::Text;

/// The queries of a `with` that do not read the table named at a place, and the last query, if it does not. None if no
/// query is left.
pub(super) fn without(statement: &Statement, sql: &str, place: &Range<usize>) -> Option<Statement> {
    let mut reduced = statement.clone();
    let Statement::Statement(inner) = &mut reduced else { return None };
    let Inner::Query(query) = inner.as_mut() else { return None };
    let with = query.with.as_mut()?;
    let mut reads = Reads { text: Text::new(sql), place, names: Vec::new() };
    with.cte_tables.retain(|table| {
        let is_lost = table.query.visit(&mut reads).is_break();
        if is_lost {
            reads.names.push(table.alias.name.value.to_lowercase());
        }
        !is_lost
    });
    let is_lost = query.body.visit(&mut reads).is_break() || query.order_by.visit(&mut reads).is_break();
    if is_lost {
        if with.cte_tables.is_empty() {
            return None;
        }
        give_nothing(query)?;
    }
    Some(reduced)
}

/// Makes it `select null`, behind its `with`.
fn give_nothing(query: &mut Query) -> Option<()> {
    let mut body = query.body.as_ref();
    while let SetExpr::SetOperation { left, .. } = body {
        body = left.as_ref();
    }
    let SetExpr::Select(select) = body else { return None };
    let mut select = select.clone();
    select.distinct = None;
    select.top = None;
    select.projection = vec![SelectItem::UnnamedExpr(Expr::Value(Value::Null.into()))];
    select.from.clear();
    select.selection = None;
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select.having = None;
    select.named_window.clear();
    select.qualify = None;
    *query.body = SetExpr::Select(select);
    query.order_by = None;
    query.limit_clause = None;
    query.fetch = None;
    Some(())
}

/// Stops at a table that is nowhere, or that reads one.
struct Reads<'a> {
    text: Text<'a>,
    place: &'a Range<usize>,
    names: Vec<String>,
}

impl Visitor for Reads<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let is_here = self.text.bytes(relation.span()).is_some_and(|range| range.start == self.place.start);
        match is_here || self.names.contains(&relation.to_string().to_lowercase()) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// The tables that a statement names, each with its place, but for those that a `with` defines.
pub(super) fn tables(statement: &Statement, sql: &str) -> Vec<(String, Range<usize>)> {
    let Statement::Statement(statement) = statement else { return Vec::new() };
    let mut names = Names { text: Text::new(sql), defined: Vec::new(), named: Vec::new() };
    // A walk that stops nowhere ends with all of them.
    let _ = statement.visit(&mut names);
    let Names { defined, mut named, .. } = names;
    named.retain(|(name, _)| !defined.contains(&name.to_lowercase()));
    named
}

struct Names<'a> {
    text: Text<'a>,
    defined: Vec<String>,
    named: Vec<(String, Range<usize>)>,
}

impl Visitor for Names<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.defined.extend(tables.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor
            && let Some(place) = self.text.bytes(name.span())
        {
            self.named.push((name.to_string(), place));
        }
        ControlFlow::Continue(())
    }
}

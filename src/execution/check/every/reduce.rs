//! A query without the parts that read a table which is nowhere: of their columns nothing can be said.

use std::ops::{ControlFlow, Range};

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, ObjectName, Query, Select, SelectItem, SetExpr, Spanned, Statement as Inner, TableFactor,
    TableWithJoins, Value, Visit, Visitor,
};

use super::parts::read;
use crate::execution::fault::Text;

/// The queries of a `with` that do not read the table named at a place, and of the last query what can be told without it.
/// None if nothing is left.
pub(super) fn without(statement: &Statement, sql: &str, place: &Range<usize>) -> Option<Statement> {
    let mut reduced = statement.clone();
    let Statement::Statement(inner) = &mut reduced else { return None };
    let Inner::Query(query) = inner.as_mut() else { return None };
    let mut reads = Reads { text: Text::new(sql), place, names: Vec::new() };
    let with = query.with.as_mut();
    with.map(|with| &mut with.cte_tables).into_iter().for_each(|tables| {
        tables.retain(|table| {
            let is_lost = table.query.visit(&mut reads).is_break();
            if is_lost {
                reads.names.push(table.alias.name.value.to_lowercase());
            }
            !is_lost
        });
    });
    query.with.take_if(|with| with.cte_tables.is_empty());
    let is_lost = query.body.visit(&mut reads).is_break() || query.order_by.visit(&mut reads).is_break();
    if is_lost {
        give_known(query, &mut reads)?;
    }
    (is_lost || !reads.names.is_empty()).then_some(reduced)
}

/// Makes it select, behind its `with`, the columns it names of the tables that are left; `null` if there are none.
fn give_known(query: &mut Query, reads: &mut Reads<'_>) -> Option<()> {
    let is_single = matches!(query.body.as_ref(), SetExpr::Select(_));
    let mut body = query.body.as_ref();
    while let SetExpr::SetOperation { left, .. } = body {
        body = left.as_ref();
    }
    let SetExpr::Select(select) = body else { return None };
    let mut select = select.clone();
    let known = if is_single { Columns::of(&select, reads) } else { Columns::default() };
    if known.tables.is_empty() && query.with.is_none() {
        return None;
    }
    select.distinct = None;
    select.top = None;
    select.projection = known.items();
    select.from = known.tables.into_iter().map(|relation| TableWithJoins { relation, joins: Vec::new() }).collect();
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

/// The tables of a `select` that are left, and the columns it names as theirs. Those in subqueries are left out.
#[derive(Default)]
struct Columns {
    tables: Vec<TableFactor>,
    names: Vec<String>,
    named: Vec<Expr>,
    /// So many queries are around what is met.
    depth: usize,
}

impl Columns {
    fn of(select: &Select, reads: &mut Reads<'_>) -> Self {
        let mut columns = Self::default();
        for table in &select.from {
            for factor in std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation)) {
                if let Some(name) = table_name(factor)
                    && factor.visit(reads).is_continue()
                {
                    columns.names.push(name);
                    columns.tables.push(factor.clone());
                }
            }
        }
        // A walk that stops nowhere meets all of them.
        let _ = select.projection.visit(&mut columns);
        let _ = select.from.visit(&mut columns);
        let _ = select.selection.visit(&mut columns);
        let _ = select.group_by.visit(&mut columns);
        columns
    }

    /// Each by a name of its own: one column may be named several times.
    fn items(&self) -> Vec<SelectItem> {
        let item = |(number, expr): (usize, &Expr)| SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: Ident::with_quote('"', format!("${number}")),
        };
        match self.named.is_empty() {
            true => vec![SelectItem::UnnamedExpr(Expr::Value(Value::Null.into()))],
            false => self.named.iter().enumerate().map(item).collect(),
        }
    }
}

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::CompoundIdentifier(names) = expression
            && names.first().is_some_and(|table| self.names.contains(&read(table)))
        {
            self.named.push(expression.clone());
        }
        ControlFlow::Continue(())
    }
}

/// What a table or a subquery is called that does not depend on those beside it.
fn table_name(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { alias: Some(alias), args: None, .. }
        | TableFactor::Derived { alias: Some(alias), lateral: false, .. } => Some(read(&alias.name)),
        TableFactor::Table { name, alias: None, args: None, .. } => name.0.last()?.as_ident().map(read),
        _ => None,
    }
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

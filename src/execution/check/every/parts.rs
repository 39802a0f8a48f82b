//! The expressions of a query, numbered as a walk meets them, each with its place in the text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{ControlFlow, Range};

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, GroupByExpr, Ident, JoinConstraint, JoinOperator, ObjectNamePart, OrderByKind, Query, Select,
    SelectItem, SetExpr, Spanned, Visit, Visitor,
};

use crate::execution::fault::Text;
use datafusion::sql::sqlparser::tokenizer::Span;

/// An expression.
#[derive(Debug)]
pub(super) struct Part {
    /// The number behind the last expression in it.
    pub(super) end: usize,
    pub(super) parent: Option<usize>,
    /// The `select` whose columns it sees.
    pub(super) select: usize,
    pub(super) clause: Clause,
    pub(super) range: Option<Range<usize>>,
    pub(super) name: Option<Name>,
}

/// Which columns an expression may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    /// Some of the tables of its `select`: it is a condition of a join.
    From,
    /// All columns of the tables.
    Input,
    /// The columns of the select list, too.
    Output,
}

/// A name that is looked up: of a column or of a function.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) range: Range<usize>,
    pub(super) is_call: bool,
}

/// A column that two tables are joined `using`.
#[derive(Debug)]
pub(super) struct Using {
    pub(super) name: String,
    pub(super) range: Range<usize>,
    pub(super) span: Span,
}

#[derive(Debug, Default)]
pub(super) struct Parts {
    all: Vec<Part>,
    /// Whole items of a select list that have no name of their own, and the name they go by.
    outputs: BTreeMap<usize, Ident>,
    /// Items of select lists, and the names that are read of them.
    named: BTreeMap<usize, String>,
    pub(super) using: Vec<Using>,
    /// Names that a `select` gives.
    aliases: HashMap<usize, Vec<String>>,
}

impl Parts {
    pub(super) fn of(statement: &Statement, sql: &str) -> Self {
        let Statement::Statement(statement) = statement else { return Self::default() };
        let mut walk = Walk { text: Text::new(sql), found: Self::default(), ..Walk::default() };
        // A walk that stops nowhere ends with all of them.
        let _ = statement.visit(&mut walk);
        walk.found
    }

    pub(super) fn get(&self, number: usize) -> Option<&Part> {
        self.all.get(number)
    }

    pub(super) fn end(&self, number: usize) -> usize {
        self.get(number).map_or(number + 1, |part| part.end)
    }

    pub(super) fn output(&self, number: usize) -> Option<&Ident> {
        self.outputs.get(&number)
    }

    /// The outermost, or those right below one.
    pub(super) fn below(&self, parent: Option<usize>) -> Vec<usize> {
        let range = parent.map_or(0..self.all.len(), |parent| parent + 1..self.end(parent));
        range.filter(|number| self.all[*number].parent == parent).collect()
    }

    /// It and what it stands in, the innermost first.
    pub(super) fn around(&self, number: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(number), |number| self.get(*number)?.parent)
    }

    /// The name at a place.
    pub(super) fn named_at(&self, range: &Range<usize>) -> Option<usize> {
        let is_here = |name: &Name| name.range.start <= range.start && range.end <= name.range.end;
        self.all.iter().position(|part| part.name.as_ref().is_some_and(is_here))
    }

    /// The smallest expression that reaches from the beginning of a place to its end.
    pub(super) fn covering(&self, range: &Range<usize>) -> Option<usize> {
        let covers =
            |part: &Part| part.range.as_ref().is_some_and(|own| own.start <= range.start && range.end <= own.end);
        self.all.iter().rposition(covers)
    }

    /// The other places of a column that the same `select` looks up in the same tables.
    pub(super) fn same_names(&self, number: usize) -> Vec<usize> {
        let Some((part, name)) = self.get(number).and_then(|part| Some((part, part.name.as_ref()?))) else {
            return Vec::new();
        };
        let is_given = self.aliases.get(&part.select).is_some_and(|aliases| aliases.contains(&name.text));
        let is_same = |other: &Part| {
            other.select == part.select
                && match other.clause {
                    Clause::From => false,
                    Clause::Input => true,
                    Clause::Output => !is_given,
                }
                && other.name.as_ref().is_some_and(|known| !known.is_call && known.text == name.text)
        };
        match name.is_call || part.clause == Clause::From {
            true => Vec::new(),
            false => (0..self.all.len()).filter(|other| *other != number && is_same(&self.all[*other])).collect(),
        }
    }

    /// Whether an expression holds one of others, or a column that one of them is a part of.
    pub(super) fn depends_on(&self, number: usize, others: &BTreeSet<usize>) -> bool {
        let mut given: BTreeSet<&str> = BTreeSet::new();
        let holds = |range: Range<usize>, given: &BTreeSet<&str>| {
            others.range(range.clone()).next().is_some()
                || self.all[range].iter().any(|part| part.name.as_ref().is_some_and(|name| given.contains(name.last())))
        };
        loop {
            let more = self
                .named
                .iter()
                .filter(|(item, name)| !given.contains(name.as_str()) && holds(**item..self.end(**item), &given));
            let more: Vec<&str> = more.map(|(_, name)| name.as_str()).collect();
            if more.is_empty() {
                return holds(number..self.end(number), &given);
            }
            given.extend(more);
        }
    }
}

impl Name {
    /// Without what it is a column of.
    fn last(&self) -> &str {
        self.text.rsplit('.').next().unwrap_or(&self.text)
    }
}

#[derive(Default)]
struct Walk<'a> {
    text: Text<'a>,
    found: Parts,
    /// Expressions on the way to the one in hand, with the number of selects around each.
    open: Vec<(usize, usize)>,
    /// Selects around the one in hand, told apart by where they lie in memory.
    selects: Vec<usize>,
    /// Items of select lists, their names, and whether those are written.
    items: HashMap<usize, (Ident, bool)>,
    /// The beginnings of clauses, and the `select` they belong to.
    clauses: HashMap<usize, (Clause, usize)>,
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_ref()
            && let Some(OrderByKind::Expressions(orders)) = query.order_by.as_ref().map(|order| &order.kind)
        {
            let select = address(select.as_ref());
            self.clauses.extend(orders.iter().map(|order| (address(&order.expr), (Clause::Output, select))));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let own = address(select);
        self.selects.push(own);
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    self.clauses.insert(address(expression), (Clause::Input, own));
                    self.items.insert(address(expression), (output_name(expression), false));
                }
                SelectItem::ExprWithAlias { alias, expr } => {
                    self.clauses.insert(address(expr), (Clause::Input, own));
                    self.items.insert(address(expr), (alias.clone(), true));
                    self.found.aliases.entry(own).or_default().push(read(alias));
                }
                _ => {}
            }
        }
        self.clauses.extend(select.selection.iter().map(|condition| (address(condition), (Clause::Input, own))));
        let groups = match &select.group_by {
            GroupByExpr::Expressions(groups, _) => groups.as_slice(),
            GroupByExpr::All(_) => &[],
        };
        let late = groups.iter().chain(&select.having).chain(&select.qualify);
        self.clauses.extend(late.map(|expression| (address(expression), (Clause::Output, own))));
        for join in select.from.iter().flat_map(|table| &table.joins) {
            if let Some(JoinConstraint::Using(columns)) = constraint(&join.join_operator) {
                for column in columns {
                    let name = column.0.last().and_then(ObjectNamePart::as_ident).map(read);
                    let (span, range) = (column.span(), self.text.bytes(column.span()));
                    self.found.using.extend(name.zip(range).map(|(name, range)| Using { name, range, span }));
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.selects.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        let number = self.found.all.len();
        // What stands around it sees the same columns, unless a query begins between them.
        let around = self.open.last().filter(|(_, selects)| *selects == self.selects.len());
        let around = around.and_then(|(parent, _)| self.found.get(*parent));
        let own = self.clauses.get(&address(expression)).copied();
        let (clause, select) = own
            .or(around.map(|part| (part.clause, part.select)))
            .unwrap_or((Clause::From, self.selects.last().copied().unwrap_or_default()));
        let part = Part {
            end: number + 1,
            parent: self.open.last().map(|(parent, _)| *parent),
            select,
            clause,
            range: self.text.of_expression(expression),
            name: self.name(expression),
        };
        self.found.all.push(part);
        if let Some((name, is_written)) = self.items.get(&address(expression)) {
            self.found.named.insert(number, read(name));
            if !is_written {
                self.found.outputs.insert(number, name.clone());
            }
        }
        self.open.push((number, self.selects.len()));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        let end = self.found.all.len();
        if let Some((number, _)) = self.open.pop()
            && let Some(part) = self.found.all.get_mut(number)
        {
            part.end = end;
        }
        ControlFlow::Continue(())
    }
}

impl Walk<'_> {
    fn name(&self, expression: &Expr) -> Option<Name> {
        let (text, range, is_call) = match expression {
            Expr::Identifier(name) => (read(name), self.text.bytes(name.span)?, false),
            Expr::CompoundIdentifier(names) => {
                let text: Vec<String> = names.iter().map(read).collect();
                (text.join("."), self.text.bytes(expression.span())?, false)
            }
            Expr::Function(Function { name, .. }) => {
                (name.to_string().to_lowercase(), self.text.bytes(name.span())?, true)
            }
            _ => return None,
        };
        Some(Name { text, range, is_call })
    }
}

/// Where a value lies: as long as a tree is not touched, that tells its nodes apart.
pub(super) fn address<T>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}

/// A name as it is read: in small letters, unless it stands in quotes.
pub(super) fn read(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// What two tables are joined by.
fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

fn output_name(expression: &Expr) -> Ident {
    match expression {
        Expr::Identifier(name) => name.clone(),
        Expr::CompoundIdentifier(names) if !names.is_empty() => names[names.len() - 1].clone(),
        other => Ident::with_quote('"', other.to_string()),
    }
}

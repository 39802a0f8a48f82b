//! A query in which some expressions give way to a value that nothing can be said against.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments,
    Ident, JoinConstraint, JoinOperator, ObjectName, Select, SelectItem, Spanned, Value, VisitMut, VisitorMut,
    WindowType,
};

use super::anything::ANYTHING;
use super::parts::{Parts, address};
use datafusion::sql::sqlparser::tokenizer::Span;

/// What an expression gives way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Substitute {
    Null,
    /// What no constant is folded with: nothing around it is decided before it runs.
    Opaque,
    /// A call of what takes all arguments: they are still looked at.
    Call,
}

pub(super) fn substituted(
    statement: &Statement,
    parts: &Parts,
    substitutes: &BTreeMap<usize, Substitute>,
    unused: &[Span],
) -> Statement {
    let mut changed = statement.clone();
    if let Statement::Statement(inner) = &mut changed {
        let mut walk = Walk { parts, substitutes, unused, next: 0, open: Vec::new(), changed: HashMap::new() };
        // A walk that stops nowhere has been everywhere.
        let _ = inner.visit(&mut walk);
    }
    changed
}

struct Walk<'a> {
    parts: &'a Parts,
    substitutes: &'a BTreeMap<usize, Substitute>,
    /// Columns of `using` that are left out.
    unused: &'a [Span],
    next: usize,
    open: Vec<usize>,
    /// Where something was put in, and for which expression.
    changed: HashMap<usize, usize>,
}

impl VisitorMut for Walk<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let number = self.next;
        self.next += 1;
        self.open.push(number);
        if let Some(substitute) = self.substitutes.get(&number) {
            match (substitute, &mut *expression) {
                (Substitute::Call, Expr::Function(function)) => {
                    let call = anything_of(function);
                    *function = call;
                }
                (Substitute::Opaque, _) => *expression = Expr::Function(anything(Vec::new())),
                (Substitute::Call | Substitute::Null, _) => *expression = null(),
            }
            self.changed.insert(address(expression), number);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        if let Some(number) = self.open.pop() {
            self.next = self.parts.end(number);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
            let Some(constraint) = constraint(&mut join.join_operator) else { continue };
            if let JoinConstraint::Using(columns) = constraint {
                columns.retain(|column| !self.unused.contains(&column.span()));
                if columns.is_empty() {
                    *constraint = JoinConstraint::None;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Columns keep their names.
    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(expression) = item else { continue };
            let Some(number) = self.changed.get(&address(expression)) else { continue };
            if let Some(alias) = self.parts.output(*number) {
                let expr = std::mem::replace(expression, null());
                *item = SelectItem::ExprWithAlias { expr, alias: alias.clone() };
            }
        }
        ControlFlow::Continue(())
    }
}

fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
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

fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

/// A call with all the expressions of another, in the order in which a walk meets them.
fn anything_of(function: &Function) -> Function {
    let mut arguments = Vec::new();
    if let FunctionArguments::List(list) = &function.args {
        for argument in &list.args {
            match argument {
                FunctionArg::Named { arg: FunctionArgExpr::Expr(expression), .. }
                | FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => arguments.push(expression.clone()),
                _ => {}
            }
        }
        for clause in &list.clauses {
            if let FunctionArgumentClause::OrderBy(orders) = clause {
                arguments.extend(orders.iter().map(|order| order.expr.clone()));
            }
        }
    }
    arguments.extend(function.filter.iter().map(|filter| filter.as_ref().clone()));
    if let Some(WindowType::WindowSpec(window)) = &function.over {
        arguments.extend(window.partition_by.iter().cloned());
        arguments.extend(window.order_by.iter().map(|order| order.expr.clone()));
    }
    arguments.extend(function.within_group.iter().map(|order| order.expr.clone()));
    anything(arguments)
}

fn anything(arguments: Vec<Expr>) -> Function {
    let args = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    Function {
        name: ObjectName::from(vec![Ident::with_quote('"', ANYTHING)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

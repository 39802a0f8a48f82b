//! What an expression is made of, and what in it decides about rows.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{AggregateFunction, InSubquery, SetComparison, WindowFunction};
use datafusion::logical_expr::{Expr, Subquery};

use super::flow::{Blend, Flow, Influences, Scope};
use super::walk::Walk;
use super::{Influence, Use};

impl Walk {
    /// Columns that decide about rows.
    pub(super) fn note<'a>(
        &mut self,
        influence: Influence,
        expressions: impl IntoIterator<Item = &'a Expr>,
        scope: &Scope<'_>,
    ) {
        let mut blend = Blend::default();
        for expression in expressions {
            self.blend(expression, scope, Use::Copied, &mut blend);
        }
        self.influences.extend(blend.deciding(influence));
    }

    /// Columns that decide which rows go into one column.
    fn note_within<'a>(
        &mut self,
        influence: Influence,
        expressions: impl IntoIterator<Item = &'a Expr>,
        scope: &Scope<'_>,
        into: &mut Blend,
    ) {
        let mut blend = Blend::default();
        for expression in expressions {
            self.blend(expression, scope, Use::Copied, &mut blend);
        }
        into.influences.extend(blend.deciding(influence));
    }

    pub(super) fn values(&mut self, expressions: &[Expr], scope: &Scope<'_>) -> Vec<Flow> {
        expressions.iter().map(|expression| self.value(expression, scope)).collect()
    }

    pub(super) fn value(&mut self, expression: &Expr, scope: &Scope<'_>) -> Flow {
        match expression {
            Expr::Alias(alias) => self.value(&alias.expr, scope),
            Expr::Column(column) => scope.column(column).cloned().unwrap_or_default(),
            _ => {
                let mut blend = Blend::default();
                self.blend(expression, scope, Use::Copied, &mut blend);
                blend.flow()
            }
        }
    }

    /// Adds what an expression is made of, each used at least as `least` says.
    pub(super) fn blend(&mut self, expression: &Expr, scope: &Scope<'_>, least: Use, into: &mut Blend) {
        match expression {
            Expr::Alias(alias) => self.blend(&alias.expr, scope, least, into),
            Expr::Column(column) => into.pour(scope.column(column), least),
            Expr::OuterReferenceColumn(_, column) => into.pour(scope.outer_column(column), least),
            Expr::AggregateFunction(function) => self.aggregated(function, scope, into),
            Expr::WindowFunction(function) => self.windowed(function, scope, into),
            Expr::ScalarSubquery(subquery) => self.subquery(subquery, scope, least, into),
            Expr::InSubquery(InSubquery { expr, subquery, .. })
            | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
                self.blend(expr, scope, least.max(Use::Transformed), into);
                self.subquery(subquery, scope, least, into);
            }
            Expr::Exists(exists) => self.existence(&exists.subquery, scope, least, into),
            _ => {
                let least = least.max(Use::Transformed);
                // Only the closure could fail, and it does not.
                let _ = expression.apply_children(|child| {
                    self.blend(child, scope, least, into);
                    Ok(TreeNodeRecursion::Continue)
                });
            }
        }
    }

    fn aggregated(&mut self, function: &AggregateFunction, scope: &Scope<'_>, into: &mut Blend) {
        let parts = &function.params;
        for argument in &parts.args {
            self.blend(argument, scope, Use::Aggregated, into);
        }
        self.note_within(Influence::Filter, parts.filter.as_deref(), scope, into);
        // The key of `within group` is an argument, too.
        let keys = parts.order_by.iter().map(|key| &key.expr).filter(|key| !parts.args.contains(key));
        self.note_within(Influence::Order, keys, scope, into);
    }

    fn windowed(&mut self, function: &WindowFunction, scope: &Scope<'_>, into: &mut Blend) {
        let parts = &function.params;
        let mut keys = Blend::default();
        for key in parts.partition_by.iter().chain(parts.order_by.iter().map(|key| &key.expr)) {
            self.blend(key, scope, Use::Aggregated, &mut keys);
        }
        into.influences.extend(keys.deciding(Influence::Window));
        self.note_within(Influence::Filter, parts.filter.as_deref(), scope, into);
        let mut arguments = Blend::default();
        for argument in &parts.args {
            self.blend(argument, scope, Use::Aggregated, &mut arguments);
        }
        // A rank is made of nothing but its keys.
        let made_of = if arguments.values.is_empty() { keys } else { arguments };
        into.pour([&made_of.flow()], Use::Aggregated);
    }

    /// A subquery as a part of a value. What decides about its rows decides about that value.
    fn subquery(&mut self, subquery: &Subquery, scope: &Scope<'_>, least: Use, into: &mut Blend) {
        let (flows, inside) = self.apart(subquery, scope);
        into.pour(&flows, least.max(Use::Transformed));
        into.influences.extend(inside);
    }

    /// Whether a subquery has rows depends on what decides about them, not on what it selects.
    fn existence(&mut self, subquery: &Subquery, scope: &Scope<'_>, least: Use, into: &mut Blend) {
        let (_, inside) = self.apart(subquery, scope);
        for (_, mark) in &inside {
            into.add(*mark, least.max(Use::Transformed));
        }
        into.influences.extend(inside);
    }

    /// The columns of a subquery, and what decides about its rows and not about ours.
    fn apart(&mut self, subquery: &Subquery, scope: &Scope<'_>) -> (Vec<Flow>, Influences) {
        let around = std::mem::take(&mut self.influences);
        let flows = self.step(&subquery.subquery, Some(scope));
        (flows, std::mem::replace(&mut self.influences, around))
    }
}

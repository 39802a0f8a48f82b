//! What only the optimizer or the physical planner has against a query, found without data.
//!
//! Both take many times as long as planning, so they are asked only for queries that hold something they may refuse: a
//! constant that does not fit its type, a subquery that reads the query around it, a word that a function does not know.

use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use futures::executor::block_on;

use super::bind::Binder;
use super::calls;
use crate::graph::Materialized;

/// Aggregate functions whose further arguments are constants.
const CONSTANT_AGGREGATES: &[&str] =
    &["approx_percentile_cont", "approx_percentile_cont_with_weight", "percentile_cont", "string_agg", "nth_value"];

/// Window functions whose arguments from this one on are constants.
const CONSTANT_WINDOWS: &[(&str, usize)] = &[("lag", 1), ("lead", 1), ("nth_value", 1), ("ntile", 0)];

/// How far a run takes a query before it reads a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It becomes a part of other queries.
    Bound,
    /// A view.
    Optimized,
    /// Made ready to be executed.
    Planned,
}

impl Reach {
    pub(super) fn of(materialized: Materialized) -> Self {
        match materialized {
            Materialized::Ephemeral => Self::Bound,
            Materialized::View => Self::Optimized,
            Materialized::Table | Materialized::Incremental | Materialized::Kafka => Self::Planned,
        }
    }
}

impl Binder {
    /// What the optimizer or the physical planner has against a query that is bound.
    pub(super) fn refused(&self, plan: &LogicalPlan, reach: Reach) -> Option<DataFusionError> {
        let optimized = match self.state.optimize(plan) {
            Ok(optimized) => optimized,
            Err(error) => return Some(error),
        };
        match reach {
            Reach::Bound | Reach::Optimized => None,
            Reach::Planned => {
                // Ready at once: the stubs wait for nothing.
                let physical = block_on(self.state.query_planner().create_physical_plan(&optimized, &self.state));
                match physical.map(|physical| begun(physical.as_ref())) {
                    Err(error) | Ok(Err(error)) => Some(error),
                    // A call that the optimizer has dropped is never made.
                    Ok(Ok(())) => calls::refused(&optimized),
                }
            }
        }
    }
}

/// Aggregates look at their constants before the first row.
fn begun(plan: &dyn ExecutionPlan) -> Result<(), DataFusionError> {
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        for call in aggregate.aggr_expr() {
            call.create_accumulator()?;
        }
    }
    plan.children().into_iter().try_for_each(|child| begun(child.as_ref()))
}

/// Whether a run may refuse a query that is bound; `analyzed` is its plan with all types in place.
pub(super) fn is_suspect(analyzed: &LogicalPlan, reach: Reach) -> bool {
    match reach {
        Reach::Bound => false,
        Reach::Optimized => holds_odd(analyzed, &mut false),
        Reach::Planned => {
            let mut has_words = false;
            holds_odd(analyzed, &mut has_words) || (has_words && calls::refused(analyzed).is_some())
        }
    }
}

/// `has_words` becomes true if a function is called that takes words.
fn holds_odd(plan: &LogicalPlan, has_words: &mut bool) -> bool {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|node| {
        found = found || is_odd(node, has_words);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found || walked.is_err()
}

fn is_odd(node: &LogicalPlan, has_words: &mut bool) -> bool {
    if let LogicalPlan::Subquery(subquery) = node
        && !subquery.outer_ref_columns.is_empty()
    {
        return true;
    }
    let schema = match node.inputs().as_slice() {
        [only] => only.schema(),
        _ => node.schema(),
    };
    let mut found = false;
    let walked = node.apply_expressions(|expression| {
        expression.apply(|part| {
            if let Expr::ScalarFunction(call) = part {
                *has_words |= calls::takes_words(call.func.name());
            }
            found = found || is_odd_part(part, node, schema);
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    found || walked.is_err()
}

fn is_odd_part(expression: &Expr, node: &LogicalPlan, schema: &DFSchema) -> bool {
    match expression {
        Expr::Cast(cast) => is_odd_cast(&cast.expr, cast.field.data_type(), schema),
        Expr::TryCast(cast) => cannot_cast(&cast.expr, cast.field.data_type(), schema),
        Expr::ScalarSubquery(subquery) => !subquery.outer_ref_columns.is_empty(),
        Expr::Exists(exists) => !exists.subquery.outer_ref_columns.is_empty() || !is_filter(node),
        Expr::InSubquery(within) => !within.subquery.outer_ref_columns.is_empty() || !is_filter(node),
        Expr::SetComparison(_) => true,
        Expr::AggregateFunction(call) => {
            !matches!(node, LogicalPlan::Aggregate(_))
                || (CONSTANT_AGGREGATES.contains(&call.func.name())
                    && call.params.args.iter().skip(1).any(Expr::any_column_refs))
        }
        Expr::WindowFunction(call) => {
            let from = CONSTANT_WINDOWS.iter().find(|(name, _)| *name == call.fun.name()).map(|(_, from)| *from);
            !matches!(node, LogicalPlan::Window(_))
                || from.is_some_and(|from| call.params.args.iter().skip(from).any(Expr::any_column_refs))
        }
        _ => false,
    }
}

fn is_filter(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Filter(_))
}

/// A constant is folded, and must fit its type then.
fn is_odd_cast(inner: &Expr, to: &DataType, schema: &DFSchema) -> bool {
    match inner {
        Expr::Literal(value, _) => !fits(value, to) && value.cast_to(to).is_err(),
        // `now()` fits what times fit.
        Expr::ScalarFunction(call) if call.args.is_empty() => cannot_cast(inner, to, schema),
        _ => cannot_cast(inner, to, schema) || !inner.any_column_refs(),
    }
}

/// Whether a cast cannot fail, as far as that is quickly seen.
fn fits(value: &ScalarValue, to: &DataType) -> bool {
    match value {
        ScalarValue::Int64(_) => to.is_floating() || *to == DataType::Int64,
        _ => false,
    }
}

fn cannot_cast(inner: &Expr, to: &DataType, schema: &DFSchema) -> bool {
    match inner {
        Expr::Column(column) => {
            schema.field_from_column(column).is_ok_and(|field| !can_cast_types(field.data_type(), to))
        }
        _ => inner.get_type(schema).is_ok_and(|from| !can_cast_types(&from, to)),
    }
}

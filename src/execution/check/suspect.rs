//! What only the optimizer or the physical planner has against a query, found without data.
//!
//! Both take many times as long as planning, so they are asked only for queries that hold something they may refuse: a
//! constant that does not fit its type, a subquery that reads the query around it, a frame that ends before it begins.

use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, ScalarValue, field_not_found};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionState;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, WindowFrameBound, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use futures::executor::block_on;

use super::bind::Binder;
use crate::functions::KnownWords;
use crate::graph::Materialized;

/// Aggregate functions whose further arguments are numbers, not all of which they take.
const WITH_NUMBERS: &[&str] =
    &["approx_percentile_cont", "approx_percentile_cont_with_weight", "percentile_cont", "nth_value"];

/// How far a run takes a query before it reads a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// No further than to its columns and types.
    Bound,
    /// It becomes a part of other queries, which may leave out some of its columns.
    Inlined,
    /// A view: the same, and it is optimized by itself first.
    Optimized,
    /// Made ready to be executed.
    Planned,
}

impl Reach {
    pub(super) fn of(materialized: Materialized) -> Self {
        match materialized {
            Materialized::Ephemeral => Self::Inlined,
            Materialized::View => Self::Optimized,
            Materialized::Table | Materialized::Incremental | Materialized::Kafka => Self::Planned,
        }
    }
}

impl Binder {
    /// Fails as the optimizer or the physical planner of a run would, on a plan with all types in place.
    pub(super) fn begin(&self, plan: LogicalPlan, reach: Reach) -> Result<(), DataFusionError> {
        match reach {
            Reach::Bound => Ok(()),
            Reach::Inlined => self.read(plan),
            Reach::Optimized => {
                self.optimized(plan.clone())?;
                self.read(plan)
            }
            Reach::Planned => block_on(ready(&self.state, plan)),
        }
    }

    /// Fails if nobody can read the rows of a query.
    fn read(&self, plan: LogicalPlan) -> Result<(), DataFusionError> {
        // Ready at once: the stubs wait for nothing.
        block_on(unreadable(&self.state, plan)).map_or(Ok(()), Err)
    }

    fn optimized(&self, plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
        self.state.optimizer().optimize(plan, &self.state, |_, _| {})
    }
}

/// Why nobody can read the rows of a query: not even who only counts them, and needs none of its columns.
async fn unreadable(state: &SessionState, plan: LogicalPlan) -> Option<DataFusionError> {
    let error = ready(state, plan.clone()).await.err()?;
    let counted = LogicalPlanBuilder::from(plan)
        .aggregate(Vec::<Expr>::new(), [count(lit(1_i64))])
        .and_then(LogicalPlanBuilder::build)
        .ok()?;
    ready(state, counted).await.is_err().then_some(error)
}

/// The same for a run, which stores no view that nobody can read.
pub(in crate::execution) async fn unreadable_view(state: &SessionState, plan: LogicalPlan) -> Option<DataFusionError> {
    // What is against this plan by itself was told.
    let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).ok()?;
    match is_suspect(state, &analyzed, Reach::Optimized) {
        true => unreadable(state, analyzed).await,
        false => None,
    }
}

/// Fails as a run would before it reads a row.
async fn ready(state: &SessionState, plan: LogicalPlan) -> Result<(), DataFusionError> {
    let optimized = state.optimizer().optimize(plan, state, |_, _| {})?;
    begun(state.query_planner().create_physical_plan(&optimized, state).await?.as_ref())
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
pub(super) fn is_suspect(state: &SessionState, analyzed: &LogicalPlan, reach: Reach) -> bool {
    if reach == Reach::Bound {
        return false;
    }
    let (mut found, mut has_words) = (false, false);
    let walked = analyzed.apply_with_subqueries(|node| {
        found = found || is_odd(node, &mut has_words);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    let is_refused = || KnownWords::look(analyzed, state.config_options()).is_err();
    found || walked.is_err() || (has_words && is_refused())
}

/// `has_words` becomes true if a constant is looked at that functions may not know.
fn is_odd(node: &LogicalPlan, has_words: &mut bool) -> bool {
    if let LogicalPlan::Subquery(subquery) = node
        && !subquery.outer_ref_columns.is_empty()
    {
        return true;
    }
    if is_odd_node(node) {
        return true;
    }
    let schema = match node.inputs().as_slice() {
        [only] => only.schema(),
        _ => node.schema(),
    };
    let mut found = false;
    let walked = node.apply_expressions(|expression| {
        expression.apply(|part| {
            *has_words = *has_words || KnownWords::concern(part);
            found = found || is_odd_part(part, node, schema);
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    found || walked.is_err()
}

/// An order by what is not there, and a number of rows below 0.
fn is_odd_node(node: &LogicalPlan) -> bool {
    match node {
        LogicalPlan::Sort(_) => unsortable(node).is_some(),
        LogicalPlan::Limit(limit) => {
            let is_plain = |rows: &Expr| matches!(rows, Expr::Literal(ScalarValue::Int64(Some(0..)), _));
            [&limit.skip, &limit.fetch].into_iter().flatten().any(|rows| !is_plain(rows))
        }
        _ => false,
    }
}

/// A column to sort by that is not there: the planner takes `order by t.x` for what `t` may have.
fn unsortable(node: &LogicalPlan) -> Option<DataFusionError> {
    let LogicalPlan::Sort(sort) = node else { return None };
    let schema = sort.input.schema();
    let columns = sort.expr.iter().flat_map(|order| order.expr.column_refs());
    let mut lost = columns.filter(|column| !schema.has_column(column));
    // What it may be called is told by the tables, not by the select list.
    let known = match sort.input.as_ref() {
        LogicalPlan::Projection(projection) => projection.input.schema(),
        _ => schema,
    };
    lost.next().map(|column| field_not_found(column.relation.clone(), &column.name, known))
}

/// The same in a whole plan, for what the optimizer drops before it looks.
pub(super) fn unsortable_in(plan: &LogicalPlan) -> Option<DataFusionError> {
    let mut found = None;
    // What cannot be walked is not refused here.
    let _ = plan.apply_with_subqueries(|node| {
        found = found.take().or_else(|| unsortable(node));
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

fn is_odd_part(expression: &Expr, node: &LogicalPlan, schema: &DFSchema) -> bool {
    match expression {
        Expr::Cast(cast) => is_odd_cast(&cast.expr, cast.field.data_type(), schema),
        Expr::TryCast(cast) => cannot_cast(&cast.expr, cast.field.data_type(), schema),
        Expr::ScalarSubquery(subquery) => !subquery.outer_ref_columns.is_empty(),
        Expr::Exists(exists) => !exists.subquery.outer_ref_columns.is_empty() || !is_filter(node),
        Expr::InSubquery(within) => {
            !within.subquery.outer_ref_columns.is_empty()
                || !is_filter(node)
                || !matches!(*within.subquery.subquery, LogicalPlan::Projection(_))
        }
        Expr::SetComparison(_) => true,
        Expr::AggregateFunction(call) => !matches!(node, LogicalPlan::Aggregate(_)) || is_odd_aggregate(call),
        Expr::WindowFunction(call) => !matches!(node, LogicalPlan::Window(_)) || is_odd_window(call),
        _ => false,
    }
}

/// Constants that may not fit, and `distinct` over what it cannot.
fn is_odd_aggregate(call: &AggregateFunction) -> bool {
    let params = &call.params;
    let constants = || params.args.iter().skip(1);
    (params.distinct && (params.args.len() > 1 || !params.order_by.is_empty()))
        || WITH_NUMBERS.contains(&call.func.name())
        || (call.func.name() == "string_agg" && constants().any(Expr::any_column_refs))
}

/// Constants that may not fit, and frames that may end before they begin.
fn is_odd_window(call: &WindowFunction) -> bool {
    let (name, args) = (call.fun.name(), &call.params.args);
    let frame = &call.params.window_frame;
    ["ntile", "nth_value"].contains(&name)
        || (["lag", "lead"].contains(&name) && args.len() > 1)
        || matches!(frame.start_bound, WindowFrameBound::Following(_))
        || matches!(frame.end_bound, WindowFrameBound::Preceding(_))
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

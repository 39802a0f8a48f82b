//! Rules of DataFusion's optimizer that move things through operators, kept from those they may not pass.
//!
//! - A projection moves below a filter whenever that narrows the rows, also when it computes: then `(a + c) / b` of
//!   `where b <> 0` divides by zero, and a costly expression is evaluated for rows nobody wants. Columns are narrowed by the
//!   logical optimizer already, so nothing is lost where filters stay below.
//! - A filter that is pushed down finds its columns in an input by their names. Where an operator gives two columns of one
//!   name, as a join may, it would be asked of the wrong one, and rows would be missing.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, try_embed_projection};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

type Plan = Arc<dyn ExecutionPlan>;

/// DataFusion's own rules, in their order, with fences where they are needed.
pub(super) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let projections = ProjectionPushdown::new();
    let filters = [FilterPushdown::new(), FilterPushdown::new_post_optimization()];
    let fenced = |rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>| {
        if rule.name() == projections.name() {
            Arc::new(Fenced { rule, hides: |plan| plan.is::<FilterExec>(), after: narrowed }) as _
        } else if filters.iter().any(|filter| filter.name() == rule.name()) {
            Arc::new(Fenced { rule, hides: has_a_name_twice, after: Transformed::no }) as _
        } else {
            rule
        }
    };
    PhysicalOptimizer::new().rules.into_iter().map(fenced).collect()
}

/// A rule that moves nothing through some operators.
#[derive(Debug)]
struct Fenced {
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
    hides: fn(&Plan) -> bool,
    /// What is done with the operators once the fences are gone.
    after: fn(Plan) -> Transformed<Plan>,
}

impl PhysicalOptimizerRule for Fenced {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        let fenced = plan.transform_up(|plan| {
            Ok(if (self.hides)(&plan) {
                Transformed::yes(Arc::new(Fence(plan)) as Plan)
            } else {
                Transformed::no(plan)
            })
        })?;
        let plan = self.rule.optimize(fenced.data, config)?;
        if !fenced.transformed {
            return Ok(plan);
        }
        let open = |plan: Plan| {
            Ok(match plan.downcast_ref::<Fence>() {
                Some(Fence(inner)) => Transformed::yes(Arc::clone(inner)),
                None => (self.after)(plan),
            })
        };
        plan.transform_up(open).data()
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

fn has_a_name_twice(plan: &Plan) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::with_capacity(schema.fields().len());
    !schema.fields().iter().all(|field| names.insert(field.name().as_str()))
}

/// A filter below a projection gives only the columns that are wanted of it.
fn narrowed(plan: Plan) -> Transformed<Plan> {
    let embedded = plan.downcast_ref::<ProjectionExec>().and_then(|projection| {
        let filter = projection.input().downcast_ref::<FilterExec>()?;
        // What cannot be narrowed is right as it is.
        try_embed_projection(projection, filter).ok().flatten()
    });
    match embedded {
        Some(embedded) if embedded.schema() == plan.schema() => Transformed::yes(embedded),
        _ => Transformed::no(plan),
    }
}

/// Hides an operator from a rule: what nothing is known of, nothing is moved through.
#[derive(Debug)]
struct Fence(Plan);

impl DisplayAs for Fence {
    fn fmt_as(&self, _: DisplayFormatType, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Fence")
    }
}

impl ExecutionPlan for Fence {
    fn name(&self) -> &'static str {
        "Fence"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Plan> {
        vec![&self.0]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Plan>) -> Result<Plan> {
        Ok(children.into_iter().next().map_or(self as Plan, |inner| Arc::new(Self(inner))))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.0.execute(partition, context)
    }
}

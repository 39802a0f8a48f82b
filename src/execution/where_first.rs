//! What a `select` computes is computed of the rows its `where` lets through, and of no others.
//!
//! DataFusion moves a projection below a filter whenever that narrows the rows, also when it computes: then `(a + c) / b` of
//! `where b <> 0` divides by zero, and a costly expression is evaluated for rows nobody wants. Columns are narrowed by the
//! logical optimizer already, so nothing is lost where filters stay below.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, try_embed_projection};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

/// DataFusion's own rules, in their order, with [`WhereFirst`] wherever projections are pushed down.
pub(super) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let pushdown = ProjectionPushdown::new();
    let mut rules = PhysicalOptimizer::new().rules;
    for rule in &mut rules {
        if rule.name() == pushdown.name() {
            *rule = Arc::new(WhereFirst);
        }
    }
    rules
}

/// [`ProjectionPushdown`] that does not move a projection below a filter.
#[derive(Debug)]
struct WhereFirst;

impl PhysicalOptimizerRule for WhereFirst {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let fenced = plan.transform_up(|plan| Ok(fence(plan)))?;
        let plan = ProjectionPushdown::new().optimize(fenced.data, config)?;
        if fenced.transformed { plan.transform_up(unfence).data() } else { Ok(plan) }
    }

    fn name(&self) -> &'static str {
        "WhereFirst"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn fence(plan: Arc<dyn ExecutionPlan>) -> Transformed<Arc<dyn ExecutionPlan>> {
    if plan.is::<FilterExec>() { Transformed::yes(Arc::new(Fence(plan))) } else { Transformed::no(plan) }
}

/// A filter gives only the columns that are wanted of it.
fn unfence(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    if let Some(Fence(filter)) = plan.downcast_ref::<Fence>() {
        return Ok(Transformed::yes(Arc::clone(filter)));
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>()
        && let Some(filter) = projection.input().downcast_ref::<FilterExec>()
        && let Some(embedded) = try_embed_projection(projection, filter)?
        && embedded.schema() == plan.schema()
    {
        return Ok(Transformed::yes(embedded));
    }
    Ok(Transformed::no(plan))
}

/// Hides a filter from the rule: what nothing is known of, nothing is moved below.
#[derive(Debug)]
struct Fence(Arc<dyn ExecutionPlan>);

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

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.0]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(children.into_iter().next().map_or(self as Arc<dyn ExecutionPlan>, |filter| Arc::new(Self(filter))))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.0.execute(partition, context)
    }
}

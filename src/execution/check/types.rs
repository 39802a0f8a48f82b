//! A query's types, worked out as they are before it runs, less what cannot find a mistake in it.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::CheckedArithmetic;

/// A plan with its types worked out.
pub(super) struct Settled {
    pub(super) plan: LogicalPlan,
    /// Whether whole-number arithmetic is still the unchecked one.
    is_unchecked: bool,
}

impl Settled {
    /// The plan as a run has it.
    pub(super) fn complete(self, state: &SessionState) -> Result<LogicalPlan> {
        match self.is_unchecked {
            true => CheckedArithmetic.analyze(self.plan, state.config_options()),
            false => Ok(self.plan),
        }
    }
}

/// Fails as the analyzer of a run would. `plan` is given away: of one that somebody else holds every node would be copied.
pub(super) fn settle_types(state: &SessionState, plan: LogicalPlan, sql: &str) -> Result<Settled> {
    let (analyzer, options) = (state.analyzer(), state.config_options());
    // Operators of JSON become functions before types are looked at; how subqueries may stand is looked at at the end.
    if sql.contains("->") || sql.contains('?') || holds_subqueries(&plan)? {
        let plan = analyzer.execute_and_check(plan, options, |_, _| {})?;
        return Ok(Settled { plan, is_unchecked: false });
    }
    // Checked arithmetic has the types that the unchecked has.
    let mut rules = analyzer.rules.iter().filter(|rule| rule.name() != CheckedArithmetic::NAME);
    let analyse = |plan, rule: &Arc<dyn AnalyzerRule + Send + Sync>| {
        rule.analyze(plan, options).map_err(|error| error.context(rule.name()))
    };
    let plan = rules.try_fold(plan, analyse)?;
    Ok(Settled { plan, is_unchecked: true })
}

/// Whether a query stands in an expression, or beside tables whose rows it reads.
fn holds_subqueries(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        found = found || matches!(node, LogicalPlan::Subquery(_));
        if !found {
            node.apply_expressions(|expression| {
                found = found || expression.exists(|part| Ok(is_subquery(part)))?;
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })?;
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn is_subquery(expression: &Expr) -> bool {
    matches!(expression, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_))
}

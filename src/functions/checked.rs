//! Whole-number arithmetic that fails where its result does not fit. DataFusion's own wraps around and says nothing.
//!
//! [`CheckedArithmetic`] puts these functions in the place of `+`, `-` and `*` once types are settled; nobody writes them.

use std::sync::Arc;

use datafusion::arrow::array::Datum;
use datafusion::arrow::compute::kernels::numeric::{add, mul, sub};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operator: Operator,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.operator {
            Operator::Plus => "checked_add",
            Operator::Minus => "checked_subtract",
            _ => "checked_multiply",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [left, _] => Ok(left.clone()),
            _ => plan_err!("{} takes two numbers", self.name()),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = arguments.args.as_slice() else { return plan_err!("{} takes two numbers", self.name()) };
        let compute = |left: &dyn Datum, right: &dyn Datum| match self.operator {
            Operator::Plus => add(left, right),
            Operator::Minus => sub(left, right),
            _ => mul(left, right),
        };
        Ok(match (left, right) {
            (ColumnarValue::Array(left), ColumnarValue::Array(right)) => ColumnarValue::Array(compute(left, right)?),
            (ColumnarValue::Array(left), ColumnarValue::Scalar(right)) => {
                ColumnarValue::Array(compute(left, &right.to_scalar()?)?)
            }
            (ColumnarValue::Scalar(left), ColumnarValue::Array(right)) => {
                ColumnarValue::Array(compute(&left.to_scalar()?, right)?)
            }
            (ColumnarValue::Scalar(left), ColumnarValue::Scalar(right)) => {
                let both = compute(&left.to_scalar()?, &right.to_scalar()?)?;
                ColumnarValue::Scalar(ScalarValue::try_from_array(&both, 0)?)
            }
        })
    }
}

/// Puts checked functions in the place of `+`, `-` and `*` of whole numbers.
#[derive(Debug)]
pub struct CheckedArithmetic {
    functions: [(Operator, Arc<ScalarUDF>); 3],
}

impl CheckedArithmetic {
    pub const NAME: &str = "checked_arithmetic";
}

impl Default for CheckedArithmetic {
    fn default() -> Self {
        let checked = |operator| {
            let signature = Signature::any(2, Volatility::Immutable);
            (operator, Arc::new(ScalarUDF::from(Checked { operator, signature })))
        };
        Self { functions: [Operator::Plus, Operator::Minus, Operator::Multiply].map(checked) }
    }
}

impl CheckedArithmetic {
    fn rewrite(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let mut schema = datafusion::common::DFSchema::empty();
        for input in plan.inputs() {
            schema.merge(input.schema());
        }
        if let LogicalPlan::TableScan(scan) = &plan {
            schema.merge(&scan.projected_schema);
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| {
                let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr else { return Ok(Transformed::no(expr)) };
                let Some((_, function)) = self.functions.iter().find(|(operator, _)| operator == op) else {
                    return Ok(Transformed::no(expr));
                };
                // What has no type here is a part of something that is not looked at by itself.
                let (Ok(one), Ok(other)) = (left.get_type(&schema), right.get_type(&schema)) else {
                    return Ok(Transformed::no(expr));
                };
                if !one.is_integer() || one != other {
                    return Ok(Transformed::no(expr));
                }
                let arguments = vec![left.as_ref().clone(), right.as_ref().clone()];
                let call = ScalarFunction { func: Arc::clone(function), args: arguments };
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            })?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    }
}

impl AnalyzerRule for CheckedArithmetic {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| self.rewrite(plan)).map(|rewritten| rewritten.data)
    }
}

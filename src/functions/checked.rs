//! Whole-number arithmetic that fails where its result does not fit. DataFusion's own wraps around and says nothing.
//!
//! [`CheckedArithmetic`] puts a function in the place of `+`, `-` and `*` once types are settled; nobody writes it. A chain
//! of operators, as in `a + b + c`, becomes one call: of calls within each other every level asks for the types below it.

use std::sync::Arc;

use datafusion::arrow::array::Datum;
use datafusion::arrow::compute::kernels::numeric::{add, mul, sub};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

/// How the names of all of these functions begin.
pub(super) const CHECKED: &str = "checked";

/// Numbers with an operator between each two, computed from the left.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    name: String,
    operators: Vec<Operator>,
    signature: Signature,
}

impl Checked {
    fn new(operators: Vec<Operator>) -> Self {
        let name = match operators.split_first() {
            Some((first, rest)) if rest.iter().all(|operator| operator == first) => match first {
                Operator::Plus => format!("{CHECKED}_add"),
                Operator::Minus => format!("{CHECKED}_subtract"),
                _ => format!("{CHECKED}_multiply"),
            },
            _ => {
                let signs: Vec<String> = operators.iter().map(ToString::to_string).collect();
                format!("{CHECKED}[{}]", signs.join(" "))
            }
        };
        let signature = Signature::any(operators.len() + 1, Volatility::Immutable);
        Self { name, operators, signature }
    }

    fn is_meant(operator: Operator) -> bool {
        matches!(operator, Operator::Plus | Operator::Minus | Operator::Multiply)
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first() {
            Some(first) => Ok(first.clone()),
            None => plan_err!("{} takes numbers", self.name),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut numbers = arguments.args.into_iter();
        let Some(first) = numbers.next() else { return plan_err!("{} takes numbers", self.name) };
        self.operators.iter().zip(numbers).try_fold(first, |left, (operator, right)| compute(*operator, &left, &right))
    }
}

fn compute(operator: Operator, left: &ColumnarValue, right: &ColumnarValue) -> Result<ColumnarValue> {
    let kernel = |left: &dyn Datum, right: &dyn Datum| -> Result<_, ArrowError> {
        match operator {
            Operator::Plus => add(left, right),
            Operator::Minus => sub(left, right),
            _ => mul(left, right),
        }
    };
    Ok(match (left, right) {
        (ColumnarValue::Array(left), ColumnarValue::Array(right)) => ColumnarValue::Array(kernel(left, right)?),
        (ColumnarValue::Array(left), ColumnarValue::Scalar(right)) => {
            ColumnarValue::Array(kernel(left, &right.to_scalar()?)?)
        }
        (ColumnarValue::Scalar(left), ColumnarValue::Array(right)) => {
            ColumnarValue::Array(kernel(&left.to_scalar()?, right)?)
        }
        (ColumnarValue::Scalar(left), ColumnarValue::Scalar(right)) => {
            let both = kernel(&left.to_scalar()?, &right.to_scalar()?)?;
            ColumnarValue::Scalar(ScalarValue::try_from_array(&both, 0)?)
        }
    })
}

/// Puts checked functions in the place of `+`, `-` and `*` of whole numbers.
#[derive(Debug, Default)]
pub struct CheckedArithmetic;

impl CheckedArithmetic {
    pub const NAME: &str = "checked_arithmetic";
}

fn rewrite(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut schema = DFSchema::empty();
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
            Ok(match expr {
                Expr::BinaryExpr(binary) if is_of_whole_numbers(&binary, &schema) => {
                    Transformed::yes(Expr::ScalarFunction(call(binary)))
                }
                other => Transformed::no(other),
            })
        })?;
        Ok(rewritten.update_data(|expr| name.restore(expr)))
    })
}

fn is_of_whole_numbers(BinaryExpr { left, op, right }: &BinaryExpr, schema: &DFSchema) -> bool {
    if !Checked::is_meant(*op) {
        return false;
    }
    // All numbers of a call have one type.
    let left = called(left).and_then(|(_, numbers)| numbers.last()).unwrap_or(left);
    // What has no type here is a part of something that is not looked at by itself.
    let (Ok(one), Ok(other)) = (left.get_type(schema), right.get_type(schema)) else { return false };
    one.is_integer() && one == other
}

/// The operators and the numbers of a call that stands for a chain.
fn called(expr: &Expr) -> Option<(&Checked, &[Expr])> {
    let Expr::ScalarFunction(call) = expr else { return None };
    call.func.inner().downcast_ref::<Checked>().map(|checked| (checked, call.args.as_slice()))
}

/// The call for an operator; a chain to the left of it is gone on with.
fn call(BinaryExpr { left, op, right }: BinaryExpr) -> ScalarFunction {
    let chain =
        called(&left).filter(|(_, numbers)| !is_foldable(numbers)).map(|(checked, _)| checked.operators.clone());
    let (mut operators, mut numbers) = match (chain, *left) {
        (Some(operators), Expr::ScalarFunction(call)) => (operators, call.args),
        (_, left) => (Vec::new(), vec![left]),
    };
    operators.push(op);
    numbers.push(*right);
    ScalarFunction { func: Arc::new(ScalarUDF::from(Checked::new(operators))), args: numbers }
}

/// Two constants: computed before there are rows, and refused then if the result does not fit.
fn is_foldable(numbers: &[Expr]) -> bool {
    matches!(numbers, [Expr::Literal(..), Expr::Literal(..)])
}

impl AnalyzerRule for CheckedArithmetic {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(rewrite).map(|rewritten| rewritten.data)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::lit;
    use datafusion::prelude::col;

    use super::*;

    fn binary(left: Expr, op: Operator, right: Expr) -> BinaryExpr {
        BinaryExpr { left: Box::new(left), op, right: Box::new(right) }
    }

    #[test]
    fn a_chain_is_one_call() {
        let product = Expr::ScalarFunction(call(binary(col("a"), Operator::Multiply, col("b"))));
        let sum = Expr::ScalarFunction(call(binary(product.clone(), Operator::Plus, product)));
        let sum = call(binary(sum, Operator::Minus, lit(1)));
        assert_eq!(sum.func.name(), "checked[* + -]");
        assert_eq!(sum.args.len(), 4);
    }

    #[test]
    fn constants_stay_by_themselves() {
        let constants = Expr::ScalarFunction(call(binary(lit(1), Operator::Plus, lit(2))));
        let sum = call(binary(constants, Operator::Plus, col("a")));
        assert_eq!(sum.args.len(), 2);
    }
}

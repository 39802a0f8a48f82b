//! `iff(condition, then, otherwise)`: `then` where the condition is true, else `otherwise`; a NULL condition is not true.
//!
//! Short for `case when condition then then else otherwise end`, which it becomes: only the chosen side is evaluated.
//! Alias: `if`.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{internal_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::conditional_expressions::CaseBuilder;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Iff {
    signature: Signature,
    aliases: Vec<String>,
}

impl Iff {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable), aliases: vec!["if".to_owned()] }
    }
}

impl ScalarUDFImpl for Iff {
    fn name(&self) -> &'static str {
        "iff"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [condition, then, otherwise] = arguments else {
            return plan_err!("iff takes a condition and two values, such as iff(amount > 0, 'in', 'out')");
        };
        if !matches!(condition, DataType::Boolean | DataType::Null) {
            return plan_err!("iff takes a condition that is true or false; found {condition}");
        }
        let Some(common) = type_union_coercion(then, otherwise) else {
            return plan_err!("iff takes two values of one type; found {then} and {otherwise}");
        };
        Ok(vec![DataType::Boolean, common.clone(), common])
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [_, then, _] => Ok(then.clone()),
            _ => plan_err!("iff takes a condition and two values"),
        }
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("iff becomes a case expression before it is evaluated")
    }

    fn simplify(&self, arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Ok([condition, then, otherwise]) = <[Expr; 3]>::try_from(arguments) else {
            return plan_err!("iff takes a condition and two values");
        };
        let case = CaseBuilder::new(None, vec![condition], vec![then], Some(Box::new(otherwise))).end()?;
        Ok(ExprSimplifyResult::Simplified(case))
    }

    fn short_circuits(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn it_is_a_case() {
        let simplified = Iff::new().simplify(vec![col("a"), lit(1), lit(2)], &SimplifyContext::default()).unwrap();
        let ExprSimplifyResult::Simplified(case) = simplified else { panic!("not simplified") };
        assert_eq!(case.to_string(), "CASE WHEN a THEN Int32(1) ELSE Int32(2) END");
    }

    #[test]
    fn both_sides_have_one_type() {
        let types = Iff::new().coerce_types(&[DataType::Boolean, DataType::Int32, DataType::Float64]).unwrap();
        assert_eq!(types, [DataType::Boolean, DataType::Float64, DataType::Float64]);
        assert_eq!(
            Iff::new().coerce_types(&[DataType::Int64, DataType::Utf8, DataType::Utf8]).unwrap_err().strip_backtrace(),
            "Error during planning: iff takes a condition that is true or false; found Int64"
        );
    }
}

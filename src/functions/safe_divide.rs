//! `safe_divide(numerator, denominator) -> double`: the quotient, NULL where the denominator is zero.
//!
//! Whole numbers are divided as doubles too: `safe_divide(1, 2)` is 0.5.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SafeDivide {
    signature: Signature,
}

impl SafeDivide {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SafeDivide {
    fn name(&self) -> &'static str {
        "safe_divide"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        if arguments.len() != 2 {
            return plan_err!("safe_divide takes a numerator and a denominator");
        }
        match arguments.iter().find(|argument| !argument.is_numeric() && !argument.is_null()) {
            Some(other) => plan_err!("safe_divide takes numbers; found {other}"),
            None => Ok(vec![DataType::Float64; 2]),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [numerator, denominator] = arguments.args.as_slice() else {
            return plan_err!("safe_divide takes a numerator and a denominator");
        };
        let numerator = cast(&numerator.to_array(rows)?, &DataType::Float64)?;
        let denominator = cast(&denominator.to_array(rows)?, &DataType::Float64)?;
        let pairs = numerator.as_primitive::<Float64Type>().iter().zip(denominator.as_primitive::<Float64Type>());
        let quotients: Float64Array = pairs
            .map(|(numerator, denominator)| Some(numerator? / denominator.filter(|number| *number != 0.0)?))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(quotients)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::ArrayRef;
    use datafusion::logical_expr::ScalarUDF;

    use super::*;
    use crate::functions::tests::{call, shown};

    #[test]
    fn zero_divides_to_null() {
        let numerators: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(1.0), None, Some(0.0)]));
        let denominators: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.0), Some(0.0), Some(1.0), Some(-0.0)]));
        let arguments = vec![ColumnarValue::Array(numerators), ColumnarValue::Array(denominators)];
        assert_eq!(
            shown(&call(&ScalarUDF::from(SafeDivide::new()), arguments).unwrap()),
            ["0.5", "NULL", "NULL", "NULL"]
        );
        assert_eq!(
            SafeDivide::new().coerce_types(&[DataType::Utf8, DataType::Int8]).unwrap_err().strip_backtrace(),
            "Error during planning: safe_divide takes numbers; found Utf8"
        );
    }
}

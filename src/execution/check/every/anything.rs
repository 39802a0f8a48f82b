//! What stands for a function that nobody knows: it takes everything, and what it gives may be anything.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// No function of a user is called so.
pub(super) const ANYTHING: &str = "$anything";

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Anything(Signature);

impl Anything {
    pub(super) fn new() -> Self {
        let takes = vec![TypeSignature::VariadicAny, TypeSignature::Nullary];
        Self(Signature::one_of(takes, Volatility::Volatile))
    }
}

impl ScalarUDFImpl for Anything {
    fn name(&self) -> &str {
        ANYTHING
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Null)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::Null))
    }
}

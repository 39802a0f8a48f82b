//! Calls a function as DataFusion would.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::Field;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};

/// The function's answer for the arguments as they are, without coercion.
pub(super) fn call(function: &ScalarUDF, arguments: Vec<ColumnarValue>) -> Result<ArrayRef> {
    let rows = arguments.iter().find_map(|argument| match argument {
        ColumnarValue::Array(array) => Some(array.len()),
        ColumnarValue::Scalar(_) => None,
    });
    let rows = rows.unwrap_or(1);
    let fields: Vec<_> =
        arguments.iter().map(|argument| Arc::new(Field::new("a", argument.data_type(), true))).collect();
    let scalars: Vec<_> = arguments
        .iter()
        .map(|argument| match argument {
            ColumnarValue::Scalar(scalar) => Some(scalar),
            ColumnarValue::Array(_) => None,
        })
        .collect();
    let return_field =
        function.return_field_from_args(ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalars })?;
    let expected = return_field.data_type().clone();
    let arguments = ScalarFunctionArgs {
        args: arguments,
        arg_fields: fields,
        number_rows: rows,
        return_field,
        config_options: Arc::new(ConfigOptions::default()),
    };
    let answer = function.invoke_with_args(arguments)?.into_array(rows)?;
    assert_eq!(answer.data_type(), &expected);
    Ok(answer)
}

/// Each value as text, NULL as `NULL`.
pub(super) fn shown(array: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(array, &options).unwrap();
    (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
}

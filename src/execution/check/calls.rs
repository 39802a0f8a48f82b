//! Calls with a word that the function does not know, such as `date_trunc('dya', ...)`: no type is wrong, and every row
//! would be refused.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
};

/// Functions that take words, and which of their arguments is no word but a value of the row.
const TAKES_WORDS: &[(&str, Subject)] = &[
    ("date_part", Subject::Times),
    ("date_trunc", Subject::Times),
    ("datediff", Subject::Times),
    ("dateadd", Subject::Times),
    ("regexp_like", Subject::FirstText),
    ("regexp_match", Subject::FirstText),
    ("regexp_count", Subject::FirstText),
    ("regexp_instr", Subject::FirstText),
    ("regexp_substr", Subject::FirstText),
    ("regexp_replace", Subject::FirstText),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// All but the first argument, none of them text.
    Times,
    /// The first argument, a text.
    FirstText,
}

pub(super) fn takes_words(function: &str) -> bool {
    TAKES_WORDS.iter().any(|(name, _)| *name == function)
}

/// What the first call says that no row can pass; calls that only some rows come to are left out.
pub(super) fn refused(plan: &LogicalPlan) -> Option<DataFusionError> {
    let mut found = None;
    // What cannot be walked is not refused here.
    let _ = plan.apply(|node| {
        let schema = match node.inputs().as_slice() {
            [only] => only.schema(),
            _ => node.schema(),
        };
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if found.is_some() {
                    return Ok(TreeNodeRecursion::Stop);
                }
                if is_conditional(part) {
                    return Ok(TreeNodeRecursion::Jump);
                }
                if let Expr::ScalarFunction(call) = part {
                    found = tried(call, schema);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    found
}

/// Whether some rows may not come to what is in it.
fn is_conditional(expression: &Expr) -> bool {
    match expression {
        Expr::Case(_) => true,
        Expr::BinaryExpr(binary) => matches!(binary.op, Operator::And | Operator::Or),
        Expr::ScalarFunction(call) => call.func.short_circuits(),
        _ => false,
    }
}

/// Makes the call with its words, and with values that stand for any.
fn tried(call: &ScalarFunction, schema: &DFSchema) -> Option<DataFusionError> {
    let (_, subject) = TAKES_WORDS.iter().find(|(name, _)| *name == call.func.name())?;
    let mut values = Vec::new();
    let mut fields = Vec::new();
    for (index, argument) in call.args.iter().enumerate() {
        let (_, field) = argument.to_field(schema).ok()?;
        let value = match (subject, index, constant(argument)) {
            (Subject::Times, 1.., _) if is_time(field.data_type()) => {
                ScalarValue::new_default(field.data_type()).ok()?
            }
            (Subject::FirstText, 0, _) => ScalarValue::new_default(field.data_type()).ok()?,
            (_, _, Some(value)) if !value.is_null() => value,
            _ => return None,
        };
        values.push(value);
        fields.push(field);
    }
    let scalars: Vec<Option<&ScalarValue>> = values.iter().map(Some).collect();
    let asked = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalars };
    let return_field = match call.func.return_field_from_args(asked) {
        Ok(field) => field,
        Err(error) => return Some(error),
    };
    let arguments = ScalarFunctionArgs {
        args: values.into_iter().map(ColumnarValue::Scalar).collect(),
        arg_fields: fields,
        number_rows: 1,
        return_field,
        config_options: Arc::new(ConfigOptions::default()),
    };
    call.func.invoke_with_args(arguments).err()
}

/// The value of a constant, cast or not.
fn constant(expression: &Expr) -> Option<ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(cast) => constant(&cast.expr)?.cast_to(cast.field.data_type()).ok(),
        Expr::Alias(alias) => constant(&alias.expr),
        _ => None,
    }
}

/// Types of which any value will do; dates, times and the numbers that are added to them.
fn is_time(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Date32 | DataType::Timestamp(_, _))
}

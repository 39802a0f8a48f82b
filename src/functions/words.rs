//! Calls with a word that the function does not know, such as `date_trunc('dya', ...)`: no type is wrong, and every row
//! would be refused.
//!
//! [`KnownWords`] refuses them before there are rows, so that a query is wrong over an empty table, too.

use std::sync::Arc;

use datafusion::arrow::array::{StringArray, new_null_array};
use datafusion::arrow::compute::kernels::numeric::{add, mul, sub};
use datafusion::arrow::compute::kernels::regexp::regexp_is_match_scalar;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::checked::CHECKED;

/// Refuses calls whose constant arguments no row can pass; calls that the optimizer drops are never made.
#[derive(Debug, Default)]
pub struct KnownWords;

impl OptimizerRule for KnownWords {
    fn name(&self) -> &'static str {
        "known_words"
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        Self::look(&plan, &config.options())?;
        Ok(Transformed::no(plan))
    }
}

impl KnownWords {
    /// Whether an expression is one of those that may be refused.
    pub fn concern(part: &Expr) -> bool {
        match part {
            Expr::ScalarFunction(call) => subject(call.func.name()).is_some(),
            Expr::BinaryExpr(binary) => {
                is_pattern(binary.op) || (binary.op.is_numerical_operators() && constant(&binary.right).is_some())
            }
            Expr::SimilarTo(_) | Expr::Negative(_) => true,
            _ => false,
        }
    }

    /// Fails with what the first such call says.
    pub fn look(plan: &LogicalPlan, options: &ConfigOptions) -> Result<()> {
        plan.apply_with_subqueries(|node| {
            let schema = match node.inputs().as_slice() {
                [only] => only.schema(),
                _ => node.schema(),
            };
            node.apply_expressions(|expression| expression.apply(|part| looked_at(part, schema, options)))
        })?;
        Ok(())
    }
}

fn looked_at(part: &Expr, schema: &DFSchema, options: &ConfigOptions) -> Result<TreeNodeRecursion> {
    if is_conditional(part) {
        return Ok(TreeNodeRecursion::Jump);
    }
    let refused = match part {
        Expr::ScalarFunction(call) => {
            subject(call.func.name()).and_then(|subject| tried(call, subject, schema, options))
        }
        Expr::BinaryExpr(binary) if is_pattern(binary.op) => no_pattern(&binary.right),
        Expr::SimilarTo(like) => no_pattern(&like.pattern),
        Expr::BinaryExpr(binary) => computed(binary),
        Expr::Negative(inner) => no_number(inner, schema),
        _ => None,
    };
    refused.map_or(Ok(TreeNodeRecursion::Continue), Err)
}

/// Whether a constant, or a row, may decide that no row comes to what is in it.
fn is_conditional(expression: &Expr) -> bool {
    match expression {
        Expr::Case(_) => true,
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => {
            [&binary.left, &binary.right].iter().any(|side| constant(side).is_some())
        }
        Expr::ScalarFunction(call) => call.func.short_circuits(),
        _ => false,
    }
}

/// Which arguments are values of the row, for which any will do; the others are words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// All but the first, none of them text.
    Times,
    /// The first, a date or time.
    FirstTime,
    /// The first, of any type.
    First,
    /// None: such a call is one value.
    Nothing,
}

/// Functions that take words.
fn subject(function: &str) -> Option<Subject> {
    Some(match function {
        "date_part" | "date_trunc" | "date_bin" | "datediff" | "dateadd" => Subject::Times,
        "last_day" | "to_char" => Subject::FirstTime,
        "regexp_like" | "regexp_match" | "regexp_count" | "regexp_instr" | "regexp_substr" | "regexp_replace"
        | "encode" | "digest" | "split_part" | "substr" | "array_sort" => Subject::First,
        "decode"
        | "chr"
        | "make_date"
        | "to_date"
        | "to_timestamp"
        | "to_timestamp_seconds"
        | "to_timestamp_millis"
        | "to_timestamp_micros"
        | "to_timestamp_nanos" => Subject::Nothing,
        arithmetic if arithmetic.starts_with(CHECKED) => Subject::Nothing,
        _ => return None,
    })
}

/// Makes the call with its words, and with values that stand for any.
fn tried(
    call: &ScalarFunction,
    subject: Subject,
    schema: &DFSchema,
    options: &ConfigOptions,
) -> Option<DataFusionError> {
    let mut values = Vec::new();
    let mut fields = Vec::new();
    for (index, argument) in call.args.iter().enumerate() {
        let (_, field) = argument.to_field(schema).ok()?;
        let data_type = field.data_type();
        let value = match (subject, index, constant(argument)) {
            (Subject::Times, 1.., _) | (Subject::FirstTime, 0, _) if is_time(data_type) => any_value(data_type)?,
            (Subject::First, 0, _) => any_value(data_type)?,
            (_, _, Some(value)) if !value.is_null() => ColumnarValue::Scalar(value),
            // A part that is another for each row is refused by those that take one only.
            (Subject::Times, 0, None) if argument.any_column_refs() => {
                ColumnarValue::Array(new_null_array(data_type, 1))
            }
            _ => return None,
        };
        values.push(value);
        fields.push(field);
    }
    let scalars: Vec<Option<&ScalarValue>> = values
        .iter()
        .map(|value| match value {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        })
        .collect();
    let asked = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalars };
    let return_field = match call.func.return_field_from_args(asked) {
        Ok(field) => field,
        Err(error) => return Some(error),
    };
    let arguments = ScalarFunctionArgs {
        args: values,
        arg_fields: fields,
        number_rows: 1,
        return_field,
        config_options: Arc::new(options.clone()),
    };
    let error = call.func.invoke_with_args(arguments).err()?;
    let format = || constant(call.args.get(1)?)?.try_as_str().flatten().map(str::to_owned);
    Some(match format().filter(|_| call.func.name() == "to_char") {
        // Its own says that there was an error.
        Some(format) => DataFusionError::Execution(format!("`{format}` is no format of a time")),
        None => error,
    })
}

/// A value of a type; a list has one item.
fn any_value(data_type: &DataType) -> Option<ColumnarValue> {
    let value = match data_type {
        DataType::List(item) => {
            let item = ScalarValue::new_default(item.data_type()).ok()?;
            ScalarValue::List(ScalarValue::new_list_nullable(std::slice::from_ref(&item), &item.data_type()))
        }
        _ => ScalarValue::new_default(data_type).ok()?,
    };
    Some(ColumnarValue::Scalar(value))
}

/// Whole numbers that cannot be computed: two constants whose result does not fit, or a division by 0.
fn computed(BinaryExpr { left, op, right }: &BinaryExpr) -> Option<DataFusionError> {
    let right = constant(right).filter(|right| right.data_type().is_integer())?;
    if matches!(op, Operator::Divide | Operator::Modulo) {
        let is_zero = ScalarValue::new_zero(&right.data_type()).is_ok_and(|zero| zero == right);
        return is_zero.then(|| DataFusionError::from(ArrowError::DivideByZero));
    }
    let kernel = match op {
        Operator::Plus => add,
        Operator::Minus => sub,
        Operator::Multiply => mul,
        _ => return None,
    };
    let left = constant(left).filter(|left| left.data_type() == right.data_type())?;
    kernel(&left.to_scalar().ok()?, &right.to_scalar().ok()?).err().map(DataFusionError::from)
}

/// A minus before a date or time: kernels have none for it.
fn no_number(inner: &Expr, schema: &DFSchema) -> Option<DataFusionError> {
    let of = inner.get_type(schema).ok()?;
    let is_time = matches!(of, DataType::Timestamp(..) | DataType::Date32 | DataType::Time64(_));
    is_time.then(|| DataFusionError::Plan(format!("`-` does not take {of}")))
}

/// The value of a constant, cast or not.
fn constant(expression: &Expr) -> Option<ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(cast) => constant(&cast.expr)?.cast_to(cast.field.data_type()).ok(),
        Expr::Alias(alias) => constant(&alias.expr),
        Expr::Negative(inner) => constant(inner)?.arithmetic_negate().ok(),
        _ => None,
    }
}

/// Types of which any value will do; dates, times, what lies between them, and the numbers that are added to them.
fn is_time(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Date32 | DataType::Timestamp(..) | DataType::Duration(_) | DataType::Interval(_)
        )
}

fn is_pattern(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::RegexMatch | Operator::RegexIMatch | Operator::RegexNotMatch | Operator::RegexNotIMatch
    )
}

/// What is wrong with a regular expression that is a constant.
fn no_pattern(pattern: &Expr) -> Option<DataFusionError> {
    let value = constant(pattern)?;
    let text = value.try_as_str()??;
    let error = regexp_is_match_scalar(&StringArray::from(vec![""]), text, None).err()?;
    Some(DataFusionError::from(error))
}

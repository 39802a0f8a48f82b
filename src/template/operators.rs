//! `+`, `-` and `%` as Python has them: lists, dates and text formats besides numbers.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, UndefinedBehavior, Value};

use super::arguments::describe;
use super::error::misuse;
use super::{datetime, python};

type Operands<'a> = (&'a Value, &'a Value);

pub(super) fn add(state: &mut State<'_, '_>, (left, right): Operands<'_>) -> Result<Value, Error> {
    if let Some(sum) = datetime::add(left, right) {
        return sum;
    }
    let listed = |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) && !value.is_tuple();
    if listed(left) && listed(right) {
        let mut all = python::items(left)?;
        all.extend(python::items(right)?);
        return Ok(python::list(all));
    }
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        return Ok(Value::from(format!("{left}{right}")));
    }
    numbers(state, "+", (left, right))
}

pub(super) fn subtract(state: &mut State<'_, '_>, (left, right): Operands<'_>) -> Result<Value, Error> {
    match datetime::subtract(left, right) {
        Some(difference) => difference,
        None => numbers(state, "-", (left, right)),
    }
}

/// `'%s of %s' % (1, 2)`, or the remainder.
pub(super) fn remainder(state: &mut State<'_, '_>, (left, right): Operands<'_>) -> Result<Value, Error> {
    let Some(text) = left.as_str() else { return numbers(state, "%", (left, right)) };
    let args = match right.downcast_object_ref::<Tuple>() {
        Some(_) => python::items(right)?,
        None => vec![right.clone()],
    };
    let text = format(FormatStyle::Printf, text, &args)
        .map_err(|error| misuse(format!("cannot format: {}", error.detail().unwrap_or("wrong arguments"))))?;
    Ok(Value::from(text))
}

/// Everything else is the template engine's own operator.
fn numbers(state: &mut State<'_, '_>, sign: &str, (left, right): Operands<'_>) -> Result<Value, Error> {
    let missing = |value: &Value| value.is_undefined() || value.is_none();
    if missing(left) || missing(right) {
        // In the first pass nothing has a value yet.
        if state.undefined_behavior() == UndefinedBehavior::Chainable {
            return Ok(Value::UNDEFINED);
        }
        if left.is_undefined() || right.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
    }
    if left.is_integer()
        && right.is_integer()
        && let (Some(left), Some(right)) = (left.as_i64(), right.as_i64())
    {
        let answer = match sign {
            "+" => left.checked_add(right),
            "-" => left.checked_sub(right),
            _ => left.checked_rem_euclid(right).map(|rest| if right < 0 && rest != 0 { rest + right } else { rest }),
        };
        if let Some(answer) = answer {
            return Ok(Value::from(answer));
        }
    }
    let expression = match sign {
        "+" => "left + right",
        "-" => "left - right",
        _ => "left % right",
    };
    let operands = minijinja::context! { left => left.clone(), right => right.clone() };
    let answer = state.env().compile_expression(expression).and_then(|expression| expression.eval(operands));
    answer.map_err(|error| match (left.is_number(), right.is_number()) {
        (true, true) => misuse(error.detail().unwrap_or("this cannot be computed").to_owned()),
        _ => misuse(format!("`{sign}` does not go between {} and {}", describe(left), describe(right))),
    })
}

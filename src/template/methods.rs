//! Methods of Python's text, tuples and maps.

use minijinja::value::{Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

use super::arguments::describe;
use super::error::misuse;
use super::python;

/// What a method means that its value does not have itself.
pub(super) fn unknown_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let Some(text) = value.as_str()
        && let Some(answer) = text_method(text, method, args)
    {
        return answer;
    }
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
        && let Some(answer) = sequence_method(value, method, args)
    {
        return answer;
    }
    let answer = pycompat::unknown_method_callback(state, value, method, args)?;
    // What Python returns as a list can be changed.
    match answer.kind() {
        ValueKind::Seq | ValueKind::Iterable if !answer.is_tuple() => Ok(python::list(python::items(&answer)?)),
        _ => Ok(answer),
    }
}

/// In the first pass nothing has a value yet, so its methods have none either.
pub(super) fn lenient_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match value.is_undefined() || value.is_none() {
        true => Ok(Value::UNDEFINED),
        false => unknown_method(state, value, method, args),
    }
}

fn text_method(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let answer = match method {
        "zfill" => from_args(args).map(|(width,): (usize,)| {
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => (&text[..1], digits),
                None => ("", text),
            };
            let missing = width.saturating_sub(text.chars().count());
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing)))
        }),
        "ljust" | "rjust" | "center" => padded(text, method, args),
        "casefold" => Ok(Value::from(text.to_lowercase())),
        "swapcase" => Ok(Value::from(text.chars().map(swapped).collect::<String>())),
        "removeprefix" => {
            from_args(args).map(|(prefix,): (&str,)| Value::from(text.strip_prefix(prefix).unwrap_or(text)))
        }
        "removesuffix" => {
            from_args(args).map(|(suffix,): (&str,)| Value::from(text.strip_suffix(suffix).unwrap_or(text)))
        }
        "partition" => from_args(args).map(|(separator,): (&str,)| match text.split_once(separator) {
            Some((before, after)) => triple(before, separator, after),
            None => triple(text, "", ""),
        }),
        "rpartition" => from_args(args).map(|(separator,): (&str,)| match text.rsplit_once(separator) {
            Some((before, after)) => triple(before, separator, after),
            None => triple("", "", text),
        }),
        "rsplit" => rsplit(text, args),
        "index" => from_args(args).and_then(|(wanted,): (&str,)| match text.find(wanted) {
            Some(at) => Ok(Value::from(text[..at].chars().count())),
            None => Err(misuse(format!("`{wanted}` is not in the text"))),
        }),
        "encode" => Ok(Value::from(text)),
        _ => return None,
    };
    Some(answer)
}

fn triple(before: &str, separator: &str, after: &str) -> Value {
    Value::from(Tuple::from([before, separator, after].map(Value::from).to_vec()))
}

fn swapped(character: char) -> char {
    match character.is_uppercase() {
        true => character.to_lowercase().next().unwrap_or(character),
        false => character.to_uppercase().next().unwrap_or(character),
    }
}

fn padded(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (width, fill): (usize, Option<&str>) = from_args(args)?;
    let missing = width.saturating_sub(text.chars().count());
    let fill = fill.unwrap_or(" ");
    let (before, after) = match method {
        "ljust" => (0, missing),
        "rjust" => (missing, 0),
        _ => (missing / 2, missing - missing / 2),
    };
    Ok(Value::from(format!("{}{text}{}", fill.repeat(before), fill.repeat(after))))
}

fn rsplit(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, most): (Option<&str>, Option<usize>) = from_args(args)?;
    let most = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let mut parts: Vec<Value> = match separator {
        Some(separator) => text.rsplitn(most, separator).map(Value::from).collect(),
        None => text.split_whitespace().rev().map(Value::from).collect(),
    };
    parts.reverse();
    Ok(python::list(parts))
}

fn sequence_method(value: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    match method {
        "index" => Some(from_args(args).and_then(|(wanted,): (&Value,)| {
            let at = python::items(value)?.iter().position(|item| item == wanted);
            at.map(Value::from).ok_or_else(|| misuse(format!("{wanted:?} is not in the list")))
        })),
        "copy" => Some(python::items(value).map(python::list)),
        "append" | "extend" | "insert" | "pop" | "remove" | "sort" | "reverse" => {
            let what = if value.is_tuple() { describe(value) } else { "this list".to_owned() };
            Some(Err(Error::new(
                ErrorKind::UnknownMethod,
                format!("{what} cannot be changed; copy it first: `{{% set copy = value | list %}}`"),
            )))
        }
        _ => None,
    }
}

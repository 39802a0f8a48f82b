//! `regexp_substr(text, pattern [, position [, occurrence]]) -> string`: the part of a text that a pattern matches.
//!
//! The search begins at a character (the first is 1) and takes the first match, or a later occurrence. No match gives NULL,
//! and so does any NULL. Patterns are those of DataFusion's other `regexp_` functions.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{exec_datafusion_err, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use regex::Regex;

use super::dateadd::is_string;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RegexpSubstr {
    signature: Signature,
}

impl RegexpSubstr {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for RegexpSubstr {
    fn name(&self) -> &'static str {
        "regexp_substr"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [text, pattern, numbers @ ..] = arguments else {
            return plan_err!("regexp_substr takes a text and a pattern, such as regexp_substr(title, '[0-9]+')");
        };
        if numbers.len() > 2 {
            return plan_err!("regexp_substr takes a text, a pattern, a position and an occurrence, and no more");
        }
        if let Some(other) = [text, pattern].into_iter().find(|argument| !is_string(argument)) {
            return plan_err!("regexp_substr takes a text and a pattern that are strings; found {other}");
        }
        if let Some(other) = numbers.iter().find(|number| !number.is_integer() && !number.is_null()) {
            return plan_err!("regexp_substr takes position and occurrence as integers; found {other}");
        }
        Ok([DataType::Utf8View, DataType::Utf8View]
            .into_iter()
            .chain(numbers.iter().map(|_| DataType::Int64))
            .collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [text, pattern, numbers @ ..] = arguments.args.as_slice() else {
            return plan_err!("regexp_substr takes a text and a pattern");
        };
        let texts = cast(&text.to_array(rows)?, &DataType::Utf8View)?;
        let patterns = cast(&pattern.to_array(rows)?, &DataType::Utf8View)?;
        let numbers = numbers
            .iter()
            .map(|number| Ok(cast(&number.to_array(rows)?, &DataType::Int64)?))
            .collect::<Result<Vec<_>>>()?;
        let number = |place: usize, row: usize| match numbers.get(place) {
            None => Some(1),
            Some(numbers) if numbers.is_null(row) => None,
            Some(numbers) => Some(numbers.as_primitive::<Int64Type>().value(row)),
        };
        let mut found = StringViewBuilder::with_capacity(rows);
        let mut compiled: Option<Regex> = None;
        for (row, (text, pattern)) in texts.as_string_view().iter().zip(patterns.as_string_view()).enumerate() {
            let (Some(text), Some(pattern), Some(position), Some(occurrence)) =
                (text, pattern, number(0, row), number(1, row))
            else {
                found.append_null();
                continue;
            };
            let regex = match compiled.take() {
                Some(known) if known.as_str() == pattern => known,
                _ => Regex::new(pattern).map_err(|error| exec_datafusion_err!("regexp_substr: {error}"))?,
            };
            found.append_option(substring(text, &regex, position, occurrence)?);
            compiled = Some(regex);
        }
        Ok(ColumnarValue::Array(Arc::new(found.finish())))
    }
}

fn substring<'a>(text: &'a str, regex: &Regex, position: i64, occurrence: i64) -> Result<Option<&'a str>> {
    let (Ok(position @ 1..), Ok(occurrence @ 1..)) = (usize::try_from(position), usize::try_from(occurrence)) else {
        return exec_err!("`regexp_substr` counts position and occurrence from 1; found {position} and {occurrence}");
    };
    let begin = text.char_indices().nth(position - 1).map_or(text.len(), |(at, _)| at);
    Ok(regex.find_iter(&text[begin..]).nth(occurrence - 1).map(|found| found.as_str()))
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::ScalarUDF;

    use super::*;
    use crate::functions::tests::{call, shown};

    fn substr(text: &str, pattern: &str, numbers: &[i64]) -> Result<String> {
        let numbers = numbers.iter().map(|number| ScalarValue::from(*number));
        let arguments = [text.into(), pattern.into()].into_iter().chain(numbers).map(ColumnarValue::Scalar);
        Ok(shown(&call(&ScalarUDF::from(RegexpSubstr::new()), arguments.collect())?).remove(0))
    }

    #[test]
    fn a_match_is_taken_from_a_position_on() {
        assert_eq!(substr("über 12 und 345", "[0-9]+", &[]).unwrap(), "12");
        assert_eq!(substr("über 12 und 345", "[0-9]+", &[7]).unwrap(), "2");
        assert_eq!(substr("über 12 und 345", "[0-9]+", &[1, 2]).unwrap(), "345");
        assert_eq!(substr("über", "[0-9]+", &[]).unwrap(), "NULL");
        assert_eq!(substr("über", "b", &[99]).unwrap(), "NULL");
        assert!(substr("a", "(", &[]).unwrap_err().to_string().contains("unclosed group"));
        assert!(substr("a", "a", &[0]).unwrap_err().to_string().contains("counts position and occurrence from 1"));
    }
}

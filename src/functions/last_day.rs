//! `last_day(date [, part]) -> date`: the last day of the month (or `year`, `quarter`, `week`) a date lies in.
//!
//! Weeks end on Sunday. NULL gives NULL.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Date32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::calendar::{Part, civil, first_of_month};
use super::dateadd::{as_time, is_string, parse};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LastDay {
    signature: Signature,
}

impl LastDay {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for LastDay {
    fn name(&self) -> &'static str {
        "last_day"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [date] => Ok(vec![as_time("last_day", date)?]),
            [date, part] if is_string(part) => Ok(vec![as_time("last_day", date)?, DataType::Utf8]),
            [_, part] => plan_err!("last_day takes the part as a string, such as 'month'; found {part}"),
            _ => plan_err!("last_day takes a date, and a part if it is not the month's"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [date, part @ ..] = arguments.args.as_slice() else { return plan_err!("last_day takes a date") };
        let dates = cast(&date.to_array(rows)?, &DataType::Date32)?;
        let parts = match part.first() {
            Some(part) => Some(cast(&part.to_array(rows)?, &DataType::Utf8)?),
            None => None,
        };
        let last = dates.as_primitive::<Date32Type>().iter().enumerate().map(|(row, date)| {
            let part = match &parts {
                None => Part::Month,
                Some(parts) if parts.is_null(row) => return Ok(None),
                Some(parts) => parse(parts.as_string::<i32>().value(row))?,
            };
            date.map(|date| last_day(part, date)).transpose()
        });
        Ok(ColumnarValue::Array(Arc::new(last.collect::<Result<Date32Array>>()?)))
    }
}

fn last_day(part: Part, date: i32) -> Result<i32> {
    let day = i64::from(date);
    let (year, month, _) = civil(day);
    let last = match part {
        Part::Year => first_of_month(year + 1, 1) - 1,
        Part::Quarter => first_of_month(year, (month - 1) / 3 * 3 + 4) - 1,
        Part::Month => first_of_month(year, month + 1) - 1,
        Part::Week => day + 6 - (day + 3).rem_euclid(7),
        other => return exec_err!("last_day knows year, quarter, month and week; found {other:?}"),
    };
    match i32::try_from(last) {
        Ok(last) => Ok(last),
        Err(_) => exec_err!("last_day is beyond the last date there is"),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::ScalarUDF;

    use super::*;
    use crate::functions::tests::{call, shown};

    fn last(date: &str, part: Option<&str>) -> String {
        let date = ScalarValue::from(date).cast_to(&DataType::Date32).unwrap();
        let arguments = [Some(date), part.map(ScalarValue::from)].into_iter().flatten().map(ColumnarValue::Scalar);
        shown(&call(&ScalarUDF::from(LastDay::new()), arguments.collect()).unwrap()).remove(0)
    }

    #[test]
    fn months_have_their_length() {
        assert_eq!(last("2024-02-01", None), "2024-02-29");
        assert_eq!(last("1900-02-28", None), "1900-02-28");
        assert_eq!(last("2023-12-31", None), "2023-12-31");
        assert_eq!(last("2024-05-15", Some("quarter")), "2024-06-30");
        assert_eq!(last("2024-05-15", Some("year")), "2024-12-31");
        assert_eq!(last("2024-05-13", Some("week")), "2024-05-19");
        assert_eq!(last("2024-05-19", Some("week")), "2024-05-19");
    }
}

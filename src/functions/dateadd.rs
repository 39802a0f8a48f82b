//! `dateadd(part, number, date) -> date or timestamp`: moves a date or timestamp by a number of parts, back if negative.
//!
//! `part` is a string: `year`, `quarter`, `month`, `week`, `day`, `hour`, `minute`, `second`, `millisecond`, `microsecond`,
//! `nanosecond`, or a usual abbreviation. A month later than the 31st is the last of a shorter month. A timestamp stays what
//! it is. A date stays a date if the part is given as a literal of a day or more, else it becomes a timestamp; so does a
//! string. Any NULL gives NULL. Alias: `date_add`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::numeric::add;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, TimeUnit};
use datafusion::common::{exec_datafusion_err, internal_err, plan_datafusion_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::calendar::Part;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateAdd {
    signature: Signature,
    aliases: Vec<String>,
}

impl DateAdd {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable), aliases: vec!["date_add".to_owned()] }
    }
}

impl ScalarUDFImpl for DateAdd {
    fn name(&self) -> &'static str {
        "dateadd"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [part, number, date] = arguments else {
            return plan_err!("dateadd takes a part, a number and a date, such as dateadd('day', 7, created_at)");
        };
        if !is_string(part) {
            return plan_err!("dateadd takes the part as a string, such as 'day'; found {part}");
        }
        if !number.is_numeric() && !number.is_null() && !is_string(number) {
            return plan_err!("dateadd takes the number as an integer; found {number}");
        }
        Ok(vec![DataType::Utf8, DataType::Int64, as_time("dateadd", date)?])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("dateadd knows its type by its arguments")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let date = arguments.arg_fields[2].data_type();
        let part = arguments.scalar_arguments.first().copied().flatten().and_then(|part| part.try_as_str().flatten());
        let part = part.map(parse).transpose()?;
        let data_type = match date {
            DataType::Date32 if part.is_none_or(|part| !part.is_of_dates()) => TIMESTAMP,
            other => other.clone(),
        };
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [part, number, date] = arguments.args.as_slice() else {
            return plan_err!("dateadd takes a part, a number and a date");
        };
        let part = cast(&part.to_array(rows)?, &DataType::Utf8)?;
        let number = cast(&number.to_array(rows)?, &DataType::Int64)?;
        let intervals = part
            .as_string::<i32>()
            .iter()
            .zip(number.as_primitive::<Int64Type>())
            .map(|(part, number)| Some((part?, number?)))
            .map(|pair| pair.map(|(part, number)| interval(parse(part)?, number)).transpose())
            .collect::<Result<IntervalMonthDayNanoArray>>()?;
        let dates = cast(&date.to_array(rows)?, arguments.return_field.data_type())?;
        Ok(ColumnarValue::Array(add(&dates, &intervals)?))
    }
}

/// The type of a string, of a date whose part is not known, and of NULL.
pub(super) const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

pub(super) fn is_string(data_type: &DataType) -> bool {
    data_type.is_string() || data_type.is_null()
}

/// The date or timestamp type an argument is taken as.
pub(super) fn as_time(function: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Date32 | DataType::Timestamp(_, _) => Ok(data_type.clone()),
        DataType::Date64 => Ok(TIMESTAMP),
        other if is_string(other) => Ok(TIMESTAMP),
        other => plan_err!("{function} takes dates, timestamps and strings; found {other}"),
    }
}

pub(super) fn parse(part: &str) -> Result<Part> {
    part.parse().map_err(|error| plan_datafusion_err!("{error}"))
}

fn interval(part: Part, number: i64) -> Result<IntervalMonthDayNano> {
    let too_far = || exec_datafusion_err!("dateadd cannot reach {number} times {part:?}");
    let small =
        |factor: i64| number.checked_mul(factor).and_then(|number| i32::try_from(number).ok()).ok_or_else(too_far);
    let nanos = |factor: i64| number.checked_mul(factor).ok_or_else(too_far);
    let (months, days, nanoseconds) = match part {
        Part::Year => (small(12)?, 0, 0),
        Part::Quarter => (small(3)?, 0, 0),
        Part::Month => (small(1)?, 0, 0),
        Part::Week => (0, small(7)?, 0),
        Part::Day => (0, small(1)?, 0),
        Part::Hour => (0, 0, nanos(3_600_000_000_000)?),
        Part::Minute => (0, 0, nanos(60_000_000_000)?),
        Part::Second => (0, 0, nanos(1_000_000_000)?),
        Part::Millisecond => (0, 0, nanos(1_000_000)?),
        Part::Microsecond => (0, 0, nanos(1_000)?),
        Part::Nanosecond => (0, 0, number),
    };
    Ok(IntervalMonthDayNano::new(months, days, nanoseconds))
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::ScalarUDF;

    use super::*;
    use crate::functions::tests::{call, shown};

    fn added(part: &str, number: i64, date: &str, data_type: &DataType) -> String {
        let date = ScalarValue::from(date).cast_to(data_type).unwrap();
        let arguments = [part.into(), number.into(), date].map(ColumnarValue::Scalar).to_vec();
        shown(&call(&ScalarUDF::from(DateAdd::new()), arguments).unwrap()).remove(0)
    }

    #[test]
    fn dates_move_by_days_and_months() {
        assert_eq!(added("day", 30, "2024-01-31", &DataType::Date32), "2024-03-01");
        assert_eq!(added("month", 1, "2024-01-31", &DataType::Date32), "2024-02-29");
        assert_eq!(added("quarters", -1, "2024-01-31", &DataType::Date32), "2023-10-31");
        assert_eq!(added("week", 1, "2024-12-28", &DataType::Date32), "2025-01-04");
        assert_eq!(added("hour", 36, "2024-01-31", &DataType::Date32), "2024-02-01T12:00:00");
    }

    #[test]
    fn timestamps_keep_their_unit_and_zone() {
        let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()));
        assert_eq!(added("minute", -1, "2024-01-01T00:00:30Z", &utc), "2023-12-31T23:59:30Z");
        assert_eq!(added("year", 1, "2024-02-29T12:00:00Z", &utc), "2025-02-28T12:00:00Z");
    }

    #[test]
    fn wrong_arguments_are_told() {
        let function = DateAdd::new();
        let refused = |types: &[DataType]| function.coerce_types(types).unwrap_err().strip_backtrace();
        assert_eq!(
            refused(&[DataType::Int64, DataType::Int64, DataType::Date32]),
            "Error during planning: dateadd takes the part as a string, such as 'day'; found Int64"
        );
        assert_eq!(
            refused(&[DataType::Utf8, DataType::Int64, DataType::Int64]),
            "Error during planning: dateadd takes dates, timestamps and strings; found Int64"
        );
        assert!(interval(Part::Year, i64::MAX).is_err());
    }
}

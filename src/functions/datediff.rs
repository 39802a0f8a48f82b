//! `datediff(part, start, end) -> bigint`: how many borders of the part lie between two dates or timestamps.
//!
//! `part` as in `dateadd`. What is counted is borders, not whole parts: from 23:59 to 00:01 is one day, from 31 December to
//! 1 January one year. Weeks begin on Monday. It is negative if the end is before the start; any NULL gives NULL.
//! Timestamps with a zone are taken in their zone. Alias: `date_diff`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::calendar::{Part, civil};
use super::dateadd::{TIMESTAMP, as_time, is_string, parse};

const MICROS_A_DAY: i64 = 86_400_000_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateDiff {
    signature: Signature,
    aliases: Vec<String>,
}

impl DateDiff {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable), aliases: vec!["date_diff".to_owned()] }
    }
}

impl ScalarUDFImpl for DateDiff {
    fn name(&self) -> &'static str {
        "datediff"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [part, start, end] = arguments else {
            return plan_err!("datediff takes a part and two dates, such as datediff('day', first_seen, last_seen)");
        };
        if !is_string(part) {
            return plan_err!("datediff takes the part as a string, such as 'day'; found {part}");
        }
        Ok(vec![DataType::Utf8, as_time("datediff", start)?, as_time("datediff", end)?])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [part, start, end] = arguments.args.as_slice() else {
            return plan_err!("datediff takes a part and two dates");
        };
        let part = cast(&part.to_array(rows)?, &DataType::Utf8)?;
        let (start, end) = (micros(&start.to_array(rows)?)?, micros(&end.to_array(rows)?)?);
        let times =
            start.as_primitive::<TimestampMicrosecondType>().iter().zip(end.as_primitive::<TimestampMicrosecondType>());
        let borders = part
            .as_string::<i32>()
            .iter()
            .zip(times)
            .map(|(part, (start, end))| Some((part?, start?, end?)))
            .map(|row| row.map(|(part, start, end)| Ok(borders(parse(part)?, start, end))).transpose())
            .collect::<Result<Int64Array>>()?;
        Ok(ColumnarValue::Array(Arc::new(borders)))
    }
}

/// The time on the clock of its zone.
fn micros(times: &ArrayRef) -> Result<ArrayRef> {
    Ok(cast(times, &TIMESTAMP)?)
}

fn borders(part: Part, start: i64, end: i64) -> i64 {
    match part {
        Part::Nanosecond => (end - start).saturating_mul(1_000),
        _ => place(part, end) - place(part, start),
    }
}

/// How many borders of the part lie between 1970 and a time.
fn place(part: Part, micros: i64) -> i64 {
    let day = micros.div_euclid(MICROS_A_DAY);
    match part {
        Part::Year => civil(day).0,
        Part::Quarter => civil(day).0 * 4 + (civil(day).1 - 1) / 3,
        Part::Month => civil(day).0 * 12 + civil(day).1,
        // 1970 began on a Thursday.
        Part::Week => (day + 3).div_euclid(7),
        Part::Day => day,
        Part::Hour => micros.div_euclid(3_600_000_000),
        Part::Minute => micros.div_euclid(60_000_000),
        Part::Second => micros.div_euclid(1_000_000),
        Part::Millisecond => micros.div_euclid(1_000),
        Part::Microsecond | Part::Nanosecond => micros,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::ScalarUDF;

    use super::*;
    use crate::functions::tests::{call, shown};

    fn between(part: &str, start: &str, end: &str) -> String {
        let time = |text: &str| ScalarValue::from(text).cast_to(&TIMESTAMP).unwrap();
        let arguments = [part.into(), time(start), time(end)].map(ColumnarValue::Scalar).to_vec();
        shown(&call(&ScalarUDF::from(DateDiff::new()), arguments).unwrap()).remove(0)
    }

    #[test]
    fn borders_are_counted() {
        assert_eq!(between("day", "2024-01-01T23:59:00", "2024-01-02T00:01:00"), "1");
        assert_eq!(between("day", "2024-01-02", "2024-01-01T23:59:00"), "-1");
        assert_eq!(between("year", "2023-12-31", "2024-01-01"), "1");
        assert_eq!(between("month", "2024-01-31", "2024-03-01"), "2");
        assert_eq!(between("quarter", "2023-12-31", "2024-04-01"), "2");
        assert_eq!(between("week", "2024-01-07", "2024-01-08"), "1");
        assert_eq!(between("week", "2024-01-01", "2024-01-07"), "0");
        assert_eq!(between("hour", "1969-12-31T23:30:00", "1970-01-01T00:30:00"), "1");
        assert_eq!(between("second", "2024-01-01", "2024-01-02"), "86400");
    }
}

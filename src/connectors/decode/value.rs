//! A value's text as the type its column declares.

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::compute::kernels::cast_utils::string_to_datetime;

use crate::project::ColumnType;

const MICROS: i64 = 1_000_000;
const SECONDS_A_DAY: i64 = 86_400;
/// The seconds of the years 0001 to 9999: what is outside is a number in another unit, not a time.
const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;
/// Integers up to here are exact in a double.
const EXACT_DOUBLE: f64 = 9_007_199_254_740_992.0;
const MAX_DECIMAL_DIGITS: u32 = 38;

/// The type as it is written in YAML, without the parts of a nested one.
pub(super) fn type_name(column_type: &ColumnType) -> String {
    match column_type {
        ColumnType::String => "string".to_owned(),
        ColumnType::Int => "int".to_owned(),
        ColumnType::BigInt => "bigint".to_owned(),
        ColumnType::Double => "double".to_owned(),
        ColumnType::Boolean => "boolean".to_owned(),
        ColumnType::Timestamp => "timestamp".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Json => "json".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        ColumnType::List(_) => "list".to_owned(),
        ColumnType::Struct(_) => "struct".to_owned(),
    }
}

/// An integer; `1.0` and `1e3` are integers too.
pub(super) fn bigint(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number = double(text)?;
    #[expect(clippy::cast_possible_truncation, reason = "integral and within what a double holds exactly")]
    (number.fract() == 0.0 && number.abs() <= EXACT_DOUBLE).then_some(number as i64)
}

pub(super) fn int(text: &str) -> Option<i32> {
    i32::try_from(bigint(text)?).ok()
}

/// A finite number.
pub(super) fn double(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Microseconds of a time written out: RFC 3339 with any offset, a space for the `T`, ` UTC` behind it, no zone (which is
/// UTC), or a date alone.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    // The parser reads the parts it knows by their place and the rest as a zone.
    if !text.is_ascii() {
        return None;
    }
    let utc: Tz = "+00:00".parse().ok()?;
    string_to_datetime(&utc, text).ok().map(|time| time.timestamp_micros())
}

/// Microseconds of a number of seconds since 1970, which may have a fraction.
pub(super) fn epoch(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return (FIRST_SECOND..=LAST_SECOND).contains(&seconds).then(|| seconds * MICROS);
    }
    let micros = decimal(text, 18, 6)?;
    let micros = i64::try_from(micros).ok()?;
    (FIRST_SECOND * MICROS..=LAST_SECOND * MICROS).contains(&micros).then_some(micros)
}

/// Days since 1970; of a time, its UTC date.
pub(super) fn date(text: &str) -> Option<i32> {
    i32::try_from(timestamp(text)?.div_euclid(SECONDS_A_DAY * MICROS)).ok()
}

/// The unscaled value, rounded half away from zero; `None` if it has more digits than the precision.
pub(super) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut shift = exponent.checked_add(i32::from(scale))?;
    let mut digits = 0;
    let mut value = 0i128;
    for (digit, places) in whole.bytes().map(|digit| (digit, 0)).chain(fraction.bytes().map(|digit| (digit, 1))) {
        if !digit.is_ascii_digit() {
            return None;
        }
        // Digits beyond the longest decimal only move the point.
        if digits >= MAX_DECIMAL_DIGITS {
            shift = shift.checked_add(1 - places)?;
            continue;
        }
        value = value * 10 + i128::from(digit - b'0');
        digits += u32::from(value != 0);
        shift = shift.checked_sub(places)?;
    }
    let value = shifted(value, shift)?;
    let limit = 10i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

/// A value that is not negative times a power of ten.
fn shifted(value: i128, shift: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    if shift >= 0 {
        return value.checked_mul(10i128.checked_pow(shift.unsigned_abs())?);
    }
    match 10i128.checked_pow(shift.unsigned_abs()) {
        Some(divisor) => Some(value / divisor + i128::from(value % divisor >= divisor / 2)),
        None => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_may_be_written_as_floats_and_have_no_fraction() {
        assert_eq!(bigint("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(bigint("1.0"), Some(1));
        assert_eq!(bigint("1e3"), Some(1000));
        for bad in ["1.5", "9223372036854775808", "1e300", "", "abc", "1 ", "NaN", "inf"] {
            assert_eq!(bigint(bad), None, "{bad}");
        }
        assert_eq!(int("2147483648"), None);
    }

    #[test]
    fn a_time_is_read_in_every_spelling() {
        let noon = 1_420_113_600 * MICROS;
        for text in [
            "2015-01-01T12:00:00Z",
            "2015-01-01T12:00:00.000000Z",
            "2015-01-01T14:00:00+02:00",
            "2015-01-01 12:00:00",
            "2015-01-01 12:00:00 UTC",
            "2015-01-01 12:00:00+00:00",
            "2015-01-01t12:00:00z",
        ] {
            assert_eq!(timestamp(text), Some(noon), "{text}");
        }
        assert_eq!(timestamp("2015-01-01 12:00:00.123456 UTC"), Some(noon + 123_456));
        assert_eq!(timestamp("2015-01-01T12:00:00.5"), Some(noon + 500_000));
        assert_eq!(timestamp("2015-01-01"), Some(1_420_070_400 * MICROS));
        for bad in [
            "",
            "2015",
            "2015-13-01",
            "2015-01-32T00:00:00Z",
            "yesterday",
            "2015-01-01T25:00:00Z",
            "2015-01-01T12:00:00 ü",
        ] {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_epoch_counts_seconds() {
        assert_eq!(epoch("1420113600"), Some(1_420_113_600 * MICROS));
        assert_eq!(epoch("1420113600.25"), Some(1_420_113_600_250_000));
        assert_eq!(epoch("-1"), Some(-MICROS));
        assert_eq!(epoch("1420113600000"), None);
        assert_eq!(epoch("1e300"), None);
    }

    #[test]
    fn a_date_is_the_day_in_utc() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("1969-12-31T23:59:59Z"), Some(-1));
        assert_eq!(date("1970-01-02T00:30:00+01:00"), Some(0));
    }

    #[test]
    fn a_decimal_is_rounded_to_its_scale_and_bounded_by_its_precision() {
        assert_eq!(decimal("1.239", 10, 2), Some(124));
        assert_eq!(decimal("-1.235", 10, 2), Some(-124));
        assert_eq!(decimal("1.234", 10, 2), Some(123));
        assert_eq!(decimal("12e-1", 10, 2), Some(120));
        assert_eq!(decimal("1e2", 3, -2), Some(1));
        assert_eq!(decimal("99999999.99", 10, 2), Some(9_999_999_999));
        assert_eq!(decimal("100000000", 10, 2), None);
        assert_eq!(decimal("99999999.995", 10, 2), None);
        assert_eq!(decimal("0.1e-2000000000", 10, 2), Some(0));
        assert_eq!(decimal(&"9".repeat(50), 38, 0), None);
        assert_eq!(decimal(&format!("0.{}", "9".repeat(500)), 38, 2), Some(100));
        for bad in ["", "-", ".", "1.2.3", "1e", "abc", "1e99999999999", "--1"] {
            assert_eq!(decimal(bad, 10, 2), None, "{bad}");
        }
    }
}

//! Parts of a date as SQL names them, and the arithmetic of the calendar.

use std::fmt;
use std::str::FromStr;

/// A part of a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

/// A word that names no part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownPart(String);

impl fmt::Display for UnknownPart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = "year, quarter, month, week, day, hour, minute, second, millisecond, microsecond or nanosecond";
        write!(out, "`{}` is no part of a date; use {known}", self.0)
    }
}

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(word: &str) -> Result<Self, UnknownPart> {
        let folded = word.trim().to_ascii_lowercase();
        Ok(match folded.as_str() {
            "year" | "years" | "yyyy" | "yy" | "yr" | "y" => Self::Year,
            "quarter" | "quarters" | "qtr" | "q" => Self::Quarter,
            "month" | "months" | "mon" | "mm" => Self::Month,
            "week" | "weeks" | "wk" | "w" => Self::Week,
            "day" | "days" | "dd" | "d" => Self::Day,
            "hour" | "hours" | "hh" | "hr" | "h" => Self::Hour,
            "minute" | "minutes" | "min" | "mi" => Self::Minute,
            "second" | "seconds" | "sec" | "ss" | "s" => Self::Second,
            "millisecond" | "milliseconds" | "ms" => Self::Millisecond,
            "microsecond" | "microseconds" | "us" => Self::Microsecond,
            "nanosecond" | "nanoseconds" | "ns" => Self::Nanosecond,
            _ => return Err(UnknownPart(word.to_owned())),
        })
    }
}

impl Part {
    /// Whether the part is a day or longer, so that a date plus it is a date.
    pub(super) fn is_of_dates(self) -> bool {
        match self {
            Self::Year | Self::Quarter | Self::Month | Self::Week | Self::Day => true,
            Self::Hour | Self::Minute | Self::Second | Self::Millisecond | Self::Microsecond | Self::Nanosecond => {
                false
            }
        }
    }
}

/// Year, month (1 to 12) and day of the month, of a day counted from 1970-01-01.
pub(super) fn civil(day: i64) -> (i64, i64, i64) {
    // Years of this reckoning begin in March, so that the leap day is their last.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day, counted from 1970-01-01, that begins a month; months beyond the year's are of the years beyond.
pub(super) fn first_of_month(year: i64, month: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(19_782), (2024, 2, 29));
        for day in (-1_000_000..1_000_000).step_by(17) {
            let (year, month, day_of_month) = civil(day);
            assert_eq!(first_of_month(year, month) + day_of_month - 1, day);
        }
        assert_eq!(first_of_month(2023, 13), first_of_month(2024, 1));
        assert_eq!(first_of_month(2024, 0), first_of_month(2023, 12));
    }

    #[test]
    fn parts_have_many_names() {
        assert_eq!("Days".parse(), Ok(Part::Day));
        assert_eq!("MONTH".parse(), Ok(Part::Month));
        assert_eq!("s".parse(), Ok(Part::Second));
        assert!(
            "fortnight"
                .parse::<Part>()
                .unwrap_err()
                .to_string()
                .starts_with("`fortnight` is no part of a date; use year,")
        );
    }
}

//! `modules.datetime`: dates and times as Python has them.
//!
//! "Now" is when the run started, so that one run computes with one time and two runs of it can be compared.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use jiff::civil::{self, Time};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::Arguments;
use super::duration::{self, Duration};
use super::error::misuse;
use super::zone::{self, offset_at, zone_of};

/// A date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date(pub civil::Date);

/// A date and time, with the offset from UTC when it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime {
    pub at: civil::DateTime,
    pub offset: Option<Offset>,
}

pub(super) fn aware(at: Timestamp) -> Value {
    Value::from_object(DateTime { at: Offset::UTC.to_datetime(at), offset: Some(Offset::UTC) })
}

/// A date of a query's result.
pub(super) fn parse_date(text: &str) -> Option<Value> {
    text.parse().ok().map(|date| Value::from_object(Date(date)))
}

/// A timestamp of a query's result, with or without an offset.
pub(super) fn parse_datetime(text: &str) -> Option<Value> {
    if let Ok(parts) = jiff::fmt::temporal::DateTimeParser::new().parse_pieces(text)
        && let Some(time) = parts.time()
    {
        let offset = parts.to_numeric_offset();
        return Some(Value::from_object(DateTime { at: parts.date().to_datetime(time), offset }));
    }
    None
}

pub(super) fn module(now: Timestamp) -> Value {
    Value::from_object(Module { now })
}

#[derive(Debug)]
struct Module {
    now: Timestamp,
}

impl Object for Module {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "date" => Some(Value::from_object(Class { kind: Kind::Date, now: self.now })),
            "datetime" => Some(Value::from_object(Class { kind: Kind::DateTime, now: self.now })),
            "timedelta" => Some(Value::from_object(Class { kind: Kind::Duration, now: self.now })),
            "timezone" => Some(zone::pytz()),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Date,
    DateTime,
    Duration,
}

/// `datetime.date`, `datetime.datetime`, `datetime.timedelta`.
#[derive(Debug)]
struct Class {
    kind: Kind,
    now: Timestamp,
}

impl Class {
    fn now(&self, zone: Option<&Value>) -> Result<DateTime, Error> {
        let offset = match zone.filter(|zone| !zone.is_none()) {
            Some(zone) => Some(zone_of(zone)?.to_offset(self.now)),
            None => None,
        };
        Ok(DateTime { at: offset.unwrap_or(Offset::UTC).to_datetime(self.now), offset })
    }

    fn date(arguments: &Arguments) -> Result<civil::Date, Error> {
        let part = |position, name| {
            let number = arguments.integer("date", position, name)?;
            number.ok_or_else(|| misuse(format!("a date needs `{name}`")))
        };
        let (year, month, day) = (part(0, "year")?, part(1, "month")?, part(2, "day")?);
        let wrong = || misuse(format!("there is no date {year}-{month}-{day}"));
        civil::Date::new(small(year)?, small(month)?, small(day)?).map_err(|_| wrong())
    }
}

fn small<T: TryFrom<i64>>(number: i64) -> Result<T, Error> {
    T::try_from(number).map_err(|_| misuse(format!("{number} is out of range")))
}

fn time(arguments: &Arguments, first: usize, old: Time) -> Result<Time, Error> {
    let part = |position: usize, name, old: i64| {
        Ok::<i64, Error>(arguments.integer("datetime", first + position, name)?.unwrap_or(old))
    };
    let (hour, minute) = (part(0, "hour", old.hour().into())?, part(1, "minute", old.minute().into())?);
    let second = part(2, "second", old.second().into())?;
    let micro = part(3, "microsecond", i64::from(old.subsec_nanosecond() / 1000))?;
    Time::new(small(hour)?, small(minute)?, small(second)?, small(micro.saturating_mul(1000))?)
        .map_err(|_| misuse(format!("there is no time {hour}:{minute}:{second}")))
}

impl Object for Class {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let arguments = Arguments::new(args)?;
        match self.kind {
            Kind::Date => Ok(Value::from_object(Date(Self::date(&arguments)?))),
            Kind::DateTime => {
                let at = Self::date(&arguments)?.to_datetime(time(&arguments, 3, Time::midnight())?);
                let offset = arguments.named("tzinfo").filter(|zone| !zone.is_none()).map(zone_of).transpose()?;
                Ok(Value::from_object(DateTime { at, offset: offset.map(|zone| offset_at(&zone, at)) }))
            }
            Kind::Duration => duration::from_arguments(&arguments),
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let arguments = Arguments::new(args)?;
        match (self.kind, method) {
            (Kind::Date, "today") => Ok(Value::from_object(Date(self.now(None)?.at.date()))),
            (Kind::DateTime, "now") => Ok(Value::from_object(self.now(arguments.get(0, "tz"))?)),
            (Kind::DateTime, "utcnow" | "today") => Ok(Value::from_object(self.now(None)?)),
            (Kind::DateTime, "strptime") => {
                let text = arguments.text("strptime", 0, "date_string")?;
                let format = arguments.text("strptime", 1, "format")?;
                strptime(&text, &format)
            }
            (Kind::Date, "fromisoformat") => {
                let text = arguments.text("fromisoformat", 0, "date_string")?;
                parse_date(&text).ok_or_else(|| misuse(format!("`{text}` is not a date like `2026-01-31`")))
            }
            (Kind::DateTime, "fromisoformat") => {
                let text = arguments.text("fromisoformat", 0, "date_string")?;
                let midnight = |date: civil::Date| {
                    Value::from_object(DateTime { at: date.to_datetime(Time::midnight()), offset: None })
                };
                parse_datetime(&text)
                    .or_else(|| text.parse().ok().map(midnight))
                    .ok_or_else(|| misuse(format!("`{text}` is not a time like `2026-01-31T12:00:00`")))
            }
            (Kind::DateTime, "fromtimestamp" | "utcfromtimestamp") => {
                let seconds = arguments.required(method, 0, "timestamp")?;
                let seconds = f64::try_from(seconds.clone()).map_err(|_| misuse("a timestamp is a number"))?;
                let at = Timestamp::UNIX_EPOCH + duration::of_seconds(seconds).span();
                Ok(Value::from_object(DateTime { at: Offset::UTC.to_datetime(at), offset: None }))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

fn strptime(text: &str, format: &str) -> Result<Value, Error> {
    let wrong = |_| misuse(format!("`{text}` is not written as `{format}`"));
    let parsed = jiff::fmt::strtime::parse(format, text).map_err(wrong)?;
    let at = match parsed.to_datetime() {
        Ok(at) => at,
        Err(_) => parsed.to_date().map_err(wrong)?.to_datetime(Time::midnight()),
    };
    Ok(Value::from_object(DateTime { at, offset: parsed.offset() }))
}

/// Python's `%f` has six digits.
fn strftime(format: &str, at: civil::DateTime, offset: Option<Offset>) -> Result<Value, Error> {
    let format = format.replace("%f", "%6f");
    let mut broken = jiff::fmt::strtime::BrokenDownTime::from(at);
    broken.set_offset(offset);
    let format = if offset.is_none() { format.replace("%z", "").replace("%Z", "") } else { format.replace("%Z", "%z") };
    let text = broken.to_string(&format).map_err(|_| misuse(format!("`{format}` is no format of a time")))?;
    Ok(Value::from(text))
}

impl Object for Date {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "year" => Some(Value::from(self.0.year())),
            "month" => Some(Value::from(self.0.month())),
            "day" => Some(Value::from(self.0.day())),
            _ => None,
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let arguments = Arguments::new(args)?;
        match method {
            "strftime" => {
                strftime(&arguments.text("strftime", 0, "format")?, self.0.to_datetime(Time::midnight()), None)
            }
            "isoformat" => Ok(Value::from(self.0.to_string())),
            "weekday" => Ok(Value::from(self.0.weekday().to_monday_zero_offset())),
            "isoweekday" => Ok(Value::from(self.0.weekday().to_monday_one_offset())),
            "replace" => Ok(Value::from_object(Self(replaced_date(&arguments, self.0)?))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<Self>()?.0))
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

fn replaced_date(arguments: &Arguments, old: civil::Date) -> Result<civil::Date, Error> {
    let part = |name, old: i64| Ok::<i64, Error>(arguments.integer("replace", usize::MAX, name)?.unwrap_or(old));
    let (year, month) = (part("year", old.year().into())?, part("month", old.month().into())?);
    let day = part("day", old.day().into())?;
    civil::Date::new(small(year)?, small(month)?, small(day)?)
        .map_err(|_| misuse(format!("there is no date {year}-{month}-{day}")))
}

impl DateTime {
    /// For comparing: a naive time counts as UTC.
    fn instant(&self) -> civil::DateTime {
        let seconds = self.offset.map_or(0, Offset::seconds);
        self.at - Span::new().seconds(seconds)
    }

    fn text(&self, separator: char) -> String {
        let (date, time) = (self.at.date(), self.at.time());
        let mut text = format!("{date}{separator}{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
        let micros = time.subsec_nanosecond() / 1000;
        if micros != 0 {
            let _ = write!(text, ".{micros:06}");
        }
        if let Some(offset) = self.offset {
            let minutes = offset.seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            let _ = write!(text, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
        }
        text
    }
}

impl Object for DateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "year" => Some(Value::from(self.at.year())),
            "month" => Some(Value::from(self.at.month())),
            "day" => Some(Value::from(self.at.day())),
            "hour" => Some(Value::from(self.at.hour())),
            "minute" => Some(Value::from(self.at.minute())),
            "second" => Some(Value::from(self.at.second())),
            "microsecond" => Some(Value::from(self.at.subsec_nanosecond() / 1000)),
            "tzinfo" => Some(Value::from(self.offset.map(|offset| offset.to_string()))),
            _ => None,
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let arguments = Arguments::new(args)?;
        match method {
            "strftime" => strftime(&arguments.text("strftime", 0, "format")?, self.at, self.offset),
            "isoformat" => {
                let separator = arguments.get(0, "sep").and_then(Value::as_str).and_then(|text| text.chars().next());
                Ok(Value::from(self.text(separator.unwrap_or('T'))))
            }
            "date" => Ok(Value::from_object(Date(self.at.date()))),
            "weekday" => Ok(Value::from(self.at.date().weekday().to_monday_zero_offset())),
            "isoweekday" => Ok(Value::from(self.at.date().weekday().to_monday_one_offset())),
            "timestamp" => {
                let since = duration::between(civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0), self.instant());
                Ok(Value::from(since.seconds()))
            }
            "replace" => {
                let date = replaced_date(&arguments, self.at.date())?;
                let at = date.to_datetime(time(&arguments, usize::MAX / 2, self.at.time())?);
                let offset = match arguments.named("tzinfo") {
                    None => self.offset,
                    Some(zone) if zone.is_none() => None,
                    Some(zone) => Some(offset_at(&zone_of(zone)?, at)),
                };
                Ok(Value::from_object(Self { at, offset }))
            }
            "astimezone" => {
                let zone = zone_of(arguments.required("astimezone", 0, "tz")?)?;
                let at = self.offset.unwrap_or(Offset::UTC).to_timestamp(self.at);
                let at = at.map_err(|_| misuse("this time is out of range"))?;
                let offset = zone.to_offset(at);
                Ok(Value::from_object(Self { at: offset.to_datetime(at), offset: Some(offset) }))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.instant().cmp(&other.downcast_ref::<Self>()?.instant()))
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text(' '))
    }
}

/// A date or time and a duration, or two durations; `None` when neither is one of them.
pub(super) fn add(left: &Value, right: &Value) -> Option<Result<Value, Error>> {
    let (other, by) = match (left.downcast_object_ref::<Duration>(), right.downcast_object_ref::<Duration>()) {
        (Some(left), Some(right)) => return Some(Ok(Value::from_object(left.plus(*right)))),
        (None, Some(by)) => (left, *by),
        (Some(by), None) => (right, *by),
        (None, None) => return None,
    };
    shifted(other, by)
}

/// As [`add`], and the duration between two dates or times.
pub(super) fn subtract(left: &Value, right: &Value) -> Option<Result<Value, Error>> {
    if let Some(by) = right.downcast_object_ref::<Duration>() {
        return match left.downcast_object_ref::<Duration>() {
            Some(left) => Some(Ok(Value::from_object(left.plus(by.negated())))),
            None => shifted(left, by.negated()),
        };
    }
    if let (Some(Date(left)), Some(Date(right))) = (left.downcast_object_ref(), right.downcast_object_ref()) {
        let (left, right) = (left.to_datetime(Time::midnight()), right.to_datetime(Time::midnight()));
        return Some(Ok(Value::from_object(duration::between(right, left))));
    }
    let left: &DateTime = left.downcast_object_ref()?;
    let right: &DateTime = right.downcast_object_ref()?;
    Some(Ok(Value::from_object(duration::between(right.instant(), left.instant()))))
}

fn shifted(value: &Value, by: Duration) -> Option<Result<Value, Error>> {
    let out_of_range = |_| misuse("this date is out of range");
    if let Some(Date(date)) = value.downcast_object_ref() {
        let moved = date.checked_add(Span::new().days(by.days()));
        return Some(moved.map(|date| Value::from_object(Date(date))).map_err(out_of_range));
    }
    let time: &DateTime = value.downcast_object_ref()?;
    let moved = time.at.checked_add(by.span());
    Some(moved.map(|at| Value::from_object(DateTime { at, ..*time })).map_err(out_of_range))
}

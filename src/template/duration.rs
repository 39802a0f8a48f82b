//! `datetime.timedelta`: a length of time in microseconds.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::Span;
use jiff::civil::DateTime;
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::{Arguments, describe};
use super::error::misuse;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Duration {
    micros: i64,
}

pub(super) fn between(from: DateTime, to: DateTime) -> Duration {
    Duration { micros: i64::try_from(to.duration_since(from).as_micros()).unwrap_or(i64::MAX) }
}

pub(super) fn of_seconds(seconds: f64) -> Duration {
    Duration { micros: rounded(seconds * 1e6) }
}

#[expect(clippy::cast_possible_truncation, reason = "a float beyond an i64 becomes the nearest one")]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

/// `timedelta(days=1, hours=2)`, with Python's order of positions.
pub(super) fn from_arguments(arguments: &Arguments) -> Result<Value, Error> {
    const PARTS: [(&str, i64); 7] = [
        ("days", DAY),
        ("seconds", SECOND),
        ("microseconds", 1),
        ("milliseconds", 1000),
        ("minutes", 60 * SECOND),
        ("hours", 3600 * SECOND),
        ("weeks", 7 * DAY),
    ];
    arguments.only("timedelta", &PARTS.map(|(name, _)| name))?;
    let mut micros = 0i64;
    for (position, (name, unit)) in PARTS.into_iter().enumerate() {
        let Some(value) = arguments.get(position, name) else { continue };
        let part = if let Some(number) = value.as_i64().filter(|_| value.is_integer()) {
            number.checked_mul(unit)
        } else {
            let number = f64::try_from(value.clone())
                .map_err(|_| misuse(format!("`{name}` of `timedelta()` is a number, not {}", describe(value))))?;
            #[expect(clippy::cast_precision_loss, reason = "a unit is far below 2^52")]
            Some(rounded(number * unit as f64))
        };
        micros = part.and_then(|part| micros.checked_add(part)).ok_or_else(|| misuse("this duration is too long"))?;
    }
    Ok(Value::from_object(Duration { micros }))
}

impl Duration {
    pub(super) fn plus(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_add(other.micros) }
    }

    pub(super) fn negated(self) -> Self {
        Self { micros: self.micros.saturating_neg() }
    }

    /// Whole days, rounded down.
    pub(super) fn days(self) -> i64 {
        self.micros.div_euclid(DAY)
    }

    pub(super) fn span(self) -> Span {
        Span::new().try_microseconds(self.micros).unwrap_or_default()
    }

    #[expect(clippy::cast_precision_loss, reason = "as Python, whose total_seconds is a float too")]
    pub(super) fn seconds(self) -> f64 {
        self.micros as f64 / 1e6
    }
}

impl Object for Duration {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let rest = self.micros.rem_euclid(DAY);
        match key.as_str()? {
            "days" => Some(Value::from(self.days())),
            "seconds" => Some(Value::from(rest / SECOND)),
            "microseconds" => Some(Value::from(rest % SECOND)),
            _ => None,
        }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.micros != 0
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        match method {
            "total_seconds" => Ok(Value::from(self.seconds())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.micros.cmp(&other.downcast_ref::<Self>()?.micros))
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.days(), self.micros.rem_euclid(DAY));
        if days != 0 {
            write!(out, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        let (seconds, micros) = (rest / SECOND, rest % SECOND);
        write!(out, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if micros != 0 {
            write!(out, ".{micros:06}")?;
        }
        Ok(())
    }
}

//! `modules.pytz`: time zones.

use std::fmt;
use std::sync::Arc;

use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::{Arguments, describe};
use super::datetime::DateTime;
use super::error::misuse;

pub(super) fn pytz() -> Value {
    Value::from_object(Pytz)
}

/// `modules.pytz`.
#[derive(Debug)]
struct Pytz;

/// A time zone as a value.
#[derive(Debug)]
struct Zone(TimeZone);

impl Object for Pytz {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        matches!(key.as_str()?, "utc" | "UTC").then(|| Value::from_object(Zone(TimeZone::UTC)))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if method != "timezone" {
            return Err(Error::from(ErrorKind::UnknownMethod));
        }
        let name = Arguments::new(args)?.text("pytz.timezone", 0, "zone")?;
        let zone = TimeZone::get(&name).map_err(|_| misuse(format!("no time zone is named `{name}`")))?;
        Ok(Value::from_object(Zone(zone)))
    }
}

impl Object for Zone {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let first = args.first().and_then(Value::downcast_object_ref::<DateTime>);
        match (method, first) {
            ("localize", Some(time)) => {
                Ok(Value::from_object(DateTime { at: time.at, offset: Some(offset_at(&self.0, time.at)) }))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

pub(super) fn zone_of(value: &Value) -> Result<TimeZone, Error> {
    match value.downcast_object_ref::<Zone>() {
        Some(Zone(zone)) => Ok(zone.clone()),
        None => Err(misuse(format!("a time zone is expected, not {}", describe(value)))),
    }
}

pub(super) fn offset_at(zone: &TimeZone, at: civil::DateTime) -> Offset {
    zone.to_zoned(at).map_or(Offset::UTC, |zoned| zoned.offset())
}

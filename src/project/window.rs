//! `window:` of a source's table, and how time is cut into windows.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::fields::Fields;
use super::http_source::WindowConfig;
use super::span_of_time::{parse_duration, shown_duration};
use crate::diagnostic::{Code, Diagnostic, Span};

const SECONDS_OF_A_DAY: u64 = 86_400;

pub(super) fn window(fields: &mut Fields<'_>) -> Option<WindowConfig> {
    let mut inner = fields.fields("window", "`window`")?;
    let every = inner.required_string("every").and_then(|(text, node)| match parse_duration(&text) {
        Some(every) if every >= Duration::from_mins(1) && every.subsec_nanos() == 0 && cuts_days(every) => Some(every),
        _ => {
            inner.push(
                Diagnostic::error(Code::Config, format!("`{text}` is no length of a window"))
                    .label(node.span.clone(), "expected a length that cuts a day evenly, such as `1h`, or whole days"),
            );
            None
        }
    });
    let start = instant(&mut inner, "start");
    let end = instant(&mut inner, "end");
    let delay = inner.duration("delay").unwrap_or_default();
    if let (Some(every), Some((start, span))) = (every, &start)
        && window_start(start.as_second(), every) != start.as_second()
    {
        inner.push(
            Diagnostic::error(Code::Config, format!("no window of {} starts here", shown_duration(every)))
                .label(span.clone(), "windows are cut from midnight UTC, weeks from Monday"),
        );
    }
    if let (Some((start, _)), Some((end, span))) = (&start, &end)
        && end <= start
    {
        inner.push(
            Diagnostic::error(Code::Config, "a window's `end` is behind its `start`")
                .label(span.clone(), "nothing lies between"),
        );
    }
    inner.finish(fields.found());
    Some(WindowConfig { every: every?, start: start.map(|(at, _)| at), end: end.map(|(at, _)| at), delay })
}

/// Whether windows of this length begin at the same times every day, or every some days.
fn cuts_days(every: Duration) -> bool {
    let seconds = every.as_secs();
    SECONDS_OF_A_DAY.is_multiple_of(seconds) || seconds.is_multiple_of(SECONDS_OF_A_DAY)
}

/// The start of the window of length `every` that holds the second `at`.
pub fn window_start(at: i64, every: Duration) -> i64 {
    let length = i64::try_from(every.as_secs().max(1)).unwrap_or(i64::MAX);
    // 1970 began on a Thursday: whole weeks begin on the Monday after.
    let offset =
        if every.as_secs().is_multiple_of(7 * SECONDS_OF_A_DAY) { 4 * SECONDS_OF_A_DAY.cast_signed() } else { 0 };
    (at - offset).div_euclid(length) * length + offset
}

/// A date or a timestamp, which is UTC unless it says otherwise.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == "2025-07-01".len()
    {
        return date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    }
    let at = text.parse::<jiff::civil::DateTime>().ok()?;
    at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn instant(fields: &mut Fields<'_>, name: &'static str) -> Option<(Timestamp, Span)> {
    let (text, node) = fields.string(name)?;
    let read = parse_instant(&text);
    if read.is_none() {
        fields.push(
            Diagnostic::error(Code::Config, format!("`{text}` is not a time"))
                .label(node.span.clone(), "expected `2025-07-01` or `2025-07-01T06:00:00Z`"),
        );
    }
    read.map(|at| (at, node.span.clone()))
}

//! How far a table was read, as named numbers: what a Delta log keeps for an application.
//!
//! - `windows/<start>` = end: a range of windows that are done, in seconds since 1970. Ranges may overlap; their union
//!   counts, since a name once written cannot be taken back.
//! - `absent` = how many of them were recorded as absent.
//! - `polled` = when a feed was last asked, in microseconds; `wait` = the seconds it then asked us to wait.
//! - `cursor` = a number, a date in days or a timestamp in microseconds; a text stands as `cursor/bytes` and `cursor/0`...,
//!   seven bytes each; `etag` likewise.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Bytes of a text in one number, which keeps it positive.
const BYTES_OF_NUMBER: usize = 7;
/// A longer text is not kept.
const LONGEST_TEXT: usize = 1024;

/// Ranges of seconds, disjoint and in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    pub(super) fn read(position: &BTreeMap<String, i64>) -> Self {
        let mut ranges = Self::default();
        for (name, end) in position {
            if let Some(start) = name.strip_prefix("windows/").and_then(|start| start.parse().ok()) {
                ranges.add(start, *end);
            }
        }
        ranges
    }

    pub(super) fn add(&mut self, mut start: i64, mut end: i64) {
        if start >= end {
            return;
        }
        self.0.retain(|(from, to)| {
            let apart = *to < start || *from > end;
            if !apart {
                start = start.min(*from);
                end = end.max(*to);
            }
            apart
        });
        let at = self.0.partition_point(|(from, _)| *from < start);
        self.0.insert(at, (start, end));
    }

    pub(super) fn holds(&self, start: i64, end: i64) -> bool {
        self.0.iter().any(|(from, to)| *from <= start && end <= *to)
    }

    /// The ranges that are not in `before` as they are, by their names.
    pub(super) fn changed_since(&self, before: &BTreeMap<String, i64>) -> Vec<(String, i64)> {
        let named = self.0.iter().map(|(start, end)| (format!("windows/{start}"), *end));
        named.filter(|(name, end)| before.get(name) != Some(end)).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }
}

/// Where a cursor stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CursorValue {
    Number(i64),
    Text(String),
}

pub(super) fn read_cursor(position: &BTreeMap<String, i64>) -> Option<CursorValue> {
    let number = position.get("cursor").copied().map(CursorValue::Number);
    number.or_else(|| read_text(position, "cursor").map(CursorValue::Text))
}

pub(super) fn write_cursor(value: &CursorValue) -> Vec<(String, i64)> {
    match value {
        CursorValue::Number(number) => vec![("cursor".to_owned(), *number)],
        CursorValue::Text(text) => write_text("cursor", text),
    }
}

pub(super) fn read_text(position: &BTreeMap<String, i64>, name: &str) -> Option<String> {
    let bytes =
        usize::try_from(*position.get(&format!("{name}/bytes"))?).ok().filter(|bytes| *bytes <= LONGEST_TEXT)?;
    let mut text = Vec::with_capacity(bytes);
    for part in 0..bytes.div_ceil(BYTES_OF_NUMBER) {
        let number = position.get(&format!("{name}/{part}"))?;
        text.extend_from_slice(&number.to_be_bytes()[8 - BYTES_OF_NUMBER..]);
    }
    text.truncate(bytes);
    String::from_utf8(text).ok()
}

/// Nothing for a text that is too long to be kept.
pub(super) fn write_text(name: &str, text: &str) -> Vec<(String, i64)> {
    if text.len() > LONGEST_TEXT {
        return vec![(format!("{name}/bytes"), -1)];
    }
    let length = i64::try_from(text.len()).unwrap_or(-1);
    let parts = text.as_bytes().chunks(BYTES_OF_NUMBER).enumerate().map(|(part, bytes)| {
        let mut number = [0; 8];
        number[8 - BYTES_OF_NUMBER..][..bytes.len()].copy_from_slice(bytes);
        (format!("{name}/{part}"), i64::from_be_bytes(number))
    });
    std::iter::once((format!("{name}/bytes"), length)).chain(parts).collect()
}

/// How a window or a poll is named: its time, as RFC 3339 has it.
pub(super) fn time_name(at: Timestamp) -> String {
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_grow_together() {
        let mut ranges = Ranges::default();
        for (start, end) in [(10, 20), (30, 40), (20, 30), (60, 70), (5, 6)] {
            ranges.add(start, end);
        }
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(5, 6), (10, 40), (60, 70)]);
        assert!(ranges.holds(10, 40) && ranges.holds(25, 26) && !ranges.holds(39, 41));
        let before = BTreeMap::from([("windows/10".to_owned(), 20), ("windows/60".to_owned(), 70)]);
        assert_eq!(ranges.changed_since(&before), [("windows/5".to_owned(), 6), ("windows/10".to_owned(), 40)]);
        assert_eq!(Ranges::read(&before).iter().collect::<Vec<_>>(), [(10, 20), (60, 70)]);
    }

    #[test]
    fn a_text_survives_as_numbers() {
        for text in ["", "a", "W/\"1234567\"", "2025-07-01T00:00:00Z|ünïcode", "seven77"] {
            let position: BTreeMap<String, i64> = write_text("etag", text).into_iter().collect();
            assert_eq!(read_text(&position, "etag").as_deref(), Some(text));
            assert!(position.values().all(|number| *number >= 0));
        }
        let mut position: BTreeMap<String, i64> =
            write_text("etag", "a long one, longer than the next").into_iter().collect();
        position.extend(write_text("etag", "short"));
        assert_eq!(read_text(&position, "etag").as_deref(), Some("short"));
        position.extend(write_text("etag", &"x".repeat(2000)));
        assert_eq!(read_text(&position, "etag"), None);
    }
}

//! Where a table stands in a source, in words; and where it would stand if it were set back.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::position::{CursorValue, Ranges, read_cursor};
use super::{Http, position};
use crate::project::ColumnType;

/// Ranges named one by one.
const NAMED: usize = 3;

impl Http {
    pub(in crate::connectors) fn describe(&self, at: &BTreeMap<String, i64>) -> String {
        let mut parts = Vec::new();
        if let Some(window) = &self.config.window {
            let done = Ranges::read(at);
            let length = i64::try_from(window.every.as_secs().max(1)).unwrap_or(1);
            let count: i64 = done.iter().map(|(start, end)| (end - start) / length).sum();
            if count > 0 {
                let ranges: Vec<String> =
                    done.iter().map(|(start, end)| format!("{} to {}", shown(start), shown(end))).collect();
                let more = ranges.len().saturating_sub(NAMED);
                let rest = if more > 0 { format!(" and {more} more ranges") } else { String::new() };
                let windows = if count == 1 { "1 window".to_owned() } else { format!("{count} windows") };
                parts.push(format!("{windows}: {}{rest}", ranges[..ranges.len().min(NAMED)].join(", ")));
            }
            if let Some(absent) = at.get("absent").filter(|absent| **absent > 0) {
                parts.push(format!("{absent} of them absent"));
            }
        } else if let Some(polled) = at.get("polled") {
            let polled = Timestamp::from_microsecond(*polled).map_or_else(|_| polled.to_string(), |at| at.to_string());
            parts.push(format!("polled {polled}"));
        }
        if let Some(cursor) = read_cursor(at) {
            let field = self.config.cursor.as_ref().map_or("", |cursor| cursor.field.as_str());
            parts.push(format!("{field} {}", self.shown_cursor(field, &cursor)));
        }
        parts.join(", ")
    }

    fn shown_cursor(&self, field: &str, cursor: &CursorValue) -> String {
        match (cursor, self.column_type(field)) {
            (CursorValue::Text(text), _) => text.clone(),
            (CursorValue::Number(number), Some(ColumnType::Timestamp)) => {
                Timestamp::from_microsecond(*number).map_or_else(|_| number.to_string(), |at| at.to_string())
            }
            (CursorValue::Number(number), _) => number.to_string(),
        }
    }

    /// The position without the windows that begin at `from` or later; all of it is forgotten without `from`.
    pub(in crate::connectors) fn set_back(
        &self,
        at: &BTreeMap<String, i64>,
        from: Option<Timestamp>,
    ) -> Vec<(String, i64)> {
        let (Some(from), Some(_)) = (from, &self.config.window) else { return Vec::new() };
        let mut kept = position::Ranges::default();
        for (start, end) in Ranges::read(at).iter() {
            kept.add(start, end.min(from.as_second()));
        }
        kept.changed_since(&BTreeMap::new())
    }
}

fn shown(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

//! What came of reading an item: what the position learns from it, and what the user is told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use super::position::{CursorValue, Ranges, read_cursor, write_cursor, write_text};
use super::{Http, Item, lock, start_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::project::{ColumnType, OnGap, shown_duration};

/// Of one item.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub(super) kind: OutcomeKind,
    pub(super) etag: Option<String>,
    /// Seconds the service wants to be left alone.
    pub(super) wait: Option<i64>,
    pub(super) least: Option<CursorValue>,
    pub(super) greatest: Option<CursorValue>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum OutcomeKind {
    #[default]
    Read,
    /// The window's answers are not there and never will be.
    Absent,
    /// They may still come.
    Pending,
    /// Nothing changed since the last poll.
    Unchanged,
}

/// How far a source is, for whoever watches.
#[derive(Debug)]
pub struct SourceProgress {
    pub items: AtomicUsize,
    pub expected: AtomicUsize,
    pub requests: AtomicU64,
    pub bytes: AtomicU64,
    /// Requests the service still allows; negative when it does not say.
    pub quota: AtomicI64,
}

impl Default for SourceProgress {
    fn default() -> Self {
        Self {
            items: AtomicUsize::new(0),
            expected: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            quota: AtomicI64::new(-1),
        }
    }
}

impl SourceProgress {
    pub(in crate::connectors) fn expect(&self, items: usize) {
        self.expected.store(items, Ordering::Relaxed);
    }
}

impl Http {
    /// What the position becomes once these items' rows are committed: only what changes. Nothing at all, if none of them
    /// could be read.
    pub(in crate::connectors) fn advance(&self, items: &[Item]) -> Vec<(String, i64)> {
        let outcomes = lock(&self.outcomes);
        let before = lock(&self.position);
        let of = |item: &Item| outcomes.get(&item.name).cloned().unwrap_or_default();
        let mut changes = BTreeMap::new();
        if self.config.window.is_some() {
            let mut done = Ranges::read(&before);
            let mut absent = 0;
            for item in items {
                match of(item).kind {
                    OutcomeKind::Pending => continue,
                    OutcomeKind::Absent => absent += 1,
                    OutcomeKind::Read | OutcomeKind::Unchanged => {}
                }
                done.add(start_of(item), item.mark);
            }
            changes.extend(done.changed_since(&before));
            if absent > 0 {
                changes.insert("absent".to_owned(), before.get("absent").copied().unwrap_or(0) + absent);
            }
        } else {
            for item in items.iter().filter(|item| of(item).kind != OutcomeKind::Unchanged) {
                changes.insert("polled".to_owned(), item.mark);
                if let Some(wait) = of(item).wait {
                    changes.insert("wait".to_owned(), wait);
                }
                if let Some(etag) = of(item).etag {
                    changes.extend(write_text("etag", &etag));
                }
            }
        }
        if self.config.cursor.is_some() {
            let newest = items.iter().filter_map(|item| of(item).greatest).max();
            let known = read_cursor(&before);
            if let Some(newest) = newest.filter(|newest| known.as_ref().is_none_or(|known| newest > known)) {
                changes.extend(write_cursor(&newest));
            }
        }
        changes.into_iter().collect()
    }

    /// Whether there was nothing to read of it yet.
    pub(in crate::connectors) fn is_pending(&self, item: &Item) -> bool {
        lock(&self.outcomes).get(&item.name).is_some_and(|outcome| outcome.kind == OutcomeKind::Pending)
    }

    /// The position of the next items: what was just committed.
    pub(in crate::connectors) fn settle(&self, changes: &[(String, i64)]) {
        lock(&self.position).extend(changes.iter().cloned());
        lock(&self.outcomes).clear();
    }

    /// What the user should know of the items just read; errors of it stop the commit.
    pub(in crate::connectors) fn remarks(&self, items: &[Item]) -> Vec<Diagnostic> {
        let outcomes = lock(&self.outcomes);
        let mut remarks = Vec::new();
        let pending: Vec<&str> = items
            .iter()
            .filter(|item| outcomes.get(&item.name).is_some_and(|outcome| outcome.kind == OutcomeKind::Pending))
            .map(|item| item.name.as_str())
            .collect();
        if let (Some(first), count) = (pending.first(), pending.len()) {
            let windows = if count == 1 { "one window".to_owned() } else { format!("{count} windows") };
            remarks.push(
                Diagnostic::warning(Code::Source, format!("source `{}` does not have {windows} yet", self.name))
                    .note(format!("the first of them begins at {first}"))
                    .note("the next run asks again"),
            );
        }
        remarks.extend(self.gap(items, &outcomes));
        remarks
    }

    /// The oldest record in hand is newer than the newest of before: something in between was never seen.
    fn gap(&self, items: &[Item], outcomes: &BTreeMap<String, Outcome>) -> Option<Diagnostic> {
        let cursor = self.config.cursor.as_ref().filter(|cursor| cursor.on_gap != OnGap::Ignore)?;
        let before = read_cursor(&lock(&self.position))?;
        let least = items.iter().filter_map(|item| outcomes.get(&item.name)?.least.clone()).min()?;
        if least <= before {
            return None;
        }
        let shown = |value: &CursorValue| match value {
            CursorValue::Text(text) => format!("`{text}`"),
            CursorValue::Number(number) => match self.column_type(&cursor.field) {
                Some(ColumnType::Timestamp) => {
                    jiff::Timestamp::from_microsecond(*number).map_or_else(|_| number.to_string(), |at| at.to_string())
                }
                _ => number.to_string(),
            },
        };
        let message = format!("source `{}` has missed records", self.name);
        let diagnostic = match cursor.on_gap {
            OnGap::Fail => Diagnostic::error(Code::Source, message),
            OnGap::Warn | OnGap::Ignore => Diagnostic::warning(Code::Source, message),
        };
        let often = self.config.poll.as_ref().map(|poll| shown_duration(poll.every)).unwrap_or_default();
        Some(
            diagnostic
                .note(format!(
                    "the oldest `{}` it gave is {}, the newest of the poll before was {}",
                    cursor.field,
                    shown(&least),
                    shown(&before)
                ))
                .hint(match often.is_empty() {
                    true => "ask more often, or for more pages".to_owned(),
                    false => format!("ask more often than every {often}, or for more pages"),
                }),
        )
    }
}

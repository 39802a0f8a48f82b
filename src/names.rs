//! The words of a project as types: a layer, a relation, a source.
//!
//! A string from a file is parsed here once; behind this border a [`Relation`] is always valid.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// Where seeds live: a schema beside the layers, which every layer may read.
pub const SEEDS: &str = "seeds";
/// Where failing rows of data tests are stored.
pub const TEST_AUDIT: &str = "test_audit";

/// A table or view of the warehouse, written `layer.name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Relation {
    layer: String,
    name: String,
}

impl Relation {
    /// Both parts must be names by [`is_name`].
    pub fn new(layer: &str, name: &str) -> Result<Self, InvalidName> {
        for part in [layer, name] {
            if !is_name(part) {
                return Err(InvalidName { name: part.to_owned() });
            }
        }
        Ok(Self { layer: layer.to_owned(), name: name.to_owned() })
    }

    /// The layer, or [`SEEDS`] for a seed.
    pub fn layer(&self) -> &str {
        &self.layer
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the table lies below the warehouse's root.
    pub fn path(&self) -> String {
        format!("{}/{}", self.layer, self.name)
    }

    /// The relation that holds the records a source could not decode for this one.
    #[must_use]
    pub fn rejected(&self) -> Self {
        Self { layer: self.layer.clone(), name: format!("{}__rejected", self.name) }
    }

    /// As it stands in SQL: both parts quoted, so case and keywords are safe.
    pub fn to_sql(&self) -> String {
        format!("\"{}\".\"{}\"", self.layer, self.name)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.layer, self.name)
    }
}

impl Serialize for Relation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What lies in the warehouse at a relation's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Table { version: u64 },
    View,
}

/// A table of a source, written `source.table`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceName {
    pub source: String,
    pub table: String,
}

impl fmt::Display for SourceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.source, self.table)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a name: a letter or underscore, then letters, digits and underscores")]
pub struct InvalidName {
    pub name: String,
}

/// A letter or underscore, then letters, digits or underscores; it becomes a folder and an SQL identifier.
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|next| next.is_ascii_alphanumeric() || next == '_')
}

/// A column as its table has it, of one that is written as in SQL: `"Id"` is `Id`.
pub fn bare_column(written: &str) -> Cow<'_, str> {
    match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(name) => Cow::Owned(name.replace("\"\"", "\"")),
        None => Cow::Borrowed(written),
    }
}

/// How near a short name is with one letter that differs.
const SHORT_AND_NEAR: f64 = 0.85;

/// The candidates closest to `wanted`, best first: what a "did you mean" offers. At most three.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let folded = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (likeness(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score > 0.78)
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    scored.dedup_by(|left, right| left.1 == right.1);
    let best = scored.first().map_or(0.0, |(score, _)| *score);
    scored.into_iter().take(3).filter(|(score, _)| best - score < 0.08).map(|(_, name)| name.to_owned()).collect()
}

/// From 0 to 1. In short names one letter weighs much: one that is swapped, dropped or changed counts as near.
fn likeness(wanted: &str, candidate: &str) -> f64 {
    let likeness = strsim::jaro_winkler(wanted, candidate);
    let is_short = (2..=4).contains(&wanted.chars().count()) && candidate.chars().count() >= 2;
    match is_short && strsim::osa_distance(wanted, candidate) == 1 {
        true => likeness.max(SHORT_AND_NEAR),
        false => likeness,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_may_be_in_quotes() {
        assert_eq!(["\"Länder\"", "\"a\"\"b\"", "id", "\""].map(bare_column), ["Länder", "a\"b", "id", "\""]);
    }

    #[test]
    fn a_relation_is_two_names() {
        assert_eq!(Relation::new("gold", "revenue").unwrap().to_sql(), "\"gold\".\"revenue\"");
        for bad in ["", "1a", "a-b", "a.b", "../x", "ü"] {
            assert!(Relation::new("gold", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(nearest("custmers", ["customers", "orders"]), ["customers"]);
        assert!(nearest("xyz", ["customers", "orders"]).is_empty());
        assert_eq!(nearest("dya", ["id", "day"]), ["day"]);
        assert_eq!(nearest("mx", ["max", "min", "md5"]), ["max"]);
    }
}

//! Mistakes of one query, of what nature they are, and where in its SQL they stand.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::sql::{Described, Word, describe};
use super::words::{code_only, word_places};
use super::{Code, Diagnostic, Diagnostics, Place, SourceText, add_new, only_place};

/// What an error says of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::execution) enum Nature {
    /// A column or a function is not there, or one of several is meant.
    Name,
    /// Something is missing in `group by`, or there is too much or too little of something.
    Shape,
    Table,
    /// A constant does not fit its type.
    Constant,
    Other,
}

pub(in crate::execution) fn nature(error: &DataFusionError) -> Nature {
    const SHAPES: &[&str] = &[
        "must appear in the GROUP BY",
        " different number of columns",
        " require unique expression names ",
        "scalar subquery must be aggregated",
        "SELECT DISTINCT ON expressions must match",
    ];
    let root = error.find_root();
    if let DataFusionError::SchemaError(schema, _) = root {
        return match schema.as_ref() {
            SchemaError::FieldNotFound { .. } => Nature::Name,
            SchemaError::AmbiguousReference { .. } if error.diagnostic().is_some() => Nature::Name,
            SchemaError::AmbiguousReference { .. }
            | SchemaError::DuplicateQualifiedField { .. }
            | SchemaError::DuplicateUnqualifiedField { .. } => Nature::Shape,
        };
    }
    let text = root.to_string();
    if SHAPES.iter().any(|shape| text.contains(shape)) {
        return Nature::Shape;
    }
    let described = describe(error, &[], &[]);
    match described.code {
        Code::UnknownFunction => Nature::Name,
        Code::UnknownTable => Nature::Table,
        Code::Execution => Nature::Constant,
        _ => Nature::Other,
    }
}

/// The place in the SQL that an error itself tells.
pub(in crate::execution) fn told_at(error: &DataFusionError, compiled: &Arc<SourceText>) -> Option<Range<usize>> {
    describe(error, &[], &[]).range.map(|range| range.bytes(compiled))
}

/// One of the mistakes of a query.
#[derive(Debug)]
pub(in crate::execution) struct Mistake {
    pub(in crate::execution) error: Arc<DataFusionError>,
    /// Its place, if it is another one than the error tells.
    pub(in crate::execution) place: Option<Range<usize>>,
    /// The expression it is about, and those around it, the innermost first.
    pub(in crate::execution) around: Vec<Range<usize>>,
}

impl Mistake {
    /// An error, of which no more is known than it tells.
    pub(in crate::execution) fn new(error: DataFusionError) -> Self {
        Self { error: Arc::new(error), place: None, around: Vec::new() }
    }
}

/// What is known of a place beside what an error tells.
#[derive(Debug, Default)]
pub(super) struct Around {
    place: Option<Range<usize>>,
    parts: Vec<Range<usize>>,
}

impl Place<'_> {
    /// All mistakes, those first that stand first.
    pub(super) async fn diagnose_mistakes(&self, mistakes: &[Mistake], missing: &[String]) -> Diagnostics {
        let compiled = SourceText::new("compiled", self.sql);
        let start = |mistake: &Mistake| {
            let told = || told_at(&mistake.error, &compiled);
            let place = mistake.place.clone().or_else(told).or_else(|| mistake.around.first().cloned());
            place.map_or(usize::MAX, |place| place.start)
        };
        let mut ordered: Vec<&Mistake> = mistakes.iter().collect();
        ordered.sort_by_key(|mistake| start(mistake));
        let mut found: Vec<Diagnostic> = Vec::new();
        for mistake in ordered {
            let around = Around { place: mistake.place.clone(), parts: mistake.around.clone() };
            for error in mistake.error.iter() {
                add_new(&mut found, self.diagnose(error, &around, missing).await);
            }
        }
        found.into_iter().collect()
    }

    /// The place in the compiled SQL. A place that does not hold the word it is about belongs to another text.
    pub(super) fn bytes(&self, described: &Described, around: &Around) -> Option<Range<usize>> {
        if around.place.is_some() {
            return around.place.clone();
        }
        let compiled = SourceText::new("compiled", self.sql);
        let told = described.range.as_ref().map(|range| range.bytes(&compiled));
        let told = told.filter(|bytes| match &described.word {
            Some(Word::Any(word)) => {
                self.sql.get(bytes.clone()).is_some_and(|text| text.to_lowercase().contains(&word.to_lowercase()))
            }
            Some(Word::Only(_) | Word::Named(_) | Word::Text(_)) | None => true,
        });
        let word = described.word.as_ref();
        // Of a constant a word elsewhere tells nothing.
        let anywhere = word.filter(|_| described.value.is_none() || around.parts.is_empty());
        told.or_else(|| self.constant_in(described.value.as_deref()?, around))
            .or_else(|| word.and_then(|word| self.word_around(word, around)))
            .or_else(|| anywhere.and_then(|word| self.word_anywhere(word)))
            .or_else(|| only_place(&code_only(self.sql), described.or_word?))
            .or_else(|| around.parts.first().cloned())
    }

    /// Where a word stands in the expression that an error is about, or next to it.
    fn word_around(&self, word: &Word, around: &Around) -> Option<Range<usize>> {
        let code = code_only(self.sql);
        around.parts.iter().find_map(|part| {
            let place = match word {
                Word::Any(word) => word_places(code.get(part.clone())?, word).next().map(|at| at..at + word.len()),
                Word::Only(word) => only_place(code.get(part.clone())?, word),
                Word::Text(text) => text_place(self.sql.get(part.clone())?, text),
                Word::Named(_) => None,
            }?;
            Some(part.start + place.start..part.start + place.end)
        })
    }

    /// A constant in the expression that an error is about, or the `cast` of which it is the inside.
    fn constant_in(&self, value: &str, around: &Around) -> Option<Range<usize>> {
        let part = around.parts.first()?;
        let place = constant_place(self.sql.get(part.clone())?, value)?;
        let place = part.start + place.start..part.start + place.end;
        Some(cast_of(&code_only(self.sql), place.start).unwrap_or(place))
    }

    fn word_anywhere(&self, word: &Word) -> Option<Range<usize>> {
        let code = code_only(self.sql);
        match word {
            Word::Any(word) => word_places(&code, word).next().map(|at| at..at + word.len()),
            // It may be the whole of a string.
            Word::Only(word) => only_place(&code, word).or_else(|| only_string(self.sql, word)),
            Word::Text(text) => text_place(self.sql, text),
            Word::Named(word) => {
                self.naming(word).or_else(|| word_places(&code, word).next().map(|at| at..at + word.len()))
            }
        }
    }
}

/// Where a text stands in quotes, or a number alone.
fn constant_place(sql: &str, value: &str) -> Option<Range<usize>> {
    let quoted = format!("'{}'", value.replace('\'', "''"));
    match sql.find(&quoted) {
        Some(at) => Some(at..at + quoted.len()),
        None => word_places(&code_only(sql), value).next().map(|at| at..at + value.len()),
    }
}

/// The word `cast` before the bracket in which a constant stands first.
fn cast_of(code: &str, constant: usize) -> Option<Range<usize>> {
    let before = code.get(..constant)?.trim_end().strip_suffix('(')?.trim_end();
    let word = before.len().checked_sub("cast".len())?;
    (word_places(before, "cast").last() == Some(word)).then_some(word..before.len())
}

fn only_string(sql: &str, word: &str) -> Option<Range<usize>> {
    let quoted = format!("'{word}'");
    let (at, _) = sql.match_indices(&quoted).next()?;
    (sql.matches(&quoted).count() == 1).then(|| at + 1..at + 1 + word.len())
}

/// Where a text stands in quotes; else where it stands alone, as in `extract(day from ...)`.
pub(super) fn text_place(sql: &str, text: &str) -> Option<Range<usize>> {
    let quoted = sql.to_ascii_lowercase().find(&format!("'{}'", text.to_ascii_lowercase()));
    quoted.map(|at| at + 1..at + 1 + text.len()).or_else(|| only_place(sql, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_is_shown_for_the_constant_inside_of_it_only() {
        let sql = "select cast(s as int), cast( 'q' as int) from r where i = 'q' and j < 'it''s'";
        let constant = constant_place(sql, "q").unwrap();
        assert_eq!(&sql[constant.clone()], "'q'");
        assert_eq!(cast_of(&code_only(sql), constant.start), Some(23..27));
        let other = constant_place(sql, "it's").unwrap();
        assert_eq!((&sql[other.clone()], cast_of(&code_only(sql), other.start)), ("'it''s'", None));
    }
}

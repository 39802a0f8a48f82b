//! SQL that does not parse, in our words.

use datafusion::common::{Location, Span as SqlSpan};
use datafusion::sql::sqlparser::parser::ParserError;

use super::sql::{Described, SqlRange};
use super::words::lower_first;
use crate::diagnostic::Code;
use crate::names::is_name;

/// Words that a misspelt word may stand for.
const KEYWORDS: &[&str] = &[
    "select", "from", "where", "group", "order", "having", "qualify", "limit", "union", "join", "left", "inner",
    "cross", "with", "case", "when", "then", "else", "end", "distinct",
];

/// Words that are what they are, however near to another they come.
const OTHER_KEYWORDS: &[&str] = &[
    "all", "and", "any", "as", "asc", "between", "by", "desc", "in", "is", "not", "null", "on", "or", "over", "using",
];

/// sqlparser puts the place into its text: `... at Line: 2, Column: 8`.
pub(super) fn syntax_mistake(error: &ParserError) -> Described {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "the query is nested too deeply",
    };
    let (text, place) = match text.rsplit_once(" at Line: ") {
        Some((text, place)) => (text, place.split_once(", Column: ")),
        None => (text, None),
    };
    let location = place.and_then(|(line, column)| {
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    let text = without_values(text.trim_start_matches("sql parser error: "));
    let Some((expected, found)) = text.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: ")) else {
        let mut described = Described::new(Code::SqlSyntax, format!("SQL syntax: {}", lower_first(&text)));
        described.range = location.map(|location| SqlRange::Lines(SqlSpan { start: location, end: location }));
        return described;
    };
    let expected = match expected {
        "end of statement" => "the end of the query".to_owned(),
        "an SQL statement" => "a query".to_owned(),
        "identifier" => "a name".to_owned(),
        sign if sign.chars().all(|c| c.is_ascii_punctuation() || c.is_ascii_uppercase()) => {
            format!("`{}`", sign.to_lowercase())
        }
        words => words.to_owned(),
    };
    let is_end = found == "EOF";
    let shown = if is_end { "the end of the query".to_owned() } else { format!("`{found}`") };
    let mut described = Described::new(Code::SqlSyntax, format!("SQL syntax: expected {expected}, found {shown}"));
    let word = found.to_lowercase();
    if is_name(found) && !is_end && !KEYWORDS.iter().chain(OTHER_KEYWORDS).any(|keyword| *keyword == word) {
        described = described.nearest(found, KEYWORDS.iter().copied());
    }
    described.range = match location {
        Some(location) => Some(SqlRange::Lines(SqlSpan { start: location, end: location })),
        None => is_end.then_some(SqlRange::End),
    };
    described
}

/// A message up to where it begins to print values of the program.
pub(super) fn without_values(text: &str) -> String {
    match text.find(" { ").or_else(|| text.find("(WindowFunction {")) {
        Some(at) => text[..at].rsplit_once(' ').map_or(text, |(before, _)| before).to_owned(),
        None => text.to_owned(),
    }
}

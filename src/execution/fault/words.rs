//! Words of SQL, and the query engine's names of types in those of SQL.

use std::str::FromStr;

use datafusion::arrow::datatypes::DataType;

use crate::names::is_name;
use crate::storage::shown_type;

/// Byte offsets at which a whole word (or sign) stands, whatever its case.
pub(super) fn word_places(sql: &str, word: &str) -> impl Iterator<Item = usize> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let touches = move |own: Option<char>, next: Option<char>| own.is_some_and(is_part) && next.is_some_and(is_part);
    let (folded, needle) = (sql.to_ascii_lowercase(), word.to_ascii_lowercase());
    let places: Vec<usize> = folded
        .match_indices(&needle)
        .map(|(at, _)| at)
        .filter(|at| {
            let (before, after) = (folded[..*at].chars().next_back(), folded[at + needle.len()..].chars().next());
            !needle.is_empty() && !touches(needle.chars().next(), before) && !touches(needle.chars().next_back(), after)
        })
        .collect();
    places.into_iter()
}

/// The SQL with comments and strings blanked out, every byte in its place.
pub(super) fn code_only(sql: &str) -> String {
    let mut kept = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(next) = rest.chars().next() {
        let blank = match next {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            _ => 0,
        };
        if blank == 0 {
            kept.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            kept.extend(std::iter::repeat_n(' ', blank));
            rest = &rest[blank..];
        }
    }
    kept
}

/// What stands between two marks.
pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

pub(super) fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

/// `Utf8View` is `a string`, `List(Int64)` is `a list of bigint`, wherever they stand outside of quotes.
pub(super) fn with_sql_types(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(next) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if word == 0 {
            quoted ^= next == '\'';
            shown.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        }
        let whole = word + bracketed(&rest[word..]);
        let found = [whole, word].into_iter().find_map(|end| Some((end, DataType::from_str(&rest[..end]).ok()?)));
        match found.filter(|_| !quoted && next.is_ascii_uppercase()) {
            Some((end, data_type)) => {
                shown.push_str(&shown_type(&data_type));
                rest = &rest[end..];
            }
            None => {
                shown.push_str(&rest[..word]);
                rest = &rest[word..];
            }
        }
    }
    shown
}

/// The length of the bracket that begins here, or 0.
fn bracketed(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 1 => return at + 1,
            ')' => depth -= 1,
            _ if depth == 0 => return 0,
            _ => {}
        }
    }
    0
}

/// The names that a query's `with` defines; `sql` is without comments and texts.
pub(super) fn with_names(sql: &str) -> Vec<String> {
    let words: Vec<&str> = sql
        .split(|c: char| c.is_whitespace() || c == ',' || c == ')')
        .flat_map(|part| part.split_inclusive('('))
        .filter(|word| !word.is_empty())
        .collect();
    let defines = |pair: &[&str]| pair[1].eq_ignore_ascii_case("as") && is_name(pair[0]);
    let opens = |word: Option<&&str>| word.is_some_and(|word| word.starts_with('('));
    let mut names = Vec::new();
    for (index, pair) in words.windows(2).enumerate() {
        if (defines(pair) && opens(words.get(index + 2))) || (is_name(pair[0]) && pair[1].eq_ignore_ascii_case("as(")) {
            names.push(pair[0].to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_sql() {
        assert_eq!(with_sql_types("Utf8View + List(Int64) of 'Int64'"), "a string + a list of bigint of 'Int64'");
    }

    #[test]
    fn only_code_is_searched() {
        let sql = "select 'id' -- id\n, /* id */ id, idx";
        let code = code_only(sql);
        assert_eq!(code.len(), sql.len());
        assert_eq!(word_places(&code, "ID").collect::<Vec<_>>(), [sql.rfind("id, idx").unwrap()]);
    }

    #[test]
    fn the_names_of_a_with_are_found() {
        let sql = "with recent as (select 1), recursive_one as(select 2), b AS (\nselect 3 as x) select * from recnt";
        assert_eq!(with_names(sql), ["recent", "recursive_one", "b"]);
    }
}

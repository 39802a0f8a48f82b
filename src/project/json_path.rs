//! The part of `JSONPath` that a column needs: names, indices and `[*]` behind a `$`.

use std::fmt;
use std::ops::Range;

/// A `JSONPath`, parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPath(pub Vec<PathStep>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    Name(String),
    Index(usize),
    /// `[*]`: every element, which makes the column a list.
    Each,
}

/// Why a text is not a path, and the bytes of it concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct InvalidPath {
    pub kind: InvalidPathKind,
    pub range: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPathKind {
    #[error("a path begins with `$`")]
    NoRoot,
    #[error("expected `.name` or `[...]`")]
    Step,
    #[error("expected a name")]
    NoName,
    #[error("expected an index, `*` or a quoted name in the brackets")]
    Bracket,
    #[error("this bracket is never closed")]
    OpenBracket,
    #[error("`..` is not supported: name every step")]
    Descent,
}

impl JsonPath {
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let fail = |kind, range| Err(InvalidPath { kind, range });
        if !text.starts_with('$') {
            return fail(InvalidPathKind::NoRoot, 0..text.len());
        }
        let mut steps = Vec::new();
        let mut at = 1;
        while let Some(first) = text[at..].chars().next() {
            let rest = &text[at + first.len_utf8()..];
            match first {
                '.' if rest.starts_with('.') => return fail(InvalidPathKind::Descent, at..at + 2),
                '.' => {
                    let length = rest.find(['.', '[']).unwrap_or(rest.len());
                    if length == 0 {
                        return fail(InvalidPathKind::NoName, at..at + 1);
                    }
                    steps.push(match &rest[..length] {
                        "*" => PathStep::Each,
                        name => PathStep::Name(name.to_owned()),
                    });
                    at += 1 + length;
                }
                '[' => {
                    let Some(length) = closing_bracket(rest) else {
                        return fail(InvalidPathKind::OpenBracket, at..text.len());
                    };
                    let end = at + 1 + length + 1;
                    let Some(step) = bracket_step(&rest[..length]) else {
                        return fail(InvalidPathKind::Bracket, at..end);
                    };
                    steps.push(step);
                    at = end;
                }
                _ => return fail(InvalidPathKind::Step, at..text.len()),
            }
        }
        Ok(Self(steps))
    }

    /// `$.name`: where a column is looked for that says nothing else.
    pub fn of_name(name: &str) -> Self {
        Self(vec![PathStep::Name(name.to_owned())])
    }

    /// `$`: the record as it came.
    pub fn is_record(&self) -> bool {
        self.0.is_empty()
    }

    /// `$` or `$[*]`: the elements of a document that is an array.
    pub fn is_root_array(&self) -> bool {
        matches!(self.0.as_slice(), [] | [PathStep::Each])
    }

    /// Whether it yields a list of what it finds.
    pub fn is_list(&self) -> bool {
        self.0.contains(&PathStep::Each)
    }
}

/// The first `]` outside of quotes.
fn closing_bracket(rest: &str) -> Option<usize> {
    let mut open = None;
    for (at, next) in rest.char_indices() {
        match open {
            Some(quote) if quote == next => open = None,
            None if next == ']' => return Some(at),
            None if matches!(next, '\'' | '"') => open = Some(next),
            Some(_) | None => {}
        }
    }
    None
}

fn bracket_step(inside: &str) -> Option<PathStep> {
    let inside = inside.trim();
    if inside == "*" {
        return Some(PathStep::Each);
    }
    for quote in ['\'', '"'] {
        let name = inside.strip_prefix(quote).and_then(|name| name.strip_suffix(quote));
        if let Some(name) = name.filter(|name| !name.is_empty() && !name.contains(quote)) {
            return Some(PathStep::Name(name.to_owned()));
        }
    }
    inside.parse().ok().map(PathStep::Index)
}

impl fmt::Display for JsonPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("$")?;
        for step in &self.0 {
            match step {
                PathStep::Name(name) if crate::names::is_name(name) => write!(out, ".{name}")?,
                PathStep::Name(name) if name.contains('\'') => write!(out, "[\"{name}\"]")?,
                PathStep::Name(name) => write!(out, "['{name}']")?,
                PathStep::Index(index) => write!(out, "[{index}]")?,
                PathStep::Each => out.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_shown() {
        for (text, shown) in [
            ("$", "$"),
            ("$.repo.name", "$.repo.name"),
            ("$.a-b['c.d][']", "$['a-b']['c.d][']"),
            ("$[\"it's\"]", "$[\"it's\"]"),
            ("$.commits[*].message", "$.commits[*].message"),
            ("$[0][ 12 ].*", "$[0][12][*]"),
        ] {
            let path = JsonPath::parse(text).unwrap();
            assert_eq!(path.to_string(), shown);
            assert_eq!(JsonPath::parse(shown).unwrap(), path);
        }
        assert!(JsonPath::parse("$.a[*]").unwrap().is_list());
        assert_eq!(JsonPath::of_name("id"), JsonPath::parse("$.id").unwrap());
    }

    #[test]
    fn what_is_no_path_says_where() {
        for (text, message, range) in [
            ("repo.name", "a path begins with `$`", 0..9),
            ("$repo", "expected `.name` or `[...]`", 1..5),
            ("$.a.", "expected a name", 3..4),
            ("$..a", "`..` is not supported: name every step", 1..3),
            ("$.a[x]", "expected an index, `*` or a quoted name in the brackets", 3..6),
            ("$.a['x", "this bracket is never closed", 3..6),
        ] {
            let mistake = JsonPath::parse(text).unwrap_err();
            assert_eq!((mistake.to_string().as_str(), mistake.range), (message, range), "{text}");
        }
    }
}

//! What is wrong, where, and what to do: the one model of a mistake in the user's files.
//!
//! A diagnostic has a stable [`Code`], a severity, a message without a full stop, at most one primary [`Label`] (none when
//! no place is known) and hints. Phases collect them in [`Diagnostics`] and report all of a phase at once.

mod alike;
mod code;
mod collection;
mod render;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use alike::{Told, gathered};
pub use code::Code;
pub use collection::Diagnostics;
pub use render::{render, render_json};

/// So many columns are listed when none is near.
const LISTED_COLUMNS: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
}

/// A text the user wrote, with the path it is shown under (relative to the project).
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SourceText {
    pub path: String,
    pub text: String,
}

impl SourceText {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into() })
    }

    /// One-based line and column (in characters) of a byte offset.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.floor(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The byte offset of a one-based line and column (in characters), clipped to the text.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let start = match line.saturating_sub(1) {
            0 => 0,
            skipped => match self.text.match_indices('\n').nth(skipped - 1) {
                Some((newline, _)) => newline + 1,
                None => return self.text.len(),
            },
        };
        let rest = &self.text[start..];
        let end_of_line = rest.find('\n').unwrap_or(rest.len());
        let within = rest[..end_of_line].char_indices().nth(column.saturating_sub(1)).map_or(end_of_line, |(at, _)| at);
        start + within
    }

    /// Whether a word stands in it, by itself or as the end of a longer one behind an underscore.
    pub fn mentions(&self, word: &str) -> bool {
        let is_part = |character: char| character.is_alphanumeric() || character == '_';
        !word.is_empty()
            && self.text.match_indices(word).any(|(at, _)| {
                let (before, after) = (&self.text[..at], &self.text[at + word.len()..]);
                !before.ends_with(|c: char| is_part(c) && c != '_') && !after.starts_with(is_part)
            })
    }

    /// The nearest character border at or before `offset`.
    pub fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// A range of bytes in a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Span {
    pub source: Arc<SourceText>,
    pub range: Range<usize>,
}

impl Span {
    /// The range is clipped to the text and to character borders.
    pub fn new(source: &Arc<SourceText>, range: Range<usize>) -> Self {
        let start = source.floor(range.start);
        let end = source.floor(range.end.max(start));
        Self { source: Arc::clone(source), range: start..end }
    }

    /// The word (or the single character) at a one-based line and column.
    pub fn word_at(source: &Arc<SourceText>, line: usize, column: usize) -> Self {
        let start = source.offset(line, column);
        let rest = &source.text[start..];
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word };
        Self::new(source, start..start + length)
    }

    /// Whether it is a part of the other.
    pub fn within(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
            && other.range.start <= self.range.start
            && self.range.end <= other.range.end
    }

    /// The first place `needle` stands in the text, if any.
    pub fn find(source: &Arc<SourceText>, needle: &str) -> Option<Self> {
        let start = source.text.find(needle)?;
        Some(Self::new(source, start..start + needle.len()))
    }
}

/// A place and what is to be said of it there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

impl Label {
    /// `a.yml:3:5`.
    pub fn shown_place(&self) -> String {
        let (line, column) = self.span.source.line_column(self.span.range.start);
        format!("{}:{line}:{column}", self.span.source.path)
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    pub message: String,
    pub label: Option<Box<Label>>,
    /// Further places that explain the first: the macro a fault came through, the other definition.
    pub secondary: Vec<Label>,
    /// The file concerned when no place inside it is known.
    pub file: Option<String>,
    pub notes: Vec<String>,
    pub hints: Vec<String>,
    /// What the world did may go away by itself: trying again is worth while.
    pub transient: bool,
    /// The name that nothing is called by, where that is the mistake: a file that could not be read may declare it.
    pub unknown: Option<String>,
}

impl Diagnostic {
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            label: None,
            secondary: Vec::new(),
            file: None,
            notes: Vec::new(),
            hints: Vec::new(),
            transient: false,
            unknown: None,
        }
    }

    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.label = Some(Box::new(Label { span, text: text.into() }));
        self
    }

    /// The label when the place is known, else only the file.
    #[must_use]
    pub fn label_or_file(self, span: Option<Span>, text: impl Into<String>, file: &str) -> Self {
        match span {
            Some(span) => self.label(span, text),
            None => self.in_file(file),
        }
    }

    #[must_use]
    pub fn secondary(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    #[must_use]
    pub fn in_file(mut self, path: impl Into<String>) -> Self {
        self.file = Some(path.into());
        self
    }

    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The mistake is a name that nothing is called by.
    #[must_use]
    pub fn unknown(mut self, name: impl Into<String>) -> Self {
        self.unknown = Some(name.into());
        self
    }

    /// As [`Self::label_or_file`], unless it has a place already.
    #[must_use]
    pub fn else_at(self, span: Option<Span>, file: &str) -> Self {
        if self.label.is_some() { self } else { self.label_or_file(span, "", file) }
    }

    #[must_use]
    pub fn note_opt(self, note: Option<String>) -> Self {
        match note {
            Some(note) => self.note(note),
            None => self,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn hint_opt(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// `did you mean ...` from the nearest of `candidates`, if one is near.
    #[must_use]
    pub fn nearest<'a>(self, wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        let near = crate::names::nearest(wanted, candidates);
        match near.is_empty() {
            true => self,
            false => self.hint(format!("did you mean {}?", or_list(&near))),
        }
    }

    /// As [`Self::nearest`]; if none is near, a note lists the columns there are.
    #[must_use]
    pub fn nearest_or_all<'a>(self, wanted: &str, columns: impl IntoIterator<Item = &'a str>) -> Self {
        let columns: Vec<&str> = columns.into_iter().collect();
        let hints = self.hints.len();
        let told = self.nearest(wanted, columns.iter().copied());
        match told.hints.len() > hints {
            true => told,
            false => told.note_opt(listed_columns(&columns)),
        }
    }

    /// The path the mistake lies in, if known.
    pub fn path(&self) -> Option<&str> {
        self.label.as_ref().map(|label| label.span.source.path.as_str()).or(self.file.as_deref())
    }

    fn place_order(&self) -> (Option<&str>, Option<usize>) {
        (self.path(), self.label.as_ref().map(|label| label.span.range.start))
    }

    /// `a.yml:3:5`, `a.yml` where only the file is known.
    pub fn shown_place(&self) -> Option<String> {
        self.label.as_ref().map(|label| label.shown_place()).or_else(|| self.file.clone())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.message)?;
        match self.shown_place() {
            Some(place) => write!(out, " ({place})"),
            None => Ok(()),
        }
    }
}

/// `a`, `b` or `c`, each in back-ticks.
pub fn or_list(names: &[String]) -> String {
    let ticked: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match ticked.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// `there are `a`, `b``, unless they are too many.
pub fn listed_columns(columns: &[&str]) -> Option<String> {
    let listed: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
    match listed.as_slice() {
        [] => None,
        [only] => Some(format!("there is only {only}")),
        several if several.len() <= LISTED_COLUMNS => Some(format!("there are {}", several.join(", "))),
        _ => None,
    }
}

/// `1 model`, `2 models`, `2 batches`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ if noun.ends_with("ch") || noun.ends_with("sh") => format!("{number} {noun}es"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_places_agree_in_characters() {
        let source = SourceText::new("a.sql", "select 1\nfrom ü.x\n");
        let offset = source.text.find('x').unwrap();
        assert_eq!(source.line_column(offset), (2, 8));
        assert_eq!(source.offset(2, 8), offset);
        assert_eq!(source.offset(99, 1), source.text.len());
        assert_eq!(Span::word_at(&source, 1, 1).range, 0..6);
    }

    #[test]
    fn words_are_found_whole() {
        let source = SourceText::new("m.sql", "{% macro default__cents(x) %}{% endmacro %}");
        assert!(source.mentions("cents") && source.mentions("default__cents"));
        assert!(!source.mentions("cent") && !source.mentions("ents") && !source.mentions(""));
    }
}

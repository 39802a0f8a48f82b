//! What is said of a text that is not YAML, or is YAML that nobody meant.

use std::sync::Arc;

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::Key;
use crate::diagnostic::{Code, Diagnostic, SourceText, Span};

/// The parser's error in our words; the parser's own where ours would say no more.
pub(super) fn syntax(source: &Arc<SourceText>, error: &ScanError) -> Diagnostic {
    let line = error.marker().line().max(1);
    if let Some(jinja) = jinja_value(source, line) {
        return unquoted_jinja(source, jinja);
    }
    let span = Span::word_at(source, line, error.marker().col() + 1);
    let (message, label, hint) = match error.kind() {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabAtBlockScalarStart => {
            ("a tab cannot indent YAML".to_owned(), "after a tab", Some("indent with spaces"))
        }
        ErrorKind::UnclosedQuotedScalar => ("this quote is never closed".to_owned(), "opened here", None),
        ErrorKind::UnclosedFlowCollection { open } => (format!("`{open}` is never closed"), "opened here", None),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            (format!("`{open}` is closed by `{close}`"), "does not match", None)
        }
        ErrorKind::MisplacedFlowCollectionEnd => ("a bracket closes nothing".to_owned(), "never opened", None),
        ErrorKind::MappingValueNotAllowed => (
            "a key cannot stand here".to_owned(),
            "this `:` begins a value",
            Some("check the indentation of this line; quote a value that holds `: `"),
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation | ErrorKind::SimpleKeyExpected => (
            "expected `key: value` here".to_owned(),
            "neither a key nor part of the value above",
            Some("check the indentation of this line and of the one above"),
        ),
        ErrorKind::UnknownAnchor => ("no anchor of this name stands above".to_owned(), "unknown anchor", None),
        ErrorKind::UnexpectedCharacter { character } => {
            (format!("a value cannot begin with `{character}`"), "not allowed here", Some("quote the value"))
        }
        _ => (format!("this is not YAML: {}", error.info()), "here", None),
    };
    Diagnostic::error(Code::YamlSyntax, message).label(span, label).hint_opt(hint.map(str::to_owned))
}

/// Where the value of a line begins with Jinja, outside of quotes.
fn jinja_value(source: &SourceText, line: usize) -> Option<usize> {
    let start = source.offset(line, 1);
    let rest = &source.text[start..];
    let line = rest.lines().next().unwrap_or_default();
    let at = ["{{", "{%"].into_iter().filter_map(|open| line.find(open)).min()?;
    let before = line[..at].trim_end();
    (before.is_empty() || before.ends_with([':', '-', '[', ','])).then_some(start + at)
}

/// `key: {{ var('x') }}`: to YAML a mapping in a mapping.
pub(super) fn unquoted_jinja(source: &Arc<SourceText>, start: usize) -> Diagnostic {
    let line = source.text[start..].lines().next().unwrap_or_default();
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let quote = if line.contains('"') { '\'' } else { '"' };
    let hint = match line.contains(quote) {
        true => "quote values that hold Jinja".to_owned(),
        false => format!("quote values that hold Jinja: `{quote}{line}{quote}`"),
    };
    Diagnostic::error(Code::YamlSyntax, "Jinja must be quoted in YAML")
        .label(Span::new(source, start..start + line.len()), "YAML reads this bracket as a mapping")
        .hint(hint)
}

pub(super) fn set_twice(first: &Span, again: &Key) -> Diagnostic {
    Diagnostic::error(Code::Config, format!("`{}` is set twice", again.name))
        .label(again.span.clone(), "set again here")
        .secondary(first.clone(), "first set here")
}

pub(super) fn second_document(span: Span) -> Diagnostic {
    Diagnostic::error(Code::YamlSyntax, "a second YAML document begins here")
        .label(span, "everything after `---` would be lost")
        .hint("move it to a file of its own")
}

pub(super) fn no_key(span: Span) -> Diagnostic {
    Diagnostic::error(Code::YamlSyntax, "a key is missing before `:`").label(span, "no key")
}

pub(super) fn complex_key(span: Span) -> Diagnostic {
    Diagnostic::error(Code::YamlSyntax, "a key must be a word or a quoted string").label(span, "not a string")
}

pub(super) fn tag(span: Span, tag: &str) -> Diagnostic {
    Diagnostic::error(Code::YamlSyntax, format!("the YAML tag `{tag}` means nothing here"))
        .label(span, "tagged value")
        .hint("quote a value that begins with `!`")
}

pub(super) fn alias_of_itself(span: Span) -> Diagnostic {
    Diagnostic::error(Code::YamlSyntax, "an alias stands inside its own anchor").label(span, "would never end")
}

pub(super) fn merge_of_scalar(span: Span) -> Diagnostic {
    Diagnostic::error(Code::Config, "`<<` merges mappings only").label(span, "not a mapping")
}

pub(super) fn too_large(span: Span, limit: usize) -> Diagnostic {
    Diagnostic::error(Code::YamlSyntax, format!("this YAML is too large: more than {limit} values"))
        .label(span, "the limit is reached here")
}

pub(super) fn unexpected(span: Span) -> Diagnostic {
    Diagnostic::error(Code::YamlSyntax, "this is not YAML").label(span, "did not expect this")
}

//! Turns what the template engine says into a diagnostic: in human words, with a caret in the file the user wrote.

use std::error::Error as _;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Error, ErrorKind, Value};

use super::macros::Macros;
use super::rewrite::{OffsetMap, Rewritten};
use super::tags;
use super::undefined;
use crate::diagnostic::{Code, Diagnostic, SourceText, Span};

/// What the root template of a rendering is called.
pub(super) const ROOT: &str = "template";
/// Calls that are shown between a mistake and the template.
const SHOWN_CALLS: usize = 4;

/// A finished diagnostic on its way through the template engine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Fault(pub Box<Diagnostic>);

/// A macro ends early; its value lies in the state.
#[derive(Debug, thiserror::Error)]
#[error("`return` outside of a macro")]
pub(super) struct Returned(pub Value);

/// A mistake inside a macro, seen from its call.
#[derive(Debug, thiserror::Error)]
#[error("in macro `{name}`")]
pub(super) struct InMacro {
    pub name: String,
    #[source]
    pub source: Error,
}

/// A diagnostic as an error of the template engine, which adds where it happened.
pub(super) fn fault(diagnostic: Diagnostic) -> Error {
    let message = diagnostic.message.clone();
    Error::new(ErrorKind::InvalidOperation, message).with_source(Fault(Box::new(diagnostic)))
}

/// A mistake in how something is used.
pub(super) fn misuse(message: impl Into<String>) -> Error {
    fault(Diagnostic::error(Code::Template, message))
}

/// The value of a `return` that this error stands for.
pub(super) fn returned(error: &Error) -> Option<Value> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(Returned(value)) = inner.downcast_ref::<Returned>() {
            return Some(value.clone());
        }
        source = inner.source();
    }
    None
}

pub(super) fn identity(text: &str) -> OffsetMap {
    let mut rewritten = Rewritten::default();
    rewritten.copy(text, 0..text.len(), &[]);
    rewritten.map
}

/// Jinja that does not parse; the error's offsets are those of `text`, which `map` leads back to `source`.
pub(super) fn syntax(error: &Error, text: &str, map: &OffsetMap, source: &Arc<SourceText>) -> Diagnostic {
    let mistake = |message: String| Diagnostic::error(Code::TemplateSyntax, message);
    let place = |range: &Range<usize>| Span::new(source, map.range(range.clone()));
    let never_closed = |tag: &Range<usize>| {
        let word = &text[tag.clone()];
        mistake(format!("`{{% {word} %}}` is never closed")).label(place(tag), format!("has no `{{% end{word} %}}`"))
    };
    let range = error.range().unwrap_or(text.len()..text.len());
    let word = text.get(range.clone()).unwrap_or_default();
    if !word.is_empty() && !tags::TAGS.contains(&word) && opens_a_tag(text, range.start) {
        return match (word.strip_prefix("end"), tags::open_at(text, range.start)) {
            (Some(_), Some(open)) => never_closed(&open).secondary(place(&range), "expected before this"),
            (Some(opener), None) if tags::TAGS.contains(&opener) => {
                mistake(format!("`{{% {word} %}}` has no `{{% {opener} %}}` before it"))
                    .label(place(&range), "closes nothing")
            }
            (_, _) => mistake(format!("unknown tag `{{% {word} %}}`"))
                .label(place(&range), "")
                .nearest(word, tags::TAGS.iter().copied()),
        };
    }
    if matches!(word, "test" | "data_test") && opens_a_tag(text, range.start) {
        return mistake(format!("`{{% {word} %}}` does not belong here"))
            .label(place(&range), "")
            .hint("generic tests are declared in a macro folder, or in `generic/` of a test folder");
    }
    if let Some(bracket) = tags::open_bracket(text, range.start).filter(|_| matches!(word, "}" | "%" | "%}" | "}}")) {
        return mistake(format!("`{}` is never closed", &text[bracket.clone()])).label(place(&bracket), "");
    }
    if let Some(open) = tags::open_at(text, text.len()) {
        return never_closed(&open);
    }
    mistake(error.detail().unwrap_or("this does not parse").to_owned()).label(place(&range), "")
}

/// Whether only `{%` stands before an offset.
fn opens_a_tag(text: &str, offset: usize) -> bool {
    text.get(..offset).is_some_and(|before| before.trim_end().trim_end_matches('-').ends_with("{%"))
}

/// The texts a rendering went through, for leading an error back to its place.
pub(super) struct Places<'a> {
    pub source: &'a Arc<SourceText>,
    pub map: &'a OffsetMap,
    pub macros: &'a Macros,
    /// Names that mean something everywhere, for telling the unknown ones.
    pub known: &'a dyn Fn(&str) -> bool,
    pub names: &'a dyn Fn() -> Vec<String>,
}

/// Where one level of an error lies.
struct Level<'a> {
    span: Option<Span>,
    error: &'a Error,
    builtin: bool,
}

impl Places<'_> {
    fn span(&self, error: &Error) -> (Option<Span>, bool) {
        let (Some(name), Some(range)) = (error.name(), error.range()) else { return (None, false) };
        if name == ROOT {
            let span = (!self.map.is_empty()).then(|| whole(Span::new(self.source, self.map.range(range))));
            return (span, false);
        }
        match self.macros.by_template(name) {
            Some(item) => (Some(whole(Span::new(&item.file, item.map.range(range)))), item.is_builtin()),
            None => (None, false),
        }
    }

    /// A failed rendering as a diagnostic.
    pub(super) fn diagnose(&self, error: &Error) -> Diagnostic {
        let mut levels = Vec::new();
        let mut fault = None;
        let mut current: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(inner) = current {
            if let Some(error) = inner.downcast_ref::<Error>() {
                let (span, builtin) = self.span(error);
                levels.push(Level { span, error, builtin });
            } else if let Some(Fault(diagnostic)) = inner.downcast_ref::<Fault>() {
                fault = Some((**diagnostic).clone());
            } else if inner.is::<Returned>() {
                let outside = Diagnostic::error(Code::Template, "`return` outside of a macro");
                fault = Some(outside.hint("only macros of the macro folders return; those of a model print"));
            }
            current = inner.source();
        }
        let innermost = levels.last().map_or(error, |level| level.error);
        let place = levels.iter().rev().find(|level| level.span.is_some() && !level.builtin);
        let place = place.and_then(|level| level.span.clone());
        let found_here = fault.is_none();
        let builtin = levels.last().is_some_and(|level| level.builtin);
        let mut diagnostic = fault.unwrap_or_else(|| self.translate(innermost, builtin));
        if found_here && diagnostic.label.is_some() {
            // Its place is more exact than the level's.
            levels.pop();
        }
        if diagnostic.label.is_none() {
            diagnostic = match place {
                Some(span) => diagnostic.label(span, ""),
                None => diagnostic.in_file(&self.source.path),
            };
        }
        add_calls(diagnostic, &levels)
    }

    /// An error the template engine found itself.
    fn translate(&self, error: &Error, builtin: bool) -> Diagnostic {
        let detail = error.detail().unwrap_or_default().to_owned();
        let unknown = if builtin { None } else { self.unknown_name(error) };
        if let Some((name, span)) = unknown {
            let names = (self.names)();
            return Diagnostic::error(Code::Undefined, format!("`{name}` is undefined"))
                .label(span, "no variable, macro or function of this name")
                .nearest(&name, names.iter().map(String::as_str))
                .unknown(name);
        }
        let written = self.written(error);
        match error.kind() {
            ErrorKind::UndefinedError => {
                let expression = undefined::expression(&detail).or(written).unwrap_or_else(|| "this".to_owned());
                Diagnostic::error(Code::Undefined, format!("`{expression}` is undefined")).unknown(expression)
            }
            ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
                let name = undefined::expression(&detail).or(written).unwrap_or_default();
                Diagnostic::error(Code::Undefined, detail).unknown(name)
            }
            ErrorKind::UnknownFilter => unknown_word("filter", written.as_deref(), undefined::FILTERS),
            ErrorKind::UnknownTest => unknown_word("test", written.as_deref(), undefined::TESTS),
            ErrorKind::TemplateNotFound | ErrorKind::BadInclude => {
                Diagnostic::error(Code::Template, "templates cannot be included or imported")
                    .hint("put the shared part into a macro, which every template sees")
            }
            _ if detail.is_empty() => Diagnostic::error(Code::Template, error.kind().to_string()),
            _ => Diagnostic::error(Code::Template, detail),
        }
    }

    /// The user's text at the error.
    fn written(&self, error: &Error) -> Option<String> {
        let span = self.span(error).0?;
        Some(span.source.text[span.range].to_owned()).filter(|text| !text.is_empty())
    }

    /// The first name at the error that means nothing anywhere.
    fn unknown_name(&self, error: &Error) -> Option<(String, Span)> {
        let concerns_names = matches!(
            error.kind(),
            ErrorKind::UndefinedError
                | ErrorKind::UnknownFunction
                | ErrorKind::UnknownMethod
                | ErrorKind::InvalidOperation
        );
        let (text, range) = (error.template_source()?, error.range()?);
        let (name, range) = undefined::unknown_name(text, &range, self.known).filter(|_| concerns_names)?;
        match error.name().and_then(|template| self.macros.by_template(template)) {
            Some(item) => Some((name, Span::new(&item.file, item.map.range(range)))),
            None => Some((name, Span::new(self.source, self.map.range(range)))),
        }
    }
}

/// The calls that led to a mistake in a macro, the nearest first.
fn add_calls(mut diagnostic: Diagnostic, levels: &[Level<'_>]) -> Diagnostic {
    let mut shown: Vec<Span> = diagnostic.label.iter().map(|label| label.span.clone()).collect();
    for level in levels.iter().rev().filter(|level| !level.builtin) {
        let Some(span) = &level.span else { continue };
        let around = shown.iter().any(|seen| {
            seen.source == span.source && seen.range.start <= span.range.end && span.range.start <= seen.range.end
        });
        if around || shown.len() > SHOWN_CALLS {
            continue;
        }
        shown.push(span.clone());
        diagnostic = diagnostic.secondary(span.clone(), "called from here");
    }
    diagnostic
}

/// The engine's span of `a.b()` begins at its dot, and that of a comparison one token early; this one is the user's.
fn whole(span: Span) -> Span {
    let text = span.source.text.as_str();
    let written = &text[span.range.clone()];
    let path = |character: char| character.is_alphanumeric() || character == '_' || character == '.';
    if written.starts_with('.') {
        let start = text[..span.range.start].trim_end_matches(path).len();
        return Span { range: start..span.range.end, ..span };
    }
    let inner = written.strip_prefix("{{").or_else(|| written.strip_prefix("{%"));
    match inner.map(|inner| inner.strip_prefix('-').unwrap_or(inner).trim_start()) {
        Some(inner) => Span { range: span.range.end - inner.len()..span.range.end, ..span },
        None => span,
    }
}

/// `no filter named ..`; what stands at the error begins with the name.
fn unknown_word(kind: &str, written: Option<&str>, known: &[&str]) -> Diagnostic {
    let word: String = written
        .unwrap_or_default()
        .trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    Diagnostic::error(Code::Undefined, format!("no {kind} is named `{word}`")).nearest(&word, known.iter().copied())
}

/// A place as a caret, of a range in a macro or in the root.
pub(super) fn span_of(source: &Arc<SourceText>, macros: &Macros, owner: &str, range: Range<usize>) -> Span {
    match owner.parse().ok().and_then(|index| macros.get(index)) {
        Some(item) => Span::new(&item.file, range),
        None => Span::new(source, range),
    }
}

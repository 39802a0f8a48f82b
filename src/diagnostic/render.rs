//! A diagnostic as text with carets, and as one line of JSON.

use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::{Diagnostic, Label, Severity, SourceText};

/// The full form: title, place with caret, notes and hints. No trailing newline.
pub fn render(diagnostic: &Diagnostic, coloured: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
    let mut group = Group::with_title(title);
    if let Some(label) = &diagnostic.label {
        let mut main = snippet(label, AnnotationKind::Primary);
        for other in diagnostic.secondary.iter().filter(|other| same_text(other, label)) {
            main = main.annotation(annotation(other, AnnotationKind::Context));
        }
        group = group.element(main);
        for other in diagnostic.secondary.iter().filter(|other| !same_text(other, label)) {
            group = group.element(snippet(other, AnnotationKind::Context));
        }
    } else if let Some(file) = &diagnostic.file {
        group = group.element(Origin::path(file.as_str()));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(120).render(&[group]).trim_end().to_owned()
}

fn same_text(left: &Label, right: &Label) -> bool {
    Arc::ptr_eq(&left.span.source, &right.span.source)
}

fn snippet(label: &Label, kind: AnnotationKind) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    let source: &SourceText = &label.span.source;
    Snippet::source(source.text.as_str()).path(source.path.as_str()).annotation(annotation(label, kind))
}

fn annotation(label: &Label, kind: AnnotationKind) -> annotate_snippets::Annotation<'_> {
    let annotation = kind.span(label.span.range.clone());
    match label.text.as_str() {
        "" => annotation,
        text => annotation.label(text),
    }
}

/// One JSON object: code, severity, message, file, line, column, end, notes, hints.
pub fn render_json(diagnostic: &Diagnostic) -> Value {
    let place_of = |label: &Label| {
        let (line, column) = label.span.source.line_column(label.span.range.start);
        let (end_line, end_column) = label.span.source.line_column(label.span.range.end);
        json!({"line": line, "column": column, "end_line": end_line, "end_column": end_column, "text": label.text})
    };
    let place = diagnostic.label.as_deref().map(place_of);
    let related = diagnostic.secondary.iter().map(|label| {
        let mut place = place_of(label);
        place["file"] = json!(label.span.source.path);
        place
    });
    json!({
        "code": diagnostic.code.as_str(),
        "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": diagnostic.message,
        "file": diagnostic.path(),
        "place": place,
        "related": related.collect::<Vec<_>>(),
        "notes": diagnostic.notes,
        "hints": diagnostic.hints,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Code, Span};
    use super::*;

    #[test]
    fn a_mistake_is_shown_with_its_line_and_a_caret() {
        let source = SourceText::new("models/silver/orders.sql", "select 1\nfrom {{ ref('custmers') }}\n");
        let span = Span::find(&source, "ref('custmers')").unwrap();
        let diagnostic = Diagnostic::error(Code::UnknownRef, "no model or seed named `custmers`")
            .label(span, "not found in this project")
            .hint("did you mean `customers`?");
        insta::assert_snapshot!(render(&diagnostic, false), @r"
        error[E0301]: no model or seed named `custmers`
         --> models/silver/orders.sql:2:9
          |
        2 | from {{ ref('custmers') }}
          |         ^^^^^^^^^^^^^^^ not found in this project
          |
          = hint: did you mean `customers`?
        ");
    }
}

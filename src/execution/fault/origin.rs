//! The place of a mistake in the files the user wrote: from the SQL back through macros and loops to the text.

use std::ops::Range;
use std::sync::Arc;

use super::{Code, Diagnostic, Place, Span, verify};
use crate::execution::blocking;
use crate::execution::compile::World;
use crate::graph::{NodeKind, TestKind};
use crate::template::Origin;

/// A rendered line longer than this is not shown.
const LONGEST_RENDERED: usize = 160;
/// Calls that are shown between a mistake and the template.
const SHOWN_CALLS: usize = 4;

impl Place<'_> {
    /// Where a range of the SQL comes from.
    pub(super) async fn origin(&self, bytes: Range<usize>) -> Option<Origin> {
        let world = World::silent(self.context, Some(self.id), self.context.compiled_incremental(self.id));
        let templates = Arc::clone(&self.context.templates);
        let sql = self.sql.to_owned();
        let node = self.context.graph.node(self.id);
        let template = match &node.kind {
            NodeKind::Model(model) => model.template.clone(),
            NodeKind::Test(test) => match &test.kind {
                TestKind::Singular => test.template.clone(),
                TestKind::Generic { test: name, .. } => {
                    templates.generic_test(name)?;
                    let (name, template) = (name.clone(), test.template.clone());
                    let arguments = verify::custom_arguments(self.context, node, test)?;
                    let trace = move || templates.trace_generic_test(&name, &arguments, &template, &world, &sql);
                    let (trace, sql) = (blocking(trace).await?, self.sql);
                    return trace.origin(sql, bytes);
                }
            },
            NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => return None,
        };
        blocking(move || templates.trace(&template, &world, &sql)?.origin(&sql, bytes)).await
    }

    /// A mistake with the place it comes from, and the way from there into the SQL.
    pub(super) fn at(&self, mut diagnostic: Diagnostic, origin: Origin) -> Diagnostic {
        let is_own = self.is_own(&origin.span);
        let path = origin.span.source.path.clone();
        diagnostic = diagnostic.label(origin.span.clone(), "");
        if let Some(text) = origin.text.filter(|text| !text.within(&origin.span)) {
            diagnostic = diagnostic.secondary(text, "written here");
        }
        if let Some(used) = origin.used.filter(|used| used.source.path == path || !is_own) {
            diagnostic = diagnostic.secondary(used, "put in here");
        }
        for call in origin.calls.into_iter().filter(|_| !is_own).take(SHOWN_CALLS) {
            diagnostic = diagnostic.secondary(call, "called from here");
        }
        diagnostic
    }

    fn is_own(&self, span: &Span) -> bool {
        self.context.graph.node(self.id).source_text().is_some_and(|own| Arc::ptr_eq(own, &span.source))
    }

    /// The line of the SQL, when Jinja wrote what is wrong in it.
    pub(super) fn rendered(&self, code: Code, origin: &Origin, bytes: &Range<usize>) -> Option<String> {
        let line = line_of(self.sql, bytes.start);
        let written = line_of(&origin.span.source.text, origin.span.range.start);
        let is_wanted = match self.is_own(&origin.span) && origin.is_verbatim {
            // What is missing may be missing in what an expression wrote.
            true => code == Code::SqlSyntax && calls_a_macro(written),
            false => true,
        };
        let is_shown = is_wanted && line != written && line.len() <= LONGEST_RENDERED && bytes.len() <= line.len();
        is_shown.then(|| format!("rendered, the line is: {line}"))
    }
}

fn line_of(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..].lines().next().unwrap_or_default().trim()
}

/// Whether something other than a reference is put into a line.
fn calls_a_macro(line: &str) -> bool {
    line.split("{{").skip(1).any(|rest| {
        let inside = rest.trim_start_matches('-').trim_start();
        !["ref(", "source(", "this"].iter().any(|plain| inside.starts_with(plain))
    })
}

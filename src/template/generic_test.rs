//! The user's generic tests, and the arguments they are declared with.
//!
//! An argument that is Jinja, or a bare `ref('x')`, means its value; everything else means itself.

use std::sync::Arc;

use minijinja::Value as Jinja;
use minijinja::machinery::ast::Stmt;
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use serde_json::{Map, Value};

use super::context::CompileContext;
use super::environment::PRELUDE;
use super::extract::Extracted;
use super::render::{Pass, Render};
use super::rewrite::{Rewritten, findings};
use super::{Excerpt, NodeTemplate, Rendering, Templates, error, extracting, jinja, python, relation};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};

/// A generic test of the project: `{% test name(model, column_name) %}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenericTestInfo {
    pub parameters: Vec<String>,
    /// Parameters without a default.
    pub required: Vec<String>,
    /// Whether it reads `kwargs`.
    pub takes_any: bool,
    pub place: Option<Span>,
}

/// Calls that are read as such without braces around them.
const BARE_CALLS: [&str; 4] = ["ref", "source", "var", "env_var"];

impl Templates {
    /// The project's test of this name, bare or `package.name`.
    pub fn generic_test(&self, name: &str) -> Option<GenericTestInfo> {
        let item = self.shared.macros.test(name)?;
        let names = |all: bool| {
            let parameters = item.parameters.iter().filter(move |parameter| all || !parameter.optional);
            parameters.map(|parameter| parameter.name.clone()).collect()
        };
        Some(GenericTestInfo {
            parameters: names(true),
            required: names(false),
            takes_any: item.uses_kwargs,
            place: Some(item.place.clone()),
        })
    }

    /// The names of the project's tests.
    pub fn generic_test_names(&self) -> impl Iterator<Item = String> {
        self.shared.macros.tests().map(str::to_owned)
    }

    /// The refs and sources in a declared test's arguments.
    pub fn extract_arguments(
        &self,
        arguments: &Map<String, Value>,
        node: &NodeTemplate,
        place: Option<&Span>,
    ) -> Result<Extracted, Diagnostics> {
        let mut evaluation = Evaluation::new(self, node, place, None);
        let mut found = Diagnostics::default();
        for argument in arguments.values() {
            if let Err(mistake) = evaluation.value(argument) {
                found.push(*mistake);
            }
        }
        found.finish(evaluation.extracted).map(|(extracted, _)| extracted)
    }

    /// The refs and sources of a test's own text, besides those of its arguments.
    pub fn extract_generic_test(
        &self,
        name: &str,
        arguments: &Map<String, Value>,
        node: &NodeTemplate,
        place: Option<&Span>,
    ) -> Result<Extracted, Diagnostics> {
        let mut evaluation = Evaluation::new(self, node, place, None);
        evaluation.call(name, arguments)?;
        Ok(evaluation.extracted)
    }

    /// The SQL of a test: rows it returns have failed. `model` is taken as the SQL it is given as.
    pub fn compile_generic_test(
        &self,
        name: &str,
        arguments: &Map<String, Value>,
        node: &NodeTemplate,
        context: &Arc<dyn CompileContext>,
    ) -> Result<String, Diagnostics> {
        Ok(Evaluation::new(self, node, None, Some(context)).call(name, arguments)?)
    }
}

/// Evaluates the arguments of one declared test.
struct Evaluation<'a> {
    templates: &'a Templates,
    node: &'a NodeTemplate,
    place: Option<&'a Span>,
    context: Option<&'a Arc<dyn CompileContext>>,
    extracted: Extracted,
}

impl<'a> Evaluation<'a> {
    fn new(
        templates: &'a Templates,
        node: &'a NodeTemplate,
        place: Option<&'a Span>,
        context: Option<&'a Arc<dyn CompileContext>>,
    ) -> Self {
        Self { templates, node, place, context, extracted: Extracted::default() }
    }

    fn pass(&self) -> Pass {
        self.context.map_or_else(extracting, |context| Pass::Compile(Arc::clone(context)))
    }

    fn call(&mut self, name: &str, arguments: &Map<String, Value>) -> Result<String, Box<Diagnostic>> {
        let Some(item) = self.templates.shared.macros.test(name) else {
            let names: Vec<&str> = self.templates.shared.macros.tests().collect();
            let unknown = Diagnostic::error(Code::UnknownTest, format!("no test is named `{name}`"));
            return Err(Box::new(unknown.nearest(name, names).unknown(name)));
        };
        let mut values = Vec::new();
        for (name, argument) in arguments {
            let value = match (name.as_str(), argument) {
                ("model", Value::String(sql)) => relation::from_sql(sql),
                _ => self.value(argument)?,
            };
            values.push((Jinja::from(name.as_str()), value));
        }
        let mut render = Render::new(&self.templates.shared, self.node, &self.node.source, self.pass());
        render.test = Some((Arc::clone(item), python::dict(values)));
        let render = Arc::new(render);
        let mut text = Rewritten::default();
        text.insert(PRELUDE);
        text.insert("{{ __test(**__arguments) }}");
        let rendering = Rendering { templates: self.templates, render, text };
        let output = rendering.render().map_err(|mistake| Box::new(self.placed(mistake)))?;
        self.extracted.merge(rendering.record());
        Ok(output)
    }

    /// A mistake without a place is the declaration's.
    fn placed(&self, mistake: Diagnostic) -> Diagnostic {
        match (&mistake.label, self.place) {
            (None, Some(place)) => mistake.label(place.clone(), ""),
            _ => mistake,
        }
    }

    fn value(&mut self, argument: &Value) -> Result<Jinja, Box<Diagnostic>> {
        match argument {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                Ok(python::list(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?))
            }
            Value::Object(map) => {
                let mut entries = Vec::new();
                for (key, value) in map {
                    entries.push((Jinja::from(key.as_str()), self.value(value)?));
                }
                Ok(python::dict(entries))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(python::from_json(argument)),
        }
    }

    fn text(&mut self, text: &str) -> Result<Jinja, Box<Diagnostic>> {
        if is_bare_call(text) {
            return self.expression(text, ("{{", "}}"));
        }
        match jinja(text) {
            None => Ok(Jinja::from(text)),
            Some(text) if is_one_expression(text) => self.expression(text, ("", "")),
            Some(text) => self.evaluate(text, ("", ""), false),
        }
    }

    fn expression(&mut self, text: &str, around: (&str, &str)) -> Result<Jinja, Box<Diagnostic>> {
        self.evaluate(text, around, true)
    }

    /// Renders an argument; `native` keeps the type of its one expression.
    fn evaluate(&mut self, text: &str, around: (&str, &str), native: bool) -> Result<Jinja, Box<Diagnostic>> {
        let (excerpt, exact) = self.excerpt(text);
        let draft = excerpt.between(around.0, around.1);
        let mistaken = |mistake: Diagnostic| Box::new(self.located(mistake, &excerpt, exact));
        let edits = findings(&draft.text, "", Some(&draft.map))
            .map_err(|error| mistaken(error::syntax(&error, &draft.text, &draft.map, &excerpt.source)))?
            .edits;
        let mut rewritten = Rewritten::default();
        rewritten.insert(PRELUDE);
        let range = match (native, around.0.is_empty()) {
            (true, true) => braced(&excerpt),
            _ => excerpt.range.clone(),
        };
        let (before, after) = if native { ("{%do __result(", ")%}") } else { ("", "") };
        rewritten.insert(before);
        rewritten.copy(&excerpt.source.text, range, &edits);
        rewritten.insert(after);
        let render = Arc::new(Render::new(&self.templates.shared, self.node, &excerpt.source, self.pass()));
        let rendering = Rendering { templates: self.templates, render, text: rewritten };
        let output = rendering.render().map_err(mistaken)?;
        let value = if native { rendering.render.take_result() } else { Jinja::from(output) };
        let mut record = rendering.record();
        if !exact {
            record.refs.iter_mut().for_each(|call| call.span = self.place.cloned());
            record.sources.iter_mut().for_each(|call| call.span = self.place.cloned());
        }
        self.extracted.merge(record);
        Ok(value)
    }

    /// Where the argument stands in its file; a text of its own when the file writes it differently.
    fn excerpt(&self, text: &str) -> (Excerpt, bool) {
        let source = self.place.map_or(&self.node.source, |place| &place.source);
        let from = self.place.map_or(0, |place| place.range.start);
        let after = source.text.get(from..).and_then(|rest| rest.find(text)).map(|at| from + at);
        let at = after.or_else(|| source.text.find(text));
        let source = at.map_or_else(|| SourceText::new(source.path.clone(), text), |_| Arc::clone(source));
        let start = at.unwrap_or(0);
        (Excerpt { source, range: start..start + text.len() }, at.is_some())
    }

    /// A place in a text that is not the file's is no place.
    fn located(&self, mut mistake: Diagnostic, excerpt: &Excerpt, exact: bool) -> Diagnostic {
        let own = |label: &crate::diagnostic::Label| Arc::ptr_eq(&label.span.source, &excerpt.source);
        if !exact && mistake.label.as_deref().is_some_and(own) {
            mistake.label = None;
        }
        if mistake.label.is_none() && self.place.is_none() {
            return mistake.in_file(&excerpt.source.path);
        }
        self.placed(mistake)
    }
}

fn is_bare_call(text: &str) -> bool {
    let text = text.trim();
    let callee = text.split('(').next().unwrap_or_default().trim_end();
    text.ends_with(')') && callee.len() < text.len() && BARE_CALLS.contains(&callee)
}

/// Whether a text is `{{ expression }}` and nothing else.
pub(super) fn is_one_expression(text: &str) -> bool {
    let text = text.trim();
    let braces = text.starts_with("{{") && text.ends_with("}}");
    braces
        && parse(text, "", SyntaxConfig::default()).is_ok_and(|tree| match &tree {
            Stmt::Template(template) => matches!(template.children.as_slice(), [Stmt::EmitExpr(_)]),
            _ => false,
        })
}

/// The expression between the braces.
fn braced(excerpt: &Excerpt) -> std::ops::Range<usize> {
    let text = excerpt.text();
    let inner = inside(text);
    let start = excerpt.range.start + text.find(inner).unwrap_or(0);
    start..start + inner.len()
}

/// The text between `{{` and `}}`, without the signs that strip white space.
pub(super) fn inside(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("{{").unwrap_or(text);
    let text = text.strip_suffix("}}").unwrap_or(text);
    let text = text.strip_prefix('-').unwrap_or(text);
    text.strip_suffix('-').unwrap_or(text)
}

//! Jinja: templates of models and tests, the project's macros, and strings of YAML.
//!
//! A template is rendered twice. The first pass ([`Templates::extract`]) runs with `execute` false and records the calls
//! of `ref`, `source` and `config`, which make the graph; the second ([`Templates::compile`]) asks a [`CompileContext`]
//! and yields SQL. The semantics are dbt's, so the templates of a dbt project mean the same here.

mod adapter;
mod agate;
mod arguments;
mod call;
mod context;
mod datetime;
mod declaration;
mod duration;
mod environment;
mod error;
mod extract;
mod functions;
mod generic_test;
mod json;
mod local;
mod macros;
mod marks;
mod methods;
mod operators;
mod pattern;
mod python;
mod relation;
mod render;
mod rewrite;
mod scope;
mod statement;
mod syntax;
mod tags;
#[cfg(test)]
mod tests;
mod trace;
mod traced;
mod undefined;
mod yaml;
mod zone;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use minijinja::{Environment, Template};
use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::names::Relation;
use crate::project::{Local, MacroFile, Unread};

pub use context::{CompileContext, QueryRows, RelationKind};
pub use extract::{Extracted, RefCall, SourceCall};
pub use generic_test::GenericTestInfo;
pub use trace::{Origin, Trace};
pub use yaml::YamlRenderer;

use environment::{Environments, PRELUDE};
use error::{Places, ROOT};
use macros::{Macros, Read};
use marks::Marks;
use render::{Pass, Render, Root, Shared};
use rewrite::{Marking, Rewritten, marked_findings};
use traced::Traced;

/// What every template of an invocation sees.
#[derive(Debug, Clone)]
pub struct Globals {
    pub project_name: String,
    pub vars: Map<String, Value>,
    pub env: BTreeMap<String, String>,
    /// `target`: name, schema, threads and what else the target declares.
    pub target: Value,
    /// `flags`: `FULL_REFRESH`, `WHICH` and so on.
    pub flags: Value,
    pub invocation_id: String,
    pub run_started_at: Timestamp,
}

/// A node as templates see it in `model`: few ask, and it is put together for these.
#[derive(Debug, Clone)]
pub struct Described(Arc<LazyLock<Value, Box<dyn FnOnce() -> Value + Send>>>);

impl Described {
    pub fn by(describe: impl FnOnce() -> Value + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(describe))))
    }

    fn value(&self) -> &Value {
        &self.0
    }
}

impl Default for Described {
    /// Nothing.
    fn default() -> Self {
        Self::by(|| Value::Null)
    }
}

/// A template with the node it belongs to.
#[derive(Debug, Clone)]
pub struct NodeTemplate {
    pub unique_id: String,
    pub name: String,
    pub source: Arc<SourceText>,
    pub this: Option<Relation>,
    /// Merged from all places, for `config.get`.
    pub config: Arc<Map<String, Value>>,
    /// The node as the manifest has it.
    pub model: Described,
    /// Names that this template alone sees.
    pub locals: Vec<(&'static str, Local)>,
}

/// All templates of a project: made once, shared by every thread.
#[derive(Debug)]
pub struct Templates {
    shared: Arc<Shared>,
    environments: Environments,
    found: Diagnostics,
    /// Of the project: what may be declared all the same.
    unread: Arc<Unread>,
    /// The macros' files, and the templates they give once they are marked.
    files: Vec<MacroFile>,
    traced: [OnceLock<Option<Box<Traced>>>; 2],
}

impl Templates {
    /// Reads and compiles all macros; fails with the mistakes of all macro files.
    #[cfg(test)]
    pub fn new(globals: Globals, macros: &[MacroFile]) -> Result<Self, Diagnostics> {
        let templates = Self::of_what_is_right(globals, macros, &Arc::default())?;
        templates.found.clone().finish(templates).map(|(templates, _)| templates)
    }

    /// Reads and compiles the macros that are right; the mistakes are in [`Self::found`].
    pub fn of_what_is_right(globals: Globals, macros: &[MacroFile], unread: &Arc<Unread>) -> Result<Self, Diagnostics> {
        Self::read(globals, macros, unread, None)
    }

    /// With `marks`, what the macros write is marked.
    fn read(
        globals: Globals,
        files: &[MacroFile],
        unread: &Arc<Unread>,
        marks: Option<&mut Marks>,
    ) -> Result<Self, Diagnostics> {
        let marked = marks.is_some();
        let Read { mut macros, texts, mut found } = Macros::read(files, &globals.project_name, marks);
        let environments = Environments::new(&mut macros, texts, &mut found);
        let omitted = environments.omitted()?;
        let shared = Arc::new(Shared { globals, macros, omitted, marked });
        let (files, unread) = (files.to_vec(), Arc::clone(unread));
        Ok(Self { shared, environments, found, unread, files, traced: Default::default() })
    }

    /// What is wrong or odd about the macro files.
    pub fn found(&self) -> &Diagnostics {
        &self.found
    }

    /// Whether a mistake may be there only because something else could not be read.
    pub fn explains(&self, mistake: &Diagnostic) -> bool {
        let may_be_macro = || mistake.unknown.as_deref().is_some_and(|name| self.shared.macros.may_be(name));
        self.unread.explains(mistake) || matches!(mistake.code, Code::Undefined | Code::UnknownTest) && may_be_macro()
    }

    /// The first pass.
    pub fn extract(&self, template: &NodeTemplate) -> Result<Extracted, Diagnostics> {
        let Some(text) = jinja(&template.source.text) else { return Ok(Extracted::default()) };
        let rendering = Rendering::of_node(self, template, text, extracting(), None)?;
        rendering.render()?;
        Ok(rendering.record())
    }

    /// The first pass over a string of a YAML file, which stands at `place`.
    pub fn extract_at(&self, template: &NodeTemplate, place: &Span) -> Result<Extracted, Diagnostics> {
        self.extract(template).map_err(|found| yaml::all_in_file(found, &template.source.text, place))
    }

    /// The second pass over such a string.
    pub fn compile_at(
        &self,
        template: &NodeTemplate,
        context: &Arc<dyn CompileContext>,
        place: &Span,
    ) -> Result<String, Diagnostics> {
        self.compile(template, context).map_err(|found| yaml::all_in_file(found, &template.source.text, place))
    }

    /// The second pass: the SQL.
    pub fn compile(&self, template: &NodeTemplate, context: &Arc<dyn CompileContext>) -> Result<String, Diagnostics> {
        let Some(text) = jinja(&template.source.text) else { return Ok(plain(&template.source.text).to_owned()) };
        let rendering = Rendering::of_node(self, template, text, Pass::Compile(Arc::clone(context)), None)?;
        Ok(rendering.render()?)
    }
}

fn extracting() -> Pass {
    Pass::Extract(Mutex::default())
}

/// The text if there is any Jinja in it.
fn jinja(text: &str) -> Option<&str> {
    (text.contains("{{") || text.contains("{%") || text.contains("{#")).then_some(text)
}

/// Without the one newline that Jinja drops from the end.
fn plain(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// A template on its way through the engine.
struct Rendering<'a> {
    templates: &'a Templates,
    render: Arc<Render>,
    text: Rewritten,
}

impl<'a> Rendering<'a> {
    fn of_node(
        templates: &'a Templates,
        node: &NodeTemplate,
        text: &str,
        pass: Pass,
        marks: Option<&mut Marks>,
    ) -> Result<Self, Diagnostic> {
        let render = Render::new(&templates.shared, node, &node.source, pass);
        let marking = marks.map(|marks| Marking { source: &node.source, marks });
        let edits = marked_findings(text, "", None, marking)
            .map_err(|error| error::syntax(&error, text, &error::identity(text), &node.source))?
            .edits;
        let mut rewritten = Rewritten::default();
        rewritten.insert(PRELUDE);
        rewritten.copy(text, 0..text.len(), &edits);
        Ok(Self { templates, render: Arc::new(render), text: rewritten })
    }

    fn environment(&self) -> &Environment<'static> {
        match self.render.pass {
            Pass::Extract(_) => &self.templates.environments.lenient,
            Pass::Compile(_) => &self.templates.environments.strict,
        }
    }

    fn root(&self) -> minijinja::Value {
        minijinja::Value::from_object(Root { render: Arc::clone(&self.render) })
    }

    fn template(&self) -> Result<Template<'_, '_>, Diagnostic> {
        let environment: &Environment<'_> = self.environment();
        environment
            .template_from_named_str(ROOT, &self.text.text)
            .map_err(|error| error::syntax(&error, &self.text.text, &self.text.map, &self.render.source))
    }

    fn render(&self) -> Result<String, Diagnostic> {
        self.template()?.render(self.root()).map_err(|error| self.diagnose(&error))
    }

    fn diagnose(&self, error: &minijinja::Error) -> Diagnostic {
        let places = Places {
            source: &self.render.source,
            map: &self.text.map,
            macros: &self.templates.shared.macros,
            known: &|name| self.render.knows(name),
            names: &|| self.render.names(),
        };
        places.diagnose(error)
    }

    /// What the first pass found.
    fn record(&self) -> Extracted {
        match &self.render.pass {
            Pass::Extract(record) => std::mem::take(&mut *record.lock().unwrap_or_else(PoisonError::into_inner)),
            Pass::Compile(_) => Extracted::default(),
        }
    }
}

/// A stretch of a file to be read as Jinja, when it is not the whole.
struct Excerpt {
    source: Arc<SourceText>,
    range: Range<usize>,
}

impl Excerpt {
    fn text(&self) -> &str {
        &self.source.text[self.range.clone()]
    }

    /// The excerpt between two texts that are not the user's.
    fn between(&self, before: &str, after: &str) -> Rewritten {
        let mut rewritten = Rewritten::default();
        rewritten.insert(before);
        rewritten.copy(&self.source.text, self.range.clone(), &[]);
        rewritten.insert(after);
        rewritten
    }
}

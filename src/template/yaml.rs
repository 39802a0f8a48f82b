//! Strings of YAML files: Jinja with `var`, `env_var` and `target`, whose value keeps its type.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use serde_json::{Map, Value as Json};

use super::arguments::Arguments;
use super::error::{self, Places, ROOT, fault};
use super::functions::missing_env;
use super::generic_test::{inside, is_one_expression};
use super::macros::Macros;
use super::rewrite::Rewritten;
use super::scope::missing_var;
use super::{environment, jinja, local, python};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceText, Span};
use crate::project::{Local, RenderYaml, YamlScope};

/// Renders the strings of a project's YAML files.
#[derive(Debug)]
pub struct YamlRenderer {
    environment: Environment<'static>,
}

impl Default for YamlRenderer {
    fn default() -> Self {
        let mut environment = environment::base();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        Self { environment }
    }
}

impl YamlRenderer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl RenderYaml for YamlRenderer {
    /// A string that is one expression keeps the type of its value; any other stays a string.
    fn render(&self, text: &str, span: &Span, scope: &YamlScope<'_>) -> Result<Json, Diagnostic> {
        if jinja(text).is_none() {
            return Ok(Json::String(text.to_owned()));
        }
        let native = is_one_expression(text);
        let mut template = Rewritten::default();
        if native {
            let start = text.find(inside(text)).unwrap_or(0);
            template.insert("{%do __result(");
            template.copy(text, start..start + inside(text).len(), &[]);
            template.insert(")%}");
        } else {
            template.copy(text, 0..text.len(), &[]);
        }
        let names = Arc::new(Names::new(scope));
        let root = Value::from_dyn_object(Arc::clone(&names));
        let own = SourceText::new(&span.source.path, text);
        let compiled = self.environment.template_from_named_str(ROOT, &template.text);
        let compiled = compiled
            .map_err(|error| in_file(error::syntax(&error, &template.text, &template.map, &own), text, span))?;
        let output =
            compiled.render(root).map_err(|error| in_file(diagnose(&error, &template, &own, &names), text, span))?;
        Ok(match native {
            true => python::to_json(&names.result()),
            false => Json::String(output),
        })
    }
}

fn diagnose(error: &Error, template: &Rewritten, own: &Arc<SourceText>, names: &Arc<Names>) -> Diagnostic {
    let macros = Macros::default();
    let places = Places {
        source: own,
        map: &template.map,
        macros: &macros,
        known: &|name| name.starts_with("__") || names.get_value_by_str(name).is_some(),
        names: &|| {
            let own = NAMES.iter().filter(|name| names.get_value_by_str(name).is_some());
            own.chain(names.scope.locals.iter().map(|(name, _)| name)).map(ToString::to_string).collect()
        },
    };
    let diagnostic = places.diagnose(error);
    match error.kind() {
        ErrorKind::UndefinedError | ErrorKind::UnknownFunction => {
            let locals = names.scope.locals.iter().map(|(name, _)| format!("`{name}`, "));
            diagnostic.hint(format!(
                "YAML sees {}`var`, `env_var` and `target`; macros are for SQL",
                locals.collect::<String>()
            ))
        }
        _ => diagnostic,
    }
}

/// As [`in_file`], for all of them.
pub(super) fn all_in_file(found: Diagnostics, text: &str, span: &Span) -> Diagnostics {
    let mut moved = Diagnostics::default();
    for diagnostic in found {
        moved.push(in_file(diagnostic, text, span));
    }
    moved
}

/// Moves a label from the string to its file, if the file writes the string as it is; else to all of it.
fn in_file(mut diagnostic: Diagnostic, text: &str, span: &Span) -> Diagnostic {
    let written = span.source.text[span.range.clone()].find(text);
    let said = diagnostic.label.take().map(|label| (label.span.range, label.text));
    diagnostic.secondary.clear();
    match (written, said) {
        (Some(at), Some((range, said))) => {
            let start = span.range.start + at;
            diagnostic.label(Span::new(&span.source, start + range.start..start + range.end), said)
        }
        _ => diagnostic.label(span.clone(), ""),
    }
}

const NAMES: &[&str] = &["var", "env_var", "target"];

/// What the strings see.
#[derive(Debug)]
struct Names {
    scope: Arc<Scope>,
    /// What the one expression evaluated to.
    result: Arc<Mutex<Value>>,
}

#[derive(Debug)]
struct Scope {
    locals: Vec<(&'static str, Local)>,
    vars: Map<String, Json>,
    env: BTreeMap<String, String>,
    target: Option<Json>,
}

impl Names {
    fn new(scope: &YamlScope<'_>) -> Self {
        let scope = Scope {
            locals: scope.locals.to_vec(),
            vars: scope.vars.clone(),
            env: scope.env.clone(),
            target: scope.target.cloned(),
        };
        Self { scope: Arc::new(scope), result: Arc::default() }
    }

    fn result(&self) -> Value {
        std::mem::take(&mut *self.result.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let function = |kind| Some(Value::from_object(Function { kind, scope: Arc::clone(&self.scope) }));
        match key {
            "var" => function(Kind::Var),
            "env_var" => function(Kind::EnvVar),
            "__result" => {
                let result = Arc::clone(&self.result);
                Some(Value::from_function(move |value: Value| {
                    *result.lock().unwrap_or_else(PoisonError::into_inner) = value;
                }))
            }
            "target" => self.scope.target.as_ref().map(python::from_json),
            _ => self.scope.locals.iter().find(|(name, _)| *name == key).map(|(_, local)| local::value(local)),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Var,
    EnvVar,
}

#[derive(Debug)]
struct Function {
    kind: Kind,
    scope: Arc<Scope>,
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let arguments = Arguments::new(args)?;
        match self.kind {
            Kind::Var => {
                let name = arguments.text("var", 0, "name")?;
                arguments.only("var", &["name", "default"])?;
                let found = self.scope.vars.get(&name).map(python::from_json);
                let missing = || fault(missing_var(&name, self.scope.vars.keys()));
                found.or_else(|| arguments.get(1, "default").cloned()).ok_or_else(missing)
            }
            Kind::EnvVar => {
                let name = arguments.text("env_var", 0, "name")?;
                arguments.only("env_var", &["name", "default"])?;
                let found = self.scope.env.get(&name).map(|value| Value::from(value.as_str()));
                let missing = || fault(missing_env(&name, self.scope.env.keys().map(String::as_str)));
                found.or_else(|| arguments.get(1, "default").cloned()).ok_or_else(missing)
            }
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (self.kind, method) {
            (Kind::Var, "has_var") => {
                let name = Arguments::new(args)?.text("var.has_var", 0, "name")?;
                Ok(Value::from(self.scope.vars.contains_key(&name)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<function {:?}>", self.kind)
    }
}

//! One rendering of one node: what it knows, and what each name in its templates means.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::arguments::CallPlace;
use super::call::MacroCall;
use super::context::CompileContext;
use super::error::{self, fault};
use super::extract::Record;
use super::functions::{self, Builtin, Function};
use super::macros::{BUILTIN_PACKAGE, Macro, Macros};
use super::relation;
use super::scope::{self, Scope};
use super::statement::Outcome;
use super::{Globals, NodeTemplate, datetime, local, python};
use crate::diagnostic::{Code, Diagnostic, SourceText, Span};

/// What all renderings of a project share.
#[derive(Debug)]
pub(super) struct Shared {
    pub globals: Globals,
    pub macros: Macros,
    /// An argument nobody gave: undefined, but printed as nothing, as Jinja does.
    pub omitted: Value,
    /// Whether texts carry the marks of where they come from.
    pub marked: bool,
}

/// First or second pass.
pub(super) enum Pass {
    /// `execute` is false; calls are recorded.
    Extract(Mutex<Record>),
    Compile(Arc<dyn CompileContext>),
}

pub(super) struct Render {
    pub shared: Arc<Shared>,
    pub node: NodeTemplate,
    /// The text whose rendering this is: the node's own, or an argument of a test.
    pub source: Arc<SourceText>,
    pub pass: Pass,
    /// Results of `statement` blocks by name.
    pub results: Mutex<BTreeMap<String, Outcome>>,
    /// The package whose macro runs, so that its bare names mean its own macros first.
    package: Mutex<Option<String>>,
    /// The test that is rendered, with its arguments: what `__test` and `__arguments` mean.
    pub test: Option<(Arc<Macro>, Value)>,
    /// What a template that is one expression evaluated to.
    result: Mutex<Value>,
    model: OnceLock<Value>,
}

impl fmt::Debug for Render {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Render").field("node", &self.node.unique_id).finish_non_exhaustive()
    }
}

impl Render {
    pub(super) fn new(shared: &Arc<Shared>, node: &NodeTemplate, source: &Arc<SourceText>, pass: Pass) -> Self {
        Self {
            shared: Arc::clone(shared),
            node: node.clone(),
            source: Arc::clone(source),
            pass,
            results: Mutex::default(),
            package: Mutex::default(),
            test: None,
            result: Mutex::default(),
            model: OnceLock::new(),
        }
    }

    pub(super) fn context(&self) -> Option<&dyn CompileContext> {
        match &self.pass {
            Pass::Extract(_) => None,
            Pass::Compile(context) => Some(context.as_ref()),
        }
    }

    /// Adds to the record of the first pass.
    pub(super) fn record(&self, write: impl FnOnce(&mut Record)) {
        if let Pass::Extract(record) = &self.pass {
            write(&mut record.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(super) fn span(&self, place: Option<&CallPlace>) -> Option<Span> {
        let place = place?;
        Some(error::span_of(&self.source, &self.shared.macros, &place.owner, place.start..place.end))
    }

    /// A mistake the context found, at the call if it has no better place.
    pub(super) fn at(&self, mut diagnostic: Diagnostic, place: Option<&CallPlace>) -> Error {
        if let (None, Some(span)) = (&diagnostic.label, self.span(place)) {
            diagnostic = diagnostic.label(span, "");
        }
        fault(diagnostic)
    }

    /// Enters a macro's package; the one before is to be given back.
    pub(super) fn enter(&self, package: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.package.lock().unwrap_or_else(PoisonError::into_inner), package)
    }

    pub(super) fn package(&self) -> Option<String> {
        self.package.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_result(&self, value: Value) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    pub(super) fn take_result(&self) -> Value {
        std::mem::take(&mut *self.result.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn model(&self) -> Value {
        self.model.get_or_init(|| python::from_json(self.node.model.value())).clone()
    }

    /// What a bare name means, behind the names a template sets itself.
    pub(super) fn lookup(self: &Arc<Self>, name: &str) -> Option<Value> {
        let macros = &self.shared.macros;
        if let Some(item) = macros.visible(self.package().as_deref(), name) {
            return Some(MacroCall::value(item, self));
        }
        if let Some(value) = self.variable(name) {
            return Some(value);
        }
        if let Some(builtin) = Builtin::named(name) {
            return Some(Function::value(builtin, self));
        }
        if let Some(scope) = Scope::named(name) {
            return Some(scope::value(scope, self));
        }
        if let Some(item) = macros.builtin(name) {
            return Some(MacroCall::value(item, self));
        }
        macros.has_package(name).then(|| scope::value(Scope::Package(name.to_owned()), self))
    }

    /// `run_started_at`.
    pub(super) fn started(&self) -> Timestamp {
        self.context().and_then(CompileContext::started).unwrap_or(self.shared.globals.run_started_at)
    }

    fn variable(self: &Arc<Self>, name: &str) -> Option<Value> {
        let globals = &self.shared.globals;
        if let Some((_, local)) = self.node.locals.iter().find(|(known, _)| *known == name) {
            return Some(local::value(local));
        }
        Some(match name {
            "this" => self.node.this.as_ref().map_or(Value::from(()), |this| relation::of(this, None)),
            "model" => self.model(),
            "target" => python::from_json(&globals.target),
            "flags" => scope::flags(&globals.flags),
            "execute" => Value::from(self.context().is_some()),
            "invocation_id" => Value::from(globals.invocation_id.as_str()),
            "run_started_at" => datetime::aware(self.started()),
            "project_name" => Value::from(globals.project_name.as_str()),
            "schema" => self.node.this.as_ref().map_or(Value::from(()), |this| Value::from(this.layer())),
            "context" => Value::from_object(Root { render: Arc::clone(self) }),
            "__test" => self.test.as_ref().map(|(item, _)| MacroCall::value(item, self))?,
            "__arguments" => self.test.as_ref().map(|(_, arguments)| arguments.clone())?,
            "__omitted" => self.shared.omitted.clone(),
            _ => return None,
        })
    }

    /// Whether a bare name means something, for telling the user which does not.
    pub(super) fn knows(self: &Arc<Self>, name: &str) -> bool {
        name.starts_with("__")
            || matches!(name, "range" | "namespace" | "debug" | "loop" | "caller" | "self" | "varargs" | "kwargs")
            || self.lookup(name).is_some()
    }

    /// The names a template may use, for offering the nearest.
    pub(super) fn names(&self) -> Vec<String> {
        let macros = &self.shared.macros;
        let own = macros.names_in(macros.root());
        let builtin = macros.names_in(BUILTIN_PACKAGE);
        let mut names: Vec<&str> = own.chain(builtin).chain(macros.packages()).collect();
        names.extend(functions::names().map(|name| name as &str));
        names.extend(Scope::NAMES);
        names.extend(VARIABLES);
        names.into_iter().map(str::to_owned).collect()
    }
}

const VARIABLES: &[&str] = &[
    "this",
    "model",
    "target",
    "flags",
    "execute",
    "invocation_id",
    "run_started_at",
    "project_name",
    "schema",
    "context",
    "loop",
    "range",
    "namespace",
];

/// The root context of a rendering: every name that is not set in the template itself.
#[derive(Debug)]
pub(super) struct Root {
    pub render: Arc<Render>,
}

impl Object for Root {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.render.lookup(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.render.lookup(key)
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match self.render.lookup(method) {
            Some(value) => value.call(state, args),
            None if method == "get" => {
                let name = args.first().and_then(Value::as_str).unwrap_or_default();
                Ok(self.render.lookup(name).or_else(|| args.get(1).cloned()).unwrap_or_else(|| Value::from(())))
            }
            None => Err(fault(Diagnostic::error(Code::Undefined, format!("`{method}` is undefined")).unknown(method))),
        }
    }
}

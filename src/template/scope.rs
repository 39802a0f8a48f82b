//! The objects a template reaches functions through: `config`, `var`, `adapter`, `exceptions`, `builtins`, packages.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::adapter;
use super::arguments::Arguments;
use super::call::MacroCall;
use super::error::{fault, misuse};
use super::functions::{Builtin, Function};
use super::render::Render;
use super::{datetime, pattern, python, relation, zone};
use crate::diagnostic::{Code, Diagnostic, or_list};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    Config,
    Var,
    Adapter,
    Exceptions,
    Builtins,
    Modules,
    Api,
    /// `api.Relation`.
    ApiRelation,
    /// The macros of a package.
    Package(String),
}

impl Scope {
    pub(super) const NAMES: &[&str] = &["config", "var", "adapter", "exceptions", "builtins", "modules", "api"];

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "config" => Self::Config,
            "var" => Self::Var,
            "adapter" => Self::Adapter,
            "exceptions" => Self::Exceptions,
            "builtins" => Self::Builtins,
            "modules" => Self::Modules,
            "api" => Self::Api,
            _ => return None,
        })
    }
}

pub(super) struct ScopeValue {
    scope: Scope,
    render: Arc<Render>,
}

pub(super) fn value(scope: Scope, render: &Arc<Render>) -> Value {
    Value::from_object(ScopeValue { scope, render: Arc::clone(render) })
}

/// Flags by their names in either case, as dbt has them.
pub(super) fn flags(flags: &Json) -> Value {
    let Json::Object(flags) = flags else { return python::from_json(flags) };
    let both = flags.iter().flat_map(|(name, value)| {
        [name.to_uppercase(), name.to_lowercase()].map(|name| (Value::from(name), python::from_json(value)))
    });
    python::dict(both.collect())
}

impl fmt::Debug for ScopeValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<{:?}>", self.scope)
    }
}

impl ScopeValue {
    fn attribute(&self, name: &str) -> Option<Value> {
        match &self.scope {
            Scope::Builtins => match (Builtin::named(name), Scope::named(name)) {
                (Some(builtin), _) => Some(Function::value(builtin, &self.render)),
                (None, Some(scope)) => Some(value(scope, &self.render)),
                (None, None) => None,
            },
            Scope::Modules => match name {
                "datetime" => Some(datetime::module(self.render.started())),
                "pytz" => Some(zone::pytz()),
                "re" => Some(pattern::module()),
                _ => None,
            },
            Scope::Api => (name == "Relation").then(|| value(Scope::ApiRelation, &self.render)),
            Scope::Package(package) => {
                let found = self.render.shared.macros.in_package(package, name)?;
                Some(MacroCall::value(found, &self.render))
            }
            Scope::Config | Scope::Var | Scope::Adapter | Scope::Exceptions | Scope::ApiRelation => None,
        }
    }

    fn unknown(&self, method: &str) -> Error {
        let macros = &self.render.shared.macros;
        match &self.scope {
            Scope::Package(package) => fault(
                Diagnostic::error(Code::Undefined, format!("no macro `{method}` in `{package}`"))
                    .nearest(method, macros.names_in(package))
                    .unknown(method),
            ),
            Scope::Config => undefined("config", method, &["get", "require", "set", "meta_get", "meta_require"]),
            Scope::Var => undefined("var", method, &["has_var"]),
            Scope::Adapter => undefined("adapter", method, adapter::METHODS),
            Scope::Exceptions => undefined("exceptions", method, RAISES),
            Scope::Builtins => undefined("builtins", method, &["ref", "source", "config", "var"]),
            Scope::Modules => undefined("modules", method, &["datetime", "pytz", "re"]),
            Scope::Api | Scope::ApiRelation => undefined("api", method, &["Relation"]),
        }
    }
}

fn undefined(scope: &str, method: &str, known: &[&str]) -> Error {
    let diagnostic = Diagnostic::error(Code::Undefined, format!("`{scope}` has no `{method}`"));
    fault(diagnostic.nearest(method, known.iter().copied()))
}

impl Object for ScopeValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.attribute(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.attribute(key)
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        match &self.scope {
            Scope::Config => set_config(&self.render, &Arguments::new(args)?),
            Scope::Var => var(&self.render, &Arguments::new(args)?),
            other => Err(Error::new(ErrorKind::InvalidOperation, format!("`{other:?}` is not a function"))),
        }
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if let Some(value) = self.attribute(method) {
            return value.call(state, args);
        }
        match &self.scope {
            Scope::ApiRelation if method == "create" => return relation::create(args),
            Scope::Api | Scope::ApiRelation | Scope::Builtins | Scope::Modules | Scope::Package(_) => {
                return Err(self.unknown(method));
            }
            Scope::Config | Scope::Var | Scope::Adapter | Scope::Exceptions => {}
        }
        let arguments = Arguments::new(args)?;
        let answer = match self.scope {
            Scope::Config => config_method(&self.render, method, &arguments),
            Scope::Var => var_method(&self.render, method, &arguments),
            Scope::Adapter => adapter::method(&self.render, method, &arguments),
            Scope::Exceptions => exception(&self.render, method, &arguments),
            _ => None,
        };
        answer.unwrap_or_else(|| Err(self.unknown(method)))
    }
}

fn set_config(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let given = match (arguments.positional.as_slice(), arguments.named.as_slice()) {
        ([], named) => named.iter().map(|(name, value)| (name.clone(), python::to_json(value))).collect(),
        ([map], []) if map.kind() == minijinja::value::ValueKind::Map => {
            python::pairs(map).into_iter().map(|(key, value)| (key.to_string(), python::to_json(&value))).collect()
        }
        _ => {
            let diagnostic = Diagnostic::error(Code::Template, "`config()` takes names with values, or one dict")
                .hint("write it as `config(materialized='table')`");
            return Err(render.at(diagnostic, arguments.place.as_ref()));
        }
    };
    let span = render.span(arguments.place.as_ref());
    render.record(|record| record.add_config(given, span));
    Ok(Value::from(""))
}

fn config_method(render: &Arc<Render>, method: &str, arguments: &Arguments) -> Option<Result<Value, Error>> {
    let meta = method.starts_with("meta_");
    let found = |name: &str| {
        let config = &render.node.config;
        let value = if meta { config.get("meta").and_then(|meta| meta.get(name)) } else { config.get(name) };
        value.filter(|value| !value.is_null()).map(python::from_json)
    };
    let answer = match method {
        "get" | "meta_get" => arguments.text("config.get", 0, "name").map(|name| {
            let default = arguments.get(1, "default").cloned();
            found(&name).or(default).unwrap_or_else(|| Value::from(()))
        }),
        "require" | "meta_require" => arguments.text("config.require", 0, "name").and_then(|name| {
            let missing = || {
                fault(
                    Diagnostic::error(Code::Config, format!("`{}` needs the config `{name}`", render.node.name))
                        .nearest(&name, render.node.config.keys().map(String::as_str)),
                )
            };
            match render.context() {
                Some(_) => found(&name).ok_or_else(missing),
                None => Ok(found(&name).unwrap_or_else(|| Value::from(""))),
            }
        }),
        "set" => arguments.text("config.set", 0, "name").map(|name| {
            let value = arguments.get(1, "value").map_or(Json::Null, python::to_json);
            render.record(|record| record.add_config([(name, value)].into_iter().collect(), None));
            Value::from("")
        }),
        "persist_relation_docs" | "persist_column_docs" => {
            let part = if method == "persist_relation_docs" { "relation" } else { "columns" };
            let wanted = render.node.config.get("persist_docs").and_then(|docs| docs.get(part));
            Ok(Value::from(wanted.and_then(Json::as_bool).unwrap_or(false)))
        }
        _ => return None,
    };
    Some(answer)
}

/// A variable: of this package, or of the project.
fn find_var<'a>(render: &'a Render, name: &str) -> Option<&'a Json> {
    let vars = &render.shared.globals.vars;
    let package = render.package();
    let package = package.as_deref().unwrap_or(&render.shared.globals.project_name);
    let own = vars.get(package).and_then(Json::as_object).and_then(|own| own.get(name));
    own.or_else(|| vars.get(name))
}

fn var(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let name = arguments.text("var", 0, "name")?;
    arguments.only("var", &["name", "default"])?;
    match (find_var(render, &name), arguments.get(1, "default")) {
        (Some(value), _) => Ok(python::from_json(value)),
        (None, Some(default)) => Ok(default.clone()),
        // As in dbt, the first pass goes on: what needs the variable may not run at all.
        (None, None) if render.context().is_none() => Ok(Value::from(())),
        (None, None) => Err(fault(missing_var(&name, render.shared.globals.vars.keys()))),
    }
}

pub(super) fn missing_var<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Diagnostic {
    let known: Vec<String> = known.cloned().collect();
    let diagnostic = Diagnostic::error(Code::MissingVar, format!("the variable `{name}` is not set"))
        .nearest(name, known.iter().map(String::as_str));
    let diagnostic = match known.is_empty() {
        true => diagnostic.note("no variables are set"),
        false => diagnostic.note(format!("set are {}", or_list(&known).replace(" or ", " and "))),
    };
    diagnostic.hint(format!("set it under `vars:`, with `--vars`, or give a default: `var('{name}', 'default')`"))
}

fn var_method(render: &Arc<Render>, method: &str, arguments: &Arguments) -> Option<Result<Value, Error>> {
    (method == "has_var").then(|| {
        let name = arguments.text("var.has_var", 0, "name")?;
        Ok(Value::from(find_var(render, &name).is_some()))
    })
}

const RAISES: &[&str] = &[
    "raise_compiler_error",
    "warn",
    "raise_database_error",
    "raise_not_implemented",
    "raise_parsing_error",
    "raise_contract_error",
    "raise_fail_fast_error",
    "missing_config",
    "missing_relation",
    "relation_wrong_type",
    "column_type_missing",
];

fn exception(render: &Arc<Render>, method: &str, arguments: &Arguments) -> Option<Result<Value, Error>> {
    if !RAISES.contains(&method) {
        return None;
    }
    let message = arguments.get(0, "msg").map(ToString::to_string).unwrap_or_default();
    if method == "warn" {
        if let Some(context) = render.context() {
            context.warn(&message);
        }
        return Some(Ok(Value::from("")));
    }
    let message = match message.trim() {
        "" => method.replace('_', " "),
        text => text.to_owned(),
    };
    Some(Err(fault(Diagnostic::error(Code::Raised, message))))
}

/// A method of a value that has none of this name.
pub(super) fn no_method(what: &str, method: &str) -> Error {
    misuse(format!("{what} has no method `{method}`"))
}

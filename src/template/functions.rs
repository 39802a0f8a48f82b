//! The functions every template can call; each is a name, a variant and an arm.

use std::fmt::Write as _;
use std::sync::Arc;

use md5::{Digest, Md5};
use minijinja::value::{Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::{Arguments, describe, unmarked};
use super::call::LOADER;
use super::context::CompileContext;
use super::error::{Returned, fault, misuse};
use super::extract::{RefCall, SourceCall};
use super::render::Render;
use super::{json, operators, python, relation, statement};
use crate::diagnostic::{Code, Diagnostic};

macro_rules! builtins {
    ($($name:literal => $variant:ident,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Builtin {
            $($variant,)*
        }

        impl Builtin {
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        const NAMES: &[&str] = &[$($name,)*];
    };
}

builtins! {
    "ref" => Ref,
    "source" => Source,
    "env_var" => EnvVar,
    "is_incremental" => IsIncremental,
    "should_full_refresh" => ShouldFullRefresh,
    "run_query" => RunQuery,
    "statement" => Statement,
    "load_result" => LoadResult,
    "log" => Log,
    "print" => Print,
    "return" => Return,
    "fromjson" => FromJson,
    "tojson" => ToJson,
    "set" => Set,
    "set_strict" => SetStrict,
    "zip" => Zip,
    "zip_strict" => ZipStrict,
    "dict" => Dict,
    "local_md5" => LocalMd5,
    // What the rewriting of templates puts in; never offered to a user.
    "__list" => MakeList,
    "__dict" => MakeDict,
    "__add" => Add,
    "__sub" => Subtract,
    "__rem" => Remainder,
    "__lax" => Lax,
    "__define" => Define,
    "__ready" => Ready,
    "__result" => Result,
}

/// The names a user may call.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied().filter(|name| !name.starts_with("__"))
}

#[derive(Debug)]
pub(super) struct Function {
    builtin: Builtin,
    render: Arc<Render>,
}

impl Function {
    pub(super) fn value(builtin: Builtin, render: &Arc<Render>) -> Value {
        Value::from_object(Self { builtin, render: Arc::clone(render) })
    }
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let render = &self.render;
        match self.builtin {
            Builtin::MakeList => return Ok(python::list(python::items(one(args)?)?)),
            Builtin::MakeDict => return Ok(python::dict(python::pairs(one(args)?))),
            Builtin::Lax => return Ok(lax(render, one(args)?)),
            Builtin::Add => return operators::add(state, two(args)?),
            Builtin::Subtract => return operators::subtract(state, two(args)?),
            Builtin::Remainder => return operators::remainder(state, two(args)?),
            Builtin::Define => return Ok(define(state, one(args)?)),
            Builtin::Ready => return Ok(ready(state, one(args)?)),
            Builtin::Result => {
                render.set_result(one(args)?.clone());
                return Ok(Value::from(""));
            }
            _ => {}
        }
        let mut arguments = Arguments::new(args)?;
        if render.shared.marked && self.builtin != Builtin::Return {
            arguments.take_marks_off();
        }
        match self.builtin {
            Builtin::Ref => reference(render, &arguments),
            Builtin::Source => source(render, &arguments),
            Builtin::EnvVar => env_var(render, &arguments),
            Builtin::IsIncremental => Ok(Value::from(render.context().is_some_and(CompileContext::is_incremental))),
            Builtin::ShouldFullRefresh => {
                Ok(Value::from(render.context().is_some_and(CompileContext::should_full_refresh)))
            }
            Builtin::RunQuery => statement::run_query(render, &arguments),
            Builtin::Statement => statement::statement(render, state, &arguments),
            Builtin::LoadResult => statement::load_result(render, &arguments),
            Builtin::Log => Ok(log(render, arguments.get(0, "msg"), arguments.flag(1, "info"))),
            Builtin::Print => Ok(log(render, arguments.get(0, "msg"), true)),
            Builtin::Return => Err(early(&arguments)),
            Builtin::FromJson => json::parse(&arguments),
            Builtin::ToJson => json::write(&arguments),
            Builtin::Set => set(&arguments),
            Builtin::SetStrict => unique(arguments.required("set_strict", 0, "value")?),
            Builtin::Zip => zip(&arguments).or_else(|error| arguments.named("default").cloned().ok_or(error)),
            Builtin::ZipStrict => zip(&arguments),
            Builtin::Dict => make_dict(&arguments),
            Builtin::LocalMd5 => Ok(Value::from(local_md5(&arguments.text("local_md5", 0, "value")?))),
            Builtin::MakeList
            | Builtin::MakeDict
            | Builtin::Lax
            | Builtin::Add
            | Builtin::Subtract
            | Builtin::Remainder
            | Builtin::Define
            | Builtin::Ready
            | Builtin::Result => Ok(Value::UNDEFINED),
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        Err(Error::new(ErrorKind::UnknownMethod, format!("`{}` has no method `{method}`", self.builtin.name())))
    }

    fn render(self: &Arc<Self>, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "<function {}>", self.builtin.name())
    }
}

fn one(args: &[Value]) -> Result<&Value, Error> {
    args.first().ok_or_else(|| misuse("an argument is missing"))
}

fn two(args: &[Value]) -> Result<(&Value, &Value), Error> {
    match args {
        [left, right] => Ok((left, right)),
        _ => Err(misuse("an operand is missing")),
    }
}

/// A missing key, which compares as nothing.
fn lax(render: &Render, value: &Value) -> Value {
    match value.is_undefined() {
        true => render.shared.omitted.clone(),
        false if render.shared.marked => unmarked(value),
        false => value.clone(),
    }
}

/// A macro's template hands over the macro.
fn define(state: &mut State<'_, '_>, value: &Value) -> Value {
    let template = state.name().to_owned();
    state.set_temp(&template, value.clone());
    Value::from("")
}

/// The root template hands over the macro that reads other templates.
fn ready(state: &mut State<'_, '_>, value: &Value) -> Value {
    state.set_temp(LOADER, value.clone());
    Value::from("")
}

fn early(arguments: &Arguments) -> Error {
    let value = arguments.get(0, "data").cloned().unwrap_or_else(|| Value::from(()));
    Error::new(ErrorKind::InvalidOperation, "`return` outside of a macro").with_source(Returned(value))
}

fn reference(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let place = arguments.place.as_ref();
    let mistake = |message: String| {
        let hint = "write it as `ref('model')` or `ref('package', 'model')`";
        Err(render.at(Diagnostic::error(Code::Template, message).hint(hint), place))
    };
    if let Some((name, _)) = arguments.named.first() {
        return match name.as_str() {
            "v" | "version" => mistake("`ref()` of a version: models have no versions here".to_owned()),
            _ => mistake(format!("`ref()` has no argument `{name}`")),
        };
    }
    let texts: Option<Vec<&str>> = arguments.positional.iter().map(Value::as_str).collect();
    let (package, name) = match texts.as_deref() {
        Some([name]) => (None, *name),
        Some([package, name]) => (Some(*package), *name),
        Some(_) => return mistake(format!("`ref()` takes one or two names, not {}", arguments.positional.len())),
        None => {
            let wrong = arguments.positional.iter().find(|value| value.as_str().is_none()).map(describe);
            return mistake(format!("`ref()` takes names, not {}", wrong.unwrap_or_default()));
        }
    };
    let Some(context) = render.context() else {
        let call = RefCall { package: package.map(str::to_owned), name: name.to_owned(), span: render.span(place) };
        render.record(|record| record.add_ref(call));
        return Ok(relation::named("", name, relation::quote(name), None));
    };
    let found = context.resolve_ref(package, name).map_err(|diagnostic| render.at(diagnostic, place))?;
    Ok(relation::of(&found, None))
}

fn source(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let place = arguments.place.as_ref();
    let texts: Option<Vec<&str>> = arguments.positional.iter().map(Value::as_str).collect();
    let (Some([source, table]), true) = (texts.as_deref(), arguments.named.is_empty()) else {
        let diagnostic = Diagnostic::error(Code::Template, "`source()` takes two names")
            .hint("write it as `source('source', 'table')`");
        return Err(render.at(diagnostic, place));
    };
    let Some(context) = render.context() else {
        let call = SourceCall { source: (*source).to_owned(), table: (*table).to_owned(), span: render.span(place) };
        render.record(|record| record.add_source(call));
        let sql = format!("{}.{}", relation::quote(source), relation::quote(table));
        return Ok(relation::named(source, table, sql, None));
    };
    let sql = context.resolve_source(source, table).map_err(|diagnostic| render.at(diagnostic, place))?;
    Ok(relation::named(source, table, sql, None))
}

fn env_var(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let name = arguments.text("env_var", 0, "name")?;
    arguments.only("env_var", &["name", "default"])?;
    if name.starts_with("DBT_ENV_SECRET") || name.starts_with("ENGINE_ENV_SECRET") {
        let message = format!("`{name}` is a secret, and a template's text is not");
        return Err(fault(
            Diagnostic::error(Code::Template, message).hint("secrets belong in `sources.yaml` and targets"),
        ));
    }
    let env = &render.shared.globals.env;
    match (env.get(&name), arguments.get(1, "default")) {
        (Some(value), _) => Ok(Value::from(value.as_str())),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(fault(missing_env(&name, env.keys().map(String::as_str)))),
    }
}

pub(super) fn missing_env<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    Diagnostic::error(Code::MissingEnvVar, format!("the environment variable `{name}` is not set"))
        .nearest(name, known)
        .hint(format!("set it, or give a default: `env_var('{name}', 'default')`"))
}

fn log(render: &Render, message: Option<&Value>, info: bool) -> Value {
    if let (Some(context), Some(message)) = (render.context(), message) {
        context.log(&message.to_string(), info);
    }
    Value::from("")
}

fn set(arguments: &Arguments) -> Result<Value, Error> {
    let value = arguments.required("set", 0, "value")?;
    unique(value).or_else(|error| arguments.get(1, "default").cloned().ok_or(error))
}

fn unique(value: &Value) -> Result<Value, Error> {
    let mut seen: Vec<Value> = Vec::new();
    for item in python::items(value)? {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    Ok(python::list(seen))
}

fn zip(arguments: &Arguments) -> Result<Value, Error> {
    let columns: Vec<Vec<Value>> = arguments.positional.iter().map(python::items).collect::<Result<_, _>>()?;
    let length = columns.iter().map(Vec::len).min().unwrap_or(0);
    let row =
        |index: usize| Value::from(Tuple::from(columns.iter().map(|column| column[index].clone()).collect::<Vec<_>>()));
    Ok(python::list((0..length).map(row).collect()))
}

fn make_dict(arguments: &Arguments) -> Result<Value, Error> {
    let mut entries = Vec::new();
    if let Some(given) = arguments.positional.first() {
        match given.kind() {
            minijinja::value::ValueKind::Map => entries = python::pairs(given),
            _ => {
                for pair in python::items(given)? {
                    let [key, value] = <[Value; 2]>::try_from(python::items(&pair)?)
                        .map_err(|_| misuse("`dict()` takes a dict or a list of pairs"))?;
                    entries.push((key, value));
                }
            }
        }
    }
    entries.extend(arguments.named.iter().map(|(name, value)| (Value::from(name.as_str()), value.clone())));
    Ok(python::dict(entries))
}

fn local_md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

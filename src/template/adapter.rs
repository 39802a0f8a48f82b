//! `adapter`: dispatch, and questions about what is in the warehouse.

use std::sync::Arc;

use minijinja::{Error, Value};

use super::arguments::Arguments;
use super::call::MacroCall;
use super::error::{fault, misuse};
use super::python;
use super::relation::{self, ColumnValue};
use super::render::Render;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::Relation;

/// What templates know this engine's dialect by.
const DIALECT: &str = "engine";

pub(super) const METHODS: &[&str] = &[
    "dispatch",
    "get_relation",
    "get_columns_in_relation",
    "quote",
    "type",
    "check_schema_exists",
    "execute",
    "get_missing_columns",
    "quote_as_configured",
];

pub(super) fn method(render: &Arc<Render>, method: &str, arguments: &Arguments) -> Option<Result<Value, Error>> {
    Some(match method {
        "dispatch" => dispatch(render, arguments),
        "get_relation" => get_relation(render, arguments),
        "get_columns_in_relation" => get_columns(render, arguments),
        "get_missing_columns" => get_missing_columns(render, arguments),
        "quote" => arguments.text("adapter.quote", 0, "identifier").map(|name| Value::from(relation::quote(&name))),
        "quote_as_configured" => arguments
            .text("adapter.quote_as_configured", 0, "identifier")
            .map(|name| Value::from(relation::quote(&name))),
        "type" => Ok(Value::from(DIALECT)),
        "check_schema_exists" => Ok(Value::from(true)),
        "execute" => super::statement::run_query(render, arguments)
            .map(|table| Value::from(minijinja::value::Tuple::from([Value::from("OK"), table]))),
        _ => return None,
    })
}

fn dispatch(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let name = arguments.text("adapter.dispatch", 0, "macro_name")?;
    arguments.only("adapter.dispatch", &["macro_name", "macro_namespace"])?;
    let namespace = arguments.get(1, "macro_namespace").and_then(Value::as_str);
    if name.contains('.') {
        let (namespace, bare) = name.split_once('.').unwrap_or_default();
        let hint = format!("write it as `adapter.dispatch('{bare}', '{namespace}')`");
        return Err(fault(Diagnostic::error(Code::Template, "a dispatched macro's name has no dot").hint(hint)));
    }
    let macros = &render.shared.macros;
    if let Some(item) = macros.dispatch(&name, namespace, render.package().as_deref()) {
        return Ok(MacroCall::value(item, render));
    }
    let message = format!("no macro `{DIALECT}__{name}` or `default__{name}` to dispatch to");
    let known = macros.packages().flat_map(|package| macros.names_in(package));
    let dispatched = known.filter(|known| known.contains("__"));
    let unknown = Diagnostic::error(Code::Undefined, message).unknown(&name);
    Err(fault(unknown.nearest(&format!("default__{name}"), dispatched)))
}

fn get_relation(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    arguments.only("adapter.get_relation", &["database", "schema", "identifier"])?;
    let schema = arguments.text("adapter.get_relation", 1, "schema")?;
    let identifier = arguments.text("adapter.get_relation", 2, "identifier")?;
    let found = render.context().and_then(|context| {
        let relation = Relation::new(&schema, &identifier).ok()?;
        let kind = context.relation_exists(&relation)?;
        Some(relation::of(&relation, Some(kind)))
    });
    Ok(found.unwrap_or_else(|| Value::from(())))
}

fn columns(render: &Arc<Render>, value: &Value) -> Result<Vec<(String, String)>, Error> {
    match render.context() {
        None => Ok(Vec::new()),
        Some(context) => {
            let relation = relation::relation(value)?;
            context.columns_in(&relation).map_err(fault)
        }
    }
}

fn column_list(columns: Vec<(String, String)>) -> Value {
    let column = |(name, data_type)| Value::from_object(ColumnValue { name, data_type });
    python::list(columns.into_iter().map(column).collect())
}

fn get_columns(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let relation = arguments.required("adapter.get_columns_in_relation", 0, "relation")?;
    columns(render, relation).map(column_list)
}

/// Columns of the first relation that the second does not have.
fn get_missing_columns(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let [from, to] = arguments.positional.as_slice() else {
        return Err(misuse("`adapter.get_missing_columns()` takes two relations"));
    };
    let known = columns(render, to)?;
    let missing = columns(render, from)?.into_iter().filter(|(name, _)| !known.iter().any(|(other, _)| other == name));
    Ok(column_list(missing.collect()))
}

//! Queries a template runs while it renders: `run_query`, `statement` and `load_result`.

use std::sync::{Arc, PoisonError};

use minijinja::value::Tuple;
use minijinja::{Error, State, Value};

use super::arguments::Arguments;
use super::context::QueryRows;
use super::error::fault;
use super::render::Render;
use super::{agate, marks, python};

/// What a `statement` block left behind.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    table: Value,
    rows: usize,
}

/// The rows of a query; `none` in the first pass.
pub(super) fn run_query(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let sql = arguments.required("run_query", 0, "sql")?.to_string();
    match query(render, &sql)? {
        Some(rows) => Ok(agate::table(rows)),
        None => Ok(Value::from(())),
    }
}

fn query(render: &Render, sql: &str) -> Result<Option<QueryRows>, Error> {
    let Some(context) = render.context() else { return Ok(None) };
    let sql = if render.shared.marked { marks::without(sql) } else { sql.to_owned() };
    context.run_query(&sql).map(Some).map_err(fault)
}

/// `{% call statement('name', fetch_result=true) %} select .. {% endcall %}`.
pub(super) fn statement(
    render: &Arc<Render>,
    state: &mut State<'_, '_>,
    arguments: &Arguments,
) -> Result<Value, Error> {
    let sql = match arguments.named("caller") {
        Some(caller) => caller.call(state, &[])?.to_string(),
        None => arguments.named("sql").map(ToString::to_string).unwrap_or_default(),
    };
    let Some(rows) = query(render, &sql)? else { return Ok(Value::from("")) };
    let name = arguments.get(0, "name").map(ToString::to_string);
    if let Some(name) = name {
        let outcome = Outcome { rows: rows.rows.len(), table: agate::table(rows) };
        render.results.lock().unwrap_or_else(PoisonError::into_inner).insert(name, outcome);
    }
    Ok(Value::from(""))
}

/// What a statement of this name returned, as dbt's dict; `none` if there was none.
pub(super) fn load_result(render: &Arc<Render>, arguments: &Arguments) -> Result<Value, Error> {
    let name = arguments.text("load_result", 0, "name")?;
    let outcome = render.results.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
    let Some(Outcome { table, rows }) = outcome else { return Ok(Value::from(())) };
    let data = python::items(&table.get_attr("rows")?)?;
    let tuples: Vec<Value> =
        data.iter().map(|row| Ok(Value::from(Tuple::from(python::items(row)?)))).collect::<Result<_, Error>>()?;
    let response = python::text_dict([
        ("_message", Value::from("OK")),
        ("code", Value::from("OK")),
        ("rows_affected", Value::from(rows)),
    ]);
    Ok(python::text_dict([("response", response), ("data", python::list(tuples)), ("table", table)]))
}

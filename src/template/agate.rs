//! The rows of a query as dbt's templates read them: a table of rows and columns.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::context::QueryRows;
use super::{datetime, python};

#[derive(Debug)]
struct Table {
    names: Arc<Vec<String>>,
    types: Vec<String>,
    rows: Vec<Arc<Vec<Value>>>,
}

/// A table of a query's rows; dates and times become values that can be computed with.
pub(super) fn table(rows: QueryRows) -> Value {
    let (names, types): (Vec<String>, Vec<String>) = rows.columns.into_iter().unzip();
    let row = |cells: Vec<Json>| {
        let cells = cells.iter().enumerate();
        Arc::new(cells.map(|(index, cell)| typed(cell, types.get(index).map_or("", String::as_str))).collect())
    };
    let rows = rows.rows.into_iter().map(row).collect();
    Value::from_object(Table { names: Arc::new(names), types, rows })
}

fn typed(cell: &Json, data_type: &str) -> Value {
    let data_type = data_type.to_lowercase();
    let parsed = cell.as_str().and_then(|text| match data_type.as_str() {
        kind if kind.starts_with("timestamp") => datetime::parse_datetime(text),
        kind if kind.starts_with("date") => datetime::parse_date(text).or_else(|| datetime::parse_datetime(text)),
        _ => None,
    });
    parsed.unwrap_or_else(|| python::from_json(cell))
}

impl Table {
    fn row(&self, cells: &Arc<Vec<Value>>) -> Value {
        Value::from_object(Row { names: Arc::clone(&self.names), cells: Arc::clone(cells) })
    }

    fn column(&self, index: usize) -> Option<Value> {
        let name = self.names.get(index)?.clone();
        let data_type = self.types.get(index).cloned().unwrap_or_default();
        let values = self.rows.iter().map(|row| row.get(index).cloned().unwrap_or_default()).collect();
        Some(Value::from_object(Column { name, data_type, values }))
    }

    fn attribute(self: &Arc<Self>, name: &str) -> Option<Value> {
        match name {
            "rows" => Some(python::list(self.rows.iter().map(|row| self.row(row)).collect())),
            "columns" => Some(Value::from_object(Columns { table: Arc::clone(self) })),
            "column_names" => Some(python::list(self.names.iter().map(|name| Value::from(name.as_str())).collect())),
            "column_types" => Some(python::list(self.types.iter().map(|name| Value::from(name.as_str())).collect())),
            _ => None,
        }
    }

    /// A table of these columns only.
    fn keep(&self, wanted: impl Fn(&str) -> bool) -> Value {
        let kept: Vec<usize> = (0..self.names.len()).filter(|index| wanted(&self.names[*index])).collect();
        let pick = |row: &Arc<Vec<Value>>| Arc::new(kept.iter().map(|index| row[*index].clone()).collect());
        Value::from_object(Self {
            names: Arc::new(kept.iter().map(|index| self.names[*index].clone()).collect()),
            types: kept.iter().map(|index| self.types[*index].clone()).collect(),
            rows: self.rows.iter().map(pick).collect(),
        })
    }

    fn printed(&self) -> String {
        let texts: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        let width = |index: usize| {
            let cells = texts.iter().filter_map(|row| row.get(index)).map(|text| text.chars().count());
            cells.chain([self.names[index].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.names.len()).map(width).collect();
        let mut out = String::new();
        let mut line = |cells: &[String]| {
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(out, "| {cell:width$} ");
            }
            out.push_str("|\n");
        };
        line(&self.names);
        line(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>());
        for row in &texts {
            line(row);
        }
        out
    }
}

impl Object for Table {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.attribute(key.as_str()?)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.rows.len())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "print_table" => {
                let log = state.lookup("log").unwrap_or_default();
                log.call(state, &[Value::from(self.printed()), Value::from(true)])?;
                Ok(Value::from(""))
            }
            "select" | "exclude" => {
                let (names,): (&Value,) = from_args(args)?;
                let names: Vec<String> = match names.as_str() {
                    Some(name) => vec![name.to_owned()],
                    None => python::items(names)?.iter().map(ToString::to_string).collect(),
                };
                Ok(self.keep(|name| names.iter().any(|wanted| wanted == name) == (method == "select")))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.printed())
    }
}

/// Something that is a list and is also read by name.
fn at(key: &Value, names: &[String]) -> Option<usize> {
    match key.as_str() {
        Some(name) => names.iter().position(|known| known.eq_ignore_ascii_case(name)),
        None => key.as_usize(),
    }
}

#[derive(Debug)]
struct Row {
    names: Arc<Vec<String>>,
    cells: Arc<Vec<Value>>,
}

impl Object for Row {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.cells.get(at(key, &self.names)?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.cells.to_vec())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let entries = || self.names.iter().map(|name| Value::from(name.as_str())).zip(self.cells.iter().cloned());
        match method {
            "values" => Ok(python::list(self.cells.to_vec())),
            "keys" => Ok(python::list(entries().map(|(name, _)| name).collect())),
            "items" => Ok(python::list(entries().map(|(name, cell)| Value::from(vec![name, cell])).collect())),
            "dict" => Ok(python::dict(entries().collect())),
            "get" => {
                let (key, default): (&Value, Option<Value>) = from_args(args)?;
                let cell = at(key, &self.names).and_then(|index| self.cells.get(index)).cloned();
                Ok(cell.or(default).unwrap_or_else(|| Value::from(())))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

#[derive(Debug)]
struct Columns {
    table: Arc<Table>,
}

impl Object for Columns {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.table.column(at(key, &self.table.names)?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.table.names.len())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        let columns = || (0..self.table.names.len()).filter_map(|index| self.table.column(index));
        match method {
            "keys" => Ok(python::list(self.table.names.iter().map(|name| Value::from(name.as_str())).collect())),
            "values" => Ok(python::list(columns().collect())),
            "items" => {
                let names = self.table.names.iter().map(|name| Value::from(name.as_str()));
                Ok(python::list(names.zip(columns()).map(|(name, column)| Value::from(vec![name, column])).collect()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

#[derive(Debug)]
struct Column {
    name: String,
    data_type: String,
    values: Vec<Value>,
}

impl Object for Column {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("name") => Some(Value::from(self.name.as_str())),
            Some("data_type") => Some(Value::from(self.data_type.as_str())),
            Some(_) => None,
            None => self.values.get(key.as_usize()?).cloned(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.clone())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        match method {
            "values" => Ok(python::list(self.values.clone())),
            "values_distinct" => {
                let mut seen: Vec<Value> = Vec::new();
                for value in self.values.iter().filter(|value| !value.is_none()) {
                    if !seen.contains(value) {
                        seen.push(value.clone());
                    }
                }
                Ok(python::list(seen))
            }
            "values_without_nulls" => {
                Ok(python::list(self.values.iter().filter(|value| !value.is_none()).cloned().collect()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

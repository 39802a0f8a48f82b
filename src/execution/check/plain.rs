//! Data tests that are right by the columns alone: their queries need not be planned.

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use serde_json::{Map, Value};

use super::bind::Binder;
use crate::data_test::TestConfig;
use crate::graph::{NodeId, TestKind, TestNode};
use crate::names::is_name;

impl Binder {
    /// Whether a built-in test asks nothing of its columns that they do not have. One of which that is not sure is planned.
    pub(super) fn is_plainly_right(&self, id: NodeId, test: &TestNode, config: &TestConfig) -> bool {
        let TestKind::Generic { test: name, arguments } = &test.kind else { return false };
        if config.filter.is_some() || !config.is_plain_count() || self.context.templates.generic_test(name).is_some() {
            return false;
        }
        let tested = test.attached.and_then(|attached| self.columns_of(attached));
        let Some(column) = tested.and_then(|columns| column_type(&columns, arguments, "column_name")) else {
            return false;
        };
        match name.as_str() {
            "not_null" | "unique" => true,
            "accepted_values" => are_of_type(arguments, &column),
            "relationships" => self.referenced(id, test, arguments) == Some(column),
            _ => false,
        }
    }

    /// The type of the column that `relationships` looks in.
    fn referenced(&self, id: NodeId, test: &TestNode, arguments: &Map<String, Value>) -> Option<DataType> {
        // What is no `ref()` or `source()` is a table of the user's own words.
        arguments.get("to").and_then(Value::as_str).filter(|to| to.contains('('))?;
        let other = self.context.graph.parents(id).iter().find(|parent| Some(**parent) != test.attached);
        let columns = self.columns_of(other.copied().or(test.attached)?)?;
        column_type(&columns, arguments, "field")
    }
}

/// The type of the column that an argument names.
fn column_type(columns: &SchemaRef, arguments: &Map<String, Value>, argument: &str) -> Option<DataType> {
    let name = arguments.get(argument).and_then(Value::as_str).filter(|name| is_name(name))?;
    columns.column_with_name(name).map(|(_, field)| field.data_type().clone())
}

/// Whether the accepted values are written as values of the column's own type.
fn are_of_type(arguments: &Map<String, Value>, column: &DataType) -> bool {
    let Some(values) = arguments.get("values").and_then(Value::as_array).filter(|values| !values.is_empty()) else {
        return false;
    };
    match arguments.get("quote") {
        None | Some(Value::Bool(true)) => {
            matches!(column, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
                && values.iter().all(Value::is_string)
        }
        Some(Value::Bool(false)) => {
            matches!(column, DataType::Int32 | DataType::Int64) && values.iter().all(Value::is_i64)
        }
        Some(_) => false,
    }
}

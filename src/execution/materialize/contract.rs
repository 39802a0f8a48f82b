//! `contract: {enforced: true}` - the columns a model promises, by name and type, against those that its SQL gives.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::execution::context::SessionState;
use futures::executor::block_on;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::execution::session::output_schema;
use crate::execution::statement::statement_of;
use crate::graph::{ModelNode, Node};
use crate::project::ColumnProperties;
use crate::storage::{same_in_delta, shown_type, table_schema};

/// Types of columns as they are written in SQL.
const WRITTEN: [&str; 12] = [
    "varchar",
    "boolean",
    "bigint",
    "int",
    "smallint",
    "tinyint",
    "double",
    "real",
    "date",
    "timestamp",
    "timestamp with time zone",
    "bytea",
];

/// Every way in which `schema` is not what the contract says.
pub(in crate::execution) fn contract_broken(
    state: &SessionState,
    node: &Node,
    model: &ModelNode,
    schema: &Schema,
) -> Diagnostics {
    let mut found = Diagnostics::default();
    if !model.config.contract {
        return found;
    }
    // What Delta cannot hold is told by itself.
    let Ok(schema) = table_schema(&model.relation, &Arc::new(schema.clone())) else { return found };
    let schema = schema.as_ref();
    let declared = &model.properties.columns;
    for column in declared.iter() {
        found.extend(broken_by(state, node, model, schema, column));
    }
    let is_declared = |name: &str| declared.iter().any(|column| column.name == name);
    for field in schema.fields().iter().filter(|field| !is_declared(field.name())) {
        let message = format!("`{}` gives `{}`, which its contract does not name", node.label(), field.name());
        let place = naming(&model.template.source, field.name());
        let hint = match written_type(state, model, field.data_type()) {
            Some(written) => {
                format!("leave it out, or promise it: `- {{name: {}, data_type: {written}}}`", field.name())
            }
            None => "leave it out, or promise it with its `data_type`".to_owned(),
        };
        found.push(Diagnostic::error(Code::Contract, message).label_or_file(place, "", &node.path).hint(hint));
    }
    found
}

fn broken_by(
    state: &SessionState,
    node: &Node,
    model: &ModelNode,
    schema: &Schema,
    column: &ColumnProperties,
) -> Option<Diagnostic> {
    let wrong = |message: String, label: &str| {
        Diagnostic::error(Code::Contract, message).label_or_file(column.place.clone(), label, &node.path)
    };
    let (name, label) = (&column.name, node.label());
    let Some(written) = &column.data_type else {
        let message = format!("column `{name}` of `{label}` has no `data_type`, which a contract needs");
        let now = schema.column_with_name(name).map(|(_, field)| field.data_type());
        let now = now.and_then(|now| written_type(state, model, now));
        return Some(wrong(message, "").hint_opt(now.map(|now| format!("as it is now: `data_type: {now}`"))));
    };
    let Some(promised) = sql_type(state, model, written) else {
        let message = format!("`{written}` is no type that a column can have");
        return Some(
            wrong(message, "").hint("types are those of SQL, such as bigint, varchar, decimal(10, 2), timestamp"),
        );
    };
    let Some((_, field)) = schema.column_with_name(name) else {
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let message = format!("`{label}` does not give `{name}`, which its contract promises");
        let told = wrong(message, "promised here").nearest(name, names);
        return Some(match told.hints.is_empty() {
            true => told.hint("select it, or take it out of the contract"),
            false => told,
        });
    };
    (!same_in_delta(field.data_type(), &promised)).then(|| {
        let message =
            format!("`{name}` of `{label}` is {}, and its contract says {written}", shown_type(field.data_type()));
        wrong(message, "promised here").hint(format!("cast it: `cast({name} as {written})`, or change the contract"))
    })
}

/// Where a template gives a column its name: behind the last `as`, or in the only place it stands outside of quotes.
pub(in crate::execution) fn naming(source: &Arc<SourceText>, column: &str) -> Option<Span> {
    let text = source.text.as_str();
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '\'' | '"');
    let places: Vec<usize> = text
        .match_indices(column)
        .map(|(at, _)| at)
        .filter(|at| !text[..*at].ends_with(is_part) && !text[at + column.len()..].starts_with(is_part))
        .collect();
    let is_named = |at: &&usize| {
        let before = text[..**at].trim_end().to_ascii_lowercase();
        // Behind a reference stands the name of a table.
        before.strip_suffix(" as").is_some_and(|before| !before.trim_end().ends_with("}}"))
    };
    let at = match (places.iter().rfind(is_named), places.as_slice()) {
        (Some(at), _) | (None, [at]) => *at,
        (None, _) => return None,
    };
    Some(Span::new(source, at..at + column.len()))
}

/// How a type is written in SQL, of those that are no lists or structs.
fn written_type(state: &SessionState, model: &ModelNode, data_type: &DataType) -> Option<String> {
    let decimal = match data_type {
        DataType::Decimal128(precision, scale) => Some(format!("decimal({precision}, {scale})")),
        _ => None,
    };
    let plain = WRITTEN.iter().map(|&written| written.to_owned());
    let is_it =
        |written: &String| sql_type(state, model, written).is_some_and(|known| same_in_delta(data_type, &known));
    plain.chain(decimal).find(is_it)
}

/// A type as it is written in SQL, as a table holds it.
fn sql_type(state: &SessionState, model: &ModelNode, written: &str) -> Option<DataType> {
    let statement = statement_of(state, &format!("select cast(null as {written}) as promised")).ok()?;
    // No table is looked up: it is ready at once.
    let plan = block_on(state.statement_to_plan(statement)).ok()?;
    let schema = table_schema(&model.relation, &output_schema(&plan)).ok()?;
    schema.fields().first().map(|field| field.data_type().clone())
}

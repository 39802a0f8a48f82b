//! Settings that change nothing, and descriptions of what is not there: no mistakes of a run, but hardly meant.

use datafusion::arrow::datatypes::Schema;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::execution::materialize::naming;
use crate::graph::{Materialized, ModelNode, Node, OnSchemaChange};

/// Settings, and the materializations for which they mean something.
const MEANT_FOR: &[(&str, &[Materialized])] = &[
    ("unique_key", &[Materialized::Incremental]),
    ("incremental_strategy", &[Materialized::Incremental]),
    ("on_schema_change", &[Materialized::Incremental]),
    ("merge_update_columns", &[Materialized::Incremental]),
    ("merge_exclude_columns", &[Materialized::Incremental]),
    ("incremental_predicates", &[Materialized::Incremental]),
    ("replace_where", &[Materialized::Incremental]),
    ("keep_for", &[Materialized::Incremental]),
    ("partition_by", &[Materialized::Incremental, Materialized::Table]),
    ("table_properties", &[Materialized::Incremental, Materialized::Table, Materialized::Kafka]),
];

/// Settings in the model's own `config()` that change nothing; those of a folder are meant for others, too.
pub(super) fn idle(node: &Node, model: &ModelNode) -> Diagnostics {
    let mut found = Diagnostics::default();
    let Some(call) = own_config(model) else { return found };
    let materialized = model.config.materialized;
    for (setting, meant_for) in MEANT_FOR.iter().filter(|(_, meant_for)| !meant_for.contains(&materialized)) {
        let Some(at) = call.source.text[call.range.clone()].find(&format!("{setting}=")) else { continue };
        let start = call.range.start + at;
        let place = Span::new(&call.source, start..start + setting.len());
        let others: Vec<String> = meant_for.iter().map(|kind| format!("`{kind}`")).collect();
        found.push(
            Diagnostic::warning(Code::Config, format!("`{setting}` changes nothing for a {materialized}"))
                .label_or_file(Some(place), "", &node.path)
                .hint(format!("it is meant for {}: leave it out, or set `materialized`", others.join(" and "))),
        );
    }
    found
}

/// Columns that a run passes over because nothing says what is to become of them.
pub(super) fn ignored(node: &Node, model: &ModelNode, table: &Schema, rows: &Schema) -> Option<Diagnostic> {
    let is_said = model.settings.contains_key("on_schema_change");
    if is_said || model.config.on_schema_change != OnSchemaChange::Ignore {
        return None;
    }
    let lacking = |from: &Schema, of: &Schema| -> Vec<String> {
        let is_there = |name: &str| of.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
        let names = from.fields().iter().map(|field| field.name().clone());
        names.filter(|name| !is_there(name)).collect()
    };
    let shown = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (added, gone) = (lacking(rows, table), lacking(table, rows));
    let message = match (added.as_slice(), gone.as_slice()) {
        ([], []) => return None,
        (added, []) => format!("the table of `{}` leaves out {}", node.label(), shown(added)),
        ([], gone) => format!("the table of `{}` gets NULL for {}", node.label(), shown(gone)),
        (added, gone) => {
            format!("the table of `{}` leaves out {}, and gets NULL for {}", node.label(), shown(added), shown(gone))
        }
    };
    let place = added.first().and_then(|name| naming(&model.template.source, name));
    let which = match gone.is_empty() {
        true => "append_new_columns",
        false => "sync_all_columns",
    };
    Some(
        Diagnostic::warning(Code::SchemaChange, message)
            .label_or_file(place, "", &node.path)
            .note("it was built with other columns, and nothing says what is to become of them")
            .hint(format!("set on_schema_change='{which}', or 'ignore' if it is meant so")),
    )
}

/// The `config(...)` call of a template.
fn own_config(model: &ModelNode) -> Option<Span> {
    let source = &model.template.source;
    let start = source.text.find("config(")?;
    let end = source.text[start..].find("}}").map_or(source.text.len(), |end| start + end);
    Some(Span::new(source, start..end))
}

/// Columns that are described and not selected; a contract says more of them.
pub(super) fn undescribed(node: &Node, model: &ModelNode, schema: &Schema) -> Diagnostics {
    let mut found = Diagnostics::default();
    if model.config.contract {
        return found;
    }
    // One that is tested, too, is told by its tests.
    let columns = model.properties.columns.iter().filter(|column| column.data_tests.is_empty());
    for column in columns.filter(|column| schema.column_with_name(&column.name).is_none()) {
        let names = schema.fields().iter().map(|field| field.name().as_str());
        found.push(
            Diagnostic::warning(
                Code::UnusedProperties,
                format!("column `{}` is described, and `{}` does not select it", column.name, node.label()),
            )
            .label_or_file(column.place.clone(), "", &node.path)
            .nearest(&column.name, names),
        );
    }
    found
}

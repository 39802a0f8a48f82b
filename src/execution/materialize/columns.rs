//! A model's columns against what its settings say of them.

use datafusion::arrow::datatypes::Schema;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::graph::{IncrementalStrategy, ModelNode, Node, OnSchemaChange};
use crate::storage::Evolution;

/// Columns that `partition_by`, `unique_key` and the like name must be there.
pub(in crate::execution) fn unknown_columns(node: &Node, model: &ModelNode, schema: &Schema) -> Diagnostics {
    let config = &model.config;
    let topic = config.topic.as_ref();
    let (key, value) = (topic.and_then(|topic| topic.key.as_ref()), topic.and_then(|topic| topic.value.as_ref()));
    let kept = config.keep.as_ref().map(|keep| std::slice::from_ref(&keep.by));
    let named = [
        ("partition_by", config.partition_by.as_slice()),
        ("unique_key", config.unique_key.as_slice()),
        ("merge_update_columns", config.merge_update_columns.as_deref().unwrap_or_default()),
        ("merge_exclude_columns", config.merge_exclude_columns.as_slice()),
        ("keep_by", kept.unwrap_or_default()),
        ("key", key.map(std::slice::from_ref).unwrap_or_default()),
        ("value", value.map(std::slice::from_ref).unwrap_or_default()),
        ("headers", topic.map_or(&[][..], |topic| topic.headers.as_slice())),
    ];
    let mut found = Diagnostics::default();
    for (setting, columns) in named {
        for column in columns {
            if schema.fields().iter().any(|field| field.name() == column) {
                continue;
            }
            let names = schema.fields().iter().map(|field| field.name().as_str());
            let message = format!("`{setting}` names `{column}`, which `{}` does not select", node.label());
            found.push(
                Diagnostic::error(Code::UnknownColumn, message)
                    .label_or_file(place_in_settings(model, setting, column), "", &node.path)
                    .nearest_or_all(column, names),
            );
        }
    }
    found
}

/// Columns by which rows are replaced, and which the table does not get.
pub(in crate::execution) fn left_out(node: &Node, model: &ModelNode, table: &Schema) -> Diagnostics {
    let config = &model.config;
    let updated = match config.strategy {
        IncrementalStrategy::Merge => config.merge_update_columns.as_deref().unwrap_or_default(),
        IncrementalStrategy::DeleteInsert => &[][..],
        IncrementalStrategy::Append | IncrementalStrategy::InsertOverwrite => return Diagnostics::default(),
    };
    let named = [("unique_key", config.unique_key.as_slice()), ("merge_update_columns", updated)];
    let mut found = Diagnostics::default();
    for (setting, column) in
        named.iter().flat_map(|(setting, columns)| columns.iter().map(move |name| (*setting, name)))
    {
        if table.fields().iter().any(|field| field.name().eq_ignore_ascii_case(column)) {
            continue;
        }
        let message = format!("`{setting}` names `{column}`, which the table of `{}` does not have", node.label());
        found.push(
            Diagnostic::error(Code::UnknownColumn, message)
                .label_or_file(place_in_settings(model, setting, column), "", &node.path)
                .hint("set on_schema_change='append_new_columns', or run with --full-refresh to rebuild the table"),
        );
    }
    found
}

/// Where a setting names a column, in the model's file or in YAML.
fn place_in_settings(model: &ModelNode, setting: &str, column: &str) -> Option<Span> {
    let area = model.settings.get(setting)?;
    let text = area.source.text.get(area.range.clone())?;
    let is_part = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    // The setting's own name comes first in a call of `config`.
    let skipped = if text.starts_with(setting) { setting.len() } else { 0 };
    let at = text.match_indices(column).map(|(at, _)| at).find(|at| {
        let (before, after) = (text[..*at].chars().next_back(), text[at + column.len()..].chars().next());
        *at >= skipped && !is_part(before) && !is_part(after)
    });
    Some(match at {
        Some(at) => Span::new(&area.source, area.range.start + at..area.range.start + at + column.len()),
        None => area.clone(),
    })
}

/// What `on_schema_change` asks of the table.
pub(in crate::execution) fn evolution(model: &ModelNode) -> Evolution {
    match model.config.on_schema_change {
        OnSchemaChange::Ignore => Evolution::Ignore,
        OnSchemaChange::Fail => Evolution::Fail,
        OnSchemaChange::AppendNewColumns => Evolution::AppendNewColumns,
        OnSchemaChange::SyncAllColumns => Evolution::SyncAllColumns,
    }
}

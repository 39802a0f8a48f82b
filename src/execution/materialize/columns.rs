//! A model's columns against what its settings say of them.

use datafusion::arrow::datatypes::Schema;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::graph::{ModelNode, Node, OnSchemaChange};
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
            let written = &model.template.source;
            let place = ["'", "\""].iter().find_map(|quote| Span::find(written, &format!("{quote}{column}{quote}")));
            found.push(
                Diagnostic::error(
                    Code::UnknownColumn,
                    format!("`{setting}` names `{column}`, which the model does not select"),
                )
                .label_or_file(place, "", &node.path)
                .nearest(column, names),
            );
        }
    }
    found
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

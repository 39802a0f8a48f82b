//! `partition_by`: a Delta table has at least one column beside its partitions.

use datafusion::arrow::datatypes::Schema;

use crate::diagnostic::{Code, Diagnostic, Span};
use crate::graph::{Materialized, ModelNode, Node};

/// A file must hold a column, and those of the partitions are in its path alone.
pub(in crate::execution) fn only_partitions(node: &Node, model: &ModelNode, schema: &Schema) -> Option<Diagnostic> {
    let partition_by = &model.config.partition_by;
    let has_partitions = matches!(model.config.materialized, Materialized::Table | Materialized::Incremental);
    let are_all = schema.fields().iter().all(|field| partition_by.contains(field.name()));
    if !has_partitions || partition_by.is_empty() || !are_all {
        return None;
    }
    let place = Span::find(&model.template.source, "partition_by");
    let message = format!("every column of `{}` is in `partition_by`", node.label());
    let diagnostic = Diagnostic::error(Code::Config, message).label_or_file(place, "", &node.path);
    Some(diagnostic.hint("leave one of them out, or select another column: files hold what is no partition"))
}

//! What the project knows and the query engine does not: the models, sources and fields that are meant.

use datafusion::arrow::datatypes::{DataType, Fields};

use super::sql::{Described, Word};
use super::words::{between, code_only, with_names, word_places};
use super::{Code, Place};
use crate::diagnostic::or_list;
use crate::graph::{NodeKind, TestKind};
use crate::names::nearest;
use crate::project::TableReader;

impl Place<'_> {
    /// For a table nobody declared: the model or source that is meant, as it is written in a template.
    pub(super) fn with_tables(&self, mut described: Described) -> Described {
        let (Code::UnknownTable, Some(Word::Any(name))) = (described.code, &described.word) else { return described };
        let graph = &self.context.graph;
        let source = graph.nodes().iter().find_map(|node| match &node.kind {
            NodeKind::Source(table) if table.name.table == *name => Some(&table.name),
            NodeKind::Source(_)
            | NodeKind::Model(_)
            | NodeKind::Seed(_)
            | NodeKind::Test(_)
            | NodeKind::Exposure(_) => None,
        });
        let own_names = with_names(&code_only(self.sql));
        if own_names.contains(name) {
            described.notes.push(format!("`{name}` of the `with` is defined further down, or inside of another query"));
            described.hints = vec!["a query sees what is defined before it: move it up".to_owned()];
            return described;
        }
        let own = nearest(name, own_names.iter().map(String::as_str));
        if !own.is_empty() {
            described.hints = vec![format!("did you mean {}?", or_list(&own))];
            return described;
        }
        let near: Vec<String> =
            nearest(name, graph.ref_names()).iter().map(|near| format!("{{{{ ref('{near}') }}}}")).collect();
        let hint = match (graph.by_ref(name), source) {
            (Some(_), _) => format!("write `{{{{ ref('{name}') }}}}`"),
            (None, Some(source)) => format!("write `{{{{ source('{}', '{}') }}}}`", source.source, source.table),
            (None, None) if !near.is_empty() => format!("did you mean {}?", or_list(&near)),
            (None, None) => return described,
        };
        described.hints = vec![hint];
        described
    }

    /// For a name that is none of a column: a text in double quotes, or a name of the select list.
    pub(super) fn with_meaning(&self, mut described: Described) -> Described {
        let (Code::UnknownColumn, Some(Word::Any(name))) = (described.code, &described.word) else { return described };
        let test = self.context.graph.node(self.id).as_test();
        let is_declared = test.is_some_and(|test| matches!(test.kind, TestKind::Generic { .. }));
        if described.field.is_some() || is_declared {
            return described;
        }
        let code = code_only(self.sql);
        let is_given = || {
            word_places(&code, name).any(|at| {
                let before = code[..at].trim_end();
                // What ends with a bracket is a type: `cast(x as date)`.
                let is_type = code[at + name.len()..].trim_start().starts_with(')');
                !is_type && before.len() < at && word_places(before, "as").last() == before.len().checked_sub(2)
            })
        };
        let as_given = || {
            format!(
                "`{name}` is a name of the select list, which is not known here: repeat its expression, or name it in a `with`"
            )
        };
        if !described.hints.is_empty() {
            if is_given() {
                let hint = as_given();
                described.hints.insert(0, hint);
            }
        } else if described.notes.is_empty() && word_places(&code, "unnest").next().is_some() {
            described.hints.push("an `unnest` in `from` sees no other table: call it in the select list".to_owned());
        } else if self.sql.contains(&format!("\"{name}\"")) {
            described.hints.push(format!("in double quotes stand names; a text is written `'{name}'`"));
        } else if is_given() {
            described.hints.push(as_given());
        }
        described
    }

    /// For `any` and `all`, which the optimizer turns into `exists`.
    pub(super) fn with_words(&self, described: Described) -> Described {
        let code = code_only(self.sql);
        let has = |word: &str| word_places(&code, word).next().is_some();
        if !described.message.starts_with("`exists` ") || has("exists") || !(has("any") || has("all") || has("some")) {
            return described;
        }
        Described::new(Code::Sql, "this query behind `any` or `all` cannot be made a join")
            .or_only(if has("any") { "any" } else { "all" })
            .hint("write `in (select ...)`, or compare with its `min` or `max`; it cannot read the query around it")
    }

    /// For what stands before `preceding` or `following`, which is cast to a number of rows.
    pub(super) fn with_frames(&self, described: Described) -> Described {
        let Some(given) = between(&described.message, "cannot cast the string '", "' to uint64") else {
            return described;
        };
        let code = code_only(self.sql);
        let has = |word: &str| word_places(&code, word).next().is_some();
        if !(has("preceding") || has("following")) || has("unsigned") || has("arrow_cast") {
            return described;
        }
        Described::new(Code::Sql, format!("`{given}` is no number of rows"))
            .text(given)
            .hint("a frame counts rows, as in `rows between 2 preceding and current row`")
    }

    /// For a field that a struct does not have: the nearest of those that the structs it reads have.
    pub(super) fn with_fields(&self, described: Described) -> Described {
        let (Some(field), Some(stubs)) = (described.field.clone(), &self.context.offline) else { return described };
        let graph = &self.context.graph;
        let mut names = Vec::new();
        for parent in graph.parents(self.id) {
            let node = graph.node(*parent);
            let columns = match &node.kind {
                NodeKind::Source(table) => stubs.source_columns(&table.name),
                NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {
                    node.relation().and_then(|relation| stubs.columns(relation))
                }
            };
            for column in columns.iter().flat_map(|schema| schema.fields().iter()) {
                add_fields(column.data_type(), &mut names);
            }
        }
        names.sort_unstable();
        names.dedup();
        // Another struct may have it.
        names.retain(|name| *name != field);
        described.nearest(&field, names.iter().map(String::as_str))
    }

    /// For a column of a source that has not said which columns it has.
    pub(super) fn with_declarations(&self, described: Described) -> Described {
        if described.code != Code::UnknownColumn || !described.hints.is_empty() || described.field.is_some() {
            return described;
        }
        let graph = &self.context.graph;
        let silent = graph.parents(self.id).iter().find_map(|id| match &graph.node(*id).kind {
            NodeKind::Source(table) if matches!(table.reader, TableReader::Files(_) | TableReader::Kafka(_)) => {
                table.columns.iter().all(|column| column.data_type.is_none()).then(|| table.name.to_string())
            }
            NodeKind::Source(_)
            | NodeKind::Model(_)
            | NodeKind::Seed(_)
            | NodeKind::Test(_)
            | NodeKind::Exposure(_) => None,
        });
        match silent {
            Some(source) => {
                described.hint(format!("`{source}` has the columns that its `columns` declare: name it there"))
            }
            None => described,
        }
    }
}

/// The names of a type's fields, at any depth.
fn add_fields(data_type: &DataType, names: &mut Vec<String>) {
    let mut add = |fields: &Fields| {
        for field in fields {
            names.push(field.name().clone());
            add_fields(field.data_type(), names);
        }
    };
    match data_type {
        DataType::Struct(fields) => add(fields),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            add_fields(item.data_type(), names);
        }
        _ => {}
    }
}

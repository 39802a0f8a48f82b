//! What `ref()` and `source()` can reach, and what might have been meant by a name that leads nowhere.

use std::collections::{BTreeMap, HashMap};

use super::link::Draft;
use super::node::NodeKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::project::Place;
use crate::template::{RefCall, SourceCall};

/// A name that leads nowhere, and what might have been meant.
pub(super) struct Unknown {
    code: Code,
    message: String,
    label: String,
    near: Vec<String>,
    hint: Option<String>,
}

impl Unknown {
    pub(super) fn at(self, span: Place, path: &str) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, self.message).label_or_file(span, self.label, path);
        if !self.near.is_empty() {
            diagnostic = diagnostic.hint(format!("did you mean {}?", crate::diagnostic::or_list(&self.near)));
        }
        diagnostic.hint_opt(self.hint)
    }
}

/// What `ref()` and `source()` can reach.
pub(super) struct Names<'a> {
    refs: BTreeMap<&'a str, usize>,
    sources: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(drafts: &'a [Draft]) -> Self {
        let mut names = Self { refs: BTreeMap::new(), sources: HashMap::new() };
        for (index, draft) in drafts.iter().enumerate() {
            match &draft.node.kind {
                NodeKind::Model(_) | NodeKind::Seed(_) => {
                    names.refs.insert(&draft.node.name, index);
                }
                NodeKind::Source(table) => {
                    names.sources.insert((&table.name.source, &table.name.table), index);
                }
                NodeKind::Test(_) | NodeKind::Exposure(_) => {}
            }
        }
        names
    }

    pub(super) fn resolve_ref(&self, call: &RefCall, project: &str, disabled: &[String]) -> Result<usize, Unknown> {
        if let Some(package) = call.package.as_deref().filter(|package| *package != project) {
            return Err(Unknown {
                code: Code::UnknownRef,
                message: format!("no package named `{package}`"),
                label: String::new(),
                near: crate::names::nearest(package, [project]),
                hint: None,
            });
        }
        if let Some(found) = self.refs.get(call.name.as_str()) {
            return Ok(*found);
        }
        if disabled.contains(&call.name) {
            return Err(Unknown {
                code: Code::UnknownRef,
                message: format!("`{}` is disabled", call.name),
                label: "switched off by `enabled: false`".to_owned(),
                near: Vec::new(),
                hint: None,
            });
        }
        let as_source = self.sources.keys().find(|(_, table)| *table == call.name);
        Err(Unknown {
            code: Code::UnknownRef,
            message: format!("no model or seed named `{}`", call.name),
            label: "not found in this project".to_owned(),
            near: crate::names::nearest(&call.name, self.refs.keys().copied()),
            hint: as_source.map(|(source, table)| {
                format!("`{table}` is a table of a source: write `source('{source}', '{table}')`")
            }),
        })
    }

    pub(super) fn resolve_source(&self, call: &SourceCall) -> Result<usize, Unknown> {
        if let Some(found) = self.sources.get(&(call.source.as_str(), call.table.as_str())) {
            return Ok(*found);
        }
        let tables: Vec<&str> =
            self.sources.keys().filter(|(source, _)| *source == call.source).map(|(_, table)| *table).collect();
        let (message, near) = match tables.is_empty() {
            true => {
                let known: Vec<&str> = self.sources.keys().map(|(source, _)| *source).collect();
                (format!("no source named `{}`", call.source), crate::names::nearest(&call.source, known))
            }
            false => (
                format!("source `{}` has no table `{}`", call.source, call.table),
                crate::names::nearest(&call.table, tables),
            ),
        };
        let label = "not declared in `sources.yaml`".to_owned();
        Err(Unknown { code: Code::UnknownSource, message, label, near, hint: None })
    }
}

//! One entry of `sources:`, read: each of its tables with its connector.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Unread;
use super::column::{ColumnsOf, read_columns};
use super::config_tree::ConfigTree;
use super::connection::Connection;
use super::declared_test::{DeclaredTest, TestContext};
use super::fields::Fields;
use super::http_source::HttpConfig;
use super::model_config::{ConfigOf, merge_config, own_config};
use super::rendered::YamlScope;
use super::source::{SourceTable, TableReader};
use super::source_reader::read_reader;
use super::yaml::Node;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::names::SourceName;

/// dbt's keys that say how to query a warehouse that is not ours.
const HARMLESS: &[&str] = &["database", "schema", "loader", "quoting"];

/// What the tables of one file share.
pub(super) struct SourceContext<'a> {
    pub(super) tests: TestContext<'a>,
    /// The folders that lead to the file.
    pub(super) folders: &'a [String],
    pub(super) tree: &'a mut ConfigTree,
    /// Of all files.
    pub(super) connections: &'a [Connection],
    pub(super) unread: &'a mut Unread,
}

impl SourceContext<'_> {
    /// The tables of one source.
    pub(super) fn read(&mut self, node: &Node, found: &mut Diagnostics) -> Vec<SourceTable> {
        let Some(mut fields) = Fields::new(node, "a source", found) else {
            self.unread.properties.push(Arc::clone(&node.span.source));
            return Vec::new();
        };
        let name = fields.required_name("name").map(|(name, _)| name);
        let description = fields.text("description").unwrap_or_default();
        let config = own_config(&mut fields, ConfigOf::Source);
        untested_freshness(&mut fields);
        fields.accept(HARMLESS);
        fields.accept(&["overrides"]);
        let is_listed = fields.node("tables").is_some();
        if name.is_none() || !is_listed && fields.has_unknown_collection() {
            self.unread.properties.push(Arc::clone(&node.span.source));
        }
        let source = name.clone().unwrap_or_default();
        let mut tables = Vec::new();
        for node in fields.list("tables") {
            let table = self.table(node, &source, &config, fields.found());
            tables.extend(table.map(|table| SourceTable { source_description: description.clone(), ..table }));
        }
        fields.finish(found);
        if name.is_some() { tables } else { Vec::new() }
    }

    fn table(
        &mut self,
        node: &Node,
        source: &str,
        source_config: &Map<String, Value>,
        found: &mut Diagnostics,
    ) -> Option<SourceTable> {
        let mut fields = Fields::new(node, "a source's table", found)?;
        let name = fields.required_name("name").map(|(name, node)| (name, node.span.clone()));
        let table = name.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
        let description = fields.text("description").unwrap_or_default();
        let own = own_config(&mut fields, ConfigOf::Source);
        untested_freshness(&mut fields);
        fields.accept(HARMLESS);
        fields.accept(&["identifier"]);
        let told = fields.found().errors();
        let columns = read_columns(&mut fields, ColumnsOf::Source, self.tests);
        let reader = read_reader(&mut fields, source, &table, &columns, self.connections);
        let is_wrong = fields.found().errors() > told;
        if let Some(TableReader::Http(http)) = &reader {
            try_texts(http, self.tests, fields.found());
        }
        let data_tests = DeclaredTest::read_all(&mut fields, self.tests);
        let is_partial = is_wrong || reader.is_none() || columns.is_empty() && fields.has_unknown_collection();
        fields.finish(found);

        let Some((table, place)) = name else {
            self.unread.properties.push(Arc::clone(&node.span.source));
            return None;
        };
        if is_partial {
            self.unread.tables.insert(SourceName { source: source.to_owned(), table: table.clone() });
        }
        let fqn: Vec<String> = self.folders.iter().cloned().chain([source.to_owned(), table.clone()]).collect();
        let mut config = self.tree.config(&fqn);
        merge_config(&mut config, source_config);
        merge_config(&mut config, &own);
        let tags = config.get("tags").and_then(Value::as_array);
        let tags = tags.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Some(SourceTable {
            name: SourceName { source: source.to_owned(), table },
            description,
            source_description: String::new(),
            reader: reader?,
            columns: columns.into_iter().map(|column| column.properties).collect(),
            data_tests,
            tags,
            meta: config.get("meta").and_then(Value::as_object).cloned().unwrap_or_default(),
            config,
            place: Some(place),
        })
    }
}

/// Renders what is rendered for each request, before anything is asked: names that are not there are told now. What only
/// the values show is told when they come.
fn try_texts(http: &HttpConfig, tests: TestContext<'_>, found: &mut Diagnostics) {
    let scope = YamlScope { locals: &http.locals_to_try(), ..tests.renderer.scope };
    for text in http.texts() {
        if let Err(diagnostic) = tests.renderer.renderer.render(&text.text, &text.place, &scope)
            && matches!(
                diagnostic.code,
                Code::Undefined | Code::TemplateSyntax | Code::MissingVar | Code::MissingEnvVar
            )
        {
            found.push(diagnostic);
        }
    }
}

fn untested_freshness(fields: &mut Fields<'_>) {
    if let Some((key, value)) = fields.entry("freshness")
        && !value.is_null()
    {
        let message = "freshness is not checked in this version";
        let span = key.span.clone();
        fields.push(Diagnostic::warning(Code::Config, message).label(span, "ignored"));
    }
    fields.accept(&["loaded_at_field", "loaded_at_query"]);
}

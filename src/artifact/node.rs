//! The nodes of the graph as entries of the manifest: models, seeds, sources' tables, data tests and exposures.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::compiled::{compiled_path, file_name};
use super::entry::{
    Code, Described, below, checksum, checksum_of_seed, columns, extend_model, extend_seed, no_checksum,
};
use super::macros::Macros;
use super::{config, lineage, object};
use crate::execution::Lineage;
use crate::graph::{Graph, Materialized, ModelNode, Node, NodeId, NodeKind, SeedNode, TestKind, TestNode};
use crate::names::{Relation, SEEDS, TEST_AUDIT};
use crate::project::{Exposure, Project, SourceTable, TableReader};

/// The first part of a source's table in SQL: `execution` registers them so.
const SOURCE: &str = "source";

/// What entries are made from.
pub(super) struct Entries<'a> {
    pub(super) project: &'a Project,
    pub(super) graph: &'a Graph,
    pub(super) compiled: &'a HashMap<NodeId, String>,
    pub(super) lineages: &'a BTreeMap<NodeId, Lineage>,
    pub(super) macros: &'a Macros<'a>,
    /// Seconds since 1970.
    pub(super) created_at: f64,
}

impl<'a> Entries<'a> {
    pub(super) fn of(&self, id: NodeId) -> Map<String, Value> {
        let node = self.graph.node(id);
        match &node.kind {
            NodeKind::Model(model) => self.model(id, node, model),
            NodeKind::Seed(seed) => self.seed(node, seed),
            NodeKind::Source(table) => self.source(node, table),
            NodeKind::Exposure(exposure) => self.exposure(id, node, exposure),
            NodeKind::Test(test) => match &test.kind {
                TestKind::Singular => self.singular(id, node, test),
                TestKind::Generic { test: name, arguments } => self.generic(id, node, test, name, arguments),
            },
        }
    }

    fn model(&self, id: NodeId, node: &Node, model: &ModelNode) -> Map<String, Value> {
        let text = model.template.source.text.trim();
        let layer = model.relation.layer();
        let is_built = model.config.materialized != Materialized::Ephemeral;
        let described = Described {
            relation: is_built.then_some(&model.relation),
            path: below(&node.path, &self.project.config.model_paths),
            checksum: checksum(text),
            raw_code: text,
            config: self.model_config(id, node, model),
            columns: &model.properties.columns,
            place: model.properties.place.as_ref(),
            ..self.described(node, layer)
        };
        let mut entry = described.entry();
        entry.extend(self.code(id, node, self.macros.called(text, self.package())).entry());
        extend_model(&mut entry, &self.primary_key(id));
        entry
    }

    /// With the lineage, which dbt has no place for: its readers take any key here and refuse others.
    fn model_config(&self, id: NodeId, node: &Node, model: &ModelNode) -> Value {
        let mut config = config::of_model(&node.config, Some(&model.config), &node.name, model.relation.layer());
        if let Some(lineage) = self.lineages.get(&id) {
            config["column_lineage"] = lineage::of_columns(self.graph, lineage);
            config["row_lineage"] = lineage::of_rows(self.graph, lineage);
        }
        config
    }

    /// Columns that tests say are unique and not null; if there are none, those that are unique.
    fn primary_key(&self, id: NodeId) -> Vec<&str> {
        let tests = self.graph.children(id).iter().filter_map(|child| self.graph.node(*child).as_test());
        let (mut unique, mut not_null) = (Vec::new(), Vec::new());
        for test in tests.filter(|test| test.attached == Some(id)) {
            let (TestKind::Generic { test: name, .. }, Some(column)) = (&test.kind, &test.column) else { continue };
            match name.as_str() {
                "unique" | "dbt.unique" => unique.push(column.as_str()),
                "not_null" | "dbt.not_null" => not_null.push(column.as_str()),
                _ => {}
            }
        }
        let both: Vec<&str> = unique.iter().filter(|column| not_null.contains(column)).copied().collect();
        if both.is_empty() { unique } else { both }
    }

    fn seed(&self, node: &Node, seed: &SeedNode) -> Map<String, Value> {
        let described = Described {
            relation: Some(&seed.relation),
            path: below(&node.path, &self.project.config.seed_paths),
            checksum: checksum_of_seed(&self.project.root, &node.path),
            config: config::of_seed(&node.config, true, &node.name, SEEDS),
            columns: &seed.properties.columns,
            place: seed.properties.place.as_ref(),
            ..self.described(node, SEEDS)
        };
        let mut entry = described.entry();
        extend_seed(&mut entry);
        entry
    }

    fn singular(&self, id: NodeId, node: &Node, test: &TestNode) -> Map<String, Value> {
        let sql = test.template.source.text.trim();
        let stored = stored(node, test);
        let described = Described {
            relation: stored.as_ref(),
            path: below(&node.path, &self.project.config.test_paths),
            checksum: checksum(sql),
            raw_code: sql,
            config: config::of_test(&node.config, &node.name),
            ..self.described(node, TEST_AUDIT)
        };
        let mut entry = described.entry();
        entry.extend(self.code(id, node, self.macros.called(sql, self.package())).entry());
        entry
    }

    fn generic(
        &self,
        id: NodeId,
        node: &Node,
        test: &TestNode,
        name: &str,
        arguments: &Map<String, Value>,
    ) -> Map<String, Value> {
        let (namespace, bare) = match name.split_once('.') {
            Some((namespace, bare)) => (Some(namespace), bare),
            None => (None, name),
        };
        let prefix = namespace.map(|namespace| format!("{namespace}.")).unwrap_or_default();
        let called = format!("{prefix}test_{bare}");
        let stored = stored(node, test);
        let described = Described {
            relation: stored.as_ref(),
            path: &file_name(&node.name),
            checksum: no_checksum(),
            raw_code: &format!("{{{{ {called}(**_dbt_generic_test_kwargs) }}}}"),
            config: config::of_test(&node.config, &node.name),
            ..self.described(node, TEST_AUDIT)
        };
        let mut entry = described.entry();
        let macros = self.macros.resolve(&called, self.package()).into_iter().collect();
        entry.extend(self.code(id, node, macros).entry());

        let tested = test.attached.map(|owner| Tested::new(self.graph.node(owner))).unwrap_or_default();
        let mut kwargs = arguments.clone();
        kwargs.insert("model".to_owned(), json!(format!("{{{{ get_where_subquery({}) }}}}", tested.call)));
        entry.extend(object(json!({
            "column_name": test.column,
            "file_key_name": tested.key,
            "attached_node": tested.attached,
            "test_metadata": {"name": bare, "kwargs": kwargs, "namespace": namespace},
        })));
        entry
    }

    fn source(&self, node: &Node, table: &SourceTable) -> Map<String, Value> {
        let (source, name) = (&table.name.source, &table.name.table);
        let loader = match &table.reader {
            TableReader::Files(_) => "files",
            TableReader::Http(_) => "http",
            TableReader::Kafka(_) => "kafka",
            TableReader::Table { .. } => "table",
        };
        let mut entry = object(json!({
            "database": SOURCE,
            "schema": source,
            "name": name,
            "resource_type": "source",
            "package_name": self.package(),
            "path": node.path,
            "original_file_path": node.path,
            "unique_id": node.unique_id,
            "fqn": node.fqn,
            "source_name": source,
            "source_description": table.source_description,
            "loader": loader,
            "identifier": name,
            "quoting": {"database": null, "schema": null, "identifier": null, "column": null},
            "loaded_at_field": null,
            "loaded_at_query": null,
            "freshness": null,
            "external": null,
        }));
        entry.extend(object(json!({
            "description": node.description,
            "columns": columns(&table.columns),
            "meta": table.meta,
            "source_meta": {},
            "tags": node.tags,
            "config": config::of_source(&node.config),
            "patch_path": null,
            "unrendered_config": node.config,
            "relation_name": format!("\"{SOURCE}\".\"{source}\".\"{name}\""),
            "created_at": self.created_at,
            "unrendered_database": null,
            "unrendered_schema": null,
            "doc_blocks": [],
        })));
        entry
    }

    fn exposure(&self, id: NodeId, node: &Node, exposure: &Exposure) -> Map<String, Value> {
        let mut entry = object(json!({
            "name": node.name,
            "resource_type": node.resource_type(),
            "package_name": self.package(),
            "path": below(&node.path, &self.project.config.model_paths),
            "original_file_path": node.path,
            "unique_id": node.unique_id,
            "fqn": node.fqn,
            "type": exposure.kind.to_string(),
            "owner": exposure.owner,
            "description": node.description,
            "label": exposure.label,
            "maturity": exposure.maturity.map(|maturity| maturity.to_string()),
            "meta": exposure.meta(),
            "tags": node.tags,
            "config": config::of_exposure(&node.config),
            "unrendered_config": node.config,
            "url": exposure.url,
            "created_at": self.created_at,
        }));
        let mut code = self.code(id, node, Vec::new()).entry();
        for key in ["depends_on", "refs", "sources", "metrics"] {
            entry.insert(key.to_owned(), code.remove(key).unwrap_or_default());
        }
        entry
    }

    fn package(&self) -> &'a str {
        &self.project.config.name
    }

    /// What every node of the graph knows of itself; the rest depends on its kind.
    fn described<'b>(&'b self, node: &'b Node, schema: &'b str) -> Described<'b> {
        Described {
            kind: node.resource_type(),
            unique_id: &node.unique_id,
            package: self.package(),
            name: &node.name,
            fqn: &node.fqn,
            schema,
            relation: None,
            file: &node.path,
            path: &node.path,
            checksum: no_checksum(),
            raw_code: "",
            config: Value::Null,
            written: &node.config,
            tags: &node.tags,
            description: &node.description,
            columns: &[],
            place: None,
            created_at: self.created_at,
        }
    }

    fn code<'b>(&'b self, id: NodeId, node: &Node, macros: Vec<&'b str>) -> Code<'b> {
        let mut code = Code { macros, ..Code::default() };
        for parent in self.graph.parents(id).iter().map(|parent| self.graph.node(*parent)) {
            code.nodes.push(&parent.unique_id);
            match &parent.kind {
                NodeKind::Source(table) => code.sources.push([&table.name.source, &table.name.table]),
                NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => {
                    code.refs.push(&parent.name);
                }
            }
        }
        let path = compiled_path(node, self.package());
        code.compiled = self.compiled.get(&id).zip(path).map(|(sql, path)| {
            let folder = self.project.config.target_path.trim_end_matches('/');
            (sql.as_str(), format!("{folder}/compiled/{path}"))
        });
        code
    }
}

/// What a generic test stands on.
#[derive(Default)]
struct Tested<'a> {
    /// `ref('orders')`.
    call: String,
    /// `models.orders`.
    key: String,
    /// A unique id. As in dbt, a test is not attached to a source's table: the graph alone ties them.
    attached: Option<&'a str>,
}

impl<'a> Tested<'a> {
    fn new(owner: &'a Node) -> Self {
        match &owner.kind {
            NodeKind::Source(table) => {
                let (source, table) = (&table.name.source, &table.name.table);
                Self {
                    call: format!("source('{source}', '{table}')"),
                    key: format!("sources.{source}_{table}"),
                    attached: None,
                }
            }
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => Self {
                call: format!("ref('{}')", owner.name),
                key: format!("{}s.{}", owner.resource_type(), owner.name),
                attached: Some(&owner.unique_id),
            },
        }
    }
}

/// Where a test's failing rows are kept, if its config says that they are.
fn stored(node: &Node, test: &TestNode) -> Option<Relation> {
    let is_stored = test.config.get("store_failures") == Some(&Value::Bool(true));
    is_stored.then(|| Relation::new(TEST_AUDIT, &node.name).ok()).flatten()
}

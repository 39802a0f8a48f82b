//! Data tests as nodes: `.sql` files that select failing rows, and tests declared under a table or a column.

use std::sync::Arc;

use serde_json::{Value, json};

use super::NodeId;
use super::link::{Linker, Wanted, tags};
use super::node::{Node, NodeKind, TestKind, TestNode};
use super::test_name::TestName;
use crate::diagnostic::SourceText;
use crate::project::{DeclaredTest, Properties, SourceTable, TestFile, merge_config};
use crate::template::{Described, NodeTemplate};

impl Linker<'_> {
    pub(super) fn tests(&mut self) {
        let singular: Vec<&TestFile> = self.project.singular_tests.iter().collect();
        for test in singular {
            self.singular(test);
        }
        for index in 0..self.drafts.len() {
            let (owner, properties) = match &self.drafts[index].node.kind {
                NodeKind::Model(model) => (self.drafts[index].node.name.clone(), Arc::clone(&model.properties)),
                NodeKind::Seed(seed) => (self.drafts[index].node.name.clone(), Arc::clone(&seed.properties)),
                NodeKind::Source(table) => {
                    let owner = format!("{}_{}", table.name.source, table.name.table);
                    (owner, Arc::new(source_properties(table)))
                }
                NodeKind::Test(_) | NodeKind::Exposure(_) => continue,
            };
            for declared in &properties.data_tests {
                self.generic(index, &owner, None, declared);
            }
            for column in &properties.columns {
                for declared in &column.data_tests {
                    self.generic(index, &owner, Some((&column.name, &column.tags)), declared);
                }
            }
        }
    }

    fn singular(&mut self, test: &TestFile) {
        let unique_id = self.id("test", &test.name);
        let mut template = NodeTemplate {
            locals: Vec::new(),
            unique_id: unique_id.clone(),
            name: test.name.clone(),
            source: Arc::clone(&test.source),
            this: None,
            config: Arc::new(test.config.clone()),
            model: described(&unique_id, &test.name),
        };
        let Some(extracted) = self.found.keep(self.templates.extract(&template)) else { return };
        let mut config = test.config.clone();
        merge_config(&mut config, &extracted.config);
        if config.get("enabled") == Some(&Value::Bool(false)) {
            return;
        }
        let config = Arc::new(config);
        template.config = Arc::clone(&config);
        let node = Node {
            unique_id,
            name: test.name.clone(),
            fqn: self.fqn(&test.fqn),
            path: test.source.path.clone(),
            tags: tags(&config),
            config: Arc::clone(&config),
            description: test.properties.description.clone(),
            kind: NodeKind::Test(Box::new(TestNode {
                kind: TestKind::Singular,
                config,
                template,
                attached: None,
                column: None,
                place: None,
            })),
        };
        let wanted = Wanted { refs: extracted.refs, sources: extracted.sources };
        self.add(node, wanted, Vec::new());
    }

    fn generic(
        &mut self,
        owner: usize,
        owner_name: &str,
        column: Option<(&String, &Vec<String>)>,
        test: &DeclaredTest,
    ) {
        if test.config.get("enabled") == Some(&Value::Bool(false)) {
            return;
        }
        let mut arguments = test.arguments.clone();
        if let Some((column, _)) = column {
            arguments.insert("column_name".to_owned(), Value::String(column.clone()));
        }
        let prefix = match self.drafts[owner].node.kind {
            NodeKind::Source(_) => "source_",
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => "",
        };
        let test_name = TestName::new(prefix, &test.test, owner_name, &arguments, test.name.as_deref());
        let unique_id = format!("{}.{}", self.id("test", &test_name.name), test_name.hash);
        let (path, source) = match &test.place {
            Some(span) => (span.source.path.clone(), Arc::clone(&span.source)),
            None => (self.drafts[owner].node.path.clone(), SourceText::new(self.drafts[owner].node.path.clone(), "")),
        };
        let template = NodeTemplate {
            locals: Vec::new(),
            unique_id: unique_id.clone(),
            name: test_name.name.clone(),
            source,
            this: None,
            config: Arc::new(test.config.clone()),
            model: described(&unique_id, &test_name.name),
        };
        let place = test.place.as_ref();
        let extracted = match self.templates.generic_test(&test.test) {
            // A test of the project's own may name further relations in its body.
            Some(_) => self.templates.extract_generic_test(&test.test, &arguments, &template, place),
            None => self.templates.extract_arguments(&arguments, &template, place),
        };
        let Some(extracted) = self.found.keep(extracted) else { return };
        let mut config = test.config.clone();
        let mut all_tags = tags(&config);
        all_tags.extend(column.into_iter().flat_map(|(_, tags)| tags.iter().cloned()));
        config.insert("tags".to_owned(), json!(all_tags));
        let config = Arc::new(config);
        let mut fqn = self.drafts[owner].node.fqn.clone();
        fqn.pop();
        fqn.push(test_name.name.clone());
        let node = Node {
            unique_id,
            name: test_name.name,
            fqn,
            path,
            tags: all_tags,
            config: Arc::clone(&config),
            description: test.description.clone(),
            kind: NodeKind::Test(Box::new(TestNode {
                kind: TestKind::Generic { test: test.test.clone(), arguments },
                config,
                template,
                attached: Some(NodeId(owner)),
                column: column.map(|(name, _)| name.clone()),
                place: test.place.clone(),
            })),
        };
        let wanted = Wanted { refs: extracted.refs, sources: extracted.sources };
        self.add(node, wanted, vec![owner]);
    }
}

/// A data test as its own template sees it.
fn described(unique_id: &str, name: &str) -> Described {
    let (unique_id, name) = (unique_id.to_owned(), name.to_owned());
    Described::by(move || json!({"unique_id": unique_id, "name": name, "resource_type": "test"}))
}

fn source_properties(table: &SourceTable) -> Properties {
    Properties {
        description: table.description.clone(),
        columns: table.columns.clone(),
        data_tests: table.data_tests.clone(),
        meta: table.meta.clone(),
        place: table.place.clone(),
        settings: crate::project::SettingPlaces::new(),
    }
}

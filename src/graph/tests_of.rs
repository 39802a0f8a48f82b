//! Data tests as nodes: `.sql` files that select failing rows, and tests declared under a table or a column.

use std::sync::Arc;

use serde_json::{Value, json};

use super::NodeId;
use super::link::{Linker, Wanted, tags};
use super::memory::KnownTest;
use super::node::{DataTest, Node, NodeKind, TestKind, TestNode};
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
            self.declared(index, &owner, &properties);
        }
    }

    /// The tests declared under a table and its columns; those that are what they were are not read again.
    fn declared(&mut self, owner: usize, owner_name: &str, properties: &Properties) {
        let of_table = properties.data_tests.iter().map(|test| (None, test));
        let of_columns = properties.columns.iter().flat_map(|column| {
            let tests = column.data_tests.iter();
            tests.map(|test| (Some((column.name.as_str(), column.tags.as_slice())), test))
        });
        let unique_id = self.drafts[owner].node.unique_id.clone();
        let mut known = self.memory.map(|memory| memory.take_tests(&unique_id)).unwrap_or_default().into_iter();
        let mut linked = Vec::new();
        for (column, test) in of_table.chain(of_columns) {
            if test.config.get("enabled") == Some(&Value::Bool(false)) {
                continue;
            }
            let fqn = &self.drafts[owner].node.fqn;
            let known = known.next().filter(|known| known.is_still(fqn, column, test));
            let Some(generic) = known.or_else(|| self.generic(owner, owner_name, column, test)) else { continue };
            self.add(generic.node(NodeId(owner)), generic.wanted(), vec![owner]);
            linked.push(generic);
        }
        if let Some(memory) = self.memory {
            memory.keep_tests(unique_id, linked);
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
        let extracted = self.templates.extract(&template);
        let Some(extracted) = self.taken(&test.name, extracted) else { return };
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
            kind: NodeKind::Test(TestNode {
                attached: None,
                test: Arc::new(DataTest::new(TestKind::Singular, config, template, None, None)),
            }),
        };
        let wanted = Wanted { refs: extracted.refs, sources: extracted.sources };
        let draft = self.add(node, wanted, Vec::new());
        self.partial.extend(test.properties.is_partial.then_some(draft));
    }

    fn generic(
        &mut self,
        owner: usize,
        owner_name: &str,
        column: Option<(&str, &[String])>,
        test: &DeclaredTest,
    ) -> Option<KnownTest> {
        let mut arguments = test.arguments.clone();
        if let Some((column, _)) = column {
            arguments.insert("column_name".to_owned(), Value::String(column.to_owned()));
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
        let extracted = self.taken(&test_name.name, extracted)?;
        let mut config = test.config.clone();
        let mut all_tags = tags(&config);
        all_tags.extend(column.into_iter().flat_map(|(_, tags)| tags.iter().cloned()));
        config.insert("tags".to_owned(), json!(all_tags));
        let config = Arc::new(config);
        let kind = TestKind::Generic { test: test.test.clone(), arguments };
        let of = column.map(|(name, _)| name.to_owned());
        let made = DataTest::new(kind, config, template, of, test.place.clone());
        Some(KnownTest {
            declared: test.clone(),
            column_tags: column.map(|(_, tags)| tags.to_owned()).unwrap_or_default(),
            owner_fqn: self.drafts[owner].node.fqn.clone(),
            test: Arc::new(made),
            path,
            tags: all_tags,
            refs: extracted.refs,
            sources: extracted.sources,
        })
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
        columns: table.columns.clone().into(),
        data_tests: table.data_tests.clone().into(),
        meta: table.meta.clone(),
        place: table.place.clone(),
        settings: crate::project::SettingPlaces::new(),
        is_partial: false,
    }
}

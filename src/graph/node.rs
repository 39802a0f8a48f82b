//! What a node of the graph is: a model, a seed, a source's table, a data test or an exposure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::NodeId;
use super::config::{ModelConfig, SeedConfig};
use crate::diagnostic::{SourceText, Span};
use crate::names::Relation;
use crate::project::{Exposure, Properties, SettingPlaces, SourceTable};
use crate::template::NodeTemplate;

#[derive(Debug)]
pub struct Node {
    /// As dbt writes them: `model.project.name`, `source.project.source.table`, ...
    pub unique_id: String,
    pub name: String,
    pub fqn: Vec<String>,
    /// The file it stands in, relative to the project.
    pub path: String,
    pub tags: Vec<String>,
    /// The merged config as written, with keys we do not read ourselves.
    pub config: Arc<Map<String, Value>>,
    pub description: String,
    pub kind: NodeKind,
}

#[derive(Debug)]
pub enum NodeKind {
    Model(Box<ModelNode>),
    Seed(Box<SeedNode>),
    Source(Box<SourceTable>),
    Test(TestNode),
    /// What uses tables without being built: nothing reads it.
    Exposure(Box<Exposure>),
}

#[derive(Debug)]
pub struct ModelNode {
    pub relation: Relation,
    pub template: NodeTemplate,
    pub config: ModelConfig,
    pub properties: Arc<Properties>,
    /// Where its settings are written, in `config()`, properties or the project.
    pub settings: SettingPlaces,
}

#[derive(Debug)]
pub struct SeedNode {
    pub relation: Relation,
    pub config: SeedConfig,
    pub properties: Arc<Properties>,
}

/// A data test, and where it stands.
#[derive(Debug)]
pub struct TestNode {
    /// The node a generic test stands on.
    pub attached: Option<NodeId>,
    pub test: Arc<DataTest>,
}

impl Deref for TestNode {
    type Target = DataTest;

    fn deref(&self) -> &DataTest {
        &self.test
    }
}

/// What a data test is, wherever it stands in the graph; shared by the graphs of a process that links again and again.
#[derive(Debug)]
pub struct DataTest {
    pub kind: TestKind,
    /// `severity`, `where`, ... as written; read by `data_test`.
    pub config: Arc<Map<String, Value>>,
    pub template: NodeTemplate,
    /// The column a generic test stands on.
    pub column: Option<String>,
    /// Where the test is declared.
    pub place: Option<Span>,
    print: OnceLock<u64>,
}

impl DataTest {
    pub(super) fn new(
        kind: TestKind,
        config: Arc<Map<String, Value>>,
        template: NodeTemplate,
        column: Option<String>,
        place: Option<Span>,
    ) -> Self {
        Self { kind, config, template, column, place, print: OnceLock::new() }
    }

    /// A hash of all that makes it what it is, its place included; worked out once.
    pub fn print(&self) -> u64 {
        *self.print.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            match &self.kind {
                TestKind::Singular => self.template.source.text.hash(&mut hasher),
                // The text of its template is the whole file that declares it.
                TestKind::Generic { test, arguments } => (test, arguments).hash(&mut hasher),
            }
            (&self.column, &self.config).hash(&mut hasher);
            self.place.as_ref().map(|place| &place.range).hash(&mut hasher);
            hasher.finish()
        })
    }
}

#[derive(Debug)]
pub enum TestKind {
    /// A `.sql` file that selects failing rows.
    Singular,
    /// A named test with arguments, declared in YAML.
    Generic { test: String, arguments: Map<String, Value> },
}

impl Node {
    /// `model`, `seed`, `source`, `test` or `exposure`, as in dbt's `resource_type`.
    pub fn resource_type(&self) -> &'static str {
        match self.kind {
            NodeKind::Model(_) => "model",
            NodeKind::Seed(_) => "seed",
            NodeKind::Source(_) => "source",
            NodeKind::Test(_) => "test",
            NodeKind::Exposure(_) => "exposure",
        }
    }

    /// The relation a model or seed is built as.
    pub fn relation(&self) -> Option<&Relation> {
        match &self.kind {
            NodeKind::Model(model) => Some(&model.relation),
            NodeKind::Seed(seed) => Some(&seed.relation),
            NodeKind::Source(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => None,
        }
    }

    pub fn as_model(&self) -> Option<&ModelNode> {
        match &self.kind {
            NodeKind::Model(model) => Some(model),
            NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => None,
        }
    }

    /// Whether a mistake keeps its settings from being known.
    pub fn is_partial(&self) -> bool {
        match &self.kind {
            NodeKind::Model(model) => model.properties.is_partial,
            NodeKind::Seed(seed) => seed.properties.is_partial,
            NodeKind::Source(_) | NodeKind::Test(_) | NodeKind::Exposure(_) => false,
        }
    }

    pub fn as_test(&self) -> Option<&TestNode> {
        match &self.kind {
            NodeKind::Test(test) => Some(test),
            NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Model(_) | NodeKind::Exposure(_) => None,
        }
    }

    /// How the node is called in messages: its relation, else its name.
    pub fn label(&self) -> String {
        match &self.kind {
            NodeKind::Model(model) => model.relation.to_string(),
            NodeKind::Seed(seed) => seed.relation.to_string(),
            NodeKind::Source(source) => source.name.to_string(),
            NodeKind::Test(_) | NodeKind::Exposure(_) => self.name.clone(),
        }
    }

    /// The template's text, for nodes that have one.
    pub fn source_text(&self) -> Option<&Arc<SourceText>> {
        match &self.kind {
            NodeKind::Model(model) => Some(&model.template.source),
            NodeKind::Test(test) => Some(&test.template.source),
            NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => None,
        }
    }
}

//! What linking each model and each test gave, for a process that links a project again and again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::NodeId;
use super::link::Wanted;
use super::node::{DataTest, Node, NodeKind, TestNode};
use crate::diagnostic::SourceText;
use crate::project::{DeclaredTest, ModelFile, Project};
use crate::template::{Extracted, RefCall, SourceCall};

#[derive(Debug, Default)]
pub struct LinkMemory(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    /// What every template may use: macros, variables, the environment and the target.
    scope: u64,
    /// By name.
    models: HashMap<String, Known>,
    /// By the unique id of what they are declared under, in the order of the declarations.
    tests: HashMap<String, Vec<KnownTest>>,
}

#[derive(Debug)]
struct Known {
    source: Arc<SourceText>,
    config: Map<String, Value>,
    extracted: Extracted,
}

/// A generic test that was linked, and what it was declared as.
#[derive(Debug)]
pub(super) struct KnownTest {
    pub(super) declared: DeclaredTest,
    pub(super) column_tags: Vec<String>,
    pub(super) owner_fqn: Vec<String>,
    pub(super) test: Arc<DataTest>,
    pub(super) path: String,
    pub(super) tags: Vec<String>,
    pub(super) refs: Vec<RefCall>,
    pub(super) sources: Vec<SourceCall>,
}

impl KnownTest {
    /// Whether it would be linked to the same: declared the same, at the same place of a text that has not changed.
    pub(super) fn is_still(
        &self,
        owner_fqn: &[String],
        column: Option<(&str, &[String])>,
        test: &DeclaredTest,
    ) -> bool {
        let known = &self.declared;
        let is_in_place = match (&known.place, &test.place) {
            (Some(known), Some(now)) => Arc::ptr_eq(&known.source, &now.source) && known.range == now.range,
            (Some(_) | None, None) | (None, Some(_)) => false,
        };
        is_in_place
            && self.owner_fqn == owner_fqn
            && self.test.column.as_deref() == column.map(|(name, _)| name)
            && self.column_tags == column.map(|(_, tags)| tags).unwrap_or_default()
            && (&known.test, &known.name, &known.description) == (&test.test, &test.name, &test.description)
            && (&known.arguments, &known.config) == (&test.arguments, &test.config)
    }

    pub(super) fn node(&self, owner: NodeId) -> Node {
        let name = self.test.template.name.clone();
        let folders = self.owner_fqn.iter().take(self.owner_fqn.len().saturating_sub(1)).cloned();
        Node {
            unique_id: self.test.template.unique_id.clone(),
            fqn: folders.chain([name.clone()]).collect(),
            name,
            path: self.path.clone(),
            tags: self.tags.clone(),
            config: Arc::clone(&self.test.config),
            description: self.declared.description.clone(),
            kind: NodeKind::Test(TestNode { attached: Some(owner), test: Arc::clone(&self.test) }),
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted { refs: self.refs.clone(), sources: self.sources.clone() }
    }
}

impl LinkMemory {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything if templates mean something else now.
    pub(super) fn begin(&self, project: &Project) {
        let mut hasher = DefaultHasher::new();
        for file in &project.macros {
            (&file.package, &file.source.text).hash(&mut hasher);
        }
        Value::Object(project.config.vars.clone()).to_string().hash(&mut hasher);
        project.config.target.context().to_string().hash(&mut hasher);
        project.env.hash(&mut hasher);
        let scope = hasher.finish();
        let mut last = self.last();
        if last.scope != scope {
            *last = Last { scope, ..Last::default() };
        }
    }

    /// What the model's template asked for, if it is the same text. What `model` says in it is not looked at: a template
    /// that asks for its own properties is rendered anew.
    pub(super) fn recall(&self, model: &ModelFile) -> Option<Extracted> {
        let last = self.last();
        let known = last.models.get(&model.name)?;
        let is_same = Arc::ptr_eq(&known.source, &model.source) && known.config == model.config;
        (is_same && !asks_for_itself(&model.source)).then(|| known.extracted.clone())
    }

    /// The tests that were linked under a table; they are kept again with those of now.
    pub(super) fn take_tests(&self, owner: &str) -> Vec<KnownTest> {
        self.last().tests.remove(owner).unwrap_or_default()
    }

    pub(super) fn keep_tests(&self, owner: String, tests: Vec<KnownTest>) {
        if !tests.is_empty() {
            self.last().tests.insert(owner, tests);
        }
    }

    pub(super) fn keep(&self, model: &ModelFile, extracted: &Extracted) {
        let known =
            Known { source: Arc::clone(&model.source), config: model.config.clone(), extracted: extracted.clone() };
        self.last().models.insert(model.name.clone(), known);
    }
}

/// Whether a template names `model`, whose properties come from other files.
fn asks_for_itself(source: &SourceText) -> bool {
    source.text.contains("model.") || source.text.contains("model[")
}

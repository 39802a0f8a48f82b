//! What the first render of each model gave, for a process that links a project again and again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::diagnostic::SourceText;
use crate::project::{ModelFile, Project};
use crate::template::Extracted;

#[derive(Debug, Default)]
pub struct LinkMemory(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    /// What every template may use: macros, variables, the environment and the target.
    scope: u64,
    /// By name.
    models: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    source: Arc<SourceText>,
    config: Map<String, Value>,
    extracted: Extracted,
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

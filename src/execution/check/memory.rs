//! What a check has found out, for the next one of the same process: a node that is made of the same, and reads the same
//! columns, is not bound again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;

use super::bound::Bound;
use crate::diagnostic::{Diagnostic, SourceText, Span};
use crate::execution::Context;
use crate::graph::{NodeId, NodeKind};

/// The outcomes of the last check.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    /// What every template may use: macros, variables, the target.
    scope: u64,
    /// The newest first. Two of each: what is below a mistake is found again once that is mended.
    nodes: HashMap<String, Vec<Remembered>>,
}

/// Outcomes kept of a node.
const KEPT: usize = 2;

#[derive(Debug, Clone)]
pub(super) struct Remembered {
    made_of: u64,
    text: Option<Arc<SourceText>>,
    /// The columns of what it reads, in the order of its parents.
    inputs: Vec<Option<SchemaRef>>,
    schema: Option<SchemaRef>,
    fingerprint: u64,
    pub(super) found: Vec<Diagnostic>,
    /// It was not bound, for what it reads is not known or is wrong.
    is_open: bool,
}

/// What a node is made of, and what it reads; how it is told from itself at the next check.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    made_of: u64,
    /// Of a model. A file that has not changed has the same one still, and nothing in it is looked at.
    text: Option<Arc<SourceText>>,
    inputs: Vec<Option<SchemaRef>>,
}

impl Identity {
    /// `own` is the version of the node's own table, where that counts. None for nodes that are looked at each time.
    pub(super) fn of(context: &Context, id: NodeId, own: Option<u64>, inputs: Vec<Option<SchemaRef>>) -> Option<Self> {
        let node = context.graph.node(id);
        let mut hasher = DefaultHasher::new();
        let text = match &node.kind {
            NodeKind::Model(model) => {
                for column in model.properties.columns.iter() {
                    (&column.name, &column.data_type).hash(&mut hasher);
                    hash_place(column.place.as_ref(), &mut hasher);
                }
                hash_place(model.properties.place.as_ref(), &mut hasher);
                model.properties.is_partial.hash(&mut hasher);
                model.settings.values().for_each(|place| hash_place(Some(place), &mut hasher));
                Some(Arc::clone(&model.template.source))
            }
            // With its config.
            NodeKind::Test(test) => return Some(Self { made_of: test.print(), text: None, inputs }),
            NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => return None,
        };
        node.config.hash(&mut hasher);
        own.hash(&mut hasher);
        Some(Self { made_of: hasher.finish(), text, inputs })
    }

    fn is_of(&self, known: &Remembered) -> bool {
        known.made_of == self.made_of && known.text == self.text && known.inputs == self.inputs
    }
}

/// Where a mistake is shown: one that moved is another.
fn hash_place(place: Option<&Span>, hasher: &mut DefaultHasher) {
    if let Some(place) = place {
        place.range.hash(hasher);
    }
}

impl Memory {
    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything if templates mean something else now.
    pub(super) fn begin(&self, context: &Context) {
        let scope = scope(context);
        let mut last = self.last();
        if last.scope != scope {
            *last = Last { scope, ..Last::default() };
        }
    }

    /// What was found of the node, if it is still the same.
    pub(super) fn recall(&self, context: &Context, id: NodeId, identity: &Identity) -> Option<Remembered> {
        let last = self.last();
        let known = last.nodes.get(&context.graph.node(id).unique_id)?;
        known.iter().find(|known| identity.is_of(known)).cloned()
    }

    pub(super) fn keep(
        &self,
        context: &Context,
        id: NodeId,
        identity: Identity,
        bound: &Bound,
        found: Vec<Diagnostic>,
    ) {
        let mut last = self.last();
        let known = last.nodes.entry(context.graph.node(id).unique_id.clone()).or_default();
        known.retain(|other| !identity.is_of(other));
        let remembered = Remembered {
            made_of: identity.made_of,
            text: identity.text,
            inputs: identity.inputs,
            schema: bound.schema.clone(),
            fingerprint: bound.fingerprint,
            is_open: bound.schema.is_none() || bound.asks,
            found,
        };
        known.insert(0, remembered);
        known.truncate(KEPT);
    }
}

impl Remembered {
    pub(super) fn bound(&self) -> Bound {
        Bound { schema: self.schema.clone(), fingerprint: self.fingerprint, ..Bound::default() }
    }

    /// Whether it stands as it is, whatever is found of what it reads.
    pub(super) fn holds(&self) -> bool {
        !self.is_open || !self.found.is_empty()
    }
}

fn scope(context: &Context) -> u64 {
    let project = &context.project;
    let mut hasher = DefaultHasher::new();
    for file in &project.macros {
        (&file.package, &file.source.text).hash(&mut hasher);
    }
    serde_json::Value::Object(project.config.vars.clone()).to_string().hash(&mut hasher);
    project.config.target.context().to_string().hash(&mut hasher);
    project.env.hash(&mut hasher);
    project.config.layers.hash(&mut hasher);
    hasher.finish()
}

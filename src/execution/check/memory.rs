//! What a check has found out, for the next one of the same process: a node that is made of the same, and reads the same
//! columns, is not bound again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;

use super::bind::Bound;
use crate::diagnostic::{Diagnostic, Span};
use crate::execution::Context;
use crate::graph::{NodeId, NodeKind, TestKind};

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
    inputs: Vec<Option<SchemaRef>>,
}

impl Identity {
    /// `own` is the version of the node's own table, where that counts. None for nodes that are looked at each time.
    pub(super) fn of(context: &Context, id: NodeId, own: Option<u64>, inputs: Vec<Option<SchemaRef>>) -> Option<Self> {
        let node = context.graph.node(id);
        let mut hasher = DefaultHasher::new();
        match &node.kind {
            NodeKind::Model(model) => {
                model.template.source.text.hash(&mut hasher);
                for column in &model.properties.columns {
                    (&column.name, &column.data_type).hash(&mut hasher);
                    hash_place(column.place.as_ref(), &mut hasher);
                }
                hash_place(model.properties.place.as_ref(), &mut hasher);
                model.settings.values().for_each(|place| hash_place(Some(place), &mut hasher));
            }
            NodeKind::Test(test) => {
                match &test.kind {
                    TestKind::Singular => test.template.source.text.hash(&mut hasher),
                    // Its text is the whole file that declares it.
                    TestKind::Generic { test, arguments } => (test, arguments).hash(&mut hasher),
                }
                (&test.column, &test.config).hash(&mut hasher);
                hash_place(test.place.as_ref(), &mut hasher);
            }
            NodeKind::Seed(_) | NodeKind::Source(_) | NodeKind::Exposure(_) => return None,
        }
        node.config.hash(&mut hasher);
        own.hash(&mut hasher);
        Some(Self { made_of: hasher.finish(), inputs })
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
        known.iter().find(|known| known.made_of == identity.made_of && known.inputs == identity.inputs).cloned()
    }

    pub(super) fn keep(
        &self,
        context: &Context,
        id: NodeId,
        identity: Identity,
        bound: &Bound,
        found: Vec<Diagnostic>,
    ) {
        let remembered = Remembered {
            made_of: identity.made_of,
            inputs: identity.inputs,
            schema: bound.schema.clone(),
            fingerprint: bound.fingerprint,
            is_open: bound.schema.is_none() || bound.asks,
            found,
        };
        let mut last = self.last();
        let known = last.nodes.entry(context.graph.node(id).unique_id.clone()).or_default();
        known.retain(|other| other.made_of != remembered.made_of || other.inputs != remembered.inputs);
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

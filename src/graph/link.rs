//! From files to a graph: the first render of every template, and each `ref()` and `source()` turned into an edge.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::assemble::assemble;
use super::config::SeedConfig;
use super::cycle;
use super::memory::LinkMemory;
use super::node::{Node, NodeKind, SeedNode};
use super::resolve::Names;
use super::{Graph, LeftOut};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::names::{Relation, SEEDS};
use crate::project::{HttpConfig, Project, SeedFile, SourceTable, TableReader};
use crate::template::{Described, NodeTemplate, RefCall, SourceCall, Templates};

/// An edge as it was written, before its target is known.
pub(super) struct Wanted {
    pub(super) refs: Vec<RefCall>,
    pub(super) sources: Vec<SourceCall>,
}

/// A node on its way into the graph.
pub(super) struct Draft {
    pub(super) node: Node,
    wanted: Wanted,
    /// Edges known without looking anything up: a test's own table.
    parents: Vec<usize>,
}

/// Builds the graph; every mistake found on the way is reported together, with the warnings of a good one.
pub fn link(
    project: &Project,
    templates: &Templates,
    memory: Option<&LinkMemory>,
) -> Result<(Graph, Diagnostics), Diagnostics> {
    let (graph, found) = link_what_is_right(project, templates, memory);
    found.finish(graph)
}

/// The graph without the nodes that are wrong and those that read them, with all mistakes and warnings.
pub fn link_what_is_right(
    project: &Project,
    templates: &Templates,
    memory: Option<&LinkMemory>,
) -> (Graph, Diagnostics) {
    if let Some(memory) = memory {
        memory.begin(project);
    }
    let found = Diagnostics::default();
    let (drafts, wrong, disabled) = (Vec::new(), BTreeSet::new(), Vec::new());
    let (partial, held_back) = (BTreeSet::new(), HashSet::new());
    let mut linker = Linker { project, templates, memory, found, drafts, wrong, partial, held_back, disabled };
    linker.sources();
    linker.seeds();
    linker.models();
    linker.tests();
    linker.exposures();
    linker.finish()
}

pub(super) struct Linker<'a> {
    pub(super) project: &'a Project,
    pub(super) templates: &'a Templates,
    pub(super) memory: Option<&'a LinkMemory>,
    pub(super) found: Diagnostics,
    pub(super) drafts: Vec<Draft>,
    /// Drafts whose settings are not as somebody meant them.
    pub(super) wrong: BTreeSet<usize>,
    /// Drafts of whose settings not all are known.
    pub(super) partial: BTreeSet<usize>,
    /// Names of what uses something that could not be read, and is no draft.
    held_back: HashSet<String>,
    pub(super) disabled: Vec<String>,
}

impl Linker<'_> {
    pub(super) fn id(&self, kind: &str, name: &str) -> String {
        format!("{kind}.{}.{name}", self.project.config.name)
    }

    pub(super) fn add(&mut self, node: Node, wanted: Wanted, parents: Vec<usize>) -> usize {
        self.drafts.push(Draft { node, wanted, parents });
        self.drafts.len() - 1
    }

    /// What was made of something that is called `name`. What is wrong only because something else could not be read is not
    /// told.
    pub(super) fn taken<T>(&mut self, name: &str, made: Result<T, Diagnostics>) -> Option<T> {
        match made {
            Ok(made) => Some(made),
            Err(found) => {
                let own = found.without(|mistake| self.templates.explains(mistake));
                if own.is_empty() {
                    self.held_back.insert(name.to_owned());
                }
                self.found.extend(own);
                None
            }
        }
    }

    fn sources(&mut self) {
        for table in &self.project.sources {
            if table.config.get("enabled") == Some(&Value::Bool(false)) {
                continue;
            }
            let place = table.place.as_ref();
            let told = self.found.errors();
            let wanted = self.for_each(table);
            let node = Node {
                unique_id: self.id("source", &table.name.to_string()),
                name: table.name.table.clone(),
                fqn: vec![self.project.config.name.clone(), table.name.source.clone(), table.name.table.clone()],
                path: place.map(|span| span.source.path.clone()).unwrap_or_default(),
                tags: table.tags.clone(),
                config: Arc::new(table.config.clone()),
                description: table.description.clone(),
                kind: NodeKind::Source(Box::new(table.clone())),
            };
            let draft = self.add(node, wanted, Vec::new());
            let is_wrong = self.found.errors() > told || self.project.unread.tables.contains(&table.name);
            self.wrong.extend(is_wrong.then_some(draft));
        }
    }

    /// What the query reads that says what a source is asked for.
    fn for_each(&mut self, table: &SourceTable) -> Wanted {
        let TableReader::Http(http) = &table.reader else { return Wanted::none() };
        let Some(text) = &http.for_each else { return Wanted::none() };
        let template =
            for_each_template(&self.id("source", &table.name.to_string()), table, http, Timestamp::UNIX_EPOCH);
        let extracted = self.templates.extract_at(&template, &text.place);
        let Some(extracted) = self.taken(&template.name, extracted) else { return Wanted::none() };
        let (mut refs, mut sources) = (extracted.refs, extracted.sources);
        for call in &mut refs {
            call.span = Some(text.place.clone());
        }
        for call in &mut sources {
            call.span = Some(text.place.clone());
        }
        Wanted { refs, sources }
    }

    fn seeds(&mut self) {
        for seed in &self.project.seeds {
            if seed.config.get("enabled") == Some(&Value::Bool(false)) {
                self.disabled.push(seed.name.clone());
                continue;
            }
            if let Some(node) = self.seed(seed) {
                self.add(node, Wanted::none(), Vec::new());
            }
        }
    }

    fn seed(&mut self, seed: &SeedFile) -> Option<Node> {
        let relation = self.relation(SEEDS, &seed.name, &seed.path)?;
        let place = seed.properties.place.clone();
        let settings = &seed.properties.settings;
        let config = self.found.keep(SeedConfig::read(&seed.config, &seed.name, place, settings, &seed.path))?;
        Some(Node {
            unique_id: self.id("seed", &seed.name),
            name: seed.name.clone(),
            fqn: self.fqn(&seed.fqn),
            path: seed.path.clone(),
            tags: tags(&seed.config),
            config: Arc::new(seed.config.clone()),
            description: seed.properties.description.clone(),
            kind: NodeKind::Seed(Box::new(SeedNode { relation, config, properties: Arc::clone(&seed.properties) })),
        })
    }

    pub(super) fn relation(&mut self, layer: &str, name: &str, path: &str) -> Option<Relation> {
        let made = Relation::new(layer, name)
            .map_err(|invalid| Diagnostic::error(Code::InvalidName, invalid.to_string()).in_file(path));
        self.found.keep(made)
    }

    pub(super) fn fqn(&self, below: &[String]) -> Vec<String> {
        std::iter::once(self.project.config.name.clone()).chain(below.iter().cloned()).collect()
    }

    fn finish(mut self) -> (Graph, Diagnostics) {
        self.refuse_twins();
        let names = Names::new(&self.drafts);
        let mut parents: Vec<Vec<usize>> = Vec::with_capacity(self.drafts.len());
        // What reads what is wrong, and says nothing wrong itself.
        let mut below: BTreeSet<usize> = BTreeSet::new();
        let unread = &self.project.unread;
        for (index, draft) in self.drafts.iter().enumerate() {
            let mut above = draft.parents.clone();
            // What is declared may be meant for the other of two.
            if draft.parents.iter().any(|owner| self.is_there_twice(&self.drafts[*owner].node)) {
                below.insert(index);
            }
            for call in &draft.wanted.refs {
                // The other of two may be meant.
                if unread.has_another(&call.name) {
                    below.insert(index);
                }
                match names.resolve_ref(call, &self.project.config.name, &self.disabled) {
                    Ok(parent) => {
                        if let Some(wrong) = self.layer_above(draft, parent, call.span.clone()) {
                            self.wrong.insert(index);
                            self.found.push(wrong);
                        }
                        above.push(parent);
                    }
                    // Its own mistake is told already: that it is missing is no second one.
                    Err(_) if self.is_broken(&call.name) || unread.has_relation(&call.name) => {
                        below.insert(index);
                    }
                    // It may be disabled itself, and so not miss what is.
                    Err(_) if self.partial.contains(&index) && self.disabled.contains(&call.name) => {
                        below.insert(index);
                    }
                    Err(unknown) => {
                        self.wrong.insert(index);
                        self.found.push(unknown.at(call.span.clone(), &draft.node.path));
                    }
                }
            }
            for call in &draft.wanted.sources {
                match names.resolve_source(call) {
                    Ok(parent) => above.push(parent),
                    Err(_) if unread.has_table(&call.source, &call.table) => {
                        below.insert(index);
                    }
                    Err(unknown) => {
                        self.wrong.insert(index);
                        self.found.push(unknown.at(call.span.clone(), &draft.node.path));
                    }
                }
            }
            above.sort_unstable();
            above.dedup();
            parents.push(above);
        }
        let order = loop {
            match cycle::order(&parents) {
                Ok(order) => break order,
                Err(chain) => {
                    self.found.push(self.cycle(&chain));
                    for member in chain {
                        parents[member].clear();
                        self.wrong.insert(member);
                    }
                }
            }
        };
        for id in &order {
            let is_below = parents[*id].iter().any(|parent| self.wrong.contains(parent) || below.contains(parent));
            below.extend(is_below.then_some(*id));
        }
        let right: Vec<usize> =
            order.into_iter().filter(|id| !self.wrong.contains(id) && !below.contains(id)).collect();
        let left_out = self.left_out(&right, &below);
        let Self { found, drafts, disabled, project, .. } = self;
        let graph = assemble(drafts, &parents, &right, disabled, &project.config.name);
        (Graph { left_out, ..graph }, found)
    }

    /// Models and seeds that do not come into the graph.
    fn left_out(&self, right: &[usize], below: &BTreeSet<usize>) -> Vec<LeftOut> {
        let mut names: HashSet<&str> = right.iter().map(|id| self.drafts[*id].node.name.as_str()).collect();
        names.extend(self.disabled.iter().map(String::as_str));
        let reads_wrong: HashSet<&str> = below
            .iter()
            .filter(|id| !self.wrong.contains(id))
            .map(|id| &self.drafts[*id].node)
            .filter(|node| node.as_model().is_some())
            .map(|node| node.name.as_str())
            .chain(self.held_back.iter().map(String::as_str))
            .collect();
        let models = self.project.models.iter().map(|model| (model.layer.as_str(), model.name.as_str()));
        let unread = self.project.unread.relations.iter().map(|(layer, name)| (layer.as_str(), name.as_str()));
        let seeds = self.project.seeds.iter().map(|seed| (SEEDS, seed.name.as_str()));
        let all = models.chain(seeds).chain(unread);
        all.filter(|(_, name)| !names.contains(name))
            .filter_map(|(layer, name)| {
                let relation = Relation::new(layer, name).ok()?;
                Some(LeftOut { relation, reads_wrong: reads_wrong.contains(name) })
            })
            .collect()
    }

    /// A model or seed that is there and could not be read.
    fn is_broken(&self, name: &str) -> bool {
        let is_disabled = self.disabled.iter().any(|disabled| disabled == name);
        let mut names =
            self.project.models.iter().map(|model| &model.name).chain(self.project.seeds.iter().map(|seed| &seed.name));
        !is_disabled && names.any(|known| known == name)
    }

    /// A model or seed whose name a second one has, which is not read.
    fn is_there_twice(&self, node: &Node) -> bool {
        let is_named = matches!(node.kind, NodeKind::Model(_) | NodeKind::Seed(_));
        is_named && self.project.unread.has_another(&node.name)
    }

    fn refuse_twins(&mut self) {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut twins = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            if !seen.insert(&draft.node.unique_id) {
                self.wrong.insert(index);
                let place = draft.node.as_test().and_then(|test| test.place.clone());
                twins.push(
                    Diagnostic::error(Code::Duplicate, format!("`{}` is there twice", draft.node.name))
                        .label_or_file(place, "", &draft.node.path)
                        .hint("remove one of them, or give this one a `name`"),
                );
            }
        }
        self.found.extend(twins);
    }

    fn layer_above(&self, draft: &Draft, parent: usize, span: Option<Span>) -> Option<Diagnostic> {
        let reader = draft.node.as_model()?;
        let read = self.drafts[parent].node.as_model()?;
        if self.project.config.layers_are_partial {
            return None;
        }
        let layers = &self.project.config.layers;
        let rank = |layer: &str| layers.iter().position(|known| known == layer);
        let (own, other) = (rank(reader.relation.layer())?, rank(read.relation.layer())?);
        (other > own).then(|| {
            Diagnostic::error(
                Code::LayerAbove,
                format!("`{}` reads `{}`, which is above it", reader.relation, read.relation),
            )
            .label_or_file(
                span,
                format!("{} may read {}", reader.relation.layer(), readable(&layers[..=own])),
                &draft.node.path,
            )
        })
    }

    fn cycle(&self, chain: &[usize]) -> Diagnostic {
        let names: Vec<String> = chain.iter().map(|id| format!("`{}`", self.drafts[*id].node.label())).collect();
        let reader = &self.drafts[chain[0]];
        let next = chain.get(1).map(|id| self.drafts[*id].node.name.clone()).unwrap_or_default();
        let span = reader.wanted.refs.iter().find(|call| call.name == next).and_then(|call| call.span.clone());
        let message = match chain {
            [_, _] => format!("{} reads itself", names[0]),
            _ => format!("models wait for each other: {}", names.join(" -> ")),
        };
        let diagnostic = Diagnostic::error(Code::Cycle, message).label_or_file(span, "", &reader.node.path);
        match chain {
            [_, _] => {
                diagnostic.hint("use `{{ this }}` inside `{% if is_incremental() %}` to read the model's own table")
            }
            _ => diagnostic,
        }
    }
}

fn readable(layers: &[String]) -> String {
    match layers {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

pub(super) fn tags(config: &Map<String, Value>) -> Vec<String> {
    match config.get("tags") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

impl Wanted {
    pub(super) fn none() -> Self {
        Self { refs: Vec::new(), sources: Vec::new() }
    }
}

/// The query of a source's `for_each`, as a template that knows the window it is asked for.
pub fn for_each_template(unique_id: &str, table: &SourceTable, http: &HttpConfig, window: Timestamp) -> NodeTemplate {
    let (text, path) = http.for_each.as_ref().map_or(("", ""), |text| (&*text.text, &*text.place.source.path));
    NodeTemplate {
        unique_id: unique_id.to_owned(),
        name: table.name.to_string(),
        source: SourceText::new(path, text),
        this: None,
        config: Arc::new(table.config.clone()),
        model: Described::default(),
        locals: http.window.as_ref().map(|every| ("window", every.local(window))).into_iter().collect(),
    }
}

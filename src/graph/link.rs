//! From files to a graph: the first render of every template, and each `ref()` and `source()` turned into an edge.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::config::{ModelConfig, SeedConfig};
use super::cycle;
use super::node::{ModelNode, Node, NodeKind, SeedNode, TestKind, TestNode};
use super::test_name::TestName;
use super::{Graph, NodeId};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::names::{Relation, SEEDS, SourceName};
use crate::project::{
    self, DeclaredTest, ModelFile, Place, Project, Properties, SeedFile, SourceTable, TestFile, merge_config,
};
use crate::template::{Extracted, NodeTemplate, RefCall, SourceCall, Templates};

/// An edge as it was written, before its target is known.
struct Wanted {
    refs: Vec<RefCall>,
    sources: Vec<SourceCall>,
}

/// A node on its way into the graph.
struct Draft {
    node: Node,
    wanted: Wanted,
    /// Edges known without looking anything up: a test's own table.
    parents: Vec<usize>,
}

/// Builds the graph; every mistake found on the way is reported together, with the warnings of a good one.
pub fn link(project: &Project, templates: &Templates) -> Result<(Graph, Diagnostics), Diagnostics> {
    let mut linker =
        Linker { project, templates, found: Diagnostics::default(), drafts: Vec::new(), disabled: Vec::new() };
    linker.sources();
    linker.seeds();
    linker.models();
    linker.tests();
    linker.finish()
}

struct Linker<'a> {
    project: &'a Project,
    templates: &'a Templates,
    found: Diagnostics,
    drafts: Vec<Draft>,
    disabled: Vec<String>,
}

impl Linker<'_> {
    fn id(&self, kind: &str, name: &str) -> String {
        format!("{kind}.{}.{name}", self.project.config.name)
    }

    fn add(&mut self, node: Node, wanted: Wanted, parents: Vec<usize>) -> usize {
        self.drafts.push(Draft { node, wanted, parents });
        self.drafts.len() - 1
    }

    fn sources(&mut self) {
        for table in &self.project.sources {
            if table.config.get("enabled") == Some(&Value::Bool(false)) {
                continue;
            }
            let place = table.place.as_ref();
            let node = Node {
                unique_id: self.id("source", &table.name.to_string()),
                name: table.name.table.clone(),
                fqn: vec![self.project.config.name.clone(), table.name.source.clone(), table.name.table.clone()],
                path: place.map(|span| span.source.path.clone()).unwrap_or_default(),
                tags: table.tags.clone(),
                config: table.config.clone(),
                description: table.description.clone(),
                kind: NodeKind::Source(Box::new(table.clone())),
            };
            self.add(node, Wanted::none(), Vec::new());
        }
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
        let config = self.found.keep(SeedConfig::read(&seed.config, &seed.name, place, &seed.path))?;
        Some(Node {
            unique_id: self.id("seed", &seed.name),
            name: seed.name.clone(),
            fqn: self.fqn(&seed.fqn),
            path: seed.path.clone(),
            tags: tags(&seed.config),
            config: seed.config.clone(),
            description: seed.properties.description.clone(),
            kind: NodeKind::Seed(Box::new(SeedNode { relation, config, properties: seed.properties.clone() })),
        })
    }

    fn relation(&mut self, layer: &str, name: &str, path: &str) -> Option<Relation> {
        let made = Relation::new(layer, name)
            .map_err(|invalid| Diagnostic::error(Code::InvalidName, invalid.to_string()).in_file(path));
        self.found.keep(made)
    }

    fn fqn(&self, below: &[String]) -> Vec<String> {
        std::iter::once(self.project.config.name.clone()).chain(below.iter().cloned()).collect()
    }

    fn models(&mut self) {
        let extracted = self.extract_models();
        for (model, extracted) in self.project.models.iter().zip(extracted) {
            let Some(extracted) = self.found.keep(extracted) else { continue };
            self.model(model, extracted);
        }
    }

    /// The first render of all models, on the machine's cores: it is most of the time before a run.
    fn extract_models(&self) -> Vec<Result<Extracted, Diagnostics>> {
        let models = &self.project.models;
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(models.len() / 16 + 1);
        let share = models.len().div_ceil(workers.max(1)).max(1);
        let extract = |model: &ModelFile| self.templates.extract(&self.template(model, &model.config));
        if workers <= 1 {
            return models.iter().map(extract).collect();
        }
        std::thread::scope(|scope| {
            let handles: Vec<_> = models
                .chunks(share)
                .map(|chunk| scope.spawn(move || chunk.iter().map(extract).collect::<Vec<_>>()))
                .collect();
            handles
                .into_iter()
                .flat_map(|handle| match handle.join() {
                    Ok(results) => results,
                    Err(payload) => std::panic::resume_unwind(payload),
                })
                .collect()
        })
    }

    fn template(&self, model: &ModelFile, config: &Map<String, Value>) -> NodeTemplate {
        let unique_id = self.id("model", &model.name);
        NodeTemplate {
            name: model.name.clone(),
            source: Arc::clone(&model.source),
            this: Relation::new(&model.layer, &model.name).ok(),
            config: config.clone(),
            model: json!({
                "unique_id": unique_id,
                "name": model.name,
                "alias": model.name,
                "schema": model.layer,
                "resource_type": "model",
                "package_name": self.project.config.name,
                "path": model.source.path,
                "original_file_path": model.source.path,
                "fqn": self.fqn(&model.fqn),
                "config": config,
                "description": model.properties.description,
                "tags": tags(config),
                "meta": model.properties.meta,
                "columns": model.properties.columns.iter()
                    .map(|column| (column.name.clone(), json!({
                        "name": column.name, "description": column.description, "data_type": column.data_type,
                    })))
                    .collect::<Map<String, Value>>(),
            }),
            unique_id,
        }
    }

    fn model(&mut self, model: &ModelFile, extracted: Extracted) {
        let mut config = model.config.clone();
        self.check_config_keys(model, &extracted);
        merge_config(&mut config, &extracted.config);
        if config.get("enabled") == Some(&Value::Bool(false)) {
            self.disabled.push(model.name.clone());
            return;
        }
        let path = &model.source.path;
        let Some(relation) = self.relation(&model.layer, &model.name, path) else { return };
        let place = extracted.config_span.clone().or_else(|| model.properties.place.clone());
        let Some(typed) = self.found.keep(ModelConfig::read(&config, &model.name, place, path)) else { return };
        let template = self.template(model, &config);
        let node = Node {
            unique_id: template.unique_id.clone(),
            name: model.name.clone(),
            fqn: self.fqn(&model.fqn),
            path: path.clone(),
            tags: tags(&config),
            description: model.properties.description.clone(),
            kind: NodeKind::Model(Box::new(ModelNode {
                relation,
                template,
                config: typed,
                properties: model.properties.clone(),
            })),
            config,
        };
        let wanted = Wanted { refs: extracted.refs, sources: extracted.sources };
        self.add(node, wanted, Vec::new());
    }

    fn check_config_keys(&mut self, model: &ModelFile, extracted: &Extracted) {
        for key in extracted.config.keys() {
            if project::MODEL_CONFIG_KEYS.contains(&key.as_str()) {
                continue;
            }
            let place = extracted.config_span.as_ref().and_then(|span| {
                let at = span.source.text[span.range.clone()].find(key.as_str())? + span.range.start;
                Some(Span::new(&span.source, at..at + key.len()))
            });
            self.found.push(
                Diagnostic::error(Code::Config, format!("unknown config `{key}` of model `{}`", model.name))
                    .label_or_file(place, "", &model.source.path)
                    .nearest(key, project::MODEL_CONFIG_KEYS.iter().copied())
                    .hint("a key of your own belongs under `meta`"),
            );
        }
    }

    fn tests(&mut self) {
        let singular: Vec<&TestFile> = self.project.singular_tests.iter().collect();
        for test in singular {
            self.singular(test);
        }
        for index in 0..self.drafts.len() {
            let (owner, properties) = match &self.drafts[index].node.kind {
                NodeKind::Model(model) => (self.drafts[index].node.name.clone(), model.properties.clone()),
                NodeKind::Seed(seed) => (self.drafts[index].node.name.clone(), seed.properties.clone()),
                NodeKind::Source(table) => {
                    let owner = format!("{}_{}", table.name.source, table.name.table);
                    (owner, source_properties(table))
                }
                NodeKind::Test(_) => continue,
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
            unique_id: unique_id.clone(),
            name: test.name.clone(),
            source: Arc::clone(&test.source),
            this: None,
            config: test.config.clone(),
            model: json!({"unique_id": unique_id, "name": test.name, "resource_type": "test"}),
        };
        let Some(extracted) = self.found.keep(self.templates.extract(&template)) else { return };
        let mut config = test.config.clone();
        merge_config(&mut config, &extracted.config);
        if config.get("enabled") == Some(&Value::Bool(false)) {
            return;
        }
        template.config.clone_from(&config);
        let node = Node {
            unique_id,
            name: test.name.clone(),
            fqn: self.fqn(&test.fqn),
            path: test.source.path.clone(),
            tags: tags(&config),
            config: config.clone(),
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
            NodeKind::Model(_) | NodeKind::Seed(_) | NodeKind::Test(_) => "",
        };
        let test_name = TestName::new(prefix, &test.test, owner_name, &arguments, test.name.as_deref());
        let unique_id = format!("{}.{}", self.id("test", &test_name.name), test_name.hash);
        let (path, source) = match &test.place {
            Some(span) => (span.source.path.clone(), Arc::clone(&span.source)),
            None => (self.drafts[owner].node.path.clone(), SourceText::new(self.drafts[owner].node.path.clone(), "")),
        };
        let template = NodeTemplate {
            unique_id: unique_id.clone(),
            name: test_name.name.clone(),
            source,
            this: None,
            config: test.config.clone(),
            model: json!({"unique_id": unique_id, "name": test_name.name, "resource_type": "test"}),
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
        let mut fqn = self.drafts[owner].node.fqn.clone();
        fqn.pop();
        fqn.push(test_name.name.clone());
        let node = Node {
            unique_id,
            name: test_name.name,
            fqn,
            path,
            tags: all_tags,
            config: config.clone(),
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

    fn finish(mut self) -> Result<(Graph, Diagnostics), Diagnostics> {
        self.refuse_twins();
        let names = Names::new(&self.drafts);
        let mut parents: Vec<Vec<usize>> = Vec::with_capacity(self.drafts.len());
        for draft in &self.drafts {
            let mut above = draft.parents.clone();
            for call in &draft.wanted.refs {
                match names.resolve_ref(call, &self.project.config.name, &self.disabled) {
                    Ok(parent) => {
                        self.found.extend(self.layer_above(draft, parent, call.span.clone()));
                        above.push(parent);
                    }
                    Err(unknown) => self.found.push(unknown.at(call.span.clone(), &draft.node.path)),
                }
            }
            for call in &draft.wanted.sources {
                match names.resolve_source(call) {
                    Ok(parent) => above.push(parent),
                    Err(unknown) => self.found.push(unknown.at(call.span.clone(), &draft.node.path)),
                }
            }
            above.sort_unstable();
            above.dedup();
            parents.push(above);
        }
        let order = match cycle::order(&parents) {
            Ok(order) => order,
            Err(chain) => {
                self.found.push(self.cycle(&chain));
                return Err(self.found);
            }
        };
        let Self { found, drafts, disabled, project, .. } = self;
        let (graph, warnings) = found.finish(assemble(drafts, &parents, &order, disabled, &project.config.name))?;
        Ok((graph, warnings))
    }

    fn refuse_twins(&mut self) {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut twins = Vec::new();
        for draft in &self.drafts {
            if !seen.insert(&draft.node.unique_id) {
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

fn source_properties(table: &SourceTable) -> Properties {
    Properties {
        description: table.description.clone(),
        columns: table.columns.clone(),
        data_tests: table.data_tests.clone(),
        meta: table.meta.clone(),
        place: table.place.clone(),
    }
}

fn tags(config: &Map<String, Value>) -> Vec<String> {
    match config.get("tags") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

impl Wanted {
    fn none() -> Self {
        Self { refs: Vec::new(), sources: Vec::new() }
    }
}

/// A name that leads nowhere, and what might have been meant.
struct Unknown {
    code: Code,
    message: String,
    label: String,
    near: Vec<String>,
    hint: Option<String>,
}

impl Unknown {
    fn at(self, span: Place, path: &str) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, self.message).label_or_file(span, self.label, path);
        if !self.near.is_empty() {
            diagnostic = diagnostic.hint(format!("did you mean {}?", crate::diagnostic::or_list(&self.near)));
        }
        diagnostic.hint_opt(self.hint)
    }
}

/// What `ref()` and `source()` can reach.
struct Names<'a> {
    refs: BTreeMap<&'a str, usize>,
    sources: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Names<'a> {
    fn new(drafts: &'a [Draft]) -> Self {
        let mut names = Self { refs: BTreeMap::new(), sources: HashMap::new() };
        for (index, draft) in drafts.iter().enumerate() {
            match &draft.node.kind {
                NodeKind::Model(_) | NodeKind::Seed(_) => {
                    names.refs.insert(&draft.node.name, index);
                }
                NodeKind::Source(table) => {
                    names.sources.insert((&table.name.source, &table.name.table), index);
                }
                NodeKind::Test(_) => {}
            }
        }
        names
    }

    fn resolve_ref(&self, call: &RefCall, project: &str, disabled: &[String]) -> Result<usize, Unknown> {
        if let Some(package) = call.package.as_deref().filter(|package| *package != project) {
            return Err(Unknown {
                code: Code::UnknownRef,
                message: format!("no package named `{package}`"),
                label: String::new(),
                near: crate::names::nearest(package, [project]),
                hint: None,
            });
        }
        if let Some(found) = self.refs.get(call.name.as_str()) {
            return Ok(*found);
        }
        if disabled.contains(&call.name) {
            return Err(Unknown {
                code: Code::UnknownRef,
                message: format!("`{}` is disabled", call.name),
                label: "switched off by `enabled: false`".to_owned(),
                near: Vec::new(),
                hint: None,
            });
        }
        let as_source = self.sources.keys().find(|(_, table)| *table == call.name);
        Err(Unknown {
            code: Code::UnknownRef,
            message: format!("no model or seed named `{}`", call.name),
            label: "not found in this project".to_owned(),
            near: crate::names::nearest(&call.name, self.refs.keys().copied()),
            hint: as_source.map(|(source, table)| {
                format!("`{table}` is a table of a source: write `source('{source}', '{table}')`")
            }),
        })
    }

    fn resolve_source(&self, call: &SourceCall) -> Result<usize, Unknown> {
        if let Some(found) = self.sources.get(&(call.source.as_str(), call.table.as_str())) {
            return Ok(*found);
        }
        let tables: Vec<&str> =
            self.sources.keys().filter(|(source, _)| *source == call.source).map(|(_, table)| *table).collect();
        let (message, near) = match tables.is_empty() {
            true => {
                let known: Vec<&str> = self.sources.keys().map(|(source, _)| *source).collect();
                (format!("no source named `{}`", call.source), crate::names::nearest(&call.source, known))
            }
            false => (
                format!("source `{}` has no table `{}`", call.source, call.table),
                crate::names::nearest(&call.table, tables),
            ),
        };
        let label = "not declared in `sources.yaml`".to_owned();
        Err(Unknown { code: Code::UnknownSource, message, label, near, hint: None })
    }
}

fn assemble(
    drafts: Vec<Draft>,
    parents: &[Vec<usize>],
    order: &[usize],
    disabled: Vec<String>,
    project_name: &str,
) -> Graph {
    let mut place = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let mut slots: Vec<Option<Node>> = drafts.into_iter().map(|draft| Some(draft.node)).collect();
    let mut graph = Graph { project_name: project_name.to_owned(), disabled, ..Graph::default() };
    graph.children = vec![Vec::new(); order.len()];
    for (new, old) in order.iter().enumerate() {
        let Some(mut node) = slots[*old].take() else { continue };
        if let NodeKind::Test(test) = &mut node.kind {
            test.attached = test.attached.map(|owner| NodeId(place[owner.0]));
        }
        let mut above: Vec<NodeId> = parents[*old].iter().map(|parent| NodeId(place[*parent])).collect();
        above.sort_unstable();
        for parent in &above {
            graph.children[parent.0].push(NodeId(new));
        }
        graph.parents.push(above);
        index(&mut graph, &node, NodeId(new));
        graph.nodes.push(node);
    }
    graph
}

fn index(graph: &mut Graph, node: &Node, id: NodeId) {
    match &node.kind {
        NodeKind::Model(_) | NodeKind::Seed(_) => {
            graph.by_ref_name.insert(node.name.clone(), id);
            if let Some(relation) = node.relation() {
                graph.by_relation.insert(relation.clone(), id);
            }
        }
        NodeKind::Source(table) => {
            let name: &SourceName = &table.name;
            graph.by_source.insert(name.clone(), id);
        }
        NodeKind::Test(_) => {}
    }
}

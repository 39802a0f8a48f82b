//! A folder becomes a [`Project`]: every file is read, every mistake is collected and gone past.
//!
//! What a mistake leaves unknown is noted in [`Unread`]. Without its targets and variables nothing of a project can be
//! understood: mistakes there are the end.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::config::{self, Inputs};
use super::config_tree::ConfigTrees;
use super::connection::{Connection, read_connections};
use super::declared_test::TestContext;
use super::fields::Fields;
use super::files::{FoundFile, read_lossy, read_remembering, read_text};
use super::inventory::Inventory;
use super::memory::Memory;
use super::properties::Entries;
use super::rendered::{RenderYaml, YamlRenderer, YamlScope};
use super::source_entry::SourceContext;
use super::{Exposure, Project, SourceTable, Unread, env, yaml};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText};

/// The names of a project file, the native one first.
const PROJECT_FILES: &[&str] = &["project.yaml", "project.yml", "dbt_project.yml"];

/// Sources that belong to no folder.
const ROOT_SOURCES: &[&str] = &["sources.yaml", "sources.yml"];

/// What comes from outside of the project's files.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// `--target`.
    pub target: Option<String>,
    /// `--vars`.
    pub vars: Map<String, Value>,
    /// The process's environment.
    pub env: BTreeMap<String, String>,
    /// What the process has read before.
    pub memory: Option<Arc<Memory>>,
}

/// The folder of the project: the given one, or the nearest at or above `start` that has a project file.
pub fn find_root(start: &Path, explicit: Option<&Path>) -> Result<PathBuf, Diagnostic> {
    let Some(folder) = explicit else {
        let nearest = start.ancestors().find(|folder| project_file(folder).is_some());
        return nearest.map(Path::to_owned).ok_or_else(|| {
            let message = format!("no `project.yaml` in `{}` or above it", start.display());
            Diagnostic::error(Code::NoProject, message)
                .hint("`engine init` makes a new project; `--project-dir` names one elsewhere")
        });
    };
    match project_file(folder) {
        Some(_) => Ok(folder.to_owned()),
        None => Err(no_project(folder)),
    }
}

fn project_file(folder: &Path) -> Option<&'static str> {
    PROJECT_FILES.iter().copied().find(|name| folder.join(name).is_file())
}

fn no_project(folder: &Path) -> Diagnostic {
    let message = format!("no `project.yaml` in `{}`", folder.display());
    Diagnostic::error(Code::NoProject, message).hint("`engine init` makes a new project")
}

/// Reads the project at `root`, as far as it is right: the value comes with its warnings and with its mistakes.
pub fn load(
    root: &Path,
    options: &LoadOptions,
    renderer: &dyn RenderYaml,
) -> Result<(Project, Diagnostics), Diagnostics> {
    let mut found = Diagnostics::default();
    let env = env::load(root, &options.env, &mut found);
    let is_env_wrong = found.has_errors();
    let Some(name) = project_file(root) else {
        return Err(no_project(root).into());
    };
    let Some(source) = found.keep(read_text(&root.join(name), name)) else {
        return Err(found);
    };
    let inputs = Inputs { root, options, env: &env, renderer };
    let Some(config::Read { config, mut trees, unread, is_end }) = config::read(&inputs, &source, &mut found) else {
        return Err(found);
    };
    if is_end || is_env_wrong {
        trees.tell_mistakes(&mut found);
        return Err(found);
    }
    let mut inventory = Inventory::read(root, &config, &mut trees, options.memory.as_ref(), unread, &mut found);
    let target = config.target.context();
    let scope = YamlScope { vars: &config.vars, env: &env, target: Some(&target), locals: &[] };
    let memory = options.memory.as_deref();
    let mut reader = PropertyReader {
        memory: memory.map(|memory| (memory, scope_of(&scope))),
        renderer: YamlRenderer { renderer, scope },
        trees: &mut trees,
        entries: Entries::default(),
        sources: Vec::new(),
        exposures: Vec::new(),
        connections: Vec::new(),
        files: Vec::new(),
        unread: std::mem::take(&mut inventory.unread),
    };
    for name in ROOT_SOURCES {
        let path = root.join(name);
        if !path.is_file() {
            continue;
        }
        match found.keep(read_remembering(&path, name, memory)) {
            Some(source) => reader.open(&source, &[], || yaml::parse(&source), &mut found),
            None => reader.unread.properties.push(read_lossy(&path, name)),
        }
    }
    for file in &mut inventory.property_files {
        reader.open_file(file, &mut found);
    }
    reader.read_all(&mut found);
    let PropertyReader { entries, sources, exposures, connections, mut unread, .. } = reader;
    entries.apply(&mut inventory.models, &mut inventory.seeds, &mut inventory.singular_tests, &unread, &mut found);
    inventory.doubt(&unread);
    let sources = without_duplicates(sources, &mut unread, &mut found);
    let exposures = declared_once(exposures, &mut found);
    trees.finish(&unread, &mut found);
    let found = found.without(|mistake| unread.explains(mistake));
    let Inventory { models, seeds, singular_tests, macros, .. } = inventory;
    let (root, unread) = (root.to_owned(), Arc::new(unread));
    let project =
        Project { root, config, models, seeds, singular_tests, macros, sources, exposures, connections, env, unread };
    Ok((project, found))
}

/// Reads property files, one after the other.
struct PropertyReader<'a> {
    renderer: YamlRenderer<'a>,
    trees: &'a mut ConfigTrees,
    entries: Entries,
    sources: Vec<SourceTable>,
    exposures: Vec<Exposure>,
    connections: Vec<Connection>,
    /// Rendered, with the folders that lead to them.
    files: Vec<(Arc<yaml::Node>, Vec<String>)>,
    unread: Unread,
    /// With a hash of what strings are rendered with.
    memory: Option<(&'a Memory, u64)>,
}

/// All that the strings of a property file can ask for.
fn scope_of(scope: &YamlScope<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    Value::Object(scope.vars.clone()).to_string().hash(&mut hasher);
    scope.env.hash(&mut hasher);
    scope.target.map(ToString::to_string).hash(&mut hasher);
    hasher.finish()
}

/// Top-level keys that we know and do not build yet.
const LATER_KINDS: &[&str] =
    &["snapshots", "groups", "unit_tests", "analyses", "metrics", "semantic_models", "saved_queries", "functions"];

impl PropertyReader<'_> {
    fn open_file(&mut self, file: &mut FoundFile, found: &mut Diagnostics) {
        let Some(source) = file.read(found) else {
            self.unread.properties.push(file.read_lossy());
            return;
        };
        let folders = std::mem::take(&mut file.folders);
        self.open(&source, &folders, || file.take_node(&source), found);
    }

    /// Parses a file and renders its strings.
    fn open(
        &mut self,
        source: &Arc<SourceText>,
        folders: &[String],
        parse: impl FnOnce() -> Result<yaml::Node, Diagnostic>,
        found: &mut Diagnostics,
    ) {
        if let Some(node) = self.memory.and_then(|(memory, scope)| memory.properties(source, scope)) {
            self.files.push((node, folders.to_vec()));
            return;
        }
        let Some(raw) = found.keep(parse()) else {
            self.unread.properties.push(Arc::clone(source));
            return;
        };
        if raw.is_null() {
            return;
        }
        let mut unrendered = Diagnostics::default();
        let node = self.renderer.properties(&raw, &mut unrendered);
        let is_whole = unrendered.is_empty();
        found.extend(unrendered);
        let node = Arc::new(node);
        match self.memory {
            _ if !is_whole => self.unread.properties.push(Arc::clone(source)),
            Some((memory, scope)) => memory.keep_properties(source, scope, &node),
            None => {}
        }
        self.files.push((node, folders.to_vec()));
    }

    /// Reads the files opened: a source may name a connection of any of them.
    fn read_all(&mut self, found: &mut Diagnostics) {
        let files = std::mem::take(&mut self.files);
        let mut connections: Vec<Connection> = Vec::new();
        for (node, _) in &files {
            // Mistakes in the rest of the file are told when that is read.
            if let Some(mut fields) = Fields::new(node, "a property file", &mut Diagnostics::default()) {
                for connection in read_connections(&mut fields) {
                    match connections.iter().find(|other| other.name == connection.name) {
                        Some(first) => fields.push(connection.declared_twice(first)),
                        None => connections.push(connection),
                    }
                }
                found.extend(std::mem::take(fields.found()));
                let _ = fields;
            }
        }
        for (node, folders) in &files {
            self.read(node, folders, &connections, found);
        }
        self.connections = connections;
    }

    fn read(
        &mut self,
        node: &Arc<yaml::Node>,
        folders: &[String],
        connections: &[Connection],
        found: &mut Diagnostics,
    ) {
        let test_config = self.trees.data_tests.config(folders);
        let memory = self.memory.map(|(memory, _)| memory);
        if let Some(known) = memory.and_then(|memory| memory.entries(node, &test_config)) {
            return self.entries.extend((*known).clone());
        }
        let (told, others, doubts) = (found.iter().count(), self.others(), self.unread.properties.len());
        let Some(mut fields) = Fields::new(node, "a property file", found) else {
            self.unread.properties.push(Arc::clone(&node.span.source));
            return;
        };
        fields.accept(&["version", "macros", "connections"]);
        let tests = TestContext { renderer: self.renderer, config: &test_config };
        let mut entries = Entries::default();
        let is_whole = entries.read(&mut fields, tests);
        let (tree, unread) = (&mut self.trees.sources, &mut self.unread);
        let mut context = SourceContext { tests, folders, tree, connections, unread };
        for node in fields.list("sources") {
            self.sources.extend(context.read(node, fields.found()));
        }
        self.exposures.extend(Exposure::read_all(&mut fields, folders, &mut self.trees.exposures));
        for &name in LATER_KINDS {
            let Some((key, value)) = fields.entry(name) else {
                continue;
            };
            if !value.is_null() {
                let message = format!("`{name}` are not part of this version");
                let span = key.span.clone();
                fields.push(Diagnostic::warning(Code::Config, message).label(span, "ignored"));
            }
        }
        if !is_whole || fields.has_unknown_collection() {
            self.unread.properties.push(Arc::clone(&node.span.source));
        }
        fields.finish(found);
        // Of a file with a mistake the mistakes are to be told again, and a source belongs to more than its file.
        let is_right = (found.iter().count(), self.others(), self.unread.properties.len()) == (told, others, doubts);
        if let Some(memory) = memory.filter(|_| is_right) {
            memory.keep_entries(node, test_config, &entries);
        }
        self.entries.extend(entries);
    }

    /// How many things were read that are no entries.
    fn others(&self) -> usize {
        self.sources.len() + self.exposures.len()
    }
}

fn declared_once(exposures: Vec<Exposure>, found: &mut Diagnostics) -> Vec<Exposure> {
    let mut unique: Vec<Exposure> = Vec::new();
    for exposure in exposures {
        let Some(first) = unique.iter().find(|other| other.name == exposure.name) else {
            unique.push(exposure);
            continue;
        };
        let Some(first) = first.place.clone() else { continue };
        let twice = Diagnostic::error(Code::Duplicate, format!("exposure `{}` is declared twice", exposure.name));
        let path = first.source.path.clone();
        found.push(
            twice.label_or_file(exposure.place, "declared again here", &path).secondary(first, "first declared here"),
        );
    }
    unique
}

fn without_duplicates(sources: Vec<SourceTable>, unread: &mut Unread, found: &mut Diagnostics) -> Vec<SourceTable> {
    let mut unique: Vec<SourceTable> = Vec::new();
    for table in sources {
        let Some(first) = unique.iter().find(|other| other.name == table.name) else {
            unique.push(table);
            continue;
        };
        unread.tables.insert(table.name.clone());
        let mut twice = Diagnostic::error(Code::Duplicate, format!("source table `{}` is declared twice", table.name));
        if let (Some(again), Some(first)) = (table.place, first.place.clone()) {
            twice = twice.label(again, "declared again here").secondary(first, "first declared here");
        }
        found.push(twice);
    }
    unique
}

//! `project.yaml`: the one place that declares its settings, their types and their defaults.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::config_tree::{ConfigTree, ConfigTrees};
use super::fields::{Fields, invalid_name, snake_case};
use super::model_config::ConfigOf;
use super::rendered::{LATER, RenderYaml, YamlRenderer, YamlScope};
use super::target::{self, TargetConfig};
use super::yaml::{self, Key, Node, NodeKind};
use super::{LoadOptions, Place, Unread, dbt_keys};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, Span};
use crate::names;

#[derive(Debug, Clone)]
pub struct ProjectConfig {
    pub name: String,
    /// Default: `0.1.0`.
    pub version: String,
    /// In order: a model may read its own layer and those before it. Default: bronze, silver, gold, analytics.
    pub layers: Vec<String>,
    /// A mistake keeps them from being known: a folder that is none of them may be one.
    pub layers_are_partial: bool,
    /// Default: one, `dev`.
    pub targets: Vec<TargetConfig>,
    /// Default: the first of the targets.
    pub default_target: String,
    /// The target of this invocation: `--target`, or the default.
    pub target: TargetConfig,
    /// As they hold: the project's, the target's over them, `--vars` over both.
    pub vars: Map<String, Value>,
    /// Default: `models`.
    pub model_paths: Vec<String>,
    /// Default: `seeds`.
    pub seed_paths: Vec<String>,
    /// Default: `tests`.
    pub test_paths: Vec<String>,
    /// Default: `macros`.
    pub macro_paths: Vec<String>,
    /// Where compiled SQL and the JSON artifacts go, relative to the root. Default: `.engine`, in a dbt project `target`.
    pub target_path: String,
    /// What `clean` deletes. Default: the target path.
    pub clean_targets: Vec<String>,
    /// SQL, rendered when it runs.
    pub on_run_start: Vec<String>,
    /// SQL, rendered when it runs.
    pub on_run_end: Vec<String>,
    /// The file's own place for messages about the project as a whole.
    pub place: Place,
}

const DEFAULT_LAYERS: &[&str] = &["bronze", "silver", "gold", "analytics"];

/// All that is given before the project file is read.
pub(super) struct Inputs<'a> {
    pub(super) root: &'a Path,
    pub(super) options: &'a LoadOptions,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) renderer: &'a dyn RenderYaml,
}

impl Inputs<'_> {
    fn renderer<'a>(&'a self, vars: &'a Map<String, Value>, target: Option<&'a Value>) -> YamlRenderer<'a> {
        YamlRenderer { renderer: self.renderer, scope: YamlScope { vars, env: self.env, target, locals: &[] } }
    }
}

/// The project file, and what its mistakes leave unknown.
pub(super) struct Read {
    pub(super) config: ProjectConfig,
    pub(super) trees: ConfigTrees,
    pub(super) unread: Unread,
    /// The rest of the project cannot be understood without what is wrong in it.
    pub(super) is_end: bool,
}

/// Reads the project file; `None` when nothing can be said of the project without it.
pub(super) fn read(inputs: &Inputs<'_>, source: &Arc<SourceText>, found: &mut Diagnostics) -> Option<Read> {
    let raw = found.keep(yaml::parse(source))?;
    let NodeKind::Mapping(entries) = &raw.kind else {
        let missing = Diagnostic::error(Code::Config, format!("`{}` holds no settings", source.path));
        found.push(missing.in_file(source.path.as_str()).hint("it needs at least `name: my_project`"));
        return None;
    };
    let misspelt = ["vars", "targets"].into_iter().find_map(|name| misspelt(entries, name));
    let given = &inputs.options.vars;
    let told = found.errors();
    let mut vars = read_vars(inputs.renderer(given, None), entries, raw.get("name"), found);
    let declared = over(&vars, &[given]);
    let early = inputs.renderer(&declared, None);
    let targets_node = named(entries, "targets").map(|(key, node)| early.entry(key, node, &[], found));
    let default = named(entries, "default_target").map(|(key, node)| early.entry(key, node, &[], found));
    let mut is_end = found.errors() > told;
    let targets = target::read_targets(targets_node.as_ref(), found);
    let mut unknown = Diagnostics::default();
    let (default_target, target) = choose_target(inputs.options, &targets, default.as_ref(), &mut unknown)?;
    is_end |= unknown.has_errors();
    if is_end && let Some(misspelt) = misspelt {
        found.push(misspelt);
        return None;
    }
    found.extend(unknown);

    vars = over(&vars, &[&target.vars, given]);
    let context = target.context();
    let late = inputs.renderer(&vars, Some(&context));
    let mut unrendered = Diagnostics::default();
    let rest = rendered_rest(late, entries, &raw.span, &mut unrendered);
    if !unrendered.is_empty() {
        // What is missing now would only be complained about a second time.
        found.extend(misspelt.map_or(unrendered, Diagnostics::from));
        return None;
    }
    let mut fields = Fields::new(&rest, "the project file", found)?;
    fields.accept(&["targets", "default_target", "vars"]);
    dbt_keys::take(&mut fields, inputs.root, targets_node.is_some());
    let is_dbt = source.path.starts_with("dbt_project");
    let name = fields.required_name("name");
    // One that cannot be used is still what the project is called.
    let written = || raw.get("name").and_then(Node::as_text).unwrap_or_default();
    let project = name.as_ref().map_or_else(written, |(name, _)| name.clone());
    let target_path =
        fields.text("target_path").unwrap_or_else(|| if is_dbt { "target" } else { ".engine" }.to_owned());
    let mut trees = read_trees(&mut fields, &project);
    let told = fields.found().errors();
    let layers = read_layers(&mut fields);
    let layers_are_partial = fields.found().errors() > told;
    let told = fields.found().errors();
    let [model_paths, seed_paths, test_paths, macro_paths] =
        [("model_paths", "models"), ("seed_paths", "seeds"), ("test_paths", "tests"), ("macro_paths", "macros")]
            .map(|(key, default)| paths(&mut fields, key, default, inputs.root));
    let mut unread = Unread { folders: fields.found().errors() > told, ..Unread::default() };
    let mut config = ProjectConfig {
        name: project,
        version: fields.text("version").unwrap_or_else(|| "0.1.0".to_owned()),
        layers,
        layers_are_partial,
        model_paths,
        seed_paths,
        test_paths,
        macro_paths,
        clean_targets: texts(&mut fields, "clean_targets").unwrap_or_else(|| vec![target_path.clone()]),
        on_run_start: texts(&mut fields, "on_run_start").unwrap_or_default(),
        on_run_end: texts(&mut fields, "on_run_end").unwrap_or_default(),
        place: name.as_ref().map(|(_, node)| node.span.clone()),
        targets,
        default_target,
        target,
        vars,
        target_path,
    };
    unread.folders |= fields.unknown().any(|(key, _)| key.name.contains("path"));
    if fields.has_unknown_collection() {
        // What is not given may be what was meant.
        trees.doubt_absent();
        config.layers_are_partial |= named(entries, "layers").is_none();
        unread.vars = named(entries, "vars").is_none() || named(entries, "targets").is_none();
    }
    fields.finish(found);
    Some(Read { config, trees, unread, is_end })
}

/// A key that must have been meant for a setting that is not given.
fn misspelt(entries: &[(Key, Node)], name: &'static str) -> Option<Diagnostic> {
    if named(entries, name).is_some() {
        return None;
    }
    let is_near = |key: &Key| !names::nearest(&snake_case(&key.name), [name]).is_empty();
    let mut mappings = entries.iter().filter(|(_, value)| matches!(value.kind, NodeKind::Mapping(_)));
    let (key, _) = mappings.find(|(key, _)| is_near(key))?;
    let message = format!("unknown key `{}` in the project file", key.name);
    let unknown = Diagnostic::error(Code::Config, message).label(key.span.clone(), "not a setting");
    Some(unknown.hint(format!("did you mean `{name}`?")))
}

fn named<'a>(entries: &'a [(Key, Node)], name: &str) -> Option<&'a (Key, Node)> {
    entries.iter().find(|(key, value)| snake_case(&key.name) == name && !value.is_null())
}

/// The vars of the file; `vars: {<project>: {...}}` lies over the others, as in dbt.
fn read_vars(
    renderer: YamlRenderer<'_>,
    entries: &[(Key, Node)],
    name: Option<&Node>,
    found: &mut Diagnostics,
) -> Map<String, Value> {
    let Some((key, node)) = named(entries, "vars") else {
        return Map::new();
    };
    let node = renderer.entry(key, node, &[], found);
    let Value::Object(mut vars) = node.to_json() else {
        let message = format!("`vars` is a mapping, not {}", node.describe());
        found.push(Diagnostic::error(Code::Config, message).label(node.span, "expected `name: value`"));
        return Map::new();
    };
    let project = name.and_then(Node::as_text).unwrap_or_default();
    if let Some(Value::Object(_)) = vars.get(&project)
        && let Some(Value::Object(own)) = vars.shift_remove(&project)
    {
        vars.extend(own);
    }
    vars
}

fn over(base: &Map<String, Value>, layers: &[&Map<String, Value>]) -> Map<String, Value> {
    let mut merged = base.clone();
    for layer in layers {
        merged.extend((*layer).clone());
    }
    merged
}

/// The default's name, and the target that is to be used.
fn choose_target(
    options: &LoadOptions,
    targets: &[TargetConfig],
    default: Option<&Node>,
    found: &mut Diagnostics,
) -> Option<(String, TargetConfig)> {
    let first = targets.first()?;
    let declared = default.and_then(|node| node.as_text().map(|name| (name, node.span.clone())));
    let default = match declared {
        None => first.clone(),
        Some((name, span)) => found.keep(target::choose(targets, &name, Some(span))).unwrap_or_else(|| first.clone()),
    };
    let chosen = match &options.target {
        None => default.clone(),
        Some(wanted) => found.keep(target::choose(targets, wanted, None)).unwrap_or_else(|| default.clone()),
    };
    Some((default.name, chosen))
}

/// The file with everything rendered that was not rendered before.
fn rendered_rest(renderer: YamlRenderer<'_>, entries: &[(Key, Node)], span: &Span, found: &mut Diagnostics) -> Node {
    let done = |key: &Key| ["vars", "targets", "default_target"].contains(&snake_case(&key.name).as_str());
    let rest = entries
        .iter()
        .map(|(key, value)| match done(key) {
            true => (key.clone(), value.clone()),
            false => (key.clone(), renderer.entry(key, value, LATER, found)),
        })
        .collect();
    Node { kind: NodeKind::Mapping(rest), span: span.clone() }
}

fn read_trees(fields: &mut Fields<'_>, project: &str) -> ConfigTrees {
    let mut tree = |name: &'static str, of: ConfigOf| {
        let node = fields.node(name);
        ConfigTree::read(node, of, project, fields.found())
    };
    let models = tree("models", ConfigOf::Model);
    let seeds = tree("seeds", ConfigOf::Seed);
    let sources = tree("sources", ConfigOf::Source);
    let exposures = tree("exposures", ConfigOf::Exposure);
    let tests = super::declared_test::one_of_tests(fields);
    let data_tests = ConfigTree::read(tests, ConfigOf::Test, project, fields.found());
    ConfigTrees { models, seeds, sources, data_tests, exposures }
}

fn read_layers(fields: &mut Fields<'_>) -> Vec<String> {
    let Some(declared) = fields.strings("layers") else {
        return DEFAULT_LAYERS.iter().map(|&layer| layer.to_owned()).collect();
    };
    let mut layers: Vec<String> = Vec::new();
    for (layer, node) in declared {
        let span = node.span.clone();
        if !names::is_name(&layer) {
            fields.push(invalid_name(&layer, span));
        } else if [names::SEEDS, names::TEST_AUDIT].contains(&layer.as_str()) {
            let message = format!("`{layer}` cannot be a layer");
            fields.push(Diagnostic::error(Code::Config, message).label(span, "this schema is the engine's own"));
        } else if layers.contains(&layer) {
            let message = format!("layer `{layer}` is declared twice");
            fields.push(Diagnostic::error(Code::Duplicate, message).label(span, "declared again here"));
        } else {
            layers.push(layer);
        }
    }
    layers
}

/// Declared folders; one that does not exist is told, since everything in it would be missed in silence.
fn paths(fields: &mut Fields<'_>, name: &'static str, default: &str, root: &Path) -> Vec<String> {
    let Some(declared) = fields.strings(name) else {
        return vec![default.to_owned()];
    };
    let mut paths = Vec::new();
    for (path, node) in declared {
        if path != default && !root.join(&path).is_dir() {
            let message = format!("folder `{path}` does not exist");
            fields.push(Diagnostic::warning(Code::Config, message).label(node.span.clone(), "nothing is read from it"));
        }
        paths.push(path.trim_end_matches('/').to_owned());
    }
    paths
}

fn texts(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<String>> {
    Some(fields.strings(name)?.into_iter().map(|(text, _)| text).collect())
}

//! The `models:`, `seeds:`, `sources:`, `data_tests:` and `exposures:` trees of `project.yaml`: config by folder.
//!
//! A key with `+` is config; so is a value that is not a mapping. A mapping without `+` is a folder, or a name below it.

use serde_json::{Map, Value};

use super::fields::snake_case;
use super::model_config::{ConfigOf, merge_config, read_config, setting_places};
use super::yaml::{Key, Node, NodeKind};
use super::{SettingPlaces, Unread};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// The config trees of the project file.
#[derive(Debug)]
pub(super) struct ConfigTrees {
    pub(super) models: ConfigTree,
    pub(super) seeds: ConfigTree,
    pub(super) sources: ConfigTree,
    pub(super) data_tests: ConfigTree,
    pub(super) exposures: ConfigTree,
}

impl ConfigTrees {
    pub(super) fn tell_mistakes(self, found: &mut Diagnostics) {
        self.into_trees().into_iter().for_each(|tree| tree.tell_mistakes(found));
    }

    /// Where not all files are known, nobody can tell which folders meet nothing.
    pub(super) fn finish(self, unread: &Unread, found: &mut Diagnostics) {
        for tree in self.into_trees() {
            if unread.folders { tree.tell_mistakes(found) } else { tree.finish(found) }
        }
    }

    /// A key that nobody knows may have been meant for a tree that is not there.
    pub(super) fn doubt_absent(&mut self) {
        let Self { models, seeds, sources, data_tests, exposures } = self;
        for tree in [models, seeds, sources, data_tests, exposures] {
            tree.root.is_partial |= !tree.is_given;
        }
    }

    fn into_trees(self) -> [ConfigTree; 5] {
        let Self { models, seeds, sources, data_tests, exposures } = self;
        [models, seeds, sources, data_tests, exposures]
    }
}

/// One level of a tree, with the levels below it.
#[derive(Debug, Default)]
struct Level {
    config: Map<String, Value>,
    places: SettingPlaces,
    folders: Vec<(Key, Level)>,
    is_used: bool,
    /// A mistake keeps something from being known.
    is_partial: bool,
    /// Reported only if the level is a folder at all.
    found: Diagnostics,
}

/// A tree, and which of its folders have met a node.
#[derive(Debug)]
pub(super) struct ConfigTree {
    of: ConfigOf,
    /// Optional first level, as in dbt: the project's name.
    project: String,
    is_given: bool,
    root: Level,
}

/// The config of all levels that lead to something.
#[derive(Debug, Default)]
pub(super) struct FolderConfig {
    pub(super) config: Map<String, Value>,
    pub(super) places: SettingPlaces,
    /// A mistake keeps a part of it from being known.
    pub(super) is_partial: bool,
}

impl ConfigTree {
    pub(super) fn read(node: Option<&Node>, of: ConfigOf, project: &str, found: &mut Diagnostics) -> Self {
        let root = node.map_or_else(Level::default, |node| Level::read(node, of, found));
        Self { of, project: project.to_owned(), is_given: node.is_some(), root }
    }

    /// The config of all levels that lead to `fqn`, outermost first.
    pub(super) fn config(&mut self, fqn: &[String]) -> Map<String, Value> {
        self.settings(fqn).config
    }

    /// The same, with where it is written.
    pub(super) fn settings(&mut self, fqn: &[String]) -> FolderConfig {
        let mut all = FolderConfig::default();
        self.root.lay_over(fqn, &mut all);
        let own_folder = fqn.first() == Some(&self.project);
        if !own_folder && let Some(level) = self.root.folder(&self.project) {
            level.lay_over(fqn, &mut all);
        }
        all
    }

    /// Mistakes of the levels, where nobody asks for config any more.
    pub(super) fn tell_mistakes(self, found: &mut Diagnostics) {
        self.root.tell_mistakes(self.of, found);
    }

    /// Mistakes of the levels, and a warning for each folder that met nothing.
    pub(super) fn finish(mut self, found: &mut Diagnostics) {
        if let Some(level) = self.root.folder(&self.project) {
            level.is_used = true;
        }
        self.root.is_used = true;
        self.root.finish(self.of, found);
    }
}

impl Level {
    fn read(node: &Node, of: ConfigOf, found: &mut Diagnostics) -> Self {
        let NodeKind::Mapping(entries) = &node.kind else {
            if !node.is_null() {
                let message = format!("a folder's config is a mapping, not {}", node.describe());
                found.push(Diagnostic::error(Code::Config, message).label(node.span.clone(), "expected `+key: value`"));
            }
            return Self::default();
        };
        let mut level = Self::default();
        for (key, value) in entries {
            let is_folder = match value.kind {
                NodeKind::Mapping(_) => true,
                NodeKind::Null => !of.keys().contains(&snake_case(&key.name).as_str()),
                _ => false,
            };
            if is_folder && !key.name.starts_with('+') {
                let folder = Self::read(value, of, &mut level.found);
                level.folders.push((key.clone(), folder));
                continue;
            }
            let one = Node { kind: NodeKind::Mapping(vec![(key.clone(), value.clone())]), span: value.span.clone() };
            let told = level.found.errors();
            let config = read_config(&one, of, &mut level.found);
            level.is_partial |= level.found.errors() > told;
            merge_config(&mut level.config, &config);
            level.places.extend(setting_places(&one));
        }
        level
    }

    fn folder(&mut self, name: &str) -> Option<&mut Self> {
        self.folders.iter_mut().find(|(key, _)| key.name == name).map(|(_, level)| level)
    }

    fn lay_over(&mut self, fqn: &[String], all: &mut FolderConfig) {
        self.is_used = true;
        merge_config(&mut all.config, &self.config);
        all.places.extend(self.places.clone());
        all.is_partial |= self.is_partial;
        let Some((first, rest)) = fqn.split_first() else {
            return;
        };
        if let Some(level) = self.folder(first) {
            level.lay_over(rest, all);
        }
    }

    fn tell_mistakes(self, of: ConfigOf, found: &mut Diagnostics) {
        found.extend(self.found);
        for (key, level) in self.folders {
            if !of.keys().contains(&snake_case(&key.name).as_str()) {
                level.tell_mistakes(of, found);
            }
        }
    }

    fn finish(self, of: ConfigOf, found: &mut Diagnostics) {
        found.extend(self.found);
        for (key, level) in self.folders {
            if level.is_used {
                level.finish(of, found);
                continue;
            }
            let name = snake_case(&key.name);
            if of.keys().contains(&name.as_str()) {
                let message = format!("`{}` holds a mapping here, so it names a folder", key.name);
                found.push(
                    Diagnostic::error(Code::Config, message)
                        .label(key.span, "no such folder")
                        .hint(format!("write `+{name}:` for the config of that name")),
                );
                continue;
            }
            let noun = of.noun();
            found.push(
                Diagnostic::warning(Code::UnusedProperties, format!("no {noun} lies under `{}`", key.name))
                    .label(key.span, format!("neither a folder with {noun}s nor {}", of.one())),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::yaml;
    use super::*;
    use crate::diagnostic::SourceText;

    fn tree(text: &str, found: &mut Diagnostics) -> ConfigTree {
        let node = yaml::parse(&SourceText::new("project.yaml", text)).unwrap();
        ConfigTree::read(Some(&node), ConfigOf::Model, "shop", found)
    }

    fn fqn(path: &str) -> Vec<String> {
        path.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn folders_lead_to_a_model_with_and_without_the_project_name() {
        let text = "+tags: a\nshop:\n  gold: {+tags: b, materialized: view, revenue: {+materialized: table}}\n";
        let mut found = Diagnostics::default();
        let mut tree = tree(text, &mut found);
        assert_eq!(Value::Object(tree.config(&fqn("silver/x"))), json!({"tags": ["a"]}));
        let gold = json!({"tags": ["a", "b"], "materialized": "table"});
        assert_eq!(Value::Object(tree.config(&fqn("gold/revenue"))), gold);
        tree.finish(&mut found);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn folders_that_meet_nothing_are_told_and_forgotten_plus_signs_too() {
        let mut found = Diagnostics::default();
        let mut tree = tree("gold: {meta: {owner: x}}\nglod: {+tags: a}\n", &mut found);
        tree.config(&fqn("gold/revenue"));
        tree.finish(&mut found);
        let messages: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "`meta` holds a mapping here, so it names a folder (project.yaml:1:8)",
                "no model lies under `glod` (project.yaml:2:1)",
            ]
        );
    }
}

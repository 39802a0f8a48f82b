//! The models, seeds, tests and macros that lie in the project, each with the config of its folders.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::config::ProjectConfig;
use super::config_tree::{ConfigTrees, FolderConfig};
use super::fields::hint_known;
use super::files::{FoundFile, walk};
use super::memory::Memory;
use super::{MacroFile, ModelFile, Properties, SeedFile, TestFile, Unread};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, or_list};
use crate::names::{self, SEEDS};

/// What lies in the project; property files are still unread.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) models: Vec<ModelFile>,
    pub(super) seeds: Vec<SeedFile>,
    pub(super) singular_tests: Vec<TestFile>,
    pub(super) macros: Vec<MacroFile>,
    /// `.yml` and `.yaml` files of all paths.
    pub(super) property_files: Vec<FoundFile>,
    pub(super) unread: Unread,
}

impl Inventory {
    pub(super) fn read(
        root: &Path,
        config: &ProjectConfig,
        trees: &mut ConfigTrees,
        memory: Option<&Arc<Memory>>,
        unread: Unread,
        found: &mut Diagnostics,
    ) -> Self {
        let mut inventory = Self { unread, ..Self::default() };
        let told = found.errors();
        // Models and seeds share their names: both are read with `ref()`.
        let mut referable = BTreeMap::new();
        let models = walk(root, &config.model_paths, memory, found);
        let seeds = walk(root, &config.seed_paths, memory, found);
        let singular_tests = walk(root, &config.test_paths, memory, found);
        let macros = walk(root, &config.macro_paths, memory, found);
        // A folder that could not be read.
        inventory.unread.folders |= found.errors() > told;
        for file in models {
            match file.extension.as_str() {
                "sql" if inventory.model(&file, config, trees, &mut referable, found).is_none() => {
                    inventory.unread_model(&file, trees);
                }
                "sql" => {}
                "py" => {
                    inventory.unread_model(&file, trees);
                    found.push(
                        Diagnostic::error(Code::Config, "Python models are not part of this version")
                            .in_file(file.shown)
                            .hint("write the model in SQL"),
                    );
                }
                _ if file.is_yaml() => inventory.property_files.push(file),
                _ => {}
            }
        }
        for file in seeds {
            match file.extension.as_str() {
                "csv" => inventory.seed(&file, trees, &mut referable, found),
                _ if file.is_yaml() => inventory.property_files.push(file),
                _ => {}
            }
        }
        let mut tests = BTreeMap::new();
        for file in singular_tests {
            let folder = file.folders.first().map_or("", String::as_str);
            match file.extension.as_str() {
                "sql" if folder == "generic" => inventory.macro_file(&file, &config.name, found),
                "sql" if folder == "fixtures" => {}
                "sql" => inventory.singular_test(&file, trees, &mut tests, found),
                _ if file.is_yaml() => inventory.property_files.push(file),
                _ => {}
            }
        }
        for file in macros {
            match file.extension.as_str() {
                "sql" => inventory.macro_file(&file, &config.name, found),
                _ if file.is_yaml() => inventory.property_files.push(file),
                _ => {}
            }
        }
        inventory.property_files.sort_by(|left, right| left.shown.cmp(&right.shown));
        inventory.property_files.dedup_by(|left, right| left.shown == right.shown);
        inventory
    }

    fn model(
        &mut self,
        file: &FoundFile,
        config: &ProjectConfig,
        trees: &mut ConfigTrees,
        names: &mut BTreeMap<String, String>,
        found: &mut Diagnostics,
    ) -> Option<()> {
        let (layer, name) = (layer_of(file, config, found), take_name(file, "model", names, found));
        let (layer, ()) = (layer?, name?);
        let source = file.read(found)?;
        let fqn = file.fqn();
        let FolderConfig { config, places, is_partial } = trees.models.settings(&fqn);
        let properties = Arc::new(Properties { settings: places, is_partial, ..Properties::default() });
        self.models.push(ModelFile { name: file.stem.clone(), layer, fqn, source, config, properties });
        Some(())
    }

    /// What a file says that was not understood is missing of the settings and columns here; of two of one name, either may
    /// be meant.
    pub(super) fn doubt(&mut self, unread: &Unread) {
        if unread.properties.is_empty() && unread.relations.is_empty() {
            return;
        }
        let models = self.models.iter_mut().map(|model| (&model.name, &mut model.properties));
        let seeds = self.seeds.iter_mut().map(|seed| (&seed.name, &mut seed.properties));
        for (name, properties) in models.chain(seeds) {
            if !properties.is_partial && (unread.describes(name) || unread.has_another(name)) {
                Arc::make_mut(properties).is_partial = true;
            }
        }
    }

    /// A model that is there, and is not read. Its folder is one of models all the same.
    fn unread_model(&mut self, file: &FoundFile, trees: &mut ConfigTrees) {
        trees.models.settings(&file.fqn());
        let layer = file.folders.first().cloned().unwrap_or_default();
        self.unread.relations.insert((layer, file.stem.clone()));
    }

    fn seed(
        &mut self,
        file: &FoundFile,
        trees: &mut ConfigTrees,
        names: &mut BTreeMap<String, String>,
        found: &mut Diagnostics,
    ) {
        let fqn = file.fqn();
        let FolderConfig { config, places, is_partial } = trees.seeds.settings(&fqn);
        if take_name(file, "seed", names, found).is_none() {
            self.unread.relations.insert((SEEDS.to_owned(), file.stem.clone()));
            return;
        }
        let properties = Arc::new(Properties { settings: places, is_partial, ..Properties::default() });
        self.seeds.push(SeedFile { name: file.stem.clone(), path: file.shown.clone(), fqn, config, properties });
    }

    fn singular_test(
        &mut self,
        file: &FoundFile,
        trees: &mut ConfigTrees,
        names: &mut BTreeMap<String, String>,
        found: &mut Diagnostics,
    ) {
        let fqn = file.fqn();
        let FolderConfig { config, places, is_partial } = trees.data_tests.settings(&fqn);
        if take_name(file, "data test", names, found).is_none() {
            self.unread.tests.insert(file.stem.clone());
            return;
        }
        let Some(source) = file.read(found) else {
            self.unread.tests.insert(file.stem.clone());
            return;
        };
        let properties = Arc::new(Properties { settings: places, is_partial, ..Properties::default() });
        self.singular_tests.push(TestFile { name: file.stem.clone(), source, fqn, config, properties });
    }

    fn macro_file(&mut self, file: &FoundFile, project: &str, found: &mut Diagnostics) {
        match file.read(found) {
            Some(source) => self.macros.push(MacroFile { package: project.to_owned(), source }),
            None => self.unread.macros.push(file.read_lossy()),
        }
    }
}

/// The model's first folder, if it is a declared layer.
fn layer_of(file: &FoundFile, config: &ProjectConfig, found: &mut Diagnostics) -> Option<String> {
    let layers: Vec<&str> = config.layers.iter().map(String::as_str).collect();
    let Some(folder) = file.folders.first() else {
        found.push(
            Diagnostic::error(Code::Undeclared, format!("model `{}` lies in no layer", file.stem))
                .in_file(file.shown.as_str())
                .hint(format!("move it into the folder of a layer: {}", or_list(&config.layers))),
        );
        return None;
    };
    if layers.contains(&folder.as_str()) || config.layers_are_partial && names::is_name(folder) {
        return Some(folder.clone());
    }
    // Said once of a folder, not of every model in it.
    let path = file.shown.split_once(&format!("/{folder}/")).map_or("", |(base, _)| base);
    let undeclared = Diagnostic::error(Code::Undeclared, format!("folder `{folder}` is not a declared layer"))
        .in_file(format!("{path}/{folder}"));
    found.push(
        hint_known(undeclared, folder, &layers)
            .hint(format!("or add `{folder}` to `layers` in the project file, in the order in which layers are read")),
    );
    None
}

/// The file's name, if it is one and nobody has it yet.
fn take_name(
    file: &FoundFile,
    noun: &str,
    taken: &mut BTreeMap<String, String>,
    found: &mut Diagnostics,
) -> Option<()> {
    if !names::is_name(&file.stem) {
        found.push(
            Diagnostic::error(Code::InvalidName, format!("`{}` cannot be the name of a {noun}", file.stem))
                .in_file(file.shown.as_str())
                .hint("rename the file: a letter or underscore, then letters, digits and underscores"),
        );
        return None;
    }
    if let Some(first) = taken.get(&file.stem) {
        found.push(
            Diagnostic::error(Code::Duplicate, format!("two files are called `{}`", file.stem))
                .in_file(file.shown.as_str())
                .note(format!("the other is `{first}`"))
                .hint("rename one: a name is what `ref()` knows it by, whatever its folder"),
        );
        return None;
    }
    taken.insert(file.stem.clone(), file.shown.clone());
    Some(())
}

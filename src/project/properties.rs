//! What `.yml` files beside the models say: descriptions, columns, tests, config.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::column::{ColumnProperties, ColumnsOf, read_columns};
use super::declared_test::{DeclaredTest, TestContext, one_of_tests};
use super::fields::Fields;
use super::model_config::{ConfigOf, merge_config, read_config, setting_places};
use super::yaml::{Node, NodeKind};
use super::{ModelFile, Place, SeedFile, SettingPlaces, TestFile, Unread};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};

/// The properties of one model, seed or test; empty when no file has any.
#[derive(Debug, Clone, Default)]
pub struct Properties {
    pub description: String,
    pub columns: Arc<[ColumnProperties]>,
    /// Tests on the whole table.
    pub data_tests: Arc<[DeclaredTest]>,
    pub meta: Map<String, Value>,
    /// The file and place of the entry, for messages and `patch_path`.
    pub place: Place,
    /// Where its settings are written, in `project.yaml` or here.
    pub settings: SettingPlaces,
    /// A mistake keeps settings or columns from being known: that some are missing is no second one.
    pub is_partial: bool,
}

/// One entry of `models:`, `seeds:` or the top level's `data_tests:`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    name: String,
    place: Span,
    config: Map<String, Value>,
    properties: Properties,
}

/// The entries of property files.
#[derive(Debug, Default, Clone)]
pub(super) struct Entries {
    pub(super) models: Vec<Entry>,
    pub(super) seeds: Vec<Entry>,
    pub(super) tests: Vec<Entry>,
}

impl Entries {
    pub(super) fn extend(&mut self, more: Self) {
        self.models.extend(more.models);
        self.seeds.extend(more.seeds);
        self.tests.extend(more.tests);
    }

    /// Takes what one file says of models, seeds and singular tests; false if an entry could not be read.
    pub(super) fn read(&mut self, fields: &mut Fields<'_>, tests: TestContext<'_>) -> bool {
        let (models, seeds) = (fields.list("models"), fields.list("seeds"));
        let before = self.models.len() + self.seeds.len();
        for node in models {
            self.models.extend(read_entry(node, ConfigOf::Model, "an entry of `models`", tests, fields.found()));
        }
        for node in seeds {
            self.seeds.extend(read_entry(node, ConfigOf::Seed, "an entry of `seeds`", tests, fields.found()));
        }
        let is_whole = self.models.len() + self.seeds.len() == before + models.len() + seeds.len();
        let Some(singular) = one_of_tests(fields) else {
            return is_whole;
        };
        let NodeKind::Sequence(items) = &singular.kind else {
            let message = format!("`data_tests` is a list, not {}", singular.describe());
            fields.push(
                Diagnostic::error(Code::Config, message).label(singular.span.clone(), "expected `- name: my_test`"),
            );
            return is_whole;
        };
        for node in items {
            // Below `data_tests` nothing has been rendered yet.
            let node = tests.renderer.node(node, super::rendered::LATER, fields.found());
            self.tests.extend(read_entry(&node, ConfigOf::Test, "an entry of `data_tests`", tests, fields.found()));
        }
        is_whole
    }

    /// Lays the entries over what they name. Each may be named once.
    pub(super) fn apply(
        self,
        models: &mut [ModelFile],
        seeds: &mut [SeedFile],
        tests: &mut [TestFile],
        unread: &Unread,
        found: &mut Diagnostics,
    ) {
        let is_unread = |of: ConfigOf, name: &str| match of {
            ConfigOf::Model | ConfigOf::Seed => unread.has_relation(name),
            ConfigOf::Test => unread.folders || unread.tests.contains(name),
            ConfigOf::Source | ConfigOf::Exposure => false,
        };
        let models = models.iter_mut().map(|model| (model.name.as_str(), (&mut model.config, &mut model.properties)));
        apply(self.models, models.collect(), ConfigOf::Model, &is_unread, found);
        let seeds = seeds.iter_mut().map(|seed| (seed.name.as_str(), (&mut seed.config, &mut seed.properties)));
        apply(self.seeds, seeds.collect(), ConfigOf::Seed, &is_unread, found);
        let tests = tests.iter_mut().map(|test| (test.name.as_str(), (&mut test.config, &mut test.properties)));
        apply(self.tests, tests.collect(), ConfigOf::Test, &is_unread, found);
    }
}

/// By name: the config and the properties of what can be described.
type Described<'a> = HashMap<&'a str, (&'a mut Map<String, Value>, &'a mut Arc<Properties>)>;

fn apply(
    entries: Vec<Entry>,
    mut described: Described<'_>,
    of: ConfigOf,
    is_unread: &dyn Fn(ConfigOf, &str) -> bool,
    found: &mut Diagnostics,
) {
    let noun = of.noun();
    for entry in entries {
        let Some((config, properties)) = described.get_mut(entry.name.as_str()) else {
            if is_unread(of, &entry.name) {
                continue;
            }
            let unused = format!("no {noun} is called `{}`", entry.name);
            found.push(
                Diagnostic::warning(Code::UnusedProperties, unused)
                    .label(entry.place, "these properties describe nothing")
                    .nearest(&entry.name, described.keys().copied()),
            );
            continue;
        };
        if let Some(first) = &properties.place {
            found.push(
                Diagnostic::error(Code::Duplicate, format!("{noun} `{}` is described twice", entry.name))
                    .label(entry.place, "described again here")
                    .secondary(first.clone(), "first described here")
                    .hint("keep one entry: properties of one name are not merged"),
            );
            Arc::make_mut(properties).is_partial = true;
            continue;
        }
        merge_config(config, &entry.config);
        let mut own = entry.properties;
        let mut settings = properties.settings.clone();
        settings.extend(std::mem::take(&mut own.settings));
        own.settings = settings;
        own.is_partial |= properties.is_partial;
        if let Some(Value::Object(meta)) = config.get("meta") {
            own.meta.clone_from(meta);
        }
        **properties = Arc::new(own);
    }
}

fn read_entry(
    node: &Node,
    of: ConfigOf,
    what: &'static str,
    tests: TestContext<'_>,
    found: &mut Diagnostics,
) -> Option<Entry> {
    let mut fields = Fields::new(node, what, found)?;
    let name = fields.required_string("name");
    let described = fields.found().errors();
    let description = fields.text("description").unwrap_or_default();
    let mut config = Map::new();
    let beside: &[&'static str] = match of {
        ConfigOf::Model => &["tags", "meta", "docs", "group", "access"],
        ConfigOf::Seed => &["tags", "meta", "docs"],
        ConfigOf::Test | ConfigOf::Source | ConfigOf::Exposure => &["tags", "meta"],
    };
    for &key in beside {
        if let Some(entry) = fields.entry(key).filter(|(_, value)| !value.is_null()) {
            let one = Node { kind: NodeKind::Mapping(vec![entry.clone()]), span: entry.0.span.clone() };
            merge_config(&mut config, &read_config(&one, of, fields.found()));
        }
    }
    let mut settings = SettingPlaces::new();
    if let Some(node) = fields.node("config") {
        settings = setting_places(node);
        merge_config(&mut config, &read_config(node, of, fields.found()));
    }
    let is_config_given = fields.node("config").is_some();
    let mut is_partial = fields.found().errors() > described;
    let (mut columns, mut data_tests) = (Vec::new(), Vec::new());
    if of == ConfigOf::Test {
        fields.accept(&["docs"]);
    } else {
        refuse_versions(&mut fields);
        columns = read_columns(&mut fields, ColumnsOf::Node, tests);
        is_partial = fields.found().errors() > described;
        data_tests = DeclaredTest::read_all(&mut fields, tests);
    }
    let is_all_given = is_config_given && (of != ConfigOf::Model || !columns.is_empty());
    is_partial |= !is_all_given && fields.has_unknown_collection();
    fields.finish(found);
    let (name, name_node) = name?;
    let place = name_node.span.clone();
    let properties = Properties {
        description,
        columns: columns.into_iter().map(|column| column.properties).collect(),
        data_tests: data_tests.into(),
        meta: Map::new(),
        place: Some(place.clone()),
        settings,
        is_partial,
    };
    Some(Entry { name, place, config, properties })
}

/// Keys of dbt that would change what is built.
fn refuse_versions(fields: &mut Fields<'_>) {
    for name in ["versions", "latest_version"] {
        if let Some((key, _)) = fields.entry(name) {
            let message = format!("`{name}` is not part of this version: a model has one version");
            let span = key.span.clone();
            fields.push(Diagnostic::error(Code::Config, message).label(span, "not supported"));
        }
    }
    if let Some((key, _)) = fields.entry("constraints") {
        let span = key.span.clone();
        fields.push(
            Diagnostic::warning(Code::Config, "`constraints` are not enforced in this version")
                .label(span, "ignored")
                .hint("declare `data_tests`"),
        );
    }
    fields.accept(&["deprecation_date", "time_spine"]);
}

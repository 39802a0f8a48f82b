//! `data_tests:` of a table or a column: generic tests as written, before anything is looked up.
//!
//! A test is a name, `{name: {arguments}}`, or `{test_name: ..., arguments: ..., config: ...}`; arguments stand under
//! `arguments:` or beside it, config under `config:` or beside it.

use serde_json::{Map, Value};

use super::Place;
use super::fields::{Fields, snake_case};
use super::model_config::{ConfigOf, TEST_CONFIG_KEYS, merge_config, read_config};
use super::rendered::YamlRenderer;
use super::yaml::{Key, Node, NodeKind, to_map};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::names;

/// A generic test as written in YAML, before anything is looked up.
#[derive(Debug, Clone)]
pub struct DeclaredTest {
    /// `not_null`, `relationships`, `my_test`, `package.my_test`.
    pub test: String,
    /// `name:` of the entry, which replaces the synthesized name.
    pub name: Option<String>,
    pub description: String,
    /// Keyword arguments; strings may hold Jinja such as `ref('x')`, rendered when the test is compiled.
    pub arguments: Map<String, Value>,
    /// `severity`, `warn_if`, `error_if`, `where`, `limit`, `store_failures`, `tags`, `enabled`, ...
    pub config: Map<String, Value>,
    /// The test's name in the YAML.
    pub place: Place,
}

/// What every test of one file starts from.
#[derive(Clone, Copy)]
pub(super) struct TestContext<'a> {
    /// Test config is rendered when it is read, arguments are not.
    pub(super) renderer: YamlRenderer<'a>,
    /// `data_tests:` of the project file for this folder.
    pub(super) config: &'a Map<String, Value>,
}

/// `data_tests:` or, in its old spelling, `tests:`.
pub(super) fn one_of_tests<'a>(fields: &mut Fields<'a>) -> Option<&'a Node> {
    let new = fields.entry("data_tests");
    let old = fields.entry("tests");
    if let (Some((new, _)), Some((old, _))) = (new, old) {
        fields.push(
            Diagnostic::error(Code::Config, "`data_tests` and `tests` are one setting")
                .label(old.span.clone(), "the old spelling")
                .secondary(new.span.clone(), "the new spelling")
                .hint("keep `data_tests`"),
        );
    }
    new.or(old).map(|(_, node)| node).filter(|node| !node.is_null())
}

impl DeclaredTest {
    /// All tests of a table's or column's mapping.
    pub(super) fn read_all(fields: &mut Fields<'_>, context: TestContext<'_>) -> Vec<Self> {
        let Some(node) = one_of_tests(fields) else {
            return Vec::new();
        };
        let NodeKind::Sequence(items) = &node.kind else {
            let message = format!("`data_tests` is a list, not {}", node.describe());
            let wrong = Diagnostic::error(Code::Config, message).label(node.span.clone(), "expected `- test`");
            fields.push(wrong);
            return Vec::new();
        };
        items.iter().filter_map(|item| Self::read(item, context, fields.found())).collect()
    }

    fn read(node: &Node, context: TestContext<'_>, found: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            NodeKind::String(name) => Self::named(name, &node.span, context, found),
            NodeKind::Mapping(entries) => match entries.iter().find(|(key, _)| key.name == "test_name") {
                Some((key, value)) => {
                    let name = value.as_text().unwrap_or_default();
                    let mut test = Self::named(&name, &value.span, context, found)?;
                    for (other, value) in entries.iter().filter(|(other, _)| other.name != key.name) {
                        test.take(other, value, context, found);
                    }
                    Some(test)
                }
                None => Self::read_keyed(entries, context, found),
            },
            _ => {
                found.push(
                    Diagnostic::error(Code::Config, format!("a data test is a name, not {}", node.describe()))
                        .label(node.span.clone(), "expected `not_null` or `accepted_values: {...}`"),
                );
                None
            }
        }
    }

    /// `{accepted_values: {values: [...]}}`.
    fn read_keyed(entries: &[(Key, Node)], context: TestContext<'_>, found: &mut Diagnostics) -> Option<Self> {
        let (key, body) = entries.first()?;
        if let Some((second, _)) = entries.get(1) {
            let message = format!("`{}` stands beside the test `{}`, not below it", second.name, key.name);
            found.push(
                Diagnostic::error(Code::Config, message)
                    .label(second.span.clone(), "one test has one name")
                    .hint(format!("indent it deeper than `{}`, or begin another test with `- `", key.name)),
            );
            return None;
        }
        let mut test = Self::named(&key.name, &key.span, context, found)?;
        match &body.kind {
            NodeKind::Null => {}
            NodeKind::Mapping(entries) => {
                for (key, value) in entries {
                    test.take(key, value, context, found);
                }
            }
            _ => {
                let message = format!("the arguments of `{}` are a mapping, not {}", test.test, body.describe());
                found.push(
                    Diagnostic::error(Code::Config, message).label(body.span.clone(), "expected `argument: value`"),
                );
            }
        }
        Some(test)
    }

    fn named(name: &str, span: &Span, context: TestContext<'_>, found: &mut Diagnostics) -> Option<Self> {
        let parts: Vec<&str> = name.split('.').collect();
        if parts.len() > 2 || !parts.iter().all(|part| names::is_name(part)) {
            found.push(
                Diagnostic::error(Code::Config, format!("`{name}` is not a test"))
                    .label(span.clone(), "expected a name such as `not_null` or `package.my_test`"),
            );
            return None;
        }
        Some(Self {
            test: name.to_owned(),
            name: None,
            description: String::new(),
            arguments: Map::new(),
            config: context.config.clone(),
            place: Some(span.clone()),
        })
    }

    /// One key of a test's mapping: about the test, its config, or an argument.
    fn take(&mut self, key: &Key, value: &Node, context: TestContext<'_>, found: &mut Diagnostics) {
        let name = snake_case(&key.name);
        match name.as_str() {
            "name" => self.name = value.as_text(),
            "description" => self.description = value.as_text().unwrap_or_default(),
            "arguments" => match &value.kind {
                NodeKind::Null => {}
                NodeKind::Mapping(entries) => self.arguments.extend(to_map(entries)),
                _ => {
                    let message = format!("`arguments` is a mapping, not {}", value.describe());
                    found.push(
                        Diagnostic::error(Code::Config, message)
                            .label(value.span.clone(), "expected `argument: value`"),
                    );
                }
            },
            "config" => {
                let value = context.renderer.node(value, &[], found);
                merge_config(&mut self.config, &read_config(&value, ConfigOf::Test, found));
            }
            config if TEST_CONFIG_KEYS.contains(&config) => {
                let value = context.renderer.node(value, &[], found);
                let span = value.span.clone();
                let one = Node { kind: NodeKind::Mapping(vec![(key.clone(), value)]), span };
                merge_config(&mut self.config, &read_config(&one, ConfigOf::Test, found));
            }
            _ => {
                self.arguments.insert(key.name.clone(), value.to_json());
            }
        }
    }
}

//! `exposures:` - what uses the project's tables without being built by it: a dashboard, a notebook, an application.

use std::fmt;

use serde_json::{Map, Value};

use super::Place;
use super::config_tree::ConfigTree;
use super::fields::Fields;
use super::model_config::{ConfigOf, merge_config, own_config};
use super::yaml::{Node, NodeKind, to_map};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, or_list};

/// Someone's use of tables, as declared.
#[derive(Debug, Clone)]
pub struct Exposure {
    pub name: String,
    /// Its title, where the name is too plain.
    pub label: Option<String>,
    pub kind: ExposureKind,
    /// `name`, `email`, and whatever else is said of who answers for it.
    pub owner: Map<String, Value>,
    pub description: String,
    pub url: Option<String>,
    pub maturity: Option<Maturity>,
    /// `ref('orders')` or `source('shop', 'orders')` as written, each with its place.
    pub depends_on: Vec<(String, Span)>,
    /// Folders that lead to the file, then the name.
    pub fqn: Vec<String>,
    pub config: Map<String, Value>,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExposureKind {
    Dashboard,
    Notebook,
    Analysis,
    MachineLearning,
    Application,
}

/// How far others can rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maturity {
    Low,
    Medium,
    High,
}

impl ExposureKind {
    const ALL: [Self; 5] = [Self::Dashboard, Self::Notebook, Self::Analysis, Self::MachineLearning, Self::Application];
}

impl fmt::Display for ExposureKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Dashboard => "dashboard",
            Self::Notebook => "notebook",
            Self::Analysis => "analysis",
            Self::MachineLearning => "ml",
            Self::Application => "application",
        })
    }
}

impl Maturity {
    const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];
}

impl fmt::Display for Maturity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

impl Exposure {
    /// All that one file declares. `folders` lead to it.
    pub(super) fn read_all(fields: &mut Fields<'_>, folders: &[String], tree: &mut ConfigTree) -> Vec<Self> {
        let nodes = fields.list("exposures");
        nodes.iter().filter_map(|node| Self::read(node, folders, tree, fields.found())).collect()
    }

    fn read(node: &Node, folders: &[String], tree: &mut ConfigTree, found: &mut Diagnostics) -> Option<Self> {
        let mut fields = Fields::new(node, "an exposure", found)?;
        let name = fields.required_name("name");
        let label = fields.text("label");
        let kind = fields.required("type").and_then(|_| one_of(&mut fields, "type", &ExposureKind::ALL));
        let owner = read_owner(&mut fields);
        let description = fields.text("description").unwrap_or_default();
        let url = fields.text("url");
        let maturity = one_of(&mut fields, "maturity", &Maturity::ALL);
        let depends_on = read_dependencies(&mut fields);
        let own = own_config(&mut fields, ConfigOf::Exposure);
        fields.finish(found);

        let (name, name_node) = name?;
        let fqn: Vec<String> = folders.iter().cloned().chain([name.clone()]).collect();
        let mut config = tree.config(&fqn);
        merge_config(&mut config, &own);
        let place = Some(name_node.span.clone());
        Some(Self {
            name,
            label,
            // Their mistakes are told; nothing is written of an exposure that has any.
            kind: kind.unwrap_or(ExposureKind::Application),
            owner: owner.unwrap_or_default(),
            description,
            url,
            maturity,
            depends_on,
            fqn,
            config,
            place,
        })
    }

    pub fn is_enabled(&self) -> bool {
        self.config.get("enabled") != Some(&Value::Bool(false))
    }

    pub fn meta(&self) -> Map<String, Value> {
        self.config.get("meta").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// `Ann, ann@shop.example`: who is to be told.
    pub fn owner_text(&self) -> String {
        let texts = |key: &str| match self.owner.get(key) {
            Some(Value::String(text)) => vec![text.as_str()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => Vec::new(),
        };
        [texts("name"), texts("email")].concat().join(", ")
    }
}

/// A setting that is one of a few words.
fn one_of<T: Copy + fmt::Display>(fields: &mut Fields<'_>, key: &'static str, all: &[T]) -> Option<T> {
    let words: Vec<String> = all.iter().map(ToString::to_string).collect();
    let (given, node) = fields.string(key)?;
    let found = all.iter().zip(&words).find(|(_, word)| **word == given).map(|(value, _)| *value);
    if found.is_none() {
        let wanted = or_list(&words);
        fields.push(
            Diagnostic::error(Code::Config, format!("`{key}` is {wanted}, not `{given}`"))
                .label(node.span.clone(), "not one of these")
                .nearest(&given, words.iter().map(String::as_str)),
        );
    }
    found
}

/// Who answers for it; there is nobody to tell without a name or an address.
fn read_owner(fields: &mut Fields<'_>) -> Option<Map<String, Value>> {
    let node = fields.required("owner")?;
    let NodeKind::Mapping(entries) = &node.kind else {
        let message = format!("`owner` is a mapping, not {}", node.describe());
        fields.push(
            Diagnostic::error(Code::Config, message).label(node.span.clone(), "expected `{name: ..., email: ...}`"),
        );
        return None;
    };
    let owner = to_map(entries);
    let is_text = |value: &Value| value.is_string();
    for (key, value) in entries {
        let json = value.to_json();
        let is_right = match key.name.as_str() {
            "name" => is_text(&json) || json.is_null(),
            "email" => is_text(&json) || json.is_null() || json.as_array().is_some_and(|all| all.iter().all(is_text)),
            _ => true,
        };
        if !is_right {
            let message = format!("`{}` of an owner is a string, not {}", key.name, value.describe());
            fields.push(Diagnostic::error(Code::Config, message).label(value.span.clone(), "expected a string"));
            return None;
        }
    }
    if ["name", "email"].iter().all(|key| owner.get(*key).is_none_or(Value::is_null)) {
        fields.push(
            Diagnostic::error(Code::Config, "an owner has a `name` or an `email`")
                .label(node.span.clone(), "neither is here"),
        );
        return None;
    }
    Some(owner)
}

fn read_dependencies(fields: &mut Fields<'_>) -> Vec<(String, Span)> {
    let mut calls = Vec::new();
    for node in fields.list("depends_on") {
        let wanted = "`ref('model')` or `source('source', 'table')`";
        let Some(text) = node.as_text() else {
            let message = format!("`depends_on` is a list of {wanted}, not {}", node.describe());
            fields.push(Diagnostic::error(Code::Config, message).label(node.span.clone(), "expected a string"));
            continue;
        };
        let call = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim().to_owned();
        match call.split_once('(').map(|(callee, _)| callee.trim_end()) {
            Some("ref" | "source") => calls.push((call, node.span.clone())),
            Some("metric") => fields.push(
                Diagnostic::warning(Code::Config, "metrics are not part of this version")
                    .label(node.span.clone(), "ignored"),
            ),
            Some(_) | None => fields.push(
                Diagnostic::error(Code::Config, format!("`{text}` names nothing that an exposure can read"))
                    .label(node.span.clone(), format!("expected {wanted}"))
                    .hint_opt(crate::names::is_name(&call).then(|| format!("write `ref('{call}')`"))),
            ),
        }
    }
    calls
}

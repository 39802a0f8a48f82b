//! `targets:`: where a project is built, and with what.

use std::fmt;

use serde_json::{Map, Value, json};

use super::Place;
use super::fields::Fields;
use super::yaml::{Node, NodeKind};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, or_list};

/// One entry of `targets`.
#[derive(Clone)]
pub struct TargetConfig {
    pub name: String,
    /// A directory relative to the root, or an object-store URL. Default: `warehouse`.
    pub warehouse: String,
    pub warehouse_place: Place,
    /// Strings, handed to the object store; an option that renders to nothing is not set.
    pub storage_options: Map<String, Value>,
    /// Models built at the same time; default: the machine's cores.
    pub threads: Option<usize>,
    /// In bytes, written `4GiB`; beyond it operators spill to disk. Default: half of the machine's memory.
    pub memory_limit: Option<u64>,
    /// A folder of recorded responses, relative to the root: connectors read from it and from nowhere else.
    pub replay: Option<String>,
    pub replay_place: Place,
    /// Vars that hold for this target only.
    pub vars: Map<String, Value>,
}

impl TargetConfig {
    /// What a project has that declares no targets.
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            warehouse: "warehouse".to_owned(),
            warehouse_place: None,
            storage_options: Map::new(),
            threads: None,
            memory_limit: None,
            replay: None,
            replay_place: None,
            vars: Map::new(),
        }
    }

    /// What templates see as `target`; the storage options stay out of it.
    pub fn context(&self) -> Value {
        json!({
            "name": self.name,
            "target_name": self.name,
            "type": "engine",
            "warehouse": self.warehouse,
            "threads": self.threads,
        })
    }

    fn read(name: &str, node: &Node, found: &mut Diagnostics) -> Self {
        let mut target = Self::named(name);
        if node.is_null() {
            return target;
        }
        let Some(mut fields) = Fields::new(node, "a target", found) else {
            return target;
        };
        if let Some((warehouse, place)) = fields.string("warehouse") {
            if warehouse.trim().is_empty() {
                fields.push(
                    Diagnostic::error(Code::Config, format!("target `{name}` has an empty `warehouse`"))
                        .label(place.span.clone(), "expected a directory or a URL"),
                );
            }
            target.warehouse = warehouse;
            target.warehouse_place = Some(place.span.clone());
        }
        target.storage_options = storage_options(&mut fields);
        target.threads = fields.count("threads");
        target.memory_limit = memory_limit(&mut fields);
        target.vars = fields.map("vars");
        if let Some((folder, node)) = fields.string("replay").filter(|(folder, _)| !folder.is_empty()) {
            target.replay = Some(folder);
            target.replay_place = Some(node.span.clone());
        }
        fields.finish(found);
        target
    }
}

impl fmt::Debug for TargetConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TargetConfig")
            .field("name", &self.name)
            .field("warehouse", &self.warehouse)
            .field("storage_options", &Hidden(&self.storage_options))
            .field("threads", &self.threads)
            .field("memory_limit", &self.memory_limit)
            .field("vars", &self.vars)
            .finish_non_exhaustive()
    }
}

/// Storage options in `Debug`: their names only.
pub(super) struct Hidden<'a>(pub(super) &'a Map<String, Value>);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.0.keys().map(|name| (name, "***"))).finish()
    }
}

/// `storage_options`: scalars as text; empty ones are left out, as `env_var('X', '')` is how one says "if set".
pub(super) fn storage_options(fields: &mut Fields<'_>) -> Map<String, Value> {
    let Some(node) = fields.node("storage_options") else {
        return Map::new();
    };
    let mut options = Map::new();
    let NodeKind::Mapping(entries) = &node.kind else {
        fields.map("storage_options");
        return options;
    };
    for (key, value) in entries {
        match value.as_text() {
            Some(text) if text.is_empty() => {}
            Some(text) => {
                options.insert(key.name.clone(), Value::String(text));
            }
            None if value.is_null() => {}
            None => {
                let message = format!("storage option `{}` is a string, not {}", key.name, value.describe());
                fields.push(Diagnostic::error(Code::Config, message).label(key.span.clone(), "expected a string"));
            }
        }
    }
    options
}

fn memory_limit(fields: &mut Fields<'_>) -> Option<u64> {
    let span = fields.node("memory_limit")?.span.clone();
    let text = fields.text("memory_limit")?;
    let bytes = parse_bytes(&text);
    if bytes.is_none() {
        let message = format!("`{text}` is not a size");
        fields.push(Diagnostic::error(Code::Config, message).label(span, "expected `4GiB`, `512MB` or bytes"));
    }
    bytes
}

/// `4GiB`, `512MB`, `1.5 g` or a number of bytes; `kB`, `MB`, ... are powers of 1000, `KiB` and a bare `K` of 1024.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(text.len());
    let unit = text[digits..].trim().to_lowercase();
    let (base, unit) = match unit.strip_suffix("ib") {
        Some(prefix) => (1024, prefix),
        None => match unit.strip_suffix('b') {
            Some(prefix) => (1000, prefix),
            None => (1024, unit.as_str()),
        },
    };
    let power = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return None,
    };
    let factor = u64::pow(base, power);
    let (whole, fraction) = text[..digits].split_once('.').unwrap_or((&text[..digits], ""));
    let bytes = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    if fraction.is_empty() {
        return Some(bytes).filter(|bytes| *bytes > 0);
    }
    let tenths = u32::try_from(fraction.len()).ok().and_then(|digits| 10_u64.checked_pow(digits))?;
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / u128::from(tenths);
    bytes.checked_add(u64::try_from(part).ok()?).filter(|bytes| *bytes > 0)
}

/// The targets in the order of the file; one called `dev` when none is declared.
pub(super) fn read_targets(node: Option<&Node>, found: &mut Diagnostics) -> Vec<TargetConfig> {
    let default = || vec![TargetConfig::named("dev")];
    let Some(node) = node.filter(|node| !node.is_null()) else {
        return default();
    };
    let NodeKind::Mapping(entries) = &node.kind else {
        let message = format!("`targets` is a mapping of names, not {}", node.describe());
        found.push(
            Diagnostic::error(Code::Config, message).label(node.span.clone(), "expected `name: {warehouse: ...}`"),
        );
        return default();
    };
    if entries.is_empty() {
        return default();
    }
    entries.iter().map(|(key, value)| TargetConfig::read(&key.name, value, found)).collect()
}

/// The target of that name, or what to say when there is none.
pub(super) fn choose(targets: &[TargetConfig], wanted: &str, place: Place) -> Result<TargetConfig, Diagnostics> {
    if let Some(target) = targets.iter().find(|target| target.name == wanted) {
        return Ok(target.clone());
    }
    let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    let mut unknown = Diagnostic::error(Code::Undeclared, format!("no target is called `{wanted}`"))
        .nearest(wanted, names.iter().map(String::as_str));
    if unknown.hints.is_empty() {
        unknown = unknown.hint(format!("expected {}", or_list(&names)));
    }
    Err(match place {
        Some(span) => unknown.label(span, "not declared in `targets`").into(),
        None => unknown.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_systems() {
        for (text, bytes) in [
            ("4GiB", Some(4 << 30)),
            ("512MB", Some(512_000_000)),
            ("1.5 g", Some(3 << 29)),
            ("1024", Some(1024)),
            ("64k", Some(65_536)),
            ("10B", Some(10)),
            ("0", None),
            ("4 bananas", None),
            ("GB", None),
            ("99999999999T", None),
        ] {
            assert_eq!(parse_bytes(text), bytes, "{text}");
        }
    }

    #[test]
    fn debug_does_not_show_storage_options() {
        let mut target = TargetConfig::named("dev");
        target.storage_options.insert("AWS_SECRET_ACCESS_KEY".to_owned(), json!("hunter2"));
        let shown = format!("{target:?}");
        assert!(shown.contains(r#""AWS_SECRET_ACCESS_KEY": "***""#) && !shown.contains("hunter2"), "{shown}");
    }
}

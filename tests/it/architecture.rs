//! The walls of the house: who may name whom, who owns which heavy crate, how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the highest to the lowest. A module may use its own and those after it.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["invocation"],
    &["artifact", "execution"],
    &["functions", "connectors", "storage"],
    &["location"],
    &["plan"],
    &["data_test"],
    &["graph"],
    &["template"],
    &["project"],
    &["diagnostic"],
    &["names"],
];

/// Modules of one layer that may not name each other, either.
const APART: &[(&str, &str)] =
    &[("connectors", "storage"), ("storage", "connectors"), ("functions", "storage"), ("storage", "functions")];

/// Crates and the only modules that may name them.
const OWNERS: &[(&str, &[&str])] = &[
    ("deltalake", &["storage", "cli"]),
    ("delta_kernel", &["storage"]),
    ("rdkafka", &["connectors"]),
    ("reqwest", &["connectors"]),
    ("minijinja", &["template"]),
    ("minijinja_contrib", &["template"]),
    ("serde_yaml", &["project"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("annotate_snippets", &["diagnostic"]),
    ("datafusion", &["execution", "storage", "connectors", "functions", "cli"]),
    ("tokio", &["cli", "invocation", "execution", "storage", "connectors", "location"]),
];

/// A longer file holds a second noun.
const LONGEST: usize = 600;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module a file belongs to: the first folder or file name below `src`.
fn module(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// What `crate::` names stand in a line.
fn named_modules(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""))
}

fn names_crate(line: &str, name: &str) -> bool {
    let needle = format!("{name}::");
    line.match_indices(&needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '"')
    })
}

fn each_line(mut visit: impl FnMut(&str, &str, &str)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "the sources were not found at {}", root.display());
    for path in files {
        let module = module(&root, &path);
        if module == "lib" || module == "main" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            visit(&module, &format!("{}:{}", path.strip_prefix(&root).unwrap().display(), number + 1), code);
        }
    }
}

#[test]
fn modules_only_look_down() {
    let mut wrong = Vec::new();
    each_line(|module, place, line| {
        let Some(own) = rank(module) else {
            wrong.push(format!("src/{place}: module `{module}` has no place in the layers"));
            return;
        };
        for named in named_modules(line).filter(|named| *named != module) {
            let up = rank(named).is_some_and(|other| other < own);
            let apart = APART.contains(&(module, named));
            if up || apart {
                wrong.push(format!("src/{place}: `{module}` names `{named}`"));
            }
        }
    });
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "modules that look up or aside:\n{}", wrong.join("\n"));
}

#[test]
fn heavy_crates_have_one_owner() {
    let mut wrong = Vec::new();
    each_line(|module, place, line| {
        for (name, owners) in OWNERS {
            if names_crate(line, name) && !owners.contains(&module) {
                wrong.push(format!("src/{place}: `{module}` names `{name}`, which {} owns", owners.join(", ")));
            }
        }
    });
    assert!(wrong.is_empty(), "crates outside of their owners:\n{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let long: Vec<String> = files
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "files with a second noun in them:\n{}", long.join("\n"));
}

/// A module that is gone must leave the table, too.
#[test]
fn the_walls_stand_where_the_modules_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for layer in LAYERS {
        for module in *layer {
            let there = root.join(module).is_dir() || root.join(format!("{module}.rs")).is_file();
            assert!(there, "`{module}` is in the layers and not in src");
        }
    }
}

//! What nodes of every kind have in common in the manifest: who they are, what is said of them and what they are
//! compiled to.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use md5::Md5;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{config, object};
use crate::diagnostic::Span;
use crate::names::Relation;
use crate::project::ColumnProperties;

/// A larger seed is known by its path, as dbt has it: its bytes are not worth reading for a checksum.
const LARGE_SEED: u64 = 1 << 20;

/// A model, seed or data test about to be written down.
pub(super) struct Described<'a> {
    pub(super) kind: &'a str,
    pub(super) unique_id: &'a str,
    pub(super) package: &'a str,
    pub(super) name: &'a str,
    pub(super) fqn: &'a [String],
    pub(super) schema: &'a str,
    /// None when nothing is built.
    pub(super) relation: Option<&'a Relation>,
    /// Relative to the project.
    pub(super) file: &'a str,
    /// Relative to the folder that holds its like.
    pub(super) path: &'a str,
    pub(super) checksum: Value,
    pub(super) raw_code: &'a str,
    pub(super) config: Value,
    /// The config as the project says it.
    pub(super) written: &'a Map<String, Value>,
    pub(super) tags: &'a [String],
    pub(super) description: &'a str,
    pub(super) columns: &'a [ColumnProperties],
    /// Where YAML describes it.
    pub(super) place: Option<&'a Span>,
    /// Seconds since 1970.
    pub(super) created_at: f64,
}

impl Described<'_> {
    pub(super) fn entry(self) -> Map<String, Value> {
        let mut entry = object(json!({
            "database": null,
            "schema": self.schema,
            "name": self.name,
            "resource_type": self.kind,
            "package_name": self.package,
            "path": self.path,
            "original_file_path": self.file,
            "unique_id": self.unique_id,
            "fqn": self.fqn,
            "alias": self.name,
            "checksum": self.checksum,
            "tags": self.tags,
            "description": self.description,
            "columns": columns(self.columns),
            "meta": self.config["meta"],
            "group": self.config["group"],
            "docs": config::docs(self.written),
        }));
        entry.extend(object(json!({
            "config": self.config,
            "patch_path": self.place.map(|place| format!("{}://{}", self.package, place.source.path)),
            "build_path": null,
            "unrendered_config": self.written,
            "created_at": self.created_at,
            "relation_name": self.relation.map(Relation::to_sql),
            "raw_code": self.raw_code,
            "doc_blocks": [],
        })));
        entry
    }
}

/// What a template reads, calls and is compiled to.
#[derive(Default)]
pub(super) struct Code<'a> {
    /// Names of the models and seeds it reads.
    pub(super) refs: Vec<&'a str>,
    /// Source and table.
    pub(super) sources: Vec<[&'a str; 2]>,
    /// Unique ids.
    pub(super) macros: Vec<&'a str>,
    pub(super) nodes: Vec<&'a str>,
    /// The SQL, and its file relative to the project.
    pub(super) compiled: Option<(&'a str, String)>,
}

impl Code<'_> {
    pub(super) fn entry(self) -> Map<String, Value> {
        let refs: Vec<Value> =
            self.refs.iter().map(|name| json!({"name": name, "package": null, "version": null})).collect();
        let (sql, path) = self.compiled.unzip();
        object(json!({
            "language": "sql",
            "refs": refs,
            "sources": self.sources,
            "metrics": [],
            "functions": [],
            "depends_on": {"macros": self.macros, "nodes": self.nodes},
            "compiled_path": path,
            "compiled": sql.is_some(),
            "compiled_code": sql,
            "extra_ctes_injected": sql.is_some(),
            "extra_ctes": [],
            "contract": {"enforced": false, "alias_types": true, "checksum": null},
        }))
    }
}

/// What models alone have.
pub(super) fn extend_model(entry: &mut Map<String, Value>, primary_key: &[&str]) {
    let access = entry.get("config").map_or(Value::Null, |config| config["access"].clone());
    entry.extend(object(json!({
        "access": access,
        "constraints": [],
        "version": null,
        "latest_version": null,
        "deprecation_date": null,
        "primary_key": primary_key,
        "time_spine": null,
    })));
}

/// What seeds alone have.
pub(super) fn extend_seed(entry: &mut Map<String, Value>) {
    entry.extend(object(json!({"root_path": null, "depends_on": {"macros": []}})));
}

/// Columns by name.
pub(super) fn columns(columns: &[ColumnProperties]) -> Value {
    let column = |column: &ColumnProperties| {
        let entry = json!({
            "name": column.name,
            "description": column.description,
            "meta": column.meta,
            "data_type": column.data_type,
            "constraints": [],
            "quote": null,
            "config": {"meta": column.meta, "tags": column.tags},
            "tags": column.tags,
            "granularity": null,
            "doc_blocks": [],
        });
        (column.name.clone(), entry)
    };
    columns.iter().map(column).collect()
}

/// A path without the folder of `folders` it lies in.
pub(super) fn below<'a>(path: &'a str, folders: &[String]) -> &'a str {
    folders.iter().find_map(|folder| path.strip_prefix(folder.as_str())?.strip_prefix('/')).unwrap_or(path)
}

/// Of a template; the white space around it does not count.
pub(super) fn checksum(text: &str) -> Value {
    json!({"name": "sha256", "checksum": hex(&Sha256::digest(text.trim().as_bytes()))})
}

pub(super) fn checksum_of_seed(root: &Path, path: &str) -> Value {
    let file = root.join(path);
    if fs::metadata(&file).is_ok_and(|metadata| metadata.len() > LARGE_SEED) {
        return json!({"name": "path", "checksum": path});
    }
    match fs::read(&file) {
        Ok(bytes) => checksum(&String::from_utf8_lossy(&bytes)),
        // Gone since the project was read, which is for the seed's own step to tell.
        Err(_) => no_checksum(),
    }
}

pub(super) fn no_checksum() -> Value {
    json!({"name": "none", "checksum": ""})
}

/// How dbt names a project for its readers.
pub(super) fn project_id(name: &str) -> String {
    hex(&Md5::digest(name.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_the_folder_of_its_like() {
        let folders = ["models".to_owned(), "more/models".to_owned()];
        assert_eq!(below("models/gold/a.sql", &folders), "gold/a.sql");
        assert_eq!(below("more/models/a.sql", &folders), "a.sql");
        assert_eq!(below("models2/a.sql", &folders), "models2/a.sql");
    }

    #[test]
    fn a_checksum_is_that_of_the_stripped_text() {
        assert_eq!(checksum("  a\n"), checksum("a"));
        let wanted = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
        assert_eq!(checksum("a")["checksum"], wanted);
        assert_eq!(checksum_of_seed(Path::new("/nowhere"), "seeds/a.csv"), no_checksum());
    }
}

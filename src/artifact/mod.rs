//! What an invocation leaves behind for other tools, in dbt's shapes: compiled SQL, `manifest.json` and
//! `run_results.json`.
//!
//! The readers of these files refuse keys they do not know, so what is ours alone stands where anything may stand:
//! under `metadata.env`, `config` and `adapter_response`.

mod compiled;
mod config;
mod disabled;
mod entry;
mod lineage;
mod macros;
mod manifest;
mod node;
mod run_results;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub use compiled::{compiled_path, write_compiled};
pub use manifest::manifest;
pub use run_results::{ResultEntry, run_results};

/// Tools compare this version: it is the dbt whose artifacts ours are like. Our own is `ENGINE_VERSION` in the `env`.
const DBT_VERSION: &str = "1.11.0";

/// Which invocation the artifacts are of.
#[derive(Debug, Clone)]
pub struct Header<'a> {
    pub invocation_id: &'a str,
    pub generated_at: Timestamp,
    pub started_at: Timestamp,
    /// Environment variables that begin with `DBT_ENV_CUSTOM_ENV_`, without this beginning.
    pub env: BTreeMap<String, String>,
    /// What was asked for: `which`, `select`, `vars`, ...
    pub args: Value,
}

impl Header<'_> {
    /// The `metadata` that all artifacts begin with; `schema` is a name and version such as `manifest/v12`.
    fn metadata(&self, schema: &str) -> Map<String, Value> {
        let mut env = self.env.clone();
        env.insert("ENGINE_VERSION".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        object(json!({
            "dbt_schema_version": format!("https://schemas.getdbt.com/dbt/{schema}.json"),
            "dbt_version": DBT_VERSION,
            "generated_at": time(self.generated_at),
            "invocation_id": self.invocation_id,
            "invocation_started_at": time(self.started_at),
            "env": env,
        }))
    }
}

/// Writes `value` as `name` into the folder, which is made if need be. A reader sees the old file or the new, whole.
pub fn write(folder: &Path, name: &str, value: &Value) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let staging = folder.join(format!(".{name}.{}.tmp", uuid::Uuid::new_v4().simple()));
    let written = write_json(&staging, value).and_then(|()| fs::rename(&staging, folder.join(name)));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&staging);
    }
    written
}

fn write_json(path: &Path, value: &Value) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut out, value)?;
    out.flush()
}

/// Six digits of a second, as dbt writes it.
fn time(timestamp: Timestamp) -> String {
    format!("{timestamp:.6}")
}

/// The entries of a value that was written as an object.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(entries) => entries,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

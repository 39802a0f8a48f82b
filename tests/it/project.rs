//! A project in a temporary folder, and the program run on it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A `project.yaml` that is enough for most tests.
const PROJECT: &str = "name: shop\nversion: '1.0'\ntargets:\n  dev: {warehouse: warehouse}\n";

/// A project on disk; gone when dropped.
pub struct TestProject {
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl TestProject {
    /// With a plain `project.yaml`.
    pub fn new() -> Self {
        Self::empty().file("project.yaml", PROJECT)
    }

    /// Without any file.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    /// Writes a file, folders included; a second time replaces it.
    pub fn file(self, path: &str, content: &str) -> Self {
        self.write(path, content);
        self
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The program with arguments, in the project's folder, without the caller's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.root()).env_clear().stdin(Stdio::null());
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(&self.command(arguments).output().unwrap(), self.root())
    }

    /// Runs and insists on success.
    pub fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "engine {arguments:?}\n{ran}");
        ran
    }

    /// All rows of a query (Jinja allowed), as JSON objects.
    pub fn rows(&self, sql: &str) -> Vec<Value> {
        let ran = self.ok(&["show", "--inline", sql, "--limit", "-1", "--output", "json", "--quiet"]);
        let shown: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
        shown["show"].as_array().unwrap().clone()
    }

    /// The one value of a query.
    pub fn value(&self, sql: &str) -> Value {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows[0].as_object().unwrap().values().next().unwrap().clone()
    }

    /// The newest version number of a relation's Delta log: `gold/revenue`.
    pub fn version(&self, relation: &str) -> u64 {
        let log = self.path(&format!("warehouse/{relation}/_delta_log"));
        let versions = fs::read_dir(log).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".json").and_then(|stem| stem.parse().ok())
        });
        versions.max().unwrap()
    }

    /// The actions of one commit: `gold/revenue`, 3.
    pub fn commit(&self, relation: &str, version: u64) -> Vec<Value> {
        let file = self.path(&format!("warehouse/{relation}/_delta_log/{version:020}.json"));
        fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// An artifact: `manifest.json`.
    pub fn artifact(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(&format!(".engine/{name}"))).unwrap()).unwrap()
    }
}

/// The program under test.
pub fn program() -> PathBuf {
    match option_env!("CARGO_BIN_EXE_engine") {
        Some(built) => PathBuf::from(built),
        None => PathBuf::from(std::env::var_os("ENGINE_BIN").expect("ENGINE_BIN names the program")),
    }
}

/// What a run said and how it ended. `Display` is the transcript that tests compare.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn new(output: &Output, root: &Path) -> Self {
        let clean = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
            without_times(&text.replace(&*real.to_string_lossy(), "[ROOT]").replace(&*root.to_string_lossy(), "[ROOT]"))
        };
        Self { code: output.status.code().unwrap_or(-1), stdout: clean(&output.stdout), stderr: clean(&output.stderr) }
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("exit: {}\n", self.code);
        if !self.stdout.is_empty() {
            write!(text, "----- stdout -----\n{}", self.stdout)?;
        }
        if !self.stderr.is_empty() {
            write!(text, "----- stderr -----\n{}", self.stderr)?;
        }
        out.write_str(text.trim_end())
    }
}

/// `0.31s` becomes `[TIME]`.
fn without_times(text: &str) -> String {
    let time = regex::Regex::new(r"\b\d+\.\d\ds\b").unwrap();
    time.replace_all(text, "[TIME]").into_owned()
}

/// Compares a whole transcript.
#[macro_export]
macro_rules! transcript {
    ($ran:expr, @$expected:literal) => {
        insta::assert_snapshot!($ran.to_string(), @$expected)
    };
}

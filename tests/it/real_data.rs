//! The project that is shipped, on its sample and on real hours of the GitHub Archive; a plain script counts the same files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::environment::{repository, skipped};
use crate::project::TestProject;

/// All tables with what identifies their rows' content; times of processing differ between any two runs.
const TABLES: &[(&str, &str)] = &[
    ("bronze.bronze_github_events", "event_id, event_type, source_file, md5(raw_json) as raw"),
    ("silver.silver_github_events", "* exclude (ingested_at, processed_at)"),
    ("silver.silver_github_technology_mentions", "* exclude (processed_at)"),
    ("silver.silver_github_keyword_trends", "* exclude (processed_at)"),
    ("gold.gold_github_technology_daily_activity", "* exclude (processed_at)"),
    ("analytics.analytics_github_technology_trends_7d", "* exclude (processed_at)"),
    ("analytics.analytics_github_technology_trends_30d", "* exclude (processed_at)"),
    ("analytics.analytics_github_technology_trends_90d", "* exclude (processed_at)"),
    ("analytics.analytics_github_technology_trends_alltime", "* exclude (processed_at)"),
];

pub fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

pub const FOLDERS: &[&str] = &["project.yaml", "sources.yaml", "models", "macros", "seeds", "data_tests"];

/// A copy of the shipped project, which reads the files in its folder `in`.
fn shipped() -> TestProject {
    let project =
        TestProject::empty().env("ENGINE_BENCH_DATA", "in/*.json.gz").env("ENGINE_BENCH_WAREHOUSE", "warehouse");
    for name in FOLDERS {
        copy(&repository().join(name), &project.path(name));
    }
    fs::create_dir(project.path("in")).unwrap();
    project
}

/// The target that reads files of the archive, and nothing else.
const TARGET: [&str; 2] = ["--target", "bench"];

fn ok(project: &TestProject, command: &str) -> String {
    let ran = project.ok(&[command, TARGET[0], TARGET[1]]);
    ran.stderr
}

fn rows(project: &TestProject, sql: &str) -> Vec<Value> {
    let arguments = ["show", "--inline", sql, "--limit", "-1", "--output", "json", "--quiet", TARGET[0], TARGET[1]];
    let shown: Value = serde_json::from_str(&project.ok(&arguments).stdout).unwrap();
    shown["show"].as_array().unwrap().clone()
}

fn add(project: &TestProject, file: &Path) {
    fs::copy(file, project.path("in").join(file.file_name().unwrap())).unwrap();
}

fn archives(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".json.gz"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no files in {}", folder.display());
    files
}

fn real_hours() -> Option<Vec<PathBuf>> {
    let folder = repository().join("../shared/data/gharchive");
    if !folder.is_dir() {
        skipped("real hours", &format!("there are none at {}", folder.display()));
        return None;
    }
    Some(archives(&folder))
}

/// What `scripts/count_events.py` finds in the files.
fn counted(files: &[PathBuf]) -> Option<Value> {
    let script = repository().join("scripts/count_events.py");
    match Command::new("python3").arg(script).args(files).output() {
        Ok(output) if output.status.success() => Some(serde_json::from_slice(&output.stdout).unwrap()),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            skipped("counting with a plain script", &format!("python3: {error}"));
            None
        }
    }
}

fn by_type(project: &TestProject, relation: &str) -> Value {
    let sql = format!("select event_type, count(*) as n from {relation} group by event_type");
    let found = rows(project, &sql).into_iter();
    let found: BTreeMap<String, Value> =
        found.map(|row| (row["event_type"].as_str().unwrap().to_owned(), row["n"].clone())).collect();
    json!(found)
}

/// Builds the shipped project on files and compares its figures with the script's.
fn agrees(files: &[PathBuf]) {
    let Some(counted) = counted(files) else { return };
    let project = shipped();
    for file in files {
        add(&project, file);
    }
    let said = ok(&project, "build");
    assert!(said.contains("WARN=0 ERROR=0 SKIP=0"), "{said}");

    assert_eq!(by_type(&project, "bronze.bronze_github_events"), counted["by_type"]);
    assert_eq!(by_type(&project, "silver.silver_github_events"), counted["by_type_deduplicated"]);
    let rejected = match project.path("warehouse/bronze/bronze_github_events__rejected").exists() {
        true => rows(&project, "select count(*) as n from bronze.bronze_github_events__rejected")[0]["n"].clone(),
        false => json!(0),
    };
    assert_eq!(rejected, counted["malformed"]);

    for technology in ["python", "react", "docker", "go", "c++"] {
        let sql = format!(
            "select mention_kind, count(*) as mentions, sum(texts) as texts from silver.silver_github_technology_mentions \
             where technology = '{technology}' group by mention_kind"
        );
        let found: BTreeMap<String, Value> = rows(&project, &sql)
            .into_iter()
            .map(|row| {
                (
                    row["mention_kind"].as_str().unwrap().to_owned(),
                    json!({"mentions": row["mentions"], "texts": row["texts"]}),
                )
            })
            .collect();
        assert_eq!(json!(found), counted["technologies"][technology], "{technology}");
    }
    let total: u64 = counted["technologies"]
        .as_object()
        .unwrap()
        .values()
        .map(|kinds| kinds.as_object().unwrap().len() as u64)
        .sum();
    assert!(total > 5, "these files mention next to nothing: {counted}");

    // Again: everything is as it was.
    let before: Vec<Vec<Value>> =
        TABLES.iter().map(|(table, _)| rows(&project, &format!("select count(*) as n from {table}"))).collect();
    let version = project.version("bronze/bronze_github_events");
    ok(&project, "run");
    let after: Vec<Vec<Value>> =
        TABLES.iter().map(|(table, _)| rows(&project, &format!("select count(*) as n from {table}"))).collect();
    assert_eq!(before, after);
    assert_eq!(project.version("bronze/bronze_github_events"), version);
}

#[test]
fn real_hours_agree_with_a_plain_script() {
    if let Some(files) = real_hours() {
        agrees(&files);
    }
}

#[test]
fn the_sample_agrees_with_a_plain_script() {
    agrees(&archives(&repository().join("sample/gharchive")));
}

/// Every table, row for row, as text; of the analytics the newest analysis.
fn content(project: &TestProject) -> Vec<(&'static str, Vec<String>)> {
    let tables = TABLES.iter().map(|(table, columns)| {
        let newest = match table.starts_with("analytics.") {
            true => format!(" where analysis_date = (select max(analysis_date) from {table})"),
            false => String::new(),
        };
        let mut all: Vec<String> =
            rows(project, &format!("select {columns} from {table}{newest}")).iter().map(Value::to_string).collect();
        all.sort();
        (*table, all)
    });
    tables.collect()
}

/// Files arrive one by one, a run after each; the tables are those of a run over all of them.
fn one_by_one_equals_all_at_once(files: &[PathBuf]) {
    let (one_by_one, at_once) = (shipped(), shipped());
    ok(&one_by_one, "seed");
    ok(&at_once, "seed");
    for file in files {
        add(&one_by_one, file);
        add(&at_once, file);
        ok(&one_by_one, "run");
    }
    ok(&at_once, "run");
    for ((table, left), (_, right)) in content(&one_by_one).into_iter().zip(content(&at_once)) {
        assert!(!right.is_empty(), "{table} is empty");
        let differ = left.iter().zip(&right).find(|(left, right)| left != right);
        assert!(left == right, "{table} differs: {} rows and {}, first {differ:?}", left.len(), right.len());
    }
}

#[test]
fn files_of_the_sample_may_come_one_by_one() {
    let files = archives(&repository().join("sample/gharchive"));
    // Some of all three eras, the late hours of a day after the early ones of the next.
    let step = files.len() / 9;
    let mut some: Vec<PathBuf> = files.into_iter().step_by(step.max(1)).collect();
    some.swap(1, 2);
    some.swap(5, 7);
    one_by_one_equals_all_at_once(&some);
}

#[test]
fn real_hours_may_come_one_by_one() {
    if let Some(files) = real_hours() {
        one_by_one_equals_all_at_once(&files);
    }
}

/// As a newcomer runs it: the recording in the place of the network, all layers, all tests.
#[test]
fn the_shipped_project_is_built_from_its_recording() {
    let project = TestProject::empty();
    for name in FOLDERS.iter().chain(&["sample"]) {
        copy(&repository().join(name), &project.path(name));
    }
    let built = project.ok(&["build"]);
    assert!(built.stderr.contains("WARN=0 ERROR=0 SKIP=0"), "{built}");
    for table in ["analytics.analytics_market_intelligence", "analytics.analytics_technology_features"] {
        assert!(project.value(&format!("select count(*) from {table}")).as_u64().unwrap() > 100, "{table}");
    }
    // Each window and each poll of it counts once.
    let counts = || {
        let tables = ["bronze.bronze_github_events", "bronze.bronze_job_responses", "silver.silver_job_postings"];
        tables.map(|table| project.value(&format!("select count(*) from {table}")))
    };
    let before = counts();
    project.ok(&["run"]);
    assert_eq!(counts(), before);
    assert_eq!(project.value("select count(*) from silver.silver_job_postings"), json!(136));
}

//! `kill -9` at any moment: every table stays readable, and in the end every file is there exactly once.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::project::TestProject;

const FILES: u64 = 60;
const ROWS: u64 = 40;
const REJECTED: u64 = 2;

/// After how many new files in the warehouse (rows, commits, whatever comes first) a run is killed: one round each. A run
/// of one slice makes some twelve.
const KILLED_AFTER: &[usize] = &[
    1, 2, 3, 5, 8, 4, 13, 6, 1, 9, 7, 2, 11, 3, 16, 5, 10, 1, 4, 12, 6, 2, 8, 3, 14, 7, 5, 1, 9, 4, 11, 2, 6, 20, 3, 8,
];

fn project() -> TestProject {
    TestProject::new()
        .file(
            "sources.yaml",
            "version: 2\nsources:\n  - name: raw\n    tables:\n      - name: events\n        files: {path: 'in/*.json.gz', per_commit: 3}\n        \
             format: ndjson\n        columns: [{name: id, type: bigint}, {name: name, type: string}]\n",
        )
        .file(
            "models/bronze/events.sql",
            "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
             select id, name, _source from {{ source('raw', 'events') }}",
        )
        .file(
            "models/silver/ids.sql",
            "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect id from {{ ref('events') }}\n\
             {% if is_incremental() %}where id > (select coalesce(max(id), -1) from {{ this }}){% endif %}",
        )
        .file(
            "models/silver/names.sql",
            "{{ config(materialized='incremental', unique_key='name') }}\n\
             select name, count(*) as n, sum(id) as total from {{ ref('events') }} group by name",
        )
        .file("models/gold/totals.sql", "{{ config(materialized='table') }}\nselect count(*) as n, sum(total) as total from {{ ref('names') }}")
}

fn write_file(project: &TestProject, number: u64) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for line in 0..ROWS {
        let id = number * ROWS + line;
        writeln!(encoder, "{{\"id\": {id}, \"name\": \"n{}\"}}", id % 7).unwrap();
        if line < REJECTED {
            writeln!(encoder, "broken {number} {line}").unwrap();
        }
    }
    // Whole at once, as a file that arrives should be.
    let name = format!("in/{number}.json.gz");
    project.write(&format!("arriving/{number}"), encoder.finish().unwrap());
    std::fs::create_dir_all(project.path("in")).unwrap();
    std::fs::rename(project.path(&format!("arriving/{number}")), project.path(&name)).unwrap();
}

fn count_files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => count_files(&entry.path()),
            _ => 1,
        })
        .sum()
}

/// Runs and kills when so many files have come; false when it had ended before.
fn run_and_kill(project: &TestProject, arguments: &[&str], after: usize) -> bool {
    let warehouse = project.path("warehouse");
    let before = count_files(&warehouse);
    let mut child = project.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let killed = loop {
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        if count_files(&warehouse) >= before + after {
            break true;
        }
        assert!(Instant::now() < deadline, "a run makes no progress");
        std::thread::yield_now();
    };
    child.kill().unwrap();
    child.wait().unwrap();
    killed
}

fn is_table(project: &TestProject, relation: &str) -> bool {
    project.path(&format!("warehouse/{relation}/_delta_log/00000000000000000000.json")).exists()
}

fn rows_by_file(project: &TestProject, relation: &str) -> BTreeMap<String, (u64, u64)> {
    if !is_table(project, &relation.replace('.', "/")) {
        return BTreeMap::new();
    }
    let unique = if relation.ends_with("rejected") { "_line" } else { "id" };
    let rows = project.rows(&format!(
        "select _source, count(*) as n, count(distinct {unique}) as u from {relation} group by _source"
    ));
    rows.into_iter()
        .map(|row| {
            (row["_source"].as_str().unwrap().to_owned(), (row["n"].as_u64().unwrap(), row["u"].as_u64().unwrap()))
        })
        .collect()
}

/// What holds at every moment, whatever was interrupted.
fn check(project: &TestProject, round: usize) {
    let events = rows_by_file(project, "bronze.events");
    let rejected = rows_by_file(project, "bronze.events__rejected");
    for (file, rows) in &events {
        assert_eq!(*rows, (ROWS, ROWS), "rows of {file} after round {round}");
        assert_eq!(rejected.get(file), Some(&(REJECTED, REJECTED)), "rejected lines of {file} after round {round}");
    }
    for (file, rows) in &rejected {
        assert_eq!(*rows, (REJECTED, REJECTED), "rejected lines of {file} after round {round}");
    }
    for (table, key) in [("silver/ids", "id"), ("silver/names", "name"), ("gold/totals", "n")] {
        if is_table(project, table) {
            let query = format!("select count(*) - count(distinct {key}) as twice from {}", table.replace('/', "."));
            assert_eq!(project.value(&query), json!(0), "{table} after round {round}");
        }
    }
}

fn check_whole(project: &TestProject, files: u64) {
    project.ok(&["run"]);
    check(project, usize::MAX);
    assert_eq!(rows_by_file(project, "bronze.events").len() as u64, files);
    assert_eq!(rows_by_file(project, "bronze.events__rejected").len() as u64, files);
    let all = files * ROWS;
    assert_eq!(
        project.rows(
            "select count(*) as n, count(distinct id) as u, min(id) as first, max(id) as last from {{ ref('ids') }}"
        ),
        [json!({"n": all, "u": all, "first": 0, "last": all - 1})]
    );
    let names: Vec<Value> = (0..7)
        .map(|name| {
            let ids = (0..all).filter(|id| id % 7 == name);
            json!({"name": format!("n{name}"), "n": ids.clone().count(), "total": ids.sum::<u64>()})
        })
        .collect();
    assert_eq!(project.rows("select name, n, total from {{ ref('names') }} order by name"), names);
    assert_eq!(project.rows("select * from {{ ref('totals') }}"), [json!({"n": 7, "total": (0..all).sum::<u64>()})]);
}

#[test]
fn a_run_may_be_killed_at_any_moment() {
    let project = project();
    let mut files = 0;
    let mut kills = 0;
    for (round, after) in KILLED_AFTER.iter().enumerate() {
        let arrived = (FILES * (round as u64 + 1)).div_ceil(KILLED_AFTER.len() as u64);
        while files < arrived {
            write_file(&project, files);
            files += 1;
        }
        let jitter = std::process::id() as usize % 3;
        kills += usize::from(run_and_kill(&project, &["run"], after + jitter));
        check(&project, round);
    }
    assert_eq!(files, FILES);
    assert!(kills >= KILLED_AFTER.len() / 2, "only {kills} runs were alive when they were killed");
    check_whole(&project, FILES);
    let version = project.version("bronze/events");
    check_whole(&project, FILES);
    assert_eq!(project.version("bronze/events"), version);
}

#[test]
fn a_full_refresh_may_be_killed_at_any_moment() {
    let project = project();
    for number in 0..12 {
        write_file(&project, number);
    }
    check_whole(&project, 12);
    for (round, after) in [1, 2, 3, 4, 5, 6, 7, 9, 11].iter().enumerate() {
        run_and_kill(&project, &["run", "--full-refresh"], *after);
        // The table is the old one or the new one: all rows are there, always.
        check(&project, round);
        assert_eq!(rows_by_file(&project, "bronze.events").len(), 12, "after round {round}");
        if round % 3 == 2 {
            check_whole(&project, 12);
        }
    }
    project.ok(&["run", "--full-refresh"]);
    check_whole(&project, 12);
}

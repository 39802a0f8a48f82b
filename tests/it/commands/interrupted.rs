//! A reader who goes away, and a user who does not want to wait.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::chain;
use crate::project::{Ran, TestProject};
use crate::transcript;

/// More names than a pipe holds.
fn many_models() -> TestProject {
    let project = TestProject::new();
    for number in 0..800 {
        let name = format!(
            "a_model_with_quite_a_long_name_so_that_the_pipe_is_full_before_the_list_is_at_its_end_{number:04}"
        );
        project.write(&format!("models/gold/{name}.sql"), "select 1 as id");
    }
    project
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    let project = many_models();
    let mut child =
        project.command(&["ls", "--output", "path"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(first.starts_with("models/gold/a_model"), "{first}");
}

#[test]
fn a_run_goes_on_when_nobody_reads_what_it_says() {
    let project = chain();
    let mut child = project.command(&["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(project.value("select revenue from {{ ref('revenue') }}"), 30);
}

/// Runs until `begun` is said, sends a signal, and waits for the end.
fn interrupt(project: &TestProject, signal: &str, begun: &str) -> Ran {
    let mut command = project.command(&["build", "--threads", "1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(begun) {
        assert!(reader.read_line(&mut said).unwrap() > 0, "ended before {begun}: {said}");
    }
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    reader.read_to_string(&mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = said.into_bytes();
    Ran::new(&output, project.root())
}

/// `gold.endless` never ends by itself; `silver.before` is done before it begins, `gold.zafter` comes after.
fn endless() -> TestProject {
    TestProject::new()
        .file("models/silver/before.sql", "{{ config(materialized='table') }} select 1 as id")
        .file(
            "models/gold/endless.sql",
            "{{ config(materialized='table') }}\nselect sum(a.value * b.value) as total\nfrom generate_series(1, 10000000) as a, generate_series(1, 10000000) as b, {{ ref('before') }}\n",
        )
        .file("models/analytics/after.sql", "select * from {{ ref('endless') }}")
}

#[test]
fn an_interrupted_run_ends_in_order() {
    let project = endless();
    transcript!(interrupt(&project, "-INT", "START table model gold.endless"), @"
    exit: 1
    ----- stderr -----
    3 models on target `dev`, 1 at a time

    1 of 3 START table model silver.before ......................................... [RUN]
    1 of 3 OK table model silver.before ............................................ [1 row in [TIME]]
    2 of 3 START table model gold.endless .......................................... [RUN]
    2 of 3 SKIP table model gold.endless: cancelled ................................ [SKIP]
    3 of 3 SKIP view model analytics.after: cancelled .............................. [SKIP]

    finished 3 models in [TIME]
    cancelled: what was committed stays, the rest was not touched  PASS=1 WARN=0 ERROR=0 SKIP=2 TOTAL=3
    ");
    assert_eq!(project.value("select count(*) from {{ ref('before') }}"), 1);
    assert!(!project.path("warehouse/gold/endless/_delta_log").exists());
    let results = project.artifact("run_results.json");
    let ended: Vec<String> = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| format!("{} {}", result["unique_id"].as_str().unwrap(), result["status"].as_str().unwrap()))
        .collect();
    insta::assert_snapshot!(ended.join("\n"), @"
    model.shop.before success
    model.shop.endless skipped
    model.shop.after skipped
    ");
    assert!(project.path(".engine/manifest.json").is_file());
}

#[test]
fn a_terminated_run_ends_as_an_interrupted_one() {
    let project = endless();
    let ran = interrupt(&project, "-TERM", "START table model gold.endless");
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("cancelled"), "{ran}");
}

#[test]
fn after_an_interrupted_run_the_next_one_completes() {
    let project = endless();
    interrupt(&project, "-INT", "START table model gold.endless");
    project.write("models/gold/endless.sql", "{{ config(materialized='table') }} select id from {{ ref('before') }}");
    project.ok(&["build"]);
    assert_eq!(project.value("select count(*) from {{ ref('after') }}"), 1);
}

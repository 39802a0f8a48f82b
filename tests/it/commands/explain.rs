//! `explain`: a model's query, run and kept nowhere, by its operators.

use serde_json::Value;

use crate::project::TestProject;
use crate::transcript;

/// `bronze.raw`, partitioned, and `silver.kept`, incremental, below it.
fn project() -> TestProject {
    TestProject::new()
        .file(
            "models/bronze/raw.sql",
            "{{ config(materialized='table', partition_by='day') }}\nselect value as id, value % 2 as day from generate_series(1, 10)\n",
        )
        .file(
            "models/silver/kept.sql",
            "{{ config(materialized='incremental', unique_key='id') }}\nselect id from {{ ref('raw') }} where id > 5{% if is_incremental() %} and false{% endif %}\n",
        )
        .file("models/gold/seen.sql", "select id from {{ ref('kept') }}\n")
}

#[test]
fn a_model_is_explained_once_what_it_reads_is_built() {
    let project = project();
    transcript!(project.run(&["explain", "kept"]), @"
    exit: 2
    ----- stderr -----
    error[E0402]: `bronze.raw` has not been built yet
     --> models/silver/kept.sql:2:23
      |
    2 | select id from {{ ref('raw') }} where id > 5{% if is_incremental() %} and false{% endif %}
      |                       ^^^^^
      |
      = hint: build it first: `engine run --select +kept`
    ");
    project.ok(&["run", "--select", "raw"]);
    let explained = project.ok(&["explain", "kept"]);
    assert_eq!(explained.stdout.lines().next(), Some("        rows    compute  operator"));
    assert!(explained.stdout.contains(" of bronze/raw}"), "{explained}");
    assert_eq!(explained.stderr, "\n5 rows in [TIME]; compute is summed over the partitions\n");
    assert!(!project.path("warehouse/silver").exists(), "nothing is kept");
}

#[test]
fn an_incremental_model_is_explained_whole_and_a_view_with_what_is_in_it() {
    let project = project();
    project.ok(&["run"]);
    for model in ["kept", "seen"] {
        let said = project.ok(&["explain", model, "--log-format", "json"]).stdout;
        let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (summary, operators) = lines.split_last().unwrap();
        assert_eq!((&summary["event"], &summary["rows"]), (&"summary".into(), &5.into()), "{model}");
        assert!(operators.iter().all(|operator| operator["event"] == "operator"));
        // Tables have their names, whatever the warehouse is called.
        let scan = operators.iter().find(|operator| operator["name"] == "DataSource").unwrap();
        let table = if model == "kept" { "bronze/raw}" } else { "silver/kept}" };
        assert!(scan["text"].as_str().unwrap().contains(table), "{scan}");
        assert!(!said.contains(&project.root().display().to_string()) && !said.contains(".parquet"), "{said}");
    }
}

#[test]
fn one_model_is_explained() {
    let project = project();
    transcript!(project.run(&["explain", "silver+"]), @"
    exit: 2
    ----- stderr -----
    error[E0701]: `silver+` is 2 models; one is explained at a time
     |
     = hint: name one of kept, seen
    ");
    project.write("seeds/codes.csv", "code\na\n");
    transcript!(project.run(&["explain", "codes"]), @"
    exit: 2
    ----- stderr -----
    error[E0701]: `codes` is a seed, which has no query: its file is loaded as it is
     |
     = hint: name a model, as `engine ls` lists them
    ");
    transcript!(project.run(&["explain", "nothing"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `nothing` matches nothing in this project
     --> command line:1:10
      |
    1 | --select nothing
      |          ^^^^^^^
    ");
}

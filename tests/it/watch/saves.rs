//! What a save leads to: a verdict, and rows compared.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::json;

use super::{Watching, project, save};
use crate::project::TestProject;

#[test]
fn a_save_is_checked_and_built_and_its_rows_are_compared() {
    let project = project();
    project.ok(&["build"]);
    let raw = project.version("bronze/raw");
    let (watching, first) = Watching::start(&project, &[]);
    assert_eq!((&first["models"], &first["errors"]), (&json!(3), &json!(0)));
    let orders = std::fs::read_to_string(project.path("models/silver/orders.sql")).unwrap();
    save(&project, "models/silver/orders.sql", &orders.replace("select id, kind,", "select id, upper(kind) as kind,"));
    watching.errors(0);
    let orders = watching.until("difference", |event| event["relation"] == "silver.orders");
    // A column that says when a row was made is no difference.
    assert_eq!((&orders["rows"], &orders["added"], &orders["removed"]), (&json!(2), &json!(0), &json!(0)));
    assert_eq!((&orders["changed"], &orders["left_out"]), (&json!(2), &json!(["made_at"])));
    let totals = watching.until("difference", |event| event["relation"] == "gold.totals");
    assert_eq!((&totals["added"], &totals["removed"]), (&json!(0), &json!(0)));
    drop(watching);
    assert_eq!(project.value("select max(kind) from {{ ref('orders') }}"), json!("B"));
    assert_eq!(project.version("bronze/raw"), raw, "what is above a change is not built");
}

#[test]
fn a_mistake_is_told_in_its_line_and_nothing_is_built() {
    let project = project();
    project.ok(&["build"]);
    let version = project.version("gold/totals");
    let (watching, _) = Watching::start(&project, &[]);
    save(
        &project,
        "models/gold/totals.sql",
        "{{ config(materialized='table') }}\nselect\n  sum(amont) as total\nfrom {{ ref('orders') }}\n",
    );
    let verdict = watching.errors(1);
    let mistake = &verdict["diagnostics"][0];
    assert_eq!((&mistake["file"], &mistake["place"]["line"]), (&json!("models/gold/totals.sql"), &json!(3)));
    save(
        &project,
        "models/gold/totals.sql",
        "{{ config(materialized='table') }}\nselect sum(amount) + 1 as total from {{ ref('orders') }}\n",
    );
    watching.errors(0);
    watching.until("difference", |event| event["relation"] == "gold.totals" && event["rows"] == 1);
    drop(watching);
    assert_eq!(project.version("gold/totals"), version + 1);
}

#[test]
fn a_macro_is_part_of_the_models_that_call_it() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    save(&project, "macros/money.sql", "{% macro euro(column) %}{{ column }} * 3{% endmacro %}\n");
    watching.errors(0);
    let totals = watching.until("difference", |event| event["relation"] == "gold.totals");
    assert_eq!((&totals["added"], &totals["removed"]), (&json!(1), &json!(1)));
    save(&project, "macros/money.sql", "{% macro euro(column) %}{{ column }} * nope{% endmacro %}\n");
    watching.errors(1);
    drop(watching);
    assert_eq!(project.value("select total from {{ ref('totals') }}"), json!(90));
}

#[test]
fn files_come_and_go_and_a_project_may_be_broken_for_a_while() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &["--check-only"]);
    save(&project, "models/gold/more.sql", "select total from {{ ref('totals') }}\n");
    watching.until("check", |event| event["models"] == 4 && event["errors"] == 0);
    project.remove("models/gold/totals.sql");
    let verdict = watching.until("check", |event| event["errors"] != 0);
    assert!(verdict["diagnostics"][0]["message"].as_str().unwrap().contains("totals"), "{verdict}");
    project.remove("models/gold/more.sql");
    watching.until("check", |event| event["models"] == 2 && event["errors"] == 0);
    save(&project, "models/silver/orders.yml", "models:\n  - name: [orders\n");
    watching.errors(1);
    save(&project, "models/silver/orders.yml", "models:\n  - name: orders\n    columns:\n      - name: id\n");
    watching.errors(0);
    // The place of a mistake is where it stands now.
    save(
        &project,
        "models/silver/orders.yml",
        "models:\n  - name: orders\n    columns:\n      - name: idd\n        data_tests: [not_null]\n",
    );
    assert_eq!(watching.errors(1)["diagnostics"][0]["place"]["line"], 4);
    save(
        &project,
        "models/silver/orders.yml",
        "# more\nmodels:\n  - name: orders\n    columns:\n      - name: idd\n        data_tests: [not_null]\n",
    );
    watching.until("check", |event| event["diagnostics"][0]["place"]["line"] == 5);
}

#[test]
fn a_mistake_in_yaml_is_told_with_those_of_the_models() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    save(&project, "models/silver/orders.yml", "models:\n  - name: orders\n    colums: []\n");
    watching.errors(1);
    let totals = "{{ config(materialized='table') }}\nselect sum(AMOUNT) as total from {{ ref('orders') }}\n";
    save(&project, "models/gold/totals.sql", &totals.replace("AMOUNT", "amont"));
    assert_eq!(watching.errors(2)["models"], 3);
    save(&project, "models/silver/orders.yml", "models:\n  - name: orders\n    columns: []\n");
    watching.errors(1);
    save(&project, "models/gold/totals.sql", &totals.replace("AMOUNT", "amount * 2"));
    watching.errors(0);
    let difference = watching.until("difference", |event| event["relation"] == "gold.totals");
    assert_eq!((&difference["added"], &difference["removed"]), (&json!(1), &json!(1)));
}

/// Every file and folder, with when it was written.
fn listing(project: &TestProject) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    let mut folders = vec![project.root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let (path, meta) = (entry.as_ref().unwrap().path(), entry.unwrap().metadata().unwrap());
            folders.extend(meta.is_dir().then(|| path.clone()));
            found.insert(path, meta.modified().unwrap());
        }
    }
    found
}

#[test]
fn check_only_touches_nothing() {
    let project = project();
    project.ok(&["build"]);
    let raw = std::fs::read_to_string(project.path("models/bronze/raw.sql")).unwrap();
    let mut before = listing(&project);
    let (watching, _) = Watching::start(&project, &["--check-only"]);
    project.write("models/bronze/raw.sql", raw.replace("10)", "11)"));
    watching.errors(0);
    project.write("models/bronze/raw.sql", raw.replace("amount)", "sum)"));
    watching.errors(1);
    drop(watching);
    let mut after = listing(&project);
    for files in [&mut before, &mut after] {
        files.remove(&project.path("models/bronze/raw.sql"));
    }
    assert_eq!(before, after);
}

#[test]
fn check_only_makes_nothing() {
    let project = project();
    let (watching, _) = Watching::start(&project, &["--check-only"]);
    save(&project, "models/bronze/raw.sql", "select 1 as id, 'a' as kind, 1 as amount\n");
    watching.errors(0);
    save(&project, "models/bronze/raw.sql", "select 1 as id, 'a' as kind\n");
    watching.errors(1);
    drop(watching);
    assert!(!project.path("warehouse").exists() && !project.path(".engine").exists());
}

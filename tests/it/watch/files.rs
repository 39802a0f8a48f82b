//! Which files count, and how editors and other programs write them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;

use super::{Watching, is, project, save};
use crate::project::TestProject;

fn totals(sum: &str) -> String {
    format!("{{{{ config(materialized='table') }}}}\nselect {sum} as total from {{{{ ref('orders') }}}}\n")
}

#[test]
fn however_an_editor_saves() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    let at = |path: &str| project.path(&format!("models/gold/{path}"));
    let total = |watching: &Watching| {
        let difference = watching.until("difference", |event| event["relation"] == "gold.totals");
        difference["first"].as_array().unwrap().iter().find(|row| row["±"] == "+").unwrap()["total"].clone()
    };
    // In its place.
    fs::write(at("totals.sql"), totals("1")).unwrap();
    assert_eq!(total(&watching), 1);
    // As Vim: tries the folder, keeps what was there beside it, writes anew.
    fs::write(at("4913"), "").unwrap();
    fs::remove_file(at("4913")).unwrap();
    fs::rename(at("totals.sql"), at("totals.sql~")).unwrap();
    fs::write(at("totals.sql"), totals("2")).unwrap();
    fs::remove_file(at("totals.sql~")).unwrap();
    assert_eq!(total(&watching), 2);
    // As JetBrains' editors: both are renamed.
    fs::write(at("totals.sql___jb_tmp___"), totals("3")).unwrap();
    fs::rename(at("totals.sql"), at("totals.sql___jb_old___")).unwrap();
    fs::rename(at("totals.sql___jb_tmp___"), at("totals.sql")).unwrap();
    fs::remove_file(at("totals.sql___jb_old___")).unwrap();
    assert_eq!(total(&watching), 3);
}

#[test]
fn many_files_are_saved_at_once() {
    let project = TestProject::new();
    let text = |number: i32, value: i32| {
        (format!("models/gold/m{number}.sql"), format!("{{{{ config(materialized='table') }}}} select {value} as v"))
    };
    for (path, text) in (0..50).map(|number| text(number, 1)) {
        project.write(&path, text);
    }
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    for (path, text) in (0..50).map(|number| text(number, 2)) {
        save(&project, &path, &text);
    }
    let mut built = BTreeSet::new();
    while built.len() < 50 {
        built.insert(watching.next("finish")["unique_id"].to_string());
    }
    watching.next("summary");
    drop(watching);
    let all: Vec<String> = (0..50).map(|number| format!("select v from {{{{ ref('m{number}') }}}}")).collect();
    assert_eq!(project.value(&format!("select sum(v) from ({})", all.join(" union all "))), 100);
}

#[test]
fn a_description_builds_nothing_and_a_new_test_is_run() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    let properties = fs::read_to_string(project.path("models/silver/orders.yml")).unwrap();
    let described = properties.replace("name: orders", "name: orders\n    description: what was ordered");
    save(&project, "models/silver/orders.yml", &described);
    watching.errors(0);
    save(
        &project,
        "models/silver/orders.yml",
        &described.replace("not_null]\n", "not_null]\n      - name: kind\n        data_tests: [not_null]\n"),
    );
    // Were anything built for the description, it would come first.
    let begun = watching.next("begin");
    assert_eq!((&begun["models"], &begun["tests"]), (&json!(0), &json!(1)));
    assert_eq!(watching.next("summary")["pass"], 1);
}

#[test]
fn seeds_variables_and_the_environment_are_part_of_what_reads_them() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\ntargets:\n  dev: {warehouse: warehouse}\nvars: {least: 1}\n")
        .file(".env", "WORD=hello\n")
        .file("seeds/countries.csv", "code,name\n1,France\n")
        .file("models/gold/names.sql", "{{ config(materialized='table') }} select name from {{ ref('countries') }}")
        .file("models/gold/least.sql", "{{ config(materialized='table') }} select {{ var('least') }} as least")
        .file("models/gold/word.sql", "{{ config(materialized='table') }} select '{{ env_var('WORD') }}' as word");
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    save(&project, "seeds/countries.csv", "code,name\n1,France\n2,Japan\n");
    assert_eq!(watching.built(), ["model.shop.names", "seed.shop.countries"]);
    save(&project, "project.yaml", "name: shop\ntargets:\n  dev: {warehouse: warehouse}\nvars: {least: 2}\n");
    assert_eq!(watching.built(), ["model.shop.least"]);
    save(&project, ".env", "WORD=bye\n");
    assert_eq!(watching.built(), ["model.shop.word"]);
    drop(watching);
    assert_eq!(project.value("select word from {{ ref('word') }}"), "bye");
}

#[test]
fn what_a_build_writes_is_no_save() {
    let project = project();
    let (watching, _) = Watching::start(&project, &[]);
    for kind in ["c", "d"] {
        let raw = format!("{{{{ config(materialized='table') }}}}\nselect 1 as id, '{kind}' as kind, 3 as amount\n");
        save(&project, "models/bronze/raw.sql", &raw);
        // The first time the warehouse is made, too.
        let events = watching.all_until("summary");
        assert_eq!(events.iter().filter(is("check")).count(), 1, "{events:?}");
    }
}

#[test]
fn folders_may_come_late_and_lie_elsewhere() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\nmodel-paths: [sql/models]\ntargets:\n  dev: {warehouse: out/tables}\n");
    let (watching, first) = Watching::start(&project, &[]);
    assert_eq!(first["models"], 0);
    project.write("sql/models/gold/one.sql", "{{ config(materialized='table') }} select 1 as v");
    assert_eq!(watching.built(), ["model.shop.one"]);
    save(&project, "sql/models/gold/one.sql", "{{ config(materialized='table') }} select 2 as v");
    assert_eq!(watching.built(), ["model.shop.one"]);
    fs::remove_dir_all(project.path("sql")).unwrap();
    watching.until("check", |event| event["models"] == 0);
    project.write("sql/models/gold/one.sql", "{{ config(materialized='table') }} select 3 as v");
    watching.until("check", |event| event["models"] == 1);
}

#[cfg(unix)]
#[test]
fn models_behind_a_link_are_watched() {
    let project = TestProject::new().file("elsewhere/gold/one.sql", "{{ config(materialized='table') }} select 1 as v");
    std::os::unix::fs::symlink("elsewhere", project.path("models")).unwrap();
    let (watching, first) = Watching::start(&project, &[]);
    assert_eq!(first["models"], 1);
    save(&project, "models/gold/one.sql", "{{ config(materialized='table') }} select 2 as v");
    assert_eq!(watching.built(), ["model.shop.one"]);
}

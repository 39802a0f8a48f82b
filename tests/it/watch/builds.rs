//! What is built, and what is left for the next time: after failures, after builds that were given up, beside others.

use std::fs;

use serde_json::{Value, json};

use super::{Watching, is, project, save};
use crate::project::TestProject;

/// Takes a computer some hours.
pub(super) const ENDLESS: &str = "{{ config(materialized='table') }}\n\
    select 0 as id, 'a' as kind, count(*) as amount from generate_series(1, 2000000) as a (x) \
    cross join generate_series(1, 2000000) as b (y) where x * y % 7 = 3\n";

#[test]
fn what_was_before_a_failure_is_built_when_it_comes_back() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    let orders = fs::read_to_string(project.path("models/silver/orders.sql")).unwrap();
    save(&project, "models/silver/orders.sql", &orders.replace("select id", "select 1 as id"));
    // Its table holds the rows that failed the test.
    assert_eq!(watching.next("summary")["error"], 1);
    save(&project, "models/silver/orders.sql", &orders);
    let summary = watching.next("summary");
    assert_eq!((&summary["error"], &summary["skip"]), (&json!(0), &json!(0)));
    drop(watching);
    assert_eq!(project.value("select count(distinct id) from {{ ref('orders') }}"), 2);
}

#[test]
fn what_is_built_beside_a_failure_is_not_built_again() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    let totals =
        "{{ config(materialized='table') }}\nselect sum(amount) / (count(*) - 2) as total from {{ ref('orders') }}\n";
    save(&project, "models/gold/totals.sql", totals);
    assert_eq!(watching.next("summary")["error"], 1);
    save(&project, "models/gold/other.sql", "{{ config(materialized='table') }} select 1 as id");
    assert_eq!(watching.built(), ["model.shop.other", "model.shop.totals"]);
    save(&project, "models/gold/third.sql", "{{ config(materialized='table') }} select 1 as id");
    assert_eq!(watching.built(), ["model.shop.third", "model.shop.totals"]);
}

#[test]
fn what_mends_a_project_is_built() {
    let project = project();
    project.ok(&["build"]);
    let totals = fs::read_to_string(project.path("models/gold/totals.sql")).unwrap();
    project.write("models/gold/totals.sql", totals.replace("}}", "}"));
    let (watching, first) = Watching::start(&project, &[]);
    assert_eq!(first["errors"], 1);
    save(&project, "models/gold/totals.sql", &totals.replace("sum", "max"));
    assert_eq!(watching.built(), ["model.shop.totals"]);
}

#[test]
fn a_save_gives_up_the_build_before_it() {
    let project = project();
    project.ok(&["build"]);
    let before = project.version("bronze/raw");
    let raw = fs::read_to_string(project.path("models/bronze/raw.sql")).unwrap();
    let (watching, _) = Watching::start(&project, &[]);
    save(&project, "models/bronze/raw.sql", ENDLESS);
    watching.until("start", |event| event["unique_id"] == "model.shop.raw");
    save(&project, "models/bronze/raw.sql", &raw.replace("10", "30"));
    let events = watching.all_until("summary");
    assert_eq!(events.iter().filter(is("check")).count(), 1, "{events:?}");
    drop(watching);
    assert_eq!(project.value("select max(amount) from {{ ref('raw') }}"), 30);
    assert_eq!(project.version("bronze/raw"), before + 1, "nothing of the first was published");
}

#[test]
fn a_build_that_was_given_up_is_made_good() {
    let project = project();
    project.ok(&["build"]);
    let raw = fs::read_to_string(project.path("models/bronze/raw.sql")).unwrap();
    let (watching, _) = Watching::start(&project, &[]);
    save(&project, "models/bronze/raw.sql", &raw.replace("10", "30"));
    watching.until("finish", |event| event["unique_id"] == "model.shop.raw");
    // What is below it may be built or not.
    save(&project, "models/gold/other.sql", "{{ config(materialized='table') }} select 1 as id");
    watching.until("finish", |event| event["unique_id"] == "model.shop.other");
    watching.next("summary");
    drop(watching);
    assert_eq!(project.value("select total from {{ ref('totals') }}"), 100);
}

#[test]
fn only_what_is_selected_is_built() {
    let project = project();
    project.ok(&["build"]);
    let (watching, first) = Watching::start(&project, &["--select", "orders"]);
    assert_eq!(first["models"], 1);
    save(&project, "macros/money.sql", "{% macro euro(column) %}{{ column }} * 3{% endmacro %}\n");
    let begun = watching.next("begin");
    assert_eq!((&begun["models"], &begun["tests"]), (&json!(1), &json!(2)));
    watching.next("summary");
    drop(watching);
    assert_eq!(project.value("select total from {{ ref('totals') }}"), 60, "it is not selected");
}

#[test]
fn two_watches_share_a_warehouse() {
    let project = project();
    project.ok(&["build"]);
    let raw = fs::read_to_string(project.path("models/bronze/raw.sql")).unwrap();
    let (one, _) = Watching::start(&project, &[]);
    let (other, _) = Watching::start(&project, &[]);
    save(&project, "models/bronze/raw.sql", &raw.replace("10", "30"));
    let events = [one.all_until("summary"), other.all_until("summary")];
    // Who comes while the other writes says so, and leaves the table to it.
    let is_whole = |events: &Vec<Value>| events.last().unwrap()["error"] == 0;
    assert!(events.iter().any(is_whole), "{events:?}");
    for told in events.iter().flatten().filter(is("diagnostic")) {
        assert_eq!(told["code"], "E0606", "{told}");
    }
    drop((one, other));
    assert_eq!(project.value("select total from {{ ref('totals') }}"), 100);
}

#[test]
fn a_model_without_what_it_reads_says_what_to_build() {
    let project = TestProject::new()
        .file("models/bronze/raw.sql", "{{ config(materialized='table') }} select 1 as id")
        .file("models/gold/all.sql", "{{ config(materialized='table') }} select * from {{ ref('raw') }}");
    let (watching, _) = Watching::start(&project, &[]);
    save(&project, "models/gold/all.sql", "{{ config(materialized='table') }} select id from {{ ref('raw') }}");
    let finished = watching.next("finish");
    let mistake = &finished["diagnostics"][0];
    assert_eq!(mistake["hints"][0], "build it first: `engine run --select +all`", "{finished}");
    watching.next("summary");
    project.ok(&["run"]);
    // It is still to be built, whatever is saved next.
    save(&project, "models/gold/other.sql", "select 1 as id");
    assert_eq!(watching.built(), ["model.shop.all", "model.shop.other"]);
}

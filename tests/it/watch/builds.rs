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

/// A seed and `raw`, a view of both, an ephemeral model, and `fruit`; none is built.
pub(super) fn fresh() -> TestProject {
    TestProject::new()
        .file("seeds/kinds.csv", "kind,name\na,Apple\n")
        .file("models/bronze/raw.sql", "{{ config(materialized='table') }} select 'a' as kind")
        .file(
            "models/bronze/raw.yml",
            "models:\n  - name: raw\n    columns:\n      - name: kind\n        data_tests:\n          \
             - relationships: {name: known, arguments: {to: ref('kinds'), field: kind}}\n",
        )
        .file("models/silver/named.sql", "select name from {{ ref('raw') }} join {{ ref('kinds') }} using (kind)")
        .file("models/silver/short.sql", "{{ config(materialized='ephemeral') }} select name from {{ ref('named') }}")
        .file("models/gold/fruit.sql", "{{ config(materialized='table') }} select name from {{ ref('short') }}")
}

#[test]
fn what_was_never_built_above_a_save_is_built_first() {
    let project = fresh();
    // Selected or not.
    let (watching, _) = Watching::start(&project, &["--select", "fruit"]);
    let fruit = "{{ config(materialized='table') }} select upper(name) as name from {{ ref('short') }}";
    save(&project, "models/gold/fruit.sql", fruit);
    assert_eq!(watching.built(), ["model.shop.fruit", "model.shop.named", "model.shop.raw", "seed.shop.kinds"]);
    save(&project, "models/gold/fruit.sql", &fruit.replace("upper", "lower"));
    assert_eq!(watching.built(), ["model.shop.fruit"]);
    drop(watching);
    assert_eq!(project.value("select name from {{ ref('fruit') }}"), "apple");
}

#[test]
fn what_tests_read_beside_a_save_is_built_too() {
    let project = fresh();
    let (watching, _) = Watching::start(&project, &[]);
    save(&project, "models/bronze/raw.sql", "{{ config(materialized='table') }} select 'a' as kind, 1 as id");
    let begun = watching.next("begin");
    assert_eq!((&begun["models"], &begun["seeds"], &begun["tests"]), (&json!(3), &json!(1), &json!(1)));
    let summary = watching.next("summary");
    assert_eq!((&summary["pass"], &summary["error"]), (&json!(5), &json!(0)));
    save(&project, "models/bronze/raw.sql", "{{ config(materialized='table') }} select 'b' as kind, 1 as id");
    assert_eq!(watching.next("failing")["first"], json!([{"from_field": "b"}]));
    assert_eq!(watching.next("summary")["error"], 1);
}

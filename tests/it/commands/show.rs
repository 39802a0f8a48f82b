//! `compile` and `show`: what a template gives, and what a query returns.

use super::chain;
use crate::project::TestProject;
use crate::transcript;

#[test]
fn compile_prints_one_model() {
    transcript!(chain().run(&["compile", "--select", "revenue"]), @r#"
    exit: 0
    ----- stdout -----

    select sum(amount) as revenue from "silver"."orders"
    "#);
}

#[test]
fn compile_writes_all_models() {
    let project = chain();
    transcript!(project.run(&["compile"]), @"
    exit: 0
    ----- stderr -----
    compiled 5 nodes into .engine/compiled
    ");
    assert!(project.path(".engine/compiled/shop/models/bronze/raw.sql").is_file());
}

#[test]
fn compile_inline() {
    transcript!(chain().run(&["compile", "--inline", "select {{ 1 + 1 }} from {{ ref('raw') }}"]), @r#"
    exit: 0
    ----- stdout -----
    select 2 from "bronze"."raw"
    "#);
}

#[test]
fn a_model_is_shown_without_being_built() {
    let project =
        TestProject::new().file("models/gold/a.sql", "{{ config(materialized='table') }} select 1 as id, 'x' as name");
    transcript!(project.run(&["show", "a"]), @"
    exit: 0
    ----- stdout -----
    +----+------+
    | id | name |
    +----+------+
    | 1  | x    |
    +----+------+
    ");
    assert!(!project.path("warehouse/gold").exists());
}

#[test]
fn a_query_is_shown() {
    let project = chain();
    project.ok(&["run"]);
    transcript!(project.run(&["show", "--inline", "select * from {{ ref('raw') }} order by id"]), @"
    exit: 0
    ----- stdout -----
    +----+--------+
    | id | amount |
    +----+--------+
    | 1  | 10     |
    | 2  | 20     |
    +----+--------+
    ");
    transcript!(project.run(&["show", "--inline", "select * from {{ ref('raw') }} order by id", "--output", "json"]), @r#"
    exit: 0
    ----- stdout -----
    {"node":"inline","show":[{"id":1,"amount":10},{"id":2,"amount":20}]}
    "#);
    transcript!(project.run(&["show", "--inline", "select * from {{ ref('raw') }} where false"]), @"
    exit: 0
    ----- stdout -----
    (no rows) id, amount
    ");
    transcript!(project.run(&["show", "--inline", "select id from {{ ref('raw') }} order by id", "--limit", "1"]), @"
    exit: 0
    ----- stdout -----
    +----+
    | id |
    +----+
    | 1  |
    +----+
    ");
}

#[test]
fn five_rows_are_shown_unless_more_are_asked_for() {
    let project = TestProject::new();
    let rows = |arguments: &[&str]| {
        let query = ["show", "--output", "json", "--inline", "select value from generate_series(1, 20)"];
        let shown: serde_json::Value = serde_json::from_str(&project.ok(&[&query, arguments].concat()).stdout).unwrap();
        shown["show"].as_array().unwrap().len()
    };
    assert_eq!((rows(&[]), rows(&["--limit", "7"]), rows(&["--limit", "-1"])), (5, 7, 20));
}

#[test]
fn values_of_every_type_are_shown() {
    let sql = "select 1 as i, 1.5 as d, 'x' as s, true as b, date '2026-01-02' as day, timestamp '2026-01-02 03:04:05' as at, cast(1.50 as decimal(10, 2)) as money, [1, 2] as list, null as nothing, interval '1 day' as waited";
    transcript!(TestProject::new().run(&["show", "--inline", sql]), @"
    exit: 0
    ----- stdout -----
    +---+-----+---+------+------------+---------------------+-------+--------+---------+--------+
    | i | d   | s | b    | day        | at                  | money | list   | nothing | waited |
    +---+-----+---+------+------------+---------------------+-------+--------+---------+--------+
    | 1 | 1.5 | x | true | 2026-01-02 | 2026-01-02T03:04:05 | 1.50  | [1, 2] |         | 1 days |
    +---+-----+---+------+------------+---------------------+-------+--------+---------+--------+
    ");
    transcript!(TestProject::new().run(&["show", "--inline", sql, "--output", "json"]), @r#"
    exit: 0
    ----- stdout -----
    {"node":"inline","show":[{"i":1,"d":1.5,"s":"x","b":true,"day":"2026-01-02","at":"2026-01-02T03:04:05","money":"1.50","list":"[1, 2]","nothing":null,"waited":"1 days"}]}
    "#);
}

#[test]
fn several_models_are_shown_with_their_names() {
    let project = chain();
    project.ok(&["run"]);
    transcript!(project.run(&["show", "--select", "raw", "revenue"]), @"
    exit: 0
    ----- stdout -----
    +----+--------+
    | id | amount |
    +----+--------+
    | 1  | 10     |
    | 2  | 20     |
    +----+--------+
    +---------+
    | revenue |
    +---------+
    | 30      |
    +---------+
    ----- stderr -----
    bronze.raw:
    gold.revenue:
    ");
}

#[test]
fn show_needs_something_to_show() {
    transcript!(chain().run(&["show"]), @"
    exit: 2
    ----- stderr -----
    error[E0701]: `show` needs to know what
     |
     = hint: name a model: engine show gold_orders; or give a query: engine show --inline 'select 1'
    ");
}

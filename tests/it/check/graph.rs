//! Several models: every mistake once, and nothing of what is not selected.

use super::check;
use crate::mistakes::orders_and;
use crate::project::TestProject;
use crate::transcript;

/// Mistakes in two models, a test and a seed; one model reads a wrong one.
fn wrong() -> TestProject {
    orders_and("select uper(country) as country\nfrom {{ ref('orders') }}\n")
        .file("models/silver/big_orders.sql", "select id, amuont\nfrom {{ ref('orders') }}\n")
        .file("models/gold/below.sql", "select nothing\nfrom {{ ref('big_orders') }}\n")
        .file("tests/no_free_orders.sql", "select *\nfrom {{ ref('orders') }}\nwhere amont <= 0\n")
        .file("seeds/countries.csv", "code,name\nDE,Germany\nFR\n")
}

#[test]
fn mistakes_of_several_files_are_told_together() {
    transcript!(wrong().run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `uper`
     --> models/gold/revenue.sql:1:8
      |
    1 | select uper(country) as country
      |        ^^^^
      |
      = hint: did you mean `upper`?

    error[E0403]: no column named `amuont`
     --> models/silver/big_orders.sql:1:12
      |
    1 | select id, amuont
      |            ^^^^^^
      |
      = hint: did you mean `amount`?

    error[E0100]: this row has 1 value, the header 2
     --> seeds/countries.csv:3:1
      |
    3 | FR
      | ^^

    error[E0403]: no column named `amont`
     --> tests/no_free_orders.sql:3:7
      |
    3 | where amont <= 0
      |       ^^^^^
      |
      = hint: did you mean `amount`?

    note: not checked, for what they read is wrong: gold.below
    checked 4 models and 1 data test in [TIME]: 4 errors
    ");
}

#[test]
fn a_mistake_is_not_told_again_below() {
    let project = orders_and("select id, amount\nfrom {{ ref('middle') }}\n")
        .file("models/silver/middle.sql", "select *\nfrom {{ ref('big_orders') }}\n")
        .file("models/silver/big_orders.sql", "select id, amuont\nfrom {{ ref('orders') }}\n")
        .file(
            "models/models.yml",
            "models:\n  - name: big_orders\n    columns:\n      - name: id\n        data_tests: [not_null, unique]\n",
        );
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amuont`
     --> models/silver/big_orders.sql:1:12
      |
    1 | select id, amuont
      |            ^^^^^^
      |
      = hint: did you mean `amount`?

    note: not checked, for what they read is wrong: silver.middle, gold.revenue
    checked 4 models and 2 data tests in [TIME]: 1 error
    ");
}

#[test]
fn only_what_is_selected_is_told() {
    transcript!(wrong().run(&["check", "--select", "revenue"]), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `uper`
     --> models/gold/revenue.sql:1:8
      |
    1 | select uper(country) as country
      |        ^^^^
      |
      = hint: did you mean `upper`?

    checked 1 model and 0 data tests in [TIME]: 1 error
    ");
}

#[test]
fn what_reads_the_selected_is_not_told() {
    transcript!(wrong().run(&["check", "--exclude", "gold", "countries"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amuont`
     --> models/silver/big_orders.sql:1:12
      |
    1 | select id, amuont
      |            ^^^^^^
      |
      = hint: did you mean `amount`?

    error[E0403]: no column named `amont`
     --> tests/no_free_orders.sql:3:7
      |
    3 | where amont <= 0
      |       ^^^^^
      |
      = hint: did you mean `amount`?

    checked 2 models and 1 data test in [TIME]: 2 errors
    ");
}

#[test]
fn a_selected_model_below_a_wrong_one() {
    transcript!(wrong().run(&["check", "--select", "below"]), @"
    exit: 0
    ----- stderr -----
    note: not checked, for what they read is wrong: gold.below
    checked 1 model and 0 data tests in [TIME]: no mistakes
    ");
}

#[test]
fn a_selected_test() {
    transcript!(wrong().run(&["check", "--select", "no_free_orders"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> tests/no_free_orders.sql:3:7
      |
    3 | where amont <= 0
      |       ^^^^^
      |
      = hint: did you mean `amount`?

    checked 0 models and 1 data test in [TIME]: 1 error
    ");
}

#[test]
fn a_selection_of_nothing() {
    transcript!(wrong().run(&["check", "--select", "revenu"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `revenu` matches nothing in this project
     --> command line:1:10
      |
    1 | --select revenu
      |          ^^^^^^
      |
      = hint: did you mean `revenue`?
    ");
}

#[test]
fn what_a_query_of_a_template_gives_is_not_guessed() {
    let project = orders_and("select number\nfrom {{ ref('counted') }}\n").file(
        "models/silver/counted.sql",
        "{% set ids = run_query('select id from ' ~ ref('orders')) %}\nselect {{ ids.rows | length }} as n\n",
    );
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    note: not checked, for what they read is known only in a run: silver.counted, gold.revenue
    checked 3 models and 0 data tests in [TIME]: no mistakes
    ");
}

#[test]
fn a_template_and_a_query_of_two_models() {
    let project = orders_and("select amont\nfrom {{ ref('orders') }}\n")
        .file("models/gold/profit.sql", "select {{ nothing }} as nothing\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0205]: `nothing` is undefined
     --> models/gold/profit.sql:1:11
      |
    1 | select {{ nothing }} as nothing
      |           ^^^^^^^ no variable, macro or function of this name

    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:8
      |
    1 | select amont
      |        ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn models_that_nothing_reads_are_named() {
    let project = orders_and("select id\nfrom {{ ref('orders') }}\n")
        .file("models/silver/forgotten.sql", "select country\nfrom {{ ref('orders') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    note: nothing reads silver.forgotten
    checked 3 models and 0 data tests in [TIME]: no mistakes
    ");
}

#[test]
fn a_warehouse_that_cannot_be_reached_is_not_asked() {
    let project = orders_and("{{ config(materialized='incremental') }}\nselect id\nfrom {{ ref('orders') }}\n")
        .file("project.yaml", "name: shop\ntargets:\n  prod: {warehouse: 's3://lake/warehouse'}\n");
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    checked 2 models and 0 data tests in [TIME]: no mistakes
    ");
}

#[test]
fn nothing_is_written() {
    let project = orders_and("select id\nfrom {{ ref('orders') }}\n").file("seeds/countries.csv", "code\nDE\n");
    let files = || {
        let mut found: Vec<_> = walk(project.root());
        found.sort();
        found
    };
    let before = files();
    project.ok(&["check"]);
    assert_eq!(files(), before);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_template_that_asks_once_its_table_is_there() {
    let sql = "{{ config(materialized='incremental') }}\n{% if is_incremental() %}\n{% set last = run_query('select max(id) from ' ~ this) %}\n{% endif %}\nselect id\nfrom {{ ref('orders') }}\n";
    let project = orders_and(sql);
    project.ok(&["run"]);
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    note: not checked, for what they read is known only in a run: gold.revenue
    checked 2 models and 0 data tests in [TIME]: no mistakes
    ");
}

//! Mistakes that are found while a project is loaded, and those of the models that have nothing to do with them: told
//! together.

use super::check;
use crate::mistakes::orders_and;
use crate::project::TestProject;
use crate::transcript;

/// `gold.revenue`, one that reads it, and one with a mistake that has nothing to do with it.
fn among_others(revenue: &str) -> TestProject {
    orders_and(revenue)
        .file("models/gold/below.sql", "select nope\nfrom {{ ref('revenue') }}\n")
        .file("models/gold/other.sql", "select contry\nfrom {{ ref('orders') }}\n")
}

#[test]
fn a_ref_to_nothing_hides_no_other_mistake() {
    let project = orders_and("select idd\nfrom {{ ref('orders') }}\n")
        .file("models/gold/lost.sql", "select 1 as x\nfrom {{ ref('oders') }}\n")
        .file("models/gold/below.sql", "select nope\nfrom {{ ref('lost') }}\n")
        .file("tests/no_free_orders.sql", "select *\nfrom {{ ref('orders') }}\nwhere amont <= 0\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `oders`
     --> models/gold/lost.sql:2:9
      |
    2 | from {{ ref('oders') }}
      |         ^^^^^^^^^^^^ not found in this project
      |
      = hint: did you mean `orders`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0403]: no column named `amont`
     --> tests/no_free_orders.sql:3:7
      |
    3 | where amont <= 0
      |       ^^^^^
      |
      = hint: did you mean `amount`?

    note: not checked, for what they read is wrong: gold.below
    checked 2 models and 1 data test in [TIME]: 3 errors
    ");
}

#[test]
fn a_source_that_is_none_hides_no_other_mistake() {
    let project = orders_and("select idd\nfrom {{ ref('orders') }}\n")
        .file("models/bronze/clicks.sql", "select 1 as x\nfrom {{ source('shop', 'clicks') }}\n")
        .file("models/gold/clicked.sql", "select x\nfrom {{ ref('clicks') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0302]: no source named `shop`
     --> models/bronze/clicks.sql:2:9
      |
    2 | from {{ source('shop', 'clicks') }}
      |         ^^^^^^^^^^^^^^^^^^^^^^^^ not declared in `sources.yaml`

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    note: not checked, for what they read is wrong: gold.clicked
    checked 2 models and 0 data tests in [TIME]: 2 errors
    ");
}

#[test]
fn models_in_a_ring_hide_no_other_mistake() {
    let project = orders_and("select idd\nfrom {{ ref('orders') }}\n")
        .file("models/gold/first.sql", "select x\nfrom {{ ref('second') }}\n")
        .file("models/gold/second.sql", "select x\nfrom {{ ref('first') }}\n")
        .file("models/gold/third.sql", "select nope\nfrom {{ ref('second') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0303]: models wait for each other: `gold.first` -> `gold.second` -> `gold.first`
     --> models/gold/first.sql:2:9
      |
    2 | from {{ ref('second') }}
      |         ^^^^^^^^^^^^^

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    note: not checked, for what they read is wrong: gold.third
    checked 2 models and 0 data tests in [TIME]: 2 errors
    ");
}

#[test]
fn a_setting_nobody_knows_hides_no_other_mistake() {
    let project = among_others("{{ config(materialised='table') }}\nselect idd\nfrom {{ ref('orders') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0103]: unknown config `materialised` of a model
     --> models/gold/revenue.sql:1:11
      |
    1 | {{ config(materialised='table') }}
      |           ^^^^^^^^^^^^ not a config key
      |
      = hint: did you mean `materialized`?

    note: not checked, for what they read is wrong: gold.below
    checked 2 models and 0 data tests in [TIME]: 2 errors
    ");
}

#[test]
fn a_value_of_a_setting_that_is_none_hides_no_other_mistake() {
    let project = orders_and("{{ config(materialized='tabel') }}\nselect 1 as id\n")
        .file("models/gold/second.sql", "select contry\nfrom {{ ref('orders') }}\n")
        .file("models/gold/third.sql", "select idd\nfrom {{ ref('orders') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `materialized` of `revenue` is `table`, `view`, `incremental`, `ephemeral` or `kafka`, not `tabel`
     --> models/gold/revenue.sql:1:25
      |
    1 | {{ config(materialized='tabel') }}
      |                         ^^^^^

    error[E0403]: no column named `contry`
     --> models/gold/second.sql:1:8
      |
    1 | select contry
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/third.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    checked 3 models and 0 data tests in [TIME]: 3 errors
    ");
}

#[test]
fn a_template_that_does_not_parse_hides_no_other_mistake() {
    let project = among_others("select {{ id\nfrom {{ ref('orders') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0201]: unexpected identifier, expected end of variable block
     --> models/gold/revenue.sql:2:1
      |
    2 | from {{ ref('orders') }}
      | ^^^^

    note: not checked, for what they read is wrong: gold.below
    checked 2 models and 0 data tests in [TIME]: 2 errors
    ");
}

#[test]
fn a_test_nobody_knows_hides_no_other_mistake() {
    let project = orders_and("select idd\nfrom {{ ref('orders') }}\n")
        .file("models/models.yml", "models:\n  - name: orders\n    columns:\n      - name: id\n        data_tests: [uniqe, accepted_values]\n      - name: contry\n        data_tests: [not_null]\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0501]: no test named `uniqe`
     --> models/models.yml:5:22
      |
    5 |         data_tests: [uniqe, accepted_values]
      |                      ^^^^^
      |
      = hint: did you mean `unique`?
      = hint: write it as `{% test uniqe(model, column_name) %}` in `tests/generic/`, or use one that exists

    error[E0502]: test `accepted_values` needs the argument `values`
     --> models/models.yml:5:29
      |
    5 |         data_tests: [uniqe, accepted_values]
      |                             ^^^^^^^^^^^^^^^

    error[E0403]: `silver.orders` has no column `contry`
     --> models/models.yml:6:15
      |
    6 |       - name: contry
      |               ^^^^^^ tested here
      |
      = hint: did you mean `country`?

    checked 2 models and 3 data tests in [TIME]: 4 errors
    ");
}

#[test]
fn what_is_named_without_ref_and_is_wrong_is_no_second_mistake() {
    let project = orders_and("select id\nfrom {{ ref('oders') }}\n")
        .file("models/gold/other.sql", "select id\nfrom gold.revenue\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `oders`
     --> models/gold/revenue.sql:2:9
      |
    2 | from {{ ref('oders') }}
      |         ^^^^^^^^^^^^ not found in this project
      |
      = hint: did you mean `orders`?
    ");
}

#[test]
fn a_selection_of_what_is_wrong() {
    let project = orders_and("select id\nfrom {{ ref('oders') }}\n")
        .file("models/gold/other.sql", "select idd\nfrom {{ ref('orders') }}\n");
    transcript!(project.run(&["check", "--quiet", "--select", "revenue"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `oders`
     --> models/gold/revenue.sql:2:9
      |
    2 | from {{ ref('oders') }}
      |         ^^^^^^^^^^^^ not found in this project
      |
      = hint: did you mean `orders`?
    ");
}

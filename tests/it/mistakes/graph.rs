//! Mistakes between files: names that lead nowhere, circles, layers read from below, selections.

use super::{orders_and, revenue};
use crate::project::TestProject;
use crate::transcript;

#[test]
fn an_unknown_ref() {
    transcript!(orders_and("select *\nfrom {{ ref('ordres') }}\n").run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `ordres`
     --> models/gold/revenue.sql:2:9
      |
    2 | from {{ ref('ordres') }}
      |         ^^^^^^^^^^^^^ not found in this project
      |
      = hint: did you mean `orders`?
    ");
}

#[test]
fn an_unknown_ref_with_nothing_near() {
    transcript!(revenue("select * from {{ ref('customers') }}").run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `customers`
     --> models/gold/revenue.sql:1:18
      |
    1 | select * from {{ ref('customers') }}
      |                  ^^^^^^^^^^^^^^^^ not found in this project
    ");
}

#[test]
fn a_ref_to_what_is_a_source() {
    let project = revenue("select * from {{ ref('orders') }}").file(
        "sources.yaml",
        "sources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: 'data/*.ndjson'}\n        format: ndjson\n        columns: [{name: id, type: bigint}]\n",
    );
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `orders`
     --> models/gold/revenue.sql:1:18
      |
    1 | select * from {{ ref('orders') }}
      |                  ^^^^^^^^^^^^^ not found in this project
      |
      = hint: `orders` is a table of a source: write `source('shop', 'orders')`
    ");
}

#[test]
fn a_ref_to_a_disabled_model() {
    let project = revenue("select * from {{ ref('orders') }}")
        .file("models/silver/orders.sql", "{{ config(enabled=false) }} select 1 as id");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: `orders` is disabled
     --> models/gold/revenue.sql:1:18
      |
    1 | select * from {{ ref('orders') }}
      |                  ^^^^^^^^^^^^^ switched off by `enabled: false`
    ");
}

#[test]
fn an_unknown_source() {
    let project = revenue("select * from {{ source('shop', 'orders') }}");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0302]: no source named `shop`
     --> models/gold/revenue.sql:1:18
      |
    1 | select * from {{ source('shop', 'orders') }}
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^ not declared in `sources.yaml`
    ");
}

#[test]
fn an_unknown_table_of_a_source() {
    let project = revenue("select * from {{ source('shop', 'order') }}").file(
        "sources.yaml",
        "sources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: 'data/*.ndjson'}\n        format: ndjson\n        columns: [{name: id, type: bigint}]\n",
    );
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0302]: source `shop` has no table `order`
     --> models/gold/revenue.sql:1:18
      |
    1 | select * from {{ source('shop', 'order') }}
      |                  ^^^^^^^^^^^^^^^^^^^^^^^ not declared in `sources.yaml`
      |
      = hint: did you mean `orders`?
    ");
}

#[test]
fn a_layer_reads_no_layer_above() {
    let project = TestProject::new()
        .file("models/gold/revenue.sql", "select 1 as id")
        .file("models/silver/orders.sql", "select * from {{ ref('revenue') }}");
    transcript!(project.run(&["compile"]), @"
    exit: 2
    ----- stderr -----
    error[E0105]: `silver.orders` reads `gold.revenue`, which is above it
     --> models/silver/orders.sql:1:18
      |
    1 | select * from {{ ref('revenue') }}
      |                  ^^^^^^^^^^^^^^ silver may read bronze and silver
    ");
}

#[test]
fn a_model_that_reads_itself() {
    transcript!(revenue("select * from {{ ref('revenue') }}").run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0303]: `gold.revenue` reads itself
     --> models/gold/revenue.sql:1:18
      |
    1 | select * from {{ ref('revenue') }}
      |                  ^^^^^^^^^^^^^^
      |
      = hint: use `{{ this }}` inside `{% if is_incremental() %}` to read the model's own table
    ");
}

#[test]
fn two_models_that_wait_for_each_other() {
    let project = TestProject::new()
        .file("models/gold/revenue.sql", "select * from {{ ref('profit') }}")
        .file("models/gold/profit.sql", "select 1 as id\nunion all\nselect * from {{ ref('revenue') }}");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0303]: models wait for each other: `gold.profit` -> `gold.revenue` -> `gold.profit`
     --> models/gold/profit.sql:3:18
      |
    3 | select * from {{ ref('revenue') }}
      |                  ^^^^^^^^^^^^^^
    ");
}

#[test]
fn three_models_that_wait_for_each_other() {
    let project = TestProject::new()
        .file("models/gold/revenue.sql", "select * from {{ ref('profit') }}")
        .file("models/gold/profit.sql", "select * from {{ ref('margin') }}")
        .file("models/gold/margin.sql", "select * from {{ ref('revenue') }}");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0303]: models wait for each other: `gold.margin` -> `gold.revenue` -> `gold.profit` -> `gold.margin`
     --> models/gold/margin.sql:1:18
      |
    1 | select * from {{ ref('revenue') }}
      |                  ^^^^^^^^^^^^^^
    ");
}

#[test]
fn an_unknown_name_selected() {
    transcript!(orders_and("select 1 as id").run(&["run", "--select", "revenu+"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `revenu+` matches nothing in this project
     --> command line:1:10
      |
    1 | --select revenu+
      |          ^^^^^^^
      |
      = hint: did you mean `revenue`?
    ");
}

#[test]
fn an_unknown_name_excluded() {
    transcript!(orders_and("select 1 as id").run(&["ls", "--exclude", "odrers"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `odrers` matches nothing in this project
     --> command line:1:11
      |
    1 | --exclude odrers
      |           ^^^^^^
      |
      = hint: did you mean `orders`?
    ");
}

#[test]
fn an_unknown_path_selected() {
    transcript!(orders_and("select 1 as id").run(&["ls", "--select", "path:models/gld"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `path:models/gld` matches nothing in this project
     --> command line:1:10
      |
    1 | --select path:models/gld
      |          ^^^^^^^^^^^^^^^
      |
      = hint: did you mean `models/gold/revenue.sql` or `models/silver/orders.sql`?
    ");
}

#[test]
fn an_unknown_source_selected() {
    transcript!(orders_and("select 1 as id").run(&["ls", "--select", "source:shop"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `source:shop` matches no source
     --> command line:1:10
      |
    1 | --select source:shop
      |          ^^^^^^^^^^^
    ");
}

#[test]
fn a_disabled_model_selected() {
    let project = revenue("{{ config(enabled=false) }} select 1 as id");
    transcript!(project.run(&["run", "--select", "revenue"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `revenue` is disabled
     --> command line:1:10
      |
    1 | --select revenue
      |          ^^^^^^^ switched off by `enabled: false`
    ");
}

#[test]
fn an_unknown_selection_method() {
    transcript!(orders_and("select 1 as id").run(&["ls", "--select", "tags:nightly"]), @"
    exit: 2
    ----- stderr -----
    error[E0305]: no selection method `tags`
     --> command line:1:10
      |
    1 | --select tags:nightly
      |          ^^^^^^^^^^^^
      |
      = note: methods are `fqn`, `tag`, `path`, `file`, `source`, `exposure`, `config`, `resource_type`, `test_type`, `test_name` or `package`
      = hint: did you mean `tag`?
    ");
}

#[test]
fn a_selection_of_nothing() {
    transcript!(orders_and("select 1 as id").run(&["ls", "--select", "orders tag:"]), @"
    exit: 2
    ----- stderr -----
    error[E0305]: `tag:` names nothing
     --> command line:1:17
      |
    1 | --select orders tag:
      |                 ^^^^
      |
      = hint: as in `gold+`, `+revenue`, `tag:nightly`
    ");
}

#[test]
fn a_selection_with_two_meanings() {
    transcript!(orders_and("select 1 as id").run(&["ls", "--select", "@orders+"]), @"
    exit: 2
    ----- stderr -----
    error[E0305]: `@orders+` has both `@` and a trailing `+`
     --> command line:1:10
      |
    1 | --select @orders+
      |          ^^^^^^^^
      |
      = hint: `@x` already holds all below x
    ");
}

#[test]
fn a_pattern_left_open() {
    transcript!(orders_and("select 1 as id").run(&["ls", "--select", "ord[er"]), @"
    exit: 2
    ----- stderr -----
    error[E0305]: `ord[er` is not a pattern
     --> command line:1:10
      |
    1 | --select ord[er
      |          ^^^^^^
      |
      = hint: `*`, `?` and `[..]` are understood
    ");
}

#[test]
fn every_wrong_part_of_a_selection_is_told() {
    transcript!(orders_and("select 1 as id").run(&["ls", "--select", "ordrs", "gold,revenu"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `ordrs` matches nothing in this project
     --> command line:1:10
      |
    1 | --select ordrs gold,revenu
      |          ^^^^^
      |
      = hint: did you mean `orders`?

    error[E0304]: `revenu` matches nothing in this project
     --> command line:1:21
      |
    1 | --select ordrs gold,revenu
      |                     ^^^^^^
      |
      = hint: did you mean `revenue`?

    2 errors
    ");
}

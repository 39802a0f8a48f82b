//! Tables nobody declared.

use super::sources::CLICKS;
use super::{check, is_right};
use crate::mistakes::{orders_and, revenue};
use crate::transcript;

#[test]
fn a_model_named_without_ref() {
    transcript!(check(&orders_and("select *\nfrom orders\n")), @"
    exit: 2
    ----- stderr -----
    error[E0402]: no table named `orders`
     --> models/gold/revenue.sql:2:6
      |
    2 | from orders
      |      ^^^^^^
      |
      = hint: write `{{ ref('orders') }}`
    ");
}

#[test]
fn a_model_nearly_named() {
    transcript!(check(&orders_and("select *\nfrom silver.ordres\n")), @"
    exit: 2
    ----- stderr -----
    error[E0402]: no table named `silver.ordres`
     --> models/gold/revenue.sql:2:6
      |
    2 | from silver.ordres
      |      ^^^^^^^^^^^^^
      |
      = hint: did you mean `{{ ref('orders') }}`?
    ");
}

#[test]
fn a_table_of_nobody() {
    transcript!(check(&revenue("select *\nfrom customers\n")), @"
    exit: 2
    ----- stderr -----
    error[E0402]: no table named `customers`
     --> models/gold/revenue.sql:2:6
      |
    2 | from customers
      |      ^^^^^^^^^
      |
      = hint: name a model as `{{ ref('model') }}`, a source as `{{ source('source', 'table') }}`
    ");
}

#[test]
fn a_source_named_without_source() {
    let project = revenue("select *\nfrom shop.clicks\n").file("sources.yaml", CLICKS);
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0402]: no table named `shop.clicks`
     --> models/gold/revenue.sql:2:6
      |
    2 | from shop.clicks
      |      ^^^^^^^^^^^
      |
      = hint: write `{{ source('shop', 'clicks') }}`
    ");
}

#[test]
fn a_ref_to_nothing() {
    transcript!(check(&orders_and("select *\nfrom {{ ref('ordres') }}\n")), @"
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
fn a_ref_to_a_layer_above() {
    let project = revenue("select 1 as id\n").file("models/silver/orders.sql", "select *\nfrom {{ ref('revenue') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0105]: `silver.orders` reads `gold.revenue`, which is above it
     --> models/silver/orders.sql:2:9
      |
    2 | from {{ ref('revenue') }}
      |         ^^^^^^^^^^^^^^ silver may read bronze and silver
    ");
}

#[test]
fn a_table_that_is_there_is_no_mistake() {
    let project = orders_and("select id\nfrom {{ ref('orders') }}\n");
    project.ok(&["run"]);
    project.write("models/gold/revenue.sql", "select id\nfrom silver.orders\n");
    project.write("tests/no_free_orders.sql", "select *\nfrom warehouse.silver.orders\nwhere amount <= 0\n");
    project.write("tests/old_is_empty.sql", "select *\nfrom silver.old\nwhere 1 = 0\n");
    project.write("models/silver/old.sql", "{{ config(materialized='table') }}\nselect 1 as id\n");
    project.ok(&["run", "--select", "old"]);
    project.remove("models/silver/old.sql");
    is_right(&project);
}

#[test]
fn a_column_of_a_table_that_no_node_stands_for() {
    let project = orders_and("select idd\nfrom silver.old\n")
        .file("models/silver/old.sql", "{{ config(materialized='table') }}\nselect 1 as id\n");
    project.ok(&["run", "--select", "old"]);
    project.remove("models/silver/old.sql");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn a_table_of_a_with_nearly_named() {
    let sql = "with recent as (\n  select * from {{ ref('orders') }}\n)\nselect * from recnt\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0402]: no table named `recnt`
     --> models/gold/revenue.sql:4:15
      |
    4 | select * from recnt
      |               ^^^^^
      |
      = hint: did you mean `recent`?
    ");
}

#[test]
fn a_table_by_the_name_it_no_longer_has() {
    transcript!(check(&orders_and("select orders.id\nfrom {{ ref('orders') }} as o\n")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no table of this query is called `orders`
     --> models/gold/revenue.sql:1:8
      |
    1 | select orders.id
      |        ^^^^^^^^^
      |
      = hint: here it is `o`
    ");
}

#[test]
fn a_model_that_begins_with_a_byte_order_mark_is_right() {
    is_right(&orders_and("\u{feff}select id\nfrom {{ ref('orders') }}\n"));
}

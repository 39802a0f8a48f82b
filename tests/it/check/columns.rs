//! Columns that are not where the SQL looks for them.

use super::check;
use crate::mistakes::{orders_and, revenue};
use crate::transcript;

#[test]
fn a_column_that_a_model_above_does_not_select() {
    let project = orders_and("select id, amount from {{ ref('big_orders') }}\n")
        .file("models/silver/big_orders.sql", "select id from {{ ref('orders') }}\nwhere amount > 100\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amount`
     --> models/gold/revenue.sql:1:12
      |
    1 | select id, amount from {{ ref('big_orders') }}
      |            ^^^^^^
      |
      = note: there is only `id`
    ");
}

#[test]
fn a_column_that_was_renamed_three_models_above() {
    let project = orders_and("select total from {{ ref('daily') }}\n")
        .file("models/silver/daily.sql", "select * from {{ ref('days') }}\n")
        .file(
            "models/silver/days.sql",
            "select country, sum(amount) as totals\nfrom {{ ref('orders') }}\ngroup by country\n",
        );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `total`
     --> models/gold/revenue.sql:1:8
      |
    1 | select total from {{ ref('daily') }}
      |        ^^^^^
      |
      = hint: did you mean `totals`?
    ");
}

#[test]
fn a_column_that_an_ephemeral_model_does_not_select() {
    let project = orders_and("select id, amount from {{ ref('ids') }}\n")
        .file("models/silver/ids.sql", "{{ config(materialized='ephemeral') }}\nselect id from {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amount`
     --> models/gold/revenue.sql:1:12
      |
    1 | select id, amount from {{ ref('ids') }}
      |            ^^^^^^
      |
      = note: there is only `id`
    ");
}

#[test]
fn a_column_of_a_table_by_its_other_name() {
    transcript!(check(&orders_and("select o.id, o.contry\nfrom {{ ref('orders') }} as o\n")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `o` has no column `contry`
     --> models/gold/revenue.sql:1:14
      |
    1 | select o.id, o.contry
      |              ^^^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_column_that_a_with_does_not_select() {
    let sql = "with big as (\n  select id, amount as total from {{ ref('orders') }}\n)\nselect id, amount from big\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amount`
     --> models/gold/revenue.sql:4:12
      |
    4 | select id, amount from big
      |            ^^^^^^
      |
      = note: there are `id`, `total`
    ");
}

#[test]
fn a_column_of_a_window() {
    let sql = "select id,\n  row_number() over (partition by contry order by id) as number\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:2:35
      |
    2 |   row_number() over (partition by contry order by id) as number
      |                                   ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_column_of_using() {
    let sql = "select id\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b using (idd)\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:3:38
      |
    3 | join {{ ref('orders') }} as b using (idd)
      |                                      ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn a_column_left_out_of_a_star() {
    transcript!(check(&orders_and("select * except (amuont)\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amuont`
     --> models/gold/revenue.sql:1:18
      |
    1 | select * except (amuont)
      |                  ^^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn several_columns_of_one_query() {
    transcript!(check(&orders_and("select amont,\n  contry\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:8
      |
    1 | select amont,
      |        ^^^^^
      |
      = hint: did you mean `amount`?

    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:2:3
      |
    2 |   contry
      |   ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_column_that_both_sides_of_a_join_have() {
    let sql = "select id, a.amount\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b on a.id = b.id\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0406]: column `id` is in more than one of the tables
     --> models/gold/revenue.sql:1:8
      |
    1 | select id, a.amount
      |        ^^
      |
      = hint: say which: `a.id` or `b.id`
    ");
}

#[test]
fn a_column_without_a_name() {
    let sql =
        "{{ config(materialized='table') }}\nselect country, count(*)\nfrom {{ ref('orders') }}\ngroup by country\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0609]: column 2 of `gold.revenue` has no name that a table's column can have
     --> models/gold/revenue.sql:2:17
      |
    2 | select country, count(*)
      |                 ^^^^^^^^
      |
      = hint: give it a plain name: `... as total`
    ");
}

#[test]
fn two_columns_of_one_name_from_a_join() {
    let sql = "select *\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b on a.id = b.id\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0609]: two columns of `gold.revenue` are called `id`
     --> models/gold/revenue.sql:1:8
      |
    1 | select *
      |        ^
      |
      = hint: name one of them differently with `as`
    ");
}

#[test]
fn two_columns_called_the_same_of_a_table() {
    transcript!(check(&orders_and("select id,\n  country as id\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0406]: two columns are called `id`
     --> models/gold/revenue.sql:2:14
      |
    2 |   country as id
      |              ^^
      |
      = hint: give one of them another name with `as`
    ");
}

#[test]
fn a_field_that_only_a_struct_inside_of_it_has() {
    let project = revenue("select payload.city as city\nfrom {{ ref('people') }}\n")
        .file("models/silver/people.sql", "select named_struct('address', named_struct('city', 'Bonn')) as payload\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: the struct has no field `city`
     --> models/gold/revenue.sql:1:16
      |
    1 | select payload.city as city
      |                ^^^^
    ");
}

#[test]
fn a_field_that_a_struct_does_not_have() {
    let project = revenue("select payload.adress.city as city\nfrom {{ ref('people') }}\n")
        .file("models/silver/people.sql", "select named_struct('address', named_struct('city', 'Bonn')) as payload\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: the struct has no field `adress`
     --> models/gold/revenue.sql:1:16
      |
    1 | select payload.adress.city as city
      |                ^^^^^^
      |
      = hint: did you mean `address`?
    ");
}

#[test]
fn a_column_of_the_query_around_a_subquery() {
    let sql = "select id\nfrom {{ ref('orders') }} as o\nwhere exists (select 1 from {{ ref('orders') }} as p where p.id = o.idd)\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `o` has no column `idd`
     --> models/gold/revenue.sql:3:67
      |
    3 | where exists (select 1 from {{ ref('orders') }} as p where p.id = o.idd)
      |                                                                   ^^^^^
      |
      = hint: did you mean `id`?
    ");
}

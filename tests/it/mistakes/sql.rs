//! Mistakes in SQL: the caret stands in the template, wherever the engine met the mistake.

use super::{orders_and, revenue};
use crate::transcript;

#[test]
fn sql_that_does_not_parse() {
    transcript!(revenue("select 1 as id\nform orders\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0401]: SQL syntax: expected the end of the query, found `form`
     --> models/gold/revenue.sql:2:1
      |
    2 | form orders
      | ^^^^
      |
      = hint: did you mean `from`?
    ");
}

#[test]
fn a_bracket_left_open_in_sql() {
    transcript!(revenue("select (1 + 2 as id\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0401]: SQL syntax: expected `)`, found `as`
     --> models/gold/revenue.sql:1:15
      |
    1 | select (1 + 2 as id
      |               ^^
    ");
}

#[test]
fn a_quote_left_open_in_sql() {
    transcript!(revenue("select 'DE as country\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0401]: SQL syntax: unterminated string literal
     --> models/gold/revenue.sql:1:8
      |
    1 | select 'DE as country
      |        ^
    ");
}

#[test]
fn two_statements() {
    transcript!(revenue("select 1 as id;\nselect 2 as id\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: this is more than one statement
     --> models/gold/revenue.sql:1:15
      |
    1 | select 1 as id;
      |               ^
      |
      = hint: a model is one query: remove what comes after the first `;`
    ");
}

#[test]
fn a_statement_that_is_no_query() {
    transcript!(revenue("drop table gold.orders\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: only a query can be run here
     --> models/gold/revenue.sql:1:1
      |
    1 | drop table gold.orders
      | ^^^^
      |
      = hint: write a `select`: the engine makes the table of what it returns
    ");
}

#[test]
fn an_empty_model() {
    transcript!(revenue("-- to be written\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: there is no query in it
    --> models/gold/revenue.sql
     = hint: write a `select`; `engine compile` shows what the template gives
    ");
}

#[test]
fn an_unknown_table() {
    transcript!(revenue("select *\nfrom orders\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0402]: no table named `orders`
     --> models/gold/revenue.sql:2:6
      |
    2 | from orders
      |      ^^^^^^
      |
      = hint: name a model as `{{ ref('model') }}`, a source as `{{ source('source', 'table') }}`
    ");
}

#[test]
fn a_table_that_is_a_model() {
    transcript!(orders_and("select *\nfrom orders\n").run(&["run", "--quiet"]), @"
    exit: 1
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
fn a_table_that_is_nearly_a_model() {
    transcript!(orders_and("select *\nfrom silver.ordres\n").run(&["run", "--quiet"]), @"
    exit: 1
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
fn a_query_that_ends_too_early() {
    transcript!(revenue("select 1 as id\nfrom\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0401]: SQL syntax: expected a name, found the end of the query
     --> models/gold/revenue.sql:2:4
      |
    2 | from
      |    ^
    ");
}

#[test]
fn a_word_of_a_comment_or_a_string_is_not_pointed_at() {
    let sql = "-- amont\nselect 'amont' as word, max(amont) as amount\nfrom {{ ref('orders') }}\n";
    transcript!(orders_and(sql).run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:2:29
      |
    2 | select 'amont' as word, max(amont) as amount
      |                             ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_window_function_without_a_window() {
    transcript!(
        orders_and("select row_number() as number\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: `row_number` is a window function: it needs `over (...)`
     --> models/gold/revenue.sql:1:8
      |
    1 | select row_number() as number
      |        ^^^^^^^^^^
    ");
}

#[test]
fn a_window_function_in_where() {
    let sql = "{{ config(materialized='table') }}\nselect id\nfrom {{ ref('orders') }}\nwhere row_number() over (order by id) = 1\n";
    transcript!(orders_and(sql).run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: a window function cannot stand here
     --> models/gold/revenue.sql:4:20
      |
    4 | where row_number() over (order by id) = 1
      |                    ^^^^
      |
      = hint: to filter on it, use `qualify`
    ");
}

#[test]
fn one_name_for_two_tables_of_a_with() {
    transcript!(
        revenue("with a as (select 1 as id), a as (select 2 as id)\nselect * from a\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: `with` defines `a` twice
     --> models/gold/revenue.sql:1:6
      |
    1 | with a as (select 1 as id), a as (select 2 as id)
      |      ^
    ");
}

#[test]
fn a_union_of_different_types() {
    transcript!(
        revenue("{{ config(materialized='table') }}\nselect 1 as id\nunion all\nselect array[1]\n")
            .run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0405]: a union cannot put bigint and a list of bigint into one column
     --> models/gold/revenue.sql:3:1
      |
    3 | union all
      | ^^^^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_condition_that_is_none() {
    transcript!(
        orders_and("select id\nfrom {{ ref('orders') }}\nwhere country\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0405]: a condition is a boolean, not a string
     --> models/gold/revenue.sql:3:7
      |
    3 | where country
      |       ^^^^^^^
      |
      = hint: compare it with something, as in `country = 'x'`
    ");
}

#[test]
fn an_unknown_table_of_a_layer() {
    transcript!(revenue("select *\nfrom silver.orders\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0402]: no table named `silver.orders`
     --> models/gold/revenue.sql:2:6
      |
    2 | from silver.orders
      |      ^^^^^^^^^^^^^
      |
      = hint: name a model as `{{ ref('model') }}`, a source as `{{ source('source', 'table') }}`
    ");
}

#[test]
fn a_model_that_has_not_been_built() {
    transcript!(
        orders_and("select id\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet", "--select", "revenue"]), @"
    exit: 1
    ----- stderr -----
    error[E0402]: `silver.orders` has not been built yet
     --> models/gold/revenue.sql:2:13
      |
    2 | from {{ ref('orders') }}
      |             ^^^^^^^^
      |
      = hint: build it first: `engine run --select +revenue`
    ");
}

#[test]
fn an_unknown_column() {
    transcript!(orders_and("select\n  id,\n  amont\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:3:3
      |
    3 |   amont
      |   ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn an_unknown_column_of_a_named_table() {
    transcript!(
        orders_and("select orders.amont\nfrom {{ ref('orders') }} as orders\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: `orders` has no column `amont`
     --> models/gold/revenue.sql:1:8
      |
    1 | select orders.amont
      |        ^^^^^^^^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn an_unknown_column_in_a_where() {
    transcript!(
        orders_and("select id\nfrom {{ ref('orders') }}\nwhere contry = 'DE'\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:3:7
      |
    3 | where contry = 'DE'
      |       ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_column_of_another_case() {
    transcript!(orders_and("select \"Country\"\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @r#"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `Country`
     --> models/gold/revenue.sql:1:8
      |
    1 | select "Country"
      |        ^^^^^^^^^
      |
      = hint: write `country`: in quotes a name keeps its capitals
    "#);
}

#[test]
fn an_unknown_function() {
    transcript!(
        orders_and("select id,\n  uper(country) as country\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0404]: no function named `uper`
     --> models/gold/revenue.sql:2:3
      |
    2 |   uper(country) as country
      |   ^^^^
      |
      = hint: did you mean `upper`?
    ");
}

#[test]
fn types_that_do_not_add() {
    transcript!(
        orders_and("select id,\n  country + interval '1 day' as later\nfrom {{ ref('orders') }}\n")
            .run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0405]: cannot calculate a string + an interval
     --> models/gold/revenue.sql:2:3
      |
    2 |   country + interval '1 day' as later
      |   ^^^^^^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn types_that_do_not_compare() {
    transcript!(
        orders_and("select id from {{ ref('orders') }}\nwhere id = array[1, 2]\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0405]: cannot compare bigint with a list of bigint
     --> models/gold/revenue.sql:2:10
      |
    2 | where id = array[1, 2]
      |          ^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_function_of_another_type() {
    transcript!(
        orders_and("select\n  date_trunc('day', amount) as day\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0405]: `date_trunc` does not take (string, double)
     --> models/gold/revenue.sql:2:3
      |
    2 |   date_trunc('day', amount) as day
      |   ^^^^^^^^^^
      |
      = hint: it is called as `date_trunc(string, timestamp)` or `date_trunc(string, time)`
    ");
}

#[test]
fn a_function_with_an_argument_too_many() {
    transcript!(
        orders_and("select\n  upper(country, 2) as country\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: `upper` takes 1 argument, not 2
     --> models/gold/revenue.sql:2:3
      |
    2 |   upper(country, 2) as country
      |   ^^^^^
      |
      = hint: it is called as `upper(string)`
    ");
}

#[test]
fn a_sum_of_texts() {
    transcript!(orders_and("select\n  sum(country) as sum\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0405]: `sum` does not take a string
     --> models/gold/revenue.sql:2:3
      |
    2 |   sum(country) as sum
      |   ^^^
      |
      = hint: it is called as `sum(decimal)`, `sum(bigint)`, `sum(double)` or `sum(duration)`
    ");
}

#[test]
fn a_cast_that_cannot_be() {
    transcript!(
        orders_and("select\n  cast(array[1] as date) as day\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0405]: cannot cast a list of bigint to date
     --> models/gold/revenue.sql:2:3
      |
    2 |   cast(array[1] as date) as day
      |   ^^^^
    ");
}

#[test]
fn an_unknown_type() {
    transcript!(
        orders_and("select\n  cast(amount as money) as amount\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0405]: no type named `money`
     --> models/gold/revenue.sql:2:18
      |
    2 |   cast(amount as money) as amount
      |                  ^^^^^
    ");
}

#[test]
fn an_ambiguous_column() {
    transcript!(
        orders_and("select id\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b on a.id = b.id\n")
            .run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0406]: column `id` is in more than one of the tables
     --> models/gold/revenue.sql:1:8
      |
    1 | select id
      |        ^^
      |
      = hint: say which: `a.id` or `b.id`
    ");
}

#[test]
fn a_column_outside_of_group_by() {
    transcript!(
        orders_and("select country,\n  amount,\n  count(*) as orders\nfrom {{ ref('orders') }}\ngroup by country\n")
            .run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: `amount` is neither in `group by` nor in an aggregate function
     --> models/gold/revenue.sql:2:3
      |
    2 |   amount,
      |   ^^^^^^
      |
      = hint: add it to `group by`, or aggregate it, as in `max(amount)`
    ");
}

#[test]
fn an_aggregate_in_where() {
    transcript!(
        orders_and("select id\nfrom {{ ref('orders') }}\nwhere count(*) > 1\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: an aggregate function cannot stand in `where`
     --> models/gold/revenue.sql:3:1
      |
    3 | where count(*) > 1
      | ^^^^^
      |
      = hint: a condition on it goes into `having`
    ");
}

#[test]
fn an_aggregate_of_an_aggregate() {
    transcript!(
        orders_and("select sum(count(*)) as n\nfrom {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: aggregate function calls cannot be nested
     --> models/gold/revenue.sql:1:12
      |
    1 | select sum(count(*)) as n
      |            ^^^^^
      |
      = hint: compute the inner one in a subquery or a `with` first
    ");
}

#[test]
fn a_union_of_different_widths() {
    transcript!(revenue("select 1 as id, 2 as n\nunion all\nselect 3 as id\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: the queries of this `union` have 2 and 1 columns
     --> models/gold/revenue.sql:1:1
      |
    1 | / select 1 as id, 2 as n
    2 | | union all
    3 | | select 3 as id
      | |______________^
    ");
}

#[test]
fn a_subquery_of_two_columns() {
    transcript!(
        orders_and("select id from {{ ref('orders') }}\nwhere id in (select id, country from {{ ref('orders') }})\n")
            .run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0407]: this subquery stands for one column and selects 2
     --> models/gold/revenue.sql:2:21
      |
    2 | where id in (select id, country from {{ ref('orders') }})
      |                     ^^^^^^^^^^^
    ");
}

#[test]
fn two_columns_of_one_name() {
    transcript!(revenue("select 1 as id,\n  2 as id\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0406]: two columns are called `id`
     --> models/gold/revenue.sql:2:8
      |
    2 |   2 as id
      |        ^^
      |
      = hint: give one of them another name with `as`
    ");
}

#[test]
fn two_columns_of_one_name_from_a_join() {
    transcript!(
        orders_and("select a.*, b.*\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b on a.id = b.id\n")
            .run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0609]: two columns of `gold.revenue` are called `id`
     --> models/gold/revenue.sql:1:13
      |
    1 | select a.*, b.*
      |             ^^^
      |
      = hint: name one of them differently with `as`
    ");
}

#[test]
fn a_column_without_a_name() {
    transcript!(
        orders_and("{{ config(materialized='table') }}\nselect count(*)\nfrom {{ ref('orders') }}\n")
            .run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0609]: column 1 of `gold.revenue` has no name that a table's column can have
     --> models/gold/revenue.sql:2:8
      |
    2 | select count(*)
      |        ^^^^^^^^
      |
      = hint: give it a plain name: `... as total`
    ");
}

#[test]
fn a_type_that_no_table_can_hold() {
    transcript!(
        revenue("{{ config(materialized='table') }}\nselect 1 as id,\n  interval '1 day' as waited\n")
            .run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0609]: column `waited` of `gold.revenue` is an interval, which a Delta table cannot hold
     --> models/gold/revenue.sql:3:23
      |
    3 |   interval '1 day' as waited
      |                       ^^^^^^
      |
      = hint: cast it to a string, or take the seconds with `extract(epoch from ...)`
    ");
}

#[test]
fn a_mistake_inside_a_loop_points_into_the_loop() {
    let sql = "select\n{% for name in ['id', 'amont'] %}\n  orders.{{ name }},\n{% endfor %}\n  1 as one\nfrom {{ ref('orders') }} as orders\n";
    transcript!(orders_and(sql).run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: `orders` has no column `amont`
     --> models/gold/revenue.sql:3:3
      |
    2 | {% for name in ['id', 'amont'] %}
      |                        ----- written here
    3 |   orders.{{ name }},
      |   ^^^^^^^^^^^^^^
      |
      = note: rendered, the line is: orders.amont,
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_mistake_written_in_a_macro_is_shown_in_it_and_in_the_call() {
    let project = orders_and("select\n  id,\n  {{ euro('amount') }} as euro\nfrom {{ ref('orders') }}\n")
        .file("macros/money.sql", "{% macro euro(column) %}rond({{ column }} / 100, 2){% endmacro %}\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0404]: no function named `rond`
     --> macros/money.sql:1:25
      |
    1 | {% macro euro(column) %}rond({{ column }} / 100, 2){% endmacro %}
      |                         ^^^^
      |
     ::: models/gold/revenue.sql:3:6
      |
    3 |   {{ euro('amount') }} as euro
      |      -------------- called from here
      |
      = note: rendered, the line is: rond(amount / 100, 2) as euro
      = hint: did you mean `round`?
    ");
}

#[test]
fn a_mistake_in_a_view_points_into_the_view() {
    let project = orders_and("{{ config(materialized='table') }}\nselect * from {{ ref('big_orders') }}\n")
        .file("models/silver/big_orders.sql", "select id\nfrom {{ ref('orders') }}\nwhere amont > 100\n");
    transcript!(project.run(&["run", "--quiet", "--exclude", "big_orders"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/silver/big_orders.sql:3:7
      |
    3 | where amont > 100
      |       ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_mistake_in_an_ephemeral_model_points_into_it() {
    let project = orders_and("{{ config(materialized='table') }}\nselect * from {{ ref('big_orders') }}\n").file(
        "models/silver/big_orders.sql",
        "{{ config(materialized='ephemeral') }}\nselect id\nfrom {{ ref('orders') }}\nwhere amont > 100\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/silver/big_orders.sql:4:7
      |
    4 | where amont > 100
      |       ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_mistake_in_a_view_is_told_where_the_column_is_missing_above() {
    let project = orders_and("select id, amount from {{ ref('big_orders') }}\n")
        .file("models/silver/big_orders.sql", "select id from {{ ref('orders') }}\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
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
fn mistakes_of_two_models_are_both_told() {
    let project = orders_and("select amont from {{ ref('orders') }}\n")
        .file("models/gold/profit.sql", "select uper(country) as c from {{ ref('orders') }}\n");
    transcript!(project.run(&["run", "--quiet", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    error[E0404]: no function named `uper`
     --> models/gold/profit.sql:1:8
      |
    1 | select uper(country) as c from {{ ref('orders') }}
      |        ^^^^
      |
      = hint: did you mean `upper`?

    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:8
      |
    1 | select amont from {{ ref('orders') }}
      |        ^^^^^
      |
      = hint: did you mean `amount`?

    2 errors
    ");
}

#[test]
fn a_mistake_in_a_shown_query() {
    transcript!(revenue("select 1 as id").run(&["show", "--inline", "select idd from {{ ref('revenue') }}"]), @r#"
    exit: 2
    ----- stderr -----
    error[E0407]: no column named `idd`
     |
     = note: the query is: select idd from "gold"."revenue"
    "#);
}

#[test]
fn a_wide_character_before_the_mistake_does_not_move_the_caret() {
    transcript!(
        orders_and("select 'größe 🚀' as label, amont from {{ ref('orders') }}\n").run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:1:28
      |
    1 | select 'größe 🚀' as label, amont from {{ ref('orders') }}
      |                             ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

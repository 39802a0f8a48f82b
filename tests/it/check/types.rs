//! Types that do not go together.

use super::check;
use crate::mistakes::{orders_and, revenue};
use crate::transcript;

#[test]
fn a_string_and_an_interval() {
    transcript!(
        check(&orders_and("select id,\n  country + interval '1 day' as later\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
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
fn the_types_of_a_model_above() {
    let project = orders_and("select id,\n  kinds * 2 as twice\nfrom {{ ref('counts') }}\n").file(
        "models/silver/counts.sql",
        "select id, array_agg(amount) as kinds\nfrom {{ ref('orders') }}\ngroup by id\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot calculate a list of double * bigint
     --> models/gold/revenue.sql:2:3
      |
    2 |   kinds * 2 as twice
      |   ^^^^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_join_of_different_types() {
    let sql = "select a.id\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b on a.id = array[b.id]\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot compare bigint with a list of bigint
     --> models/gold/revenue.sql:3:39
      |
    3 | join {{ ref('orders') }} as b on a.id = array[b.id]
      |                                       ^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_negation_of_a_string() {
    transcript!(check(&orders_and("select not country as is_abroad\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `not` takes a boolean, not a string
     --> models/gold/revenue.sql:1:12
      |
    1 | select not country as is_abroad
      |            ^^^^^^^
      |
      = hint: compare it with something first
    ");
}

#[test]
fn branches_of_different_types() {
    let sql = "select case when amount > 1 then array[1] else 'low' end as size\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: the branches of this `case` are a list of bigint and a string
     --> models/gold/revenue.sql:1:8
      |
    1 | select case when amount > 1 then array[1] else 'low' end as size
      |        ^^^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_list_of_different_types() {
    transcript!(check(&orders_and("select id\nfrom {{ ref('orders') }}\nwhere id in (array[1], 2)\n")), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `in` cannot compare bigint with a list of bigint, bigint
     --> models/gold/revenue.sql:3:10
      |
    3 | where id in (array[1], 2)
      |          ^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_range_of_different_types() {
    let sql = "select id\nfrom {{ ref('orders') }}\nwhere current_date between 1 and amount\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `between` cannot compare date with double
     --> models/gold/revenue.sql:3:20
      |
    3 | where current_date between 1 and amount
      |                    ^^^^^^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_limit_that_is_a_word() {
    transcript!(check(&orders_and("select id\nfrom {{ ref('orders') }}\nlimit 'ten'\n")), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `limit` takes a whole number, not a string
     --> models/gold/revenue.sql:3:1
      |
    3 | limit 'ten'
      | ^^^^^
    ");
}

#[test]
fn a_cast_to_a_type_nobody_knows() {
    transcript!(check(&orders_and("select cast(amount as money) as amount\nfrom {{ ref('orders') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0405]: no type named `money`
     --> models/gold/revenue.sql:1:23
      |
    1 | select cast(amount as money) as amount
      |                       ^^^^^
    ");
}

#[test]
fn a_union_of_different_types() {
    let sql = "{{ config(materialized='table') }}\nselect 1 as id\nunion all\nselect array[1]\n";
    transcript!(check(&revenue(sql)), @"
    exit: 2
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
fn a_type_that_no_table_can_hold() {
    let sql = "{{ config(materialized='table') }}\nselect id, interval '1 day' as waited\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0609]: column `waited` of `gold.revenue` is an interval, which a Delta table cannot hold
     --> models/gold/revenue.sql:2:32
      |
    2 | select id, interval '1 day' as waited
      |                                ^^^^^^
      |
      = hint: cast it to a string, or take the seconds with `extract(epoch from ...)`
    ");
}

#[test]
fn a_condition_that_is_a_string() {
    transcript!(check(&orders_and("select id\nfrom {{ ref('orders') }}\nwhere country\n")), @"
    exit: 2
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
fn a_condition_that_is_a_call() {
    let sql = "select id\nfrom {{ ref('orders') }}\nwhere upper(country)\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: a condition is a boolean, not a string
     --> models/gold/revenue.sql:3:1
      |
    3 | where upper(country)
      | ^^^^^
      |
      = hint: compare it with something, as in `... = 'x'`
    ");
}

#[test]
fn a_condition_of_groups() {
    let sql = "select country, count(*) as orders\nfrom {{ ref('orders') }}\ngroup by country\nhaving amount\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `amount` is neither in `group by` nor in an aggregate function
     --> models/gold/revenue.sql:4:8
      |
    4 | having amount
      |        ^^^^^^
      |
      = hint: add it to `group by`, or aggregate it, as in `max(amount)`
    ");
}

#[test]
fn a_string_with_a_minus() {
    let sql = "select -country as country\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `-` takes a number
     --> models/gold/revenue.sql:1:9
      |
    1 | select -country as country
      |         ^^^^^^^
      |
      = hint: cast what stands behind it: `-cast(... as bigint)`
    ");
}

#[test]
fn a_choice_of_different_types() {
    let sql = "select coalesce(array[1], country) as choice\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `coalesce` does not take (a list of bigint, string)
     --> models/gold/revenue.sql:1:8
      |
    1 | select coalesce(array[1], country) as choice
      |        ^^^^^^^^
    ");
}

#[test]
fn a_number_and_an_interval() {
    let sql = "select id + interval '1 day' as later\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot calculate bigint with an interval
     --> models/gold/revenue.sql:1:13
      |
    1 | select id + interval '1 day' as later
      |             ^^^^^^^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_list_of_strings() {
    let sql = "select array_agg(country) * 2 as twice\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot calculate a list of strings * bigint
     --> models/gold/revenue.sql:1:27
      |
    1 | select array_agg(country) * 2 as twice
      |                           ^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_struct_in_a_sum() {
    let sql = "select named_struct('city', country) + 1 as one\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot calculate struct<city: string> + bigint
     --> models/gold/revenue.sql:1:38
      |
    1 | select named_struct('city', country) + 1 as one
      |                                      ^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

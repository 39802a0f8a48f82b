//! Places of mistakes that the planner tells without one, and what to do about them.

use super::check;
use crate::mistakes::orders_and;
use crate::transcript;

#[test]
fn two_columns_of_one_name() {
    let project = orders_and(
        "select a.id, a.amount,\n  b.id\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b on a.id = b.id\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0609]: two columns of `gold.revenue` are called `id`
     --> models/gold/revenue.sql:2:3
      |
    2 |   b.id
      |   ^^^^
      |
      = hint: name one of them differently with `as`
    ");
}

#[test]
fn all_columns_of_two_tables() {
    let project =
        orders_and("select a.*,\n  b.*\nfrom {{ ref('orders') }} as a\njoin {{ ref('orders') }} as b on a.id = b.id\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0609]: two columns of `gold.revenue` are called `id`
     --> models/gold/revenue.sql:2:3
      |
    2 |   b.*
      |   ^^^
      |
      = hint: name one of them differently with `as`
    ");
}

#[test]
fn a_column_without_a_name() {
    let project = orders_and("{{ config(materialized='table') }}\nselect id,\n  1\nfrom {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0609]: column 2 of `gold.revenue` has no name that a table's column can have
     --> models/gold/revenue.sql:3:3
      |
    3 |   1
      |   ^
      |
      = hint: give it a plain name: `... as total`
    ");
}

#[test]
fn a_constant_that_is_no_number() {
    let project = orders_and("select id from {{ ref('orders') }} where country = 'x' and id = 'x'\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0605]: cannot cast the string 'x' to bigint
     --> models/gold/revenue.sql:1:65
      |
    1 | select id from {{ ref('orders') }} where country = 'x' and id = 'x'
      |                                                                 ^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast
    ");
}

#[test]
fn a_constant_that_is_no_date() {
    let project = orders_and("select id, '2026-13-01'::date as day from {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0605]: cannot cast the string '2026-13-01' to date
     --> models/gold/revenue.sql:1:12
      |
    1 | select id, '2026-13-01'::date as day from {{ ref('orders') }}
      |            ^^^^^^^^^^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast
    ");
}

#[test]
fn constants_beside_the_cast_of_another() {
    let project = orders_and(
        "select '2026-99-01'::date as a, 'y'::int as b, cast('z' as int) as c, cast(country as int) as d\nfrom {{ ref('orders') }} where id = 'q'\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0605]: cannot cast the string '2026-99-01' to date
     --> models/gold/revenue.sql:1:8
      |
    1 | select '2026-99-01'::date as a, 'y'::int as b, cast('z' as int) as c, cast(country as int) as d
      |        ^^^^^^^^^^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast

    error[E0605]: cannot cast the string 'y' to int
     --> models/gold/revenue.sql:1:33
      |
    1 | select '2026-99-01'::date as a, 'y'::int as b, cast('z' as int) as c, cast(country as int) as d
      |                                 ^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast

    error[E0605]: cannot cast the string 'z' to int
     --> models/gold/revenue.sql:1:48
      |
    1 | select '2026-99-01'::date as a, 'y'::int as b, cast('z' as int) as c, cast(country as int) as d
      |                                                ^^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast

    error[E0605]: cannot cast the string 'q' to bigint
     --> models/gold/revenue.sql:2:37
      |
    2 | from {{ ref('orders') }} where id = 'q'
      |                                     ^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast
    ");
}

#[test]
fn a_constant_that_is_no_interval() {
    let project = orders_and("select id, now() + interval '1 foo' as later from {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0405]: `1 foo` is no interval
     --> models/gold/revenue.sql:1:30
      |
    1 | select id, now() + interval '1 foo' as later from {{ ref('orders') }}
      |                              ^^^^^
      |
      = hint: write it as in `interval '2 days'`
    ");
}

#[test]
fn a_number_of_no_column() {
    let project = orders_and("select id, country from {{ ref('orders') }} order by 5\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `order by 5`: the query selects 2 columns
     --> models/gold/revenue.sql:1:54
      |
    1 | select id, country from {{ ref('orders') }} order by 5
      |                                                      ^
      |
      = hint: name the column instead
    ");
}

#[test]
fn a_group_of_no_column() {
    let project = orders_and("select country, count(*) as orders from {{ ref('orders') }} group by 3\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `group by 3`: the query selects 2 columns
     --> models/gold/revenue.sql:1:70
      |
    1 | select country, count(*) as orders from {{ ref('orders') }} group by 3
      |                                                                      ^
      |
      = hint: name the column instead
    ");
}

#[test]
fn a_window_that_is_not_defined() {
    let project = orders_and("select id, row_number() over ranked as number from {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: no window named `ranked`
     --> models/gold/revenue.sql:1:30
      |
    1 | select id, row_number() over ranked as number from {{ ref('orders') }}
      |                              ^^^^^^
      |
      = hint: define it behind the tables: `window ranked as (partition by ...)`
    ");
}

#[test]
fn a_text_in_double_quotes() {
    let project = orders_and("select id from {{ ref('orders') }} where country = \"DE\"\n");
    transcript!(check(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `DE`
     --> models/gold/revenue.sql:1:52
      |
    1 | select id from {{ ref('orders') }} where country = "DE"
      |                                                    ^^^^
      |
      = note: there are `amount`, `country`, `id`
      = hint: in double quotes stand names; a text is written `'DE'`
    "#);
}

#[test]
fn a_name_of_the_select_list_that_is_near_to_a_column() {
    let project = orders_and("select id, amount as amunt from {{ ref('orders') }} where amunt > 10\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amunt`
     --> models/gold/revenue.sql:1:59
      |
    1 | select id, amount as amunt from {{ ref('orders') }} where amunt > 10
      |                                                           ^^^^^
      |
      = hint: `amunt` is a name of the select list, which is not known here: repeat its expression, or name it in a `with`
      = hint: did you mean `amount`?
    ");
}

#[test]
fn what_is_missing_itself_is_not_meant() {
    let project = orders_and("select nope, id from {{ ref('orders') }} order by nope2\n");
    let told = check(&project).to_string();
    assert!(told.contains("`nope2`") && !told.contains("did you mean `nope`?"), "{told}");
}

#[test]
fn a_name_of_the_select_list_in_where() {
    let project = orders_and("select id, amount * 2 as twice from {{ ref('orders') }} where twice > 10\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `twice`
     --> models/gold/revenue.sql:1:63
      |
    1 | select id, amount * 2 as twice from {{ ref('orders') }} where twice > 10
      |                                                               ^^^^^
      |
      = note: there are `amount`, `country`, `id`
      = hint: `twice` is a name of the select list, which is not known here: repeat its expression, or name it in a `with`
    ");
}

#[test]
fn a_query_that_is_defined_further_down() {
    let project = orders_and(
        "with first as (\n  select id from second\n), second as (\n  select id from {{ ref('orders') }}\n)\nselect * from first\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0402]: no table named `second`
     --> models/gold/revenue.sql:2:18
      |
    2 |   select id from second
      |                  ^^^^^^
      |
      = note: `second` of the `with` is defined further down, or inside of another query
      = hint: a query sees what is defined before it: move it up
    ");
}

#[test]
fn a_key_compared_without_brackets() {
    let project = orders_and("select id from {{ ref('orders') }} where country ->> 'a' = 'b'\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0405]: what stands behind `->>` is a key or a number, not boolean
     --> models/gold/revenue.sql:1:50
      |
    1 | select id from {{ ref('orders') }} where country ->> 'a' = 'b'
      |                                                  ^^^
      |
      = hint: `=` and other operators bind more closely than `->>`: write `(x ->> 'key') = 'value'`
    ");
}

#[test]
fn a_condition_of_a_join_that_is_no_boolean() {
    let project = orders_and("select a.id from {{ ref('orders') }} as a join {{ ref('orders') }} as b on a.id\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0405]: a condition is a boolean, not bigint
     --> models/gold/revenue.sql:1:76
      |
    1 | select a.id from {{ ref('orders') }} as a join {{ ref('orders') }} as b on a.id
      |                                                                            ^^^^
      |
      = hint: compare it with something, as in `a.id = b.id`
    ");
}

#[test]
fn two_tables_of_one_name() {
    let project =
        orders_and("select 1 as id from {{ ref('orders') }} as a join {{ ref('orders') }} as a on a.id = a.id\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: two tables of this query are called `a`
     --> models/gold/revenue.sql:1:74
      |
    1 | select 1 as id from {{ ref('orders') }} as a join {{ ref('orders') }} as a on a.id = a.id
      |                                                                          ^
      |
      = hint: give one of them another name with `as`
    ");
}

#[test]
fn a_subquery_in_the_condition_of_a_join() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect o.id\nfrom {{ ref('orders') }} as o\njoin {{ ref('orders') }} as c on c.country = o.country and exists (select 1 from {{ ref('orders') }} as b where b.id = o.id)\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: this subquery reads the query around it in a way that cannot be made a join
     --> models/gold/revenue.sql:4:60
      |
    4 | join {{ ref('orders') }} as c on c.country = o.country and exists (select 1 from {{ ref('orders') }} as b where b...
      |                                                            ^^^^^^
      |
      = hint: move the condition from `on` to `where`, or compute its value for all rows in a `with`, and join that
    ");
}

#[test]
fn rows_of_different_lengths() {
    let project = orders_and("select * from (values (1, 2), (3)) as t (a, b)\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: row 2 of `values` has 1 column, and the first one 2
     --> models/gold/revenue.sql:1:16
      |
    1 | select * from (values (1, 2), (3)) as t (a, b)
      |                ^^^^^^
    ");
}

//! Queries that are bound without a fault, and that the optimizer, the physical planner or a function refuses: `check` asks
//! them, too. What each says is what the run says.

use super::{is_right, refused};
use crate::mistakes::orders_and;
use crate::project::TestProject;
use crate::transcript;

#[test]
fn a_lateral_subquery_that_cannot_be_a_join() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect o.id, t.n\nfrom {{ ref('orders') }} as o\ncross join lateral (select o.id + 1 as n) as t\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: what is `lateral` reads the query around it in a way that cannot be made a join
     --> models/gold/revenue.sql:4:12
      |
    4 | cross join lateral (select o.id + 1 as n) as t
      |            ^^^^^^^
      |
      = hint: compute it in the `select`, or in a `with` that is joined
    ");
}

#[test]
fn a_subquery_that_cannot_be_a_join() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect\n  o.id,\n  (select p.amount from {{ ref('orders') }} as p where p.id > o.id limit 1) as next\nfrom {{ ref('orders') }} as o\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: this subquery reads the query around it in a way that cannot be made a join
     --> models/gold/revenue.sql:4:3
      |
    4 |   (select p.amount from {{ ref('orders') }} as p where p.id > o.id limit 1) as next
      |   ^^^^^^^
      |
      = hint: compute its value for all rows in a `with`, and join that
    ");
}

#[test]
fn exists_as_a_column() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect exists (select 1) as is_there\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `exists` can stand in a condition only
     --> models/gold/revenue.sql:2:8
      |
    2 | select exists (select 1) as is_there
      |        ^^^^^^
      |
      = hint: join the other table with `left join`, and ask whether its key is there: `b.id is not null`
    ");
}

#[test]
fn in_a_subquery_as_a_column() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect id in (select 1) as is_first\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `in (select ...)` can stand in a condition only
     --> models/gold/revenue.sql:2:11
      |
    2 | select id in (select 1) as is_first
      |           ^^
      |
      = hint: join the other table with `left join`, and ask whether its key is there: `b.id is not null`
    ");
}

#[test]
fn a_window_function_in_a_condition_of_a_table() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect id\nfrom {{ ref('orders') }}\nwhere row_number() over () = 1\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: a window function cannot stand here
     --> models/gold/revenue.sql:4:20
      |
    4 | where row_number() over () = 1
      |                    ^^^^
      |
      = hint: to filter on it, use `qualify`
    ");
}

#[test]
fn a_percentile_that_is_a_column() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect approx_percentile_cont(amount, id) as median\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: the percentile of `approx_percentile_cont` is one value for all rows, not a column
     --> models/gold/revenue.sql:2:8
      |
    2 | select approx_percentile_cont(amount, id) as median
      |        ^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: write it out, as in `approx_percentile_cont(amount, 0.5)`
    ");
}

#[test]
fn a_delimiter_that_is_a_column() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect country, string_agg(country, country) as all_of_it\nfrom {{ ref('orders') }}\ngroup by country\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: the delimiter of `string_agg` is one value for all rows, not a column
     --> models/gold/revenue.sql:2:17
      |
    2 | select country, string_agg(country, country) as all_of_it
      |                 ^^^^^^^^^^
      |
      = hint: write it out, as in `string_agg(name, ', ')`
    ");
}

#[test]
fn an_offset_that_is_a_column() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect lag(amount, id) over (order by id) as before\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: an argument of this window function is one value for all rows, not a column
     --> models/gold/revenue.sql:2:24
      |
    2 | select lag(amount, id) over (order by id) as before
      |                        ^^^^
      |
      = hint: write it out, as in `lag(amount, 1)`
    ");
}

#[test]
fn a_constant_that_does_not_fit_its_type() {
    let project =
        orders_and("{{ config(materialized='table') }}\nselect cast('abc' as int) as n\nfrom {{ ref('orders') }}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0605]: cannot cast the string 'abc' to int
     --> models/gold/revenue.sql:2:8
      |
    2 | select cast('abc' as int) as n
      |        ^^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast
    ");
}

#[test]
fn a_cast_of_a_list_in_a_view() {
    let project = orders_and("select cast(array[1] as date) as day\nfrom {{ ref('orders') }}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot cast a list of bigint to date
     --> models/gold/revenue.sql:1:8
      |
    1 | select cast(array[1] as date) as day
      |        ^^^^
    ");
}

/// A view or an ephemeral model, and a table that counts its rows.
fn counted(materialized: &str, selected: &str) -> TestProject {
    orders_and(&format!("{{{{ config(materialized='{materialized}') }}}}\n{selected}\n")).file(
        "models/gold/counted.sql",
        "{{ config(materialized='table') }}\nselect count(*) as orders from {{ ref('revenue') }}\n",
    )
}

#[test]
fn what_nobody_can_read_is_told_where_it_is_written() {
    let sql = "select id from {{ ref('orders') }} where row_number() over () = 1";
    let told = refused(&counted("view", sql));
    assert_eq!(told.to_string(), refused(&counted("ephemeral", sql)).to_string());
    transcript!(told, @"
    exit: 2
    ----- stderr -----
    error[E0407]: a window function cannot stand here
     --> models/gold/revenue.sql:2:55
      |
    2 | select id from {{ ref('orders') }} where row_number() over () = 1
      |                                                       ^^^^
      |
      = hint: to filter on it, use `qualify`
    ");
}

#[test]
fn a_run_stores_no_view_that_nobody_can_read() {
    let project = orders_and(
        "{{ config(materialized='view') }}\nselect id from {{ ref('orders') }} where row_number() over () = 1\n",
    );
    let checked = project.run(&["check", "--select", "revenue"]);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((checked.code, ran.code), (2, 1));
    assert!(ran.stderr.contains("error[E0407]: a window function cannot stand here"), "{ran}");
    assert!(!project.path("warehouse/gold/revenue").exists());
}

#[test]
fn a_column_that_its_reader_leaves_out() {
    for materialized in ["view", "ephemeral"] {
        is_right(&counted(materialized, "select id, exists (select 1) as is_there from {{ ref('orders') }}"));
    }
}

#[test]
fn a_part_that_date_part_does_not_know() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect date_part('dwo', now()) as n\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `dwo` is no part of a date
     --> models/gold/revenue.sql:2:19
      |
    2 | select date_part('dwo', now()) as n
      |                   ^^^
      |
      = hint: did you mean `dow`?
    ");
}

#[test]
fn a_part_that_extract_does_not_know() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect extract(dwo from now()) as n\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `dwo` is no part of a date
     --> models/gold/revenue.sql:2:16
      |
    2 | select extract(dwo from now()) as n
      |                ^^^
      |
      = hint: did you mean `dow`?
    ");
}

#[test]
fn a_part_that_date_trunc_does_not_know() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect\n  id,\n  date_trunc('quater', now()) as quarter\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `quater` is no part of a date
     --> models/gold/revenue.sql:4:15
      |
    4 |   date_trunc('quater', now()) as quarter
      |               ^^^^^^
      |
      = hint: did you mean `quarter`?
    ");
}

#[test]
fn a_part_that_datediff_does_not_know() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect datediff('dya', current_date, current_date) as days\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: `dya` is no part of a date
     --> models/gold/revenue.sql:2:18
      |
    2 | select datediff('dya', current_date, current_date) as days
      |                  ^^^
      |
      = hint: did you mean `day`?
    ");
}

#[test]
fn a_pattern_that_is_none() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect id\nfrom {{ ref('orders') }}\nwhere regexp_like(country, '(')\n",
    );
    transcript!(refused(&project), @r"
    exit: 2
    ----- stderr -----
    error[E0407]: `(` is no regular expression: unclosed group
     --> models/gold/revenue.sql:4:29
      |
    4 | where regexp_like(country, '(')
      |                             ^
      |
      = hint: a sign that stands for itself is written `\(`, or `[(]`
    ");
}

#[test]
fn a_pattern_through_a_macro() {
    let project = orders_and(
        "{{ config(materialized='table') }}\nselect {{ letters('country') }} as letters\nfrom {{ ref('orders') }}\n",
    )
    .file(
        "macros/letters.sql",
        "{% macro letters(column) %}\n  regexp_replace({{ column }}, '[a', '')\n{% endmacro %}\n",
    );
    transcript!(refused(&project), @r"
    exit: 2
    ----- stderr -----
    error[E0407]: `[a` is no regular expression: unclosed character class
     --> macros/letters.sql:2:33
      |
    2 |   regexp_replace({{ column }}, '[a', '')
      |                                 ^^
      |
     ::: models/gold/revenue.sql:2:11
      |
    2 | select {{ letters('country') }} as letters
      |           ------------------ called from here
      |
      = note: rendered, the line is: regexp_replace(country, '[a', '')
      = hint: a sign that stands for itself is written `\(`, or `[(]`
    ");
}

#[test]
fn a_word_that_only_some_rows_come_to() {
    is_right(&orders_and(
        "{{ config(materialized='table') }}\nselect case when id > 5 then date_part('dwo', now()) end as n\nfrom {{ ref('orders') }}\n",
    ));
}

#[test]
fn a_word_that_nobody_asks_for() {
    is_right(&orders_and(
        "{{ config(materialized='table') }}\nwith dated as (select id, date_part('dwo', now()) as n from {{ ref('orders') }})\nselect id from dated\n",
    ));
}

#[test]
fn a_word_of_a_query_without_rows() {
    is_right(&orders_and(
        "{{ config(materialized='table') }}\nselect date_part('dwo', now()) as n\nfrom {{ ref('orders') }}\nwhere false\n",
    ));
}

#[test]
fn what_looks_like_it_and_is_right() {
    is_right(&orders_and(
        "{{ config(materialized='table') }}\nselect\n  o.id,\n  cast(now() - interval '1 day' as date) as yesterday,\n  cast('2026-01-01' as date) + 3 as day,\n  date_trunc('day', now()) as today,\n  date_part('dow', now()) as weekday,\n  regexp_like(country, '^[A-Z]+$') as is_code,\n  lag(amount, 1) over (order by id) as before,\n  (select max(p.amount) from {{ ref('orders') }} as p where p.id = o.id) as most\nfrom {{ ref('orders') }} as o\nwhere exists (select 1 from {{ ref('orders') }} as p where p.id = o.id)\n  and o.id in (select id from {{ ref('orders') }})\n",
    ));
}

/// A query on an empty table, which reads a row of `orders` at most.
fn over_no_rows(selected: &str) -> TestProject {
    orders_and(&format!(
        "{{{{ config(materialized='table') }}}}\nselect {selected} as x\nfrom {{{{ ref('orders') }}}}\nwhere id = -10\n"
    ))
}

#[test]
fn what_no_row_can_pass_is_refused_without_rows() {
    for (selected, told) in [
        ("date_trunc('dya', now())", "`dya` is no part of a date"),
        ("date_trunc(country, now())", "the part of `date_trunc` is one value for all rows, not a column"),
        ("last_day(current_date, 'foo')", "`foo` is no part of a date"),
        ("country ~ '('", "`(` is no regular expression: unclosed group"),
        ("country similar to '['", "`[` is no regular expression: unclosed character class"),
        ("regexp_substr(country, 'a', 0)", "`regexp_substr` counts position and occurrence from 1; found 0 and 1"),
        ("strftime(now(), '%Q')", "`%Q` is no format of a time"),
        ("encode(country, 'foo')", "there is no built-in encoding named 'foo'"),
        ("digest(country, 'foo')", "there is no built-in digest algorithm named 'foo'"),
        ("split_part(country, ',', 0)", "`split_part` counts the parts from 1"),
        ("substr(country, 1, -1)", "the length of `substr` is not below 0"),
        ("array_sort([id], 'foo')", "`array_sort` takes 'ASC' or 'DESC'"),
        ("make_date(2026, 13, 1)", "month value '13' is out of range"),
        ("id / 0", "division by zero"),
        ("9223372036854775807 + 1 - id", "`9223372036854775807 + 1` is beyond the whole numbers of its type"),
        ("- cast(country as timestamp)", "`-` takes a number, not a time"),
        ("ntile(0) over (order by id)", "`ntile` takes the number of parts, from 1"),
        ("lag(amount, 1, 'x') over (order by id)", "cannot cast the string 'x' to double"),
        (
            "sum(id) over (order by id rows between 5 following and 3 preceding)",
            "the frame from `5 following` to `3 preceding` ends before it begins",
        ),
        ("count(distinct id, country)", "`count(distinct ...)` takes one column"),
        ("array_agg(distinct country order by id)", "with `distinct` an aggregate is ordered by its own argument only"),
        ("approx_percentile_cont(amount, 2)", "`2` is no percentile: it is between 0 and 1"),
        ("nth_value(country, 0)", "`nth_value` counts the rows from 1"),
        ("$1", "`$1` stands for a parameter, and nothing gives it a value"),
    ] {
        let told_by_check = refused(&over_no_rows(selected));
        assert!(told_by_check.stderr.contains(told), "{selected}: {told_by_check}");
    }
}

#[test]
fn constants_that_functions_take() {
    is_right(&over_no_rows(
        "encode(country, 'hex') || split_part(country, ',', 1) || strftime(now(), '%Y-%m') || substr(country, 1, 2)",
    ));
    is_right(&orders_and(
        "{{ config(materialized='table') }}\nselect\n  id,\n  last_day(current_date, 'month') as day,\n  make_date(2024, 2, 29) as leap,\n  country ~ '^[A-Z]' as is_code,\n  case when id = 0 then 0 else 1 / id end as part,\n  sum(id) over (order by id rows between 3 following and 5 following) as later,\n  sum(id) over (order by id rows between 5 preceding and 3 preceding) as before,\n  ntile(2) over (order by id) as half\nfrom {{ ref('orders') }}\norder by id\nlimit 10\n",
    ));
}

#[test]
fn queries_of_a_shape_that_is_not_read() {
    for (sql, told) in [
        ("select id into other from {{ ref('orders') }}", "`select ... into` makes no table here"),
        ("from {{ ref('orders') }}", "this query selects nothing"),
        ("select id from {{ ref('orders') }} where id = ?", "`?` stands for a parameter"),
        ("select id from {{ ref('orders') }} where id in (values (1))", "`in (...)` takes values, or a `select`"),
        ("select id from {{ ref('orders') }} limit -1", "`limit` takes a number of rows, from 0"),
        (
            "select id from {{ ref('orders') }} union all select id from {{ ref('orders') }} order by amount",
            "`orders` has no column `amount`",
        ),
    ] {
        let told_by_check = refused(&orders_and(&format!("{{{{ config(materialized='table') }}}}\n{sql}\n")));
        assert!(told_by_check.stderr.contains(told), "{sql}: {told_by_check}");
    }
}

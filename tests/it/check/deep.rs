//! Queries that loops have made deep: what is too deep is told with its place, by `check` and by runs, and nothing ends the
//! program.

use std::fmt::Write as _;

use super::{check, is_right, refused};
use crate::mistakes::orders_and;
use crate::transcript;

/// `count` of a text, one after the other.
fn times(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

fn nested(count: usize, open: &str, inner: &str, close: &str) -> String {
    format!("select {}{inner}{} as x\nfrom {{{{ ref('orders') }}}}\n", open.repeat(count), close.repeat(count))
}

#[test]
fn many_terms_of_a_condition() {
    let sql = "select id\nfrom {{ ref('orders') }}\nwhere {% for n in range(12000) %}id = {{ n }}{% if not loop.last %} or {% endif %}{% endfor %}\n";
    transcript!(refused(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0401]: 12000 terms in one expression are more than can be planned
     --> models/gold/revenue.sql:3:34
      |
    3 | where {% for n in range(12000) %}id = {{ n }}{% if not loop.last %} or {% endif %}{% endfor %}
      |                                  ^^^^^^^^^
      |
      = hint: write `in (...)` or `not in (...)`, or join a table of the values
    ");
}

#[test]
fn many_terms_of_a_sum() {
    let sql = "select {% for n in range(20000) %}id{% if not loop.last %} + {% endif %}{% endfor %} as x\nfrom {{ ref('orders') }}\n";
    transcript!(refused(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0401]: 20000 terms in one expression are more than can be planned
     --> models/gold/revenue.sql:1:35
      |
    1 | select {% for n in range(20000) %}id{% if not loop.last %} + {% endif %}{% endfor %} as x
      |                                   ^^
      |
      = hint: compute it in parts, each in a `with`, or sum up rows instead of terms
    ");
}

#[test]
fn a_sum_that_is_planned() {
    let project = orders_and(&format!(
        "{{{{ config(materialized='table') }}}}\nselect id{} as x\nfrom {{{{ ref('orders') }}}}\n",
        times(800, |n| [" + id", " - id", " + id * 2"][n % 3].to_owned())
    ));
    is_right(&project);
    assert_eq!(project.value("select x from gold.revenue"), 533);
}

#[test]
fn conditions_that_are_planned() {
    let sql =
        format!("select id\nfrom {{{{ ref('orders') }}}}\nwhere id = 0{}\n", times(1000, |n| format!(" or id = {n}")));
    is_right(&orders_and(&sql));
}

#[test]
fn a_long_list_of_values() {
    let sql = format!(
        "{{{{ config(materialized='table') }}}}\nselect id\nfrom {{{{ ref('orders') }}}}\nwhere id in (0{})\n",
        times(40_000, |n| format!(", {n}"))
    );
    is_right(&orders_and(&sql));
}

#[test]
fn a_list_that_is_too_long() {
    let sql = "select id\nfrom {{ ref('orders') }}\nwhere id in (0{% for n in range(100000) %}, {{ n }}{% endfor %})\n";
    transcript!(refused(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0401]: 100001 values in one `in (...)` are more than can be planned
     --> models/gold/revenue.sql:3:7
      |
    3 | where id in (0{% for n in range(100000) %}, {{ n }}{% endfor %})
      |       ^^
      |
      = hint: put them into a seed or a model, and write `in (select ...)`
    ");
}

#[test]
fn many_branches_of_a_union() {
    let sql =
        "{% for n in range(5000) %}{% if not loop.first %}union all {% endif %}select {{ n }} as id\n{% endfor %}";
    transcript!(refused(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0401]: 5000 queries in one `union` are more than can be planned
     --> models/gold/revenue.sql:1:71
      |
    1 | {% for n in range(5000) %}{% if not loop.first %}union all {% endif %}select {{ n }} as id
      |                                                                       ^^^^^^
      |
      = note: rendered, the line is: select 0 as id
      = hint: rows of constants are `values (...), (...)`, or a seed
    ");
}

#[test]
fn cases_within_each_other() {
    transcript!(refused(&orders_and(&nested(100, "case when id = 1 then 1 else ", "0", " end"))), @"
    exit: 2
    ----- stderr -----
    error[E0401]: SQL syntax: the query is nested too deeply
     --> models/gold/revenue.sql:1:2879
      |
    1 | ...when id = 1 then 1 else case when id = 1 then 1 else case when id = 1 then 1 else 0 end end end end end end en...
      |                                                         ^^^^
      |
      = hint: give the inner parts names of their own, each in a `with`
    ");
}

#[test]
fn brackets_without_an_end() {
    let sql = format!("select\n  {}id as x\nfrom {{{{ ref('orders') }}}}\n", "floor(".repeat(24));
    transcript!(refused(&orders_and(&sql)), @"
    exit: 2
    ----- stderr -----
    error[E0401]: SQL syntax: 24 brackets are never closed
     --> models/gold/revenue.sql:2:146
      |
    2 | ...(floor(floor(floor(floor(floor(floor(floor(floor(floor(id as x
      |                                                          ^
      |
      = hint: close this one, and those before it
    ");
}

/// The parser would try two ways at each of them.
#[test]
fn casts_and_nots_within_each_other() {
    for (open, close) in [("cast(", " as int)"), ("not (", ")")] {
        let told = refused(&orders_and(&nested(48, open, "id", close))).to_string();
        assert!(told.contains("error[E0401]: SQL syntax: the query is nested too deeply"), "{told}");
    }
}

#[test]
fn brackets_within_each_other() {
    transcript!(refused(&orders_and(&nested(60, "(", "id", ")"))), @"
    exit: 2
    ----- stderr -----
    error[E0401]: SQL syntax: the query is nested too deeply
     --> models/gold/revenue.sql:1:67
      |
    1 | select ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((id))))))))))))))))))))))))))))))))))))))))))))...
      |                                                                   ^
      |
      = hint: give the inner parts names of their own, each in a `with`
    ");
}

#[test]
fn a_mistake_in_brackets_within_each_other() {
    transcript!(check(&orders_and(&nested(30, "(", "id id", ")"))), @"
    exit: 2
    ----- stderr -----
    error[E0401]: SQL syntax: expected `)`, found `id`
     --> models/gold/revenue.sql:1:41
      |
    1 | select ((((((((((((((((((((((((((((((id id)))))))))))))))))))))))))))))) as x
      |                                         ^^
    ");
}

#[test]
fn many_queries_of_a_with() {
    let mut sql = "with q0 as (select id from {{ ref('orders') }})".to_owned();
    for n in 1..400 {
        let _ = write!(sql, ",\nq{n} as (select id from q{})", n - 1);
    }
    is_right(&orders_and(&format!("{sql}\nselect id from q399\n")));
}

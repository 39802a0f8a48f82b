//! What queries answer where an optimizer could change it.

use serde_json::{Value, json};

use crate::project::TestProject;

/// A table of three columns, of whose two rows one has a divisor of zero and a text that is no number.
fn project() -> TestProject {
    TestProject::new().file(
        "models/bronze/t.sql",
        "{{ config(materialized='table') }}\n\
         select * from (values (1, 0, 3, 'none'), (4, 2, 6, '7')) as t(a, b, c, d)\n",
    )
}

#[test]
fn what_is_selected_is_computed_only_of_rows_the_condition_lets_through() {
    let mut project = project();
    let queries = [
        "select b, (a + c) / b as q from {{ ref('t') }} where b <> 0",
        "select b, (a + c) / b as q from {{ ref('t') }} where b <> 0 order by q limit 1",
        "select b, 5 * q as q from (select b, (a + c) / b as q from {{ ref('t') }} where b <> 0) as t where b < 9",
        "with t as (select * from {{ ref('t') }} union all select * from {{ ref('t') }}) \
         select distinct b, (a + c) / b as q from t where b <> 0",
        "select b, cast(d as bigint) as q from {{ ref('t') }} where b <> 0 and a + c > 0",
        "select t.b, (t.a + t.c) / t.b as q from {{ ref('t') }} as t inner join {{ ref('t') }} as u on u.b = t.b \
         where t.b <> 0 and t.a + u.a > t.b",
    ];
    for (at, query) in queries.iter().enumerate() {
        project = project
            .file(&format!("models/gold/q{at}.sql"), &format!("{{{{ config(materialized='table') }}}}\n{query}\n"));
    }
    project.ok(&["run"]);
    let answers =
        (0..queries.len()).map(|at| Value::from(project.rows(&format!("select b, q from {{{{ ref('q{at}') }}}}"))));
    let expected = [5, 5, 25, 5, 7, 5].map(|q| json!([{"b": 2, "q": q}]));
    assert_eq!(answers.collect::<Vec<_>>(), expected);
}

#[test]
fn a_filter_stands_below_what_is_computed_and_gives_no_column_more() {
    let project = project()
        .file("models/gold/q.sql", "select b, (a + c) / b as q from {{ ref('t') }} where d <> 'none' and b > 0\n");
    project.ok(&["run"]);
    let operators = project.ok(&["explain", "q"]).stdout;
    let lines: Vec<_> =
        operators.lines().filter(|line| line.contains("FilterExec") || line.contains(" as q]")).collect();
    assert_eq!(lines.len(), 2, "{operators}");
    assert!(lines[0].contains("ProjectionExec: expr=[b@0 as b, checked_add(a@1, c@2) / b@0 as q]"), "{operators}");
    assert!(lines[1].ends_with("FilterExec: d@3 != none AND b@1 > 0, projection=[b@1, a@0, c@2]"), "{operators}");
}

#[test]
fn no_row_is_lost_where_tables_share_the_names_of_columns() {
    // All `t.b` are 1000 and more, `u.b` and `d.id` are small: a filter of the one on the other leaves nothing.
    let kept = "from {{ ref('t') }} as t left join {{ ref('u') }} as u on t.k = u.k where u.c is null or u.c > t.c";
    let queries = [
        format!(
            "select x.s from (select t.b + t.x + u.x as s, u.b as ub, t.c as tc, u.c as uc {kept}) as x inner join {{{{ ref('d') }}}} as d on d.id = x.ub"
        ),
        format!(
            "select x.s from (select t.b + t.x + u.x as s, u.b as ub {kept}) as x inner join {{{{ ref('d') }}}} as d on d.id = x.ub"
        ),
        format!(
            "select x.b from (select t.*, u.b as ub, u.c as uc {kept}) as x inner join {{{{ ref('d') }}}} as d on d.id = x.ub"
        ),
        format!(
            "select x.s from (select t.x + u.x as s, u.b as ub {kept}) as x where x.ub <= 5 order by x.ub, x.s limit 11112"
        ),
    ];
    let mut project = TestProject::new();
    for (name, query) in [
        ("t", "select value as k, 1000 + value % 7 as b, value as x, value % 50 as c from generate_series(1, 20000)"),
        ("u", "select value as k, value % 9 + 1 as b, value as x, value % 50 + 1 as c from generate_series(1, 20000)"),
        ("d", "select value as id from generate_series(1, 5)"),
    ] {
        project = project
            .file(&format!("models/bronze/{name}.sql"), &format!("{{{{ config(materialized='table') }}}}\n{query}\n"));
    }
    for (at, query) in queries.iter().enumerate() {
        project = project
            .file(&format!("models/gold/q{at}.sql"), &format!("{{{{ config(materialized='table') }}}}\n{query}\n"));
    }
    project.ok(&["run"]);
    let rows =
        (0..queries.len()).map(|at| project.value(&format!("select count(*) as rows from {{{{ ref('q{at}') }}}}")));
    assert_eq!(rows.collect::<Vec<_>>(), [json!(11112), json!(11112), json!(11112), json!(11112)]);
}

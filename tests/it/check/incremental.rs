//! Incremental models: what they say of their own table, and whether their rows still fit it.

use super::{check, is_right, refused};
use crate::mistakes::{orders_and, revenue};
use crate::project::TestProject;
use crate::transcript;

const REVENUE: &str = "models/gold/revenue.sql";

/// `gold.revenue`, built, then written anew.
fn changed(before: &str, after: &str) -> TestProject {
    let project = revenue(before);
    project.ok(&["run"]);
    project.write(REVENUE, after);
    project
}

#[test]
fn a_column_that_became_text() {
    let sql = |id: &str| format!("{{{{ config(materialized='incremental') }}}}\nselect {id} as id\n");
    transcript!(check(&changed(&sql("1"), &sql("'one'"))), @"
    exit: 2
    ----- stderr -----
    error[E0602]: column `id` of `gold.revenue` is bigint in the table and now a string
     --> models/gold/revenue.sql:2:17
      |
    2 | select 'one' as id
      |                 ^^
      |
      = hint: cast it, set on_schema_change='sync_all_columns', or run with --full-refresh
    ");
}

#[test]
fn a_column_that_became_text_above() {
    let project = orders_and("{{ config(materialized='incremental') }}\nselect id, amount\nfrom {{ ref('orders') }}\n");
    project.ok(&["run"]);
    project.write("models/silver/orders.sql", "{{ config(materialized='table') }}\nselect 1 as id, '12' as amount\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0602]: column `amount` of `gold.revenue` is double in the table and now a string
     --> models/gold/revenue.sql:2:12
      |
    2 | select id, amount
      |            ^^^^^^
      |
      = hint: cast it, set on_schema_change='sync_all_columns', or run with --full-refresh
    ");
}

#[test]
fn columns_that_must_not_change() {
    let sql = |columns: &str| {
        format!("{{{{ config(materialized='incremental', on_schema_change='fail') }}}}\nselect {columns}\n")
    };
    transcript!(check(&changed(&sql("1 as id, 2 as n"), &sql("1 as id, 'x' as name"))), @"
    exit: 2
    ----- stderr -----
    error[E0602]: the columns of `gold.revenue` changed: `name` is new, `n` is gone
     --> models/gold/revenue.sql:2:24
      |
    2 | select 1 as id, 'x' as name
      |                        ^^^^
      |
      = hint: on_schema_change is `fail`; run with --full-refresh to rebuild the table
    ");
}

#[test]
fn a_column_that_the_table_below_does_not_take_over() {
    let project = revenue("select id\nfrom {{ ref('daily') }}\n")
        .file("models/silver/daily.sql", "{{ config(materialized='incremental') }}\nselect 1 as id\n");
    project.ok(&["run"]);
    project.write("models/silver/daily.sql", "{{ config(materialized='incremental') }}\nselect 1 as id, 2 as total\n");
    project.write(REVENUE, "select total\nfrom {{ ref('daily') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `total`
     --> models/gold/revenue.sql:1:8
      |
    1 | select total
      |        ^^^^^
      |
      = note: there is only `id`

    warning[E0602]: the table of `silver.daily` leaves out `total`
     --> models/silver/daily.sql:2:22
      |
    2 | select 1 as id, 2 as total
      |                      ^^^^^
      |
      = note: it was built with other columns, and nothing says what is to become of them
      = hint: set on_schema_change='append_new_columns', or 'ignore' if it is meant so
    ");
    assert_eq!(project.run(&["run", "--quiet"]).code, 1);
}

#[test]
fn a_column_that_the_table_takes_over() {
    let sql = |columns: &str| {
        format!(
            "{{{{ config(materialized='incremental', on_schema_change='append_new_columns') }}}}\nselect {columns}\n"
        )
    };
    let project = revenue("select id\nfrom {{ ref('daily') }}\n").file("models/silver/daily.sql", &sql("1 as id"));
    project.ok(&["run"]);
    project.write("models/silver/daily.sql", sql("1 as id, 2 as total"));
    project.write(REVENUE, "select total\nfrom {{ ref('daily') }}\n");
    is_right(&project);
}

#[test]
fn only_the_branch_of_later_runs() {
    let project = orders_and(
        "{{ config(materialized='incremental') }}\nselect id, amount\nfrom {{ ref('orders') }}\n{% if is_incremental() %}\nwhere id > (select max(idd) from {{ this }})\n{% endif %}\n",
    );
    project.ok(&["run"]);
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:5:24
      |
    5 | where id > (select max(idd) from {{ this }})
      |                        ^^^
      |
      = note: this is its SQL once its table is there, where `is_incremental()` is true
      = hint: did you mean `id`?
    ");
}

#[test]
fn only_the_branch_of_later_runs_before_there_is_a_table() {
    let project = orders_and(
        "{{ config(materialized='incremental') }}\nselect id\nfrom {{ ref('orders') }}\n{% if is_incremental() %}\nwhere id > (select max(amount) from {{ this }}) and contry = 'DE'\n{% endif %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: this subquery reads the query around it in a way that cannot be made a join
     --> models/gold/revenue.sql:5:12
      |
    5 | where id > (select max(amount) from {{ this }}) and contry = 'DE'
      |            ^^^^^^^
      |
      = note: this is its SQL once its table is there, where `is_incremental()` is true
      = hint: compute its value for all rows in a `with`, and join that

    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:5:53
      |
    5 | where id > (select max(amount) from {{ this }}) and contry = 'DE'
      |                                                     ^^^^^^
      |
      = note: this is its SQL once its table is there, where `is_incremental()` is true
      = hint: did you mean `country`?
    ");
}

#[test]
fn only_the_branch_of_the_first_run() {
    let project = orders_and(
        "{{ config(materialized='incremental') }}\n{% if is_incremental() %}\nselect id from {{ ref('orders') }}\n{% else %}\nselect idd from {{ ref('orders') }}\n{% endif %}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:5:8
      |
    5 | select idd from {{ ref('orders') }}
      |        ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn both_branches_are_told_once() {
    transcript!(
        check(&orders_and("{{ config(materialized='incremental') }}\nselect amont\nfrom {{ ref('orders') }}\n{% if is_incremental() %}\nwhere id > 5\n{% endif %}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> models/gold/revenue.sql:2:8
      |
    2 | select amont
      |        ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_branch_that_a_macro_writes() {
    let project = orders_and(
        "{{ config(materialized='incremental') }}\nselect id, amount\nfrom {{ ref('orders') }}\n{{ newer_by('idd') }}\n",
    )
    .file(
        "macros/newer.sql",
        "{% macro newer_by(column) %}\n{% if is_incremental() %}\nwhere {{ column }} > (select max({{ column }}) from {{ this }})\n{% endif %}\n{% endmacro %}\n",
    );
    transcript!(check(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:4:14
      |
    4 | {{ newer_by('idd') }}
      |              ^^^
      |
      = note: rendered, the line is: where idd > (select max(idd) from "gold"."revenue")
      = note: this is its SQL once its table is there, where `is_incremental()` is true
      = hint: did you mean `id`?
    "#);
}

#[test]
fn a_key_that_is_not_selected() {
    let sql = "{{ config(materialized='incremental', unique_key=['id', 'contry']) }}\nselect id, country\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `unique_key` names `contry`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:1:58
      |
    1 | {{ config(materialized='incremental', unique_key=['id', 'contry']) }}
      |                                                          ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_column_to_update_that_is_not_selected() {
    let sql = "{{ config(\n    materialized='incremental',\n    unique_key='id',\n    merge_update_columns=['amont'],\n) }}\nselect id, amount\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `merge_update_columns` names `amont`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:4:28
      |
    4 |     merge_update_columns=['amont'],
      |                            ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_model_that_is_always_rebuilt_fits_any_table() {
    let sql =
        |id: &str| format!("{{{{ config(materialized='incremental', full_refresh=true) }}}}\nselect {id} as id\n");
    is_right(&changed(&sql("1"), &sql("'one'")));
}

#[test]
fn a_condition_of_a_merge() {
    let project = orders_and(
        "{{ config(materialized='incremental', unique_key='id', incremental_predicates=[\"contry = 'DE'\"]) }}\nselect id, country, amount\nfrom {{ ref('orders') }}\n",
    );
    project.ok(&["run"]);
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:1:81
      |
    1 | {{ config(materialized='incremental', unique_key='id', incremental_predicates=["contry = 'DE'"]) }}
      |                                                                                 ^^^^^^
      |
      = hint: did you mean `country`?
    "#);
}

#[test]
fn a_condition_of_a_delete() {
    let project = orders_and(
        "{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id', incremental_predicates=[\"DBT_INTERNAL_DEST.contry = 'DE'\"]) }}\nselect id, country, amount\nfrom {{ ref('orders') }}\n",
    );
    project.ok(&["run"]);
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0403]: `DBT_INTERNAL_DEST` has no column `contry`
     --> models/gold/revenue.sql:1:137
      |
    1 | ...ey='id', incremental_predicates=["DBT_INTERNAL_DEST.contry = 'DE'"]) }}
      |                                                        ^^^^^^
      |
      = hint: did you mean `country`?
    "#);
}

#[test]
fn a_column_of_replace_where() {
    let project = orders_and(
        "{{ config(materialized='incremental', incremental_strategy='replace_where', replace_where=\"dya >= '2026-01-02'\") }}\nselect current_date as day, id\nfrom {{ ref('orders') }}\n",
    );
    project.ok(&["run"]);
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `dya`
     --> models/gold/revenue.sql:1:92
      |
    1 | {{ config(materialized='incremental', incremental_strategy='replace_where', replace_where="dya >= '2026-01-02'") }}
      |                                                                                            ^^^
      |
      = hint: did you mean `day`?
    "#);
}

#[test]
fn conditions_that_are_right() {
    is_right(&orders_and(
        "{{ config(materialized='incremental', unique_key='id', incremental_predicates=[\"DBT_INTERNAL_DEST.amount > 0\"]) }}\nselect id, country, amount\nfrom {{ ref('orders') }}\n",
    ));
}

#[test]
fn a_key_that_the_table_does_not_have() {
    let sql = |key: &str, columns: &str| {
        format!("{{{{ config(materialized='incremental', unique_key='{key}') }}}}\nselect {columns}\n")
    };
    let project = changed(&sql("id", "1 as id"), &sql("number", "1 as id, 2 as number"));
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `unique_key` names `number`, which the table of `gold.revenue` does not have
     --> models/gold/revenue.sql:1:51
      |
    1 | {{ config(materialized='incremental', unique_key='number') }}
      |                                                   ^^^^^^
      |
      = hint: set on_schema_change='append_new_columns', or run with --full-refresh to rebuild the table
    ");
    project.ok(&["run", "--full-refresh"]);
    is_right(&project);
}

#[test]
fn a_column_that_was_renamed() {
    let sql = |columns: &str| format!("{{{{ config(materialized='incremental') }}}}\nselect {columns}\n");
    let project = changed(&sql("1 as id, 'DE' as country"), &sql("1 as id, 'DE' as code"));
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    warning[E0602]: the table of `gold.revenue` leaves out `code`, and gets NULL for `country`
     --> models/gold/revenue.sql:2:25
      |
    2 | select 1 as id, 'DE' as code
      |                         ^^^^
      |
      = note: it was built with other columns, and nothing says what is to become of them
      = hint: set on_schema_change='sync_all_columns', or 'ignore' if it is meant so

    checked 1 model and 0 data tests in [TIME]: 1 warning
    ");
}

#[test]
fn a_column_that_is_left_out_on_purpose() {
    let sql = |columns: &str| {
        format!("{{{{ config(materialized='incremental', on_schema_change='ignore') }}}}\nselect {columns}\n")
    };
    is_right(&changed(&sql("1 as id"), &sql("1 as id, 'DE' as code")));
}

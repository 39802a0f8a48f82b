//! Mistakes of incremental models, in their config and in the rows that come.

use super::revenue;
use crate::project::TestProject;
use crate::transcript;

#[test]
fn a_merge_without_a_key() {
    let project = revenue("{{ config(materialized='incremental', incremental_strategy='merge') }}\nselect 1 as id\n");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `revenue` is incremental by `merge` and has no `unique_key`
     --> models/gold/revenue.sql:1:4
      |
    1 | {{ config(materialized='incremental', incremental_strategy='merge') }}
      |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: name the columns that identify a row: unique_key='id', or use incremental_strategy='append'
    ");
}

#[test]
fn an_overwrite_of_nothing() {
    let project =
        revenue("{{ config(materialized='incremental', incremental_strategy='insert_overwrite') }}\nselect 1 as id\n");
    transcript!(project.run(&["run"]), @r#"
    exit: 2
    ----- stderr -----
    error[E0103]: `revenue` is incremental by `insert_overwrite` and says not what to overwrite
     --> models/gold/revenue.sql:1:4
      |
    1 | {{ config(materialized='incremental', incremental_strategy='insert_overwrite') }}
      |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: set partition_by='date', or replace_where="date >= '2026-01-01'"
    "#);
}

#[test]
fn an_unknown_strategy() {
    let project = revenue(
        "{{ config(\n    materialized='incremental',\n    unique_key='id',\n    incremental_strategy='upsert',\n) }}\nselect 1 as id\n",
    );
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `incremental_strategy` of `revenue` is `append`, `merge`, `delete+insert`, `insert_overwrite` or `replace_where`, not `upsert`
     --> models/gold/revenue.sql:4:27
      |
    4 |     incremental_strategy='upsert',
      |                           ^^^^^^
    ");
}

#[test]
fn a_key_that_the_model_does_not_select() {
    let project = revenue("{{ config(materialized='incremental', unique_key='order_id') }}\nselect 1 as id\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: `unique_key` names `order_id`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:1:51
      |
    1 | {{ config(materialized='incremental', unique_key='order_id') }}
      |                                                   ^^^^^^^^
      |
      = note: there is only `id`
    ");
}

#[test]
fn a_partition_that_the_model_does_not_select() {
    let project =
        revenue("{{ config(materialized='table', partition_by='dya') }}\nselect 1 as id, date '2026-01-01' as day\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: `partition_by` names `dya`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:1:47
      |
    1 | {{ config(materialized='table', partition_by='dya') }}
      |                                               ^^^
      |
      = hint: did you mean `day`?
    ");
}

#[test]
fn several_rows_of_one_key() {
    let project = revenue("{{ config(materialized='incremental', unique_key='id') }}\nselect 1 as id, 'a' as name\n");
    project.ok(&["run"]);
    project.write(
        "models/gold/revenue.sql",
        "{{ config(materialized='incremental', unique_key='id') }}\nselect * from (values (1, 'a'), (1, 'b'), (2, 'c')) as rows (id, name)\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0603]: several rows for one key of `gold.revenue`: id = 1 has 2 rows
    --> models/gold/revenue.sql
     = hint: keep one row for each `id`: qualify row_number() over (partition by id order by ...) = 1
    ");
    assert_eq!(project.value("select count(*) from {{ ref('revenue') }}"), 1);
}

#[test]
fn several_rows_of_one_key_of_two_columns() {
    let project = revenue(
        "{{ config(materialized='incremental', unique_key=['id', 'name']) }}\nselect 1 as id, 'a' as name, 1 as n\n",
    );
    project.ok(&["run"]);
    project.write(
        "models/gold/revenue.sql",
        "{{ config(materialized='incremental', unique_key=['id', 'name']) }}\nselect * from (values (1, 'a', 1), (1, 'a', 2)) as rows (id, name, n)\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0603]: several rows for one key of `gold.revenue`: id = 1, name = a has 2 rows
    --> models/gold/revenue.sql
     = hint: keep one row for each `id, name`: qualify row_number() over (partition by id, name order by ...) = 1
    ");
}

#[test]
fn columns_that_changed_though_they_must_not() {
    let project =
        revenue("{{ config(materialized='incremental', on_schema_change='fail') }}\nselect 1 as id, 2 as n\n");
    project.ok(&["run"]);
    project.write(
        "models/gold/revenue.sql",
        "{{ config(materialized='incremental', on_schema_change='fail') }}\nselect 1 as id, 'x' as name\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
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
fn a_column_that_became_text() {
    let project = revenue("{{ config(materialized='incremental') }}\nselect 1 as id\n");
    project.ok(&["run"]);
    project.write("models/gold/revenue.sql", "{{ config(materialized='incremental') }}\nselect 'one' as id\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
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
fn new_rows_outside_of_what_they_replace() {
    let sql = |day: &str| {
        format!(
            "{{{{ config(\n    materialized='incremental',\n    incremental_strategy='replace_where',\n    replace_where=\"day >= '2026-01-02'\",\n) }}}}\nselect date '{day}' as day\n"
        )
    };
    let project = revenue(&sql("2026-01-02"));
    project.ok(&["run"]);
    project.write("models/gold/revenue.sql", sql("2026-01-01"));
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0605]: 1 new row of `gold.revenue` outside of what `replace_where` replaces
    --> models/gold/revenue.sql
     = note: it replaces: day >= '2026-01-02'
     = hint: select only rows that the predicate covers
    ");
}

#[test]
fn an_unknown_column_in_replace_where() {
    let project = revenue(
        "{{ config(\n    materialized='incremental',\n    incremental_strategy='replace_where',\n    replace_where=\"dya >= '2026-01-02'\",\n) }}\nselect date '2026-01-02' as day\n",
    );
    project.ok(&["run"]);
    transcript!(project.run(&["run", "--quiet"]), @r#"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `dya`
     --> models/gold/revenue.sql:4:20
      |
    4 |     replace_where="dya >= '2026-01-02'",
      |                    ^^^
      |
      = hint: did you mean `day`?
    "#);
}

#[test]
fn an_unknown_column_in_this() {
    let project = TestProject::new().file(
        "models/gold/revenue.sql",
        "{{ config(materialized='incremental') }}\nselect 1 as id\n{% if is_incremental() %}\nwhere 1 > (select max(idd) from {{ this }})\n{% endif %}\n",
    );
    project.ok(&["run"]);
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:4:23
      |
    4 | where 1 > (select max(idd) from {{ this }})
      |                       ^^^
      |
      = hint: did you mean `id`?
    ");
}

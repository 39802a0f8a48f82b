//! Templates that ask the warehouse.

use super::compiled;
use crate::project::TestProject;
use crate::transcript;

/// `silver.kinds` is built; `gold.a` is the given template.
fn with_kinds(template: &str) -> TestProject {
    let project = TestProject::new()
        .file(
            "models/silver/kinds.sql",
            "{{ config(materialized='table') }}\nselect * from (values (1, 'push'), (2, 'fork')) as rows (id, kind)\n",
        )
        .file("models/gold/a.sql", template);
    project.ok(&["run", "--select", "kinds"]);
    project
}

#[test]
fn rows_of_a_query_become_columns() {
    let template = "{% set rows = run_query('select kind from ' ~ ref('kinds') ~ ' order by kind') %}
{% if execute %}
select
  {%- for row in rows.rows %}
  sum(case when kind = '{{ row.kind }}' then 1 else 0 end) as {{ row['kind'] }}{{ ',' if not loop.last }}
  {%- endfor %}
from {{ ref('kinds') }}
{% endif %}
";
    let project = with_kinds(template);
    insta::assert_snapshot!(compiled(&project), @r#"
    select
      sum(case when kind = 'fork' then 1 else 0 end) as fork,
      sum(case when kind = 'push' then 1 else 0 end) as push
    from "silver"."kinds"
    "#);
    project.ok(&["run"]);
    assert_eq!(project.value("select fork + push from {{ ref('a') }}"), 2);
}

#[test]
fn a_query_has_columns_and_values() {
    let template = "{% set found = run_query('select id, kind from ' ~ ref('kinds') ~ ' order by id') %}
{%- if execute %}{{ found.column_names }} {{ found.columns[1].values() }} {{ found.rows | length }} {{ found.columns['id'].values()[0] }}{% endif %}";
    insta::assert_snapshot!(compiled(&with_kinds(template)), @"['id', 'kind'] ['push', 'fork'] 2 1");
}

#[test]
fn a_statement_keeps_its_result() {
    let template =
        "{% call statement('kinds', fetch_result=true) %}select max(id) as most from {{ ref('kinds') }}{% endcall %}
{%- if execute %}select {{ load_result('kinds')['data'][0][0] }} as most{% endif %}";
    insta::assert_snapshot!(compiled(&with_kinds(template)), @"select 2 as most");
}

#[test]
fn before_the_run_nothing_is_asked() {
    let template = "{% set rows = run_query('select nonsense from nowhere') %}select 1 as id";
    let project = TestProject::new().file("models/gold/a.sql", template);
    insta::assert_snapshot!(project.ok(&["ls"]).stdout, @"shop.gold.a");
}

#[test]
fn a_relation_can_be_looked_up() {
    let template = "{% set kinds = ref('kinds') %}{% set there = adapter.get_relation(database=none, schema='silver', identifier='kinds') %}
{%- set not_there = adapter.get_relation(database=none, schema='silver', identifier='nothing') %}
{%- if execute %}{{ there }} {{ there.type }} {{ not_there is none }}
{%- for column in adapter.get_columns_in_relation(kinds) %} {{ column.name }}:{{ column.data_type }}{% endfor %}{% endif %}";
    insta::assert_snapshot!(compiled(&with_kinds(template)), @r#""silver"."kinds" table True id:bigint kind:a string"#);
}

#[test]
fn a_query_that_fails_is_shown_where_it_is_asked() {
    let project = with_kinds("{% set rows = run_query('select knid from ' ~ ref('kinds')) %}\nselect 1 as id\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0202]: `run_query` failed: no column named `knid`
     --> models/gold/a.sql:1:15
      |
    1 | {% set rows = run_query('select knid from ' ~ ref('kinds')) %}
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

//! Queries that run while a template renders.

use super::*;

fn world() -> World {
    let column = |name: &str, data_type: &str| (name.to_owned(), data_type.to_owned());
    let columns = vec![column("status", "Utf8"), column("count", "Int64"), column("day", "Date32")];
    let rows =
        vec![vec![json!("new"), json!(2), json!("2026-01-31")], vec![json!("old"), json!(null), json!("2026-02-01")]];
    World { rows: QueryRows { columns, rows }, ..World::default() }
}

#[test]
fn a_query_s_rows_are_read_as_in_dbt() {
    let project = Project::new(
        "{% set t = run_query('select 1') %}{{ t.columns[0].values() }} {{ t.columns['count'].values() }} {{ t.column_names }} \
         {{ t.rows | length }} {% for row in t.rows %}{{ row[0] }}={{ row['count'] }}/{{ row.status }};{% endfor %} \
         {{ t.columns | map(attribute='name') | join(',') }} {{ t.rows[0].values() }} {{ t.columns[0][1] }} {{ t.columns[2].values()[0].year }} \
         {% for a, b, c in t.rows %}{{ a }}{{ c }} {% endfor %}",
    );
    assert_eq!(
        project.world(world()).compile(),
        "['new', 'old'] [2, None] ['status', 'count', 'day'] 2 new=2/new;old=None/old; status,count,day \
         ['new', 2, 2026-01-31] old 2026 new2026-01-31 old2026-02-01 "
    );
}

#[test]
fn a_statement_is_loaded_by_name() {
    let project = Project::new(
        "{% call statement('days', fetch_result=true) %}select day from {{ ref('a') }}{% endcall %}\
         {% set result = load_result('days') %}{{ result['data'][0][0] }} {{ result.table.columns[0].values() | join(',') }} \
         {{ result.response.rows_affected }} {{ load_result('other') }}",
    )
    .world(world());
    assert_eq!(project.compile(), "new new,old 2 None");
    assert_eq!(project.said(), ["query: select day from \"gold\".\"a\""]);
    assert_eq!(project.extract().refs.len(), 1);
}

#[test]
fn a_table_prints_itself() {
    let project = Project::new("{% do run_query('x').print_table() %}").world(world());
    assert_eq!(project.compile(), "");
    assert_eq!(
        project.said()[1],
        "info: | status | count | day        |\n| ------ | ----- | ---------- |\n| new    | 2     | 2026-01-31 |\n| old    | None  | 2026-02-01 |\n"
    );
}

//! The names every template knows.

use super::{compile, compiled};
use crate::project::TestProject;
use crate::transcript;

const SOURCE: &str = "
sources:
  - name: shop
    tables:
      - name: orders
        files: {path: 'data/*.ndjson'}
        format: ndjson
        columns: [{name: id, type: bigint}]
";

#[test]
fn refs_and_sources_become_names_of_tables() {
    let project = TestProject::new()
        .file("sources.yaml", SOURCE)
        .file("models/silver/orders.sql", "select 1 as id")
        .file("seeds/countries.csv", "code\nDE\n")
        .file(
            "models/gold/a.sql",
            "select * from {{ ref('orders') }}, {{ ref('shop', 'orders') }}, {{ ref(\"countries\") }}, {{ source('shop', 'orders') }}",
        );
    insta::assert_snapshot!(compiled(&project), @r#"select * from "silver"."orders", "silver"."orders", "seeds"."countries", "source"."shop"."orders""#);
}

#[test]
fn a_ref_knows_its_parts() {
    let template =
        "{% set orders = ref('orders') %}{{ orders.schema }} {{ orders.identifier }} {{ orders.name }} {{ orders }}";
    let project =
        TestProject::new().file("models/silver/orders.sql", "select 1 as id").file("models/gold/a.sql", template);
    insta::assert_snapshot!(compiled(&project), @r#"silver orders orders "silver"."orders""#);
}

#[test]
fn this_is_the_models_own_table() {
    insta::assert_snapshot!(compile("select '{{ this.schema }}', '{{ this.name }}' from {{ this }}"), @r#"select 'gold', 'a' from "gold"."a""#);
}

#[test]
fn a_model_knows_itself_its_target_and_its_config() {
    let template = "{{ config(tags=['x'], meta={'owner': 'ann'}) }}select '{{ model.name }}', '{{ target.name }}', '{{ config.get('meta').owner }}', '{{ config.get('nothing', 'default') }}'";
    insta::assert_snapshot!(compile(template), @"select 'a', 'dev', 'ann', 'default'");
}

#[test]
fn variables_have_types_and_defaults() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\nvars:\n  days: 3\n  names: [a, b]\n  shop: {region: eu}\n")
        .file(
            "models/gold/a.sql",
            "select {{ var('days') + 1 }}, {% for name in var('names') %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}, '{{ var('region', 'us') }}', '{{ var('other', 'us') }}'",
        );
    insta::assert_snapshot!(compiled(&project), @"select 4, 'a', 'b', 'eu', 'us'");
}

#[test]
fn is_incremental_is_true_from_the_second_run_on() {
    let project = TestProject::new().file(
        "models/gold/a.sql",
        "{{ config(materialized='incremental') }}\nselect {% if is_incremental() %}(select max(id) + 1 from {{ this }}){% else %}1{% endif %} as id",
    );
    for _ in 0..3 {
        project.ok(&["run"]);
    }
    assert_eq!(project.rows("select id from {{ ref('a') }} order by id").len(), 3);
    assert_eq!(project.value("select max(id) from {{ ref('a') }}"), 3);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(project.value("select max(id) from {{ ref('a') }}"), 1);
}

#[test]
fn times_and_dates() {
    let template = "{% set day = modules.datetime.date(2026, 1, 31) %}{{ day + modules.datetime.timedelta(days=1) }} {{ day.strftime('%d.%m.%Y') }} {{ modules.datetime.datetime.strptime('2026-02-03', '%Y-%m-%d').isoformat() }}";
    insta::assert_snapshot!(compile(template), @"2026-02-01 31.01.2026 2026-02-03T00:00:00");
    let year = compile("{{ run_started_at.strftime('%Y') }}");
    assert!(year.parse::<u32>().is_ok_and(|year| year > 2000), "{year}");
}

#[test]
fn json_goes_both_ways() {
    let template = "{% set shop = fromjson('{\"name\": \"x\", \"sizes\": [1, 2]}') %}{{ shop.name }} {{ shop.sizes[1] }} {{ tojson({'a': [true, none]}) }}";
    insta::assert_snapshot!(compile(template), @r#"x 2 {"a": [true, null]}"#);
}

#[test]
fn comments_of_sql_do_not_stop_jinja_and_comments_of_jinja_do() {
    let project = TestProject::new().file("models/silver/orders.sql", "select 1 as id").file(
        "models/gold/a.sql",
        "-- {{ 1 + 1 }}\n/* {{ 2 + 2 }} */\n{# {{ nobody }} #}\nselect 1 as id\n-- depends_on: {{ ref('orders') }}",
    );
    insta::assert_snapshot!(compiled(&project), @r#"
    -- 2
    /* 4 */

    select 1 as id
    -- depends_on: "silver"."orders"
    "#);
    insta::assert_snapshot!(project.ok(&["ls", "--quiet", "--select", "+a"]).stdout, @"
    shop.gold.a
    shop.silver.orders
    ");
}

#[test]
fn what_stands_behind_execute_is_known_by_depends_on() {
    let project =
        TestProject::new().file("models/silver/orders.sql", "{{ config(materialized='table') }} select 1 as id").file(
            "models/gold/a.sql",
            "-- depends_on: {{ ref('orders') }}\n{% if execute %}select id from {{ ref('orders') }}{% endif %}",
        );
    project.ok(&["run"]);
    assert_eq!(project.value("select id from {{ ref('a') }}"), 1);
}

#[test]
fn whitespace_is_kept_and_cut_as_written() {
    let template = "select\n{%- for name in ['a', 'b'] %}\n  1 as {{ name }}\n  {%- if not loop.last %},{% endif %}\n{%- endfor %}\n";
    insta::assert_snapshot!(compile(template), @"
    select
      1 as a,
      1 as b
    ");
}

#[test]
fn what_is_logged_is_shown_when_it_is_info() {
    let project = TestProject::new().file(
        "models/gold/a.sql",
        "{{ log('for the user', info=true) }}{{ log('for nobody') }}{{ print('printed') }}select 1 as id",
    );
    transcript!(project.run(&["run", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    1 model on target `dev`, 1 at a time

    1 of 1 START view model gold.a ................................................. [RUN]
    for the user
    printed
    1 of 1 OK view model gold.a .................................................... [view in [TIME]]

    finished 1 model in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
}

#[test]
fn a_warning_of_the_project_does_not_stop_it() {
    let project = TestProject::new().file(
        "models/gold/a.sql",
        "{% if execute %}{{ exceptions.warn('old rows are missing') }}{% endif %}select 1 as id",
    );
    transcript!(project.run(&["run", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    1 model on target `dev`, 1 at a time

    1 of 1 START view model gold.a ................................................. [RUN]
    warning[E0206]: old rows are missing
    --> models/gold/a.sql
    1 of 1 OK view model gold.a .................................................... [view in [TIME]]

    finished 1 model in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
}

#[test]
fn templates_in_the_project_file_and_in_sources() {
    let project = TestProject::empty()
        .file(
            "project.yaml",
            "name: shop\nvars: {folder: data}\ntargets:\n  dev: {warehouse: \"{{ env_var('LAKE', 'lake') }}\"}\n",
        )
        .file("sources.yaml", &SOURCE.replace("data/", "{{ var(\"folder\") }}/"))
        .file("data/orders.ndjson", "{\"id\": 7}\n")
        .file(
            "models/bronze/a.sql",
            "{{ config(materialized='incremental') }} select id from {{ source('shop', 'orders') }}",
        )
        .env("LAKE", "pond");
    project.ok(&["run"]);
    assert!(project.path("pond/bronze/a").is_dir());
    assert_eq!(project.value("select id from {{ ref('a') }}"), 7);
}

#[test]
fn folders_files_and_calls_configure_a_model_in_this_order() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\nmodels:\n  +tags: [all]\n  gold:\n    +materialized: table\n")
        .file(
            "models/models.yml",
            "models:\n  - name: a\n    config: {tags: [file]}\n  - name: b\n    config: {materialized: incremental}\n",
        )
        .file("models/gold/a.sql", "{{ config(tags='call') }} select 1 as id")
        .file("models/gold/b.sql", "{{ config(materialized='view') }} select 1 as id")
        .file("models/silver/c.sql", "select 1 as id");
    let listed = project
        .ok(&["ls", "--quiet", "--output", "json", "--output-keys", "name", "tags", "config.materialized"])
        .stdout;
    insta::assert_snapshot!(listed, @r#"
    {"name":"a","tags":["all","file","call"],"config.materialized":"table"}
    {"name":"b","tags":["all"],"config.materialized":"view"}
    {"name":"c","tags":["all"],"config.materialized":"view"}
    "#);
}

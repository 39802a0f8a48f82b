//! What templates see of the project, and what they may ask.

use super::*;

#[test]
fn the_first_pass_records_calls_with_their_places() {
    let extracted = Project::new(
        "{{ config(materialized='incremental', tags=['a']) }}\n{{ config(tags='b', meta={'x': 1}) }}\n\
         select * from {{ ref('a') }} join {{ ref('shop', 'b') }} join {{ source('raw', 'events') }} join {{ ref('a') }}",
    )
    .extract();
    let spans = |span: &Option<crate::diagnostic::Span>| {
        span.as_ref().map(|span| span.source.text[span.range.clone()].to_owned()).unwrap()
    };
    assert_eq!(
        extracted
            .refs
            .iter()
            .map(|call| (call.package.as_deref(), call.name.as_str(), spans(&call.span)))
            .collect::<Vec<_>>(),
        [
            (None, "a", "ref('a')".to_owned()),
            (Some("shop"), "b", "ref('shop', 'b')".to_owned()),
            (None, "a", "ref('a')".to_owned()),
        ]
    );
    assert_eq!(
        extracted.refs[0]
            .span
            .as_ref()
            .unwrap()
            .source
            .line_column(extracted.refs[0].span.as_ref().unwrap().range.start),
        (3, 18)
    );
    assert_eq!(extracted.sources.len(), 1);
    assert_eq!(spans(&extracted.sources[0].span), "source('raw', 'events')");
    assert_eq!(
        Value::Object(extracted.config.clone()),
        json!({"materialized": "incremental", "tags": ["a", "b"], "meta": {"x": 1}})
    );
    assert_eq!(spans(&extracted.config_span), "config(materialized='incremental', tags=['a'])");
    assert_eq!(spans(&extracted.config_key_span("materialized")), "materialized");
}

#[test]
fn the_first_pass_does_not_execute() {
    let extracted = Project::new(
        "{% if execute %}{{ ref('late') }}{% endif %}{% set rows = run_query('select 1') %}{{ rows.columns[0].values() }}\
         {% for row in rows %}{{ row }}{% endfor %}{{ var('unset') }}{% if is_incremental() %}{{ ref('x') }}{% endif %}{{ ref('a') }}",
    )
    .extract();
    assert_eq!(extracted.refs.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn the_second_pass_resolves_relations() {
    assert_eq!(
        compiled(
            "{{ config(materialized='table') }}select * from {{ ref('a') }}, {{ source('raw', 'events') }}, {{ this }}"
        ),
        "select * from \"gold\".\"a\", \"bronze\".\"raw_events\", \"gold\".\"orders\""
    );
    assert_eq!(
        compiled(
            "{{ this.schema }}.{{ this.identifier }} {{ this.include(schema=false) }} {{ ref('a').name }} {{ this == ref('orders') }}"
        ),
        "gold.orders \"orders\" a True"
    );
    assert_eq!(
        compiled(
            "{{ this is mapping and this.get('metadata', {}).get('type', '').endswith('Relation') }} {{ 'yes' if this }} {{ [this] }} {{ tojson({'a': this}) }} {{ this in [ref('orders')] }}"
        ),
        "True yes [\"gold\".\"orders\"] {\"a\": \"\\\"gold\\\".\\\"orders\\\"\"} True"
    );
}

#[test]
fn config_and_model_are_the_node_s() {
    let project = Project::new(
        "{{ config.get('materialized') }} {{ config.get('x', 'd') }} {{ config.meta_get('owner') }} {{ model.tags[0] }} \
         {{ config.require('materialized') }}",
    );
    assert_eq!(project.compile(), "table d ada daily table");
}

#[test]
fn variables_of_the_project_are_seen() {
    assert_eq!(
        compiled(
            "{{ var('start') }} {{ var('days') + 1 }} {{ var('nope', 'd') }} {{ var.has_var('days') }} {{ env_var('HOME') }} {{ env_var('X', 'y') }}"
        ),
        "2026-01-01 4 d True /home/ada y"
    );
    assert_eq!(
        compiled(
            "{{ target.name }} {{ target['threads'] }} {{ flags.WHICH }} {{ flags.full_refresh }} {{ project_name }} {{ invocation_id }} {{ execute }}"
        ),
        "dev 4 run False shop 0197 True"
    );
}

#[test]
fn incremental_is_what_the_context_says() {
    let project = Project::new("{% if is_incremental() %}where x{% endif %}{{ should_full_refresh() }}");
    assert_eq!(project.world(World { incremental: true, ..World::default() }).compile(), "where xFalse");
}

#[test]
fn logs_and_warnings_go_to_the_context() {
    let project = Project::new(
        "a{{ log('quiet') }}{{ log('loud', info=true) }}{{ print(1) }}{% do exceptions.warn('careful') %}",
    );
    assert_eq!(project.compile(), "a");
    assert_eq!(project.said(), ["debug: quiet", "info: loud", "info: 1", "warn: careful"]);
}

#[test]
fn the_warehouse_can_be_asked() {
    let relations = BTreeMap::from([("gold.orders".to_owned(), RelationKind::Table)]);
    let project = Project::new(
        "{% set r = adapter.get_relation(database=none, schema='gold', identifier='orders') %}{{ r }} {{ r.type }} \
         {{ adapter.get_relation('', 'gold', 'nope') }} {{ load_relation(this).is_table }}\
         {% for c in adapter.get_columns_in_relation(this) %} {{ c.name }}:{{ c.dtype }}:{{ c.is_string() }}{% endfor %} {{ adapter.quote('x') }} {{ adapter.type() }}",
    );
    assert_eq!(
        project.world(World { relations, ..World::default() }).compile(),
        "\"gold\".\"orders\" table None True id:Int64:False name:Utf8:True \"x\" engine"
    );
}

#[test]
fn one_set_of_templates_serves_many_threads() {
    let project = Project::new("{{ m(1) }}").macros("macros/m.sql", "{% macro m(a) %}{{ this }}{{ a }}{% endmacro %}");
    let templates = project.templates().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(templates.compile(&project.node, &project.context()).unwrap(), "\"gold\".\"orders\"1");
                }
            });
        }
    });
}

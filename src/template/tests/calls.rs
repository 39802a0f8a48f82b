//! Macros: where they are found, what they get, what they return.

use super::*;

#[test]
fn macros_call_each_other_across_files_and_see_the_calling_model() {
    let project = Project::new("{{ outer('x') }}|{{ shop.outer('y') }}")
        .macros("macros/a.sql", "{% macro outer(n) %}{{ inner(n) }}@{{ this.name }}{% endmacro %}")
        .macros("macros/b.sql", "{% macro inner(n) -%} {{ ref(n) }} {{ config.get('materialized') }} {%- endmacro %}");
    assert_eq!(project.compile(), "\"gold\".\"x\" table@orders|\"gold\".\"y\" table@orders");
    let extracted = project.extract();
    assert_eq!(extracted.refs.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(extracted.refs[0].span.as_ref().unwrap().source.path, "macros/b.sql");
}

#[test]
fn a_macro_does_not_see_what_the_model_sets() {
    let project = Project::new("{% set secret = 1 %}{{ m() }}")
        .macros("macros/a.sql", "{% macro m() %}{{ secret is defined }}{% endmacro %}");
    assert_eq!(project.compile(), "False");
}

#[test]
fn a_macro_may_call_itself() {
    let project = Project::new("{{ down(3) }}")
        .macros("macros/a.sql", "{% macro down(n) %}{{ n }}{% if n > 0 %} {{ down(n - 1) }}{% endif %}{% endmacro %}");
    assert_eq!(project.compile(), "3 2 1 0");
}

#[test]
fn return_ends_a_macro_with_a_value() {
    let project = Project::new("{% set l = find(['a', 'b', 'c'], 'b') %}{{ l[0] + 1 }} {{ l[1].k }} {{ find([], 1) }}").macros(
        "macros/a.sql",
        "{% macro find(items, wanted) %}\n  {% for item in items %}{% if item == wanted %}\n    {% do return([loop.index0, {'k': item}]) %}\n  \
         {% endif %}{% endfor %}\n  {{ return('nothing') }}\n{% endmacro %}",
    );
    assert_eq!(project.compile(), "2 b nothing");
}

#[test]
fn defaults_names_and_leftovers_are_bound() {
    let project =
        Project::new("{{ m(1) }}|{{ m(1, c='z') }}|{{ all(1, 2, 3, k=4) }}|{{ all() }}|{{ m(*[1, 2], **{'c': 3}) }}")
            .macros(
                "macros/a.sql",
                "{% macro m(a, b=a ~ '!', c=none) %}{{ a }}{{ b }}{{ c }}{% endmacro %}\
         {% macro all(a=[]) -%}\n{{ a }}{{ varargs }}{{ kwargs }}{{ kwargs.get('k', 0) }}{% endmacro %}",
            );
    assert_eq!(project.compile(), "11!None|11!z|1[2, 3]{'k': 4}4|[][]{}0|123");
}

#[test]
fn call_blocks_hand_over_their_body() {
    let project = Project::new("{% set who = 'me' %}{% call(x) wrap(2) %}{{ x }}{{ who }}{% endcall %}").macros(
        "macros/a.sql",
        "{% macro wrap(n) %}<{% for i in range(n) %}{{ caller(i) }}{% endfor %}>{{ plain() }}{% endmacro %}\
         {% macro plain() %}{{ 'called' if caller else 'alone' }}{% endmacro %}",
    );
    assert_eq!(project.compile(), "<0me1me>alone");
}

#[test]
fn dispatch_prefers_the_project_then_the_namespace() {
    let project = Project::new("{{ tools.star() }} {{ tools.other() }} {{ adapter.dispatch('third', 'tools')(1) }}")
        .macros("macros/a.sql", "{% macro default__star() %}project{% endmacro %}")
        .package(
            "tools",
            "tools/macros/a.sql",
            "{% macro star() %}{{ return(adapter.dispatch('star', 'tools')()) }}{% endmacro %}{% macro default__star() %}package{% endmacro %}\
             {% macro other() %}{{ adapter.dispatch('other')() }}{{ private() }}{% endmacro %}{% macro default__other() %}d{% endmacro %}\
             {% macro engine__third(a) %}engine{{ a }}{% endmacro %}{% macro default__third(a) %}d{% endmacro %}{% macro private() %}p{% endmacro %}",
        );
    assert_eq!(project.compile(), "project dp engine1");
}

#[test]
fn a_project_may_replace_a_built_in_and_still_call_it() {
    let project = Project::new("{{ ref('a') }} {{ type_string() }} {{ dbt.type_string() }}").macros(
        "macros/a.sql",
        "{% macro ref(name) %}{{ return(builtins.ref('x_' ~ name)) }}{% endmacro %}{% macro type_string() %}text{% endmacro %}",
    );
    assert_eq!(project.compile(), "\"gold\".\"x_a\" text varchar");
    assert_eq!(project.extract().refs[0].name, "x_a");
}

#[test]
fn built_in_macros_write_sql_of_this_engine() {
    assert_eq!(
        compiled(
            "{{ dbt.type_int() }} {{ dbt.safe_cast('x', dbt.type_bigint()) }} {{ dbt.concat(['a', \"'b'\"]) }} \
             {{ dbt.date_trunc('day', 'x') }} {{ dbt.string_literal('s') }} {{ hash('x') }} {{ dbt.current_timestamp() }}"
        ),
        "int try_cast(x as bigint) a || 'b' date_trunc('day', x) 's' md5(cast(x as varchar)) now()"
    );
    assert_eq!(
        compiled("{{ dbt.dateadd('day', -1, 'x') }}"),
        "(cast(x as timestamp) + cast(concat(-1, ' day') as interval))"
    );
    assert_eq!(
        compiled("{{ dbt.datediff('a', 'b', 'month') }}"),
        "cast((date_part('year', cast(b as timestamp)) - date_part('year', cast(a as timestamp))) * 12 + \
         date_part('month', cast(b as timestamp)) - date_part('month', cast(a as timestamp)) as bigint)"
    );
}

#[test]
fn top_level_sets_of_a_macro_file_are_seen_by_its_macros() {
    let project = Project::new("{{ m() }}")
        .macros("macros/a.sql", "{# note #}{% set limit = 10 %}\n{% macro m() %}limit {{ limit }}{% endmacro %}\n");
    assert_eq!(project.compile(), "limit 10");
}

#[test]
fn macros_are_values() {
    let project = Project::new("{{ twice(say, 'hi') }} {{ context['say']('x') }}").macros(
        "macros/a.sql",
        "{% macro say(x) %}[{{ x }}]{% endmacro %}{% macro twice(f, x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}",
    );
    assert_eq!(project.compile(), "[hi][hi] [x]");
}

#[test]
fn endless_recursion_is_a_mistake_not_a_crash() {
    let project = Project::new("{{ m() }}").macros("macros/a.sql", "{% macro m() %}{{ m() }}{% endmacro %}");
    assert!(project.compile().contains("recursion limit exceeded"), "{}", project.compile());
    let project = Project::new("{{ m() }}").macros(
        "macros/a.sql",
        "{% macro m() %}{% call w() %}{% if true %}{{ [m()] | map('upper') | list }}{% endif %}{% endcall %}{% endmacro %}\
         {% macro w() %}{% set x %}{{ caller() }}{% endset %}{{ return(x) }}{% endmacro %}",
    );
    assert!(project.compile().contains("recursion limit exceeded"), "{}", project.compile());
}

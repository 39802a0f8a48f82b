//! Mistakes that show when a template runs, as the user sees them.

use super::*;

#[test]
fn calls_with_the_wrong_arguments_are_refused() {
    let cases = [
        ("select {{ ref('a', v=2) }}", ""),
        ("select {{ ref(1) }}", ""),
        ("select {{ source('a') }}", ""),
        ("{{ config(1, a=2) }}", ""),
        ("select {{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}"),
        ("select {{ m(colum=2) }}", "{% macro m(column) %}{% endmacro %}"),
        ("{% call m() %}x{% endcall %}", "{% macro m() %}{% endmacro %}"),
        ("{{ dbt.dateadd('day', 1) }}", ""),
    ];
    insta::assert_snapshot!(told(&cases), @r##"
    error[E0202]: `ref()` of a version: models have no versions here
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ ref('a', v=2) }}
      |           ^^^^^^^^^^^^^
      |
      = hint: write it as `ref('model')` or `ref('package', 'model')`

    error[E0202]: `ref()` takes names, not a number
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ ref(1) }}
      |           ^^^^^^
      |
      = hint: write it as `ref('model')` or `ref('package', 'model')`

    error[E0202]: `source()` takes two names
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ source('a') }}
      |           ^^^^^^^^^^^
      |
      = hint: write it as `source('source', 'table')`

    error[E0202]: `config()` takes names with values, or one dict
     --> models/gold/orders.sql:1:4
      |
    1 | {{ config(1, a=2) }}
      |    ^^^^^^^^^^^^^^
      |
      = hint: write it as `config(materialized='table')`

    error[E0202]: macro `m` takes 1 argument, not 2
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ m(1, 2) }}
      |           ^^^^^^^
      |
     ::: macros/m.sql:1:10
      |
    1 | {% macro m(a) %}{% endmacro %}
      |          - declared here

    error[E0202]: macro `m` has no parameter `colum`
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ m(colum=2) }}
      |           ^^^^^^^^^^
      |
     ::: macros/m.sql:1:10
      |
    1 | {% macro m(column) %}{% endmacro %}
      |          - declared here
      |
      = hint: did you mean `column`?

    error[E0202]: macro `m` takes no `{% call %}` block
     --> models/gold/orders.sql:1:9
      |
    1 | {% call m() %}x{% endcall %}
      |         ^^^
      |
     ::: macros/m.sql:1:10
      |
    1 | {% macro m() %}{% endmacro %}
      |          - declared here

    error[E0202]: macro `dateadd` needs the argument `from_date_or_timestamp`
     --> models/gold/orders.sql:1:4
      |
    1 | {{ dbt.dateadd('day', 1) }}
      |    ^^^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn a_mistake_in_a_macro_is_shown_there_with_its_callers() {
    let cases = [
        (
            "select\n  {{ outer() }}",
            "{% macro outer() %}\n  {{ inner(3) }}\n{% endmacro %}\n{% macro inner(n) %}\n  {{ n + nope }}\n{% endmacro %}",
        ),
        ("select {{ m() }}", "{% macro m() %}{{ ref('missing') }}{% endmacro %}"),
        (
            "select {{ m('gold') }}",
            "{% macro m(layer) %}\n  {{ exceptions.raise_compiler_error('no layer ' ~ layer) }}\n{% endmacro %}",
        ),
        ("{{ dbt.datediff('a', 'b', 'eon') }}", ""),
    ];
    insta::assert_snapshot!(told(&cases), @r##"
    error[E0205]: `nope` is undefined
     --> macros/m.sql:5:10
      |
    2 |   {{ inner(3) }}
      |      -------- called from here
    ...
    5 |   {{ n + nope }}
      |          ^^^^ no variable, macro or function of this name
      |
     ::: models/gold/orders.sql:2:6
      |
    2 |   {{ outer() }}
      |      ------- called from here

    error[E0301]: no model named `missing`
     --> macros/m.sql:1:19
      |
    1 | {% macro m() %}{{ ref('missing') }}{% endmacro %}
      |                   ^^^^^^^^^^^^^^
      |
     ::: models/gold/orders.sql:1:11
      |
    1 | select {{ m() }}
      |           --- called from here

    error[E0206]: no layer gold
     --> macros/m.sql:2:6
      |
    2 |   {{ exceptions.raise_compiler_error('no layer ' ~ layer) }}
      |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: models/gold/orders.sql:1:11
      |
    1 | select {{ m('gold') }}
      |           --------- called from here

    error[E0206]: datediff does not know the date part `eon`
     --> models/gold/orders.sql:1:4
      |
    1 | {{ dbt.datediff('a', 'b', 'eon') }}
      |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "##);
}

#[test]
fn what_the_world_says_is_shown_at_the_call() {
    let cases = [
        ("select {{ ref('missing') }}", ""),
        ("{{ run_query('broken') }}", ""),
        ("{% call statement('x') %}broken{% endcall %}", ""),
    ];
    insta::assert_snapshot!(told(&cases), @r##"
    error[E0301]: no model named `missing`
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ ref('missing') }}
      |           ^^^^^^^^^^^^^^

    error[E0605]: the query failed
     --> models/gold/orders.sql:1:4
      |
    1 | {{ run_query('broken') }}
      |    ^^^^^^^^^^^^^^^^^^^

    error[E0605]: the query failed
     --> models/gold/orders.sql:1:9
      |
    1 | {% call statement('x') %}broken{% endcall %}
      |         ^^^^^^^^^^^^^^
    "##);
}

#[test]
fn other_failures_have_a_place() {
    let cases = [
        ("{{ adapter.dispatch('star', 'x')() }}", "{% macro default__stra() %}{% endmacro %}"),
        ("{{ return(1) }}", ""),
        ("{{ var('days') + [1] }}", ""),
        ("{{ '%d' % 'x' }}", ""),
        ("{{ modules.datetime.date(2026, 2, 30) }}", ""),
        ("{% include 'x' %}", ""),
        ("{{ m() }}", "{% macro m() %}{{ m() }}{% endmacro %}"),
    ];
    insta::assert_snapshot!(told(&cases), @r##"
    error[E0205]: no macro `engine__star` or `default__star` to dispatch to
     --> models/gold/orders.sql:1:4
      |
    1 | {{ adapter.dispatch('star', 'x')() }}
      |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `default__stra`?

    error[E0202]: `return` outside of a macro
     --> models/gold/orders.sql:1:4
      |
    1 | {{ return(1) }}
      |    ^^^^^^^^^
      |
      = hint: only macros of the macro folders return; those of a model print

    error[E0202]: `+` does not go between a number and a list
     --> models/gold/orders.sql:1:4
      |
    1 | {{ var('days') + [1] }}
      |    ^^^^^^^^^^^^^^^^^

    error[E0202]: cannot format: invalid format spec at offset 1; 'string' cannot be formatted in decimal format ('d')
     --> models/gold/orders.sql:1:4
      |
    1 | {{ '%d' % 'x' }}
      |    ^^^^^^^^^^

    error[E0202]: there is no date 2026-2-30
     --> models/gold/orders.sql:1:4
      |
    1 | {{ modules.datetime.date(2026, 2, 30) }}
      |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error[E0202]: templates cannot be included or imported
     --> models/gold/orders.sql:1:4
      |
    1 | {% include 'x' %}
      |    ^^^^^^^^^^^
      |
      = hint: put the shared part into a macro, which every template sees

    error[E0202]: recursion limit exceeded
     --> macros/m.sql:1:19
      |
    1 | {% macro m() %}{{ m() }}{% endmacro %}
      |                   ^^^
      |
     ::: models/gold/orders.sql:1:4
      |
    1 | {{ m() }}
      |    --- called from here
    "##);
}

//! Mistakes in templates, as the user sees them.

use super::*;

/// Each template with its macro file, and what is said of it.
fn told(cases: &[(&str, &str)]) -> String {
    let tell = |(template, macros): &(&str, &str)| match macros.is_empty() {
        true => Project::new(template).compile(),
        false => Project::new(template).macros("macros/m.sql", macros).compile(),
    };
    cases.iter().map(tell).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn a_name_nobody_defined_is_shown_with_the_nearest() {
    let cases = [
        ("select {{ foo | upper }}", ""),
        ("select {{ refx('a') }}", ""),
        ("select {{ 'a' ~ strat }}", "{% macro start() %}{% endmacro %}"),
        ("select {{ target.nme }}", ""),
        ("{{ dbt.typ_int() }}", ""),
        ("{% if nope == 1 %}{% endif %}", ""),
    ];
    insta::assert_snapshot!(told(&cases), @r##"
    error[E0205]: `foo` is undefined
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ foo | upper }}
      |           ^^^ no variable, macro or function of this name

    error[E0205]: `refx` is undefined
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ refx('a') }}
      |           ^^^^ no variable, macro or function of this name
      |
      = hint: did you mean `ref`?

    error[E0205]: `strat` is undefined
     --> models/gold/orders.sql:1:17
      |
    1 | select {{ 'a' ~ strat }}
      |                 ^^^^^ no variable, macro or function of this name
      |
      = hint: did you mean `start`?

    error[E0205]: `target.nme` is undefined
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ target.nme }}
      |           ^^^^^^^^^^

    error[E0205]: no macro `typ_int` in `dbt`
     --> models/gold/orders.sql:1:4
      |
    1 | {{ dbt.typ_int() }}
      |    ^^^^^^^^^^^^^
      |
      = hint: did you mean `type_int` or `type_bigint`?

    error[E0205]: `nope` is undefined
     --> models/gold/orders.sql:1:7
      |
    1 | {% if nope == 1 %}{% endif %}
      |       ^^^^ no variable, macro or function of this name
    "##);
}

#[test]
fn filters_tests_and_methods_are_named() {
    let cases = [
        ("select {{ 'a' | uper }}", ""),
        ("select {{ 1 is nnone }}", ""),
        ("select {{ target.name.foo() }}", ""),
        ("{{ (1, 2).append(3) }}", ""),
    ];
    insta::assert_snapshot!(told(&cases), @r##"
    error[E0205]: no filter is named `uper`
     --> models/gold/orders.sql:1:17
      |
    1 | select {{ 'a' | uper }}
      |                 ^^^^
      |
      = hint: did you mean `upper`?

    error[E0205]: no test is named `nnone`
     --> models/gold/orders.sql:1:16
      |
    1 | select {{ 1 is nnone }}
      |                ^^^^^
      |
      = hint: did you mean `none`?

    error[E0205]: string has no method named foo
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ target.name.foo() }}
      |           ^^^^^^^^^^^^^^^^^

    error[E0205]: a tuple cannot be changed; copy it first: `{% set copy = value | list %}`
     --> models/gold/orders.sql:1:10
      |
    1 | {{ (1, 2).append(3) }}
      |          ^^^^^^^^^^
    "##);
}

#[test]
fn missing_variables_list_what_is_set() {
    let cases = [
        ("select {{ var('strat') }}", ""),
        ("select {{ env_var('HOEM') }}", ""),
        ("{{ env_var('DBT_ENV_SECRET_X') }}", ""),
        ("{{ config.require('materialised') }}", ""),
    ];
    insta::assert_snapshot!(told(&cases), @r##"
    error[E0203]: the variable `strat` is not set
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ var('strat') }}
      |           ^^^^^^^^^^^^
      |
      = note: set are `start`, `days` and `layers`
      = hint: did you mean `start`?
      = hint: set it under `vars:`, with `--vars`, or give a default: `var('strat', 'default')`

    error[E0204]: the environment variable `HOEM` is not set
     --> models/gold/orders.sql:1:11
      |
    1 | select {{ env_var('HOEM') }}
      |           ^^^^^^^^^^^^^^^
      |
      = hint: did you mean `HOME`?
      = hint: set it, or give a default: `env_var('HOEM', 'default')`

    error[E0202]: `DBT_ENV_SECRET_X` is a secret, and a template's text is not
     --> models/gold/orders.sql:1:4
      |
    1 | {{ env_var('DBT_ENV_SECRET_X') }}
      |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: secrets belong in `sources.yaml` and targets

    error[E0103]: `orders` needs the config `materialised`
     --> models/gold/orders.sql:1:4
      |
    1 | {{ config.require('materialised') }}
      |    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `materialized`?
    "##);
}

#[test]
fn jinja_that_does_not_parse_is_shown_where_it_breaks() {
    let cases = [
        ("select 1\n{% if x %}\nselect 2", ""),
        ("select {{ ref('a' }}", ""),
        ("select {{ ref('a') }", ""),
        ("{% fro x in y %}", ""),
        ("select 1 {% endif %}", ""),
        ("{% for x in y %}{% if x %}{% endfor %}", ""),
        ("select {{ 'a }}", ""),
        ("select {# x", ""),
    ];
    insta::assert_snapshot!(told(&cases), @r##"
    error[E0201]: `{% if %}` is never closed
     --> models/gold/orders.sql:2:4
      |
    2 | {% if x %}
      |    ^^ has no `{% endif %}`

    error[E0201]: `(` is never closed
     --> models/gold/orders.sql:1:14
      |
    1 | select {{ ref('a' }}
      |              ^

    error[E0201]: unexpected `}`, expected end of variable block
     --> models/gold/orders.sql:1:20
      |
    1 | select {{ ref('a') }
      |                    ^

    error[E0201]: unknown tag `{% fro %}`
     --> models/gold/orders.sql:1:4
      |
    1 | {% fro x in y %}
      |    ^^^

    error[E0201]: `{% endif %}` has no `{% if %}` before it
     --> models/gold/orders.sql:1:13
      |
    1 | select 1 {% endif %}
      |             ^^^^^ closes nothing

    error[E0201]: `{% if %}` is never closed
     --> models/gold/orders.sql:1:20
      |
    1 | {% for x in y %}{% if x %}{% endfor %}
      |                    ^^        ------ expected before this
      |                    |
      |                    has no `{% endif %}`

    error[E0201]: unexpected end of string
     --> models/gold/orders.sql:1:16
      |
    1 | select {{ 'a }}
      |                ^

    error[E0201]: unexpected end of comment
     --> models/gold/orders.sql:1:12
      |
    1 | select {# x
      |            ^
    "##);
}

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

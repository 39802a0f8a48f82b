//! Mistakes in templates, as the user sees them.

use super::*;

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
    insta::assert_snapshot!(told(&cases), @"
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
      |
      = hint: did you mean `for`?

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
    ");
}

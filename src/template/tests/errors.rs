//! Mistakes in templates and macros, as the user sees them.

use super::*;

#[test]
fn show() {
    for (template, macros) in [
        ("select {{ foo }}", ""),
        ("select {{ refx('a') }}", ""),
        ("select {{ 'a' ~ strat }}", "{% macro start() %}{% endmacro %}"),
        ("select {{ foo | upper }}", ""),
        ("select {{ 'a' | uper }} {{ 1 is nnone }}", ""),
        ("select {{ 'a'.foo() }}", ""),
        ("select {{ [1].push(2) }}", ""),
        ("select {{ target.nme }}", ""),
        ("select {{ var('strat') }}", ""),
        ("select {{ env_var('HOEM') }}", ""),
        ("{% if x %}\nselect 1", ""),
        ("select {{ ref('a' }}", ""),
        ("select {{ ref('a') }", ""),
        ("{% fro x in y %}", ""),
        ("select 1 {% endif %}", ""),
        ("select {{ 'a }}", ""),
        ("select {# x", ""),
        ("select {{ ref('missing') }}", ""),
        ("select {{ ref('a', v=2) }}", ""),
        ("select {{ ref(1) }} ", ""),
        ("select {{ source('a') }}", ""),
        ("select\n  {{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}"),
        ("select\n  {{ m(b=2) }}", "{% macro m(a) %}{% endmacro %}"),
        ("select\n  {{ outer() }}", "{% macro outer() %}\n  {{ inner(3) }}\n{% endmacro %}\n{% macro inner(n) %}\n  {{ n + nope }}\n{% endmacro %}"),
        ("select\n  {{ outer() }}", "{% macro outer() %}{{ exceptions.raise_compiler_error('no such layer') }}{% endmacro %}"),
        ("select {{ m() }}", "{% macro m() %}{{ ref('missing') }}{% endmacro %}"),
        ("{{ run_query('broken') }}", ""),
        ("{{ dbt.dateadd('day', 1) }}", ""),
        ("{{ dbt.datediff('a', 'b', 'eon') }}", ""),
        ("{{ dbt.nope() }} ", ""),
        ("{{ adapter.dispatch('star', 'x')() }}", "{% macro default__stra() %}{% endmacro %}"),
        ("{{ return(1) }}", ""),
        ("{{ 1 + 'a' }} ", ""),
        ("{% set x = 1 %}{{ x + [1] }} ", ""),
        ("{{ '%d' % 'x' }} ", ""),
        ("{{ this.nope }}", ""),
        ("{{ modules.datetime.date(2026, 2, 30) }}", ""),
        ("{{ config(1, a=2) }}", ""),
        ("{% include 'x' %}", ""),
        ("{{ m() }}", "{% macro m() %}{{ m() }}{% endmacro %}"),
        ("{{ m() }}", "{% macro m( %}{{ m() }}{% endmacro %}{% macro n() %}{{ 1 + }}{% endmacro %}{% macro q() %}{% macro n() %}{% endmacro %}"),
        ("{{ m() }}", "{% macro m() %}{% if x %}{% endmacro %}{% test m(model) %}x{% endtest %}{% test m(model) %}y{% endtest %}"),
        ("{% for a, b in [1] %}{% endfor %}", ""),
        ("{{ config.require('nope') }}", ""),
    ] {
        let project = Project::new(template);
        let project = if macros.is_empty() { project } else { project.macros("macros/m.sql", macros) };
        println!("=== {template:?}\n{}\n", project.compile());
    }
}

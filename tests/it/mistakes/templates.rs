//! Mistakes in Jinja: what does not parse, what nobody defined, what the project itself refuses.

use super::revenue;
use crate::project::TestProject;
use crate::transcript;

#[test]
fn an_expression_left_open() {
    transcript!(revenue("select *\nfrom {{ ref('orders')\n").run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0201]: unexpected end of input, expected end of variable block
     --> models/gold/revenue.sql:2:21
      |
    2 | from {{ ref('orders')
      |                     ^
    ");
}

#[test]
fn a_loop_left_open() {
    transcript!(revenue("select\n{% for name in ['a', 'b'] %}\n  1 as {{ name }},\n").run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0201]: `{% for %}` is never closed
     --> models/gold/revenue.sql:2:4
      |
    2 | {% for name in ['a', 'b'] %}
      |    ^^^ has no `{% endfor %}`
    ");
}

#[test]
fn a_tag_nobody_knows() {
    transcript!(revenue("{% fro name in ['a'] %}{% endfor %}").run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0201]: unknown tag `{% fro %}`
     --> models/gold/revenue.sql:1:4
      |
    1 | {% fro name in ['a'] %}{% endfor %}
      |    ^^^
      |
      = hint: did you mean `for`?
    ");
}

#[test]
fn an_undefined_macro() {
    let project = revenue("select {{ cents_to_eur('amount') }} as amount")
        .file("macros/money.sql", "{% macro cents_to_euro(column) %}{{ column }} / 100{% endmacro %}");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0205]: `cents_to_eur` is undefined
     --> models/gold/revenue.sql:1:11
      |
    1 | select {{ cents_to_eur('amount') }} as amount
      |           ^^^^^^^^^^^^ no variable, macro or function of this name
      |
      = hint: did you mean `cents_to_euro`?
    ");
}

#[test]
fn a_macro_with_an_argument_it_does_not_take() {
    let project = revenue("select {{ euro(colum='amount') }} as amount")
        .file("macros/money.sql", "{% macro euro(column) %}{{ column }} / 100{% endmacro %}");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0202]: macro `euro` has no parameter `colum`
     --> models/gold/revenue.sql:1:11
      |
    1 | select {{ euro(colum='amount') }} as amount
      |           ^^^^^^^^^^^^^^^^^^^^
      |
     ::: macros/money.sql:1:10
      |
    1 | {% macro euro(column) %}{{ column }} / 100{% endmacro %}
      |          ---- declared here
      |
      = hint: did you mean `column`?
    ");
}

#[test]
fn a_mistake_inside_a_macro_shows_the_macro_and_the_call() {
    let project = revenue("select\n  {{ euro('amount') }} as amount\n")
        .file("macros/money.sql", "{% macro euro(column) %}\n  {{ colum }} / 100\n{% endmacro %}\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0205]: `colum` is undefined
     --> macros/money.sql:2:6
      |
    2 |   {{ colum }} / 100
      |      ^^^^^ no variable, macro or function of this name
      |
     ::: models/gold/revenue.sql:2:6
      |
    2 |   {{ euro('amount') }} as amount
      |      -------------- called from here
    ");
}

#[test]
fn a_missing_variable() {
    transcript!(revenue("select '{{ var('start') }}' as start").run(&["compile"]), @"
    exit: 2
    ----- stderr -----
    error[E0203]: the variable `start` is not set
     --> models/gold/revenue.sql:1:12
      |
    1 | select '{{ var('start') }}' as start
      |            ^^^^^^^^^^^^
      |
      = note: no variables are set
      = hint: set it under `vars:`, with `--vars`, or give a default: `var('start', 'default')`
    ");
}

#[test]
fn a_missing_environment_variable() {
    transcript!(revenue("select '{{ env_var('SHOP_REGION') }}' as region").run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0204]: the environment variable `SHOP_REGION` is not set
     --> models/gold/revenue.sql:1:12
      |
    1 | select '{{ env_var('SHOP_REGION') }}' as region
      |            ^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: set it, or give a default: `env_var('SHOP_REGION', 'default')`
    ");
}

#[test]
fn a_missing_environment_variable_in_the_project_file() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\ntargets:\n  dev: {warehouse: \"{{ env_var('SHOP_WAREHOUSE') }}\"}\n");
    transcript!(project.run(&["ls"]), @r#"
    exit: 2
    ----- stderr -----
    error[E0204]: the environment variable `SHOP_WAREHOUSE` is not set
     --> project.yaml:3:24
      |
    3 |   dev: {warehouse: "{{ env_var('SHOP_WAREHOUSE') }}"}
      |                        ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: set it, or give a default: `env_var('SHOP_WAREHOUSE', 'default')`
    "#);
}

#[test]
fn a_project_that_says_no() {
    let project = revenue("{{ check_region('US') }}\nselect 1 as id\n").file(
        "macros/check.sql",
        "{% macro check_region(region) %}\n  {% if region != 'EU' %}\n    {{ exceptions.raise_compiler_error('only EU, not ' ~ region) }}\n  {% endif %}\n{% endmacro %}\n",
    );
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0206]: only EU, not US
     --> macros/check.sql:3:8
      |
    3 |     {{ exceptions.raise_compiler_error('only EU, not ' ~ region) }}
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: models/gold/revenue.sql:1:4
      |
    1 | {{ check_region('US') }}
      |    ------------------ called from here
    ");
}

#[test]
fn a_ref_that_only_the_run_meets() {
    let project = TestProject::new()
        .file("models/silver/orders.sql", "{{ config(materialized='table') }} select 1 as id")
        .file("models/gold/revenue.sql", "{% if execute %}\nselect * from {{ ref('orders') }}\n{% endif %}\n");
    transcript!(project.run(&["build", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0306]: `ref('orders')` was not seen before the run
     --> models/gold/revenue.sql:2:18
      |
    2 | select * from {{ ref('orders') }}
      |                  ^^^^^^^^^^^^^
      |
      = note: it stands where only the second render comes, so the graph does not know of it
      = hint: add a line to the model: -- depends_on: {{ ref('orders') }}
    ");
}

#[test]
fn a_query_in_a_template_that_fails() {
    let project = revenue("{% set rows = run_query('select nope from gold.orders') %}\nselect 1 as id\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0202]: `run_query` failed: no table named `gold.orders`
     --> models/gold/revenue.sql:1:15
      |
    1 | {% set rows = run_query('select nope from gold.orders') %}
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_mistake_in_a_macro_file() {
    let project =
        revenue("select 1 as id").file("macros/money.sql", "{% macro euro(column) %}{{ column }{% endmacro %}\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0201]: `{% macro %}` is never closed
     --> macros/money.sql:1:10
      |
    1 | {% macro euro(column) %}{{ column }{% endmacro %}
      |          ^^^^ has no `{% endmacro %}`
    ");
}

#[test]
fn mistakes_of_several_templates_are_told_together() {
    let project = TestProject::new()
        .file("models/silver/start.sql", "select {{ 'x' | uper }} as start")
        .file("models/gold/revenue.sql", "select * from {{ reff('orders') }}")
        .file("models/gold/profit.sql", "select * from {{ ref('oders') }}")
        .file("models/gold/orders.sql", "select 1 as id");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `oders`
     --> models/gold/profit.sql:1:18
      |
    1 | select * from {{ ref('oders') }}
      |                  ^^^^^^^^^^^^ not found in this project
      |
      = hint: did you mean `orders`?

    error[E0205]: `reff` is undefined
     --> models/gold/revenue.sql:1:18
      |
    1 | select * from {{ reff('orders') }}
      |                  ^^^^ no variable, macro or function of this name
      |
      = hint: did you mean `ref`?

    error[E0205]: no filter is named `uper`
     --> models/silver/start.sql:1:17
      |
    1 | select {{ 'x' | uper }} as start
      |                 ^^^^
      |
      = hint: did you mean `upper`?

    3 errors
    ");
}

#[test]
fn variables_that_are_missing_in_several_models_are_told_together() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\nvars: {start: 2026-01-01}\n")
        .file("models/silver/orders.sql", "select '{{ var('strat') }}' as start")
        .file("models/gold/revenue.sql", "select {{ nothing }} as nothing");
    transcript!(project.run(&["compile"]), @"
    exit: 2
    ----- stderr -----
    error[E0205]: `nothing` is undefined
     --> models/gold/revenue.sql:1:11
      |
    1 | select {{ nothing }} as nothing
      |           ^^^^^^^ no variable, macro or function of this name

    error[E0203]: the variable `strat` is not set
     --> models/silver/orders.sql:1:12
      |
    1 | select '{{ var('strat') }}' as start
      |            ^^^^^^^^^^^^
      |
      = note: set are `start`
      = hint: did you mean `start`?
      = hint: set it under `vars:`, with `--vars`, or give a default: `var('strat', 'default')`

    2 errors
    ");
}

#[test]
fn what_reads_a_broken_model_is_not_wrong_for_it() {
    let project = TestProject::new()
        .file("models/silver/orders.sql", "select {{ 'x' | uper }} as start")
        .file("models/gold/revenue.sql", "select * from {{ ref('orders') }}");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0205]: no filter is named `uper`
     --> models/silver/orders.sql:1:17
      |
    1 | select {{ 'x' | uper }} as start
      |                 ^^^^
      |
      = hint: did you mean `upper`?
    ");
}

//! Macros of the project, by name and by its namespace.

use super::compiled;
use crate::project::TestProject;
use crate::transcript;

const MONEY: &str = "
{% macro euro(column, digits=2) %}round({{ column }} / 100.0, {{ digits }}){% endmacro %}

{% macro columns() %}{{ return(['a', 'b']) }}{% endmacro %}

{% macro both(names) %}
  {%- for name in names %}{{ euro(name) }} as {{ name }}{{ ', ' if not loop.last }}{% endfor -%}
{% endmacro %}
";

fn with_money(template: &str) -> TestProject {
    TestProject::new().file("macros/money.sql", MONEY).file("models/gold/a.sql", template)
}

#[test]
fn a_macro_of_a_file_is_known_everywhere() {
    insta::assert_snapshot!(compiled(&with_money("select {{ euro('amount') }}, {{ euro('amount', digits=0) }}")), @"select round(amount / 100.0, 2), round(amount / 100.0, 0)");
}

#[test]
fn a_macro_is_known_by_the_projects_namespace() {
    insta::assert_snapshot!(compiled(&with_money("select {{ shop.euro('amount') }}")), @"select round(amount / 100.0, 2)");
}

#[test]
fn a_macro_returns_values() {
    insta::assert_snapshot!(compiled(&with_money("select {% for name in columns() %}{{ name }}, {% endfor %}1")), @"select a, b, 1");
}

#[test]
fn macros_call_macros() {
    insta::assert_snapshot!(compiled(&with_money("select {{ both(columns()) }}")), @"select round(a / 100.0, 2) as a, round(b / 100.0, 2) as b");
}

#[test]
fn a_macro_reads_models() {
    let project = TestProject::new()
        .file("macros/latest.sql", "{% macro latest(name) %}(select max(id) from {{ ref(name) }}){% endmacro %}")
        .file("models/silver/orders.sql", "{{ config(materialized='table') }} select 3 as id")
        .file("models/gold/a.sql", "select {{ latest('orders') }} as id");
    project.ok(&["run"]);
    assert_eq!(project.value("select id from {{ ref('a') }}"), 3);
    insta::assert_snapshot!(project.ok(&["ls", "--quiet", "--select", "+a"]).stdout, @"
    shop.gold.a
    shop.silver.orders
    ");
}

#[test]
fn a_macro_inside_a_model_is_its_own() {
    let template = "{% macro twice(x) %}{{ x }} * 2{% endmacro %}select {{ twice('n') }}";
    insta::assert_snapshot!(compiled(&TestProject::new().file("models/gold/a.sql", template)), @"select n * 2");
}

#[test]
fn a_call_block_hands_its_text_to_the_macro() {
    let project = TestProject::new()
        .file("macros/wrap.sql", "{% macro wrap(name) %}with {{ name }} as ({{ caller() }}){% endmacro %}")
        .file("models/gold/a.sql", "{% call wrap('x') %}select 1 as id{% endcall %} select * from x");
    insta::assert_snapshot!(compiled(&project), @"with x as (select 1 as id) select * from x");
}

#[test]
fn a_macro_dispatches_to_the_one_for_this_engine() {
    let project = TestProject::new()
        .file(
            "macros/now.sql",
            "{% macro right_now() %}{{ return(adapter.dispatch('right_now')()) }}{% endmacro %}\n{% macro default__right_now() %}now(){% endmacro %}",
        )
        .file("models/gold/a.sql", "select {{ right_now() }} as at");
    insta::assert_snapshot!(compiled(&project), @"select now() as at");
}

#[test]
fn two_macros_of_one_name_are_a_mistake() {
    let project = with_money("select 1 as id").file("macros/more.sql", "{% macro euro(x) %}{{ x }}{% endmacro %}");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: two macros are named `euro`
     --> macros/more.sql:1:10
      |
    1 | {% macro euro(x) %}{{ x }}{% endmacro %}
      |          ^^^^ defined again
      |
     ::: macros/money.sql:2:10
      |
    2 | {% macro euro(column, digits=2) %}round({{ column }} / 100.0, {{ digits }}){% endmacro %}
      |          ---- first defined here
    ");
}

//! Mistakes in declared tests.

use super::orders_and;
use crate::project::TestProject;
use crate::transcript;

fn tested(tests: &str) -> TestProject {
    orders_and("select id from {{ ref('orders') }}").file(
        "models/models.yml",
        &format!("models:\n  - name: orders\n    columns:\n      - name: country\n        data_tests:\n{tests}"),
    )
}

#[test]
fn an_unknown_test() {
    transcript!(tested("          - not_nul\n").run(&["build"]), @"
    exit: 2
    ----- stderr -----
    error[E0501]: no test named `not_nul`
     --> models/models.yml:6:13
      |
    6 |           - not_nul
      |             ^^^^^^^
      |
      = hint: did you mean `not_null`?
      = hint: write it as `{% test not_nul(model, column_name) %}` in `tests/generic/`, or use one that exists
    ");
}

#[test]
fn an_argument_the_test_does_not_have() {
    transcript!(
        tested("          - accepted_values: {arguments: {values: [DE], valuse: [FR]}}\n").run(&["build"]), @"
    exit: 2
    ----- stderr -----
    error[E0502]: test `accepted_values` has no argument `valuse`
     --> models/models.yml:6:13
      |
    6 |           - accepted_values: {arguments: {values: [DE], valuse: [FR]}}
      |             ^^^^^^^^^^^^^^^
      |
      = hint: did you mean `values`?
    ");
}

#[test]
fn an_argument_that_is_missing() {
    transcript!(tested("          - relationships: {arguments: {to: ref('orders')}}\n").run(&["build"]), @"
    exit: 2
    ----- stderr -----
    error[E0502]: test `relationships` needs the argument `field`
     --> models/models.yml:6:13
      |
    6 |           - relationships: {arguments: {to: ref('orders')}}
      |             ^^^^^^^^^^^^^
    ");
}

#[test]
fn a_test_without_a_column() {
    let project = orders_and("select id from {{ ref('orders') }}")
        .file("models/models.yml", "models:\n  - name: orders\n    data_tests: [unique]\n");
    transcript!(project.run(&["build"]), @"
    exit: 2
    ----- stderr -----
    error[E0502]: test `unique` needs a column
     --> models/models.yml:3:18
      |
    3 |     data_tests: [unique]
      |                  ^^^^^^
      |
      = hint: declare it under a column, or set `column_name`
    ");
}

#[test]
fn values_that_are_no_list() {
    transcript!(tested("          - accepted_values: {arguments: {values: DE}}\n").run(&["build"]), @"
    exit: 2
    ----- stderr -----
    error[E0502]: `values` of test `accepted_values` is a list
     --> models/models.yml:6:13
      |
    6 |           - accepted_values: {arguments: {values: DE}}
      |             ^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_threshold_that_is_no_comparison() {
    transcript!(tested("          - not_null: {config: {warn_if: ten}}\n").run(&["build"]), @r#"
    exit: 2
    ----- stderr -----
    error[E0502]: `warn_if` of test `not_null_orders_country` is not a comparison: `"ten"`
     --> models/models.yml:6:13
      |
    6 |           - not_null: {config: {warn_if: ten}}
      |             ^^^^^^^^
      |
      = hint: as in `!= 0`, `> 10`
    "#);
}

#[test]
fn a_severity_that_is_none() {
    transcript!(tested("          - not_null: {config: {severity: wran}}\n").run(&["build"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: config `severity` is `warn` or `error`, not the string `wran`
     --> models/models.yml:6:43
      |
    6 |           - not_null: {config: {severity: wran}}
      |                                           ^^^^ expected `warn` or `error`
    ");
}

#[test]
fn a_test_of_a_model_that_is_not_there() {
    transcript!(
        tested("          - relationships: {arguments: {to: ref('countries'), field: code}}\n").run(&["build"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `countries`
     --> models/models.yml:6:45
      |
    6 |           - relationships: {arguments: {to: ref('countries'), field: code}}
      |                                             ^^^^^^^^^^^^^^^^ not found in this project
    ");
}

#[test]
fn a_field_that_the_other_table_does_not_have() {
    let project = tested("          - relationships: {arguments: {to: ref('countries'), field: cod}}\n")
        .file("seeds/countries.csv", "code,name\nDE,Germany\n");
    transcript!(project.run(&["build", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: `seeds.countries` has no column `cod`
     --> models/models.yml:6:70
      |
    6 |           - relationships: {arguments: {to: ref('countries'), field: cod}}
      |                                                                      ^^^
      |
      = hint: did you mean `code`?
    ");
}

#[test]
fn a_tested_column_that_the_model_does_not_have() {
    let project = orders_and("select id from {{ ref('orders') }}").file(
        "models/models.yml",
        "models:\n  - name: orders\n    columns:\n      - name: contry\n        data_tests: [not_null]\n",
    );
    transcript!(project.run(&["build", "--quiet", "--exclude", "revenue"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: `silver.orders` has no column `contry`
     --> models/models.yml:4:15
      |
    4 |       - name: contry
      |               ^^^^^^ tested here
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_where_that_does_not_parse() {
    transcript!(tested("          - not_null: {config: {where: amount >}}\n").run(&["build", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0401]: SQL syntax: `where` of this test is not a condition
     --> models/models.yml:6:40
      |
    6 |           - not_null: {config: {where: amount >}}
      |                                        ^^^^^^^^
      |
      = hint: it stands behind `where` in a query, as in `amount > 0`
    ");
}

#[test]
fn a_singular_test_with_an_unknown_column() {
    let project = orders_and("select id from {{ ref('orders') }}")
        .file("tests/no_free_orders.sql", "select *\nfrom {{ ref('orders') }}\nwhere amont <= 0\n");
    transcript!(project.run(&["build", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> tests/no_free_orders.sql:3:7
      |
    3 | where amont <= 0
      |       ^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_custom_test_with_an_unknown_column() {
    let project = tested("          - longer_than: {arguments: {length: 1}}\n").file(
        "tests/generic/longer_than.sql",
        "{% test longer_than(model, column_name, length) %}\nselect * from {{ model }} where lenght({{ column_name }}) <= {{ length }}\n{% endtest %}\n",
    );
    transcript!(project.run(&["build", "--quiet"]), @r#"
    exit: 1
    ----- stderr -----
    error[E0404]: no function named `lenght`
     --> tests/generic/longer_than.sql:2:33
      |
    2 | select * from {{ model }} where lenght({{ column_name }}) <= {{ length }}
      |                                 ^^^^^^
      |
     ::: models/models.yml:6:13
      |
    6 |           - longer_than: {arguments: {length: 1}}
      |             ----------- called from here
      |
      = note: rendered, the line is: select * from "silver"."orders" where lenght(country) <= 1
      = hint: did you mean `length`?
    "#);
}

#[test]
fn an_argument_that_a_custom_test_does_not_have() {
    let project = tested("          - longer_than: {arguments: {lenght: 1}}\n").file(
        "tests/generic/longer_than.sql",
        "{% test longer_than(model, column_name, length) %}\nselect * from {{ model }} where length({{ column_name }}) <= {{ length }}\n{% endtest %}\n",
    );
    transcript!(project.run(&["build", "--quiet"]), @"
    exit: 2
    ----- stderr -----
    error[E0202]: test `longer_than` has no parameter `lenght`
     --> models/models.yml:6:13
      |
    6 |           - longer_than: {arguments: {lenght: 1}}
      |             ^^^^^^^^^^^
      |
     ::: tests/generic/longer_than.sql:1:9
      |
    1 | {% test longer_than(model, column_name, length) %}
      |         ----------- declared here
      |
      = hint: did you mean `length`?
    ");
}

#[test]
fn an_argument_that_a_custom_test_needs() {
    let project = tested("          - longer_than\n").file(
        "tests/generic/longer_than.sql",
        "{% test longer_than(model, column_name, length) %}\nselect * from {{ model }} where length({{ column_name }}) <= {{ length }}\n{% endtest %}\n",
    );
    transcript!(project.run(&["build", "--quiet"]), @"
    exit: 2
    ----- stderr -----
    error[E0502]: test `longer_than` needs the argument `length`
     --> models/models.yml:6:13
      |
    6 |           - longer_than
      |             ^^^^^^^^^^^
    ");
}

#[test]
fn one_test_declared_twice() {
    transcript!(tested("          - not_null\n          - not_null\n").run(&["build"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: `not_null_orders_country` is there twice
     --> models/models.yml:7:13
      |
    7 |           - not_null
      |             ^^^^^^^^
      |
      = hint: remove one of them, or give this one a `name`
    ");
}

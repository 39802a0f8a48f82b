//! Data tests of columns that are not there.

use super::check;
use super::sources::CLICKS;
use crate::mistakes::orders_and;
use crate::project::TestProject;
use crate::transcript;

/// Tests declared on a column of `silver.orders`.
fn tested(column: &str, tests: &str) -> TestProject {
    let properties =
        format!("models:\n  - name: orders\n    columns:\n      - name: {column}\n        data_tests:\n{tests}");
    orders_and("select id from {{ ref('orders') }}\n").file("models/models.yml", &properties)
}

#[test]
fn a_column_that_is_not_there() {
    transcript!(check(&tested("contry", "          - not_null\n")), @"
    exit: 2
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
fn a_column_that_is_not_there_with_several_tests() {
    transcript!(check(&tested("idd", "          - unique\n          - not_null\n")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `silver.orders` has no column `idd`
     --> models/models.yml:4:15
      |
    4 |       - name: idd
      |               ^^^ tested here
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn a_column_that_a_view_does_not_select() {
    let project = orders_and("select id from {{ ref('orders') }}\n").file(
        "models/models.yml",
        "models:\n  - name: revenue\n    columns:\n      - name: amount\n        data_tests:\n          - accepted_values: {arguments: {values: [1]}}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `gold.revenue` has no column `amount`
     --> models/models.yml:4:15
      |
    4 |       - name: amount
      |               ^^^^^^ tested here
      |
      = note: there is only `id`
    ");
}

#[test]
fn a_field_of_another_type() {
    let project = tested("country", "          - relationships: {arguments: {to: ref('countries'), field: codes}}\n")
        .file("models/silver/countries.sql", "select array[1, 2] as codes\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot compare a string with a list of bigint
     --> models/models.yml:6:13
      |
    6 |           - relationships: {arguments: {to: ref('countries'), field: codes}}
      |             ^^^^^^^^^^^^^ in the query of this test
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

/// A generic test of the project's own.
const LONGER_THAN: &str = "{% test longer_than(model, column_name, length) %}\nselect *\nfrom {{ model }}\nwhere length({{ column_name }}) <= {{ length }}\n{% endtest %}\n";

#[test]
fn a_custom_test_of_a_column_that_is_not_there() {
    let project = tested("contry", "          - longer_than: {arguments: {length: 1}}\n")
        .file("tests/generic/longer_than.sql", LONGER_THAN);
    transcript!(check(&project), @"
    exit: 2
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
fn a_singular_test() {
    let project = orders_and("select id from {{ ref('orders') }}\n")
        .file("tests/no_free_orders.sql", "select *\nfrom {{ ref('orders') }}\nwhere amont <= 0\n");
    transcript!(check(&project), @"
    exit: 2
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
fn a_singular_test_through_a_macro() {
    let project = orders_and("select id from {{ ref('orders') }}\n")
        .file("macros/least.sql", "{% macro below(column, least) %}{{ column }} < {{ least }}{% endmacro %}\n")
        .file("tests/no_free_orders.sql", "select *\nfrom {{ ref('orders') }}\nwhere {{ below('amont', 0) }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amont`
     --> tests/no_free_orders.sql:3:10
      |
    3 | where {{ below('amont', 0) }}
      |          ^^^^^^^^^^^^^^^^^
      |
      = note: rendered, the line is: where amont < 0
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_column_of_a_seed() {
    let project =
        orders_and("select id from {{ ref('orders') }}\n").file("seeds/countries.csv", "code,name\nDE,Germany\n").file(
            "seeds/seeds.yml",
            "seeds:\n  - name: countries\n    columns:\n      - name: cod\n        data_tests: [not_null]\n",
        );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `seeds.countries` has no column `cod`
     --> seeds/seeds.yml:4:15
      |
    4 |       - name: cod
      |               ^^^ tested here
      |
      = hint: did you mean `code`?
    ");
}

#[test]
fn a_column_of_a_source() {
    let sources = format!("{CLICKS}        data_tests: [{{unique: {{arguments: {{column_name: idd}}}}}}]\n");
    let project = orders_and("select id from {{ ref('orders') }}\n").file("sources.yaml", &sources);
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
      --> sources.yaml:11:23
       |
    11 |         data_tests: [{unique: {arguments: {column_name: idd}}}]
       |                       ^^^^^^ in the query of this test
       |
       = hint: did you mean `id`?
    ");
}

#[test]
fn a_test_that_holds_is_bound_and_not_run() {
    let project = tested("country", "          - accepted_values: {arguments: {values: [FR]}}\n");
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    checked 2 models and 1 data test in [TIME]: no mistakes
    ");
}

//! Data tests of columns that are not there.

use super::sources::CLICKS;
use super::{check, is_right, refused};
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
     --> tests/no_free_orders.sql:3:17
      |
    3 | where {{ below('amont', 0) }}
      |                 ^^^^^
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
    error[E0403]: `shop.clicks` has no column `idd`
      --> sources.yaml:11:57
       |
    11 |         data_tests: [{unique: {arguments: {column_name: idd}}}]
       |                                                         ^^^ tested here
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

#[test]
fn a_field_that_the_other_table_does_not_have() {
    let project = tested("country", "          - relationships: {arguments: {to: ref('countries'), field: cod}}\n")
        .file("seeds/countries.csv", "code,name\nDE,Germany\n");
    transcript!(check(&project), @"
    exit: 2
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
fn a_column_of_a_where() {
    transcript!(check(&tested("country", "          - not_null: {config: {where: amuont > 0}}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `amuont`
     --> models/models.yml:6:40
      |
    6 |           - not_null: {config: {where: amuont > 0}}
      |                                        ^^^^^^
      |
      = hint: did you mean `amount`?
    ");
}

#[test]
fn a_custom_test_whose_own_query_is_wrong() {
    let project = tested("country", "          - longer_than: {arguments: {length: 1}}\n")
        .file("tests/generic/longer_than.sql", &LONGER_THAN.replace("where length(", "where lenght("));
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0404]: no function named `lenght`
     --> tests/generic/longer_than.sql:4:7
      |
    4 | where lenght({{ column_name }}) <= {{ length }}
      |       ^^^^^^
      |
     ::: models/models.yml:6:13
      |
    6 |           - longer_than: {arguments: {length: 1}}
      |             ----------- called from here
      |
      = note: rendered, the line is: where lenght(country) <= 1
      = hint: did you mean `length`?
    ");
}

#[test]
fn a_custom_test_whose_template_is_wrong() {
    let project = tested("country", "          - longer_than: {arguments: {length: 1}}\n")
        .file("tests/generic/longer_than.sql", &LONGER_THAN.replace("({{ column_name }})", "({{ colum_name }})"));
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0205]: `colum_name` is undefined
     --> tests/generic/longer_than.sql:4:17
      |
    4 | where length({{ colum_name }}) <= {{ length }}
      |                 ^^^^^^^^^^ no variable, macro or function of this name
      |
     ::: models/models.yml:6:13
      |
    6 |           - longer_than: {arguments: {length: 1}}
      |             ----------- called from here
    ");
}

#[test]
fn a_where_of_tests_that_name_the_tested_rows_and_of_others() {
    let tests = "          - not_null: {config: {where: amount > 0}}
          - relationships: {arguments: {to: ref('countries'), field: code}, config: {where: amount > 0 and country <> 'FR'}}
          - bare: {config: {where: amount > 0}}
          - named: {config: {where: amount > 0}}
";
    let empty = "from {{ model }} REST\nwhere {{ column_name }} = ''\n{% endtest %}\n";
    let bare = format!("{{% test bare(model, column_name) %}}\nselect country {}", empty.replace(" REST", ""));
    let named = format!("{{% test named(model, column_name) %}}\nselect x.country {}", empty.replace("REST", "x"));
    let project = tested("country", tests)
        .file("seeds/countries.csv", "code\nDE\n")
        .file("tests/generic/bare.sql", &bare)
        .file("tests/generic/named.sql", &named);
    is_right(&project);
}

#[test]
fn a_where_that_does_not_parse() {
    let project = tested("country", "          - not_null: {config: {where: amount >}}\n");
    transcript!(check(&project), @"
    exit: 2
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
fn an_argument_of_a_custom_test() {
    let project = tested("country", "          - longer_than: {arguments: {length: minimum}}\n")
        .file("tests/generic/longer_than.sql", LONGER_THAN);
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `minimum`
     --> models/models.yml:6:47
      |
    6 |           - longer_than: {arguments: {length: minimum}}
      |                                               ^^^^^^^
      |
      = note: there are `amount`, `country`, `id`
    ");
}

#[test]
fn what_counts_as_a_failure() {
    let project = tested("country", "          - not_null: {config: {fail_calc: sum(nn)}}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `nn`
     --> models/models.yml:6:48
      |
    6 |           - not_null: {config: {fail_calc: sum(nn)}}
      |                                                ^^
      |
      = note: there is only `country`
    ");
}

#[test]
fn accepted_values_of_another_type() {
    let project = tested("id", "          - accepted_values: {arguments: {values: [DE, FR]}}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0605]: cannot cast the string 'DE' to bigint
     --> models/models.yml:6:13
      |
    6 |           - accepted_values: {arguments: {values: [DE, FR]}}
      |             ^^^^^^^^^^^^^^^ in the query of this test
      |
      = hint: values that are no texts are written as they are, with `quote: false`
    ");
}

#[test]
fn accepted_values_that_are_right() {
    is_right(&tested(
        "id",
        "          - accepted_values: {arguments: {values: [1, 2]}}\n          - accepted_values: {arguments: {values: [1, 2], quote: false}}\n",
    ));
}

#[test]
fn failing_rows_that_no_table_can_hold() {
    for (selected, told) in [
        ("1, 2", "column 1 of `test_audit.failing` has no name that a table's column can have"),
        ("id as \"a b\"", "column 1 of `test_audit.failing` has no name that a table's column can have"),
        ("now() - now() as x", "column `x` of `test_audit.failing` is a duration, which a Delta table cannot hold"),
    ] {
        let sql = |config: &str| format!("{config}select {selected}\nfrom {{{{ ref('orders') }}}}\nwhere id = -10\n");
        let project = orders_and("select id from {{ ref('orders') }}\n");
        let project = project.file("tests/failing.sql", &sql("{{ config(store_failures=true) }}\n"));
        let told_by_check = refused(&project);
        assert!(told_by_check.stderr.contains(told), "{selected}: {told_by_check}");
    }
}

#[test]
fn an_order_that_counting_drops() {
    is_right(&orders_and("select id from {{ ref('orders') }}\n").file(
        "tests/ordered.sql",
        "select id\nfrom {{ ref('orders') }} as o\nwhere id < 0\norder by (select max(p.amount) from {{ ref('orders') }} as p where p.country = o.country)\n",
    ));
}

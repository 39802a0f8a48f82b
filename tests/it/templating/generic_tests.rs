//! Data tests: built in, of the project, and how they are judged.

use crate::project::TestProject;
use crate::transcript;

/// `silver.orders` with five rows, two of them of one country, one without; `tests` stand at its column `country`.
fn tested(tests: &str) -> TestProject {
    let project = TestProject::new()
        .file(
            "models/silver/orders.sql",
            "{{ config(materialized='table') }}\nselect * from (values (1, 'DE', 10), (2, 'DE', 20), (3, 'FR', 30), (4, 'XX', 40), (5, null, 50)) as rows (id, country, amount)\n",
        )
        .file("seeds/countries.csv", "code\nDE\nFR\n")
        .file("models/models.yml", &format!("models:\n  - name: orders\n    columns:\n      - name: country\n        data_tests:\n{tests}"));
    project.ok(&["build", "--exclude", "resource_type:test"]);
    project
}

#[test]
fn every_built_in_test_finds_what_is_wrong() {
    let project = tested(
        "          - unique
          - not_null
          - accepted_values: {arguments: {values: [DE, FR]}}
          - relationships: {arguments: {to: ref('countries'), field: code}}
",
    );
    transcript!(project.run(&["test", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    4 data tests on target `dev`, 1 at a time

    1 of 4 START test unique of silver.orders.country .............................. [RUN]
    1 of 4 FAIL test unique of silver.orders.country ............................... [FAIL 1 in [TIME]]
    2 of 4 START test not_null of silver.orders.country ............................ [RUN]
    2 of 4 FAIL test not_null of silver.orders.country ............................. [FAIL 1 in [TIME]]
    3 of 4 START test accepted_values of silver.orders.country ..................... [RUN]
    3 of 4 FAIL test accepted_values of silver.orders.country ...................... [FAIL 1 in [TIME]]
    4 of 4 START test relationships of silver.orders.country ....................... [RUN]
    4 of 4 FAIL test relationships of silver.orders.country ........................ [FAIL 1 in [TIME]]
    test unique_orders_country failed (models/models.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/unique_orders_country.sql
    test not_null_orders_country failed (models/models.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/not_null_orders_country.sql
    test accepted_values_orders_country__DE__FR failed (models/models.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/accepted_values_orders_country__DE__FR.sql
    test relationships_orders_country__code__ref_countries_ failed (models/models.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/relationships_orders_country__code__ref_countries_.sql

    finished 4 data tests in [TIME]
    completed with 4 failures  PASS=0 WARN=0 ERROR=4 SKIP=0 TOTAL=4
    ");
}

#[test]
fn severity_and_thresholds_judge_the_count() {
    let project = tested(
        "          - not_null: {name: warned, config: {severity: warn}}
          - accepted_values: {name: few, arguments: {values: [DE]}, config: {error_if: '> 10', warn_if: '> 5'}}
          - accepted_values: {name: some, arguments: {values: [DE]}, config: {error_if: '> 10', warn_if: '> 1'}}
          - accepted_values: {name: many, arguments: {values: [DE]}, config: {error_if: '>= 2'}}
",
    );
    transcript!(project.run(&["test", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    4 data tests on target `dev`, 1 at a time

    1 of 4 START test not_null of silver.orders.country ............................ [RUN]
    1 of 4 WARN test not_null of silver.orders.country ............................. [WARN 1 in [TIME]]
    2 of 4 START test accepted_values of silver.orders.country ..................... [RUN]
    2 of 4 PASS test accepted_values of silver.orders.country ...................... [PASS in [TIME]]
    3 of 4 START test accepted_values of silver.orders.country ..................... [RUN]
    3 of 4 WARN test accepted_values of silver.orders.country ...................... [WARN 2 in [TIME]]
    4 of 4 START test accepted_values of silver.orders.country ..................... [RUN]
    4 of 4 FAIL test accepted_values of silver.orders.country ...................... [FAIL 2 in [TIME]]
    test warned warned (models/models.yml): got 1 result, configured to warn if != 0
      its query: .engine/compiled/shop/models/models.yml/warned.sql
    test some warned (models/models.yml): got 2 results, configured to warn if > 1
      its query: .engine/compiled/shop/models/models.yml/some.sql
    test many failed (models/models.yml): got 2 results, configured to fail if >= 2
      its query: .engine/compiled/shop/models/models.yml/many.sql

    finished 4 data tests in [TIME]
    completed with 1 failure  PASS=1 WARN=2 ERROR=1 SKIP=0 TOTAL=4
    ");
}

#[test]
fn where_and_limit_narrow_what_is_looked_at() {
    let project = tested(
        "          - not_null: {name: of_old_rows, config: {where: id < 5}}
          - accepted_values: {name: one_is_enough, arguments: {values: [IT]}, config: {limit: 1}}
",
    );
    transcript!(project.run(&["test", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    2 data tests on target `dev`, 1 at a time

    1 of 2 START test not_null of silver.orders.country ............................ [RUN]
    1 of 2 PASS test not_null of silver.orders.country ............................. [PASS in [TIME]]
    2 of 2 START test accepted_values of silver.orders.country ..................... [RUN]
    2 of 2 FAIL test accepted_values of silver.orders.country ...................... [FAIL 1 in [TIME]]
    test one_is_enough failed (models/models.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/one_is_enough.sql

    finished 2 data tests in [TIME]
    completed with 1 failure  PASS=1 WARN=0 ERROR=1 SKIP=0 TOTAL=2
    ");
}

#[test]
fn failing_rows_are_kept_if_asked_for() {
    let project = tested(
        "          - accepted_values: {name: known, arguments: {values: [DE, FR]}, config: {store_failures: true}}\n",
    );
    transcript!(project.run(&["test", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    1 data test on target `dev`, 1 at a time

    1 of 1 START test accepted_values of silver.orders.country ..................... [RUN]
    1 of 1 FAIL test accepted_values of silver.orders.country ...................... [FAIL 1 in [TIME]]
    test known failed (models/models.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/known.sql

    finished 1 data test in [TIME]
    completed with 1 failure  PASS=0 WARN=0 ERROR=1 SKIP=0 TOTAL=1
    ");
    insta::assert_snapshot!(project.value("select value_field from test_audit.known"), @r#""XX""#);
}

#[test]
fn failing_rows_of_all_tests_are_kept_by_a_flag() {
    let project = tested("          - not_null\n");
    assert_eq!(project.run(&["test"]).code, 1);
    assert!(!project.path("warehouse/test_audit").exists());
    assert_eq!(project.run(&["test", "--store-failures"]).code, 1);
    assert_eq!(project.value("select count(*) from test_audit.not_null_orders_country"), 1);
}

#[test]
fn a_test_of_the_project_has_arguments_and_defaults() {
    let project = tested("          - not_null\n");
    project.write(
        "models/models.yml",
        "models:\n  - name: orders\n    columns:\n      - name: country\n        data_tests:\n          - longer_than\n          - longer_than: {name: very_long, arguments: {length: 5}}\n",
    );
    project.write(
        "tests/generic/longer_than.sql",
        "{% test longer_than(model, column_name, length=1) %}\nselect * from {{ model }} where length({{ column_name }}) <= {{ length }}\n{% endtest %}\n",
    );
    transcript!(project.run(&["test", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    2 data tests on target `dev`, 1 at a time

    1 of 2 START test longer_than of silver.orders.country ......................... [RUN]
    1 of 2 PASS test longer_than of silver.orders.country .......................... [PASS in [TIME]]
    2 of 2 START test longer_than of silver.orders.country ......................... [RUN]
    2 of 2 FAIL test longer_than of silver.orders.country .......................... [FAIL 4 in [TIME]]
    test very_long failed (models/models.yml): got 4 results, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/very_long.sql

    finished 2 data tests in [TIME]
    completed with 1 failure  PASS=1 WARN=0 ERROR=1 SKIP=0 TOTAL=2
    ");
}

#[test]
fn a_test_of_the_project_replaces_a_built_in_one() {
    let project = tested("          - not_null\n")
        .file("macros/not_null.sql", "{% test not_null(model, column_name) %}select 1 where false{% endtest %}\n");
    assert_eq!(project.run(&["test"]).code, 0);
}

#[test]
fn a_file_that_selects_failing_rows_is_a_test() {
    let project = tested(
        "          - relationships: {arguments: {to: ref('countries'), field: code}, config: {enabled: false}}\n",
    )
    .file(
        "tests/no_big_orders.sql",
        "{{ config(severity='warn') }}\nselect * from {{ ref('orders') }} where amount > 30\n",
    )
    .file("tests/no_orders_of_nobody.sql", "select * from {{ ref('orders') }} where country is null;\n");
    transcript!(project.run(&["test", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    2 data tests on target `dev`, 1 at a time

    1 of 2 START test no_big_orders ................................................ [RUN]
    1 of 2 WARN test no_big_orders ................................................. [WARN 2 in [TIME]]
    2 of 2 START test no_orders_of_nobody .......................................... [RUN]
    2 of 2 FAIL test no_orders_of_nobody ........................................... [FAIL 1 in [TIME]]
    test no_big_orders warned (tests/no_big_orders.sql): got 2 results, configured to warn if != 0
      its query: .engine/compiled/shop/tests/no_big_orders.sql
    test no_orders_of_nobody failed (tests/no_orders_of_nobody.sql): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/tests/no_orders_of_nobody.sql

    finished 2 data tests in [TIME]
    completed with 1 failure  PASS=0 WARN=1 ERROR=1 SKIP=0 TOTAL=2
    ");
}

#[test]
fn sources_and_seeds_are_tested_too() {
    let project = TestProject::new()
        .file("seeds/countries.csv", "code\nDE\nDE\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: countries\n    columns:\n      - name: code\n        data_tests: [unique]\n")
        .file("data/orders.ndjson", "{\"id\": 1}\n{\"id\": null}\n")
        .file(
            "sources.yaml",
            "sources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: data/orders.ndjson}\n        columns:\n          - {name: id, type: bigint, data_tests: [not_null]}\n",
        );
    transcript!(project.run(&["build", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    1 seed, 2 data tests on target `dev`, 1 at a time

    1 of 3 START seed seeds.countries .............................................. [RUN]
    1 of 3 OK seed seeds.countries ................................................. [2 rows in [TIME]]
    2 of 3 START test not_null of shop.orders.id ................................... [RUN]
    2 of 3 FAIL test not_null of shop.orders.id .................................... [FAIL 1 in [TIME]]
    3 of 3 START test unique of seeds.countries.code ............................... [RUN]
    3 of 3 FAIL test unique of seeds.countries.code ................................ [FAIL 1 in [TIME]]
    test source_not_null_shop_orders_id failed (sources.yaml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/sources.yaml/source_not_null_shop_orders_id.sql
    test unique_countries_code failed (seeds/seeds.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/seeds/seeds.yml/unique_countries_code.sql

    finished 1 seed, 2 data tests in [TIME]
    completed with 2 failures  PASS=1 WARN=0 ERROR=2 SKIP=0 TOTAL=3
    ");
}

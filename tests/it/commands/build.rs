//! `build`, `seed` and `test`: seeds, models and tests in the order of the graph.

use super::chain;
use crate::project::TestProject;
use crate::transcript;

const TESTS: &str = "
models:
  - name: orders
    columns:
      - name: id
        data_tests: [unique, not_null]
";

fn with_seed() -> TestProject {
    TestProject::new()
        .file("seeds/countries.csv", "code,name\nDE,Germany\nFR,France\n")
        .file("models/gold/names.sql", "{{ config(materialized='table') }}\nselect name from {{ ref('countries') }}\n")
}

#[test]
fn seeds_models_and_tests_are_interleaved() {
    let project = chain().file("models/models.yml", TESTS).file("seeds/countries.csv", "code\nDE\n");
    transcript!(project.run(&["build", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    5 models, 1 seed, 2 data tests on target `dev`, 1 at a time

    1 of 8 START seed seeds.countries .............................................. [RUN]
    1 of 8 OK seed seeds.countries ................................................. [1 row in [TIME]]
    2 of 8 START table model bronze.raw ............................................ [RUN]
    2 of 8 OK table model bronze.raw ............................................... [2 rows in [TIME]]
    3 of 8 START table model gold.other ............................................ [RUN]
    3 of 8 OK table model gold.other ............................................... [1 row in [TIME]]
    4 of 8 START table model silver.orders ......................................... [RUN]
    4 of 8 OK table model silver.orders ............................................ [2 rows in [TIME]]
    5 of 8 START test unique of silver.orders.id ................................... [RUN]
    5 of 8 PASS test unique of silver.orders.id .................................... [PASS in [TIME]]
    6 of 8 START test not_null of silver.orders.id ................................. [RUN]
    6 of 8 PASS test not_null of silver.orders.id .................................. [PASS in [TIME]]
    7 of 8 START table model gold.revenue .......................................... [RUN]
    7 of 8 OK table model gold.revenue ............................................. [1 row in [TIME]]
    8 of 8 START view model analytics.report ....................................... [RUN]
    8 of 8 OK view model analytics.report .......................................... [view in [TIME]]

    finished 5 models, 1 seed, 2 data tests in [TIME]
    completed successfully  PASS=8 WARN=0 ERROR=0 SKIP=0 TOTAL=8
    ");
}

#[test]
fn a_failed_test_skips_what_is_below_the_tested_model() {
    let project = chain().file("models/models.yml", TESTS).file(
        "models/bronze/raw.sql",
        "{{ config(materialized='table') }}\nselect * from (values (1, 10), (1, 20)) as rows (id, amount)\n",
    );
    transcript!(project.run(&["build", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    5 models, 2 data tests on target `dev`, 1 at a time

    1 of 7 START table model bronze.raw ............................................ [RUN]
    1 of 7 OK table model bronze.raw ............................................... [2 rows in [TIME]]
    2 of 7 START table model gold.other ............................................ [RUN]
    2 of 7 OK table model gold.other ............................................... [1 row in [TIME]]
    3 of 7 START table model silver.orders ......................................... [RUN]
    3 of 7 OK table model silver.orders ............................................ [2 rows in [TIME]]
    4 of 7 START test unique of silver.orders.id ................................... [RUN]
    4 of 7 FAIL test unique of silver.orders.id .................................... [FAIL 1 in [TIME]]
    5 of 7 START test not_null of silver.orders.id ................................. [RUN]
    6 of 7 SKIP table model gold.revenue: test `unique_orders_id` failed ........... [SKIP]
    7 of 7 SKIP view model analytics.report: `gold.revenue` was skipped ............ [SKIP]
    5 of 7 PASS test not_null of silver.orders.id .................................. [PASS in [TIME]]
    test unique_orders_id failed (models/models.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/unique_orders_id.sql

    finished 5 models, 2 data tests in [TIME]
    completed with 1 failure  PASS=4 WARN=0 ERROR=1 SKIP=2 TOTAL=7
    ");
}

#[test]
fn a_warning_skips_nothing() {
    let project = chain()
        .file(
            "models/models.yml",
            "models:\n  - name: orders\n    columns:\n      - name: id\n        data_tests:\n          - unique: {config: {severity: warn}}\n",
        )
        .file("models/bronze/raw.sql", "{{ config(materialized='table') }}\nselect * from (values (1, 10), (1, 20)) as rows (id, amount)\n");
    transcript!(project.run(&["build", "--threads", "1", "--select", "orders+", "raw"]), @"
    exit: 0
    ----- stderr -----
    4 models, 1 data test on target `dev`, 1 at a time

    1 of 5 START table model bronze.raw ............................................ [RUN]
    1 of 5 OK table model bronze.raw ............................................... [2 rows in [TIME]]
    2 of 5 START table model silver.orders ......................................... [RUN]
    2 of 5 OK table model silver.orders ............................................ [2 rows in [TIME]]
    3 of 5 START test unique of silver.orders.id ................................... [RUN]
    3 of 5 WARN test unique of silver.orders.id .................................... [WARN 1 in [TIME]]
    4 of 5 START table model gold.revenue .......................................... [RUN]
    4 of 5 OK table model gold.revenue ............................................. [1 row in [TIME]]
    5 of 5 START view model analytics.report ....................................... [RUN]
    5 of 5 OK view model analytics.report .......................................... [view in [TIME]]
    test unique_orders_id warned (models/models.yml): got 1 result, configured to warn if != 0
      its query: .engine/compiled/shop/models/models.yml/unique_orders_id.sql

    finished 4 models, 1 data test in [TIME]
    completed with warnings  PASS=4 WARN=1 ERROR=0 SKIP=0 TOTAL=5
    ");
}

#[test]
fn a_test_of_two_models_holds_back_only_what_reads_both() {
    let project = TestProject::new()
        .file("models/silver/a.sql", "{{ config(materialized='table') }} select 1 as id")
        .file("models/silver/b.sql", "{{ config(materialized='table') }} select 2 as id")
        .file("models/gold/of_a.sql", "select id from {{ ref('a') }}")
        .file("models/gold/of_both.sql", "select id from {{ ref('a') }} union all select id from {{ ref('b') }}")
        .file(
            "models/models.yml",
            "models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n          - relationships: {arguments: {to: ref('b'), field: id}}\n",
        );
    transcript!(project.run(&["build", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    4 models, 1 data test on target `dev`, 1 at a time

    1 of 5 START table model silver.a .............................................. [RUN]
    1 of 5 OK table model silver.a ................................................. [1 row in [TIME]]
    2 of 5 START table model silver.b .............................................. [RUN]
    2 of 5 OK table model silver.b ................................................. [1 row in [TIME]]
    3 of 5 START view model gold.of_a .............................................. [RUN]
    3 of 5 OK view model gold.of_a ................................................. [view in [TIME]]
    4 of 5 START test relationships of silver.a.id ................................. [RUN]
    4 of 5 FAIL test relationships of silver.a.id .................................. [FAIL 1 in [TIME]]
    5 of 5 SKIP view model gold.of_both: test `relationships_a_id__id__ref_b_` failed .. [SKIP]
    test relationships_a_id__id__ref_b_ failed (models/models.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/models.yml/relationships_a_id__id__ref_b_.sql

    finished 4 models, 1 data test in [TIME]
    completed with 1 failure  PASS=3 WARN=0 ERROR=1 SKIP=1 TOTAL=5
    ");
}

#[test]
fn seeds_are_loaded() {
    let project = with_seed();
    transcript!(project.run(&["seed", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    1 seed on target `dev`, 1 at a time

    1 of 1 START seed seeds.countries .............................................. [RUN]
    1 of 1 OK seed seeds.countries ................................................. [2 rows in [TIME]]

    finished 1 seed in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
    assert_eq!(project.value("select count(*) from {{ ref('countries') }}"), 2);
}

#[test]
fn a_model_of_a_seed_that_was_not_loaded_says_how_to_load_it() {
    transcript!(with_seed().run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0402]: `seeds.countries` has not been built yet
     --> models/gold/names.sql:2:25
      |
    2 | select name from {{ ref('countries') }}
      |                         ^^^^^^^^^^^
      |
      = hint: load it first: `engine seed --select countries`
    ");
}

#[test]
fn tests_run_by_themselves_and_none_waits_for_another() {
    let project = chain()
        .file("models/models.yml", TESTS)
        .file("tests/no_small_orders.sql", "select * from {{ ref('orders') }} where amount < 15\n");
    project.ok(&["run"]);
    transcript!(project.run(&["test", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    3 data tests on target `dev`, 1 at a time

    1 of 3 START test no_small_orders .............................................. [RUN]
    1 of 3 FAIL test no_small_orders ............................................... [FAIL 1 in [TIME]]
    2 of 3 START test unique of silver.orders.id ................................... [RUN]
    2 of 3 PASS test unique of silver.orders.id .................................... [PASS in [TIME]]
    3 of 3 START test not_null of silver.orders.id ................................. [RUN]
    3 of 3 PASS test not_null of silver.orders.id .................................. [PASS in [TIME]]
    test no_small_orders failed (tests/no_small_orders.sql): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/tests/no_small_orders.sql

    finished 3 data tests in [TIME]
    completed with 1 failure  PASS=2 WARN=0 ERROR=1 SKIP=0 TOTAL=3
    ");
}

#[test]
fn only_the_selected_tests_run() {
    let project = chain().file("models/models.yml", TESTS);
    project.ok(&["run"]);
    transcript!(project.run(&["test", "--threads", "1", "--select", "test_name:unique"]), @"
    exit: 0
    ----- stderr -----
    1 data test on target `dev`, 1 at a time

    1 of 1 START test unique of silver.orders.id ................................... [RUN]
    1 of 1 PASS test unique of silver.orders.id .................................... [PASS in [TIME]]

    finished 1 data test in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
}

#[test]
fn a_test_of_what_was_not_built_says_so() {
    let project = chain().file("models/models.yml", TESTS);
    transcript!(project.run(&["test", "--quiet", "--select", "unique_orders_id"]), @"
    exit: 1
    ----- stderr -----
    error[E0402]: `silver.orders` has not been built yet
     --> models/models.yml:6:22
      |
    6 |         data_tests: [unique, not_null]
      |                      ^^^^^^ in the query of this test
      |
      = hint: build it first: `engine run --select +orders`
    ");
}

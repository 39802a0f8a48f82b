//! `run`: models in the order of the graph.

use super::chain;
use crate::project::TestProject;
use crate::transcript;

#[test]
fn models_are_built_in_the_order_of_the_graph() {
    let project = chain();
    transcript!(project.run(&["run", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    5 models on target `dev`, 1 at a time

    1 of 5 START table model bronze.raw ............................................ [RUN]
    1 of 5 OK table model bronze.raw ............................................... [2 rows in [TIME]]
    2 of 5 START table model gold.other ............................................ [RUN]
    2 of 5 OK table model gold.other ............................................... [1 row in [TIME]]
    3 of 5 START table model silver.orders ......................................... [RUN]
    3 of 5 OK table model silver.orders ............................................ [2 rows in [TIME]]
    4 of 5 START table model gold.revenue .......................................... [RUN]
    4 of 5 OK table model gold.revenue ............................................. [1 row in [TIME]]
    5 of 5 START view model analytics.report ....................................... [RUN]
    5 of 5 OK view model analytics.report .......................................... [view in [TIME]]

    finished 5 models in [TIME]
    completed successfully  PASS=5 WARN=0 ERROR=0 SKIP=0 TOTAL=5
    ");
    assert_eq!(project.value("select revenue from {{ ref('report') }}"), 30);
}

#[test]
fn a_layer_and_all_below_it() {
    let project = chain();
    project.ok(&["run"]);
    transcript!(project.run(&["run", "--threads", "1", "--select", "gold+"]), @"
    exit: 0
    ----- stderr -----
    3 models on target `dev`, 1 at a time

    1 of 3 START table model gold.other ............................................ [RUN]
    1 of 3 OK table model gold.other ............................................... [1 row in [TIME]]
    2 of 3 START table model gold.revenue .......................................... [RUN]
    2 of 3 OK table model gold.revenue ............................................. [1 row in [TIME]]
    3 of 3 START view model analytics.report ....................................... [RUN]
    3 of 3 OK view model analytics.report .......................................... [view in [TIME]]

    finished 3 models in [TIME]
    completed successfully  PASS=3 WARN=0 ERROR=0 SKIP=0 TOTAL=3
    ");
}

#[test]
fn a_failed_model_skips_what_is_below_and_nothing_else() {
    let project = chain()
        .file("models/silver/orders.sql", "{{ config(materialized='table') }}\nselect amont from {{ ref('raw') }}\n");
    transcript!(project.run(&["run", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    5 models on target `dev`, 1 at a time

    1 of 5 START table model bronze.raw ............................................ [RUN]
    1 of 5 OK table model bronze.raw ............................................... [2 rows in [TIME]]
    2 of 5 START table model gold.other ............................................ [RUN]
    2 of 5 OK table model gold.other ............................................... [1 row in [TIME]]
    3 of 5 START table model silver.orders ......................................... [RUN]
    3 of 5 ERROR table model silver.orders ......................................... [ERROR in [TIME]]
    4 of 5 SKIP table model gold.revenue: `silver.orders` failed ................... [SKIP]
    5 of 5 SKIP view model analytics.report: `gold.revenue` was skipped ............ [SKIP]

    error[E0403]: no column named `amont`
     --> models/silver/orders.sql:2:8
      |
    2 | select amont from {{ ref('raw') }}
      |        ^^^^^
      |
      = hint: did you mean `amount`?


    finished 5 models in [TIME]
    completed with 1 failure  PASS=2 WARN=0 ERROR=1 SKIP=2 TOTAL=5
    ");
}

#[test]
fn the_first_failure_stops_the_run_if_asked_to() {
    let project =
        TestProject::new().file("models/gold/a.sql", "select nope").file("models/gold/b.sql", "select 1 as id");
    transcript!(project.run(&["run", "--threads", "1", "--fail-fast"]), @"
    exit: 1
    ----- stderr -----
    2 models on target `dev`, 1 at a time

    1 of 2 START view model gold.a ................................................. [RUN]
    1 of 2 ERROR view model gold.a ................................................. [ERROR in [TIME]]
    2 of 2 SKIP view model gold.b: stopped by --fail-fast .......................... [SKIP]

    error[E0403]: no column named `nope`
     --> models/gold/a.sql:1:8
      |
    1 | select nope
      |        ^^^^


    finished 2 models in [TIME]
    completed with 1 failure  PASS=0 WARN=0 ERROR=1 SKIP=1 TOTAL=2
    ");
    transcript!(project.run(&["run", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    2 models on target `dev`, 1 at a time

    1 of 2 START view model gold.a ................................................. [RUN]
    1 of 2 ERROR view model gold.a ................................................. [ERROR in [TIME]]
    2 of 2 START view model gold.b ................................................. [RUN]
    2 of 2 OK view model gold.b .................................................... [view in [TIME]]

    error[E0403]: no column named `nope`
     --> models/gold/a.sql:1:8
      |
    1 | select nope
      |        ^^^^


    finished 2 models in [TIME]
    completed with 1 failure  PASS=1 WARN=0 ERROR=1 SKIP=0 TOTAL=2
    ");
}

#[test]
fn nothing_to_do_is_no_failure() {
    transcript!(TestProject::new().run(&["run"]), @"
    exit: 0
    ----- stderr -----
    nothing to do: the selection holds nothing this command builds
    ");
    let project = TestProject::new().file("models/gold/a.sql", "{{ config(materialized='ephemeral') }} select 1 as id");
    transcript!(project.run(&["run"]), @"
    exit: 0
    ----- stderr -----
    nothing to do: ephemeral models are built into the models that read them
    ");
    transcript!(chain().run(&["test"]), @"
    exit: 0
    ----- stderr -----
    nothing to do: the selection holds nothing this command builds
    ");
}

#[test]
fn seeds_and_tests_are_not_run() {
    let project = TestProject::new()
        .file("seeds/countries.csv", "code\nDE\n")
        .file("models/gold/a.sql", "select 1 as id")
        .file("tests/never.sql", "select * from {{ ref('a') }}");
    transcript!(project.run(&["run", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    1 model on target `dev`, 1 at a time

    1 of 1 START view model gold.a ................................................. [RUN]
    1 of 1 OK view model gold.a .................................................... [view in [TIME]]

    finished 1 model in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
}

#[test]
fn a_model_that_is_not_selected_still_comes_between_two_that_are() {
    let project = chain();
    project.ok(&["run"]);
    project.write("models/bronze/raw.sql", "select nope");
    transcript!(project.run(&["run", "--threads", "1", "--select", "raw", "revenue"]), @"
    exit: 1
    ----- stderr -----
    2 models on target `dev`, 1 at a time

    1 of 2 START view model bronze.raw ............................................. [RUN]
    1 of 2 ERROR view model bronze.raw ............................................. [ERROR in [TIME]]
    2 of 2 SKIP table model gold.revenue: `bronze.raw` failed ...................... [SKIP]

    error[E0403]: no column named `nope`
     --> models/bronze/raw.sql:1:8
      |
    1 | select nope
      |        ^^^^


    finished 2 models in [TIME]
    completed with 1 failure  PASS=0 WARN=0 ERROR=1 SKIP=1 TOTAL=2
    ");
}

#[test]
fn a_dry_run_tells_the_plan_and_does_nothing() {
    let project = chain().file(
        "models/gold/events.sql",
        "{{ config(materialized='incremental', unique_key='id') }}\nselect id from {{ ref('raw') }}\n",
    );
    transcript!(project.run(&["run", "--dry-run"]), @"
    exit: 0
    ----- stdout -----
    create table       bronze.raw
    create table       gold.other
    create table       gold.events  after bronze.raw
    create table       silver.orders  after bronze.raw
    create table       gold.revenue  after silver.orders
    create view        analytics.report  after gold.revenue
    ----- stderr -----
    6 steps; nothing was run
    ");
    assert!(!project.path("warehouse/gold").exists() && !project.path(".engine/run_results.json").exists());
    project.ok(&["run"]);
    transcript!(project.run(&["run", "--dry-run", "--select", "events"]), @"
    exit: 0
    ----- stdout -----
    merge              gold.events
    ----- stderr -----
    1 step; nothing was run
    ");
    transcript!(project.run(&["run", "--dry-run", "--select", "events", "--full-refresh"]), @"
    exit: 0
    ----- stdout -----
    create table       gold.events
    ----- stderr -----
    1 step; nothing was run
    ");
}

#[test]
fn a_full_refresh_rebuilds_an_incremental_model() {
    let project =
        TestProject::new().file("models/gold/events.sql", "{{ config(materialized='incremental') }}\nselect 1 as id\n");
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(project.value("select count(*) from {{ ref('events') }}"), 2);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(project.value("select count(*) from {{ ref('events') }}"), 1);
}

#[test]
fn hooks_of_the_project_run_before_and_after() {
    let project = chain().file(
        "project.yaml",
        "name: shop\non-run-start: \"{{ log('begin', info=true) }}\"\non-run-end:\n  - \"{{ log('end', info=true) }}\"\n  - select count(*) from {{ ref('raw') }}\n",
    );
    transcript!(project.run(&["run", "--threads", "1", "--select", "raw"]), @"
    exit: 0
    ----- stderr -----
    1 model on target `dev`, 1 at a time

    begin
    1 of 1 START table model bronze.raw ............................................ [RUN]
    1 of 1 OK table model bronze.raw ............................................... [2 rows in [TIME]]
    end

    finished 1 model in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
}

#[test]
fn a_hook_that_fails_before_the_run_stops_it() {
    let project = chain().file("project.yaml", "name: shop\non-run-start: select nope\n");
    transcript!(project.run(&["run", "--threads", "1"]), @"
    exit: 2
    ----- stderr -----
    5 models on target `dev`, 1 at a time

    error[E0407]: hook: no column named `nope`
     --> project.yaml:2:22
      |
    2 | on-run-start: select nope
      |                      ^^^^
      |
      = note: it runs: select nope
    ");
    assert!(!project.path("warehouse/gold").exists());
}

#[test]
fn hooks_of_a_model_run_around_it() {
    let project = TestProject::new().file(
        "models/gold/a.sql",
        "{{ config(materialized='table', pre_hook=\"{{ log('before ' ~ this, info=true) }}\", post_hook=\"select count(*) from {{ this }}\") }}\nselect 1 as id\n",
    );
    transcript!(project.run(&["run", "--threads", "1"]), @r#"
    exit: 0
    ----- stderr -----
    1 model on target `dev`, 1 at a time

    1 of 1 START table model gold.a ................................................ [RUN]
    before "gold"."a"
    1 of 1 OK table model gold.a ................................................... [1 row in [TIME]]

    finished 1 model in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    "#);
}

//! `init`, `debug`, `clean`: a project's beginning, its health, and what is left of it.

use crate::project::{Ran, TestProject};
use crate::transcript;

#[test]
fn init_makes_a_project_that_builds() {
    let folder = TestProject::empty();
    transcript!(folder.run(&["init", "my_shop"]), @"
    exit: 0
    ----- stderr -----
    made project `my_shop` in my_shop
    build it: cd my_shop && engine build
    ");
    let run = |arguments: &[&str]| {
        let mut command = folder.command(arguments);
        Ran::new(&command.current_dir(folder.path("my_shop")).output().unwrap(), folder.root())
    };
    transcript!(run(&["build", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    3 models, 1 seed, 5 data tests on target `dev`, 1 at a time

    1 of 9 START seed seeds.countries .............................................. [RUN]
    1 of 9 OK seed seeds.countries ................................................. [2 rows in [TIME]]
    2 of 9 START incremental model bronze.bronze_orders ............................ [RUN]
    2 of 9 OK incremental model bronze.bronze_orders ............................... [4 rows in [TIME]]
           1 record could not be decoded and went to `bronze.bronze_orders__rejected`
    3 of 9 START table model silver.silver_orders .................................. [RUN]
    3 of 9 OK table model silver.silver_orders ..................................... [3 rows in [TIME]]
    4 of 9 START test unique of silver.silver_orders.id ............................ [RUN]
    4 of 9 PASS test unique of silver.silver_orders.id ............................. [PASS in [TIME]]
    5 of 9 START test not_null of silver.silver_orders.id .......................... [RUN]
    5 of 9 PASS test not_null of silver.silver_orders.id ........................... [PASS in [TIME]]
    6 of 9 START test relationships of silver.silver_orders.country ................ [RUN]
    6 of 9 PASS test relationships of silver.silver_orders.country ................. [PASS in [TIME]]
    7 of 9 START table model gold.gold_revenue ..................................... [RUN]
    7 of 9 OK table model gold.gold_revenue ........................................ [2 rows in [TIME]]
    8 of 9 START test unique of gold.gold_revenue.country .......................... [RUN]
    8 of 9 PASS test unique of gold.gold_revenue.country ........................... [PASS in [TIME]]
    9 of 9 START test not_null of gold.gold_revenue.country ........................ [RUN]
    9 of 9 PASS test not_null of gold.gold_revenue.country ......................... [PASS in [TIME]]

    finished 3 models, 1 seed, 5 data tests in [TIME]
    completed successfully  PASS=9 WARN=0 ERROR=0 SKIP=0 TOTAL=9
    ");
    transcript!(run(&["show", "--inline", "select * from {{ ref('gold_revenue') }} order by country"]), @"
    exit: 0
    ----- stdout -----
    +---------+--------+---------+
    | country | orders | revenue |
    +---------+--------+---------+
    | France  | 1      | 8.0     |
    | Germany | 2      | 32.5    |
    +---------+--------+---------+
    ");
    transcript!(run(&["build", "--threads", "1", "--quiet"]), @"exit: 0");
}

#[test]
fn init_overwrites_nothing() {
    let folder = TestProject::empty().file("project.yaml", "name: mine\n");
    transcript!(folder.run(&["init"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: `project.yaml` is there already
     |
     = hint: nothing was written; start in an empty folder: engine init my_project
    ");
    assert_eq!(std::fs::read_to_string(folder.path("project.yaml")).unwrap(), "name: mine\n");
    assert!(!folder.path("models").exists());
}

#[test]
fn debug_tells_what_is_used() {
    let project = TestProject::new().file("models/gold/a.sql", "select 1 as id");
    transcript!(without_versions(project.run(&["debug", "--threads", "1"])), @"
    exit: 0
    ----- stdout -----
    engine      [VERSION]
    datafusion  [VERSION]
    deltalake   [VERSION]
    project     shop at [ROOT]
    models      1
    target      dev, 1 at a time
    warehouse   file://[ROOT]/warehouse/ is readable and writable
    ");
}

#[test]
fn debug_of_a_wrong_project_tells_what_is_wrong() {
    let project = TestProject::new().file("models/gold/a.sql", "select * from {{ ref('b') }}");
    transcript!(without_versions(project.run(&["debug"])), @"
    exit: 1
    ----- stdout -----
    engine      [VERSION]
    datafusion  [VERSION]
    deltalake   [VERSION]
    project     not usable
    ----- stderr -----
    error[E0301]: no model or seed named `b`
     --> models/gold/a.sql:1:18
      |
    1 | select * from {{ ref('b') }}
      |                  ^^^^^^^^ not found in this project
    ");
}

fn without_versions(mut ran: Ran) -> Ran {
    let version = regex::Regex::new(r"\b\d+\.\d+\.\d+\b").unwrap();
    ran.stdout = version.replace_all(&ran.stdout, "[VERSION]").into_owned();
    ran
}

#[test]
fn clean_deletes_artifacts_and_no_table() {
    let project = TestProject::new().file("models/gold/a.sql", "{{ config(materialized='table') }} select 1 as id");
    project.ok(&["run"]);
    transcript!(project.run(&["clean"]), @"
    exit: 0
    ----- stderr -----
    deleted .engine
    ");
    assert!(!project.path(".engine").exists());
    transcript!(project.run(&["clean"]), @"exit: 0");
    assert_eq!(project.value("select count(*) from {{ ref('a') }}"), 1);
}

#[test]
fn clean_leaves_tables_and_other_folders_alone() {
    let project = TestProject::empty()
        .file(
            "project.yaml",
            "name: shop\nclean-targets: [warehouse, ../other, dist]\ntargets:\n  dev: {warehouse: warehouse}\n",
        )
        .file("dist/a.txt", "")
        .file("models/gold/a.sql", "{{ config(materialized='table') }} select 1 as id");
    project.ok(&["run"]);
    transcript!(project.run(&["clean"]), @"
    exit: 2
    ----- stderr -----
    deleted dist
    error[E0103]: `warehouse` holds tables, and is left alone
    --> project.yaml
     = hint: take it out of `clean-targets`

    error[E0103]: `../other` is not below the project, and is left alone
    --> project.yaml

    2 errors
    ");
    assert!(project.path("warehouse/gold/a").is_dir() && !project.path("dist").exists());
}

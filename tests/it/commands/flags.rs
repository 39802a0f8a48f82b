//! Flags that every command has.

use serde_json::Value;

use super::chain;
use crate::project::{Ran, TestProject};
use crate::transcript;

const TARGETS: &str = "
name: shop
default_target: dev
vars: {who: project, only_here: 1}
targets:
  dev: {warehouse: dev_tables}
  prod: {warehouse: prod_tables, threads: 3, vars: {who: target}}
";

#[test]
fn quiet_says_nothing_of_what_went_well() {
    transcript!(chain().run(&["build", "--quiet"]), @"exit: 0");
}

#[test]
fn quiet_still_tells_failures() {
    let project = chain().file("tests/never.sql", "select * from {{ ref('orders') }}\n");
    transcript!(project.run(&["build", "--quiet", "--threads", "1"]), @"
    exit: 1
    ----- stderr -----
    test never failed (tests/never.sql): got 2 results, configured to fail if != 0
      its query: .engine/compiled/shop/tests/never.sql
    ");
}

#[test]
fn json_is_one_object_a_line() {
    let project = chain()
        .file("tests/never.sql", "select * from {{ ref('orders') }}\n")
        .file("models/gold/other.sql", "{{ log('hello', info=true) }} select nope");
    let ran = project.run(&["build", "--threads", "1", "--log-format", "json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stderr, "");
    insta::assert_snapshot!(events(&ran), @"
    begin
    start model.shop.raw
    finish model.shop.raw success
    start model.shop.other
    log hello
    finish model.shop.other error no column named `nope`
    start model.shop.orders
    finish model.shop.orders success
    start test.shop.never
    finish test.shop.never fail got 2 results, configured to fail if != 0
    finish model.shop.revenue skipped test `never` failed
    finish model.shop.report skipped `gold.revenue` was skipped
    summary
    ");
}

#[test]
fn json_tells_mistakes_with_their_places() {
    let project = TestProject::new().file("models/gold/a.sql", "select * from {{ ref('b') }}");
    transcript!(project.run(&["run", "--log-format", "json"]), @r#"
    exit: 2
    ----- stdout -----
    {"code":"E0301","severity":"error","message":"no model or seed named `b`","file":"models/gold/a.sql","place":{"line":1,"column":18,"end_line":1,"end_column":26,"text":"not found in this project"},"related":[],"notes":[],"hints":[],"event":"diagnostic"}
    "#);
}

#[test]
fn json_of_a_dry_run_is_the_plan() {
    transcript!(chain().run(&["run", "--dry-run", "--log-format", "json", "--select", "raw", "orders"]), @r#"
    exit: 0
    ----- stdout -----
    {"unique_id":"model.shop.raw","action":"replace_table","waits_for":[],"event":"step"}
    {"unique_id":"model.shop.orders","action":"replace_table","waits_for":["bronze.raw"],"event":"step"}
    "#);
}

/// The event of each line, with what it is about and how it ended.
fn events(ran: &Ran) -> String {
    let mut lines = Vec::new();
    for line in ran.stdout.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let of = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let parts = [of("event"), of("unique_id"), of("status"), of("message")];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        lines.push(parts.join(" "));
    }
    lines.join("\n")
}

#[test]
fn variables_of_the_command_line_win_over_those_of_the_target_and_the_project() {
    let project = TestProject::empty().file("project.yaml", TARGETS).file(
        "models/gold/a.sql",
        "select '{{ var('who') }}' as who, {{ var('only_here') }} as here, '{{ var('none', 'default') }}' as other",
    );
    let who = |arguments: &[&str]| {
        let ran = project.ok(&[&["compile", "--quiet", "--select", "a"], arguments].concat());
        ran.stdout.trim().to_owned()
    };
    insta::assert_snapshot!(who(&[]), @"select 'project' as who, 1 as here, 'default' as other");
    insta::assert_snapshot!(who(&["--target", "prod"]), @"select 'target' as who, 1 as here, 'default' as other");
    insta::assert_snapshot!(who(&["--target", "prod", "--vars", "{who: line, none: given}"]), @"select 'line' as who, 1 as here, 'given' as other");
    insta::assert_snapshot!(who(&["--vars", "who: line"]), @"select 'line' as who, 1 as here, 'default' as other");
}

#[test]
fn a_target_has_its_own_warehouse_and_threads() {
    let project = TestProject::empty()
        .file("project.yaml", TARGETS)
        .file("models/gold/a.sql", "{{ config(materialized='table') }} select '{{ target.name }}' as target");
    transcript!(project.run(&["run", "--target", "prod"]), @"
    exit: 0
    ----- stderr -----
    1 model on target `prod`, 3 at a time

    1 of 1 START table model gold.a ................................................ [RUN]
    1 of 1 OK table model gold.a ................................................... [1 row in [TIME]]

    finished 1 model in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
    assert!(project.path("prod_tables/gold/a/_delta_log").is_dir());
    assert!(!project.path("dev_tables/gold").exists());
}

#[test]
fn threads_of_the_command_line_win() {
    let project = TestProject::empty().file("project.yaml", TARGETS).file("models/gold/a.sql", "select 1 as id");
    let ran = project.ok(&["run", "--target", "prod", "--threads", "7"]);
    assert!(ran.stderr.starts_with("1 model on target `prod`, 7 at a time\n"), "{ran}");
}

#[test]
fn threads_are_a_positive_number() {
    for number in ["many", "0", "-1"] {
        let ran = chain().run(&["run", "--threads", number]);
        assert_eq!(ran.code, 2, "{number}: {ran}");
    }
}

#[test]
fn the_project_is_found_upwards_and_by_its_folder() {
    let project = chain();
    let mut inside = project.command(&["ls", "--select", "raw"]);
    let inside = Ran::new(&inside.current_dir(project.path("models/gold")).output().unwrap(), project.root());
    transcript!(inside, @"
    exit: 0
    ----- stdout -----
    shop.bronze.raw
    ");
    let elsewhere = TestProject::empty();
    let folder = project.root().to_str().unwrap().to_owned();
    let mut outside = elsewhere.command(&["run", "--quiet", "--project-dir", &folder]);
    let outside = Ran::new(&outside.output().unwrap(), elsewhere.root());
    transcript!(outside, @"exit: 0");
    assert!(project.path("warehouse/gold/revenue").is_dir());
}

#[test]
fn the_environment_file_is_read_and_the_environment_wins() {
    let project = TestProject::new().file(".env", "SHOP_REGION=eu\nSHOP_OWNER='ann' # of this file\n").file(
        "models/gold/a.sql",
        "select '{{ env_var('SHOP_REGION') }}' as region, '{{ env_var('SHOP_OWNER') }}' as owner",
    );
    let compiled = project.ok(&["compile", "--quiet", "--select", "a"]).stdout;
    insta::assert_snapshot!(compiled.trim(), @"select 'eu' as region, 'ann' as owner");
    let project = project.env("SHOP_REGION", "us");
    let compiled = project.ok(&["compile", "--quiet", "--select", "a"]).stdout;
    insta::assert_snapshot!(compiled.trim(), @"select 'us' as region, 'ann' as owner");
}

#[test]
fn nothing_is_coloured_in_a_pipe() {
    for project in [chain(), chain().env("NO_COLOR", "1"), chain().env("CLICOLOR_FORCE", "0")] {
        let ran = project.ok(&["build"]);
        assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}'), "{ran}");
    }
}

#[test]
fn flags_may_stand_before_the_command() {
    transcript!(chain().run(&["--quiet", "--threads", "1", "run", "--select", "raw"]), @"exit: 0");
}

#[test]
fn without_a_command_the_help_is_shown() {
    let ran = TestProject::empty().run(&[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("Usage: engine"), "{ran}");
    let ran = TestProject::empty().ok(&["--version"]);
    assert_eq!(ran.stdout, format!("engine {}\n", env!("CARGO_PKG_VERSION")));
    assert!(TestProject::empty().ok(&["run", "--help"]).stdout.contains("--full-refresh"));
}

#[test]
fn an_unknown_command_is_a_mistake() {
    transcript!(chain().run(&["biuld"]), @"
    exit: 2
    ----- stderr -----
    error: unrecognized subcommand 'biuld'

      tip: a similar subcommand exists: 'build'

    Usage: engine [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

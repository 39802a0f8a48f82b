//! How a watch ends, and what it says where there is a terminal and where there is none.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::builds::{ENDLESS, fresh};
use super::{Watching, project, save};
use crate::environment::skipped;
use crate::project::{Ran, TestProject};
use crate::transcript;

fn signal(watching: &Watching, name: &str) {
    let killed = Command::new("kill").args([name, &watching.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

#[test]
fn it_ends_at_once_and_keeps_nothing_locked() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let project = project();
        project.ok(&["build"]);
        let version = project.version("bronze/raw");
        let (mut watching, _) = Watching::start(&project, &[]);
        let raw = std::fs::read_to_string(project.path("models/bronze/raw.sql")).unwrap();
        save(&project, "models/bronze/raw.sql", ENDLESS);
        watching.until("start", |event| event["unique_id"] == "model.shop.raw");
        signal(&watching, name);
        assert_eq!(watching.child.wait().unwrap().code(), Some(0), "{name}");
        assert_eq!(project.version("bronze/raw"), version);
        save(&project, "models/bronze/raw.sql", &raw);
        project.ok(&["build"]);
    }
}

/// What a watch in a pipe says until a line comes, and then ends.
fn said(project: &TestProject, begin: &str, change: impl FnOnce(), end: &str) -> Ran {
    let mut child =
        project.command(&["watch", "--threads", "2"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    let mut until = |wanted: &str| {
        while !said.lines().any(|line| line.contains(wanted)) {
            assert!(reader.read_line(&mut said).unwrap() > 0, "ended before {wanted}: {said}");
        }
    };
    until(begin);
    change();
    until(end);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    reader.read_to_string(&mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = said.into_bytes();
    Ran::new(&output, project.root())
}

#[test]
fn a_test_that_fails_is_told_with_its_query_and_its_rows() {
    let project =
        TestProject::new().file("models/gold/one.sql", "{{ config(materialized='table') }}\nselect 1 as id\n").file(
            "models/gold/one.yml",
            "models:\n  - name: one\n    columns:\n      - name: id\n        data_tests: [not_null]\n",
        );
    project.ok(&["build"]);
    let change = || save(&project, "models/gold/one.sql", "{{ config(materialized='table') }}\nselect null as id\n");
    transcript!(said(&project, "watching", change, "its query:"), @"
    exit: 0
    ----- stdout -----
    gold.one: 1 row: 1 added, 1 removed, `id` was bigint and is a string
    +---+----+
    | ± | id |
    +---+----+
    | - | 1  |
    | + |    |
    +---+----+
    not_null_one_id:
    +----+
    | id |
    +----+
    |    |
    +----+
    ----- stderr -----
    checked 1 model in [TIME]: no mistakes
    watching [ROOT]

    models/gold/one.sql
    checked 1 model in [TIME]: no mistakes
    1 model, 1 data test on target `dev`, 2 at a time

    1 of 2 START table model gold.one .............................................. [RUN]
    1 of 2 OK table model gold.one ................................................. [1 row in [TIME]]
    2 of 2 START test not_null of gold.one.id ...................................... [RUN]
    2 of 2 FAIL test not_null of gold.one.id ....................................... [FAIL 1 in [TIME]]
    test not_null_one_id failed (models/gold/one.yml): got 1 result, configured to fail if != 0
      its query: .engine/compiled/shop/models/gold/one.yml/not_null_one_id.sql
    ");
}

#[test]
fn what_is_built_besides_is_named() {
    let project = fresh();
    let change = || {
        let fruit = "{{ config(materialized='table') }} select upper(name) as name from {{ ref('short') }}";
        save(&project, "models/gold/fruit.sql", fruit);
    };
    let said = said(&project, "watching", change, "also ");
    assert!(said.stderr.contains("also kinds, raw, named: not built yet\n"), "{said}");
}

#[test]
fn a_selection_that_is_misspelt_ends_it_at_once() {
    transcript!(project().run(&["watch", "--select", "ordrs"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `ordrs` matches nothing in this project
     --> command line:1:10
      |
    1 | --select ordrs
      |          ^^^^^
      |
      = hint: did you mean `orders`?
    ");
}

/// Drives a watch through a terminal of its own.
fn in_terminal(project: &TestProject, steps: &[&str]) -> Option<String> {
    let script = project.path("terminal.py");
    std::fs::write(&script, include_str!("terminal.py")).unwrap();
    let mut watch = project.command(&["watch"]);
    let program = watch.get_program().to_owned();
    watch = Command::new("python3");
    let output = watch.arg(&script).arg(program).args(steps).current_dir(project.root()).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_terminal_is_given_back_as_it_was() {
    for end in ["key q", "key \u{3}", "signal TERM", "signal INT"] {
        let Some(said) = in_terminal(&project(), &["wait q quit", "modes", end, "end"]) else {
            return skipped("keys in a terminal", "no Python");
        };
        assert_eq!(said, "keys alone\nended with 0\nas before\n", "{end}");
    }
}

#[test]
fn a_new_column_is_shown_with_its_values() {
    let project =
        TestProject::new().file("models/gold/one.sql", "{{ config(materialized='table') }}\nselect 1 as id\n");
    project.ok(&["build"]);
    let save = "save models/gold/one.sql 1 as 7 as more, 1 as";
    let Some(said) = in_terminal(&project, &["wait q quit", save, "wait `more` is new", "wait | 7 ", "key q", "end"])
    else {
        return skipped("keys in a terminal", "no Python");
    };
    assert_eq!(said, "ended with 0\nas before\n");
}

#[test]
fn keys_build_again_and_show_more() {
    let project = TestProject::new().file(
        "models/gold/many.sql",
        "{{ config(materialized='table') }}\nselect value as id from generate_series(1, 3)\n",
    );
    project.ok(&["build"]);
    let steps = [
        "wait q quit",
        "key r",
        "wait nothing was built yet",
        "save models/gold/many.sql 1, 3 1, 20",
        "wait 20 rows: 17 added",
        "key \n",
        "wait 20 rows: 17 added",
        "wait | 20 ",
        "key r",
        "wait 20 rows, as before",
        "key f",
        "wait 20 rows, as before",
        "key \u{1b}[A",
        "key q",
        "end",
    ];
    let Some(said) = in_terminal(&project, &steps) else { return skipped("keys in a terminal", "no Python") };
    assert_eq!(said, "ended with 0\nas before\n");
    assert_eq!(project.version("gold/many"), 3);
}

//! `engine watch` as a child of the test: what it says of each save.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::project::TestProject;

/// Long enough for the busiest machine: it only bounds a failure.
const PATIENCE: Duration = Duration::from_mins(2);

struct Watching {
    child: Child,
    events: Receiver<Value>,
}

impl Watching {
    /// Waits for the first verdict.
    fn start(project: &TestProject, arguments: &[&str]) -> (Self, Value) {
        let mut command = project.command(&["watch", "--log-format", "json"]);
        let mut child =
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        let watching = Self { child, events };
        let first = watching.next("check");
        (watching, first)
    }

    /// The next event of a kind; others are passed over.
    fn next(&self, kind: &str) -> Value {
        self.until(kind, |_| true)
    }

    fn until(&self, kind: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).unwrap_or_else(|_| panic!("no `{kind}` came"));
            if event["event"] == kind && is_meant(&event) {
                return event;
            }
        }
    }

    /// The next verdict with so many errors.
    fn errors(&self, errors: u64) -> Value {
        self.until("check", |event| event["errors"] == errors)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `raw` <- `orders` <- `totals`, each a table.
fn project() -> TestProject {
    TestProject::new()
        .file("macros/money.sql", "{% macro euro(column) %}{{ column }} * 2{% endmacro %}\n")
        .file(
            "models/bronze/raw.sql",
            "{{ config(materialized='table') }}\nselect * from (values (1, 'a', 10), (2, 'b', 20)) as t (id, kind, amount)\n",
        )
        .file(
            "models/silver/orders.sql",
            "{{ config(materialized='table') }}\nselect id, kind, {{ euro('amount') }} as amount, now() as made_at from {{ ref('raw') }}\n",
        )
        .file(
            "models/silver/orders.yml",
            "models:\n  - name: orders\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n",
        )
        .file(
            "models/gold/totals.sql",
            "{{ config(materialized='table') }}\nselect sum(amount) as total from {{ ref('orders') }}\n",
        )
}

/// As most editors save.
fn save(project: &TestProject, path: &str, text: &str) {
    let beside = project.path(&format!("{path}.saving"));
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, project.path(path)).unwrap();
}

#[test]
fn a_save_is_checked_and_built_and_its_rows_are_compared() {
    let project = project();
    project.ok(&["build"]);
    let raw = project.version("bronze/raw");
    let (watching, first) = Watching::start(&project, &[]);
    assert_eq!((&first["models"], &first["errors"]), (&json!(3), &json!(0)));
    let orders = std::fs::read_to_string(project.path("models/silver/orders.sql")).unwrap();
    save(&project, "models/silver/orders.sql", &orders.replace("select id, kind,", "select id, upper(kind) as kind,"));
    watching.errors(0);
    let orders = watching.until("difference", |event| event["relation"] == "silver.orders");
    // A column that says when a row was made is no difference.
    assert_eq!((&orders["rows"], &orders["added"], &orders["removed"]), (&json!(2), &json!(0), &json!(0)));
    assert_eq!((&orders["changed"], &orders["left_out"]), (&json!(2), &json!(["made_at"])));
    let totals = watching.until("difference", |event| event["relation"] == "gold.totals");
    assert_eq!((&totals["added"], &totals["removed"]), (&json!(0), &json!(0)));
    drop(watching);
    assert_eq!(project.value("select max(kind) from {{ ref('orders') }}"), json!("B"));
    assert_eq!(project.version("bronze/raw"), raw, "what is above a change is not built");
}

#[test]
fn a_mistake_is_told_in_its_line_and_nothing_is_built() {
    let project = project();
    project.ok(&["build"]);
    let version = project.version("gold/totals");
    let (watching, _) = Watching::start(&project, &[]);
    save(
        &project,
        "models/gold/totals.sql",
        "{{ config(materialized='table') }}\nselect\n  sum(amont) as total\nfrom {{ ref('orders') }}\n",
    );
    let verdict = watching.errors(1);
    let mistake = &verdict["diagnostics"][0];
    assert_eq!((&mistake["file"], &mistake["place"]["line"]), (&json!("models/gold/totals.sql"), &json!(3)));
    save(
        &project,
        "models/gold/totals.sql",
        "{{ config(materialized='table') }}\nselect sum(amount) + 1 as total from {{ ref('orders') }}\n",
    );
    watching.errors(0);
    watching.until("difference", |event| event["relation"] == "gold.totals" && event["rows"] == 1);
    drop(watching);
    assert_eq!(project.version("gold/totals"), version + 1);
}

#[test]
fn a_macro_is_part_of_the_models_that_call_it() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &[]);
    save(&project, "macros/money.sql", "{% macro euro(column) %}{{ column }} * 3{% endmacro %}\n");
    watching.errors(0);
    let totals = watching.until("difference", |event| event["relation"] == "gold.totals");
    assert_eq!((&totals["added"], &totals["removed"]), (&json!(1), &json!(1)));
    save(&project, "macros/money.sql", "{% macro euro(column) %}{{ column }} * nope{% endmacro %}\n");
    watching.errors(1);
    drop(watching);
    assert_eq!(project.value("select total from {{ ref('totals') }}"), json!(90));
}

#[test]
fn files_come_and_go_and_a_project_may_be_broken_for_a_while() {
    let project = project();
    project.ok(&["build"]);
    let (watching, _) = Watching::start(&project, &["--check-only"]);
    save(&project, "models/gold/more.sql", "select total from {{ ref('totals') }}\n");
    watching.until("check", |event| event["models"] == 4 && event["errors"] == 0);
    project.remove("models/gold/totals.sql");
    let verdict = watching.until("check", |event| event["errors"] != 0);
    assert!(verdict["diagnostics"][0]["message"].as_str().unwrap().contains("totals"), "{verdict}");
    project.remove("models/gold/more.sql");
    watching.until("check", |event| event["models"] == 2 && event["errors"] == 0);
    save(&project, "models/silver/orders.yml", "models:\n  - name: [orders\n");
    watching.errors(1);
    save(&project, "models/silver/orders.yml", "models:\n  - name: orders\n    columns:\n      - name: id\n");
    watching.errors(0);
    // The place of a mistake is where it stands now.
    save(
        &project,
        "models/silver/orders.yml",
        "models:\n  - name: orders\n    columns:\n      - name: idd\n        data_tests: [not_null]\n",
    );
    assert_eq!(watching.errors(1)["diagnostics"][0]["place"]["line"], 4);
    save(
        &project,
        "models/silver/orders.yml",
        "# more\nmodels:\n  - name: orders\n    columns:\n      - name: idd\n        data_tests: [not_null]\n",
    );
    watching.until("check", |event| event["diagnostics"][0]["place"]["line"] == 5);
}

#[test]
fn check_only_writes_nothing() {
    let project = project();
    let (watching, _) = Watching::start(&project, &["--check-only"]);
    save(&project, "models/bronze/raw.sql", "select 1 as id, 'a' as kind, 1 as amount\n");
    watching.errors(0);
    save(&project, "models/bronze/raw.sql", "select 1 as id, 'a' as kind\n");
    watching.errors(1);
    drop(watching);
    assert!(!project.path("warehouse").exists() && !project.path(".engine").exists());
}

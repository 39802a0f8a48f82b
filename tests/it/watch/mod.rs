//! `engine watch` as a child of the test: what it says of each save, and what it builds.

mod builds;
mod ending;
mod files;
mod saves;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

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

    /// All events up to the next of a kind, which is the last of them.
    fn all_until(&self, kind: &str) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        while events.last().is_none_or(|event| event["event"] != kind) {
            events.push(self.events.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no `{kind}` came: {events:?}")));
        }
        events
    }

    /// What is built next: the labels of its results, once it is over.
    fn built(&self) -> Vec<String> {
        let events = self.all_until("summary");
        let finished = events.iter().filter(|event| event["event"] == "finish");
        let mut built: Vec<String> = finished.map(|event| event["unique_id"].as_str().unwrap().to_owned()).collect();
        built.sort();
        built
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

fn is(kind: &str) -> impl Fn(&&Value) -> bool {
    move |event| event["event"] == kind
}

/// As most editors save.
fn save(project: &TestProject, path: &str, text: &str) {
    let beside = project.path(&format!("{path}.saving"));
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, project.path(path)).unwrap();
}

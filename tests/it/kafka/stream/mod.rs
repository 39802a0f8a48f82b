//! `engine stream`: models that read topics, files and services, run again and again, and what lies below them.

mod batches;
mod chains;
pub mod child;
mod kill;
mod mistakes;
mod once;
mod others;
mod outages;
mod refreshes;
mod said;
mod signals;
mod store;
mod upkeep;

use serde_json::{Value, json};

use crate::project::{Ran, TestProject};

/// The stream and nothing else.
const EVENTS: [&str; 2] = ["--select", "events"];
/// With what lies below it.
const EVENTS_AND_BELOW: [&str; 2] = ["--select", "events+"];

/// Puts below `bronze.events` a table, a table over that one, an incremental model and a view.
fn with_totals(project: TestProject) -> TestProject {
    project
        .file(
            "models/silver/totals.sql",
            "{{ config(materialized='table') }}\nselect count(*) as n, sum(id) as total from {{ ref('events') }}\n",
        )
        .file(
            "models/silver/by_rest.sql",
            "{{ config(materialized='incremental', unique_key='rest') }}\n\
             select id % 7 as rest, count(*) as n, sum(id) as total from {{ ref('events') }} group by 1\n",
        )
        .file(
            "models/gold/report.sql",
            "{{ config(materialized='table') }}\nselect n * 10 as tens from {{ ref('totals') }}\n",
        )
        .file("models/gold/newest.sql", "select max(id) as id from {{ ref('events') }}\n")
}

/// The one number of a table; 0 as long as it has not been built, or for NULL.
fn number(project: &TestProject, relation: &str, column: &str) -> i64 {
    match super::log::is_table(project, &relation.replace('.', "/")) {
        true => project.value(&format!("select {column} from {relation}")).as_i64().unwrap_or(0),
        false => 0,
    }
}

/// Everything below knows of so many messages, whose ids count from 0.
fn assert_refreshed(project: &TestProject, messages: i32) {
    let n = i64::from(messages);
    let total = n * (n - 1) / 2;
    assert_eq!(project.rows("select * from {{ ref('totals') }}"), [json!({"n": n, "total": total})]);
    assert_eq!(
        project.rows("select sum(n) as n, sum(total) as total from {{ ref('by_rest') }}"),
        [json!({"n": n, "total": total})]
    );
    assert_eq!(project.value("select tens from {{ ref('report') }}"), json!(n * 10));
    assert_eq!(project.value("select id from {{ ref('newest') }}"), json!(n - 1));
}

/// The batches that a stream has told of with `--log-format json`.
fn told_batches(ran: &Ran) -> Vec<Value> {
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|event| event["event"] == "batch").collect()
}

fn sum(batches: &[Value], field: &str) -> u64 {
    batches.iter().map(|batch| batch[field].as_u64().unwrap()).sum()
}

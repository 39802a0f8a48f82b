//! Services read over HTTP, good ones and bad ones: what is asked, what becomes a row, and what is said when it goes wrong.

mod auth;
mod bodies;
mod commands;
mod failures;
mod for_each;
mod kill;
mod mistakes;
mod paging;
mod polls;
mod real;
mod recording;
mod secrets;
pub mod server;
mod tls;
mod windows;

use serde_json::{Value, json};

use crate::project::TestProject;
use server::Server;

/// Appends what it has not read yet.
const MODEL: &str = "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
     select id, name, _source, _status, _error, _window_start as window_start from {{ source('api', 'items') }}\n";

/// Patience of a connection that sets none of its own.
const RETRY: &str = "retry: {max: 2, backoff: 10ms..50ms}";
const TIMEOUT: &str = "timeout: {connect: 1m, request: 1m}";
const COLUMNS: &str = "columns: [{name: id, type: bigint}, {name: name, type: string}]";

/// Where nobody listens, now or later.
const NOBODY: &str = "http://127.0.0.1:1";

/// A source `api.items` at the server, whose table is declared by these lines, and `bronze.items`, which appends its rows.
fn project(server: &Server, table: &str) -> TestProject {
    connected(server, "", table)
}

/// With further lines of the connection.
fn connected(server: &Server, connection: &str, table: &str) -> TestProject {
    let project = TestProject::new().file("models/bronze/items.sql", MODEL);
    declare(&project, server, connection, table);
    project
}

/// Writes `sources.yaml`, also anew.
fn declare(project: &TestProject, server: &Server, connection: &str, table: &str) {
    project.write("sources.yaml", sources(&server.url(), connection, table));
}

fn sources(base_url: &str, connection: &str, table: &str) -> String {
    let lines = |text: &str, defaults: &[(&str, &str)], depth: usize| {
        let missing = defaults.iter().filter(|(key, _)| !text.contains(key)).map(|(_, line)| *line);
        let lines = text.lines().chain(missing);
        lines.map(|line| format!("{:depth$}{line}\n", "")).collect::<String>()
    };
    let connection = lines(connection, &[("retry:", RETRY), ("timeout:", TIMEOUT)], 6);
    let table = lines(table, &[("columns:", COLUMNS)], 8);
    format!(
        "version: 2\nconnections:\n  api:\n    http:\n      base_url: {base_url}\n{connection}\
         sources:\n  - name: api\n    tables:\n      - name: items\n{table}"
    )
}

/// `{"id": 1, "name": "n1"}` for each of the ids.
fn items(ids: impl IntoIterator<Item = usize>) -> Value {
    ids.into_iter().map(|id| json!({"id": id, "name": format!("n{id}")})).collect()
}

/// The ids in `bronze.items`, each as often as it is there.
fn ids(project: &TestProject) -> Vec<Value> {
    let rows = project.rows("select id from {{ ref('items') }} order by id");
    rows.into_iter().map(|row| row["id"].clone()).collect()
}

fn count(project: &TestProject, relation: &str) -> Value {
    project.value(&format!("select count(*) from {relation}"))
}

/// Raw text and error of what `bronze.items` could not decode.
fn rejected(project: &TestProject) -> Value {
    Value::from(project.rows("select raw, error from bronze.items__rejected order by _source, _line"))
}

/// Nothing was committed.
fn is_unbuilt(project: &TestProject) -> bool {
    !project.path("warehouse/bronze/items/_delta_log").exists()
}

//! What is secret stays so: it goes to the host it is meant for, and into no message, table, artifact or recording.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::server::{Response, Server};
use super::{NOBODY, connected, ids, items, sources};
use crate::project::{Ran, TestProject};

const SECRET: &str = "s3cr3t-value";

/// The files below a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Neither said nor written anywhere.
fn is_kept(project: &TestProject, ran: &Ran) {
    assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET), "{ran}");
    let written = holding(project.root(), SECRET);
    assert!(written.is_empty(), "{written:?} hold the secret\n{ran}");
}

/// All ways a secret gets into a request: their settings, with the secret in the environment.
const WAYS: &[(&str, &str)] = &[
    ("auth: {bearer: \"{{ env_var('SECRET') }}\"}", "http: {connection: api, path: /items}"),
    ("auth: {basic: {user: me, password: \"{{ env_var('SECRET') }}\"}}", "http: {connection: api, path: /items}"),
    ("auth: {api_key: {query: apikey, value: \"{{ env_var('SECRET') }}\"}}", "http: {connection: api, path: /items}"),
    ("auth: {api_key: {query: k, value: \"{{ env_var('SECRET') }}\"}}", "http: {connection: api, path: /items}"),
    ("auth: {api_key: {header: x-key, value: \"{{ env_var('SECRET') }}\"}}", "http: {connection: api, path: /items}"),
    ("headers: {x-key: \"{{ env_var('SECRET') }}\"}", "http: {connection: api, path: /items}"),
    ("", "http: {connection: api, path: \"/bot{{ env_var('SECRET') }}/items\"}"),
    ("", "http: {connection: api, path: /items, query: {q: \"{{ env_var('SECRET') }}\"}}"),
    ("", "http: {connection: api, path: /items, headers: {x-key: \"{{ env_var('SECRET') }}\"}}"),
    ("", "http: {connection: api, path: /items, body: \"{\\\"key\\\": \\\"{{ env_var('SECRET') }}\\\"}\"}"),
];

fn with_secret(server: &Server, connection: &str, table: &str) -> TestProject {
    connected(server, connection, table).env("SECRET", SECRET)
}

fn is_secret_in(request: &super::server::Request) -> bool {
    let basic = "Basic bWU6czNjcjN0LXZhbHVl";
    request.target.contains(SECRET)
        || request.body.contains(SECRET)
        || request.headers.values().any(|value| value.contains(SECRET) || value == basic)
}

#[test]
fn secrets_are_sent_and_not_kept() {
    for (connection, table) in WAYS {
        let server = Server::start(|_| Response::text("[{\"id\": 1}, {\"id\": \"broken\"}]"));
        let project = with_secret(&server, connection, table);
        let ran = project.ok(&["run"]);
        assert!(is_secret_in(&server.requests()[0]), "{connection} {table}");
        is_kept(&project, &ran);
        let source = project.value("select _source from {{ ref('items') }}");
        let source = source.as_str().unwrap();
        assert!(source.starts_with(&server.url()) && !source.contains(SECRET), "{source}");
    }
}

#[test]
fn secrets_are_in_no_message() {
    // The service repeats all it was told.
    for (connection, table) in WAYS {
        let server = Server::start(|request| {
            Response::new(403, format!("not you: {} {:?} {}", request.target, request.headers, request.body))
        });
        let project = with_secret(&server, connection, table);
        let ran = project.run(&["run"]);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.contains("it said: not you"), "{ran}");
        is_kept(&project, &ran);
        let ran = project.run(&["source", "check"]);
        is_kept(&project, &ran);
    }
}

#[test]
fn secrets_are_in_no_message_of_a_lost_connection() {
    for (connection, table) in WAYS {
        let server = Server::start(|_| Response::json(&items(1..=3)).cut_after(5));
        let project = with_secret(&server, connection, table);
        let ran = project.run(&["run"]);
        assert_eq!(ran.code, 1, "{ran}");
        is_kept(&project, &ran);
        project.write("sources.yaml", sources(NOBODY, connection, table));
        let ran = project.run(&["run"]);
        assert!(ran.stderr.contains("could not reach the service"), "{ran}");
        is_kept(&project, &ran);
    }
}

#[test]
fn secrets_are_in_no_recording() {
    for (connection, table) in WAYS {
        let server = Server::start(|request| {
            // The way to the next page repeats the way to this one.
            let together = if request.target.contains('?') { "&" } else { "?" };
            match request.query("page") {
                None => Response::json(&items([1])).next(&format!("{}{together}page=2", request.target)),
                Some(_) => Response::json(&items([2])),
            }
        });
        let table = table.replace("path:", "paginate: {link_header: next}, path:");
        let project = with_secret(&server, connection, &table);
        let ran = project.ok(&["record", "--out", "sample"]);
        assert!(server.requests().iter().all(is_secret_in), "{connection} {table}");
        is_kept(&project, &ran);
        drop(server);

        project.write("project.yaml", "name: shop\ntargets:\n  dev: {warehouse: warehouse, replay: sample}\n");
        project.ok(&["run"]);
        assert_eq!(ids(&project), [1, 2], "{connection} {table}");
    }
}

#[test]
fn a_redirect_takes_no_secret_to_another_host() {
    for (connection, table) in WAYS.iter().filter(|(_, table)| !table.contains("path: \"") && !table.contains("body")) {
        let other = Server::start(|_| Response::json(&items(1..=3)));
        let there = format!("{}/items", other.url());
        let server = Server::start(move |_| Response::redirect(302, &there));
        let project = with_secret(&server, connection, table);
        let ran = project.run(&["run"]);
        assert!(is_secret_in(&server.requests()[0]));
        for request in other.requests() {
            assert!(!is_secret_in(&request), "{connection} {table}: {request:?}");
        }
        is_kept(&project, &ran);
    }
}

#[test]
fn a_redirect_that_keeps_the_body_takes_no_secret_to_another_host() {
    let other = Server::start(|_| Response::json(&items(1..=3)));
    let there = format!("{}/items", other.url());
    let server = Server::start(move |_| Response::redirect(307, &there));
    let (connection, table) = WAYS.iter().find(|(_, table)| table.contains("body")).unwrap();
    let project = with_secret(&server, connection, table);
    let ran = project.run(&["run"]);
    assert!(other.requests().iter().all(|request| !is_secret_in(request)), "{ran}");
}

#[test]
fn what_is_secret_by_its_name_is_not_shown() {
    let server = Server::start(|_| Response::new(404, ""));
    let project =
        connected(&server, "", "http: {connection: api, path: /items, query: {access_token: abc123xyz, page: 7}}");
    let ran = project.run(&["run"]);
    assert!(ran.stderr.contains("/items?access_token=***&page=7"), "{ran}");
    assert!(!ran.stderr.contains("token=abc123xyz"), "{ran}");
    assert!(!project.artifact("run_results.json").to_string().contains("token=abc123xyz"));
}

#[test]
fn the_manifest_holds_no_secret() {
    let server = Server::start(|_| Response::json(&items(1..=3)));
    for (connection, table) in WAYS {
        let project = with_secret(&server, connection, table);
        let ran = project.ok(&["compile"]);
        is_kept(&project, &ran);
        assert_ne!(project.artifact("manifest.json"), json!({}));
    }
}

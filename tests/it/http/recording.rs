//! What connectors receive is recorded, and a recording stands in for the service.

use std::fs;

use serde_json::{Value, json};

use super::server::{Request, Response, Server};
use super::{declare, ids, items, project};
use crate::project::TestProject;

const REPLAYED: &str =
    "name: shop\ntargets:\n  dev: {warehouse: warehouse}\n  offline: {warehouse: offline, replay: sample}\n";

const TABLE: &str = "http: {connection: api, path: '/w/{{ window.start.hour }}', paginate: {link_header: next}}\n\
     window: {every: 1h, start: 2025-01-01, end: 2025-01-01T04:00:00Z}\n\
     on_status: {404: absent_after 48h}";

/// Four hours of two pages, the second of them large and packed; the third hour is not there.
fn hour(request: &Request) -> Response {
    let hour: usize = request.path().rsplit('/').next().unwrap().parse().unwrap();
    match (hour, request.query("page")) {
        (2, _) => Response::new(404, "nothing"),
        (_, None) => Response::json(&items([hour * 10_000])).next(&format!("{}?page=2", request.path())),
        (_, Some(_)) => Response::json(&items(hour * 10_000 + 1..hour * 10_000 + 5000)).gzip(),
    }
}

/// A project with its recording, made while the service was there.
fn recorded(answer: fn(&Request) -> Response, table: &str) -> TestProject {
    let server = Server::start(answer);
    let project = project(&server, table).file("project.yaml", REPLAYED);
    project.ok(&["record", "--select", "bronze", "--out", "sample"]);
    project
}

fn index(project: &TestProject) -> Vec<Value> {
    let text = fs::read_to_string(project.path("sample/responses.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const ROWS: &str =
    "select id, name, _source, _status, _error, window_start from {{ ref('items') }} order by id, _source";

fn rows_offline(project: &TestProject) -> Vec<Value> {
    let ran =
        project.ok(&["show", "--inline", ROWS, "--limit", "-1", "--output", "json", "--quiet", "--target", "offline"]);
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    shown["show"].as_array().unwrap().clone()
}

#[test]
fn a_recording_gives_the_same_rows_without_the_service() {
    let server = Server::start(hour);
    let project = project(&server, TABLE).file("project.yaml", REPLAYED);
    let said = project.ok(&["record", "--out", "sample"]);
    assert!(said.stdout.contains("recorded in sample"), "{said}");
    // What was recorded left nothing behind.
    assert!(!project.path("warehouse").exists());
    project.ok(&["run"]);
    let online = project.rows(ROWS);
    assert_eq!(online.len(), 15_000);
    drop(server);

    project.ok(&["run", "--target", "offline"]);
    assert_eq!(rows_offline(&project), online);
    let again = project.ok(&["run", "--target", "offline"]);
    assert!(again.stderr.contains("append 0 rows"), "{again}");
    assert_eq!(rows_offline(&project), online);
}

#[test]
fn a_recording_is_a_line_for_each_answer() {
    let project = recorded(hour, TABLE);
    let index = index(&project);
    assert_eq!(index.len(), 7);
    let of = |item: &str, page: &str| {
        let found = index.iter().find(|entry| {
            entry["item"] == format!("2025-01-01T{item}:00:00Z") && entry["url"].as_str().unwrap().ends_with(page)
        });
        found.unwrap_or_else(|| panic!("{item} {page}: {index:#?}"))
    };
    let small = of("01", "/w/1");
    assert_eq!(
        (&small["source"], &small["method"], &small["status"]),
        (&json!("api.items"), &json!("GET"), &json!(200))
    );
    assert_eq!(small["body"], "[{\"id\":10000,\"name\":\"n10000\"}]");
    assert_eq!(small["headers"]["link"], "</w/1?page=2>; rel=\"next\"");
    let large = of("01", "?page=2");
    assert_eq!((&large["headers"]["content-encoding"], &large["body"]), (&json!("gzip"), &Value::Null));
    let file = project.path(&format!("sample/{}", large["file"].as_str().unwrap()));
    assert!(fs::read(file).unwrap().starts_with(&[0x1f, 0x8b]));
    assert_eq!((&of("02", "/w/2")["status"], &of("02", "/w/2")["body"]), (&json!(404), &json!("nothing")));
}

#[test]
fn a_part_may_be_recorded() {
    let server = Server::start(hour);
    let project = project(&server, TABLE).file("project.yaml", REPLAYED);
    project.ok(&["record", "--out", "sample", "--from", "2025-01-01T01:00:00Z", "--to", "2025-01-01T02:00:00Z"]);
    assert_eq!(server.asked(), ["/w/1", "/w/1?page=2"]);
    drop(server);
    project.ok(&["run", "--target", "offline"]);
    assert_eq!(rows_offline(&project).len(), 5000);
}

#[test]
fn a_recording_is_not_written_over() {
    let project = recorded(hour, TABLE);
    let before = index(&project);
    let ran = project.run(&["record", "--out", "sample"]);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("sample"), "{ran}");
    assert_eq!(index(&project), before);
}

#[test]
fn what_was_not_recorded_is_not_asked_for() {
    let project = recorded(hour, TABLE);
    let server = Server::start(hour);
    declare(&project, &server, "", &TABLE.replace("/w/", "/other/"));
    let ran = project.run(&["run", "--target", "offline", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 0), "{ran}");
    assert!(ran.stderr.contains("/other/") && ran.stderr.contains("` was not recorded for 2025-01-01T0"), "{ran}");
    assert!(ran.stderr.contains("engine record"), "{ran}");
}

#[test]
fn a_recording_that_is_not_there_is_told() {
    let server = Server::start(hour);
    let project = project(&server, TABLE).file("project.yaml", REPLAYED);
    let ran = project.run(&["run", "--target", "offline"]);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("sample/responses.ndjson"), "{ran}");
    assert_eq!(server.count(), 0);
}

#[test]
fn a_recording_that_is_broken_is_told_with_its_line() {
    let project = recorded(hour, TABLE);
    let text = fs::read_to_string(project.path("sample/responses.ndjson")).unwrap();
    for (line, told) in [
        ("{\"source\": ", "line 8"),
        (
            "{\"source\": \"a.b\", \"item\": \"yesterday\", \"method\": \"GET\", \"url\": \"http://h/p\", \"status\": 200}",
            "`yesterday` is not a time",
        ),
        (
            "{\"source\": \"a.b\", \"item\": \"2025-01-01T00:00:00Z\", \"method\": \"GET\", \"url\": \"http://h/p\"}",
            "neither `status` nor `error`",
        ),
        ("{\"surce\": \"a.b\"}", "surce"),
    ] {
        project.write("sample/responses.ndjson", format!("{text}{line}\n"));
        let ran = project.run(&["run", "--target", "offline"]);
        assert_ne!(ran.code, 0, "{ran}");
        assert!(ran.stderr.contains(told) && ran.stderr.contains("line 8"), "{ran}");
    }
}

#[test]
fn polls_are_recorded_and_read_in_their_order() {
    let server = Server::start(|request| Response::json(&items([request.before])));
    let project = project(&server, "http: {connection: api, path: /items}").file("project.yaml", REPLAYED);
    project.ok(&["record", "--out", "one"]);
    project.ok(&["record", "--out", "two"]);
    drop(server);
    let lines =
        ["one", "two"].map(|folder| fs::read_to_string(project.path(&format!("{folder}/responses.ndjson"))).unwrap());
    project.write("sample/responses.ndjson", lines.concat());
    project.ok(&["run", "--target", "offline"]);
    let found: Vec<Value> = rows_offline(&project).into_iter().map(|row| row["id"].clone()).collect();
    assert_eq!(found, [0, 1]);
    let again = project.ok(&["run", "--target", "offline"]);
    assert!(again.stderr.contains("append 0 rows"), "{again}");
}

#[test]
fn a_failure_is_recorded_too() {
    let server = Server::start(|request| match request.path() {
        "/boards/b" => Response::new(500, "oops"),
        "/boards/c" => Response::json(&items([1])).cut_after(3),
        _ => Response::json(&items([1])),
    });
    let table = "for_each: \"select board from {{ ref('boards') }} order by board\"\n\
         http: {connection: api, path: '/boards/{{ each.board }}'}\nmin_success: 10%";
    let project = project(&server, table).file("project.yaml", REPLAYED).file("seeds/boards.csv", "board\na\nb\nc\n");
    project.ok(&["record", "--out", "sample"]);
    project.ok(&["build"]);
    let online = project.rows(ROWS);
    drop(server);
    project.ok(&["build", "--target", "offline"]);
    let offline = rows_offline(&project);
    let told = |rows: &[Value]| -> Vec<Value> {
        rows.iter().map(|row| json!([row["id"], row["_source"], row["_status"], row["_error"].is_null()])).collect()
    };
    assert_eq!(told(&online).len(), 3);
    assert_eq!(told(&offline), told(&online));
    assert!(offline.iter().any(|row| row["_status"] == 500 && row["_error"] == "oops"), "{offline:?}");
}

/// Recorded and replayed, the rows are these.
fn same_rows(answer: fn(&Request) -> Response, table: &str, boards: &str, ids: &[usize]) {
    let server = Server::start(answer);
    let project = project(&server, table).file("project.yaml", REPLAYED).file("seeds/boards.csv", boards);
    project.ok(&["record", "--out", "sample"]);
    drop(server);
    project.ok(&["build", "--target", "offline"]);
    let found: Vec<Value> = rows_offline(&project).into_iter().map(|row| row["id"].clone()).collect();
    assert_eq!(found, ids, "{table}");
}

#[test]
fn requests_that_differ_in_their_body_only_are_told_apart() {
    same_rows(
        |request| Response::json(&items([request.body.len()])),
        "for_each: \"select board from {{ ref('boards') }} order by board\"\n\
         http: {connection: api, path: /search, body: '{{ each.board }}'}",
        "board\na\nbcd\nef\n",
        &[1, 2, 3],
    );
}

#[test]
fn requests_that_differ_in_a_word_like_a_secret_are_told_apart() {
    for name in ["keyword", "author", "page_token", "session"] {
        same_rows(
            |request| Response::json(&items([request.target.len()])),
            &"for_each: \"select board from {{ ref('boards') }} order by board\"\n\
              http: {connection: api, path: /search, query: {NAME: '{{ each.board }}'}}"
                .replace("NAME", name),
            "board\na\nbcd\nef\n",
            &[1, 2, 3].map(|length| format!("/search?{name}=").len() + length),
        );
    }
}

#[test]
fn a_cursor_is_followed_through_a_recording() {
    same_rows(
        |request| {
            let page = request.number("page_token", 1);
            let next = if page < 4 { json!(format!("{}", page + 1)) } else { Value::Null };
            Response::json(&json!({"next_page_token": next, "items": items([page])}))
        },
        "http: {connection: api, path: /items, paginate: {cursor: {from: $.next_page_token, to: query.page_token}}}\n\
         records: $.items",
        "board\nx\n",
        &[1, 2, 3, 4],
    );
}

#[test]
fn files_are_recorded_as_they_are() {
    let files = "version: 2\nsources:\n  - name: api\n    tables:\n      - name: items\n        files: {path: 'in/**/*.json'}\n        \
         format: ndjson\n        columns: [{name: id, type: bigint}, {name: name, type: string}]\n";
    let project = TestProject::new()
        .file("project.yaml", REPLAYED)
        .file("sources.yaml", files)
        .file("models/bronze/items.sql", super::MODEL)
        .file("in/a.json", "{\"id\": 1}\n")
        .file("in/deep/b.json", "{\"id\": 2}\n");
    project.ok(&["record", "--out", "sample"]);
    project.remove("in/a.json");
    project.remove("in/deep/b.json");
    project.ok(&["run", "--target", "offline"]);
    let sources: Vec<Value> = rows_offline(&project).into_iter().map(|row| row["_source"].clone()).collect();
    assert_eq!(sources, ["a.json", "deep/b.json"]);
}

#[test]
fn the_same_rows_come_of_one_commit_and_of_many() {
    let project = recorded(hour, TABLE);
    project.ok(&["run", "--target", "offline"]);
    let rows = rows_offline(&project);
    let sources = fs::read_to_string(project.path("sources.yaml")).unwrap();
    project.write("sources.yaml", sources.replace("        on_status:", "        per_commit: 1\n        on_status:"));
    project.ok(&["run", "--target", "offline", "--full-refresh"]);
    assert_eq!(rows_offline(&project), rows);
    assert_eq!(ids_online(&project), 0);
}

fn ids_online(project: &TestProject) -> usize {
    if project.path("warehouse/bronze/items").exists() { ids(project).len() } else { 0 }
}

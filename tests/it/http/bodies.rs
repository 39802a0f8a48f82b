//! What is inside of an answer: records of every form, and what is none.

use std::fs;

use serde_json::{Value, json};

use super::server::{Response, Server};
use super::{MODEL, count, ids, items, project, rejected};
use crate::project::TestProject;

const TABLE: &str = "http: {connection: api, path: /items}";

/// Read from this answer.
fn read(answer: Response, table: &str) -> TestProject {
    let server = Server::start(move |_| answer.clone());
    let project = project(&server, table);
    project.ok(&["run"]);
    project
}

fn read_text(body: &str, table: &str) -> TestProject {
    read(Response::text(body), table)
}

#[test]
fn what_is_no_json_is_kept_and_stops_nothing() {
    let project = read_text("<html>we are down</html>", TABLE);
    assert_eq!(count(&project, "bronze.items"), 0);
    assert_eq!(
        rejected(&project),
        json!([{"raw": "<html>we are down</html>", "error": "malformed JSON at byte 0: expected a value"}])
    );
}

#[test]
fn json_that_ends_too_early_is_kept_from_there_on() {
    let project = read_text("[{\"id\": 1}, {\"id\": 2}, {\"id\":", TABLE);
    assert_eq!(ids(&project), [1, 2]);
    let rejected = rejected(&project);
    assert_eq!(rejected.as_array().unwrap().len(), 1, "{rejected}");
    assert_eq!(rejected[0]["raw"], "{\"id\":");
}

#[test]
fn a_document_where_an_array_was_due_is_kept() {
    let error = "{\"message\": \"you are too early\"}";
    for records in ["$", "'$[*]'", "$.items", "'$.items[*]'"] {
        let project = read_text(error, &format!("{TABLE}\nrecords: {records}"));
        assert_eq!(count(&project, "bronze.items"), 0, "{records}");
        let rejected = rejected(&project);
        assert_eq!(rejected.as_array().unwrap().len(), 1, "{records}: {rejected}");
        assert_eq!(rejected[0]["raw"], error, "{records}");
    }
}

#[test]
fn an_empty_array_is_no_row() {
    for (body, records) in [("[]", ""), ("[]", "\nrecords: $"), ("{\"items\": []}", "\nrecords: $.items"), ("", "")] {
        let project = read_text(body, &format!("{TABLE}{records}"));
        assert_eq!(count(&project, "bronze.items"), 0, "{body}");
        assert!(!project.path("warehouse/bronze/items__rejected").exists(), "{body}");
    }
}

#[test]
fn an_answer_without_content_is_no_row() {
    let project = read(Response::new(204, ""), TABLE);
    assert_eq!(count(&project, "bronze.items"), 0);
}

#[test]
fn an_item_that_is_null_is_kept_and_the_others_are_read() {
    let project = read_text("[{\"id\": 1}, null, 7, {\"id\": 2}]", TABLE);
    assert_eq!(ids(&project), [1, 2]);
    assert_eq!(
        rejected(&project),
        json!([
            {"raw": "null", "error": "expected a JSON object"},
            {"raw": "7", "error": "expected a JSON object"},
        ])
    );
}

#[test]
fn a_field_of_another_type_is_kept_and_a_missing_one_is_null() {
    let project =
        read_text("[{\"id\": \"one\", \"name\": \"a\"}, {\"id\": \"2\"}, {\"name\": 3}, {\"id\": {\"n\": 4}}]", TABLE);
    let rows = project.rows("select id, name from {{ ref('items') }} order by id nulls last");
    assert_eq!(rows, [json!({"id": 2, "name": null}), json!({"id": null, "name": "3"})]);
    let rejected = rejected(&project);
    let errors: Vec<&Value> = rejected.as_array().unwrap().iter().map(|record| &record["error"]).collect();
    assert_eq!(errors.len(), 2, "{rejected}");
    assert_eq!(errors[0], "column `id`: expected bigint, found \"one\"");
    assert!(errors[1].as_str().unwrap().starts_with("column `id`: expected bigint, found"), "{rejected}");
}

#[test]
fn rejected_records_say_which_answer_they_were_in() {
    let server = Server::start(|request| Response::text(&format!("[{{\"id\": \"{}\"}}]", request.path())));
    let project = project(
        &server,
        "http: {connection: api, path: '/w/{{ window.start.hour }}'}\nwindow: {every: 1h, start: 2025-01-01, end: 2025-01-01T03:00:00Z}",
    );
    project.ok(&["run"]);
    let rows = project.rows("select _source, _line from bronze.items__rejected order by _source");
    let sources: Vec<Value> =
        (0..3).map(|hour| json!({"_source": format!("{}/w/{hour}", server.url()), "_line": 1})).collect();
    assert_eq!(rows, sources);
}

#[test]
fn records_are_where_the_table_says() {
    let body = json!({"meta": {"n": 2}, "data": {"jobs": items([1, 2])}, "jobs": [{"id": 9}]}).to_string();
    for records in ["$.data.jobs", "'$.data.jobs[*]'"] {
        let project = read_text(&body, &format!("{TABLE}\nrecords: {records}"));
        assert_eq!(ids(&project), [1, 2], "{records}");
    }
    let project = read_text("\u{feff}[{\"id\": 1}]", &format!("{TABLE}\nrecords: $"));
    assert_eq!(ids(&project), [1]);
}

#[test]
fn one_object_is_one_record() {
    let project = read_text("{\"id\": 5, \"name\": \"only\"}", TABLE);
    assert_eq!(ids(&project), [5]);
}

#[test]
fn a_document_is_one_row_whatever_it_is() {
    let columns =
        "format: document\ncolumns: [{name: id, type: bigint, path: $.meta.n}, {name: name, type: json, path: $}]";
    let body = "\n{\"meta\": {\"n\": 3},\n \"rows\": [1, 2]}\n";
    let project = read_text(body, &format!("{TABLE}\n{columns}"));
    assert_eq!(project.rows("select id, name from {{ ref('items') }}"), [json!({"id": 3, "name": body.trim()})]);

    let columns =
        "format: document\ncolumns: [{name: id, type: string, path: '$[0].id'}, {name: name, type: string, path: $}]";
    let project = read_text("[{\"id\": 7}, {\"id\": 8}]", &format!("{TABLE}\n{columns}"));
    assert_eq!(
        project.rows("select id, name from {{ ref('items') }}"),
        [json!({"id": "7", "name": "[{\"id\": 7}, {\"id\": 8}]"})]
    );
}

#[test]
fn lines_of_json_csv_and_text() {
    let ndjson = read_text("{\"id\": 1}\nbroken\n{\"id\": 2}\n", &format!("{TABLE}\nformat: ndjson"));
    assert_eq!(ids(&ndjson), [1, 2]);
    assert_eq!(rejected(&ndjson).as_array().unwrap().len(), 1);

    let csv = read_text("name,id\na,1\nb,two\nc,3\n", &format!("{TABLE}\nformat: csv"));
    assert_eq!(ids(&csv), [1, 3]);
    assert_eq!(rejected(&csv)[0]["raw"], "b,two");

    let columns = "format: text\ncolumns: [{name: id, type: string}, {name: name, type: string}]";
    let text = read_text("eins\nzwei\n", &format!("{TABLE}\n{columns}"));
    assert_eq!(ids(&text), ["eins", "zwei"]);
}

#[test]
fn a_name_may_say_how_the_answer_is_packed() {
    let lines = "{\"id\": 1}\n{\"id\": 2}\n";
    let packed = super::server::gzip(lines.as_bytes());
    let zstd = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    for (path, body) in [("/a.json.gz", packed.clone()), ("/a.ndjson.zst", zstd), ("/a.json.gz", lines.into())] {
        let server = Server::start(move |_| Response::new(200, body.clone()));
        let project = project(&server, &format!("http: {{connection: api, path: {path}}}\nformat: ndjson"));
        project.ok(&["run"]);
        assert_eq!(ids(&project), [1, 2], "{path}");
    }
    // Told twice, by the name and by the header, it is packed once.
    let server = Server::start(move |_| Response::new(200, packed.clone()).header("content-encoding", "gzip"));
    let project = project(&server, "http: {connection: api, path: /a.json.gz}\nformat: ndjson");
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2]);
}

#[test]
fn a_packing_that_was_not_asked_for_is_told() {
    let server = Server::start(|_| Response::new(200, "\u{b}\u{2}[]\u{3}").header("content-encoding", "br"));
    let project = project(&server, TABLE);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("`br`"), "{ran}");
}

#[test]
fn a_source_named_twice_is_asked_once() {
    let server = Server::start(|request| Response::json(&items([request.before + 1])));
    let project = project(&server, TABLE).file(
        "models/bronze/items.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
         select one.id, two.id as other, (select max(id) from {{ source('api', 'items') }}) as most\n\
         from {{ source('api', 'items') }} one join {{ source('api', 'items') }} two on one.id = two.id",
    );
    project.ok(&["run"]);
    assert_eq!(project.rows("select * from {{ ref('items') }}"), [json!({"id": 1, "other": 1, "most": 1})]);
    assert_eq!(server.count(), 1);
}

#[test]
fn a_source_named_twice_keeps_a_broken_record_once() {
    let server = Server::start(|_| Response::text("[{\"id\": 1}, {\"id\": \"x\"}]"));
    let project = project(&server, TABLE).file(
        "models/bronze/items.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
         select id from {{ source('api', 'items') }} union all select id from {{ source('api', 'items') }}",
    );
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 1]);
    assert_eq!(count(&project, "bronze.items__rejected"), 1);
    assert_eq!(server.count(), 1);
}

/// The most memory a run of the program took, in MiB.
#[cfg(target_os = "linux")]
fn peak_of_run(project: &TestProject) -> u64 {
    let log = fs::File::create(project.path("log")).unwrap();
    let mut child = project.command(&["run"]).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        // What it says last counts: it never falls.
        if let Ok(status) = fs::read_to_string(format!("/proc/{}/status", child.id()))
            && let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))
        {
            peak = line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024;
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::yield_now();
    };
    assert!(status.success(), "{}", fs::read_to_string(project.path("log")).unwrap());
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_body_takes_no_large_memory() {
    const ROWS: usize = 300_000;
    const PADDING: usize = 1000;
    let padding = "x".repeat(PADDING);
    for (format, [begin, between, end]) in [("json", ["[", ",", "]"]), ("ndjson", ["", "\n", ""])] {
        let padding = padding.clone();
        let server = Server::start(move |_| {
            let padding = padding.clone();
            Response::made(move |out| {
                write!(out, "{begin}")?;
                for id in 0..ROWS {
                    let between = if id == 0 { "" } else { between };
                    write!(out, "{between}{{\"id\":{id},\"name\":\"{padding}\"}}")?;
                }
                write!(out, "{end}")?;
                out.flush()
            })
        });
        let project = project(&server, &format!("{TABLE}\nformat: {format}"))
            .file("models/bronze/items.sql", &MODEL.replace("name,", "length(name) as name,"));
        let peak = peak_of_run(&project);
        assert_eq!(
            project.rows("select count(distinct id) as n, sum(name) as length from {{ ref('items') }}"),
            [json!({"n": ROWS, "length": ROWS * PADDING})],
            "{format}"
        );
        assert!(peak < 250, "{peak} MiB for {format}");
    }
}

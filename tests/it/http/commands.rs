//! `engine source`: what there is, whether it answers, how far it was read, and setting that back.

use serde_json::json;

use super::server::{Response, Server};
use super::{connected, count, ids, items, project};
use crate::environment::repository;
use crate::project::{Ran, TestProject};
use crate::transcript;

const WINDOWS: &str = "http: {connection: api, path: '/w/{{ window.start.hour }}'}\n\
     window: {every: 1h, start: 2025-01-01, end: 2025-01-01T06:00:00Z}";

fn hours() -> Server {
    Server::start(|request| match request.path().strip_prefix("/w/") {
        Some(hour) => Response::text(&format!("[{{\"id\": {hour}}}, {{\"id\": \"x\"}}]")),
        None => Response::new(404, ""),
    })
}

/// Without the port, which is another one every time.
fn plain(server: &Server, ran: &Ran) -> Ran {
    let clean = |text: &str| text.replace(&server.port().to_string(), "PORT");
    Ran { code: ran.code, stdout: clean(&ran.stdout), stderr: clean(&ran.stderr) }
}

fn with_others(server: &Server) -> TestProject {
    let sources = super::sources(&server.url(), "", WINDOWS);
    project(server, WINDOWS)
        .file(
            "sources.yaml",
            &format!(
                "{sources}      - name: unread\n        http: {{connection: api, path: /nowhere}}\n        {}\n  \
                 - name: lake\n    tables:\n      - name: orders\n        location: lake/orders\n      - name: files\n        \
                 files: {{path: 'in/*.json'}}\n        format: ndjson\n        {}\n",
                super::COLUMNS,
                super::COLUMNS
            ),
        )
        .file(
            "models/bronze/others.sql",
            "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect id from {{ source('api', 'items') }}",
        )
}

#[test]
fn sources_are_listed_with_their_readers() {
    let server = hours();
    let project = with_others(&server);
    transcript!(project.run(&["source", "list"]), @"
    exit: 0
    ----- stdout -----
    api.items    http   bronze.items, bronze.others
    api.unread   http   nothing reads it
    lake.files   files  nothing reads it
    lake.orders  table  nothing reads it
    ");
    assert_eq!(server.count(), 0);
}

#[test]
fn sources_are_asked_once_and_nothing_is_written() {
    let server = hours();
    let project = with_others(&server);
    let ran = project.run(&["source", "check", "api.items"]);
    transcript!(plain(&server, &ran), @r#"
    exit: 0
    ----- stdout -----
    api.items: 2025-01-01T05:00:00Z: 1 row decoded, 1 record rejected; the first: column `id`: expected bigint, found "x"
    "#);
    assert_eq!(server.asked(), ["/w/5"]);
    assert!(!project.path("warehouse").exists());

    let ran = plain(&server, &project.run(&["source", "check"]));
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stdout.contains("api.unread: does not answer as it should"), "{ran}");
    assert!(ran.stderr.contains("/nowhere` answered 404"), "{ran}");
    assert!(ran.stdout.contains("lake.orders: an existing table"), "{ran}");
}

#[test]
fn a_source_nobody_knows_is_told() {
    let server = hours();
    let project = with_others(&server);
    for command in [vec!["source", "check", "api.itmes"], vec!["source", "reset", "api.itmes"]] {
        let ran = project.run(&command);
        assert_ne!(ran.code, 0, "{ran}");
        assert!(ran.stderr.contains("no source is named `api.itmes`"), "{ran}");
        assert!(ran.stderr.contains("did you mean `api.items`?"), "{ran}");
    }
    assert_eq!(server.count(), 0);
}

#[test]
fn how_far_each_model_has_read() {
    let server = hours();
    let project = with_others(&server);
    transcript!(project.run(&["source", "status"]), @"
    exit: 0
    ----- stdout -----
    api.items -> bronze.items
      read      nothing yet
      waiting   6 windows
    api.items -> bronze.others
      read      nothing yet
      waiting   6 windows
    api.unread -> nothing reads it
      read      nothing yet
      waiting   1 poll
    lake.files -> nothing reads it
      read      nothing yet
      waiting   0 files
    ");
    project.ok(&["run", "--select", "items", "--to", "2025-01-01T02:00:00Z"]);
    let ran = project.run(&["source", "status"]);
    assert!(ran.stdout.contains("2 windows: 2025-01-01T00:00:00Z to 2025-01-01T02:00:00Z"), "{ran}");
    assert!(ran.stdout.contains("4 windows\n") && ran.stdout.contains("2 records"), "{ran}");
    assert_eq!(server.count(), 2);
}

#[test]
fn how_far_a_feed_was_read() {
    let server = Server::start(|_| Response::json(&items([3, 8, 5])));
    let table = "http: {connection: api, path: /items}\npoll: {every: 1h}\ncursor: {field: id}";
    let project = project(&server, table);
    let model = super::MODEL.replace("_source,", "_source, _ingested_at as ingested_at,");
    project.write("models/bronze/items.sql", model);
    project.ok(&["run"]);
    let ran = project.ok(&["source", "status"]);
    assert!(ran.stdout.contains("polled 20") && ran.stdout.contains("id 8"), "{ran}");
    assert!(ran.stdout.contains("waiting   0 polls") && ran.stdout.contains("last read 20"), "{ran}");
}

#[test]
fn a_reset_says_what_it_would_do_and_does_it_when_told_to() {
    let server = hours();
    let project = project(&server, WINDOWS);
    project.ok(&["run"]);
    let version = project.version("bronze/items");
    transcript!(project.run(&["source", "reset", "api.items", "--from", "2025-01-01T04:00:00Z"]), @"
    exit: 0
    ----- stdout -----
    api.items -> bronze.items
      has now    read  6 windows: 2025-01-01T00:00:00Z to 2025-01-01T06:00:00Z
      would have read  4 windows: 2025-01-01T00:00:00Z to 2025-01-01T04:00:00Z
      its rows stay as they are; the next run reads again what was forgotten, and an `append` model then
      holds those rows twice. To read windows again in place of their rows: engine run --from ... --to ...
      nothing is changed; --yes does it
    ");
    assert_eq!(project.version("bronze/items"), version);

    project.ok(&["source", "reset", "api.items", "--from", "2025-01-01T04:00:00Z", "--yes"]);
    assert_eq!(count(&project, "bronze.items"), 6);
    let ran = project.ok(&["source", "status"]);
    assert!(ran.stdout.contains("4 windows: 2025-01-01T00:00:00Z to 2025-01-01T04:00:00Z"), "{ran}");
    project.ok(&["run"]);
    assert_eq!(server.count(), 8);
    assert_eq!(ids(&project), [0, 1, 2, 3, 4, 4, 5, 5]);

    project.ok(&["source", "reset", "api.items", "--yes"]);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(ids(&project), [0, 1, 2, 3, 4, 5]);
    project.ok(&["run"]);
    assert_eq!(server.count(), 14);
}

#[test]
fn a_reset_keeps_the_cursor_out_of_the_next_poll() {
    let server = Server::start(|_| Response::json(&items([3, 8])));
    let table = "http: {connection: api, path: /items, query: {after: '{{ cursor.value }}'}}\ncursor: {field: id}";
    let project = project(&server, table);
    project.ok(&["run"]);
    project.ok(&["run"]);
    project.ok(&["source", "reset", "api.items", "--yes"]);
    project.ok(&["run"]);
    assert_eq!(server.asked(), ["/items", "/items?after=8", "/items"]);
}

#[test]
fn a_reset_names_its_model() {
    let server = hours();
    let project = with_others(&server);
    project.ok(&["run", "--select", "items", "others"]);
    let ran = project.run(&["source", "reset", "api.items", "--yes"]);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("several models read `api.items`") && ran.stderr.contains("--model "), "{ran}");
    project.ok(&["source", "reset", "api.items", "--model", "others", "--yes"]);
    project.ok(&["run", "--select", "items", "others"]);
    assert_eq!((count(&project, "bronze.items"), count(&project, "bronze.others")), (json!(6), json!(12)));
    let ran = project.run(&["source", "reset", "lake.files", "--yes"]);
    assert!(ran.code != 0 && ran.stderr.contains("no model reads `lake.files`"), "{ran}");
}

#[test]
fn a_probe_writes_what_reads_the_url() {
    let server = Server::start(|request| match request.number("page", 1) {
        1 => Response::json(&json!({
            "total": 3,
            "jobs": [
                {"id": 1, "updatedAt": "2026-01-02T03:04:05Z", "title": "a", "tags": ["x"], "remote": true, "pay": 1.5},
                {"id": 2, "updatedAt": "2026-01-02T03:04:06Z", "title": null, "tags": [], "remote": false, "pay": 2},
            ],
            "meta": {"next": format!("{}?page=2", request.path())},
        }))
        .header("etag", "\"1\"")
        .header("x-ratelimit-limit", "60"),
        _ => Response::json(&json!({"total": 3, "jobs": [{"id": 3, "title": "c"}], "meta": {}})),
    });
    let empty = TestProject::empty();
    let ran = empty.run(&["source", "probe", &format!("{}/v1/jobs?per_page=2", server.url())]);
    assert_eq!((ran.code, server.count()), (0, 1), "{ran}");
    let shown = ran.stdout.replace(&server.port().to_string(), "PORT");
    insta::assert_snapshot!(shown, @r#"
    # http://127.0.0.1:PORT/v1/jobs?per_page=2 answered 200: 2 records as json
    version: 2

    connections:
      service:
        http:
          base_url: http://127.0.0.1:PORT
          rate: {budget: 60/h, reserve: 10%}   # it says the limit is 60; the period is a guess

    sources:
      - name: service
        tables:
          - name: jobs
            http: {connection: service, path: /v1/jobs, query: {per_page: 2}, paginate: {next_url: "$.meta.next"}}
            format: json
            records: $.jobs
            poll: {every: 1h, conditional: etag}
            columns:
              - {name: id, type: bigint}
              - {name: updated_at, type: timestamp, path: "$.updatedAt"}
              - {name: title, type: string}
              - {name: tags, type: json}
              - {name: remote, type: boolean}
              - {name: pay, type: double}
              - {name: raw, type: string, path: $}   # each record as it came
    "#);

    // What it prints is a project's file, and reads the URL.
    let project = TestProject::new().file("sources.yaml", &ran.stdout).file(
        "models/bronze/jobs.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect * from {{ source('service', 'jobs') }}",
    );
    project.ok(&["run"]);
    let rows = project.rows(
        "select id, title, remote, pay, date_part('year', updated_at) as year from {{ ref('jobs') }} order by id",
    );
    assert_eq!(rows[0], json!({"id": 1, "title": "a", "remote": true, "pay": 1.5, "year": 2026}));
    assert_eq!(count(&project, "bronze.jobs"), 3);
}

/// What is written of a URL that answers so, which is a file a project can have.
fn probed(answer: Response) -> String {
    let server = Server::start(move |_| answer.clone());
    let ran = TestProject::empty().ok(&["source", "probe", &format!("{}/data", server.url())]);
    TestProject::new().file("sources.yaml", &ran.stdout).ok(&["source", "list"]);
    ran.stdout
}

#[test]
fn a_probe_knows_forms_of_answers() {
    let ndjson = probed(Response::text("{\"a\": 1}\n{\"a\": 2.5}\n"));
    assert!(ndjson.contains("format: ndjson") && ndjson.contains("{name: a, type: double}"), "{ndjson}");
    let csv = probed(Response::text("id,full name\n1,a\n2,b\n"));
    assert!(csv.contains("format: csv") && csv.contains("{name: \"full name\", type: string}"), "{csv}");
    let text = probed(Response::text("nothing to see here"));
    assert!(text.contains("format: text"), "{text}");
    let packed = probed(Response::text("[{\"a\": true}]").gzip());
    assert!(packed.contains("{name: a, type: boolean}"), "{packed}");
    let linked = probed(Response::json(&items([1])).next("/data?page=2"));
    assert!(linked.contains("paginate: {link_header: next}"), "{linked}");
    let cursor = probed(Response::json(&json!({"items": items([1]), "next_cursor": "abc"})));
    assert!(cursor.contains("cursor: {from: \"$.next_cursor\", to: query.cursor}"), "{cursor}");
}

#[test]
fn a_probe_sends_headers_and_shows_no_secret() {
    let server = Server::start(|request| match request.header("authorization") {
        Some("Bearer s3cr3t-value") => Response::json(&items([1])),
        _ => Response::new(401, "s3cr3t-value? who are you?"),
    });
    let url = format!("{}/data?api_key=abcdefgh&q=rust", server.url());
    let empty = TestProject::empty();
    let ran = empty.ok(&["source", "probe", &url, "--header", "Authorization: Bearer s3cr3t-value"]);
    assert!(ran.stdout.contains("authorization: \"{{ env_var('AUTHORIZATION') }}\""), "{ran}");
    assert!(ran.stdout.contains("q: rust"), "{ran}");
    assert!(!ran.stdout.contains("s3cr3t-value") && !ran.stdout.contains("abcdefgh"), "{ran}");

    let ran = empty.run(&["source", "probe", &url, "--header", "Authorization: Basic s3cr3t-value"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("answered 401") && !ran.stderr.contains("abcdefgh"), "{ran}");
}

#[test]
fn a_probe_of_what_is_no_url_is_told() {
    let empty = TestProject::empty();
    for url in ["nonsense", "ftp://127.0.0.1/x", "http://"] {
        let ran = empty.run(&["source", "probe", url]);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.contains("expected `https://host/path`"), "{ran}");
    }
    let ran = empty.run(&["source", "probe", "http://127.0.0.1:1/x", "--header", "no colon"]);
    assert!(ran.code != 0 && ran.stderr.contains("a header is written `name: value`"), "{ran}");
}

#[test]
fn a_source_that_waits_for_a_budget_is_checked_within_it() {
    let server = hours();
    let project = connected(&server, "rate: {budget: 1/h}\nretry: {max: 0, max_wait: 1s}", WINDOWS);
    let ran = project.ok(&["source", "check"]);
    assert!(ran.stdout.contains("1 row decoded, 1 record rejected"), "{ran}");
    assert_eq!(server.count(), 1);
}

/// The section `Add a source` of the README, as it is printed, against a service that stands in for the one it names.
#[test]
fn the_readme_adds_a_source() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let section = readme.split("### Add a source").nth(1).unwrap().split("\n### ").next().unwrap();
    let block = |language: &str| {
        let start = format!("```{language}\n");
        section.split(start.as_str()).nth(1).unwrap().split("```").next().unwrap().to_owned()
    };
    let server = Server::start(|request| match request.target.as_str() {
        "/orgs/github/events?per_page=100" => {
            Response::json(&json!([{"id": "1", "type": "PushEvent", "created_at": "2026-01-01T00:00:00Z"}]))
                .header("etag", "\"1\"")
                .header("x-poll-interval", "60")
        }
        _ => Response::new(404, ""),
    });
    let project = TestProject::new()
        .file("sources.yaml", &block("yaml").replace("https://api.github.com", &server.url()))
        .file("models/bronze/bronze_events.sql", &block("sql"));
    for line in block("sh").lines() {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().skip(1).collect();
        project.ok(&words);
    }
    let rows = project.rows("select id, type from {{ ref('bronze_events') }}");
    assert_eq!(rows, [json!({"id": "1", "type": "PushEvent"})]);
}

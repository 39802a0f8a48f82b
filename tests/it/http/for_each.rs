//! A request for each row of a query: which rows, in which order, and what happens when some of them fail.

use serde_json::{Value, json};

use super::server::{Response, Server};
use super::{count, is_unbuilt, items, project};
use crate::project::TestProject;

const BOARDS: &str = "for_each: \"select board, size from {{ ref('boards') }} order by board\"\n\
     http: {connection: api, path: '/boards/{{ each.board }}', query: {n: '{{ each.size }}'}}\n\
     columns: [{name: id, type: bigint}, {name: name, type: string, each: board}]";

/// As many items as are asked for; boards whose name begins with `x` are not there.
fn boards() -> Server {
    Server::start(|request| match request.path().starts_with("/boards/x") {
        true => Response::new(404, format!("no board {}", request.path())),
        false => Response::json(&items(1..=request.number("n", 0))),
    })
}

fn seeded(server: &Server, table: &str, boards: &str) -> TestProject {
    project(server, table).file("seeds/boards.csv", &format!("board,size\n{boards}"))
}

fn sorted(mut asked: Vec<String>) -> Vec<String> {
    asked.sort();
    asked
}

fn per_board(project: &TestProject) -> Vec<Value> {
    project.rows("select name, count(id) as n from {{ ref('items') }} group by name order by name")
}

#[test]
fn a_request_for_each_row_of_a_seed() {
    let server = boards();
    let project = seeded(&server, BOARDS, "alpha,2\nb c/d?,3\ngamma,0\n");
    project.ok(&["build"]);
    assert_eq!(
        sorted(server.asked()),
        ["/boards/alpha?n=2", "/boards/b%20c/d?n=3", "/boards/gamma?n=0"].map(str::to_owned),
        "a value is a part of the path as it is"
    );
    assert_eq!(per_board(&project), [json!({"name": "alpha", "n": 2}), json!({"name": "b c/d?", "n": 3})]);
}

#[test]
fn the_query_makes_an_edge_of_the_graph() {
    let server = boards();
    let project = project(&server, BOARDS).file(
        "models/silver/boards.sql",
        "{{ config(materialized='table') }}\nselect * from (values ('alpha', 2), ('beta', 1)) as t(board, size)",
    );
    // A bronze model that waits for a silver one, through its source.
    let ran = project.ok(&["run", "--dry-run"]);
    assert!(ran.stdout.contains("bronze.items  after silver.boards"), "{ran}");
    let ran = project.ok(&["run", "--select", "+items"]);
    assert!(ran.stderr.contains("PASS=2"), "{ran}");
    assert_eq!(per_board(&project), [json!({"name": "alpha", "n": 2}), json!({"name": "beta", "n": 1})]);
}

#[test]
fn a_circle_through_a_query_is_told() {
    let server = boards();
    let project = project(&server, BOARDS).file(
        "models/silver/boards.sql",
        "{{ config(materialized='table') }}\nselect name as board, id as size from {{ ref('items') }}",
    );
    let ran = project.run(&["compile"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("boards") && ran.stderr.contains("items"), "{ran}");
    assert_eq!(server.count(), 0);
}

#[test]
fn a_query_that_finds_nothing_asks_nothing() {
    let server = boards();
    let project = seeded(&server, &BOARDS.replace(" order by", " where size > 5 order by"), "alpha,2\n");
    project.ok(&["build"]);
    assert_eq!((server.count(), count(&project, "bronze.items")), (0, json!(0)));
}

#[test]
fn what_the_query_reads_must_be_built() {
    let server = boards();
    let project = seeded(&server, BOARDS, "alpha,2\n");
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 0), "{ran}");
    assert!(ran.stderr.contains("boards") && ran.stderr.contains("has not been built"), "{ran}");
}

#[test]
fn a_query_that_is_wrong_is_told_where_it_stands() {
    let server = boards();
    let project = seeded(&server, &BOARDS.replace("select board, size", "select bord, size"), "alpha,2\n");
    let ran = project.run(&["build", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 0), "{ran}");
    assert!(ran.stderr.contains("the `for_each` query of source `api.items` failed"), "{ran}");
    assert!(ran.stderr.contains("--> sources.yaml:12:") && ran.stderr.contains("^^ this query"), "{ran}");
    assert!(ran.stderr.contains("no column named `bord`"), "{ran}");
}

#[test]
fn a_column_that_the_query_does_not_have_is_told() {
    let server = boards();
    let project = seeded(&server, &BOARDS.replace("each: board}", "each: bord}"), "alpha,2\n");
    let ran = project.run(&["build", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 0), "{ran}");
    assert!(ran.stderr.contains("`for_each` query of source `api.items` has no column `bord`"), "{ran}");
    assert!(ran.stderr.contains("did you mean `board`?"), "{ran}");
}

#[test]
fn every_row_has_pages_of_its_own() {
    let server = Server::start(|request| {
        let page = request.number("page", 1);
        Response::json(&items(if page <= 2 { vec![page] } else { vec![] }))
    });
    let table = BOARDS.replace("query: {n: '{{ each.size }}'}", "paginate: {page: {param: page}}");
    let project = seeded(&server, &table, "alpha,1\nbeta,1\n");
    project.ok(&["build"]);
    assert_eq!(server.count(), 6);
    assert_eq!(per_board(&project), [json!({"name": "alpha", "n": 2}), json!({"name": "beta", "n": 2})]);
}

#[test]
fn one_that_fails_fails_all() {
    let server = boards();
    let project = seeded(&server, BOARDS, "alpha,2\nbeta,2\nxeno,2\n");
    let ran = project.run(&["build", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("/boards/xeno?n=2` answered 404"), "{ran}");
    assert!(is_unbuilt(&project));
}

const ENOUGH: &str = "min_success: 60%";

#[test]
fn some_may_fail_and_are_rows() {
    let server = boards();
    let project = seeded(&server, &format!("{BOARDS}\n{ENOUGH}"), "alpha,2\nbeta,1\nxeno,2\n");
    project.ok(&["build"]);
    let url = server.url();
    assert_eq!(
        Value::from(
            project.rows("select id, name, _source, _status, _error from {{ ref('items') }} order by name, id")
        ),
        json!([
            {"id": 1, "name": "alpha", "_source": format!("{url}/boards/alpha?n=2"), "_status": 200, "_error": null},
            {"id": 2, "name": "alpha", "_source": format!("{url}/boards/alpha?n=2"), "_status": 200, "_error": null},
            {"id": 1, "name": "beta", "_source": format!("{url}/boards/beta?n=1"), "_status": 200, "_error": null},
            {"id": null, "name": "xeno", "_source": format!("{url}/boards/xeno?n=2"), "_status": 404,
             "_error": "no board /boards/xeno"},
        ])
    );
}

#[test]
fn too_many_failures_publish_nothing() {
    let server = boards();
    let project = seeded(&server, &format!("{BOARDS}\n{ENOUGH}"), "alpha,2\nxenia,1\nxeno,2\n");
    let ran = project.run(&["build", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("only 1 of 3 requests of source `api.items`"), "{ran}");
    assert!(ran.stderr.contains("`min_success` is 60%"), "{ran}");
    assert!(ran.stderr.contains("/boards/xenia?n=1` answered 404: no board /boards/xenia"), "{ran}");
    assert!(is_unbuilt(&project));
}

#[test]
fn a_server_error_counts_as_a_failure_after_its_retries() {
    let server = Server::start(|request| match request.path() {
        "/boards/alpha" => Response::new(500, ""),
        "/boards/beta" => Response::json(&items(1..=2)).cut_after(4),
        _ => Response::json(&items(1..=2)),
    });
    let project = seeded(&server, &format!("{BOARDS}\nmin_success: 50%"), "alpha,1\nbeta,1\ngamma,1\ndelta,1\n");
    project.ok(&["build"]);
    assert_eq!(server.count(), 8);
    let failed = project.rows("select name, _status, _error from {{ ref('items') }} where id is null order by name");
    assert_eq!((failed.len(), &failed[0]["_status"], &failed[1]["_status"]), (2, &json!(500), &Value::Null));
    for row in failed {
        assert!(row["_error"].as_str().unwrap().contains("after 3 attempts"), "{row}");
    }
}

#[test]
fn a_status_may_be_a_row_or_nothing_or_a_failure() {
    let statuses = |request: &super::server::Request| match request.path().trim_start_matches("/boards/") {
        "ok" => Response::json(&items(1..=1)),
        status => Response::new(status.parse().unwrap(), format!("status {status}")),
    };
    let rows = |on_status: &str, boards: &str| {
        let server = Server::start(statuses);
        let project = seeded(&server, &format!("{BOARDS}\non_status: {{{on_status}}}"), boards);
        let ran = project.run(&["build", "--quiet"]);
        match ran.code {
            0 => Ok(project.rows("select id, _status, _error from {{ ref('items') }} order by _status")),
            _ => Err(ran.stderr),
        }
    };
    let ok = json!({"id": 1, "_status": 200, "_error": null});
    let failed = |status: u16| json!({"id": null, "_status": status, "_error": format!("status {status}")});
    assert_eq!(rows("404: row", "ok,1\n404,1\n").unwrap(), [ok.clone(), failed(404)]);
    assert_eq!(rows("404: skip", "ok,1\n404,1\n").unwrap(), std::slice::from_ref(&ok));
    assert_eq!(
        rows("4xx: row, 410: skip", "ok,1\n404,1\n410,1\n451,1\n").unwrap(),
        [ok.clone(), failed(404), failed(451)]
    );
    assert_eq!(rows("5xx: row", "ok,1\n500,1\n").unwrap(), [ok, failed(500)]);
    assert!(rows("4xx: row, 404: fail", "ok,1\n404,1\n").unwrap_err().contains("answered 404"));
    assert!(rows("404: row", "ok,1\n403,1\n").unwrap_err().contains("answered 403"));
}

#[test]
fn a_status_may_be_asked_again() {
    let server = Server::start(|request| match request.before {
        0 => Response::new(404, ""),
        _ => Response::json(&items(1..=1)),
    });
    let project = seeded(&server, &format!("{BOARDS}\non_status: {{404: retry}}"), "alpha,1\n");
    project.ok(&["build"]);
    assert_eq!((server.count(), count(&project, "bronze.items")), (2, json!(1)));
}

#[test]
fn a_query_may_ask_for_its_window() {
    let server = boards();
    let table = format!(
        "{}\nwindow: {{every: 1d, start: 2025-01-01, end: 2025-01-03}}",
        BOARDS.replace("order by board", "where board = 'd' || '{{ window.start.day }}'")
    );
    let project = seeded(&server, &table, "d1,1\nd2,2\nd3,3\n");
    project.ok(&["build"]);
    assert_eq!(sorted(server.asked()), ["/boards/d1?n=1", "/boards/d2?n=2"]);
    project.ok(&["build"]);
    assert_eq!(server.count(), 2);
    assert_eq!(
        project.rows("select name, min(window_start) as at from {{ ref('items') }} group by name order by name"),
        [json!({"name": "d1", "at": "2025-01-01T00:00:00Z"}), json!({"name": "d2", "at": "2025-01-02T00:00:00Z"})]
    );
}

#[test]
fn a_value_in_a_path_may_be_encoded() {
    let server = boards();
    let project = seeded(&server, &BOARDS.replace("{{ each.board }}'", "{{ each.board | urlencode }}'"), "C#/F?,1\n");
    project.ok(&["build"]);
    assert_eq!(server.asked(), ["/boards/C%23/F%3F?n=1"]);
}

#[test]
fn a_source_is_asked_for_what_another_one_gave() {
    let server = Server::start(|request| match request.path().strip_prefix("/item/") {
        None => Response::json(&json!({"id": 1, "kids": [7, 8, 9]})),
        Some(id) => Response::json(&json!({"id": id.parse::<usize>().unwrap(), "name": "kid"})),
    });
    let kids = "for_each: \"select unnest(kids) as id from {{ ref('threads') }}\"\n\
         http: {connection: api, path: '/item/{{ each.id }}'}";
    let sources = super::sources(&server.url(), "", kids);
    let threads = "      - name: threads\n        http: {connection: api, path: /thread}\n        \
         columns: [{name: id, type: bigint}, {name: kids, type: 'list<bigint>'}]\n";
    let project = project(&server, kids).file("sources.yaml", &format!("{sources}{threads}")).file(
        "models/bronze/threads.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
         select id, kids from {{ source('api', 'threads') }}",
    );
    project.ok(&["run"]);
    assert_eq!(sorted(server.asked()), ["/item/7", "/item/8", "/item/9", "/thread"]);
    assert_eq!(super::ids(&project), [7, 8, 9]);
}

#[test]
fn a_window_is_absent_only_for_all() {
    let server = boards();
    let table = format!(
        "{BOARDS}\nwindow: {{every: 1d, start: 2025-01-01, end: 2025-01-02}}\non_status: {{404: absent_after 48h}}"
    );
    let project = seeded(&server, &table, "alpha,1\nxeno,1\n");
    project.ok(&["build"]);
    assert_eq!(per_board(&project), [json!({"name": "alpha", "n": 1})]);
    let status = project.ok(&["source", "status"]).stdout;
    assert!(status.contains("1 window") && !status.contains("absent"), "{status}");
}

#[test]
fn many_rows_keep_within_the_connections_concurrency() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|_| {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        for _ in 0..100 {
            std::thread::yield_now();
        }
        NOW.fetch_sub(1, Ordering::SeqCst);
        Response::json(&items(1..=1))
    });
    let boards: String = (0..60).map(|board| format!("b{board},1\n")).collect();
    let project =
        super::connected(&server, "concurrency: 2", BOARDS).file("seeds/boards.csv", &format!("board,size\n{boards}"));
    project.ok(&["build"]);
    assert_eq!((server.count(), count(&project, "bronze.items")), (60, json!(60)));
    assert!(MOST.load(Ordering::SeqCst) <= 2, "{} at a time", MOST.load(Ordering::SeqCst));
}

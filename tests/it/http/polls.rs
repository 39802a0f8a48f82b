//! Feeds asked again and again: only for what changed, not too early, and with a look at what was missed.

use serde_json::{Value, json};

use super::server::{Response, Server};
use super::{connected, declare, ids, is_unbuilt, items, project};
use crate::project::TestProject;

const TABLE: &str = "http: {connection: api, path: /items}";
const WITH_TIME: &str = "columns: [{name: id, type: bigint}, {name: name, type: string}, {name: at, type: timestamp}]";

fn feed(each: impl Fn(usize) -> Vec<usize> + Send + Sync + 'static) -> Server {
    Server::start(move |request| Response::json(&items(each(request.before))))
}

/// Items whose time is their number of minutes after midnight.
fn timed(ids: impl IntoIterator<Item = usize>) -> Value {
    ids.into_iter().map(|id| json!({"id": id, "at": format!("2026-01-01T{:02}:{:02}:00Z", id / 60, id % 60)})).collect()
}

fn version(project: &TestProject) -> u64 {
    project.version("bronze/items")
}

#[test]
fn a_table_without_a_window_is_asked_in_every_run() {
    let server = feed(|before| vec![before]);
    let project = project(&server, TABLE);
    project.ok(&["run"]);
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!((server.count(), ids(&project)), (3, vec![json!(0), json!(1), json!(2)]));
}

#[test]
fn a_feed_is_not_asked_too_early() {
    let server = feed(|before| vec![before]);
    let project = project(&server, &format!("{TABLE}\npoll: {{every: 1h}}"));
    project.ok(&["run"]);
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("append 0 rows"), "{ran}");
    assert_eq!((server.count(), ids(&project), version(&project)), (1, vec![json!(0)], 0));
    project.ok(&["run", "--force"]);
    assert_eq!((server.count(), ids(&project)), (2, vec![json!(0), json!(1)]));
    declare(&project, &server, "", &format!("{TABLE}\npoll: {{every: 1ms}}"));
    project.ok(&["run"]);
    assert_eq!(server.count(), 3);
}

#[test]
fn a_service_may_say_how_long_to_wait() {
    let server = Server::start(|request| {
        Response::json(&items([request.before]))
            .header("X-Poll-Interval", if request.before == 0 { "0" } else { "3600" })
    });
    let project = project(&server, &format!("{TABLE}\npoll: {{every: 1ms, interval_header: X-Poll-Interval}}"));
    for _ in 0..4 {
        project.ok(&["run"]);
    }
    assert_eq!((server.count(), ids(&project)), (2, vec![json!(0), json!(1)]));
}

/// Changes after the second answer; knows who has its newest.
fn tagged() -> Server {
    Server::start(|request| {
        let tag = format!("W/\"tag-{}-{}\"", request.before / 3, "x".repeat(40));
        match request.header("if-none-match") == Some(&tag) {
            true => Response::new(304, "").header("etag", &tag),
            false => Response::json(&items([request.before / 3])).header("etag", &tag),
        }
    })
}

#[test]
fn only_what_changed_is_read() {
    let server = tagged();
    let project = project(&server, &format!("{TABLE}\npoll: {{every: 1ms, conditional: etag}}"));
    for _ in 0..3 {
        project.ok(&["run"]);
    }
    assert_eq!((ids(&project), version(&project)), (vec![json!(0)], 0));
    for _ in 0..3 {
        project.ok(&["run"]);
    }
    assert_eq!((server.count(), ids(&project), version(&project)), (6, vec![json!(0), json!(1)], 1));
    let requests = server.requests();
    let conditions: Vec<bool> = requests.iter().map(|request| request.header("if-none-match").is_some()).collect();
    assert_eq!(conditions, [false, true, true, true, true, true]);

    project.ok(&["run", "--force"]);
    assert_eq!(server.requests()[6].header("if-none-match"), None);
}

#[test]
fn without_a_condition_all_is_read() {
    let server = tagged();
    let project = project(&server, &format!("{TABLE}\npoll: {{every: 1ms}}"));
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [0, 0]);
    assert!(server.requests().iter().all(|request| request.header("if-none-match").is_none()));
}

#[test]
fn a_full_refresh_knows_no_condition() {
    let server = tagged();
    let project = project(&server, &format!("{TABLE}\npoll: {{every: 1ms, conditional: etag}}"));
    project.ok(&["run"]);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(ids(&project), [0]);
    assert_eq!(server.requests()[1].header("if-none-match"), None);
}

#[test]
fn only_the_first_page_has_a_condition() {
    let server = Server::start(|request| {
        let page = request.number("page", 1);
        let answer = Response::json(&items([page])).header("etag", &format!("\"p{page}-{}\"", request.before));
        if page == 1 { answer.next("/items?page=2") } else { answer }
    });
    let table =
        "http: {connection: api, path: /items, paginate: {link_header: next}}\npoll: {every: 1ms, conditional: etag}";
    let project = project(&server, table);
    project.ok(&["run"]);
    project.ok(&["run"]);
    let requests = server.requests();
    let conditions: Vec<_> = requests.iter().map(|request| request.header("if-none-match")).collect();
    assert_eq!(conditions, [None, None, Some("\"p1-0\""), None]);
}

#[test]
fn a_cursor_goes_into_the_next_request() {
    let server = Server::start(|request| {
        let after = request.number("after", 5);
        Response::json(&items((after + 1..=after + 2).rev()))
    });
    let table =
        "http: {connection: api, path: /items, query: {after: '{{ cursor.value }}'}}\ncursor: {field: id, initial: 7}";
    let project = project(&server, table);
    for _ in 0..3 {
        project.ok(&["run"]);
    }
    assert_eq!(server.asked(), ["/items?after=7", "/items?after=9", "/items?after=11"]);
    assert_eq!(ids(&project), [8, 9, 10, 11, 12, 13]);
}

#[test]
fn a_cursor_without_a_beginning_is_left_out() {
    let server = feed(|before| vec![before * 2, before * 2 + 1]);
    let table = "http: {connection: api, path: /items, query: {after: '{{ cursor.value }}'}}\ncursor: {field: id}";
    let project = project(&server, table);
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(server.asked(), ["/items", "/items?after=1"]);
}

#[test]
fn a_cursor_may_be_a_time_a_date_or_a_text() {
    for (column, values, query, expected) in [
        (
            "timestamp",
            ["2026-01-01T00:00:00Z", "2026-01-02T03:04:05Z"],
            "{{ cursor.value | strftime('%Y%m%d-%H%M%S') }}",
            "20260102-030405",
        ),
        ("date", ["2026-01-03", "2026-01-01"], "{{ cursor.value }}", "2026-01-03"),
        ("string", ["b-ü-a-long-text-of-a-cursor", "a"], "{{ cursor.value }}", "b-ü-a-long-text-of-a-cursor"),
    ] {
        let server = Server::start(move |_| Response::json(&json!([{"id": values[0]}, {"id": values[1]}])));
        let initial = if column == "timestamp" { "" } else { ", initial: '1999-01-01'" };
        let query = if column == "timestamp" {
            format!("{{% if cursor.value %}}{query}{{% endif %}}")
        } else {
            query.to_owned()
        };
        let project = project(
            &server,
            &format!(
                "http: {{connection: api, path: /items, query: {{after: \"{query}\"}}}}\ncursor: {{field: id{initial}}}\n\
                 columns: [{{name: id, type: {column}}}, {{name: name, type: string}}]"
            ),
        );
        project.ok(&["run"]);
        project.ok(&["run"]);
        assert_eq!(server.requests()[1].query("after").as_deref(), Some(expected), "{column}");
    }
}

#[test]
fn a_feed_that_does_not_reach_back_to_the_poll_before_has_a_gap() {
    // 10 to 19, then 15 to 24, then 40 to 49.
    let polls = [10, 15, 40];
    let server = Server::start(move |request| {
        let first = polls[request.before.min(2)];
        Response::json(&timed((first..first + 10).rev()))
    });
    let project =
        project(&server, &format!("{TABLE}\npoll: {{every: 1ms}}\ncursor: {{field: at, on_gap: warn}}\n{WITH_TIME}"));
    for _ in 0..2 {
        let ran = project.ok(&["run"]);
        assert!(!ran.stderr.contains("missed"), "{ran}");
    }
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("source `api.items` has missed records"), "{ran}");
    assert!(
        ran.stderr.contains("is 2026-01-01T00:40:00Z, the newest of the poll before was 2026-01-01T00:24:00Z"),
        "{ran}"
    );
    assert!(ran.stderr.contains("ask more often"), "{ran}");
    assert_eq!(ids(&project).len(), 30);
    // It has been told.
    let ran = project.ok(&["run"]);
    assert!(!ran.stderr.contains("missed"), "{ran}");
}

#[test]
fn a_gap_may_stop_the_run() {
    let server = Server::start(|request| Response::json(&timed([request.before * 10])));
    let table = |on_gap: &str| format!("{TABLE}\ncursor: {{field: at, on_gap: {on_gap}}}\n{WITH_TIME}");
    let project = project(&server, &table("fail"));
    project.ok(&["run"]);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("has missed records"), "{ran}");
    assert_eq!((ids(&project), version(&project)), (vec![json!(0)], 0));
    declare(&project, &server, "", &table("ignore"));
    let ran = project.ok(&["run"]);
    assert!(!ran.stderr.contains("missed"), "{ran}");
}

#[test]
fn the_cursor_is_followed_though_the_model_does_not_take_it() {
    let server = Server::start(|request| Response::json(&timed([request.before * 10])));
    let project = project(&server, &format!("{TABLE}\ncursor: {{field: at, on_gap: fail}}\n{WITH_TIME}"));
    project.write(
        "models/bronze/items.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect id from {{ source('api', 'items') }}",
    );
    project.ok(&["run"]);
    assert_eq!(project.run(&["run", "--quiet"]).code, 1);
}

#[test]
fn a_poll_that_fails_is_no_poll() {
    let server = Server::start(|request| match request.before {
        0 => Response::new(404, ""),
        _ => Response::json(&items(1..=3)),
    });
    let project = connected(&server, "", &format!("{TABLE}\npoll: {{every: 1h}}"));
    assert_eq!(project.run(&["run", "--quiet"]).code, 1);
    assert!(is_unbuilt(&project));
    project.ok(&["run"]);
    assert_eq!((server.count(), ids(&project)), (2, vec![json!(1), json!(2), json!(3)]));
}

#[test]
fn nothing_may_be_there() {
    let server = Server::start(|_| Response::new(404, ""));
    let project = project(&server, &format!("{TABLE}\non_status: {{404: skip}}"));
    project.ok(&["run"]);
    assert_eq!(ids(&project), [0; 0]);
}

#[test]
fn a_table_is_what_is_there_now() {
    let server = feed(|before| vec![before, 7]);
    let project = project(&server, &format!("{TABLE}\npoll: {{every: 1ms}}")).file(
        "models/bronze/items.sql",
        "{{ config(materialized='table') }}\nselect id, name from {{ source('api', 'items') }}",
    );
    project.ok(&["run"]);
    assert_eq!(ids(&project), [0, 7]);
    project.ok(&["run"]);
    assert_eq!((server.count(), ids(&project)), (2, vec![json!(1), json!(7)]));
}

#[test]
fn a_poll_that_is_due_later_does_not_empty_a_table() {
    let server = feed(|before| vec![before]);
    let project = project(&server, &format!("{TABLE}\npoll: {{every: 1h}}")).file(
        "models/bronze/items.sql",
        "{{ config(materialized='table') }}\nselect id, name from {{ source('api', 'items') }}",
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(ids(&project).len(), 1);
}

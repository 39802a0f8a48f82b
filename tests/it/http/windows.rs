//! Windows of time: each is read once, whatever happens in between, and again only when somebody says so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::server::{Response, Server};
use super::{connected, count, declare, ids, items, project};
use crate::project::TestProject;

/// Six hours of the first day of 2025.
const TABLE: &str = "http: {connection: api, path: '/w/{{ window.start.hour }}'}\n\
     window: {every: 1h, start: 2025-01-01, end: 2025-01-01T06:00:00Z}";

/// Two items an hour: 0 and 1 in the first, 10 and 11 in the second.
fn hours() -> Server {
    Server::start(|request| hour(request.path()))
}

fn hour(path: &str) -> Response {
    let hour: usize = path.rsplit('/').next().unwrap().parse().unwrap();
    Response::json(&items([hour * 10, hour * 10 + 1]))
}

fn all(hours: std::ops::Range<usize>) -> Vec<Value> {
    hours.flat_map(|hour| [json!(hour * 10), json!(hour * 10 + 1)]).collect()
}

fn status(project: &TestProject) -> String {
    project.ok(&["source", "status"]).stdout
}

fn sorted(mut asked: Vec<String>) -> Vec<String> {
    asked.sort();
    asked
}

#[test]
fn every_window_is_read_once() {
    let server = hours();
    let project = project(&server, TABLE);
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("12 rows"), "{ran}");
    assert_eq!(ids(&project), all(0..6));
    assert_eq!(sorted(server.asked()), ["/w/0", "/w/1", "/w/2", "/w/3", "/w/4", "/w/5"]);
    let version = project.version("bronze/items");

    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("append 0 rows"), "{ran}");
    assert_eq!((server.count(), project.version("bronze/items")), (6, version));
    assert_eq!(ids(&project), all(0..6));
}

#[test]
fn rows_know_their_window() {
    let server = hours();
    let project = project(&server, TABLE);
    project.ok(&["run"]);
    assert_eq!(
        project.rows("select window_start, _source from {{ ref('items') }} where id = 31"),
        [json!({"window_start": "2025-01-01T03:00:00Z", "_source": format!("{}/w/3", server.url())})]
    );
}

#[test]
fn a_request_may_name_its_window_in_many_ways() {
    let server = Server::start(|_| Response::text("[]"));
    let project = project(
        &server,
        "http: {connection: api, path: \"/{{ window.start | strftime('%Y-%m-%d') }}-{{ window.start.hour }}.json\", \
         query: {from: '{{ window.start }}', to: \"{{ window.end | strftime('%Y-%m-%dT%H:%M:%SZ') }}\"}}\n\
         window: {every: 1h, start: 2025-06-30T23:00:00Z, end: 2025-07-01T01:00:00Z}",
    );
    project.ok(&["run"]);
    let asked = sorted(server.asked());
    assert_eq!(asked.len(), 2);
    assert!(asked[0].starts_with("/2025-06-30-23.json?from=2025-06-30"), "{asked:?}");
    assert!(asked[0].ends_with("&to=2025-07-01T00%3A00%3A00Z"), "{asked:?}");
    assert!(asked[1].starts_with("/2025-07-01-0.json?from=2025-07-01"), "{asked:?}");
}

#[test]
fn windows_are_committed_some_at_a_time() {
    let server = Server::start(|request| match request.path() {
        "/w/4" => Response::new(404, ""),
        path => hour(path),
    });
    let project = project(&server, &format!("{TABLE}\nper_commit: 2"));
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(ids(&project), all(0..4));
    assert_eq!(project.version("bronze/items"), 1);

    // The next run goes on behind them.
    let server = hours();
    declare(&project, &server, "", &format!("{TABLE}\nper_commit: 2"));
    project.ok(&["run"]);
    assert_eq!(sorted(server.asked()), ["/w/4", "/w/5"]);
    assert_eq!(ids(&project), all(0..6));
}

#[test]
fn more_windows_come_with_time_and_before_the_first() {
    let server = hours();
    let window = |start: usize, end: usize| {
        format!(
            "http: {{connection: api, path: '/w/{{{{ window.start.hour }}}}'}}\n\
             window: {{every: 1h, start: 2025-01-01T{start:02}:00:00Z, end: 2025-01-01T{end:02}:00:00Z}}"
        )
    };
    let project = project(&server, &window(3, 5));
    project.ok(&["run"]);
    assert_eq!(sorted(server.asked()), ["/w/3", "/w/4"]);
    declare(&project, &server, "", &window(1, 5));
    project.ok(&["run"]);
    declare(&project, &server, "", &window(0, 6));
    project.ok(&["run"]);
    assert_eq!(sorted(server.asked()), ["/w/0", "/w/1", "/w/2", "/w/3", "/w/4", "/w/5"]);
    assert_eq!(ids(&project), all(0..6));
    assert!(
        status(&project).contains("6 windows: 2025-01-01T00:00:00Z to 2025-01-01T06:00:00Z"),
        "{}",
        status(&project)
    );
}

#[test]
fn a_hole_between_windows_is_filled() {
    let server = hours();
    let project = project(&server, TABLE);
    project.ok(&["run", "--from", "2025-01-01T01:00:00Z", "--to", "2025-01-01T02:00:00Z"]);
    project.ok(&["run", "--from", "2025-01-01T04:00:00Z", "--to", "2025-01-01T05:00:00Z"]);
    assert_eq!(sorted(server.asked()), ["/w/1", "/w/4"]);
    assert!(status(&project).contains("2 windows: "), "{}", status(&project));
    project.ok(&["run"]);
    assert_eq!(sorted(server.asked()), ["/w/0", "/w/1", "/w/2", "/w/3", "/w/4", "/w/5"]);
    assert_eq!(ids(&project), all(0..6));
}

#[test]
fn a_window_is_not_asked_for_before_it_is_over_and_the_delay_too() {
    let server = Server::start(|_| Response::text("[]"));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // A day that ended meanwhile would be one window more.
    while now() % 86_400 > 86_400 - 60 {
        std::thread::park_timeout(Duration::from_secs(1));
    }
    let today = now() / 86_400;
    let start = (i64::try_from(today).unwrap() - 5) * 86_400;
    let date = project(&server, "http: {connection: api, path: /w}")
        .value(&format!("select cast(to_timestamp({start}) as date)"));
    let window = |delay: &str| {
        let start = date.as_str().unwrap();
        format!(
            "http: {{connection: api, path: '/w/{{{{ window.start }}}}'}}\nwindow: {{every: 1d, start: {start}, delay: {delay}}}"
        )
    };
    let project = project(&server, &window("3650d"));
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("0 rows"), "{ran}");
    assert_eq!(server.count(), 0);
    declare(&project, &server, "", &window("2d"));
    project.ok(&["run"]);
    assert_eq!(server.count(), 3);
    declare(&project, &server, "", &window("0s"));
    project.ok(&["run"]);
    assert_eq!(server.count(), 5);
}

#[test]
fn what_is_not_there_yet_is_asked_for_until_it_is_old() {
    let server = Server::start(|request| match request.path() {
        "/w/2" => Response::new(404, "not yet"),
        path => hour(path),
    });
    let project = project(&server, &format!("{TABLE}\non_status: {{404: absent_after 100000h}}"));
    let ran = project.ok(&["run"]);
    assert!(
        ran.stderr.contains("does not have one window yet") && ran.stderr.contains("2025-01-01T02:00:00Z"),
        "{ran}"
    );
    assert_eq!(ids(&project), [all(0..2), all(3..6)].concat());
    project.ok(&["run"]);
    assert_eq!(server.asked().iter().filter(|target| *target == "/w/2").count(), 2);
    assert_eq!(server.count(), 7);
    assert_eq!(ids(&project), [all(0..2), all(3..6)].concat());

    // Old enough now: it is done without a row.
    declare(&project, &server, "", &format!("{TABLE}\non_status: {{404: absent_after 48h}}"));
    let ran = project.ok(&["run"]);
    assert!(!ran.stderr.contains("yet"), "{ran}");
    project.ok(&["run"]);
    assert_eq!(server.count(), 8);
    let status = status(&project);
    assert!(status.contains("6 windows") && status.contains("1 of them absent"), "{status}");

    // What comes after all is read when it is asked for.
    let server = hours();
    declare(&project, &server, "", TABLE);
    project.ok(&["run", "--from", "2025-01-01T02:00:00Z", "--to", "2025-01-01T03:00:00Z"]);
    assert_eq!(ids(&project), all(0..6));
}

#[test]
fn what_is_absent_at_once_is_not_asked_for_again() {
    let server = Server::start(|request| match request.path() {
        "/w/2" => Response::new(410, ""),
        path => hour(path),
    });
    let project = project(&server, &format!("{TABLE}\non_status: {{4xx: absent}}"));
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!((server.count(), ids(&project)), (6, [all(0..2), all(3..6)].concat()));
}

#[test]
fn a_window_that_fails_is_asked_for_as_often_as_is_said() {
    let server = Server::start(|request| match request.path() {
        "/w/5" => Response::new(500, ""),
        path => hour(path),
    });
    let project = project(&server, TABLE);
    let ran = project.run(&["run", "--quiet"]);
    assert!(ran.code == 1 && ran.stderr.contains("after 3 attempts"), "{ran}");
    assert_eq!(server.asked().iter().filter(|target| *target == "/w/5").count(), 3);
}

#[test]
fn what_comes_later_is_read_then() {
    let server = Server::start(|request| match (request.path(), request.before) {
        ("/w/2", 0) => Response::new(404, "not yet"),
        (path, _) => hour(path),
    });
    let project = project(&server, &format!("{TABLE}\non_status: {{404: absent_after 100000h}}"));
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!((server.count(), ids(&project)), (7, all(0..6)));
}

#[test]
fn windows_read_again_replace_their_rows() {
    let server = Server::start(|request| {
        let hour: usize = request.path().rsplit('/').next().unwrap().parse().unwrap();
        Response::json(&items([hour * 10 + request.before]))
    });
    let project = project(&server, &format!("{TABLE}\nper_commit: 2"));
    project.ok(&["run"]);
    assert_eq!(ids(&project), [0, 10, 20, 30, 40, 50]);
    project.ok(&["run", "--from", "2025-01-01T01:00:00Z", "--to", "2025-01-01T04:00:00Z"]);
    assert_eq!(ids(&project), [0, 11, 21, 31, 40, 50]);
    assert_eq!(server.count(), 9);
    // Only what is named, and a time inside of a window names all of it.
    project.ok(&["run", "--from", "2025-01-01T05:30:00Z"]);
    assert_eq!(ids(&project), [0, 11, 21, 31, 40, 51]);
    project.ok(&["run", "--to", "2025-01-01T00:30:00Z"]);
    assert_eq!(ids(&project), [1, 11, 21, 31, 40, 51]);
    project.ok(&["run", "--force"]);
    assert_eq!(ids(&project), [1, 11, 21, 31, 40, 52]);
    assert_eq!(server.count(), 12);
}

#[test]
fn a_window_read_again_that_fails_keeps_its_rows() {
    let server = Server::start(|request| match request.before {
        0 => hour(request.path()),
        _ => Response::new(404, ""),
    });
    let project = project(&server, TABLE);
    project.ok(&["run"]);
    let version = project.version("bronze/items");
    assert_eq!(project.run(&["run", "--force", "--quiet"]).code, 1);
    assert_eq!((ids(&project), project.version("bronze/items")), (all(0..6), version));
}

#[test]
fn a_window_read_again_that_is_not_there_now_keeps_its_rows() {
    let server = Server::start(|request| match request.before {
        0 => hour(request.path()),
        _ => Response::new(404, ""),
    });
    let project = project(&server, &format!("{TABLE}\non_status: {{404: absent_after 100000h}}"));
    project.ok(&["run"]);
    project.ok(&["run", "--force"]);
    assert_eq!(ids(&project), all(0..6));
}

#[test]
fn windows_cannot_be_read_again_where_rows_do_not_tell_them() {
    let server = hours();
    let project = project(&server, TABLE).file(
        "models/bronze/items.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect id from {{ source('api', 'items') }}",
    );
    project.ok(&["run"]);
    let ran = project.run(&["run", "--force", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("cannot read windows again"), "{ran}");
    assert!(ran.stderr.contains("_window_start as window_start"), "{ran}");
    assert_eq!(ids(&project), all(0..6));
}

#[test]
fn a_column_may_be_named_that_tells_the_window() {
    let server = hours();
    let project = project(&server, TABLE).file(
        "models/bronze/items.sql",
        "{{ config(materialized='incremental', incremental_strategy='append', window_column='hour') }}\n\
         select id, _window_start as hour from {{ source('api', 'items') }}",
    );
    project.ok(&["run"]);
    project.ok(&["run", "--from", "2025-01-01", "--to", "2025-01-02"]);
    assert_eq!((server.count(), ids(&project)), (12, all(0..6)));
}

#[test]
fn a_full_refresh_reads_all_windows_again() {
    let server = hours();
    let project = project(&server, &format!("{TABLE}\nper_commit: 2"));
    project.ok(&["run"]);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!((server.count(), ids(&project)), (12, all(0..6)));
    project.ok(&["run"]);
    assert_eq!((server.count(), ids(&project)), (12, all(0..6)));
}

#[test]
fn a_window_without_a_start_is_what_is_there_now() {
    let server = Server::start(|request| Response::json(&items([request.before])));
    let project = project(&server, "http: {connection: api, path: /items}\nwindow: {every: 52w}");
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!((server.count(), ids(&project)), (1, vec![json!(0)]));
    project.ok(&["run", "--force"]);
    assert_eq!((server.count(), ids(&project)), (2, vec![json!(1)]));
    assert_eq!(project.value("select max(window_start) <= now() from {{ ref('items') }}"), json!(true));
}

#[test]
fn broken_records_of_a_window_are_kept_once() {
    let server = Server::start(|request| Response::text(&format!("[{{\"id\": \"{}\"}}]", request.path())));
    let project = connected(&server, "", &format!("{TABLE}\nper_commit: 2"));
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!((count(&project, "bronze.items"), count(&project, "bronze.items__rejected")), (json!(0), json!(6)));
}

#[test]
fn a_model_of_two_sources_sees_all_of_both() {
    let server = Server::start(|request| match request.path() {
        "/names" => Response::json(&items((0..6).map(|hour| hour * 10))),
        path => hour(path),
    });
    let windows = format!("{TABLE}\nper_commit: 2");
    let names =
        format!("      - name: names\n        http: {{connection: api, path: /names}}\n        {}\n", super::COLUMNS);
    let project = project(&server, &windows).file(
        "models/bronze/items.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
         select i.id, n.name from {{ source('api', 'items') }} i join {{ source('api', 'names') }} n on i.id = n.id",
    );
    project.write("sources.yaml", super::sources(&server.url(), "", &windows) + &names);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [0, 10, 20, 30, 40, 50]);
}

#[test]
fn every_model_has_windows_of_its_own() {
    let server = hours();
    let project = project(&server, TABLE);
    project.ok(&["run"]);
    let other = "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect id from {{ source('api', 'items') }}";
    project.write("models/bronze/others.sql", other);
    project.ok(&["run"]);
    assert_eq!((server.count(), count(&project, "bronze.others")), (12, json!(12)));
    assert_eq!(ids(&project), all(0..6));
}

//! Mistakes in `connections:` and in what reads them: where the caret stands, and what is said.

use super::{COLUMNS, MODEL};
use crate::project::{Ran, TestProject};
use crate::transcript;

const CONNECTION: &str = "connections:\n  api:\n    http:\n      base_url: https://api.example\n";

/// A project with this `sources.yaml`.
fn compiled(sources: &str) -> Ran {
    let project = TestProject::new().file("models/bronze/items.sql", MODEL).file("sources.yaml", sources);
    project.run(&["compile"])
}

/// The table's lines.
fn table(lines: &str) -> Ran {
    let columns = if lines.contains("columns:") { "" } else { COLUMNS };
    let lines: String = lines.lines().chain([columns]).map(|line| format!("        {line}\n")).collect();
    compiled(&format!("{CONNECTION}sources:\n  - name: api\n    tables:\n      - name: items\n{lines}"))
}

/// Further lines of the connection.
fn connection(lines: &str) -> Ran {
    let lines: String = lines.lines().map(|line| format!("      {line}\n")).collect();
    compiled(&format!(
        "{CONNECTION}{lines}sources:\n  - name: api\n    tables:\n      - name: items\n        \
         http: {{connection: api, path: /items}}\n        {COLUMNS}\n"
    ))
}

#[test]
fn a_connection_nobody_declared() {
    transcript!(table("http: {connection: apii, path: /items}"), @"");
}

#[test]
fn a_window_and_a_poll() {
    transcript!(table("http: {connection: api, path: /items}\nwindow: {every: 1h}\npoll: {every: 1h}"), @"");
}

#[test]
fn a_length_of_time_that_is_none() {
    transcript!(table("http: {connection: api, path: /items}\nwindow: {every: hourly}"), @"");
    transcript!(connection("timeout: {request: 30}"), @"");
}

#[test]
fn a_start_where_no_window_begins() {
    transcript!(table("http: {connection: api, path: /items}\nwindow: {every: 1d, start: 2025-01-01T06:00:00Z}"), @"");
}

#[test]
fn two_ways_to_the_next_page() {
    transcript!(table("http: {connection: api, path: /items, paginate: {link_header: next, page: {param: p}}}"), @"");
}

#[test]
fn no_way_to_the_next_page() {
    transcript!(table("http: {connection: api, path: /items, paginate: {max_pages: 3}}"), @"");
}

#[test]
fn a_cursor_to_nowhere() {
    transcript!(table("http: {connection: api, path: /items, paginate: {cursor: {from: $.next, to: next}}}"), @"");
}

#[test]
fn a_value_of_a_row_there_is_not() {
    transcript!(table("http: {connection: api, path: /items}\ncolumns: [{name: board, type: string, each: board}]"), @"");
}

#[test]
fn a_share_without_its_sign() {
    transcript!(table("http: {connection: api, path: /items}\nmin_success: 90"), @"");
}

#[test]
fn keys_nobody_knows() {
    transcript!(table("http: {connection: api, path: /items, querry: {a: 1}}"), @"");
    transcript!(connection("retries: {max: 3}"), @"");
    transcript!(connection("retry: {maxx: 3}"), @"");
}

#[test]
fn records_where_there_is_no_document() {
    transcript!(table("http: {connection: api, path: /items}\nformat: ndjson\nrecords: $.items"), @"");
}

#[test]
fn a_template_of_a_row_there_is_not() {
    transcript!(table("http: {connection: api, path: '/items/{{ each.x }}'}"), @"");
}

#[test]
fn a_template_of_a_window_there_is_not() {
    let ran = table("http: {connection: api, path: '/items/{{ window.start }}'}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("`window`") && ran.stderr.contains("^^"), "{ran}");
}

#[test]
fn a_base_url_that_is_none() {
    for (url, said) in [
        ("api.example", "expected `https://host/...`"),
        ("ftp://api.example", "expected `https://host/...`"),
        ("https://api.example/?a=1", "a base URL ends with its path"),
        ("https://me:word@api.example", "credentials belong to `auth: {basic: {user: ..., password: ...}}`"),
    ] {
        let ran = compiled(&format!("connections:\n  api:\n    http: {{base_url: '{url}'}}\n"));
        assert_eq!(ran.code, 2, "{ran}");
        assert!(ran.stderr.contains(said), "{ran}");
    }
}

#[test]
fn a_connection_without_anything_to_connect_to() {
    transcript!(compiled("connections:\n  api: {}\n"), @"");
}

#[test]
fn two_ways_to_sign_in() {
    transcript!(connection("auth: {bearer: abcdef, basic: {user: me, password: x}}"), @"");
}

#[test]
fn a_key_that_goes_nowhere() {
    let ran = connection("auth: {api_key: {value: abcdef}}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("expected `header` or `query`, one of them"), "{ran}");
}

#[test]
fn a_method_that_writes() {
    let ran = table("http: {connection: api, path: /items, method: DELETE}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("`DELETE` is not a method that reads"), "{ran}");
}

#[test]
fn a_status_that_is_none_and_nothing_to_do_about_one() {
    transcript!(table("http: {connection: api, path: /items}\non_status: {4o4: skip, 500: ignore}"), @"");
}

#[test]
fn a_cursor_over_no_column() {
    let ran = table("http: {connection: api, path: /items}\ncursor: {field: idd}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("`cursor` names `idd`, which is no column of the table"), "{ran}");
    assert!(ran.stderr.contains("did you mean `id`?"), "{ran}");
}

#[test]
fn settings_of_http_for_files() {
    let ran = table("files: {path: 'in/*.json'}\nformat: ndjson\npoll: {every: 1h}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("`poll` has a meaning for `http` only"), "{ran}");
}

#[test]
fn a_format_that_cannot_come_over_http() {
    let ran = table("http: {connection: api, path: /items}\nformat: parquet");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("parquet") && ran.stderr.contains("`document`"), "{ran}");
}

#[test]
fn a_secret_of_the_environment_that_is_not_there() {
    let ran = connection("auth: {bearer: \"{{ env_var('NOT_SET_ANYWHERE') }}\"}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("NOT_SET_ANYWHERE") && ran.stderr.contains("sources.yaml:5"), "{ran}");
}

#[test]
fn several_mistakes_are_told_together() {
    let ran = table("http: {connection: nobody, path: /items, colour: red}\nmin_success: lots\nwindow: {every: soon}");
    assert_eq!(ran.code, 2, "{ran}");
    for said in
        ["no connection is named `nobody`", "unknown key `colour`", "`min_success`", "`soon` is no length of a window"]
    {
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
}

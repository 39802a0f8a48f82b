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
    transcript!(table("http: {connection: apii, path: /items}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: no connection is named `apii`
     --> sources.yaml:9:28
      |
    9 |         http: {connection: apii, path: /items}
      |                            ^^^^ not in `connections:`
      |
      = hint: did you mean `api`?
    ");
}

#[test]
fn a_window_and_a_poll() {
    transcript!(table("http: {connection: api, path: /items}\nwindow: {every: 1h}\npoll: {every: 1h}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: a table is read by `window` or by `poll`
      --> sources.yaml:11:9
       |
    11 |         poll: {every: 1h}
       |         ^^^^ both are given
       |
       = hint: a window is read once; a poll reads the same URL again and again
    ");
}

#[test]
fn a_length_of_time_that_is_none() {
    transcript!(table("http: {connection: api, path: /items}\nwindow: {every: hourly}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `hourly` is no length of a window
      --> sources.yaml:10:25
       |
    10 |         window: {every: hourly}
       |                         ^^^^^^ expected a length that cuts a day evenly, such as `1h`, or whole days
    ");
    transcript!(connection("timeout: {request: 30}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `request` is a length of time such as `30s`, not `30`
     --> sources.yaml:5:26
      |
    5 |       timeout: {request: 30}
      |                          ^^ expected a length of time such as `30s`
    ");
}

#[test]
fn a_start_where_no_window_begins() {
    transcript!(table("http: {connection: api, path: /items}\nwindow: {every: 1d, start: 2025-01-01T06:00:00Z}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: no window of 1d starts here
      --> sources.yaml:10:36
       |
    10 |         window: {every: 1d, start: 2025-01-01T06:00:00Z}
       |                                    ^^^^^^^^^^^^^^^^^^^^ windows are cut from midnight UTC, weeks from Monday
    ");
}

#[test]
fn two_ways_to_the_next_page() {
    transcript!(table("http: {connection: api, path: /items, paginate: {link_header: next, page: {param: p}}}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `paginate` goes one way
     --> sources.yaml:9:77
      |
    9 |         http: {connection: api, path: /items, paginate: {link_header: next, page: {param: p}}}
      |                                                                             ^^^^ a second one
    ");
}

#[test]
fn no_way_to_the_next_page() {
    transcript!(table("http: {connection: api, path: /items, paginate: {max_pages: 3}}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `paginate` does not say how
     --> sources.yaml:9:57
      |
    9 |         http: {connection: api, path: /items, paginate: {max_pages: 3}}
      |                                                         ^^^^^^^^^^^^^^ expected one of `link_header`, `next_url`, `cursor`, `page`, `offset` and `keyset`
    ");
}

#[test]
fn a_cursor_to_nowhere() {
    transcript!(table("http: {connection: api, path: /items, paginate: {cursor: {from: $.next, to: next}}}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `to` names a parameter of the query
     --> sources.yaml:9:85
      |
    9 |         http: {connection: api, path: /items, paginate: {cursor: {from: $.next, to: next}}}
      |                                                                                     ^^^^ expected `query.<name>`
    ");
}

#[test]
fn a_value_of_a_row_there_is_not() {
    let columns = "columns: [{name: id, type: bigint}, {name: board, type: string, each: board}]";
    transcript!(table(&format!("http: {{connection: api, path: /items}}\n{columns}")), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `each` takes a value of the `for_each` row
      --> sources.yaml:10:79
       |
    10 |         columns: [{name: id, type: bigint}, {name: board, type: string, each: board}]
       |                                                                               ^^^^^ this table has no `for_each`
    ");
}

#[test]
fn a_share_without_its_sign() {
    transcript!(table("http: {connection: api, path: /items}\nmin_success: 90"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `min_success` is a percentage such as `90%`, not `90`
      --> sources.yaml:10:22
       |
    10 |         min_success: 90
       |                      ^^ expected a percentage such as `90%`
    ");
}

#[test]
fn keys_nobody_knows() {
    transcript!(table("http: {connection: api, path: /items, querry: {a: 1}}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown key `querry` in `http`
     --> sources.yaml:9:47
      |
    9 |         http: {connection: api, path: /items, querry: {a: 1}}
      |                                               ^^^^^^ not a setting
      |
      = hint: did you mean `query`?
    ");
    transcript!(connection("retries: {max: 3}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown key `retries` in `http`
     --> sources.yaml:5:7
      |
    5 |       retries: {max: 3}
      |       ^^^^^^^ not a setting
      |
      = hint: did you mean `retry`?
    ");
    transcript!(connection("retry: {maxx: 3}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown key `maxx` in `retry`
     --> sources.yaml:5:15
      |
    5 |       retry: {maxx: 3}
      |               ^^^^ not a setting
      |
      = hint: did you mean `max`?
    ");
}

#[test]
fn records_where_there_is_no_document() {
    transcript!(table("http: {connection: api, path: /items}\nformat: ndjson\nrecords: $.items"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `records` has a meaning for `format: json` only
      --> sources.yaml:11:9
       |
    11 |         records: $.items
       |         ^^^^^^^ there is no document to look into
    ");
}

#[test]
fn a_template_of_a_row_there_is_not() {
    let ran = table("http: {connection: api, path: '/items/{{ each.x }}'}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("`each`") && ran.stderr.contains("^^"), "{ran}");
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
    transcript!(compiled("connections:\n  api: {}\n"), @"
    exit: 2
    ----- stderr -----
    error[E0302]: no source named `api`
     --> models/bronze/items.sql:2:82
      |
    2 | select id, name, _source, _status, _error, _window_start as window_start from {{ source('api', 'items') }}
      |                                                                                  ^^^^^^^^^^^^^^^^^^^^^^ not declared in `sources.yaml`

    error[E0103]: connection `api` says nothing of what it connects to
     --> sources.yaml:2:8
      |
    2 |   api: {}
      |        ^^ neither `http` nor `kafka`
      |
      = hint: add `http: {base_url: https://...}` or `kafka: {brokers: localhost:9092}`

    2 errors
    ");
}

#[test]
fn two_ways_to_sign_in() {
    let ran = connection("auth: {bearer: abcdef, basic: {user: me, password: x}}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("`auth` takes one way to sign in"), "{ran}");
    // The connection is wrong, and it is there.
    assert!(ran.stderr.contains("^^^^^ a second one") && !ran.stderr.contains("no connection is named"), "{ran}");
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
    transcript!(table("http: {connection: api, path: /items}\non_status: {4o4: skip, 500: ignore}"), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `4o4` is not a status of HTTP
      --> sources.yaml:10:21
       |
    10 |         on_status: {4o4: skip, 500: ignore}
       |                     ^^^ expected `404`, or `5xx` for a class

    error[E0103]: not known what to do on 500
      --> sources.yaml:10:37
       |
    10 |         on_status: {4o4: skip, 500: ignore}
       |                                     ^^^^^^ expected `absent`, `absent_after <time>`, `row`, `skip`, `retry` or `fail`

    2 errors
    ");
}

#[test]
fn a_window_that_is_absent_where_there_are_none() {
    let ran = table("http: {connection: api, path: /items}\non_status: {404: absent_after 48h}");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("`window`") && ran.stderr.contains("^^"), "{ran}");
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

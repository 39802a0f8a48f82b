//! From page to page: every way to the next one, and what is no way.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::server::{Request, Response, Server};
use super::{MODEL, connected, count, ids, is_unbuilt, items, project};
use crate::project::Ran;
use crate::transcript;

const ALL: usize = 25;

/// `size` of all items, from the one at `begin` on.
fn slice(begin: usize, size: usize) -> Value {
    items((1..=ALL).skip(begin).take(size))
}

fn table(paginate: &str) -> String {
    format!("http: {{connection: api, path: /items, paginate: {paginate}}}")
}

/// Reads all items, each once, by these requests.
fn reads(answer: impl Fn(&Request) -> Response + Send + Sync + 'static, table: &str, asked: &[&str]) {
    let server = Server::start(answer);
    let project = project(&server, table);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (1..=ALL).collect::<Vec<_>>());
    assert_eq!(server.asked(), asked);
}

/// A run that fails and leaves nothing.
fn refused(answer: impl Fn(&Request) -> Response + Send + Sync + 'static, table: &str) -> (Ran, usize) {
    let server = Server::start(answer);
    let project = project(&server, table);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(is_unbuilt(&project), "{ran}");
    let stderr = ran.stderr.replace(&server.port().to_string(), "PORT");
    (Ran { stderr, ..ran }, server.count())
}

#[test]
fn by_the_link_header() {
    let link = |page: usize, rel: &str| format!("</items?page={page}>; rel=\"{rel}\"");
    reads(
        move |request| {
            let page = request.number("page", 1);
            let answer = Response::json(&slice((page - 1) * 10, 10));
            let mut links = vec![link(1, "first"), link(3, "last")];
            links.extend((page < 3).then(|| link(page + 1, "next")));
            answer.header("link", &links.join(", "))
        },
        &table("{link_header: next}"),
        &["/items", "/items?page=2", "/items?page=3"],
    );
}

#[test]
fn by_several_link_headers() {
    reads(
        |request| {
            let page = request.number("page", 1);
            let answer = Response::json(&slice((page - 1) * 10, 10));
            let answer = if page < 3 { answer.next(&format!("/items?page={}", page + 1)) } else { answer };
            answer.header("link", "</items?page=1>; rel=\"first\"")
        },
        &table("{link_header: next}"),
        &["/items", "/items?page=2", "/items?page=3"],
    );
}

#[test]
fn by_the_url_of_the_next_page() {
    reads(
        |request| {
            let page = request.number("page", 1);
            let next = if page < 3 { json!(format!("?page={}&a=%20b", page + 1)) } else { Value::Null };
            Response::json(&json!({"links": {"next": next}, "items": slice((page - 1) * 10, 10)}))
        },
        &format!("{}\nrecords: $.items", table("{next_url: $.links.next}")),
        &["/items", "/items?page=2&a=%20b", "/items?page=3&a=%20b"],
    );
}

#[test]
fn by_a_cursor() {
    reads(
        |request| {
            let begin = request.number("after", 0);
            let next = begin + 10;
            let meta = if next < ALL { json!({"next": next, "has_more": true}) } else { json!({"next": ""}) };
            Response::json(&json!({"meta": meta, "items": slice(begin, 10)}))
        },
        &format!(
            "{}\nrecords: $.items",
            "http: {connection: api, path: /items, query: {limit: 10}, paginate: {cursor: {from: $.meta.next, to: query.after}}}"
        ),
        &["/items?limit=10", "/items?limit=10&after=10", "/items?limit=10&after=20"],
    );
}

#[test]
fn by_page() {
    let answer = |request: &Request| Response::json(&slice((request.number("page", 1) - 1) * 10, 10));
    // Without a size it ends behind the first empty page, with one at the first that is not full.
    reads(
        answer,
        &table("{page: {param: page}}"),
        &["/items?page=1", "/items?page=2", "/items?page=3", "/items?page=4"],
    );
    reads(
        answer,
        &table("{page: {param: page, size: 10, size_param: per_page}}"),
        &["/items?page=1&per_page=10", "/items?per_page=10&page=2", "/items?per_page=10&page=3"],
    );
    reads(
        |request| Response::json(&slice(request.number("p", 9) * 5, 5)),
        &table("{page: {param: p, start: 0}}"),
        &["/items?p=0", "/items?p=1", "/items?p=2", "/items?p=3", "/items?p=4", "/items?p=5"],
    );
}

#[test]
fn by_offset() {
    reads(
        |request| Response::json(&slice(request.number("offset", 0), 10)),
        &table("{offset: {param: offset, limit: 10, limit_param: limit}}"),
        &["/items?limit=10", "/items?limit=10&offset=10", "/items?limit=10&offset=20"],
    );
}

#[test]
fn by_the_key_of_the_last_record() {
    reads(
        |request| Response::json(&json!({"items": slice(request.number("since", 0), 10)})),
        &format!("{}\nrecords: $.items", table("{keyset: {from: $.id, to: query.since}}")),
        &["/items", "/items?since=10", "/items?since=20", "/items?since=25"],
    );
}

#[test]
fn pages_in_all_are_one_item_with_a_source_each() {
    let server = Server::start(|request| Response::json(&slice(request.number("offset", 0), 10)));
    let project = project(&server, &table("{offset: {param: offset, limit: 10}}"));
    project.ok(&["run"]);
    let rows = project
        .rows("select _source, count(*) as n, min(_status) as status from {{ ref('items') }} group by 1 order by 1");
    let url = server.url();
    assert_eq!(
        Value::from(rows),
        json!([
            {"_source": format!("{url}/items"), "n": 10, "status": 200},
            {"_source": format!("{url}/items?offset=10"), "n": 10, "status": 200},
            {"_source": format!("{url}/items?offset=20"), "n": 5, "status": 200},
        ])
    );
    assert_eq!(project.version("bronze/items"), 0);
}

#[test]
fn as_many_pages_as_are_wanted() {
    let server = Server::start(|request| {
        let page = request.number("page", 1);
        Response::json(&items([page])).next(&format!("/items?page={}", page + 1))
    });
    let project = project(&server, &table("{link_header: next, max_pages: 3}"));
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3]);
    assert_eq!(server.count(), 3);
}

#[test]
fn a_page_that_fails_is_asked_again_alone() {
    reads(
        |request| {
            let offset = request.number("offset", 0);
            match (offset, request.before) {
                (10, 0) => Response::new(502, ""),
                (20, 0) => Response::json(&slice(20, 10)).reset_after(9),
                _ => Response::json(&slice(offset, 10)),
            }
        },
        &table("{offset: {param: offset, limit: 10}}"),
        &["/items", "/items?offset=10", "/items?offset=10", "/items?offset=20", "/items?offset=20"],
    );
}

#[test]
fn a_page_that_fails_for_good_leaves_no_page() {
    let (ran, asked) = refused(
        |request| match request.number("offset", 0) {
            20 => Response::new(500, ""),
            offset => Response::json(&slice(offset, 10)),
        },
        &table("{offset: {param: offset, limit: 10}}"),
    );
    assert_eq!(asked, 5);
    assert!(ran.stderr.contains("/items?offset=20` answered 500"), "{ran}");
}

#[test]
fn a_url_that_comes_again_is_no_next_page() {
    let (ran, asked) = refused(
        |request| {
            let page = request.number("page", 1);
            Response::json(&items([page])).next(&format!("/items?page={}", page % 3 + 1))
        },
        &table("{link_header: next}"),
    );
    assert_eq!(asked, 4);
    transcript!(ran, @"
    exit: 1
    ----- stderr -----
    error[E0607]: `http://127.0.0.1:PORT/items?page=1` cannot be followed to its end
      --> sources.yaml:12:9
       |
    12 |         http: {connection: api, path: /items, paginate: {link_header: next}}
       |         ^^^^
       |
       = note: `http://127.0.0.1:PORT/items?page=2` came up twice among the pages
    ");
}

#[test]
fn a_cursor_that_stands_still_is_no_next_page() {
    let (ran, asked) = refused(
        |_| Response::json(&json!({"next": "abc", "items": items([1])})),
        &format!("{}\nrecords: $.items", table("{cursor: {from: $.next, to: query.cursor}}")),
    );
    assert_eq!(asked, 2);
    assert!(ran.stderr.contains("`http://127.0.0.1:PORT/items?cursor=abc` came up twice"), "{ran}");
}

#[test]
fn a_next_page_that_nobody_follows_is_told() {
    let (ran, asked) =
        refused(|_| Response::json(&items([1])).next("/items?page=2"), "http: {connection: api, path: /items}");
    assert_eq!(asked, 1);
    transcript!(ran, @r#"
    exit: 1
    ----- stderr -----
    error[E0607]: `http://127.0.0.1:PORT/items` cannot be followed to its end
      --> sources.yaml:12:9
       |
    12 |         http: {connection: api, path: /items}
       |         ^^^^
       |
       = note: page 1 says there is a next one, and `paginate` does not say how to get it: the `Link` header has `rel="next"`; `paginate: {link_header: next}` follows it
    "#);
    let (ran, asked) = refused(
        |_| Response::json(&json!({"has_more": true, "items": items([1])})),
        "http: {connection: api, path: /items}\nrecords: $.items",
    );
    assert_eq!(asked, 1);
    assert!(ran.stderr.contains("`has_more` is true"), "{ran}");
}

#[test]
fn a_next_page_is_not_told_of_where_none_is_wanted() {
    let server = Server::start(|_| Response::json(&items([1])).next("/items?page=2"));
    let project = project(&server, &table("{link_header: next, max_pages: 1}"));
    project.ok(&["run"]);
    assert_eq!(server.count(), 1);
}

#[test]
fn a_next_page_on_another_host_is_refused() {
    let other = Server::start(|_| Response::json(&items([2])));
    let there = format!("{}/items?page=2&token=t0ps3cret", other.url());
    let by_link = there.clone();
    for (answer, table) in [
        (Response::json(&items([1])).next(&by_link), table("{link_header: next}")),
        (
            Response::json(&json!({"next": there, "items": items([1])})),
            format!("{}\nrecords: $.items", table("{next_url: $.next}")),
        ),
    ] {
        let server = Server::start(move |_| answer.clone());
        let project = connected(&server, "auth: {bearer: abcdefgh}", &table);
        let ran = project.run(&["run", "--quiet"]);
        assert_eq!((ran.code, server.count(), other.count()), (1, 1, 0), "{ran}");
        assert!(ran.stderr.contains("the next page is on another host"), "{ran}");
        assert!(ran.stderr.contains("credentials are not sent to another host"), "{ran}");
        assert!(!ran.stderr.contains("t0ps3cret") && !ran.stderr.contains("abcdefgh"), "{ran}");
        assert!(is_unbuilt(&project));
    }
}

#[test]
fn a_next_page_without_encryption_is_another_host() {
    let (ran, asked) =
        refused(|_| Response::json(&items([1])).next("https://127.0.0.1/items?page=2"), &table("{link_header: next}"));
    assert_eq!(asked, 1);
    assert!(ran.stderr.contains("the next page is on another host: `https://127.0.0.1/items?page=2`"), "{ran}");
}

#[test]
fn a_page_that_cannot_be_looked_into_is_told() {
    let (ran, asked) = refused(
        |request| match request.number("page", 1) {
            1 => Response::json(&items([1])),
            _ => Response::text("<html>sorry</html>"),
        },
        &table("{page: {param: page}}"),
    );
    assert_eq!(asked, 2);
    assert!(ran.stderr.contains("page 2 cannot be looked into for the next one"), "{ran}");
}

#[test]
fn records_that_come_again_on_the_next_page_are_rows_again() {
    // Every page begins with the last two of the one before: the model says what a row is, not the connector.
    let answer = |request: &Request| Response::json(&slice((request.number("page", 1) - 1) * 8, 10));
    let server = Server::start(answer);
    let project = project(&server, &table("{page: {param: page}}")).file(
        "models/silver/distinct_items.sql",
        "{{ config(materialized='table') }}\nselect distinct id, name from {{ ref('items') }}",
    );
    project.ok(&["run"]);
    assert_eq!(count(&project, "bronze.items"), ALL + 5);
    assert_eq!(
        project.rows("select count(*) as n, min(id) as first, max(id) as last from {{ ref('distinct_items') }}"),
        [json!({"n": ALL, "first": 1, "last": ALL})]
    );
}

#[test]
fn a_merge_takes_records_that_come_again() {
    let server = Server::start(|request| Response::json(&slice((request.number("page", 1) - 1) * 8, 10)));
    let merge = MODEL
        .replace("incremental_strategy='append'", "unique_key='id'")
        .replace("select id", "select distinct on (id) id");
    let project = project(&server, &table("{page: {param: page}}")).file("models/bronze/items.sql", &merge);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (1..=ALL).collect::<Vec<_>>());
    project.ok(&["run"]);
    assert_eq!(ids(&project), (1..=ALL).collect::<Vec<_>>());
}

#[test]
fn a_feed_that_grows_while_it_is_paged_loses_nothing() {
    // Newest first; with every request one more has come, which moves the others down.
    let newest = AtomicUsize::new(100);
    let server = Server::start(move |request| {
        let newest = newest.fetch_add(1, Ordering::Relaxed);
        let begin = (request.number("page", 1) - 1) * 10;
        Response::json(&items((1..=newest).rev().skip(begin).take(10)))
    });
    let project = project(&server, &table("{page: {param: page, size: 10}}"));
    project.ok(&["run"]);
    assert_eq!(
        project.rows("select count(distinct id) as n, min(id) as first, max(id) as last from {{ ref('items') }}"),
        [json!({"n": 100, "first": 1, "last": 100})]
    );
}

#[test]
fn a_body_is_sent_with_every_page() {
    let server = Server::start(|request| Response::json(&slice(request.number("offset", 0), 10)));
    let project = project(
        &server,
        "http: {connection: api, path: /search, body: '{\"q\": \"x\"}', paginate: {offset: {param: offset, limit: 10}}}",
    );
    project.ok(&["run"]);
    assert_eq!(ids(&project), (1..=ALL).collect::<Vec<_>>());
    for request in server.requests() {
        assert_eq!((request.method.as_str(), request.body.as_str()), ("POST", "{\"q\": \"x\"}"));
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
}

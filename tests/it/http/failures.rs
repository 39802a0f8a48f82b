//! Services that refuse, falter, hold back or send us elsewhere: what is asked again, and what is said in the end.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::server::{Response, Server};
use super::{MODEL, NOBODY, connected, count, ids, is_unbuilt, items, project, sources};
use crate::project::{Ran, TestProject};
use crate::transcript;

const TABLE: &str = "http: {connection: api, path: /items}";

/// Answers the first request for anything by this, and then as it should.
fn once(failure: Response) -> Server {
    first(1, failure)
}

/// Answers so many requests by this, and then as it should.
fn first(times: usize, failure: Response) -> Server {
    Server::start(move |request| match request.before < times {
        true => failure.clone(),
        false => Response::json(&items(1..=3)),
    })
}

/// Runs against a service that always answers so; nothing may be committed.
fn fails(answer: Response, connection: &str) -> (Ran, usize) {
    let server = Server::start(move |_| answer.clone());
    let project = connected(&server, connection, TABLE);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(is_unbuilt(&project), "{ran}");
    let port = server.port().to_string();
    let clean = |text: &str| text.replace(&port, "PORT");
    (Ran { code: ran.code, stdout: clean(&ran.stdout), stderr: clean(&ran.stderr) }, server.count())
}

#[test]
fn what_is_not_there_is_said_at_once() {
    let (ran, asked) = fails(Response::new(404, "{\"message\": \"Not Found\"}"), "");
    assert_eq!(asked, 1);
    transcript!(ran, @r#"
    exit: 1
    ----- stderr -----
    error[E0607]: `GET http://127.0.0.1:PORT/items` answered 404 Not Found
      --> sources.yaml:12:9
       |
    12 |         http: {connection: api, path: /items}
       |         ^^^^
       |
       = note: it said: {"message": "Not Found"}
       = hint: look at `path`; if it may be missing, say so: `on_status: {404: skip}`, `row` or `absent_after 48h`
    "#);
}

#[test]
fn what_is_refused_is_said_at_once() {
    let (ran, asked) = fails(Response::new(403, "go away"), "");
    assert_eq!(asked, 1);
    assert!(ran.stderr.contains("`GET http://127.0.0.1:PORT/items` answered 403"), "{ran}");
    assert!(ran.stderr.contains("it said: go away") && ran.stderr.contains("`auth`"), "{ran}");
}

#[test]
fn what_a_service_says_is_shown_without_its_control_characters() {
    let (ran, _) = fails(Response::new(404, "\u{1b}[2Jred\u{0}\u{7}\r\n\u{9b}31mblue"), "");
    assert!(ran.stderr.contains("it said: ") && ran.stderr.contains("red") && ran.stderr.contains("blue"), "{ran}");
    let shown = ran.stderr.chars().filter(|c| c.is_control() && *c != '\n').collect::<Vec<_>>();
    assert!(shown.is_empty(), "{shown:?}");
}

#[test]
fn a_server_error_is_asked_again() {
    for status in [500, 502, 503, 504, 408] {
        let server = once(Response::new(status, "oops"));
        let project = project(&server, TABLE);
        project.ok(&["run"]);
        assert_eq!(ids(&project), [1, 2, 3], "after {status}");
        assert_eq!(server.count(), 2, "after {status}");
    }
}

#[test]
fn a_server_error_that_stays_is_told_with_its_attempts() {
    let (ran, asked) = fails(Response::new(500, "<h1>oops</h1>"), "");
    assert_eq!(asked, 3);
    transcript!(ran, @"
    exit: 1
    ----- stderr -----
    error[E0607]: `GET http://127.0.0.1:PORT/items` answered 500 Internal Server Error, after 3 attempts
      --> sources.yaml:12:9
       |
    12 |         http: {connection: api, path: /items}
       |         ^^^^
       |
       = note: it said: <h1>oops</h1>
    ");
}

#[test]
fn a_service_without_retries_is_asked_once() {
    let (ran, asked) = fails(Response::new(500, "oops"), "retry: {max: 0}");
    assert_eq!(asked, 1);
    assert!(!ran.stderr.contains("attempts"), "{ran}");
}

#[test]
fn too_many_requests_are_asked_again_when_the_service_says() {
    // Seconds; a date that has passed; a time without requests left that is over.
    let answers = [
        Response::new(429, "").header("retry-after", "0"),
        Response::new(429, "").header("retry-after", "1"),
        Response::new(429, "").header("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),
        Response::new(429, "").header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "0"),
        Response::new(503, "").header("retry-after", "0"),
        Response::new(403, "").header("retry-after", "0"),
        Response::new(403, "").header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "1"),
        Response::new(403, "").header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "1571698634"),
    ];
    std::thread::scope(|scope| {
        for answer in answers {
            scope.spawn(move || {
                let server = once(answer);
                let project = project(&server, TABLE);
                project.ok(&["run"]);
                assert_eq!(ids(&project), [1, 2, 3]);
                assert_eq!(server.count(), 2);
            });
        }
    });
}

#[test]
fn a_service_that_wants_too_long_a_wait_is_left_alone() {
    let seconds = Response::new(429, "slow down").header("retry-after", "3600");
    let (ran, asked) = fails(seconds, "");
    assert_eq!(asked, 1);
    transcript!(ran, @"
    exit: 1
    ----- stderr -----
    error[E0607]: `GET http://127.0.0.1:PORT/items` was told to wait 1h, which is longer than `retry.max_wait` (15m)
      --> sources.yaml:12:9
       |
    12 |         http: {connection: api, path: /items}
       |         ^^^^
       |
       = hint: run again later, or raise `retry: {max_wait: ...}` of the connection
    ");

    let date = Response::new(429, "").header("retry-after", "Thu, 31 Dec 2099 23:59:59 GMT");
    let reset = Response::new(403, "").header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "4102444799");
    let own_names = Response::new(403, "").header("quota-left", "0").header("quota-in", "90000");
    for (answer, rate) in
        [(date, ""), (reset, ""), (own_names, "rate: {remaining_header: Quota-Left, reset_header: Quota-In}")]
    {
        let (ran, asked) = fails(answer, rate);
        assert_eq!(asked, 1, "{ran}");
        assert!(ran.stderr.contains("longer than `retry.max_wait` (15m)"), "{ran}");
    }
}

#[test]
fn a_connection_lost_inside_the_body_costs_a_request_and_no_row() {
    let whole = Response::json(&items(1..=3));
    for failure in [
        whole.clone().reset_after(20),
        whole.clone().cut_after(20),
        whole.clone().cut_after(0),
        whole.clone().stalled_after(20),
        whole.stalled_after(0),
    ] {
        let server = once(failure);
        let project = connected(&server, "timeout: {request: 2s}", TABLE);
        project.ok(&["run"]);
        assert_eq!(ids(&project), [1, 2, 3]);
        assert_eq!(server.count(), 2);
    }
}

#[test]
fn a_body_that_never_comes_whole_is_told() {
    let body = Response::json(&items(1..=3));
    for answer in [body.clone().reset_after(20), body.clone().cut_after(20)] {
        let (ran, asked) = fails(answer, "");
        assert_eq!(asked, 3);
        assert!(ran.stderr.contains("lost the connection inside the answer's body"), "{ran}");
        assert!(ran.stderr.contains("after 3 attempts"), "{ran}");
    }
    let (ran, asked) = fails(body.stalled_after(20), "timeout: {request: 1s}");
    assert_eq!(asked, 3);
    assert!(ran.stderr.contains("got no byte of the answer's body for 1s, after 3 attempts"), "{ran}");
    assert!(ran.stderr.contains("`timeout: {request: ...}`"), "{ran}");
}

#[test]
fn an_answer_that_does_not_begin_is_not_waited_for() {
    let (ran, asked) = fails(Response::silent(), "timeout: {request: 200ms}");
    assert_eq!(asked, 3);
    assert!(ran.stderr.contains("got no answer within 200ms, after 3 attempts"), "{ran}");
    let server = once(Response::silent());
    let project = connected(&server, "timeout: {request: 500ms}", TABLE);
    project.ok(&["run"]);
    assert_eq!((ids(&project).len(), server.count()), (3, 2));
}

#[test]
fn a_run_that_waits_for_an_answer_may_be_interrupted() {
    for answer in [Response::silent(), Response::json(&items(1..=3)).stalled_after(5), Response::new(429, "")] {
        let server = Server::start(move |_| answer.clone());
        let project = connected(&server, "timeout: {request: 1h}", TABLE);
        let child = project.command(&["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while server.count() == 0 {
            std::thread::yield_now();
        }
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let ran = Ran::new(&child.wait_with_output().unwrap(), project.root());
        assert_eq!((ran.code, server.count()), (1, 1), "{ran}");
        assert!(ran.stderr.contains("cancelled"), "{ran}");
        assert!(is_unbuilt(&project));
    }
}

#[test]
fn a_body_that_drips_is_not_waited_for() {
    // Never silent for long, and never done.
    let slow = Response::json(&items(1..=1000)).dripping(Duration::from_millis(100));
    let (ran, asked) = fails(slow, "timeout: {request: 2s}\nretry: {max: 1, backoff: 10ms..50ms}");
    assert_eq!(asked, 2);
    assert!(ran.stderr.contains("got the answer's body too slowly"), "{ran}");
}

#[test]
fn a_body_that_is_slow_and_steady_is_read() {
    // Longer than the limit in all, and never slower than is tolerated.
    let padded = format!("{}{}", " ".repeat(3000), items(1..=3));
    let steady = Response::made(move |out| {
        for piece in padded.as_bytes().chunks(100) {
            out.write_all(piece)?;
            out.flush()?;
            std::thread::park_timeout(Duration::from_millis(100));
        }
        Ok(())
    });
    let server = Server::start(move |_| steady.clone());
    let project = connected(&server, "timeout: {request: 2s}", TABLE);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3]);
    assert_eq!(server.count(), 1);
}

#[test]
fn a_body_in_chunks_or_packed_is_read() {
    let whole = Response::json(&items(1..=3));
    for answer in [whole.clone().chunked(7), whole.clone().gzip(), whole.gzip().chunked(11)] {
        let server = Server::start(move |_| answer.clone());
        let project = project(&server, TABLE);
        project.ok(&["run"]);
        assert_eq!(ids(&project), [1, 2, 3]);
        assert_eq!(server.requests()[0].header("accept-encoding"), Some("gzip"));
    }
}

#[test]
fn a_packed_body_without_its_end_is_no_body() {
    let whole = items(1..=2000).to_string();
    let packed = super::server::gzip(whole.as_bytes());
    let cut = packed[..packed.len() / 2].to_vec();
    let server = Server::start(move |request| match request.before {
        0 => Response::new(200, cut.clone()).header("content-encoding", "gzip"),
        _ => Response::text(&whole).gzip(),
    });
    let project = project(&server, TABLE);
    let ran = project.run(&["run", "--quiet"]);
    // Asked again in this run or in the next one: but the half of it is not taken for all.
    if ran.code != 0 {
        assert!(ran.stderr.contains("/items`") && !ran.stderr.contains("panicked"), "{ran}");
        assert!(is_unbuilt(&project), "{ran}");
        project.ok(&["run"]);
    }
    assert_eq!(count(&project, "bronze.items"), 2000);
    assert_eq!(server.count(), 2);
}

#[test]
fn a_redirect_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(move |request| match request.path() {
            "/items" => Response::redirect(status, "/elsewhere?really=yes"),
            _ => Response::json(&items(1..=3)),
        });
        let project = project(&server, TABLE);
        project.ok(&["run"]);
        assert_eq!(ids(&project), [1, 2, 3]);
        assert_eq!(server.asked(), ["/items", "/elsewhere?really=yes"]);
    }
}

#[test]
fn redirects_in_circles_are_told() {
    let server = Server::start(|request| match request.path() {
        "/items" => Response::redirect(302, "/b"),
        _ => Response::redirect(302, "/items"),
    });
    let project = project(&server, TABLE);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 2), "{ran}");
    assert!(ran.stderr.contains("was sent in circles") && ran.stderr.contains("/items` came up twice"), "{ran}");
}

#[test]
fn redirects_without_an_end_are_told() {
    let server = Server::start(|request| Response::redirect(302, &format!("/items?n={}", request.number("n", 0) + 1)));
    let project = project(&server, TABLE);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("10 redirects in a row"), "{ran}");
    assert!(server.count() <= 12, "{} requests", server.count());
}

#[test]
fn a_service_that_is_not_there_is_told() {
    let project = TestProject::new().file("models/bronze/items.sql", MODEL);
    project.write("sources.yaml", sources(NOBODY, "", TABLE));
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("could not reach the service") && ran.stderr.contains("after 3 attempts"), "{ran}");
    assert!(ran.stderr.contains("sources.yaml:"), "{ran}");
}

#[test]
fn what_fails_stops_what_needs_it_and_nothing_else() {
    let server = Server::start(|_| Response::new(404, ""));
    let project = project(&server, TABLE)
        .file("models/silver/after.sql", "{{ config(materialized='table') }}\nselect id from {{ ref('items') }}")
        .file("models/silver/other.sql", "{{ config(materialized='table') }}\nselect 1 as id");
    let ran = project.run(&["run"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("PASS=1 WARN=0 ERROR=1 SKIP=1 TOTAL=3"), "{ran}");
}

#[test]
fn the_next_run_reads_what_failed() {
    let server = first(3, Response::new(500, "oops"));
    let project = project(&server, TABLE);
    assert_eq!(project.run(&["run", "--quiet"]).code, 1);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3]);
}

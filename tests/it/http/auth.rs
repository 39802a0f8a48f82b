//! Signing in: what is sent, to whom, and which of several tokens; and how many requests may be made.

use serde_json::json;

use super::server::{Request, Response, Server};
use super::{connected, ids, is_unbuilt, items};

const TABLE: &str = "http: {connection: api, path: /items}";

/// Lets in who is known by this header.
fn guarded(name: &'static str, value: &'static str) -> Server {
    Server::start(move |request| match request.header(name) {
        Some(given) if given == value => Response::json(&items(1..=3)),
        _ => Response::new(401, "who are you?"),
    })
}

fn authorizations(requests: &[Request]) -> Vec<&str> {
    requests.iter().map(|request| request.header("authorization").unwrap_or("nobody")).collect()
}

#[test]
fn ways_to_sign_in_by_a_header() {
    for (auth, name, value) in [
        ("auth: {bearer: tok-123456}", "authorization", "Bearer tok-123456"),
        ("auth: {bearer: \"{{ env_var('API_TOKEN') }}\"}", "authorization", "Bearer from-the-environment"),
        ("auth: {basic: {user: me, password: 'a:b c'}}", "authorization", "Basic bWU6YTpiIGM="),
        ("auth: {api_key: {header: X-Api-Key, value: k-123456}}", "x-api-key", "k-123456"),
        ("headers: {x-version: '2', accept: application/x.api+json}", "accept", "application/x.api+json"),
    ] {
        let server = guarded(name, value);
        let project = connected(&server, auth, TABLE).env("API_TOKEN", "from-the-environment");
        project.ok(&["run"]);
        assert_eq!(ids(&project), [1, 2, 3], "{auth}");
    }
}

#[test]
fn a_key_in_the_query() {
    let server = Server::start(|request| match request.query("key").as_deref() {
        Some("k 1&2") => Response::json(&items(1..=3)),
        _ => Response::new(401, ""),
    });
    let project = connected(
        &server,
        "auth: {api_key: {query: key, value: 'k 1&2'}}",
        "http: {connection: api, path: /items, query: {per_page: 100}}",
    );
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3]);
    assert_eq!(server.requests()[0].number("per_page", 0), 100);
}

#[test]
fn without_a_secret_nobody_signs_in() {
    for auth in [
        "auth: {bearer: \"{{ env_var('API_TOKEN', '') }}\"}",
        "auth: {basic: {user: \"{{ env_var('API_TOKEN', '') }}\"}}",
        "auth: {api_key: {query: key, value: \"{{ env_var('API_TOKEN', '') }}\"}}",
        "auth: {api_key: {header: x-key, value: \"{{ env_var('API_TOKEN', '') }}\"}}",
    ] {
        let server = Server::start(|_| Response::json(&items(1..=3)));
        let project = connected(&server, auth, TABLE);
        project.ok(&["run"]);
        let request = &server.requests()[0];
        assert_eq!((request.header("authorization"), request.header("x-key")), (None, None), "{auth}");
        assert_eq!(request.target, "/items", "{auth}");
    }
}

#[test]
fn who_is_not_let_in_is_told_so_once() {
    let server = guarded("authorization", "Bearer right");
    let project = connected(&server, "auth: {bearer: wrong-token}", TABLE);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 1), "{ran}");
    assert!(ran.stderr.contains("answered 401") && ran.stderr.contains("it said: who are you?"), "{ran}");
    assert!(ran.stderr.contains("`auth` were not accepted") && !ran.stderr.contains("wrong-token"), "{ran}");
}

#[test]
fn every_request_says_who_asks() {
    let server = Server::start(|_| Response::json(&items(1..=3)));
    connected(&server, "", TABLE).ok(&["run"]);
    assert!(server.requests()[0].header("user-agent").unwrap().starts_with("engine/"));
    let project = connected(&server, "headers: {User-Agent: mine}", TABLE);
    project.ok(&["run"]);
    assert_eq!(server.requests()[1].header("user-agent"), Some("mine"));
}

/// Ten pages; a token has so many requests and is refused without any left.
fn metered(tokens: &'static [(&'static str, usize)]) -> Server {
    let spent = std::sync::Mutex::new(std::collections::BTreeMap::<String, usize>::new());
    Server::start(move |request| {
        let token = request.header("authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned();
        let Some((_, quota)) = tokens.iter().find(|(name, _)| *name == token) else {
            return Response::new(401, "");
        };
        let mut spent = spent.lock().unwrap();
        let spent = spent.entry(token).or_default();
        let reset = |response: Response| response.header("x-ratelimit-reset", "86000");
        if *spent >= *quota {
            return reset(Response::new(403, "no requests left")).header("x-ratelimit-remaining", "0");
        }
        *spent += 1;
        let page = request.number("page", 1);
        let answer = Response::json(&items(if page <= 10 { vec![page] } else { vec![] }));
        reset(answer).header("x-ratelimit-remaining", &(*quota - *spent).to_string())
    })
}

const PAGED: &str = "http: {connection: api, path: /items, paginate: {page: {param: page}}}";

#[test]
fn of_several_tokens_the_one_with_most_left_is_used() {
    let server = metered(&[("first", 3), ("second", 5), ("third", 4)]);
    let project = connected(&server, "auth: {bearer: [first, second, third]}", PAGED);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (1..=10).collect::<Vec<_>>());
    let requests = server.requests();
    let used = authorizations(&requests);
    let times = |token: &str| used.iter().filter(|one| **one == format!("Bearer {token}")).count();
    assert_eq!(used.len(), 11);
    assert!(times("first") <= 3 && times("second") <= 5 && times("third") <= 4, "{used:?}");
}

#[test]
fn a_token_without_anything_left_makes_way_for_the_others() {
    let server = metered(&[("first", 0), ("second", 100)]);
    let project = connected(&server, "auth: {bearer: [first, second]}", PAGED);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (1..=10).collect::<Vec<_>>());
    assert_eq!(authorizations(&server.requests())[..2], ["Bearer first", "Bearer second"]);
}

#[test]
fn tokens_that_end_alike_are_told_apart() {
    let server = metered(&[("abc", 20), ("xabc", 3)]);
    let project = connected(&server, "auth: {bearer: [abc, xabc]}", PAGED);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (1..=10).collect::<Vec<_>>());
}

#[test]
fn tokens_that_are_all_spent_end_the_run() {
    let server = metered(&[("first", 2), ("second", 2)]);
    let project = connected(&server, "auth: {bearer: [first, second]}", PAGED);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("longer than `retry.max_wait`"), "{ran}");
    assert!(is_unbuilt(&project));
    // No token is asked of more than it has, but to learn that it has nothing.
    assert!(server.count() <= 6, "{:?}", server.asked());
}

/// Gives tokens `t1`, `t2`, ... and takes the newest of them, each for so many requests.
fn signing_in(each_for: usize, expires_in: u64) -> Server {
    let state = std::sync::Mutex::new((0_usize, 0_usize));
    Server::start(move |request| {
        let mut state = state.lock().unwrap();
        let (given, used) = &mut *state;
        if request.path() == "/token" {
            (*given, *used) = (*given + 1, 0);
            return Response::json(&json!({"access_token": format!("t{given}"), "expires_in": expires_in}));
        }
        if request.header("authorization") != Some(&format!("Bearer t{given}")) || *used == each_for {
            return Response::new(401, "expired");
        }
        *used += 1;
        let page = request.number("page", 1);
        Response::json(&items(if page <= 4 { vec![page] } else { vec![] }))
    })
}

fn client_credentials(server: &Server) -> String {
    let token_url = format!("{}/token", server.url());
    "auth: {oauth2: {client_credentials: {token_url: 'URL', client_id: me, client_secret: 's3cret&', scope: 'read all'}}}"
        .replace("URL", &token_url)
}

#[test]
fn client_credentials_are_exchanged_for_a_token() {
    let server = signing_in(100, 3600);
    let project = connected(&server, &client_credentials(&server), PAGED);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3, 4]);
    let requests = server.requests();
    let sign_ins: Vec<&Request> = requests.iter().filter(|request| request.path() == "/token").collect();
    assert_eq!((sign_ins.len(), sign_ins[0].method.as_str()), (1, "POST"));
    assert_eq!(sign_ins[0].body, "grant_type=client_credentials&client_id=me&client_secret=s3cret%26&scope=read+all");
}

#[test]
fn a_token_that_is_refused_is_renewed() {
    let server = signing_in(2, 3600);
    let project = connected(&server, &client_credentials(&server), PAGED);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3, 4]);
    let renewed = server.asked().iter().filter(|target| *target == "/token").count();
    assert_eq!(renewed, 3);
}

#[test]
fn a_token_that_many_requests_share_is_renewed_once() {
    // Four at a time; the first token is good for five requests, and a new one ends all before.
    let state = std::sync::Mutex::new((0, 0));
    let server = Server::start(move |request| {
        let mut state = state.lock().unwrap();
        let (given, used) = &mut *state;
        if request.path() == "/token" {
            *given += 1;
            return Response::json(&json!({"access_token": format!("t{given}")}));
        }
        *used += 1;
        let is_newest = request.header("authorization") == Some(&format!("Bearer t{given}"));
        if is_newest && (*given > 1 || *used <= 5) {
            Response::json(&items([1]))
        } else {
            Response::new(401, "expired")
        }
    });
    let rows = "for_each: \"select value as n from generate_series(1, 16)\"\n\
         http: {connection: api, path: /items, query: {n: '{{ each.n }}'}}";
    let project = connected(&server, &client_credentials(&server), rows);
    project.ok(&["run"]);
    assert_eq!(ids(&project).len(), 16);
    assert_eq!(server.asked().iter().filter(|target| *target == "/token").count(), 2);
}

#[test]
fn a_token_that_expires_is_renewed_before() {
    let server = signing_in(100, 10);
    let project = connected(&server, &client_credentials(&server), PAGED);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3, 4]);
    let refused = authorizations(&server.requests()).iter().filter(|one| **one == "nobody").count();
    assert_eq!(server.asked().iter().filter(|target| *target == "/token").count(), refused);
}

#[test]
fn a_token_that_is_never_taken_is_asked_for_twice() {
    let server = signing_in(0, 3600);
    let project = connected(&server, &client_credentials(&server), PAGED);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("answered 401"), "{ran}");
    assert_eq!(server.asked(), ["/token", "/items?page=1", "/token", "/items?page=1"]);
}

#[test]
fn a_sign_in_that_falters_is_tried_again() {
    let server = Server::start(|request| match (request.path(), request.before) {
        ("/token", 0) => Response::new(503, "busy"),
        ("/token", _) => Response::json(&json!({"access_token": "abc"})),
        _ => Response::json(&items(1..=3)),
    });
    let project = connected(&server, &client_credentials(&server), TABLE);
    project.ok(&["run"]);
    assert_eq!(server.asked(), ["/token", "/token", "/items"]);
}

#[test]
fn a_sign_in_that_fails_is_told_without_the_secret() {
    let server = Server::start(|request| {
        let description = format!("`{}` is not right", request.body);
        Response::new(400, json!({"error": "invalid_client", "error_description": description}).to_string())
    });
    let project = connected(&server, &client_credentials(&server), PAGED);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 1), "{ran}");
    assert!(ran.stderr.contains("could not sign in") && ran.stderr.contains("/token` answered 400"), "{ran}");
    assert!(!ran.stderr.contains("s3cret"), "{ran}");
}

#[test]
fn a_budget_is_not_overdrawn() {
    let server = Server::start(|request| Response::json(&items([request.number("page", 1)])));
    let project = connected(
        &server,
        "rate: {budget: 2/h}\nretry: {max: 2, backoff: 10ms..50ms, max_wait: 1s}",
        "http: {connection: api, path: /items, paginate: {page: {param: page}, max_pages: 2}}",
    );
    project.ok(&["run"]);
    assert_eq!(server.count(), 2);

    let project = connected(
        &server,
        "rate: {budget: 2/h}\nretry: {max: 2, backoff: 10ms..50ms, max_wait: 1s}",
        "http: {connection: api, path: /items, paginate: {page: {param: page}, max_pages: 3}}",
    );
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(server.count(), 4, "{ran}");
    assert!(ran.stderr.contains("/items?page=3`") && ran.stderr.contains("`retry.max_wait` (1s)"), "{ran}");
}

#[test]
fn a_budget_is_shared_by_the_sources_of_a_connection() {
    let server = Server::start(|_| Response::json(&items(1..=3)));
    let rate = "rate: {budget: 1/h}\nretry: {max: 0, max_wait: 1s}";
    let project = connected(&server, rate, TABLE).file(
        "models/bronze/others.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
         select id from {{ source('api', 'others') }}",
    );
    let one = super::sources(&server.url(), rate, TABLE);
    let (_, table) = one.split_once("- name: items\n").unwrap();
    project.write("sources.yaml", format!("{one}      - name: others\n{table}"));
    let ran = project.run(&["run"]);
    assert_eq!((ran.code, server.count()), (1, 1), "{ran}");
    assert!(ran.stderr.contains("PASS=1 WARN=0 ERROR=1"), "{ran}");
}

#[test]
fn a_part_of_the_budget_is_left_to_others() {
    // Ten an hour, half of them for others: the service says when those are reached.
    let server = Server::start(|request| {
        let page = request.number("page", 1);
        Response::json(&items([page]))
            .header("x-ratelimit-remaining", &(8_usize.saturating_sub(page)).to_string())
            .header("x-ratelimit-reset", "3000")
    });
    let project = connected(&server, "rate: {budget: 10/h, reserve: 50%}\nretry: {max: 0, max_wait: 1s}", PAGED);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 3), "{ran}");
}

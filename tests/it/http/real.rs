//! Answers that real services once gave, as they gave them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::server::{Response, Server};
use super::{count, project};
use crate::environment::{repository, skipped};
use crate::project::TestProject;

fn data(name: &str) -> Option<PathBuf> {
    let path = repository().join("../shared/data").join(name);
    if !path.exists() {
        skipped("real answers", &format!("there are none at {}", path.display()));
        return None;
    }
    Some(path)
}

fn parsed(path: &PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The pages of GitHub's events in October 2019, by their URLs, with all their headers but the host in their links.
fn events() -> Option<Server> {
    let folder = data("github_events_api/2019")?;
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(folder.join("mappings")).unwrap() {
        let mapping = parsed(&entry.unwrap().path());
        let said = &mapping["response"];
        let body = fs::read(folder.join("bodies").join(said["bodyFileName"].as_str().unwrap())).unwrap();
        let mut response = Response::new(u16::try_from(said["status"].as_u64().unwrap()).unwrap(), body);
        for (name, value) in said["headers"].as_object().unwrap() {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values {
                response = response.header(name, &value.as_str().unwrap().replace("https://api.github.com", ""));
            }
        }
        pages.insert(mapping["request"]["url"].as_str().unwrap().to_owned(), response);
    }
    Some(Server::start(move |request| {
        assert_eq!(request.header("accept"), Some("application/vnd.github+json"));
        pages.get(&request.target).cloned().unwrap_or_else(|| Response::new(404, "no such page"))
    }))
}

fn read_events(server: &Server) -> TestProject {
    let connection = "headers: {accept: application/vnd.github+json}";
    let table = "http: {connection: api, path: /events, paginate: {link_header: next}}\nrecords: $\n\
         poll: {every: 1ms, interval_header: x-poll-interval, conditional: etag}\n\
         cursor: {field: created_at, on_gap: warn}\n\
         columns: [{name: id, type: string}, {name: type, type: string}, {name: created_at, type: timestamp}, \
         {name: login, type: string, path: $.actor.login}, {name: repo, type: string, path: $.repo.name}, {name: raw, type: string, path: $}]";
    super::connected(server, connection, table)
        .file(
            "models/bronze/items.sql",
            "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect * from {{ source('api', 'items') }}",
        )
        .file(
            "models/silver/events.sql",
            "{{ config(materialized='table') }}\nselect distinct on (id) id, type, created_at, repo from {{ ref('items') }}",
        )
}

#[test]
fn events_that_drift_over_the_pages() {
    let Some(server) = events() else { return };
    let project = read_events(&server);
    project.ok(&["run"]);
    assert_eq!(server.count(), 10);
    assert_eq!(count(&project, "bronze.items"), 281);
    assert_eq!(count(&project, "silver.events"), 155);
    assert_eq!(
        project.rows("select count(distinct _source) as pages, count(created_at) as times, count(login) as logins, count(repo) as repos from {{ ref('items') }}"),
        [json!({"pages": 10, "times": 281, "logins": 281, "repos": 281})]
    );
    // The service asked to be left alone for a minute.
    let ran = project.ok(&["run", "--select", "items"]);
    assert!(ran.stderr.contains("append 0 rows"), "{ran}");
    assert_eq!(server.count(), 10);
}

/// An answer as a file has it, decoded by these columns.
fn read(file: &str, table: &str) -> Option<TestProject> {
    let body = fs::read(data(file)?).unwrap();
    let server =
        Server::start(move |_| Response::new(200, body.clone()).header("content-type", "application/json").gzip());
    let project = project(&server, table).file(
        "models/bronze/items.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect * from {{ source('api', 'items') }}",
    );
    project.ok(&["run"]);
    Some(project)
}

#[test]
fn whole_job_boards() {
    for (file, jobs) in [("greenhouse/canonical-2020-08-31.json", 71), ("greenhouse/canonical-2023-01-13.json", 201)] {
        let table = "http: {connection: api, path: /boards/canonical/jobs, query: {content: true}}\nrecords: $.jobs\n\
             columns: [{name: id, type: bigint}, {name: title, type: string}, {name: updated_at, type: timestamp}, \
             {name: location, type: string, path: $.location.name}, {name: content, type: string}, \
             {name: departments, type: 'list<string>', path: '$.departments[*].name'}]";
        let Some(project) = read(file, table) else { return };
        let board = parsed(&data(file).unwrap());
        assert_eq!(
            project.rows("select count(*) as n, count(distinct id) as ids, count(updated_at) as times, sum(length(content)) as content from {{ ref('items') }}"),
            [json!({
                "n": jobs, "ids": jobs, "times": jobs,
                "content": board["jobs"].as_array().unwrap().iter().map(|job| job["content"].as_str().unwrap().chars().count()).sum::<usize>(),
            })],
            "{file}"
        );
    }
}

#[test]
fn a_notice_before_the_records_is_a_record_of_its_own() {
    let table = "http: {connection: api, path: /api}\nrecords: $\n\
         columns: [{name: id, type: string}, {name: legal, type: string}, {name: position, type: string}, {name: salary_min, type: bigint}, \
         {name: at, type: timestamp, path: $.date}, {name: tags, type: 'list<string>'}]";
    let Some(project) = read("remoteok/remoteok.json", table) else { return };
    assert_eq!(
        project.rows(
            "select count(*) as n, count(legal) as notices, count(id) as jobs, count(at) as times, \
             count(*) filter (where salary_min = 0) as unknown from {{ ref('items') }}"
        ),
        [json!({"n": 98, "notices": 1, "jobs": 97, "times": 97, "unknown": 79})]
    );
}

#[test]
fn a_byte_order_mark_before_the_answer() {
    let table = "http: {connection: api, path: /api/remote-jobs}\nrecords: $.jobs\n\
         columns: [{name: id, type: bigint}, {name: salary, type: string}, {name: at, type: timestamp, path: $.publication_date}]";
    let Some(project) = read("remotive/remotive.json", table) else { return };
    assert_eq!(
        project.rows("select count(distinct id) as n, count(at) as times from {{ ref('items') }}"),
        [json!({"n": 35, "times": 35})]
    );
}

#[test]
fn comments_of_a_thread() {
    let table = "http: {connection: api, path: /thread}\nrecords: $.jobs\n\
         columns: [{name: id, type: bigint}, {name: time, type: bigint}, {name: text, type: string}]";
    let Some(project) = read("hackernews/2026-05-03-comments.json", table) else { return };
    assert_eq!(
        project.rows("select count(*) as n, count(distinct id) as ids, count(text) as texts from {{ ref('items') }}"),
        [json!({"n": 220, "ids": 220, "texts": 220})]
    );
}

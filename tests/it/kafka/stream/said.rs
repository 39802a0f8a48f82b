//! What a stream says: lines in a pipe, objects for machines.

use std::process::Stdio;

use regex::Regex;
use serde_json::Value;

use super::super::topic::Topic;
use super::super::topics::{FILES, arrive};
use super::super::{assert_once, count};
use super::child::Streaming;
use super::{EVENTS, sum, told_batches, with_totals};
use crate::project::TestProject;

#[test]
fn lines_in_a_pipe_say_what_came_and_the_last_one_says_all() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..1204, 1);
    let project = with_totals(topic.project(", batch: {rows: 100}"));
    let ran = project.ok(&["stream", "--select", "events+", "--once"]);
    // After each 10 seconds at most; the first batch at once.
    let line = Regex::new(
        r"(?m)^bronze\.events  [\d,]+ rows? in [\d,]+ batch(es)?, [\d,.]+ rows/s, lag [\d,]+, last batch \S+, version [\d,]+$",
    )
    .unwrap();
    assert!(line.is_match(&ran.stderr), "{ran}");
    let last = Regex::new(r"(?m)^streamed 1,204 rows in 1\d batches over \S+; \d+ refresh(es)?\s*\z").unwrap();
    assert!(last.is_match(&ran.stderr), "{ran}");
    let said: Vec<&str> = ran.stderr.lines().filter(|line| !line.is_empty()).collect();
    assert!(
        said.iter()
            .all(|line| ["bronze.events  ", "streaming ", "streamed "].iter().any(|start| line.starts_with(start))),
        "{ran}"
    );
}

#[test]
fn a_batch_is_an_object_for_machines() {
    let Some(topic) = Topic::new(2) else { return };
    topic.numbers(0..100, 2);
    topic.send(&[(0, None, Some("poison")), (1, None, Some("poison too")), (1, None, None)]);
    let project = with_totals(topic.project(", batch: {rows: 20}"));
    let ran = project.ok(&["stream", "--select", "events+", "--once", "--log-format", "json"]);
    let told = told_batches(&ran);
    assert!(told.len() >= 5, "{ran}");
    for batch in &told {
        assert_eq!(batch["unique_id"], "model.shop.events", "{batch}");
        for field in ["rows", "rejected", "bytes", "version", "lag"] {
            assert!(batch[field].is_u64(), "`{field}` of {batch}");
        }
        assert!(batch["seconds"].is_number(), "{batch}");
    }
    assert_eq!((sum(&told, "rows"), sum(&told, "rejected")), (101, 2));
    // No message is counted twice, or left out.
    assert!(sum(&told, "bytes") >= 100 * "{\"id\": 1, \"name\": \"n1\"}".len() as u64, "{ran}");
    let last = told.last().unwrap();
    assert_eq!(last["lag"], 0, "{ran}");
    let version = told.iter().filter_map(|batch| batch["version"].as_u64()).max();
    assert!(version.is_some_and(|version| version <= project.version("bronze/events")), "{ran}");
}

#[test]
fn a_stream_without_news_says_that_it_has_streamed_nothing() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..3, 1);
    let project = topic.project("");
    project.ok(&["stream", "--select", "events", "--once"]);
    let ran = project.ok(&["stream", "--select", "events", "--once"]);
    assert!(ran.stderr.contains("streamed 0 rows in 0 batches over "), "{ran}");
    assert!(!ran.stderr.contains("bronze.events  "), "{ran}");
}

#[test]
fn every_line_of_a_continuous_stream_is_json() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project("");
    let mut stream = Streaming::start(&project, &["--select", "events", "--log-format", "json"]);
    topic.numbers(0..10, 1);
    stream.until("the rows", || count(&project, "bronze.events") >= 10);
    let ran = stream.end("-TERM");
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["event"].is_string()), "{ran}");
    assert_eq!(sum(&told_batches(&ran), "rows"), 10);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_reader_who_goes_away_does_not_stop_a_stream() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("");
    let mut command = project.command(&["stream", "--once"]);
    let command = command.args(EVENTS).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_once(&project, 10);
}

#[test]
fn a_file_that_changed_after_it_was_read_is_told_once() {
    let project = TestProject::new().file("sources.yaml", &format!("version: 2\n{FILES}")).file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental') }}\nselect id, name from {{ source('raw', 'events') }}\n",
    );
    arrive(&project, "1.json", 0..2);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("the first file", || count(&project, "bronze.events") >= 2);
    arrive(&project, "1.json", 0..5);
    stream.until_said(1, &["`1.json` of source `raw.events` changed after `bronze.events` had read"]);
    // Each of these is found by another look, which finds the changed one, too.
    for number in 2..4 {
        arrive(&project, &format!("{number}.json"), number..number + 1);
        stream.until("a file that came", || count(&project, "bronze.events") > i64::from(number));
    }
    // Another one is news.
    arrive(&project, "2.json", 0..5);
    stream.until_said(1, &["`1.json`, `2.json` of source `raw.events` changed after"]);
    let ran = stream.end("-TERM");
    assert_eq!(ran.stderr.matches("changed after").count(), 2, "{ran}");
    assert_eq!(project.value("select count(*) = 4 and count(distinct id) = 4 from bronze.events"), true);
}

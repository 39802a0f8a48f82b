//! Other processes at the same tables and topics.

use std::fs::File;
use std::io::ErrorKind;

use serde_json::json;

use super::super::topic::Topic;
use super::super::{assert_once, count, ids};
use super::EVENTS;
use super::child::Streaming;
use crate::project::TestProject;

#[test]
fn two_streams_of_one_model_read_every_message_once() {
    let Some(topic) = Topic::new(3) else { return };
    let project = topic.project(", batch: {rows: 40, every: 100ms}");
    let mut one = Streaming::start(&project, &EVENTS);
    let mut other = Streaming::start(&project, &EVENTS);
    for burst in 0..30 {
        topic.numbers(burst * 100..(burst + 1) * 100, 3);
    }
    one.until("all", || count(&project, "bronze.events") >= 3000);
    topic.numbers(3000..3100, 3);
    other.until("the rest", || count(&project, "bronze.events") >= 3100);
    one.end("-TERM");
    other.end("-TERM");
    assert_once(&project, 3100);
}

#[test]
fn a_run_beside_a_stream_reads_nothing_twice() {
    let Some(topic) = Topic::new(2) else { return };
    let project = topic.project(", batch: {rows: 20, every: 100ms}");
    let mut stream = Streaming::start(&project, &EVENTS);
    for round in 0..8 {
        topic.numbers(round * 50..(round + 1) * 50, 2);
        // A table has one writer at a time: a run does not wait for the other one.
        let ran = project.run(&["run", "--quiet"]);
        let is_beaten = ran.code == 1 && ran.stderr.contains("error[E0606]");
        assert!(ran.code == 0 || is_beaten, "{ran}");
    }
    stream.until("all", || count(&project, "bronze.events") >= 400);
    stream.end("-TERM");
    assert_once(&project, 400);
}

#[test]
fn a_table_that_another_process_holds_is_waited_for() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("");
    project.ok(&["run"]);
    let lock = File::options().write(true).open(project.path("warehouse/.engine_locks/bronze.events")).unwrap();
    lock.try_lock().unwrap();
    topic.numbers(10..20, 1);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until_said(2, &["bronze.events", "another process", "trying again in"]);
    assert_eq!(ids(&project), (0..10).collect::<Vec<_>>());
    lock.unlock().unwrap();
    stream.until("the rest", || count(&project, "bronze.events") >= 20);
    stream.end("-TERM");
    assert_once(&project, 20);
}

#[test]
fn a_stream_that_waits_for_a_table_can_be_ended() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("");
    project.ok(&["run"]);
    let lock = File::options().write(true).open(project.path("warehouse/.engine_locks/bronze.events")).unwrap();
    lock.try_lock().unwrap();
    topic.numbers(10..20, 1);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until_said(1, &["trying again in"]);
    stream.end("-TERM");
    lock.unlock().unwrap();
    assert_once(&project, 10);
}

/// Another system commits to the table, and asks for no lock.
fn foreign_commit(project: &TestProject) {
    let info = json!({"timestamp": 1_700_000_000_000_u64, "operation": "WRITE", "engineInfo": "another"});
    let whole = format!("commit-{}.json", uuid::Uuid::new_v4());
    project.write(&whole, format!("{}\n", json!({"commitInfo": info})));
    loop {
        let version = project.version("bronze/events") + 1;
        let file = project.path(&format!("warehouse/bronze/events/_delta_log/{version:020}.json"));
        // Under its name it is whole, or not there.
        match std::fs::hard_link(project.path(&whole), file) {
            Ok(()) => return,
            // The stream was quicker.
            Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
        }
    }
}

#[test]
fn commits_of_another_system_are_gone_on_behind() {
    let Some(topic) = Topic::new(2) else { return };
    let project = topic.project("");
    let mut stream = Streaming::start(&project, &EVENTS);
    for round in 0..4 {
        topic.numbers(round * 25..(round + 1) * 25, 2);
        stream.until("a burst", || count(&project, "bronze.events") >= i64::from((round + 1) * 25));
        foreign_commit(&project);
    }
    let ran = stream.end("-TERM");
    assert!(ran.stderr.contains("another process writes"), "{ran}");
    assert_once(&project, 100);
}

#[test]
fn what_was_deleted_before_it_was_read_ends_the_stream() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("");
    project.ok(&["stream", "--select", "events", "--once"]);
    topic.numbers(10..30, 1);
    topic.delete_below(0, 20);
    let ran = Streaming::start(&project, &EVENTS).ended();
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("offsets 10 to 19 of partition 0 were deleted"), "{ran}");
    assert_once(&project, 10);
}

#[test]
fn what_was_deleted_is_reported_and_gone_on_behind_where_that_is_asked_for() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project(", on_lost_offsets: skip_and_report");
    project.ok(&["stream", "--select", "events", "--once"]);
    topic.numbers(10..30, 1);
    topic.delete_below(0, 20);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("what is there still", || count(&project, "bronze.events") >= 20);
    topic.numbers(30..40, 1);
    stream.until("what came", || count(&project, "bronze.events") >= 30);
    let ran = stream.end("-TERM");
    assert!(ran.stderr.contains("offsets 10 to 19 of partition 0 were deleted"), "{ran}");
    assert_eq!(ids(&project), (0..10).chain(20..40).collect::<Vec<_>>());
}

#[test]
fn a_stream_that_cannot_go_on_lets_the_others_finish() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..100, 1);
    let project = topic.project("").file(
        "models/bronze/strict.sql",
        "{{ config(materialized='incremental') }}\n\
         select cast(name as bigint) as number from {{ source('live', 'events') }}\n",
    );
    let ran = Streaming::start(&project, &["--select", "events strict"]).ended();
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("models/bronze/strict.sql"), "{ran}");
    // Each batch is there whole or not at all.
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_once(&project, 100);
    assert_eq!(count(&project, "bronze.strict"), 0);
}

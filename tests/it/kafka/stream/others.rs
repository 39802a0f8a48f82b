//! Other processes at the same tables and topics.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Range;

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

/// Another process has the table, until this is unlocked.
fn table_lock(project: &TestProject) -> File {
    let lock = File::options().write(true).open(project.path("warehouse/.engine_locks/bronze.events")).unwrap();
    lock.lock().unwrap();
    lock
}

#[test]
fn a_table_that_another_process_holds_is_waited_for() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("");
    project.ok(&["run"]);
    let lock = table_lock(&project);
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
    let lock = table_lock(&project);
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
        match fs::hard_link(project.path(&whole), file) {
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

/// The table is removed, and one that another process has built takes its place.
fn replace_table(project: &TestProject, built: &TestProject) {
    let folder = project.path("warehouse/bronze/events");
    fs::rename(&folder, project.path("removed")).unwrap();
    fs::rename(built.path("warehouse/bronze/events"), folder).unwrap();
}

/// Version after version: the messages of these numbers, all in the first partition.
fn one_by_one(stream: &mut Streaming, project: &TestProject, topic: &Topic, numbers: Range<i32>) {
    for number in numbers {
        topic.numbers_in(0, number..number + 1);
        stream.until("a message", || count(project, "bronze.events") > i64::from(number));
    }
}

#[test]
fn a_table_made_anew_with_more_versions_is_not_taken_for_the_old_one() {
    const SETTINGS: &str = ", batch: {rows: 4, every: 100ms}";
    let Some(topic) = Topic::new(2) else { return };
    let project = topic.project(SETTINGS);
    topic.numbers_in(1, 0..2);
    let mut stream = Streaming::start(&project, &EVENTS);
    one_by_one(&mut stream, &project, &topic, 2..8);

    let lock = table_lock(&project);
    // The second partition is read by the first versions of the new table: none of the later ones names it.
    topic.numbers_in(1, 8..9);
    topic.numbers_in(0, 9..70);
    stream.until_said(1, &["bronze.events", "another process", "trying again in"]);
    let other = topic.project(SETTINGS);
    other.ok(&["run"]);
    assert!(other.version("bronze/events") > 2 * project.version("bronze/events"));
    replace_table(&project, &other);
    lock.unlock().unwrap();

    topic.numbers(70..80, 2);
    stream.until("what came", || ids(&project).contains(&79));
    stream.end("-TERM");
    assert_once(&project, 80);
}

#[test]
fn a_table_made_anew_with_fewer_versions_is_gone_on_with() {
    let Some(topic) = Topic::new(2) else { return };
    let project = topic.project(", batch: {every: 100ms}");
    topic.numbers_in(1, 0..2);
    let mut stream = Streaming::start(&project, &EVENTS);
    one_by_one(&mut stream, &project, &topic, 2..8);

    let lock = table_lock(&project);
    let other = topic.project("");
    other.ok(&["run"]);
    assert!(other.version("bronze/events") < project.version("bronze/events"));
    replace_table(&project, &other);
    lock.unlock().unwrap();

    topic.numbers(8..20, 2);
    stream.until("what came", || ids(&project).contains(&19));
    let ran = stream.end("-TERM");
    // Nothing has to fail first.
    assert!(!ran.stderr.contains("cannot write") && !ran.stderr.contains("cannot open"), "{ran}");
    assert_once(&project, 20);
}

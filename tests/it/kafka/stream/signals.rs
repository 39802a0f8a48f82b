//! How long a stream goes on: until a signal, or the end of its time.

use std::time::Instant;

use super::super::topic::Topic;
use super::super::{DEADLINE, PAUSE, assert_once, count};
use super::child::Streaming;
use super::{EVENTS, EVENTS_AND_BELOW};

fn reads_until(signal: &str) {
    let Some(topic) = Topic::new(3) else { return };
    let project = topic.project(", batch: {rows: 100, every: 200ms}");
    let mut stream = Streaming::start(&project, &EVENTS);
    let mut sent = 0;
    for burst in [50, 1, 349, 100] {
        topic.numbers(sent..sent + burst, 3);
        sent += burst;
        stream.until("a burst", || count(&project, "bronze.events") >= i64::from(sent));
    }
    stream.end(signal);
    assert_once(&project, sent);
    // Where it has stopped is where the next one begins.
    topic.numbers(sent..sent + 10, 3);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("what came in between", || count(&project, "bronze.events") >= i64::from(sent + 10));
    stream.end(signal);
    assert_once(&project, sent + 10);
}

#[test]
fn a_stream_reads_what_comes_until_it_is_terminated() {
    reads_until("-TERM");
}

#[test]
fn a_stream_reads_what_comes_until_it_is_interrupted() {
    reads_until("-INT");
}

#[test]
fn a_signal_in_the_middle_of_a_batch_lets_it_be_finished() {
    let Some(topic) = Topic::new(3) else { return };
    topic.numbers(0..20_000, 3);
    let project = topic.project(", batch: {rows: 1000}");
    let mut round = 0;
    while count(&project, "bronze.events") < 20_000 {
        let before = count(&project, "bronze.events");
        let mut stream = Streaming::start(&project, &EVENTS);
        // Whatever it does at the moment at which its first commit is seen.
        stream.until("a commit", || count(&project, "bronze.events") > before);
        stream.end(if round % 2 == 0 { "-TERM" } else { "-INT" });
        round += 1;
    }
    assert_once(&project, 20_000);
}

#[test]
fn a_stream_ends_after_its_time() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("");
    let arguments = ["--select", "events", "--max-runtime", "5s"];
    let ran = Streaming::start(&project, &arguments).ended();
    assert_eq!(ran.code, 0, "{ran}");
    // However little time that was on this machine: nothing is lost, and nothing is there twice.
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_once(&project, 10);
}

#[test]
fn a_second_signal_does_not_wait_for_what_is_in_hand() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project("").file(
        "models/silver/endless.sql",
        "{{ config(materialized='table') }}\nselect sum(a.value * b.value) as total \
         from generate_series(1, 10000000) as a, generate_series(1, 10000000) as b, {{ ref('events') }}\n",
    );
    for signal in ["-TERM", "-INT"] {
        let mut stream = Streaming::start(&project, &EVENTS_AND_BELOW);
        let before = count(&project, "bronze.events");
        topic.numbers(0..1, 1);
        stream.until("the row", || count(&project, "bronze.events") > before);
        // The refresh, once it has begun, takes longer than anybody waits.
        let mut sent = 0;
        let deadline = Instant::now() + DEADLINE;
        while !stream.has_ended() {
            assert!(Instant::now() < deadline, "{sent} signals and no end");
            stream.signal(signal);
            sent += 1;
            std::thread::park_timeout(PAUSE * 20);
        }
        let ran = stream.ended();
        assert!(sent >= 1 && matches!(ran.code, 0 | 1 | 130), "{ran}");
    }
    assert!(!project.path("warehouse/silver/endless/_delta_log").exists());
}

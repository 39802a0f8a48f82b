//! `kill -9` at random moments, while messages are produced: each is there once, whatever happened.

use std::time::Duration;

use serde_json::json;

use super::super::topic::Topic;
use super::super::{Numbers, assert_once, count_files};
use super::EVENTS;
use super::child::Streaming;

const KILLS: i32 = 20;
/// Between two kills.
const MESSAGES: i32 = 2_500;
/// Sent at a time.
const BURST: i32 = 100;

#[test]
fn a_stream_may_be_killed_at_any_moment() {
    let Some(topic) = Topic::new(3) else { return };
    let project = topic.project(", batch: {rows: 300, every: 200ms}");
    let mut numbers = Numbers::new();
    for round in 0..KILLS {
        let first = round * MESSAGES;
        std::thread::scope(|scope| {
            let producing = scope.spawn(|| {
                for burst in 0..MESSAGES / BURST {
                    topic.numbers(first + burst * BURST..first + (burst + 1) * BURST, 3);
                }
            });
            // What a round reads makes at least twice as many files as are waited for.
            let (before, more) = (count_files(&project.path("warehouse")), numbers.below(9));
            let mut stream = Streaming::start(&project, &EVENTS);
            stream.until("a file", || count_files(&project.path("warehouse")) >= before + more);
            // Not only right after a file has come.
            std::thread::park_timeout(Duration::from_micros(numbers.below(30_000) as u64));
            stream.kill();
            producing.join().unwrap();
        });
    }
    topic.send(&[(0, None, Some("poison")), (1, None, Some("poison too"))]);
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_once(&project, KILLS * MESSAGES);
    assert_eq!(project.value("select count(*) from bronze.events__rejected"), json!(2));
    let version = project.version("bronze/events");
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), version);
}

#[test]
fn what_was_rejected_before_a_kill_is_there_once() {
    const ROUNDS: i32 = 6;
    let Some(topic) = Topic::new(2) else { return };
    let project = topic.project(", batch: {rows: 20, every: 100ms}");
    let mut numbers = Numbers::new();
    for round in 0..ROUNDS {
        for poison in 0..50 {
            topic.send(&[(poison % 2, None, Some(format!("poison {round} {poison}").as_str()))]);
        }
        topic.numbers(round * 50..(round + 1) * 50, 2);
        let (before, more) = (count_files(&project.path("warehouse")), 1 + numbers.below(6));
        let mut stream = Streaming::start(&project, &EVENTS);
        stream.until("a file", || count_files(&project.path("warehouse")) >= before + more);
        stream.kill();
    }
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_once(&project, ROUNDS * 50);
    assert_eq!(
        project.rows("select count(*) as n, count(distinct raw) as texts from bronze.events__rejected"),
        [json!({"n": ROUNDS * 50, "texts": ROUNDS * 50})]
    );
}

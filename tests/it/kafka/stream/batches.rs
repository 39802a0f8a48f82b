//! Where a batch ends, and what the next one begins with.

use std::collections::BTreeSet;
use std::time::Instant;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::super::topic::{PATIENCE, Topic};
use super::super::{assert_once, count, ids};
use super::child::Streaming;
use super::{EVENTS, sum, told_batches};
use crate::project::Ran;

const ONCE: [&str; 6] = ["stream", "--select", "events", "--once", "--log-format", "json"];

/// Each batch is a commit of its own.
fn assert_commits(ran: &Ran) {
    let told = told_batches(ran);
    let versions: BTreeSet<u64> = told.iter().map(|batch| batch["version"].as_u64().unwrap()).collect();
    assert_eq!(versions.len(), told.len(), "{ran}");
}

#[test]
fn a_batch_has_so_many_rows_at_most() {
    for partitions in [1, 3] {
        let Some(topic) = Topic::new(partitions) else { return };
        topic.numbers(0..100, partitions);
        let project = topic.project(", batch: {rows: 10}");
        let ran = project.ok(&ONCE);
        let told = told_batches(&ran);
        assert!(told.len() >= 10 && told.iter().all(|batch| batch["rows"].as_u64().unwrap() <= 10), "{ran}");
        assert_eq!(sum(&told, "rows"), 100);
        assert_commits(&ran);
        assert_once(&project, 100);
    }
}

#[test]
fn a_batch_has_so_many_bytes_at_most() {
    let Some(topic) = Topic::new(1) else { return };
    let long = "x".repeat(1000);
    let texts: Vec<String> = (0..200).map(|id| format!("{{\"id\": {id}, \"name\": \"{long}\"}}")).collect();
    let messages: Vec<_> = texts.iter().map(|text| (0, None, Some(text.as_str()))).collect();
    topic.send(&messages);
    let project = topic.project(", batch: {bytes: 20KiB}");
    let ran = project.ok(&ONCE);
    let told = told_batches(&ran);
    // Some 20 messages, and no message is cut.
    assert!(told.len() >= 8 && told.iter().all(|batch| batch["rows"].as_u64().unwrap() <= 25), "{ran}");
    assert_eq!(sum(&told, "rows"), 200);
    assert_commits(&ran);
    assert_once(&project, 200);
}

#[test]
fn a_message_larger_than_a_batch_is_a_batch() {
    let Some(topic) = Topic::new(2) else { return };
    let long = "x".repeat(5000);
    let texts: Vec<(i32, String)> =
        (0..10).map(|id| (id % 2, format!("{{\"id\": {id}, \"name\": \"{long}\"}}"))).collect();
    let messages: Vec<_> = texts.iter().map(|(partition, text)| (*partition, None, Some(text.as_str()))).collect();
    topic.send(&messages);
    let project = topic.project(", batch: {bytes: 1KiB}");
    let ran = project.ok(&ONCE);
    assert_commits(&ran);
    assert_once(&project, 10);
}

#[test]
fn partitions_that_come_up_are_read_from_their_beginning() {
    let Some(topic) = Topic::new(2) else { return };
    let project = topic.project("");
    let mut stream = Streaming::start(&project, &EVENTS);
    topic.numbers(0..50, 2);
    stream.until("the first rows", || count(&project, "bronze.events") >= 50);
    topic.grow(4);
    topic.numbers(50..90, 4);
    stream.until("rows of all partitions", || count(&project, "bronze.events") >= 90);
    topic.numbers(90..100, 4);
    stream.until("the last rows", || count(&project, "bronze.events") >= 100);
    stream.end("-TERM");
    assert_once(&project, 100);
    assert_eq!(project.value("select count(distinct partition) from {{ ref('events') }}"), 4);
}

#[test]
fn a_live_source_skips_what_came_while_it_was_stopped_and_nothing_else() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project(", live: true, batch: {rows: 5}");
    let mut next = 10;
    let mut expected: Vec<i64> = Vec::new();
    for session in 0..3 {
        let (first_of_session, before) = (next, count(&project, "bronze.events"));
        let mut stream = Streaming::start(&project, &EVENTS);
        // Where it has begun shows in the first message that it takes.
        stream.until("a first message", || {
            topic.numbers(next..next + 1, 1);
            next += 1;
            count(&project, "bronze.events") > before
        });
        for burst in [1, 20, 7, 50] {
            topic.numbers(next..next + burst, 1);
            next += burst;
            stream.until("a burst", || ids(&project).last() == Some(&i64::from(next - 1)));
        }
        stream.end("-TERM");
        let read = ids(&project);
        let first = read.iter().copied().find(|id| *id >= i64::from(first_of_session)).unwrap();
        expected.extend(first..i64::from(next));
        assert_eq!(read, expected, "session {session}");
        // Nobody is there to take these.
        topic.numbers(next..next + 10, 1);
        next += 10;
    }
}

#[test]
fn a_first_stream_may_begin_at_the_end() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project(", start: latest");
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_eq!(count(&project, "bronze.events"), 0);
    topic.numbers(10..20, 1);
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_eq!(ids(&project), (10..20).collect::<Vec<_>>());
}

#[test]
fn only_what_a_transaction_has_committed_is_streamed() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project(", batch: {every: 100ms}");
    let producer: BaseProducer = topic.client().set("transactional.id", &topic.name).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    let mut stream = Streaming::start(&project, &EVENTS);
    let mut expected: Vec<i64> = Vec::new();
    for (first, commits) in [(0, true), (5, false), (10, true), (15, false), (20, true)] {
        producer.begin_transaction().unwrap();
        for id in first..first + 5 {
            let value = format!("{{\"id\": {id}, \"name\": \"t\"}}");
            producer.send(BaseRecord::<(), str>::to(&topic.name).payload(&value)).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        match commits {
            true => {
                producer.commit_transaction(PATIENCE).unwrap();
                expected.extend(first..first + 5);
            }
            false => producer.abort_transaction(PATIENCE).unwrap(),
        }
        let committed = i64::try_from(expected.len()).unwrap();
        stream.until("what was committed", || count(&project, "bronze.events") >= committed);
    }
    stream.end("-TERM");
    assert_eq!(ids(&project), expected);
    // Marks of transactions are no messages that could wait.
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_eq!(ids(&project), expected);
}

#[test]
fn what_trickles_in_is_read_whole_by_the_next_batch() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project(", batch: {every: 2s}");
    let mut stream = Streaming::start(&project, &["--select", "events", "--log-format", "json"]);
    let mut most = 7;
    // Each pause lets the consumer meet the end of the partition.
    for round in 0..3 {
        let began = Instant::now();
        for number in round * 5..round * 5 + 5 {
            topic.numbers(number..number + 1, 1);
        }
        most += began.elapsed().as_secs() / 2;
        stream.until("a burst", || count(&project, "bronze.events") >= i64::from(round * 5 + 5));
    }
    let ran = stream.end("-TERM");
    assert_eq!(ids(&project), (0..15).collect::<Vec<_>>());
    // The first message of a burst may be a batch of its own; the others wait for one another, as long as they come in time.
    assert!(told_batches(&ran).len() as u64 <= most, "more than {most}: {ran}");
}

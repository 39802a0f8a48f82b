//! Topics as sources: every message once, by partition and offset, whatever happens in between.

use std::process::Stdio;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

use super::log::is_table;
use super::topic::{PATIENCE, Topic, connection};
use super::{Numbers, count_files, ids};

#[test]
fn messages_are_read_once_and_then_those_that_came() {
    let Some(topic) = Topic::new(3) else { return };
    topic.numbers(0..100, 3);
    let project = topic.project("");
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..100).collect::<Vec<_>>());
    let version = project.version("bronze/events");
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), version);

    topic.numbers(100..130, 3);
    topic.grow(4);
    topic.send(&[(3, Some("k"), Some("{\"id\": 130, \"name\": \"new\"}"))]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..131).collect::<Vec<_>>());
    let last = &project.rows(
        "select name, key, partition, \"offset\", headers, _source, sent_at > timestamp '2020-01-01' as recent \
         from {{ ref('events') }} where id = 130",
    )[0];
    let source = format!("{}/3/0", topic.name);
    let headers = json!("{\"from\":\"test\"}");
    assert_eq!(
        *last,
        json!({"name": "new", "key": "k", "partition": 3, "offset": 0, "headers": headers, "_source": source, "recent": true})
    );
    let status = project.ok(&["source", "status"]).stdout;
    assert!(status.contains(&format!("{}/3 to offset 1", topic.name)), "{status}");
}

#[test]
fn what_is_no_record_is_put_aside_and_a_tombstone_is_a_row() {
    let Some(topic) = Topic::new(1) else { return };
    topic.send(&[
        (0, Some("a"), Some("{\"id\": 1, \"name\": \"good\"}")),
        (0, Some("b"), Some("poison")),
        (0, Some("c"), None),
        (0, Some("d"), Some("{\"id\": \"x\"}")),
        (0, Some("e"), Some("")),
        (0, Some("f"), Some("{\"id\": 2, \"name\": \"good\"}")),
    ]);
    let project = topic.project("");
    project.ok(&["run"]);
    let rows = project.rows("select id, key, \"offset\" from {{ ref('events') }} order by \"offset\"");
    let expected = [(json!(1), "a", 0), (Value::Null, "c", 2), (json!(2), "f", 5)];
    assert_eq!(rows, expected.map(|(id, key, offset)| json!({"id": id, "key": key, "offset": offset})));
    let rejected = project.rows("select raw, _line from bronze.events__rejected order by _line");
    let expected = [("poison", 1), ("{\"id\": \"x\"}", 3), ("", 4)];
    assert_eq!(rejected, expected.map(|(raw, line)| json!({"raw": raw, "_line": line})));
}

#[test]
fn the_end_of_the_first_run_is_where_latest_begins() {
    let Some(topic) = Topic::new(2) else { return };
    topic.numbers(0..10, 2);
    let project = topic.project(", start: latest");
    project.ok(&["run"]);
    assert_eq!(project.value("select count(*) from {{ ref('events') }}"), json!(0));
    topic.numbers(10..15, 2);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (10..15).collect::<Vec<_>>());
}

#[test]
fn what_was_deleted_before_it_was_read_is_told() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("");
    project.ok(&["run"]);
    topic.numbers(10..30, 1);
    topic.delete_below(0, 20);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("offsets 10 to 19 of partition 0 were deleted"), "{ran}");
    assert_eq!(ids(&project), (0..10).collect::<Vec<_>>());

    let sources = std::fs::read_to_string(project.path("sources.yaml")).unwrap();
    let forgiving = format!("topic: {}, on_lost_offsets: skip_and_report", topic.name);
    project.write("sources.yaml", sources.replace(&format!("topic: {}", topic.name), &forgiving));
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("offsets 10 to 19 of partition 0 were deleted"), "{ran}");
    assert_eq!(ids(&project), (0..10).chain(20..30).collect::<Vec<_>>());
}

#[test]
fn a_topic_made_anew_is_told() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("");
    project.ok(&["run"]);
    topic.renew(1);
    topic.numbers(10..13, 1);
    let ran = project.run(&["run", "--quiet"]);
    assert!(ran.code == 1 && ran.stderr.contains("the topic was deleted and made anew"), "{ran}");
}

#[test]
fn only_what_a_transaction_has_committed_is_read() {
    let Some(topic) = Topic::new(1) else { return };
    let producer: BaseProducer = topic.client().set("transactional.id", &topic.name).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    for (ids, commits) in [(0..5, true), (5..10, false), (10..15, true)] {
        producer.begin_transaction().unwrap();
        for id in ids {
            let value = format!("{{\"id\": {id}, \"name\": \"t\"}}");
            producer.send(BaseRecord::<(), str>::to(&topic.name).payload(&value)).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        match commits {
            true => producer.commit_transaction(PATIENCE).unwrap(),
            false => producer.abort_transaction(PATIENCE).unwrap(),
        }
    }
    let project = topic.project("");
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..5).chain(10..15).collect::<Vec<_>>());
    let version = project.version("bronze/events");
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), version);
}

#[test]
fn a_topic_that_is_not_there_is_told() {
    let Some(topic) = Topic::new(1) else { return };
    topic.delete();
    let ran = topic.project("").run(&["run", "--quiet"]);
    assert!(ran.code == 1 && ran.stderr.contains("there is no topic"), "{ran}");
}

/// Killed while it reads, at any moment, thirty times: each message is there once, and nothing is missing.
#[test]
fn a_reader_may_be_killed_at_any_moment() {
    const MESSAGES: i32 = 60_000;
    const KILLS: usize = 30;
    let Some(topic) = Topic::new(3) else { return };
    topic.numbers(0..MESSAGES, 3);
    topic.send(&[(0, None, Some("poison")), (1, None, Some("poison too"))]);
    let project = topic.project(", batch: {rows: 600}");
    let mut numbers = Numbers::new();
    let mut kills = 0;
    while kills < KILLS {
        let mut child = project.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let (before, more) = (count_files(&project.path("warehouse")), numbers.below(9) + 1);
        let ended = loop {
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            if count_files(&project.path("warehouse")) >= before + more {
                break false;
            }
            std::thread::yield_now();
        };
        child.kill().unwrap();
        child.wait().unwrap();
        if ended {
            break;
        }
        kills += 1;
    }
    assert!(kills > 5, "only {kills} runs were alive when they were killed");
    project.ok(&["run"]);
    let total = i64::from(MESSAGES);
    assert_eq!(
        project.rows(
            "select count(*) as n, count(distinct partition * 1000000 + \"offset\") as places, sum(id) as total \
             from {{ ref('events') }}"
        ),
        [json!({"n": total, "places": total, "total": total * (total - 1) / 2})]
    );
    assert_eq!(project.value("select count(*) from bronze.events__rejected"), json!(2));
}

#[test]
fn partitions_of_any_size_are_read_once_by_slices_as_a_whole_and_twice_in_a_query() {
    let Some(topic) = Topic::new(3) else { return };
    let texts: Vec<String> = (0..2003).map(|id| format!("{{\"id\": {id}, \"name\": \"n\"}}")).collect();
    let partition = |index: usize| if index < 2000 { 1 } else { 2 * i32::from(index.is_multiple_of(2)) };
    let messages: Vec<_> =
        texts.iter().enumerate().map(|(index, text)| (partition(index), None, Some(text.as_str()))).collect();
    topic.send(&messages);
    let project = topic.project(", batch: {rows: 90}").file(
        "models/bronze/twice.sql",
        "{{ config(materialized='table') }}\nselect one.id from {{ source('live', 'events') }} as one\n\
         join {{ source('live', 'events') }} as other on one.id = other.id\n",
    );
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..2003).collect::<Vec<_>>());
    let whole = "select count(*) as n, count(distinct id) as u from {{ ref('twice') }}";
    assert_eq!(project.rows(whole), [json!({"n": 2003, "u": 2003})]);
    topic.numbers(3000..3200, 1);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..2003).chain(3000..3200).collect::<Vec<_>>());
    assert_eq!(project.rows(whole), [json!({"n": 2203, "u": 2203})]);
    let looked = project.rows("select count(*) as n, count(distinct id) as u from {{ source('live', 'events') }}");
    assert_eq!(looked, [json!({"n": 2203, "u": 2203})]);
}

#[test]
fn a_topic_is_read_with_a_password() {
    let Some(topic) = Topic::new(2) else { return };
    topic.numbers(0..50, 2);
    let broker = |name| topic.broker.said(name);
    let connection = connection(&format!(
        "brokers: \"{}\", security: {{protocol: SASL_PLAINTEXT, mechanism: PLAIN, username: {}, password: {}}}",
        broker("KAFKA_SASL_BOOTSTRAP_SERVERS"),
        broker("KAFKA_SASL_USERNAME"),
        broker("KAFKA_SASL_PASSWORD"),
    ));
    let project = topic.connected(&connection, "");
    project.ok(&["run"]);
    topic.numbers(50..60, 2);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..60).collect::<Vec<_>>());
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let Some(topic) = Topic::new(1) else { return };
    let brokers = topic.broker.said("KAFKA_SASL_BOOTSTRAP_SERVERS");
    let connection = connection(&format!(
        "brokers: \"{brokers}\", security: {{protocol: SASL_PLAINTEXT, mechanism: PLAIN, username: {}, password: swordfish}}",
        topic.broker.said("KAFKA_SASL_USERNAME"),
    ));
    let project = topic.connected(&connection, "");
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    // What the broker said, and not only that it could not be reached.
    assert!(ran.stderr.contains(brokers) && ran.stderr.to_lowercase().contains("authentication"), "{ran}");
    assert!(!ran.stderr.contains("swordfish"), "{ran}");
    assert!(!is_table(&project, "bronze/events"));
}

#[test]
fn a_topic_is_read_over_tls() {
    let Some(topic) = Topic::new(2) else { return };
    topic.numbers(0..50, 2);
    let connection = connection(&format!(
        "brokers: \"{}\", security: {{protocol: SSL, ca: \"{}\"}}",
        topic.broker.said("KAFKA_SSL_BOOTSTRAP_SERVERS"),
        topic.broker.said("KAFKA_SSL_CA"),
    ));
    let project = topic.connected(&connection, "");
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..50).collect::<Vec<_>>());
}

#[test]
fn where_latest_is_holds_from_the_look_that_found_it() {
    let Some(topic) = Topic::new(2) else { return };
    topic.numbers(0..10, 2);
    let project = topic.project(", start: latest");
    project.ok(&["run"]);
    project.ok(&["source", "reset", "live.events", "--yes"]);
    // Nothing waits, and what comes now is behind it.
    project.ok(&["run"]);
    topic.numbers(10..15, 2);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (10..15).collect::<Vec<_>>());
    let version = project.version("bronze/events");
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), version, "a look without news is no commit");
}

#[test]
fn what_a_live_source_skips_is_told() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project(", live: true");
    project.ok(&["run"]);
    topic.numbers(0..50, 1);
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("50 messages were skipped"), "{ran}");
    let status = project.ok(&["source", "status"]).stdout;
    assert!(status.contains("to offset 50"), "{status}");
}

#[test]
fn a_topic_made_anew_is_read_from_its_beginning() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project(", on_lost_offsets: skip_and_report");
    project.ok(&["run"]);
    topic.renew(1);
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("the topic was deleted and made anew"), "{ran}");
    // More than the old one had, and what is no record among it.
    topic.send(&[(0, None, Some("poison"))]);
    topic.numbers(10..30, 1);
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..30).collect::<Vec<_>>());
    assert_eq!(project.value("select count(*) from bronze.events__rejected"), json!(1));
}

#[test]
fn every_partition_of_a_topic_made_anew_is_read_from_its_beginning() {
    let Some(topic) = Topic::new(2) else { return };
    topic.numbers_in(0, 0..100);
    topic.numbers_in(1, 100..103);
    let project = topic.project(", on_lost_offsets: skip_and_report");
    project.ok(&["run"]);
    topic.renew(2);
    // The second partition is further than it was, which does not make it the old one.
    topic.numbers_in(0, 103..113);
    topic.numbers_in(1, 113..123);
    let ran = project.ok(&["run"]);
    for told in [
        "has lost messages that were not read",
        "partition 0 ends at offset 10, before offset 100: the topic was deleted and made anew",
        "every partition is read from its oldest message on",
    ] {
        assert!(ran.stderr.contains(told), "no word of `{told}`\n{ran}");
    }
    assert_eq!(ids(&project), (0..123).collect::<Vec<_>>());
    project.ok(&["run"]);
    assert_eq!(ids(&project), (0..123).collect::<Vec<_>>());
}

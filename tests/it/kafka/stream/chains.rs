//! A source, the topic its rows are sent to, the table that reads the topic, and what lies below: in one process.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use serde_json::json;

use super::super::topic::Topic;
use super::super::topics::{READER, arrive, feed};
use super::super::{Numbers, assert_once, count, count_files};
use super::child::Streaming;
use super::{assert_refreshed, number, with_totals};
use crate::project::TestProject;

const CHAIN: [&str; 2] = ["--select", "feed+"];

/// `bronze.feed` sends what it reads of one topic, or of a service, to the other.
fn sending(topic: &Topic, from: &str) -> String {
    format!(
        "{{{{ config(materialized='kafka', connection='broker', topic='{}', key='event_key') }}}}\n\
         select 'k' || cast(id as varchar) as event_key, id, name from {{{{ source('live', '{from}') }}}}\n",
        topic.name
    )
}

/// `bronze.events` reads the topic of `bronze.feed`, which reads the topic `from`.
fn relay(from: &Topic, to: &Topic) -> TestProject {
    with_totals(from.project(", batch: {rows: 100, every: 200ms}"))
        .file("models/bronze/feed.sql", &sending(to, "events"))
        .file("models/bronze/events.sql", READER)
}

#[test]
fn files_go_through_a_topic_into_tables() {
    let Some(topic) = Topic::new(2) else { return };
    let project = with_totals(feed(&topic, ""));
    arrive(&project, "1.json", 0..100);
    let mut stream = Streaming::start(&project, &CHAIN);
    stream.until("the first file", || number(&project, "silver.totals", "n") == 100);
    arrive(&project, "2.json", 100..101);
    stream.until("a file that came", || number(&project, "silver.totals", "n") == 101);
    arrive(&project, "3.json", 101..400);
    arrive(&project, "4.json", 400..500);
    stream.until("files that came together", || number(&project, "gold.report", "tens") == 5000);
    stream.end("-TERM");
    assert_once(&project, 500);
    assert_refreshed(&project, 500);
}

#[test]
fn a_topic_goes_through_another_topic_into_tables() {
    let (Some(from), Some(to)) = (Topic::new(3), Topic::new(2)) else { return };
    let project = relay(&from, &to);
    let mut stream = Streaming::start(&project, &CHAIN);
    let mut sent = 0;
    for burst in [1, 499, 50] {
        from.numbers(sent..sent + burst, 3);
        sent += burst;
        stream.until("a burst", || number(&project, "silver.totals", "n") == i64::from(sent));
    }
    stream.end("-TERM");
    assert_once(&project, sent);
    assert_refreshed(&project, sent);
    assert_eq!(to.messages().len(), usize::try_from(sent).unwrap());
}

#[test]
fn columns_that_feed_and_reader_gain_at_once_arrive() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, ", batch={'every': '200ms'}");
    arrive(&project, "0.json", 0..5);
    project.ok(&["run"]);
    let mut reader = READER.replace("'incremental')", "'incremental', on_schema_change='append_new_columns')");
    let mut sent = 5;
    for start in 1..=3 {
        let feed = std::fs::read_to_string(project.path("models/bronze/feed.sql")).unwrap();
        let more = format!(" id, name, id + {start} as plus_{start}");
        project.write("models/bronze/feed.sql", feed.replace(" id, name", &more));
        reader = reader.replace(" name,", &format!(" name, plus_{start},"));
        project.write("models/bronze/events.sql", &reader);
        arrive(&project, &format!("{start}.json"), sent..sent + 3);
        sent += 3;
        // The reader may well begin before the first batch of the feed, which is what brings the column.
        let mut stream = Streaming::start(&project, &CHAIN);
        stream.until("rows with the column", || count(&project, "bronze.events") >= i64::from(sent));
        stream.end("-TERM");
        let newest =
            project.rows(&format!("select id, plus_{start} as plus from bronze.events order by id desc limit 3"));
        let expected = [1, 2, 3].map(|back| json!({"id": sent - back, "plus": sent - back + start}));
        assert_eq!(newest, expected);
    }
    assert_once(&project, sent);
}

#[test]
fn once_is_over_when_nothing_waits_in_the_whole_chain() {
    let (Some(from), Some(to)) = (Topic::new(2), Topic::absent()) else { return };
    let project = relay(&from, &to);
    for round in 1..=3 {
        from.numbers((round - 1) * 1000..round * 1000, 2);
        project.ok(&["stream", "--select", "feed+", "--once"]);
        assert_once(&project, round * 1000);
        assert_refreshed(&project, round * 1000);
    }
}

#[test]
fn a_chain_may_be_killed_at_any_moment() {
    const ROUNDS: i32 = 8;
    let (Some(from), Some(to)) = (Topic::new(2), Topic::new(2)) else { return };
    let project = relay(&from, &to);
    let mut numbers = Numbers::new();
    for round in 0..ROUNDS {
        from.numbers(round * 500..(round + 1) * 500, 2);
        let (before, more) = (count_files(&project.path("warehouse")), numbers.below(8));
        let mut stream = Streaming::start(&project, &CHAIN);
        stream.until("a file", || count_files(&project.path("warehouse")) >= before + more);
        stream.kill();
    }
    project.ok(&["stream", "--select", "feed+", "--once"]);
    // Into the topic at least once, out of it exactly once.
    let messages = to.messages();
    let keys: BTreeSet<&str> = messages.iter().map(|sent| sent.key.as_deref().unwrap()).collect();
    assert_eq!(keys.len(), usize::try_from(ROUNDS * 500).unwrap());
    assert_eq!(
        project.rows(
            "select count(*) as n, count(distinct partition * 1000000000 + \"offset\") as places, \
             count(distinct event_key) as keys from bronze.events"
        ),
        [json!({"n": messages.len(), "places": messages.len(), "keys": keys.len()})]
    );
    assert_eq!(project.value("select n from {{ ref('totals') }}"), messages.len());
}

/// Answers each poll with one record more: `[{"id": 0, "name": "n0"}]`, then `[{"id": 1, "name": "n1"}]`.
struct Service {
    port: u16,
    polls: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    answering: Option<JoinHandle<()>>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (polls, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (asked, ends) = (Arc::clone(&polls), Arc::clone(&is_over));
        let answering = std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                // Clients may go as they like.
                let _ = answer(&mut stream, &asked);
            }
        });
        Self { port, polls, is_over, answering: Some(answering) }
    }
}

fn answer(stream: &mut TcpStream, polls: &AtomicUsize) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let id = polls.fetch_add(1, Ordering::Relaxed);
    let body = json!([{"id": id, "name": format!("n{id}")}]).to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

impl Drop for Service {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(answering) = self.answering.take() {
            let _ = answering.join();
        }
    }
}

#[test]
fn polls_of_a_service_go_through_a_topic_into_tables() {
    let Some(topic) = Topic::new(2) else { return };
    let service = Service::start();
    let sources = format!(
        "{}  api: {{http: {{base_url: \"http://127.0.0.1:{}\"}}}}\n\
         sources:\n  - name: live\n    tables:\n      - name: items\n        http: {{connection: api, path: /items}}\n        \
         records: $\n        poll: {{every: 1s}}\n        \
         columns: [{{name: id, type: bigint}}, {{name: name, type: string}}]\n",
        topic.connection(),
        service.port
    );
    let project = with_totals(feed(&topic, ""))
        .file("sources.yaml", &sources)
        .file("models/bronze/feed.sql", &sending(&topic, "items"));
    let mut stream = Streaming::start(&project, &CHAIN);
    stream.until("some polls", || number(&project, "silver.totals", "n") >= 4);
    stream.end("-TERM");
    let (sent, polls) = (topic.messages().len(), service.polls.load(Ordering::Relaxed));
    assert!(sent >= 4 && sent <= polls, "{sent} messages of {polls} polls");
    // What is in the topic and not yet in the table comes next.
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_eq!(count(&project, "bronze.events"), i64::try_from(sent).unwrap());
    assert_once(&project, i32::try_from(sent).unwrap());
}

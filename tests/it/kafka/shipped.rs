//! The live path of the shipped project: what the Events API tells goes through a topic into tables and a view.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::count;
use super::stream::child::Streaming;
use super::topic::{Sent, Topic};
use crate::environment::{repository, skipped};
use crate::http::server::{Response, Server};
use crate::project::TestProject;
use crate::real_data::{FOLDERS, copy};

const STREAM: [&str; 5] = ["stream", "--target", "live", "--select", "+tag:live"];
const ONCE: [&str; 6] = [STREAM[0], STREAM[1], STREAM[2], STREAM[3], STREAM[4], "--once"];
const BRONZE: &str = "bronze.bronze_github_events_live";
const TOKEN: &str = "s3cr3t-token";
/// Seconds.
const DAY: i64 = 86_400;

/// By technology, with its date; the whole table.
const DAILY: &str = "select cast(date as varchar) || ' ' || technology as label, daily_mentions as mentions, \
     daily_repo_mentions as repositories from {{ ref('gold_github_live_daily') }}";
/// By technology; nothing if some of the messages came before the 30 seconds that end now.
const TRENDS: &str = "select technology as label, mentions, repositories from {{ ref('gold_github_live_trends') }} \
     where (select min(kafka_timestamp) from {{ ref('bronze_github_events_live') }}) >= now() - interval '30 seconds'";

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn now() -> i64 {
    Timestamp::try_from(SystemTime::now()).unwrap().as_second()
}

/// When an event happened, in seconds since 1970.
fn second(event: &Value) -> i64 {
    text(&event["created_at"]).parse::<Timestamp>().unwrap().as_second()
}

fn shown(second: i64) -> Value {
    json!(Timestamp::from_second(second).unwrap().to_string())
}

type Pages = Vec<Vec<Value>>;

/// The answers in a folder on three pages at most, as if the newest of their events had happened now.
fn recorded(folder: &Path) -> Pages {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let answers: Pages = files.iter().map(|file| serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).collect();
    let mut pages: Pages = answers.chunks(answers.len().div_ceil(3)).map(<[Vec<Value>]>::concat).collect();
    let newest = pages.iter().flatten().map(second).max().unwrap();
    let later = now() - newest;
    for event in pages.iter_mut().flatten() {
        event["created_at"] = shown(second(event) + later);
    }
    pages
}

fn sample() -> Pages {
    recorded(&repository().join("sample/api.github.com"))
}

/// A push of so many seconds ago.
fn push(id: &str, age: i64, login: &str, message: &str) -> Value {
    json!({
        "id": id,
        "type": "PushEvent",
        "actor": {"id": 7, "login": login},
        "repo": {"id": 7, "name": "someone/something"},
        "payload": {"commits": [{"message": message}]},
        "public": true,
        "created_at": shown(now() - age),
    })
}

/// What the API tells.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    pages: Pages,
    /// Another one whenever the pages are others: their `ETag`.
    edition: usize,
}

impl Feed {
    fn tell(&self, pages: Pages) {
        let mut told = self.0.lock().unwrap();
        told.pages = pages;
        told.edition += 1;
    }

    /// As GitHub does; but it may be asked at any time.
    fn serve(&self) -> Server {
        let feed = self.clone();
        Server::start(move |request| {
            let told = feed.0.lock().unwrap();
            let tag = format!("W/\"{}\"", told.edition);
            let number = request.number("page", 1);
            if request.header("if-none-match") == Some(tag.as_str()) {
                return Response::new(304, "").header("etag", &tag);
            }
            let Some(events) = told.pages.get(number - 1) else { return Response::new(404, "") };
            let answer = Response::json(&json!(events)).header("etag", &tag);
            match number < told.pages.len() {
                true => answer.next(&format!("/events?per_page=100&page={}", number + 1)),
                false => answer,
            }
        })
    }
}

fn replace(project: &TestProject, path: &str, before: &str, after: &str) {
    let file = fs::read_to_string(project.path(path)).unwrap();
    assert!(file.contains(before), "no `{before}` in {path}");
    project.write(path, file.replace(before, after));
}

fn copied() -> TestProject {
    let project = TestProject::empty();
    for name in FOLDERS {
        copy(&repository().join(name), &project.path(name));
    }
    project
}

/// A copy with its own topic, whose GitHub is the server. It polls as soon as it may.
fn shipped(topic: &Topic, server: &Server) -> TestProject {
    let project = copied().env("KAFKA_BOOTSTRAP_SERVERS", topic.broker.address()).env("GITHUB_TOKEN", TOKEN);
    replace(&project, "sources.yaml", "https://api.github.com", &server.url());
    replace(&project, "sources.yaml", "poll: {every: 3s,", "poll: {every: 250ms,");
    replace(&project, "models/bronze/live/github_events_feed.sql", "github-events-raw", &topic.name);
    // Where the helpers look for it.
    replace(&project, "project.yaml", "warehouse: warehouse-live", "warehouse: warehouse");
    replace(&project, "project.yaml", "default_target: sample", "default_target: live");
    project.ok(&["seed", "--target", "live"]);
    project
}

/// Mentions and repositories by label.
type Figures = BTreeMap<String, (usize, usize)>;

fn figures(project: &TestProject, sql: &str) -> Figures {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let rows = project.rows(sql).into_iter();
    rows.map(|row| (text(&row["label"]).to_owned(), (number(&row["mentions"]), number(&row["repositories"])))).collect()
}

/// The same of messages: an event counts once for a label, however often it came, and not by a login alone.
fn counted(messages: &[Sent], label: impl Fn(&Value, &str) -> Option<String>) -> Figures {
    let mut labels: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for event in messages.iter().map(Sent::json) {
        for mention in event["mentions"].as_array().unwrap() {
            let counts = text(&mention["mention_kind"]) != "actor";
            let Some(label) = label(&event, text(&mention["technology"])).filter(|_| counts) else { continue };
            let (key, repository) = (text(&event["event_key"]), text(&event["repo_name"]));
            labels.entry(label).or_default().insert(key.to_owned(), repository.to_owned());
        }
    }
    let figures = labels.into_iter().map(|(label, events)| {
        let repositories: BTreeSet<&String> = events.values().collect();
        (label, (events.len(), repositories.len()))
    });
    figures.collect()
}

fn by_day(messages: &[Sent]) -> Figures {
    counted(messages, |event, technology| {
        let is_new = second(event) > now() - DAY;
        is_new.then(|| format!("{} {technology}", &text(&event["created_at"])[..10]))
    })
}

fn by_technology(messages: &[Sent]) -> Figures {
    counted(messages, |_, technology| Some(technology.to_owned()))
}

/// The view has 30 seconds. A machine that needs longer is shown nothing here.
fn assert_trends(project: &TestProject, messages: &[Sent]) {
    let shown = figures(project, TRENDS);
    assert!(shown.is_empty() || shown == by_technology(messages), "{shown:?}");
}

/// Every message is in bronze, once.
fn assert_in_bronze(project: &TestProject, topic: &Topic, messages: &[Sent]) {
    let sql = format!(
        "select kafka_topic, kafka_partition, kafka_offset, event_key from {BRONZE} order by kafka_partition, kafka_offset"
    );
    let sent = messages.iter().map(|message| {
        json!({
            "kafka_topic": topic.name, "kafka_partition": message.partition, "kafka_offset": message.offset,
            "event_key": message.key,
        })
    });
    assert_eq!(project.rows(&sql), sent.collect::<Vec<_>>());
}

fn keys(messages: &[Sent]) -> BTreeSet<&str> {
    messages.iter().map(|message| message.key.as_deref().unwrap()).collect()
}

/// `engine source status` says that the topic is read to its end.
fn assert_read(project: &TestProject, topic: &Topic, messages: &[Sent]) {
    let ran = project.ok(&["source", "status", "--target", "live"]);
    let reader = "bronze.github_events_feed -> bronze.bronze_github_events_live\n";
    let status = ran.stdout.split(reader).nth(1).unwrap_or_else(|| panic!("no {reader}{ran}"));
    let ends: BTreeMap<i32, i64> = messages.iter().map(|message| (message.partition, message.offset + 1)).collect();
    for (partition, end) in ends {
        assert!(status.contains(&format!("{}/{partition} to offset {end}", topic.name)), "{ran}");
    }
    assert!(status.lines().nth(1).unwrap().trim_start().starts_with("waiting   0 "), "{ran}");
}

/// All steps of the documentation, with these pages and some events more.
fn goes_through(mut pages: Pages) {
    let Some(topic) = Topic::absent() else { return };
    let today = push("1", 60, "someone", "rewrite it in COBOL, and the COBOL in COBOL");
    let of_old = push("2", 3 * DAY, "someone", "what Fortran was for");
    let by_login = push("3", 30, "erlang", "a fix");
    let about_nothing = push("4", 30, "someone", "a fix");
    // Pages drift: it stands on two of them.
    pages.last_mut().unwrap().push(today.clone());
    pages[0].extend([today, of_old, by_login, about_nothing]);
    let feed = Feed::default();
    feed.tell(pages.clone());
    let server = feed.serve();
    let project = shipped(&topic, &server);

    project.ok(&ONCE);
    let requests = server.requests();
    assert_eq!(requests.len(), pages.len());
    for request in &requests {
        assert!(request.target.starts_with("/events?per_page=100"), "{request:?}");
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    }

    assert_eq!((topic.partitions(), topic.setting("retention.ms").as_deref()), (3, Some("10800000")));
    let first = topic.messages();
    assert_eq!(keys(&first).len(), first.len());
    for message in &first {
        let event = message.json();
        let key = ["event_type", "event_id", "created_at"].map(|part| text(&event[part])).join("-");
        assert_eq!((message.key.as_deref(), text(&event["event_key"])), (Some(key.as_str()), key.as_str()));
    }
    let told: BTreeSet<&str> = pages.iter().flatten().map(|event| text(&event["id"])).collect();
    let sent: Vec<Value> = first.iter().map(|message| message.json()["event_id"].clone()).collect();
    assert!(sent.iter().all(|id| told.contains(text(id))) && sent.len() < told.len(), "{sent:?}");
    assert_eq!(["1", "2", "3", "4"].map(|id| sent.contains(&json!(id))), [true, true, true, false]);

    assert_trends(&project, &first);
    assert_in_bronze(&project, &topic, &first);
    let daily = figures(&project, DAILY);
    assert_eq!(daily, by_day(&first));
    let of = |technology: &str| daily.iter().find(|(label, _)| label.ends_with(&format!(" {technology}")));
    assert_eq!(of("cobol").map(|(_, figures)| *figures), Some((1, 1)));
    assert_eq!((of("fortran"), of("erlang")), (None, None));
    assert!(daily.len() > 10, "{daily:?}");
    assert_read(&project, &topic, &first);
    let tested = project.ok(&["test", "--target", "live", "--select", "tag:live"]);
    assert!(tested.stderr.contains("WARN=0 ERROR=0 SKIP=0"), "{tested}");

    // The API tells all of it again, with one event more, and all of it is sent again.
    pages[0].insert(0, push("5", 0, "someone", "COBOL once more"));
    feed.tell(pages);
    project.ok(&ONCE);
    let again = topic.messages();
    assert_eq!((again.len(), keys(&again).len()), (2 * first.len() + 1, first.len() + 1));
    let places: BTreeSet<(i32, &str)> =
        again.iter().map(|message| (message.partition, message.key.as_deref().unwrap())).collect();
    assert_eq!(places.len(), first.len() + 1);
    assert_trends(&project, &again);
    assert_in_bronze(&project, &topic, &again);
    assert_eq!(figures(&project, DAILY), by_day(&again));
    assert_read(&project, &topic, &again);
    project.ok(&["test", "--target", "live", "--select", "tag:live"]);

    // And when it has nothing new to tell, nothing is sent.
    project.ok(&ONCE);
    assert_eq!(topic.messages(), again);
    assert_eq!(count(&project, BRONZE), i64::try_from(again.len()).unwrap());
}

#[test]
fn events_of_the_sample_go_through_a_topic_and_count_once() {
    goes_through(sample());
}

#[test]
fn real_events_go_through_a_topic_and_count_once() {
    let folder = repository().join("../shared/data/github_events_api/2019/bodies");
    if !folder.is_dir() {
        skipped("real events of the API", &format!("there are none at {}", folder.display()));
        return;
    }
    goes_through(recorded(&folder));
}

fn is_in_trends(project: &TestProject, technology: &str) -> bool {
    // Nobody can read a view that is not there yet.
    let sql =
        format!("select mentions from {{{{ ref('gold_github_live_trends') }}}} where technology = '{technology}'");
    project.path("warehouse/gold/gold_github_live_trends").exists() && !project.rows(&sql).is_empty()
}

#[test]
fn what_the_api_tells_is_in_the_view_within_its_30_seconds() {
    let Some(topic) = Topic::absent() else { return };
    let told = sample().concat();
    let feed = Feed::default();
    feed.tell(vec![told.clone()]);
    let server = feed.serve();
    let project = shipped(&topic, &server);
    let mut stream = Streaming::start(&project, &STREAM[1..]);
    let mut id = 0;
    // A stream that falls behind shows the first of them, and never the last.
    for (technology, message) in
        [("cobol", "port it to COBOL"), ("fortran", "port it to Fortran"), ("haskell", "port it to Haskell")]
    {
        stream.until(technology, || {
            id += 1;
            let fresh = push(&id.to_string(), 0, "someone", message);
            feed.tell(vec![told.iter().cloned().chain([fresh]).collect()]);
            is_in_trends(&project, technology)
        });
    }
    stream.end("-TERM");
    // What is in the topic and not yet in the table comes next, without the model that writes to the topic.
    project.ok(&["stream", "--target", "live", "--select", "bronze_github_events_live+", "--once"]);
    let messages = topic.messages();
    assert_in_bronze(&project, &topic, &messages);
    assert_eq!(figures(&project, DAILY), by_day(&messages));
}

#[test]
fn without_a_broker_and_in_other_targets_there_is_nothing_live() {
    for (target, brokers) in [("live", ""), ("bench", "127.0.0.1:9")] {
        let ran = copied().env("KAFKA_BOOTSTRAP_SERVERS", brokers).run(&[
            "stream",
            "--target",
            target,
            "--select",
            "+tag:live",
            "--once",
        ]);
        assert_eq!(ran.code, 2, "{ran}");
        assert!(ran.stderr.contains("nothing that is selected is a stream"), "{ran}");
    }
}

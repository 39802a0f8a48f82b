//! `kill -9` while messages are sent: nothing is lost, and no position is ahead of what is in the topic.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Instant;

use serde_json::json;

use super::super::log::positions;
use super::super::topic::Topic;
use super::super::{DEADLINE, Numbers, count_files};
use super::{arrive, feed};
use crate::project::TestProject;

const FILES: i32 = 40;
const ROWS: i32 = 300;
const KILLS: usize = 12;

/// Every message of a file that counts as sent is in the topic.
fn assert_not_ahead(project: &TestProject, topic: &Topic, round: usize) {
    let positions = positions(project, "bronze/feed");
    let sent: BTreeSet<String> = topic.messages().into_iter().filter_map(|sent| sent.key).collect();
    for item in positions.keys().filter(|item| item.ends_with(".json")) {
        let file: i32 = item.rsplit('/').next().unwrap().trim_end_matches(".json").parse().unwrap();
        let missing: Vec<i32> =
            (file * ROWS..(file + 1) * ROWS).filter(|id| !sent.contains(&format!("k{id}"))).collect();
        assert!(missing.is_empty(), "{item} counts as sent after round {round}, without {missing:?}");
    }
}

#[test]
fn a_run_that_sends_may_be_killed_at_any_moment() {
    let Some(topic) = Topic::new(3) else { return };
    let project = feed(&topic, ", properties={'linger.ms': '5'}");
    for file in 0..FILES {
        arrive(&project, &format!("{file}.json"), file * ROWS..(file + 1) * ROWS);
    }
    let asking = topic.consumer();
    let mut numbers = Numbers::new();
    let (mut kills, mut round) = (0, 0);
    while kills < KILLS {
        let (files, messages) = (count_files(&project.path("warehouse")), topic.count(&asking, 3));
        // By what is in the topic, or by what is in the table: both sides of the gap between the two.
        let by_messages = numbers.below(3) > 0;
        let (more_files, more_messages) = (1 + numbers.below(4), 1 + numbers.below(600));
        let more_messages = i64::try_from(more_messages).unwrap();
        let mut command = project.command(&["run", "--select", "feed"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + DEADLINE;
        let was_alive = loop {
            if child.try_wait().unwrap().is_some() {
                break false;
            }
            let has_come = match by_messages {
                true => topic.count(&asking, 3) >= messages + more_messages,
                false => count_files(&project.path("warehouse")) >= files + more_files,
            };
            if has_come || Instant::now() > deadline {
                break true;
            }
            std::thread::yield_now();
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Instant::now() < deadline, "a run makes no progress");
        assert_not_ahead(&project, &topic, round);
        round += 1;
        if !was_alive {
            break;
        }
        kills += 1;
    }
    assert!(kills > 3, "only {kills} runs were alive when they were killed");
    project.ok(&["run"]);
    assert_not_ahead(&project, &topic, round);

    let messages = topic.messages();
    let keys: BTreeSet<&str> = messages.iter().map(|sent| sent.key.as_deref().unwrap()).collect();
    assert_eq!(keys.len(), usize::try_from(FILES * ROWS).unwrap());
    // The reader has each message once, and of the messages of each key one is enough.
    let all = i64::from(FILES * ROWS);
    let places =
        "select count(*) as n, count(distinct partition * 1000000000 + \"offset\") as places from bronze.events";
    let n = messages.len();
    assert_eq!(project.rows(places), [json!({"n": n, "places": n})]);
    let by_key = "select count(*) as n, sum(id) as total from \
                  (select event_key, min(id) as id, max(id) as other from bronze.events group by event_key) \
                  where id = other";
    assert_eq!(project.rows(by_key), [json!({"n": all, "total": all * (all - 1) / 2})]);
}

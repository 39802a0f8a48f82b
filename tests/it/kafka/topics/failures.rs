//! What keeps messages from being sent: it is told, and the position stays where it was.

use super::super::assert_once;
use super::super::broker::Broker;
use super::super::log::{is_table, positions};
use super::super::topic::Topic;
use super::{arrive, feed, sent_ids};

#[test]
fn a_broker_that_is_down_is_named_and_nothing_counts_as_sent() {
    let Some(broker) = Broker::own() else { return };
    let topic = Topic::on(broker, 2);
    let project = feed(&topic, "");
    arrive(&project, "1.json", 0..10);
    project.ok(&["run"]);
    let (version, before) = (project.version("bronze/feed"), positions(&project, "bronze/feed"));
    topic.broker.stop();
    arrive(&project, "2.json", 10..30);
    let ran = project.run(&["run", "--quiet", "--select", "feed"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains(topic.broker.address()), "{ran}");
    assert_eq!(project.version("bronze/feed"), version);
    assert_eq!(positions(&project, "bronze/feed"), before);

    topic.broker.start();
    project.ok(&["run"]);
    assert_eq!(sent_ids(&topic), (0..30).collect::<Vec<_>>());
    assert_once(&project, 30);
}

#[test]
fn brokers_that_nobody_knows_are_named() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, "");
    // Nothing listens on port 1.
    let sources = std::fs::read_to_string(project.path("sources.yaml")).unwrap();
    project.write("sources.yaml", sources.replace(topic.broker.address(), "127.0.0.1:1"));
    arrive(&project, "1.json", 0..10);
    let ran = project.run(&["run", "--quiet", "--select", "feed"]);
    assert!(ran.code == 1 && ran.stderr.contains("127.0.0.1:1"), "{ran}");
    assert!(!is_table(&project, "bronze/feed"));
}

#[test]
fn a_message_that_is_too_large_is_named_and_nothing_counts_as_sent() {
    let Some(topic) = Topic::with(1, &[("max.message.bytes", "4000")]) else { return };
    let project = feed(&topic, "");
    arrive(&project, "1.json", 0..5);
    project.ok(&["run"]);
    let (version, before) = (project.version("bronze/feed"), positions(&project, "bronze/feed"));
    // What compression cannot make small.
    let noise: String = (0..800).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect();
    project.write("in/2.json", format!("{{\"id\": 5, \"name\": \"{noise}\"}}\n"));
    let ran = project.run(&["run", "--quiet", "--select", "feed"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("`k5`") && ran.stderr.contains(&topic.name), "{ran}");
    assert!(!ran.stderr.contains(&noise[..64]), "{ran}");
    assert_eq!(project.version("bronze/feed"), version);
    assert_eq!(positions(&project, "bronze/feed"), before);

    project.remove("in/2.json");
    arrive(&project, "3.json", 5..8);
    project.ok(&["run"]);
    assert_eq!(sent_ids(&topic), (0..8).collect::<Vec<_>>());
    assert_once(&project, 8);
}

#[test]
fn a_query_that_fails_half_way_counts_nothing_as_sent() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, "");
    let feed = std::fs::read_to_string(project.path("models/bronze/feed.sql")).unwrap();
    project.write("models/bronze/feed.sql", feed.replace(" name from", " cast(name as bigint) as name from"));
    project.write("in/1.json", "{\"id\": 0, \"name\": \"7\"}\n{\"id\": 1, \"name\": \"seven\"}\n");
    let ran = project.run(&["run", "--quiet", "--select", "feed"]);
    assert!(ran.code == 1 && ran.stderr.contains("'seven'"), "{ran}");
    assert!(!is_table(&project, "bronze/feed"));
    project.write("in/1.json", "{\"id\": 0, \"name\": \"7\"}\n{\"id\": 1, \"name\": \"8\"}\n");
    project.ok(&["run"]);
    // At least once: what was sent before it failed is there, too.
    let ids = sent_ids(&topic);
    assert!(ids.contains(&0) && ids.contains(&1), "{ids:?}");
}

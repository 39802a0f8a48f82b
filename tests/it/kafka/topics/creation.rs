//! The topic itself: made where there is none, else taken as it is.

use super::super::topic::Topic;
use super::sending;

#[test]
fn a_topic_is_made_as_the_model_says() {
    let Some(topic) = Topic::absent() else { return };
    let project = sending(&topic, ", partitions=3, replication=1, retention='3h'", "select 1 as id");
    project.ok(&["run"]);
    assert_eq!(topic.partitions(), 3);
    assert_eq!(topic.setting("retention.ms").as_deref(), Some("10800000"));
    assert_eq!(topic.messages().len(), 1);
    // By then it is there.
    project.ok(&["run"]);
    assert_eq!(topic.messages().len(), 2);
}

#[test]
fn a_topic_is_made_as_the_broker_would() {
    let Some(topic) = Topic::absent() else { return };
    sending(&topic, "", "select 1 as id").ok(&["run"]);
    assert_eq!(topic.partitions(), 1);
    assert_eq!(topic.setting("retention.ms").as_deref(), Some("604800000"));
}

#[test]
fn a_topic_that_is_there_is_taken_as_it_is() {
    let Some(topic) = Topic::with(2, &[("retention.ms", "7200000")]) else { return };
    sending(&topic, ", partitions=5, retention='3h'", "select 1 as id").ok(&["run"]);
    assert_eq!(topic.partitions(), 2);
    assert_eq!(topic.setting("retention.ms").as_deref(), Some("7200000"));
    assert_eq!(topic.messages().len(), 1);
}

#[test]
fn more_replicas_than_brokers_are_refused() {
    let Some(topic) = Topic::absent() else { return };
    let ran = sending(&topic, ", replication=3", "select 1 as id").run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains(&topic.name) && ran.stderr.to_lowercase().contains("replication"), "{ran}");
}

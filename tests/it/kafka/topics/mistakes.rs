//! Settings of a topic model that cannot be meant: told where they stand.

use super::super::assert_shown;
use super::super::log::is_table;
use super::super::topic::{Topic, connection};
use super::sending;
use crate::project::{Ran, TestProject};

const PATH: &str = "models/bronze/feed.sql";

/// A topic model with these settings, in a project whose brokers are never asked.
fn compiled(config: &str) -> Ran {
    let sources =
        format!("{}  api: {{http: {{base_url: \"http://127.0.0.1:1\"}}}}\n", connection("brokers: \"127.0.0.1:1\""));
    let model = format!("{{{{ config(materialized='kafka'{config}) }}}}\nselect 1 as id, 'x' as name\n");
    let project = TestProject::new().file("sources.yaml", &sources).file(PATH, &model);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(!is_table(&project, "bronze/feed"));
    ran
}

#[test]
fn a_connection_that_is_not_there() {
    let ran = compiled(", connection='brokr', topic='t'");
    assert_shown(&ran, PATH, &["`brokr`", "did you mean `broker`?"]);
}

#[test]
fn a_connection_to_something_else() {
    assert_shown(&compiled(", connection='api', topic='t'"), PATH, &["`api`", "Kafka"]);
}

#[test]
fn no_connection() {
    assert_shown(&compiled(", topic='t'"), PATH, &["connection", "connection='"]);
}

#[test]
fn no_topic() {
    assert_shown(&compiled(", connection='broker'"), PATH, &["topic", "topic='"]);
}

#[test]
fn values_that_mean_nothing() {
    for (setting, words) in [
        ("compression='brotli'", ["compression", "`zstd`"]),
        ("retention='soon'", ["retention", "`3h`"]),
        ("partitions=0", ["partitions", "from 1 on"]),
        ("replication='many'", ["replication", "from 1 on"]),
        ("properties=[1]", ["properties", "a mapping"]),
        ("headers=7", ["headers", "a list of strings"]),
        ("topic=7", ["topic", "a string"]),
    ] {
        let topic = if setting.starts_with("topic") { "" } else { ", topic='t'" };
        assert_shown(&compiled(&format!(", connection='broker'{topic}, {setting}")), PATH, &words);
    }
}

#[test]
fn a_setting_that_is_misspelt() {
    let ran = compiled(", connection='broker', topic='t', retenton='3h'");
    assert_shown(&ran, PATH, &["`retenton`", "did you mean `retention`?"]);
}

#[test]
fn columns_that_the_query_has_not() {
    let Some(topic) = Topic::new(1) else { return };
    for config in [", key='nope'", ", headers=['kind', 'nope']", ", key='id', value='nope'"] {
        let project = sending(&topic, config, "select 1 as id, 'x' as kind");
        let ran = project.run(&["run", "--quiet"]);
        assert_shown(&ran, PATH, &["`nope`"]);
        assert!(!is_table(&project, "bronze/feed"), "{config}");
    }
    assert!(topic.messages().is_empty());
}

#[test]
fn a_property_that_the_client_does_not_know() {
    let Some(topic) = Topic::new(1) else { return };
    let ran = sending(&topic, ", properties={'no.such': '1'}", "select 1 as id").run(&["run", "--quiet"]);
    assert!(ran.code == 1 && ran.stderr.contains("no.such") && ran.stderr.contains(PATH), "{ran}");
}

//! What a run sends: what its source has that was not sent before, and without a source everything.

use super::super::log::{actions, columns, positions};
use super::super::topic::Topic;
use super::{arrive, feed, model, sending, sent_ids};

#[test]
fn a_run_says_what_it_has_sent() {
    let Some(topic) = Topic::new(1) else { return };
    let ran = sending(&topic, "", "select value as id from generate_series(1, 1200)").ok(&["run"]);
    assert!(ran.stderr.contains("OK kafka model bronze.feed "), "{ran}");
    assert!(ran.stderr.contains("[sent 1,200 rows in [TIME]]"), "{ran}");
}

#[test]
fn what_was_sent_is_not_sent_again() {
    let Some(topic) = Topic::new(2) else { return };
    let project = feed(&topic, "");
    arrive(&project, "1.json", 0..10);
    arrive(&project, "2.json", 10..30);
    project.ok(&["run", "--select", "feed"]);
    assert_eq!(sent_ids(&topic), (0..30).collect::<Vec<_>>());
    let version = project.version("bronze/feed");

    project.ok(&["run", "--select", "feed"]);
    assert_eq!(topic.messages().len(), 30);
    assert_eq!(project.version("bronze/feed"), version);

    arrive(&project, "3.json", 30..31);
    let ran = project.ok(&["run", "--select", "feed"]);
    assert!(ran.stderr.contains("[sent 1 row in [TIME]]"), "{ran}");
    assert_eq!(sent_ids(&topic), (0..31).collect::<Vec<_>>());
    assert_eq!(project.version("bronze/feed"), version + 1);
}

#[test]
fn a_full_refresh_sends_nothing_again_and_a_reset_does() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, "");
    arrive(&project, "1.json", 0..5);
    project.ok(&["run", "--select", "feed"]);
    project.ok(&["run", "--select", "feed", "--full-refresh"]);
    assert_eq!(sent_ids(&topic), (0..5).collect::<Vec<_>>());

    project.ok(&["source", "reset", "raw.events", "--yes"]);
    arrive(&project, "2.json", 5..7);
    project.ok(&["run", "--select", "feed"]);
    assert_eq!(sent_ids(&topic), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6]);
    project.ok(&["run", "--select", "feed"]);
    assert_eq!(topic.messages().len(), 12);
}

#[test]
fn without_a_source_every_run_sends_everything() {
    let Some(topic) = Topic::new(1) else { return };
    let project = sending(&topic, "", "select * from {{ ref('numbers') }}").file(
        "models/bronze/numbers.sql",
        "{{ config(materialized='table') }}\nselect value as id from generate_series(1, 3)",
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(sent_ids(&topic), [1, 1, 2, 2, 3, 3]);
}

#[test]
fn a_topic_model_is_never_incremental() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, "");
    project.write(
        "models/bronze/feed.sql",
        model(
            &topic,
            "",
            "select id, {% if is_incremental() %}'more'{% else %}'all'{% endif %} as name, 'k' as event_key \
             from {{ source('raw', 'events') }}",
        ),
    );
    for (file, ids) in [("1.json", 0..3), ("2.json", 3..6)] {
        arrive(&project, file, ids);
        project.ok(&["run", "--select", "feed"]);
    }
    let messages = topic.messages();
    assert_eq!(messages.len(), 6);
    assert!(messages.iter().all(|sent| sent.json()["name"] == "all"), "{messages:?}");
}

#[test]
fn its_table_has_columns_and_positions_and_no_rows() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, "");
    arrive(&project, "1.json", 0..10);
    arrive(&project, "2.json", 10..20);
    project.ok(&["run", "--select", "feed"]);
    arrive(&project, "3.json", 20..30);
    project.ok(&["run", "--select", "feed"]);
    assert!(actions(&project, "bronze/feed", "add").is_empty());
    let declared = columns(&project, "bronze/feed");
    let declared: Vec<(&str, &str)> =
        declared.iter().map(|(name, kind)| (name.as_str(), kind.as_str().unwrap())).collect();
    assert_eq!(declared, [("event_key", "string"), ("id", "long"), ("name", "string")]);
    let positions = positions(&project, "bronze/feed");
    for file in ["1.json", "2.json", "3.json"] {
        assert!(positions.keys().any(|item| item.ends_with(&format!("/{file}"))), "{positions:?}");
    }
    let status = project.ok(&["source", "status"]).stdout;
    assert!(status.contains("bronze.feed"), "{status}");
}

//! What cannot be streamed: told before anything is read, or as soon as it shows.

use super::super::topic::{Topic, connection};
use super::super::{assert_once, assert_shown};
use super::EVENTS;
use super::child::Streaming;
use crate::project::TestProject;

#[test]
fn nothing_that_is_selected_is_a_stream() {
    let project = TestProject::new()
        .file("sources.yaml", &connection("brokers: \"127.0.0.1:1\""))
        .file("models/bronze/plain.sql", "{{ config(materialized='table') }}\nselect 1 as id");
    for arguments in [&["stream"][..], &["stream", "--select", "plain"]] {
        let ran = project.run(arguments);
        assert_eq!(ran.code, 2, "{ran}");
        assert!(ran.stderr.contains("error[") && ran.stderr.contains("stream"), "{ran}");
    }
    assert!(!project.path("warehouse/bronze/plain").exists());
}

#[test]
fn a_selection_that_names_nothing() {
    let project = TestProject::new().file("models/bronze/plain.sql", "select 1 as id");
    let ran = project.run(&["stream", "--select", "plane"]);
    assert!(ran.code == 2 && ran.stderr.contains("did you mean `plain`?"), "{ran}");
}

#[test]
fn words_that_do_not_fit() {
    let project = TestProject::new().file("models/bronze/plain.sql", "select 1 as id");
    for arguments in
        [&["stream", "--fail-fast"][..], &["stream", "--max-runtime", "soon"], &["stream", "--full-refresh"]]
    {
        let ran = project.run(arguments);
        assert!(ran.code == 2 && ran.stderr.contains(arguments[1]), "{ran}");
    }
}

#[test]
fn a_column_that_the_source_has_not_ends_the_stream() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = topic.project("").file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental') }}\nselect nope from {{ source('live', 'events') }}\n",
    );
    for arguments in [&EVENTS[..], &["--once", "--select", "events"]] {
        let ran = Streaming::start(&project, arguments).ended();
        assert_shown(&ran, "models/bronze/events.sql", &["no column named `nope`", "models/bronze/events.sql:2:8"]);
    }
    assert!(!project.path("warehouse/bronze/events/_delta_log").exists());
}

#[test]
fn sql_that_does_not_parse_ends_the_stream() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project("").file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental') }}\nselect id fro {{ source('live', 'events') }} where\n",
    );
    let ran = Streaming::start(&project, &EVENTS).ended();
    assert_shown(&ran, "models/bronze/events.sql", &["error[E04"]);
}

#[test]
fn a_row_that_the_query_fails_on_ends_the_stream_and_is_read_again_by_the_next() {
    let Some(topic) = Topic::new(1) else { return };
    let strict = "{{ config(materialized='incremental') }}\n\
                  select id, cast(name as bigint) as number, partition, \"offset\" from {{ source('live', 'events') }}\n";
    let project = topic.project("").file("models/bronze/events.sql", strict);
    topic.send(&[(0, None, Some("{\"id\": 0, \"name\": \"5\"}")), (0, None, Some("{\"id\": 1, \"name\": \"six\"}"))]);
    let ran = Streaming::start(&project, &EVENTS).ended();
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("'six'") && ran.stderr.contains("models/bronze/events.sql"), "{ran}");
    project.write("models/bronze/events.sql", strict.replace("cast(", "try_cast("));
    project.ok(&["stream", "--select", "events", "--once"]);
    assert_once(&project, 2);
}

#[test]
fn a_key_that_cannot_be_read_ends_run_and_stream_and_is_not_shown() {
    let Some(topic) = Topic::absent() else { return };
    let connection = connection(&format!(
        "brokers: \"{}\", security: {{protocol: SSL}}, properties: {{ssl.key.pem: \"{{{{ env_var('KEY') }}}}\"}}",
        topic.broker.said("KAFKA_SSL_BOOTSTRAP_SERVERS"),
    ));
    let project = topic.connected(&connection, "").env("KEY", "swordfish");
    for ran in [project.run(&["run", "--quiet"]), Streaming::start(&project, &EVENTS).ended()] {
        assert_shown(
            &ran,
            "sources.yaml",
            &["error[E0607]", "cannot be made: ssl.key.pem", "`security` and `properties`"],
        );
        assert!(ran.code == 1 && !ran.stderr.contains("swordfish"), "{ran}");
    }
}

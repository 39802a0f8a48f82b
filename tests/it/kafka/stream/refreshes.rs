//! What lies below a stream: built anew after its commits, and what happens when that fails.

use super::super::topic::Topic;
use super::super::{assert_once, count};
use super::child::Streaming;
use super::{EVENTS_AND_BELOW, assert_refreshed, number, with_totals};

#[test]
fn what_is_below_is_refreshed_after_commits() {
    let Some(topic) = Topic::new(2) else { return };
    let project = with_totals(topic.project(", batch: {rows: 50, every: 200ms}"));
    let mut stream = Streaming::start(&project, &EVENTS_AND_BELOW);
    let mut sent = 0;
    for burst in [1, 120, 10] {
        topic.numbers(sent..sent + burst, 2);
        sent += burst;
        let n = i64::from(sent);
        stream.until("a refresh", || {
            number(&project, "gold.report", "tens") == n * 10 && number(&project, "silver.by_rest", "sum(n)") == n
        });
        assert_refreshed(&project, sent);
    }
    stream.end("-TERM");
    assert_once(&project, sent);
    assert_refreshed(&project, sent);
}

#[test]
fn a_view_that_is_there_is_not_built_again() {
    let Some(topic) = Topic::new(1) else { return };
    let hook = |model: &str| format!("pre_hook=\"{{{{ log('{model} is built', info=true) }}}}\"");
    let project = topic
        .project("")
        .file(
            "models/silver/newest.sql",
            &format!("{{{{ config({}) }}}}\nselect max(id) as id from {{{{ ref('events') }}}}\n", hook("the view")),
        )
        .file(
            "models/gold/copy.sql",
            &format!(
                "{{{{ config(materialized='table', {}) }}}}\nselect id from {{{{ ref('newest') }}}}\n",
                hook("the table")
            ),
        );
    topic.numbers(0..5, 1);
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("the view is built") && ran.stderr.contains("the table is built"), "{ran}");
    let mut stream = Streaming::start(&project, &EVENTS_AND_BELOW);
    topic.numbers(5..20, 1);
    stream.until("a refresh", || number(&project, "gold.copy", "id") == 19);
    let ran = stream.end("-TERM");
    assert!(ran.stderr.contains("the table is built") && !ran.stderr.contains("the view is built"), "{ran}");
}

#[test]
fn a_refresh_that_fails_is_told_and_the_streams_go_on() {
    let Some(topic) = Topic::new(2) else { return };
    // `n0` is no number.
    let project = with_totals(topic.project("")).file(
        "models/silver/broken.sql",
        "{{ config(materialized='table') }}\nselect sum(cast(name as bigint)) as total from {{ ref('events') }}\n",
    );
    topic.numbers(0..10, 2);
    let mut stream = Streaming::start(&project, &EVENTS_AND_BELOW);
    stream.until_said(1, &["models/silver/broken.sql"]);
    topic.numbers(10..30, 2);
    stream.until("what others make of it", || number(&project, "silver.totals", "n") == 30);
    stream.signal("-TERM");
    let ran = stream.ended();
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("'n0'") || ran.stderr.contains("'n1'"), "{ran}");
    assert_once(&project, 30);
    assert_refreshed(&project, 30);
    assert_eq!(count(&project, "silver.broken"), 0);
}

#[test]
fn what_is_below_a_model_that_fails_keeps_what_it_had() {
    let Some(topic) = Topic::new(1) else { return };
    // Fails for an even number of rows.
    let project = topic
        .project("")
        .file(
            "models/silver/odd.sql",
            "{{ config(materialized='table') }}\n\
             select 1 / (count(*) % 2) as one, count(*) as n from {{ ref('events') }}\n",
        )
        .file("models/gold/copy.sql", "{{ config(materialized='table') }}\nselect n from {{ ref('odd') }}\n");
    topic.numbers(0..1, 1);
    project.ok(&["stream", "--select", "events+", "--once"]);
    topic.numbers(1..2, 1);
    let ran = project.run(&["stream", "--select", "events+", "--once"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("models/silver/odd.sql"), "{ran}");
    assert_once(&project, 2);
    assert_eq!(number(&project, "gold.copy", "n"), 1);
}

#[test]
fn only_the_last_refresh_counts_for_the_exit() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project("").file(
        "models/silver/odd.sql",
        "{{ config(materialized='table') }}\n\
         select 1 / (count(*) % 2) as one, count(*) as n from {{ ref('events') }}\n",
    );
    topic.numbers(0..2, 1);
    let mut stream = Streaming::start(&project, &EVENTS_AND_BELOW);
    stream.until_said(1, &["models/silver/odd.sql"]);
    topic.numbers(2..3, 1);
    stream.until("a refresh", || number(&project, "silver.odd", "n") == 3);
    let ran = stream.end("-TERM");
    assert!(ran.stderr.contains("models/silver/odd.sql"), "{ran}");
}

#[test]
fn a_wrong_model_below_stops_no_stream() {
    let Some(topic) = Topic::new(1) else { return };
    let project = with_totals(topic.project(""))
        .file("models/silver/wrong.sql", "{{ config(materialized='table') }}\nselect nope from {{ ref('events') }}\n");
    topic.numbers(0..10, 1);
    let ran = project.run(&["stream", "--select", "events+", "--once"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(
        ran.stderr.contains("no column named `nope`") && ran.stderr.contains("--> models/silver/wrong.sql:2:8"),
        "{ran}"
    );
    assert_once(&project, 10);
    assert_refreshed(&project, 10);
}

//! `--once`: what is there is read, what lies below is refreshed, and that is all.

use super::super::topic::Topic;
use super::super::{assert_once, count, ids};
use super::{assert_refreshed, with_totals};
use crate::project::TestProject;

fn once(project: &TestProject, select: &str) {
    project.ok(&["stream", "--select", select, "--once"]);
}

#[test]
fn once_reads_what_is_there_and_refreshes_what_is_below() {
    let Some(topic) = Topic::new(3) else { return };
    topic.numbers(0..1000, 3);
    let project = with_totals(topic.project(", batch: {rows: 100}"));
    once(&project, "events+");
    assert_once(&project, 1000);
    assert_refreshed(&project, 1000);

    let versions = ["bronze/events", "silver/totals"].map(|relation| project.version(relation));
    once(&project, "events+");
    assert_once(&project, 1000);
    assert_refreshed(&project, 1000);
    assert_eq!(project.version("bronze/events"), versions[0]);

    topic.numbers(1000..1001, 3);
    once(&project, "events+");
    assert_once(&project, 1001);
    assert_refreshed(&project, 1001);
    assert!(project.version("silver/totals") > versions[1]);
}

#[test]
fn an_empty_topic_is_read_to_its_end_too() {
    let Some(topic) = Topic::new(2) else { return };
    let project = with_totals(topic.project(""));
    once(&project, "events");
    topic.numbers(0..5, 2);
    once(&project, "events+");
    assert_once(&project, 5);
    assert_refreshed(&project, 5);
}

#[test]
fn models_that_no_stream_feeds_are_run_once_at_the_start() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..30, 1);
    let project = topic
        .project(", batch: {rows: 10}")
        .file("models/bronze/plain.sql", "{{ config(materialized='table') }}\nselect 100 as more")
        .file("models/bronze/unselected.sql", "{{ config(materialized='table') }}\nselect 1 as id")
        .file(
            "models/silver/both.sql",
            "{{ config(materialized='table') }}\n\
             select count(*) + max(more) as n from {{ ref('events') }}, {{ ref('plain') }}\n",
        );
    once(&project, "+both");
    assert_eq!(project.version("bronze/plain"), 0);
    assert_eq!(project.value("select n from {{ ref('both') }}"), 130);
    assert!(!project.path("warehouse/bronze/unselected/_delta_log").exists());
}

#[test]
fn what_is_excluded_is_not_refreshed() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..10, 1);
    let project = with_totals(topic.project(""));
    project.ok(&["stream", "--select", "events+", "--exclude", "by_rest report", "--once"]);
    assert_eq!(project.value("select n from {{ ref('totals') }}"), 10);
    for model in ["silver/by_rest", "gold/report"] {
        assert!(!project.path(&format!("warehouse/{model}/_delta_log")).exists(), "{model}");
    }
}

#[test]
fn runs_and_streams_go_on_where_the_other_has_stopped() {
    let Some(topic) = Topic::new(2) else { return };
    let project = topic.project(", batch: {rows: 7}");
    for (round, arguments) in
        [&["run"][..], &["stream", "--once", "--select", "events"]].iter().cycle().take(6).enumerate()
    {
        let first = i32::try_from(round).unwrap() * 20;
        topic.numbers(first..first + 20, 2);
        project.ok(arguments);
        assert_once(&project, first + 20);
    }
}

#[test]
fn several_streams_are_read_side_by_side() {
    let Some(topic) = Topic::new(2) else { return };
    topic.numbers(0..200, 2);
    let other =
        "{{ config(materialized='incremental') }}\nselect id from {{ source('live', 'events') }} where id % 2 = 0\n";
    let project = topic.project(", batch: {rows: 30}").file("models/bronze/even.sql", other);
    once(&project, "events even");
    assert_once(&project, 200);
    assert_eq!(count(&project, "bronze.even"), 100);
    assert_eq!(ids(&project), (0..200).collect::<Vec<_>>());
}

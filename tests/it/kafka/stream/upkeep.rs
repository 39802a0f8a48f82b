//! A table that grows by small commits is kept in hand: few files, and only rows that are to be kept.

use std::time::SystemTime;

use super::super::log::{actions, live_files};
use super::super::topic::Topic;
use super::super::{assert_once, count};
use super::child::Streaming;
use super::{EVENTS, EVENTS_AND_BELOW, assert_refreshed, number, with_totals};
use crate::project::TestProject;

/// How much older than now the messages are that are not to be kept.
const THREE_DAYS: i64 = 3 * 24 * 3600 * 1000;

fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[test]
fn many_small_commits_do_not_leave_many_files() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..150, 1);
    let project = topic.project(", batch: {rows: 1, every: 100ms}");
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("all", || count(&project, "bronze.events") >= 150);
    stream.end("-TERM");
    assert!(project.version("bronze/events") > 100, "only {} versions", project.version("bronze/events"));
    let files = live_files(&project, "bronze/events");
    assert!(files.len() < 40, "{} files", files.len());
    assert!(files.iter().all(|file| project.path(&format!("warehouse/bronze/events/{file}")).is_file()), "{files:?}");
    assert_once(&project, 150);
    // What only moved rows says so.
    let removed = actions(&project, "bronze/events", "remove");
    assert!(removed.len() > 100 && removed.iter().all(|remove| remove["dataChange"] == false), "{removed:?}");

    // The position has survived it.
    topic.numbers(150..200, 1);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("the rest", || count(&project, "bronze.events") >= 200);
    stream.end("-TERM");
    assert_once(&project, 200);
    let files = live_files(&project, "bronze/events");
    assert!(files.len() < 40, "{} files", files.len());
    project.ok(&["run"]);
    assert_once(&project, 200);
}

#[test]
fn compaction_and_a_merge_below_agree() {
    let Some(topic) = Topic::new(2) else { return };
    let project = with_totals(topic.project(", batch: {rows: 2, every: 100ms}"));
    topic.numbers(0..120, 2);
    let mut stream = Streaming::start(&project, &EVENTS_AND_BELOW);
    stream.until("all", || number(&project, "silver.totals", "n") == 120);
    stream.end("-TERM");
    project.ok(&["stream", "--select", "events+", "--once"]);
    assert_once(&project, 120);
    assert_refreshed(&project, 120);
}

/// The ids of `bronze.events` that are younger than those first sent.
fn is_without_old_rows(project: &TestProject, old: i64) -> bool {
    count(project, "bronze.events") > 0
        && project.value(&format!("select count(*) from bronze.events where id < {old}")) == 0
}

#[test]
fn files_of_old_rows_go() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project(", batch: {rows: 10, every: 100ms}").file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', keep_for='24h', keep_by='sent_at') }}\n\
         select * from {{ source('live', 'events') }}\n",
    );
    topic.numbers_at(Some(now_millis() - THREE_DAYS), 0..30, 1);
    project.ok(&["run"]);
    assert_eq!(count(&project, "bronze.events"), 30);

    let mut next = 30;
    let mut stream = Streaming::start(&project, &EVENTS);
    // Upkeep comes with commits.
    stream.until("the end of the old rows", || {
        topic.numbers(next..next + 1, 1);
        next += 1;
        is_without_old_rows(&project, 30)
    });
    stream.until("the last row", || project.value("select max(id) from bronze.events") == next - 1);
    stream.end("-TERM");
    let young = format!("select count(*) = {} and count(distinct id) = count(*) from bronze.events", next - 30);
    assert_eq!(project.value(&young), true);
    // These are no rows that only moved.
    let removed = actions(&project, "bronze/events", "remove");
    assert!(removed.iter().any(|remove| remove["dataChange"] == true), "{removed:?}");
    // What has gone is not read again.
    project.ok(&["run"]);
    assert_eq!(project.value(&young), true);
}

#[test]
fn a_run_lets_old_rows_be() {
    let Some(topic) = Topic::new(1) else { return };
    let project = topic.project("").file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', keep_for='24h', keep_by='sent_at') }}\n\
         select * from {{ source('live', 'events') }}\n",
    );
    topic.numbers_at(Some(now_millis() - THREE_DAYS), 0..30, 1);
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_once(&project, 30);
}

#[test]
fn files_that_no_version_needs_are_deleted_when_their_time_is_over() {
    let Some(topic) = Topic::new(1) else { return };
    // Checkpoints leave out what went long ago: the log alone does not know of it any more.
    let project = topic.project(", batch: {rows: 1, every: 100ms}").file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', table_properties={'delta.deletedFileRetentionDuration': \
         'interval 1 seconds', 'delta.checkpointInterval': '5'}) }}\nselect * from {{ source('live', 'events') }}\n",
    );
    topic.numbers(0..40, 1);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("all", || count(&project, "bronze.events") >= 40);
    stream.end("-TERM");
    let folder = project.path("warehouse/bronze/events");
    let is_data = |name: &str| name.ends_with(".parquet");
    let on_disk = || {
        let entries = std::fs::read_dir(&folder).unwrap().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| is_data(name)).collect::<Vec<_>>()
    };
    let live = live_files(&project, "bronze/events");
    let dead: Vec<String> = on_disk().into_iter().filter(|name| !live.contains(name)).collect();
    assert!(dead.len() >= 16, "{dead:?}");

    let mut next = 40;
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("the end of the dead files", || {
        topic.numbers(next..next + 1, 1);
        next += 1;
        let there = on_disk();
        dead.iter().all(|name| !there.contains(name))
    });
    stream.until("the last row", || count(&project, "bronze.events") >= i64::from(next));
    stream.end("-TERM");
    assert_once(&project, next);
    let there = on_disk();
    assert!(live_files(&project, "bronze/events").iter().all(|file| there.contains(file)));
}

//! A table that grows by small commits is kept in hand: few files, and only rows that are to be kept.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::super::log::{actions, live_files};
use super::super::topic::Topic;
use super::super::{DEADLINE, assert_once, count};
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
fn rows_that_were_put_together_are_there_whatever_fails_behind_the_commit() {
    let Some(topic) = Topic::new(1) else { return };
    topic.numbers(0..1, 1);
    let project = topic.project(", batch: {rows: 1, every: 100ms}");
    project.ok(&["run"]);
    // Each commit is followed by the removal of a view's file, which a folder in its place makes fail.
    project.write("warehouse/bronze/events/_engine_view.json/in the way", "");
    topic.numbers(1..40, 1);
    let mut stream = Streaming::start(&project, &EVENTS);
    stream.until("all", || count(&project, "bronze.events") >= 40);
    let ran = stream.end("-TERM");
    assert!(!ran.stderr.contains("warning") && !ran.stderr.contains("error"), "{ran}");
    assert!(actions(&project, "bronze/events", "remove").len() >= 16, "{ran}");
    assert_once(&project, 40);
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

/// The files of rows, of this version and of others, as the log names them.
fn on_disk(project: &TestProject) -> BTreeSet<String> {
    let root = project.path("warehouse/bronze/events");
    let (mut files, mut folders) = (BTreeSet::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
            match path.is_dir() {
                true if name != "_delta_log" => folders.push(path),
                false if name.ends_with(".parquet") => drop(files.insert(name.to_owned())),
                true | false => {}
            }
        }
    }
    files
}

/// A file that no version names, beside one of the table.
fn stray(project: &TestProject, beside: &str, name: &str) -> String {
    let (from, stray) = (Path::new(beside), Path::new(beside).with_file_name(name));
    let folder = project.path("warehouse/bronze/events");
    fs::copy(folder.join(from), folder.join(&stray)).unwrap();
    stray.to_str().unwrap().to_owned()
}

/// As if it had been written so many hours ago.
fn age(project: &TestProject, file: &str, hours: u64) {
    let file = File::options().write(true).open(project.path("warehouse/bronze/events").join(file)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(hours)).unwrap();
}

/// Streams through one upkeep after another until these files are gone; every row is there then.
fn stream_until_gone(topic: &Topic, project: &TestProject, dead: &BTreeSet<String>, mut messages: i32) {
    let deadline = Instant::now() + DEADLINE;
    while !on_disk(project).is_disjoint(dead) {
        assert!(Instant::now() < deadline, "{:?} are still there", on_disk(project).intersection(dead));
        // One more than the commits between two upkeeps.
        topic.numbers(messages..messages + 17, 1);
        messages += 17;
        project.ok(&["stream", "--select", "events", "--once"]);
    }
    assert_once(project, messages);
    assert!(live_files(project, "bronze/events").is_subset(&on_disk(project)));
}

/// A stray file of a process that was killed three days ago, and one of a process that began an hour ago and may be about
/// to commit it.
fn strays(project: &TestProject, beside: &str) -> [String; 2] {
    [("part-00000-killed.snappy.parquet", 72), ("part-00000-at-work.snappy.parquet", 1)].map(|(name, hours)| {
        let stray = stray(project, beside, name);
        age(project, &stray, hours);
        stray
    })
}

/// Files are kept for a second after they have left the table.
fn kept_for_a_second(topic: &Topic, properties: &str, config: &str, column: &str) -> TestProject {
    let model = format!(
        "{{{{ config(materialized='incremental', table_properties={{'delta.deletedFileRetentionDuration': \
         'interval 1 seconds'{properties}}}{config}) }}}}\nselect *{column} from {{{{ source('live', 'events') }}}}\n"
    );
    topic.project(", batch: {rows: 1, every: 100ms}").file("models/bronze/events.sql", &model)
}

#[test]
fn files_that_no_version_needs_are_deleted_when_their_time_is_over() {
    let Some(topic) = Topic::new(1) else { return };
    // Checkpoints leave out what went long ago: the log alone does not know of it any more.
    let project = kept_for_a_second(&topic, ", 'delta.checkpointInterval': '5'", "", "");
    topic.numbers(0..40, 1);
    project.ok(&["stream", "--select", "events", "--once"]);
    let live = live_files(&project, "bronze/events");
    let mut dead: BTreeSet<String> = on_disk(&project).difference(&live).cloned().collect();
    assert!(dead.len() >= 16, "{dead:?}");
    for file in &dead {
        age(&project, file, 72);
    }
    let [killed, at_work] = strays(&project, live.first().unwrap());
    dead.insert(killed);
    stream_until_gone(&topic, &project, &dead, 40);
    assert!(on_disk(&project).contains(&at_work));
}

#[test]
fn files_of_a_partition_whose_column_begins_with_an_underscore_are_deleted_like_others() {
    let Some(topic) = Topic::new(1) else { return };
    let project = kept_for_a_second(&topic, "", ", partition_by='_part'", ", partition as _part");
    topic.numbers(0..40, 1);
    project.ok(&["stream", "--select", "events", "--once"]);
    let live = live_files(&project, "bronze/events");
    assert!(live.iter().all(|file| file.starts_with("_part=0/")), "{live:?}");
    // The log says when these have left the table, so that they may be young.
    let mut dead: BTreeSet<String> = on_disk(&project).difference(&live).cloned().collect();
    assert!(dead.len() >= 16, "{dead:?}");
    let [killed, at_work] = strays(&project, live.first().unwrap());
    dead.insert(killed);
    stream_until_gone(&topic, &project, &dead, 40);
    assert!(on_disk(&project).contains(&at_work));
}

//! Topics of Apache Kafka itself: as sources, as what models send their rows to, and streamed.

mod broker;
mod log;
mod shipped;
mod sources;
mod stream;
mod topic;
mod topics;

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::project::{Ran, TestProject};

/// What has not come by then will not come. It bounds failures, and measures nothing.
const DEADLINE: Duration = Duration::from_mins(3);
/// Between two looks at what is waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// Another number every time, the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn new() -> Self {
        Self(u64::from(std::process::id()))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn count_files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { count_files(&entry.path()) } else { 1 }).sum()
}

/// The ids in `bronze.events`, each as often as it is there.
fn ids(project: &TestProject) -> Vec<i64> {
    let rows = project.rows("select id from {{ ref('events') }} order by id");
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// The rows of a relation; 0 as long as it has not been built.
fn count(project: &TestProject, relation: &str) -> i64 {
    match log::is_table(project, &relation.replace('.', "/")) {
        true => project.value(&format!("select count(*) from {relation}")).as_i64().unwrap(),
        false => 0,
    }
}

/// So many messages are in `bronze.events`, each once: by its place, and by its id, which count from 0.
fn assert_once(project: &TestProject, messages: i32) {
    let n = i64::from(messages);
    let found = project.rows(
        "select count(*) as n, count(distinct partition * 1000000000 + \"offset\") as places, \
         count(distinct id) as ids, sum(id) as total from bronze.events",
    );
    assert_eq!(found, [json!({"n": n, "places": n, "ids": n, "total": n * (n - 1) / 2})]);
}

/// A mistake that is shown where it stands: in this file, with carets below it.
fn assert_shown(ran: &Ran, path: &str, words: &[&str]) {
    assert!(matches!(ran.code, 1 | 2), "{ran}");
    assert!(ran.stderr.contains(&format!("--> {path}:")) && ran.stderr.contains('^'), "{ran}");
    for word in words {
        assert!(ran.stderr.contains(word), "no word of `{word}`\n{ran}");
    }
}

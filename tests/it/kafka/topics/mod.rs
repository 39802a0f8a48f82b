//! Models whose rows go to a topic, and models that read such a topic by `ref()`.

mod creation;
mod failures;
mod kill;
mod messages;
mod mistakes;
mod readers;
mod round_trip;
mod runs;

use std::ops::Range;

use super::topic::Topic;
use crate::project::TestProject;

/// Files of `{"id": 1, "name": "n1"}`, one to a commit.
pub const FILES: &str = "sources:\n  - name: raw\n    tables:\n      - name: events\n        \
     files: {path: 'in/*.json', per_commit: 1}\n        format: ndjson\n        \
     columns: [{name: id, type: bigint}, {name: name, type: string}]\n";

/// What `bronze.events` takes out of the topic of `bronze.feed`.
pub const READER: &str = "{{ config(materialized='incremental') }}\n\
     select event_key, id, name, _topic as topic, _partition as partition, _offset as \"offset\", _key as key, \
     _headers as headers, _timestamp as sent_at, _source, _ingested_at from {{ ref('feed') }}\n";

/// `bronze.feed` sends the rows of a query to the topic; `config` has further settings: `, key='id'`.
fn sending(topic: &Topic, config: &str, query: &str) -> TestProject {
    TestProject::new()
        .file("sources.yaml", &topic.connection())
        .file("models/bronze/feed.sql", &model(topic, config, query))
}

fn model(topic: &Topic, config: &str, query: &str) -> String {
    format!("{{{{ config(materialized='kafka', connection='broker', topic='{}'{config}) }}}}\n{query}\n", topic.name)
}

/// Files in `in/` go to the topic by `bronze.feed`, each row with a key, and from there into `bronze.events`.
pub fn feed(topic: &Topic, config: &str) -> TestProject {
    let query = "select 'k' || cast(id as varchar) as event_key, id, name from {{ source('raw', 'events') }}";
    sending(topic, &format!(", key='event_key'{config}"), query)
        .file("sources.yaml", &format!("{}{FILES}", topic.connection()))
        .file("models/bronze/events.sql", READER)
}

/// A file of rows, whole at once.
pub fn arrive(project: &TestProject, file: &str, ids: Range<i32>) {
    let rows: String = ids.map(|id| format!("{{\"id\": {id}, \"name\": \"n{id}\"}}\n")).collect();
    project.write(&format!("arriving/{file}"), rows);
    std::fs::create_dir_all(project.path("in")).unwrap();
    std::fs::rename(project.path(&format!("arriving/{file}")), project.path(&format!("in/{file}"))).unwrap();
}

/// The ids in the topic, each as often as it is there.
fn sent_ids(topic: &Topic) -> Vec<i64> {
    let mut ids: Vec<i64> = topic.messages().iter().map(|sent| sent.json()["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

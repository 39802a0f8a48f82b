//! Models that read the topic of another model by `ref()`.

use serde_json::{Value, json};

use super::super::log::columns;
use super::super::topic::Topic;
use super::super::{assert_once, count, ids};
use super::{READER, arrive, feed, model, sending};

#[test]
fn every_message_is_read_once_over_several_runs() {
    let Some(topic) = Topic::new(3) else { return };
    let project = feed(&topic, "");
    let mut sent = 0;
    for (run, rows) in [700, 1, 0, 299, 1000].into_iter().enumerate() {
        if rows > 0 {
            arrive(&project, &format!("{run}.json"), sent..sent + rows);
        }
        sent += rows;
        project.ok(&["run"]);
        assert_once(&project, sent);
    }
    let version = project.version("bronze/events");
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), version);
}

#[test]
fn the_reader_knows_where_a_row_came_from() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, ", headers=['name']");
    project.write("models/bronze/events.sql", READER.replace(" name,", ""));
    arrive(&project, "1.json", 0..2);
    project.ok(&["run"]);
    let rows = project.rows(
        "select id, event_key, topic, partition, \"offset\", key, headers, _source, \
         sent_at > timestamp '2020-01-01' and _ingested_at > timestamp '2020-01-01' as recent \
         from {{ ref('events') }} order by id",
    );
    let expected = [0, 1].map(|id| {
        json!({
            "id": id, "event_key": format!("k{id}"), "topic": topic.name, "partition": 0, "offset": id,
            "key": format!("k{id}"), "headers": format!("{{\"name\":\"n{id}\"}}"),
            "_source": format!("{}/0/{id}", topic.name), "recent": true,
        })
    });
    assert_eq!(rows, expected);
    let types = columns(&project, "bronze/events");
    for (column, expected) in [
        ("topic", "string"),
        ("partition", "integer"),
        ("offset", "long"),
        ("key", "string"),
        ("headers", "string"),
        ("sent_at", "timestamp"),
        ("_source", "string"),
        ("_ingested_at", "timestamp"),
    ] {
        assert_eq!(types[column], expected, "{column}");
    }
}

#[test]
fn a_message_without_headers_and_key_has_nulls_there() {
    let Some(topic) = Topic::new(1) else { return };
    let project = sending(&topic, "", "select 1 as id").file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental') }}\nselect id, _key, _headers from {{ ref('feed') }}\n",
    );
    project.ok(&["run"]);
    assert_eq!(project.rows("select * from {{ ref('events') }}"), [json!({"id": 1, "_key": null, "_headers": null})]);
}

#[test]
fn of_a_raw_value_there_is_its_column_as_text() {
    let Some(topic) = Topic::new(1) else { return };
    let project = sending(
        &topic,
        ", key='k', value='body'",
        "select * from (values ('a', '{\"x\": 1}', 1), ('b', null, 2), ('c', 'plain', 3)) as t(k, body, number)",
    );
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental') }}\nselect body, _key as key from {{ ref('feed') }}\n",
    );
    project.ok(&["run"]);
    assert_eq!(
        project.rows("select * from {{ ref('events') }} order by key"),
        [
            json!({"body": "{\"x\": 1}", "key": "a"}),
            json!({"body": null, "key": "b"}),
            json!({"body": "plain", "key": "c"}),
        ]
    );
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental') }}\nselect number from {{ ref('feed') }}\n",
    );
    let ran = project.run(&["run", "--quiet", "--select", "events"]);
    assert!(ran.code == 1 && ran.stderr.contains("no column named `number`"), "{ran}");
}

#[test]
fn what_others_write_into_the_topic_is_read_or_put_aside() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, "");
    arrive(&project, "1.json", 0..2);
    project.ok(&["run"]);
    topic.send(&[(0, Some("x"), Some("poison")), (0, Some("y"), Some("{\"id\": 2, \"unknown\": true}"))]);
    topic.send(&[(0, Some("z"), None)]);
    arrive(&project, "2.json", 3..4);
    project.ok(&["run"]);
    assert_eq!(
        project.rows("select id, name, key, \"offset\" from {{ ref('events') }} order by \"offset\""),
        [
            json!({"id": 0, "name": "n0", "key": "k0", "offset": 0}),
            json!({"id": 1, "name": "n1", "key": "k1", "offset": 1}),
            json!({"id": 2, "name": null, "key": "y", "offset": 3}),
            json!({"id": null, "name": null, "key": "z", "offset": 4}),
            json!({"id": 3, "name": "n3", "key": "k3", "offset": 5}),
        ]
    );
    let rejected = project.rows("select raw, _line from bronze.events__rejected");
    assert_eq!(rejected, [json!({"raw": "poison", "_line": 2})]);
}

#[test]
fn each_reader_has_its_own_position() {
    let Some(topic) = Topic::new(2) else { return };
    let project = feed(&topic, "");
    arrive(&project, "1.json", 0..40);
    project.ok(&["run"]);
    project.write("models/bronze/late.sql", READER);
    arrive(&project, "2.json", 40..50);
    project.ok(&["run"]);
    assert_once(&project, 50);
    assert_eq!(count(&project, "bronze.late"), 50);
    project.ok(&["run", "--select", "late", "--full-refresh"]);
    assert_eq!(count(&project, "bronze.late"), 50);
    assert_eq!(ids(&project), (0..50).collect::<Vec<_>>());
}

#[test]
fn a_reader_is_built_after_what_it_reads_and_takes_its_new_columns() {
    let Some(topic) = Topic::new(1) else { return };
    let project = feed(&topic, "");
    arrive(&project, "1.json", 0..1);
    project.ok(&["run"]);
    let query = "select 'k' || cast(id as varchar) as event_key, id, name, id * 2 as double_id \
                 from {{ source('raw', 'events') }}";
    project.write("models/bronze/feed.sql", model(&topic, ", key='event_key'", query));
    let reader = READER.replace("'incremental')", "'incremental', on_schema_change='append_new_columns')");
    project.write("models/bronze/events.sql", reader.replace(" name,", " name, double_id,"));
    arrive(&project, "2.json", 1..2);
    project.ok(&["run"]);
    assert_eq!(
        project.rows("select id, double_id from {{ ref('events') }} order by id"),
        [json!({"id": 0, "double_id": Value::Null}), json!({"id": 1, "double_id": 2})]
    );
}

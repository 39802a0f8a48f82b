//! What a row becomes: a value, a key, headers.

use serde_json::json;

use super::super::topic::{Sent, Topic};
use super::sending;

fn by_key(topic: &Topic) -> Vec<Sent> {
    let mut messages = topic.messages();
    messages.sort_by(|left, right| left.key.cmp(&right.key));
    messages
}

fn header(name: &str, value: Option<&str>) -> (String, Option<String>) {
    (name.to_owned(), value.map(str::to_owned))
}

#[test]
fn a_row_is_a_json_object_with_a_key_and_headers() {
    let Some(topic) = Topic::new(3) else { return };
    let project = sending(
        &topic,
        ", key='event_key', headers=['kind', 'attempt']",
        "select * from (values ('a', 1, 'eins', 'push', 1), ('b', 2, null, null, 2), (null, 3, 'drei', 'fork', 3)) \
         as t(event_key, id, name, kind, attempt)",
    );
    project.ok(&["run"]);
    let messages = by_key(&topic);
    let keys: Vec<Option<&str>> = messages.iter().map(|sent| sent.key.as_deref()).collect();
    assert_eq!(keys, [None, Some("a"), Some("b")]);
    assert_eq!(
        messages.iter().map(Sent::json).collect::<Vec<_>>(),
        [
            json!({"event_key": null, "id": 3, "name": "drei"}),
            json!({"event_key": "a", "id": 1, "name": "eins"}),
            json!({"event_key": "b", "id": 2, "name": null}),
        ]
    );
    assert_eq!(messages[0].headers, [header("kind", Some("fork")), header("attempt", Some("3"))]);
    assert_eq!(messages[1].headers, [header("kind", Some("push")), header("attempt", Some("1"))]);
    assert_eq!(messages[2].headers, [header("kind", None), header("attempt", Some("2"))]);
}

#[test]
fn a_key_is_the_text_of_its_column_and_no_key_is_needed() {
    let Some(topic) = Topic::new(1) else { return };
    sending(&topic, ", key='id'", "select 12 as id, true as flag").ok(&["run"]);
    sending(&topic, "", "select 13 as id").ok(&["run"]);
    let messages = topic.messages();
    let told: Vec<_> = messages.iter().map(|sent| (sent.key.as_deref(), sent.json())).collect();
    assert_eq!(told, [(Some("12"), json!({"id": 12, "flag": true})), (None, json!({"id": 13}))]);
    assert!(messages.iter().all(|sent| sent.headers.is_empty()), "{messages:?}");
}

#[test]
fn a_value_is_taken_as_it_is_and_null_is_a_tombstone() {
    let Some(topic) = Topic::new(2) else { return };
    let project = sending(
        &topic,
        ", key='k', value='body', headers='kind'",
        "select * from (values ('a', '{\"raw\":  [1, 2 ]}', 'x'), ('b', null, 'x'), ('c', '', 'x'), \
         ('d', 'no \u{1F980} JSON', 'x')) as t(k, body, kind)",
    );
    project.ok(&["run"]);
    let messages = by_key(&topic);
    let values: Vec<_> = messages.iter().map(|sent| (sent.key.as_deref().unwrap(), sent.value.as_deref())).collect();
    assert_eq!(
        values,
        [("a", Some("{\"raw\":  [1, 2 ]}")), ("b", None), ("c", Some("")), ("d", Some("no \u{1F980} JSON"))]
    );
    assert!(messages.iter().all(|sent| sent.headers == [header("kind", Some("x"))]), "{messages:?}");
}

#[test]
fn messages_of_one_key_are_in_one_partition_in_the_order_of_their_rows() {
    let Some(topic) = Topic::new(3) else { return };
    let query =
        "select 'k' || cast(value % 20 as varchar) as k, value as id from generate_series(1, 4000) order by value";
    sending(&topic, ", key='k'", query).ok(&["run"]);
    let messages = topic.messages();
    assert_eq!(messages.len(), 4000);
    for key in 0..20 {
        let key = format!("k{key}");
        let of_key: Vec<&Sent> = messages.iter().filter(|sent| sent.key.as_ref() == Some(&key)).collect();
        assert!(of_key.iter().all(|sent| sent.partition == of_key[0].partition), "{key}");
        let ids: Vec<i64> = of_key.iter().map(|sent| sent.json()["id"].as_i64().unwrap()).collect();
        assert!(ids.len() == 200 && ids.is_sorted(), "{key}: {ids:?}");
    }
}

#[test]
fn every_compression_is_understood() {
    let Some(topic) = Topic::new(1) else { return };
    let project = sending(&topic, ", compression=var('codec')", "select value as id from generate_series(1, 500)");
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        project.ok(&["run", "--vars", &format!("{{codec: {codec}}}")]);
    }
    let mut ids: Vec<i64> = topic.messages().iter().map(|sent| sent.json()["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=500).flat_map(|id| [id; 5]).collect::<Vec<_>>());
}

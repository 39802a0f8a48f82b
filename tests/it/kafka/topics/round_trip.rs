//! What goes through a topic comes out of it: the same values, of the same types.

use serde_json::{Value, json};

use super::super::log::{columns, is_table};
use super::super::topic::Topic;
use super::model;
use crate::project::TestProject;

/// A column of each kind that JSON has to carry.
const COLUMNS: &[(&str, &str)] = &[
    ("id", "bigint"),
    ("flag", "boolean"),
    ("small", "int"),
    ("big", "bigint"),
    ("ratio", "double"),
    ("amount", "decimal(10, 2)"),
    ("wide", "decimal(38, 12)"),
    ("at", "timestamp"),
    ("day", "date"),
    ("words", "string"),
    ("numbers", "list<bigint>"),
    ("names", "list<string>"),
    ("pair", "struct<x: bigint, y: string>"),
    ("nested", "list<struct<x: decimal(10, 2), y: list<string>, z: struct<at: timestamp>>>"),
];

/// All columns but the id are NULL where they are not given.
fn rows() -> Vec<Value> {
    let words = [
        "plain",
        "",
        " blanks around ",
        "grüße, 日本, \u{1F980}, e\u{301}, \u{202E}right to left",
        "\"quoted\" and \\ back and / slash",
        "line\nline\r\ttab\u{8}\u{c}\u{1}\u{1f}\u{7f}\u{2028}\u{feff}",
        "null",
        "{\"id\": 1}",
        "\\u0041\\n",
    ];
    let mut rows = vec![
        json!({
            "flag": true, "small": i32::MAX, "big": i64::MAX, "ratio": 0.1, "amount": "99999999.99",
            "wide": "12345678901234567890123456.789012345678", "at": "2026-01-02T03:04:05.123456Z", "day": "2026-01-02",
            "words": "first", "numbers": [1, 2, 3], "names": ["a", "b"], "pair": {"x": 1, "y": "eins"},
            "nested": [
                {"x": "1.25", "y": ["p", "q"], "z": {"at": "2026-01-02T03:04:05Z"}},
                {"x": "0.01", "y": [], "z": null},
            ],
        }),
        json!({
            "flag": false, "small": i32::MIN, "big": i64::MIN, "ratio": -1.797_693_134_862_315_7e308, "amount": "-0.01",
            "wide": "-99999999999999999999999999.999999999999", "at": "1969-12-31T23:59:59.999999Z", "day": "1969-12-31",
            "numbers": [], "names": ["", "with \"quotes\"", "\u{1F980}"], "pair": {"x": null, "y": null},
            "nested": [],
        }),
        json!({
            "big": 9_007_199_254_740_993_i64, "ratio": 5e-324, "amount": "0", "wide": "0.000000000001",
            "at": "9999-01-01T00:00:00.000001Z", "day": "9999-12-31", "numbers": [null, i64::MIN], "names": [null, "x"],
            "pair": {"x": i64::MAX, "y": "{\"x\": 1}"}, "nested": [{"x": null, "y": [null], "z": {"at": null}}],
        }),
        json!({"ratio": 1e21, "big": 0, "small": 0, "at": "1900-02-28T12:00:00Z", "day": "1900-01-01"}),
        json!({"ratio": 123_456_789.123_456_79, "big": -1, "at": "2026-07-01T00:00:00.1Z"}),
        json!({}),
    ];
    rows.extend(words.iter().map(|words| json!({"words": words})));
    for (id, row) in rows.iter_mut().enumerate() {
        row["id"] = json!(id);
    }
    rows
}

/// `bronze.direct` has the rows without a detour, `bronze.events` those that went through the topic.
fn project(topic: &Topic, config: &str) -> TestProject {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let columns: Vec<String> =
        COLUMNS.iter().map(|(name, kind)| format!("{{name: {name}, type: \"{kind}\"}}")).collect();
    let sources = format!(
        "{}sources:\n  - name: raw\n    tables:\n      - name: events\n        files: {{path: 'in/*.json'}}\n        \
         format: ndjson\n        columns: [{}]\n",
        topic.connection(),
        columns.join(", ")
    );
    let names = names.join(", ");
    let select = format!("select {names} from {{{{ source('raw', 'events') }}}}");
    let appends = "{{ config(materialized='incremental') }}";
    let lines: String = rows().iter().map(|row| format!("{row}\n")).collect();
    TestProject::new()
        .file("sources.yaml", &sources)
        .file("in/1.json", &lines)
        .file("models/bronze/direct.sql", &format!("{appends}\n{select}\n"))
        .file("models/bronze/feed.sql", &model(topic, config, &select))
        .file("models/bronze/events.sql", &format!("{appends}\nselect {names} from {{{{ ref('feed') }}}}\n"))
}

#[test]
fn values_and_types_are_the_same_behind_a_topic() {
    let Some(topic) = Topic::new(3) else { return };
    let project = project(&topic, ", key='id'");
    project.ok(&["run"]);
    for relation in ["bronze/direct__rejected", "bronze/events__rejected"] {
        assert!(!is_table(&project, relation), "{relation}");
    }
    assert_eq!(columns(&project, "bronze/events"), columns(&project, "bronze/direct"));
    let direct = project.rows("select * from {{ ref('direct') }} order by id");
    let through = project.rows("select * from {{ ref('events') }} order by id");
    assert_eq!(direct.len(), rows().len());
    for (direct, through) in direct.iter().zip(&through) {
        assert_eq!(through, direct);
    }
    assert_eq!(through.len(), direct.len());
    // Equal, and also right.
    let first = project.rows(
        "select big, wide, numbers[3] as third, nested[1]['z']['at'] as at from {{ ref('events') }} where id = 0",
    );
    assert_eq!(
        first,
        [json!({
            "big": i64::MAX, "wide": "12345678901234567890123456.789012345678", "third": 3,
            "at": "2026-01-02T03:04:05Z",
        })]
    );
    let texts = project.rows("select words from {{ ref('events') }} where words is not null order by id");
    let texts: Vec<Value> = texts.into_iter().map(|row| row["words"].clone()).collect();
    let expected: Vec<Value> = rows().iter().filter_map(|row| row.get("words").cloned()).collect();
    assert_eq!(texts, expected);
}

#[test]
fn numbers_keep_all_their_digits_in_the_message() {
    let Some(topic) = Topic::new(1) else { return };
    let project = project(&topic, ", key='id'");
    project.ok(&["run", "--select", "feed"]);
    let messages = topic.messages();
    let third = messages.iter().find(|sent| sent.key.as_deref() == Some("2")).unwrap();
    let text = third.value.as_deref().unwrap();
    for digits in ["9007199254740993", "-9223372036854775808", "9223372036854775807"] {
        assert!(text.contains(digits), "{text}");
    }
    let first = messages.iter().find(|sent| sent.key.as_deref() == Some("0")).unwrap();
    assert!(first.value.as_deref().unwrap().contains("12345678901234567890123456.789012345678"), "{first:?}");
}

#[test]
fn nulls_are_written() {
    let Some(topic) = Topic::new(1) else { return };
    let project = project(&topic, ", key='id'");
    project.ok(&["run", "--select", "feed"]);
    let messages = topic.messages();
    let empty = messages.iter().find(|sent| sent.key.as_deref() == Some("5")).unwrap();
    let mut expected = json!({"id": 5});
    for (name, _) in &COLUMNS[1..] {
        expected[*name] = Value::Null;
    }
    assert_eq!(empty.json(), expected);
}

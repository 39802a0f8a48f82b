//! Files as sources: every file is read once, its position commits with its rows, and what cannot be decoded is kept.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::project::TestProject;
use crate::transcript;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

/// A source `raw.events` of files with columns `id` and `name`, and `bronze.events` that appends its rows.
fn events(files: &str, format: &str) -> TestProject {
    let project = TestProject::new().file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
         select id, name, _source from {{ source('raw', 'events') }}\n",
    );
    source(&project, files, format, "[{name: id, type: bigint}, {name: name, type: string}]");
    project
}

fn source(project: &TestProject, files: &str, format: &str, columns: &str) {
    let yaml = format!(
        "version: 2\nsources:\n  - name: raw\n    tables:\n      - name: events\n        files: {files}\n        \
         format: {format}\n        columns: {columns}\n"
    );
    project.write("sources.yaml", yaml);
}

fn ids(project: &TestProject) -> Vec<Value> {
    let rows = project.rows("select id from {{ ref('events') }} order by id");
    rows.into_iter().map(|row| row["id"].clone()).collect()
}

fn rejected(project: &TestProject) -> Value {
    Value::from(project.rows("select raw, error, _source, _line from bronze.events__rejected order by _source, _line"))
}

fn count(project: &TestProject, relation: &str) -> u64 {
    project.value(&format!("select count(*) from {relation}")).as_u64().unwrap()
}

/// `(1, "in/a.json")` is a file of one row.
fn write_rows(project: &TestProject, files: &[(u64, &str)]) {
    for (id, path) in files {
        project.write(path, format!("{{\"id\": {id}, \"name\": \"n{id}\"}}\n"));
    }
}

#[test]
fn lines_of_json_plain_and_compressed() {
    let project = events("{path: 'in/*'}", "ndjson");
    project.write("in/a.ndjson", "\u{feff}{\"id\": 1, \"name\": \"eins\"}\r\n\r\n{\"name\": \"zwei\", \"id\": 2}");
    project.write("in/b.json.gz", gzip("{\"id\": 3, \"name\": \"日本\"}\n{\"id\": 4}\n"));
    project.write("in/c.ndjson.zst", zstd("{\"id\": 5, \"other\": {\"id\": 9}}\n"));
    project.write("in/d.json.gz", [gzip("{\"id\": 6}\n{\"id\""), gzip(": 7}\n")].concat());
    project.ok(&["run"]);
    assert_eq!(
        Value::from(project.rows("select * from {{ ref('events') }} order by id")),
        json!([
            {"id": 1, "name": "eins", "_source": "a.ndjson"},
            {"id": 2, "name": "zwei", "_source": "a.ndjson"},
            {"id": 3, "name": "日本", "_source": "b.json.gz"},
            {"id": 4, "name": null, "_source": "b.json.gz"},
            {"id": 5, "name": null, "_source": "c.ndjson.zst"},
            {"id": 6, "name": null, "_source": "d.json.gz"},
            {"id": 7, "name": null, "_source": "d.json.gz"},
        ])
    );
    assert!(!project.path("warehouse/bronze/events__rejected").exists());
}

#[test]
fn json_documents() {
    let project = events("{path: 'in/*'}", "json");
    project.write("in/a.json", "[\n  {\"id\": 1,\n   \"name\": \"a\"},\n  {\"id\": 2}\n]\n");
    project.write("in/b.json", "{\"id\": 3}");
    project.write("in/c.json.gz", gzip("[]"));
    project.write("in/d.json", "[{\"id\": 4}, {\"id\": oops}, {\"id\": 6}]");
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3, 4]);
    assert_eq!(
        rejected(&project),
        json!([{"raw": "{\"id\": oops}, {\"id\": 6}]", "error": "malformed JSON at byte 7: expected a value", "_source": "d.json", "_line": 1}])
    );
}

#[test]
fn csv_by_its_header() {
    let project = events("{path: 'in/*.csv*'}", "csv");
    project.write("in/a.csv", "name,extra,ID\n\"b, \"\"c\"\"\nd\",x,1\n,x,2\n");
    project.write("in/b.csv.gz", gzip("id\n3\n"));
    project.write("in/c.csv", "id,name\n4,a\nfive,b\n6\n7,c,d\n8,e\n");
    project.ok(&["run"]);
    assert_eq!(
        Value::from(project.rows("select id, name from {{ ref('events') }} order by id")),
        json!([
            {"id": 1, "name": "b, \"c\"\nd"},
            {"id": 2, "name": null},
            {"id": 3, "name": null},
            {"id": 4, "name": "a"},
            {"id": 8, "name": "e"},
        ])
    );
    assert_eq!(
        rejected(&project),
        json!([
            {"raw": "five,b", "error": "column `id`: expected bigint, found \"five\"", "_source": "c.csv", "_line": 3},
            {"raw": "6", "error": "expected 2 fields, found 1", "_source": "c.csv", "_line": 4},
            {"raw": "7,c,d", "error": "expected 2 fields, found 3", "_source": "c.csv", "_line": 5},
        ])
    );
}

#[test]
fn text_line_by_line() {
    let project = events("{path: 'in/*.txt*'}", "text");
    source(&project, "{path: 'in/*.txt*'}", "text", "[{name: value, type: string}]");
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect value, _source from {{ source('raw', 'events') }}",
    );
    project.write("in/a.txt", "eins\r\n\n  zwei ");
    project.write("in/b.txt.zst", zstd("drei\n"));
    project.ok(&["run"]);
    let values = project.rows("select value from {{ ref('events') }} order by _source, value");
    let values: Vec<&Value> = values.iter().map(|row| &row["value"]).collect();
    assert_eq!(values, [&json!(""), &json!("  zwei "), &json!("eins"), &json!("drei")]);
}

/// A Parquet file with columns `ID`-less `id int`, `name string`, `at timestamp`: what the engine itself has written.
fn parquet(project: &TestProject, path: &str, query: &str) {
    let writer =
        TestProject::new().file("models/gold/t.sql", &format!("{{{{ config(materialized='table') }}}}\n{query}"));
    writer.ok(&["run"]);
    let folder = writer.path("warehouse/gold/t");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|file| file.extension().is_some_and(|extension| extension == "parquet")).unwrap();
    project.write(path, std::fs::read(file).unwrap());
}

#[test]
fn parquet_by_its_columns() {
    let project = events("{path: 'in/*.parquet'}", "parquet");
    parquet(
        &project,
        "in/a.parquet",
        "select cast(id as int) as id, 'n' || id as name, true as extra from generate_series(1, 3) as t(id)",
    );
    parquet(&project, "in/b.parquet", "select '4' as id");
    project.ok(&["run"]);
    assert_eq!(
        Value::from(project.rows("select * from {{ ref('events') }} order by id")),
        json!([
            {"id": 1, "name": "n1", "_source": "a.parquet"},
            {"id": 2, "name": "n2", "_source": "a.parquet"},
            {"id": 3, "name": "n3", "_source": "a.parquet"},
            {"id": 4, "name": null, "_source": "b.parquet"},
        ])
    );

    project.ok(&["run"]);
    parquet(&project, "in/c.parquet", "select 5 as id, 'n5' as name");
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3, 4, 5]);
}

#[test]
fn a_parquet_value_that_does_not_fit_is_not_lost_in_silence() {
    let project = events("{path: 'in/*.parquet'}", "parquet");
    parquet(&project, "in/a.parquet", "select 'seven' as id, 'x' as name union all select '8', 'y'");
    let ran = project.run(&["run"]);
    // An error that names the file and the column, or a rejected record: but no NULL that was a value.
    let lost = ran.code == 0 && project.rows("select id from {{ ref('events') }} where id is null").len() == 1;
    assert!(!lost, "`seven` became NULL\n{ran}");
}

#[test]
fn what_is_no_parquet_is_named() {
    let project = events("{path: 'in/*.parquet'}", "parquet");
    project.write("in/a.parquet", "id,name\n1,a\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0607]: cannot read `a.parquet` as Parquet
     --> sources.yaml:6:23
      |
    6 |         files: {path: 'in/*.parquet'}
      |                       ^^^^^^^^^^^^^^
      |
      = note: Parquet error: Invalid Parquet file. Corrupt footer
    ");
    assert!(!project.path("warehouse/bronze/events").exists());
}

#[test]
fn declared_types_and_paths() {
    let project = TestProject::new().file(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect * from {{ source('raw', 'events') }}",
    );
    source(
        &project,
        "{path: 'in/*.json'}",
        "ndjson",
        "\n\
         \x20         - {name: id, type: bigint}\n\
         \x20         - {name: login, type: string, path: $.actor.login}\n\
         \x20         - {name: first, type: string, path: '$.labels[0].name'}\n\
         \x20         - {name: labels, type: 'list<string>', path: '$.labels[*].name'}\n\
         \x20         - {name: score, type: double}\n\
         \x20         - {name: price, type: 'decimal(10, 2)'}\n\
         \x20         - {name: small, type: int}\n\
         \x20         - {name: yes, type: boolean}\n\
         \x20         - {name: at, type: timestamp}\n\
         \x20         - {name: day, type: date}\n\
         \x20         - {name: payload, type: 'struct<size: bigint, commits: list<struct<message: string>>>'}\n\
         \x20         - {name: actor, type: json}\n\
         \x20         - {name: raw, type: string, path: $}",
    );
    let record = r#"{"id": "7", "actor": {"login": "mö", "x": [1]}, "labels": [{"name": "a"}, {"color": 1}, {"name": "b"}], "score": 1e2, "price": "12.345", "small": 3.0, "yes": true, "at": "2026-01-02T03:04:05.25+01:00", "day": "2026-01-02", "payload": {"commits": [{"message": "m", "sha": 1}], "other": 1}}"#;
    project.write("in/a.json", format!("{record}\n{{}}\n"));
    project.ok(&["run"]);
    let rows = project.rows(
        "select id, login, first, array_length(labels) as n, labels[1] as l1, labels[2] as l2, labels[3] as l3, score, \
         cast(price as varchar) as price, small, yes, at, day, payload['size'] as size, array_length(payload['commits']) as c, \
         payload['commits'][1]['message'] as message, actor, raw from {{ ref('events') }} order by id nulls last",
    );
    assert_eq!(
        rows[0],
        json!({
            "id": 7, "login": "mö", "first": "a", "n": 3, "l1": "a", "l2": null, "l3": "b", "score": 100.0, "price": "12.35",
            "small": 3, "yes": true, "at": "2026-01-02T02:04:05.250Z", "day": "2026-01-02", "size": null, "c": 1,
            "message": "m", "actor": "{\"login\": \"mö\", \"x\": [1]}", "raw": record,
        })
    );
    let nothing = rows[1].as_object().unwrap();
    assert!(
        nothing.iter().all(|(name, value)| if name == "raw" { value == "{}" } else { value.is_null() }),
        "{nothing:?}"
    );

    let types = "select arrow_typeof(id) as id, arrow_typeof(price) as price, arrow_typeof(small) as small, arrow_typeof(at) as at, \
                 arrow_typeof(day) as day from {{ ref('events') }} limit 1";
    assert_eq!(
        Value::from(project.rows(types)),
        json!([{"id": "Int64", "price": "Decimal128(10, 2)", "small": "Int32", "at": "Timestamp(µs, \"UTC\")", "day": "Date32"}])
    );
}

#[test]
fn a_pattern_reaches_into_folders_and_no_further() {
    let project = events("{path: 'in/{eu,us}/**/*.json'}", "ndjson");
    write_rows(
        &project,
        &[
            (1, "in/eu/a.json"),
            (2, "in/eu/2026/01/a.json"),
            (3, "in/us/a.json"),
            (8, "in/other/a.json"),
            (9, "in/eu/a.txt"),
        ],
    );
    project.ok(&["run"]);
    assert_eq!(
        Value::from(project.rows("select id, _source from {{ ref('events') }} order by id")),
        json!([
            {"id": 1, "_source": "eu/a.json"},
            {"id": 2, "_source": "eu/2026/01/a.json"},
            {"id": 3, "_source": "us/a.json"},
        ])
    );
}

#[test]
fn every_file_is_read_once() {
    let project = events("{path: 'in/*.json'}", "ndjson");
    write_rows(&project, &[(1, "in/a.json"), (2, "in/b.json")]);
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 0);

    // Nothing new: no commit.
    let again = project.ok(&["run"]);
    assert!(again.stderr.contains("append 0 rows"), "{again}");
    assert_eq!(project.version("bronze/events"), 0);

    // A file before those that were read, and one behind them.
    write_rows(&project, &[(3, "in/0.json"), (4, "in/z.json")]);
    let more = project.ok(&["run"]);
    assert!(more.stderr.contains("append 2 rows"), "{more}");
    assert_eq!(project.version("bronze/events"), 1);
    assert_eq!(ids(&project), [1, 2, 3, 4]);

    // One that is gone takes no rows along.
    project.remove("in/a.json");
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 1);
    assert_eq!(ids(&project), [1, 2, 3, 4]);
}

#[test]
fn every_model_reads_for_itself() {
    let project = events("{path: 'in/*.json'}", "ndjson");
    write_rows(&project, &[(1, "in/a.json")]);
    project.ok(&["run"]);
    project.write(
        "models/bronze/others.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect id from {{ source('raw', 'events') }}",
    );
    write_rows(&project, &[(2, "in/b.json")]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2]);
    assert_eq!(count(&project, "bronze.others"), 2);
}

#[test]
fn a_table_of_files_is_read_anew_every_time() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='table') }}\nselect id from {{ source('raw', 'events') }}",
    );
    write_rows(&project, &[(1, "in/a.json"), (2, "in/b.json")]);
    project.ok(&["run"]);
    project.remove("in/a.json");
    project.ok(&["run"]);
    assert_eq!(ids(&project), [2]);
    assert_eq!(project.version("bronze/events"), 1);
}

#[test]
fn per_commit_files_share_a_commit_with_their_positions() {
    let project = events("{path: 'in/*.json', per_commit: 2}", "ndjson");
    write_rows(&project, &[(1, "in/1.json"), (2, "in/2.json"), (3, "in/3.json"), (4, "in/10.json"), (5, "in/11.json")]);
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 2);

    // In the order of their numbers.
    let sources = |version| {
        let commit = project.commit("bronze/events", version);
        let names: Vec<String> = commit
            .iter()
            .filter_map(|action| action["txn"]["appId"].as_str())
            .filter_map(|id| id.strip_prefix("engine/raw.events/0/").map(str::to_owned))
            .collect();
        assert!(commit.iter().any(|action| action.get("add").is_some()), "{commit:?}");
        names
    };
    assert_eq!(
        [sources(0), sources(1), sources(2)],
        [vec!["1.json", "2.json"], vec!["3.json", "10.json"], vec!["11.json"]]
    );

    write_rows(&project, &[(6, "in/12.json"), (7, "in/13.json"), (8, "in/14.json")]);
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 4);
    assert_eq!(ids(&project), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn lines_that_are_no_records_are_kept_beside() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project
        .write("in/a.json", "{\"id\": 1}\n{\"id\": 2\n\n\"text\"\n{\"id\": \"x\", \"name\": \"ü\"}\n{\"id\": 3} {}\n");
    project.write("in/b.json", b"{\"id\": 4}\n{\"id\": 5, \"name\": \"\xff\"}\n".as_slice());
    project.write("in/c.json", "{\"id\": 6}\n");
    let ran = project.ok(&["run"]);
    assert!(ran.stderr.contains("5 records could not be decoded and went to `bronze.events__rejected`"), "{ran}");
    assert_eq!(ids(&project), [1, 4, 6]);
    let expected = json!([
        {"raw": "{\"id\": 2", "error": "malformed JSON at byte 8: unexpected end", "_source": "a.json", "_line": 2},
        {"raw": "\"text\"", "error": "expected a JSON object", "_source": "a.json", "_line": 4},
        {"raw": "{\"id\": \"x\", \"name\": \"ü\"}", "error": "column `id`: expected bigint, found \"x\"", "_source": "a.json", "_line": 5},
        {"raw": "{\"id\": 3} {}", "error": "malformed JSON at byte 10: trailing characters", "_source": "a.json", "_line": 6},
        {"raw": "{\"id\": 5, \"name\": \"\u{fffd}\"}", "error": "invalid UTF-8 at byte 19", "_source": "b.json", "_line": 2},
    ]);
    assert_eq!(rejected(&project), expected);
    let seconds = "select count(distinct _ingested_at) from bronze.events__rejected";
    assert_eq!(project.value(seconds), json!(1));

    // They, too, are read once; and a file without any makes no commit there.
    project.write("in/d.json", "{\"id\": 7}\n");
    let version = project.version("bronze/events__rejected");
    project.ok(&["run"]);
    assert_eq!(rejected(&project), expected);
    assert_eq!(project.version("bronze/events__rejected"), version);
}

#[test]
fn rejected_lines_of_an_interrupted_run_are_kept_once() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project.write("in/a.json", "{\"id\": 1}\noops a\n");
    project.write("in/b.json", "{\"id\": 2}\noops b\n");
    project.ok(&["run"]);
    let both = rejected(&project);
    assert_eq!(both.as_array().unwrap().len(), 2);

    // Rejects commit before rows: this is what a kill between the two commits of the last slice leaves ...
    std::fs::remove_file(project.path("warehouse/bronze/events/_delta_log/00000000000000000001.json")).unwrap();
    assert_eq!(ids(&project), [1]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2]);
    assert_eq!(rejected(&project), both);

    // ... and between those of the very first.
    std::fs::remove_dir_all(project.path("warehouse/bronze/events")).unwrap();
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2]);
    assert_eq!(rejected(&project), both);
}

#[test]
fn rejected_lines_of_an_interrupted_full_refresh_are_kept_once() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project.write("in/a.json", "{\"id\": 1}\noops a\n");
    project.write("in/b.json", "{\"id\": 2}\noops b\n");
    project.ok(&["run"]);
    let both = rejected(&project);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(rejected(&project), both);

    // Its rejects are committed, its rows are not.
    let version = project.version("bronze/events");
    std::fs::remove_file(project.path(&format!("warehouse/bronze/events/_delta_log/{version:020}.json"))).unwrap();
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(ids(&project), [1, 2]);
    assert_eq!(rejected(&project), both);

    // And again, with an ordinary run behind it.
    let version = project.version("bronze/events");
    std::fs::remove_file(project.path(&format!("warehouse/bronze/events/_delta_log/{version:020}.json"))).unwrap();
    project.write("in/c.json", "{\"id\": 3}\noops c\n");
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3]);
    assert_eq!(rejected(&project).as_array().unwrap().len(), 3);
}

#[test]
fn a_source_read_twice_by_one_model_rejects_once() {
    let project = events("{path: 'in/*.json'}", "ndjson");
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
         with events as (select id, name from {{ source('raw', 'events') }})\n\
         select id, name, (select max(id) from events) as newest from events",
    );
    project.write("in/a.json", "{\"id\": 1}\noops\n{\"id\": 2}\n");
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2]);
    assert_eq!(rejected(&project).as_array().unwrap().len(), 1);
}

#[test]
fn a_file_of_malformed_lines_only_is_read_once() {
    let project = events("{path: 'in/*.json'}", "ndjson");
    project.write("in/a.json", "oops\n");
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), Vec::<Value>::new());
    assert_eq!(rejected(&project).as_array().unwrap().len(), 1);

    project.write("in/b.json", "oops\n");
    project.ok(&["run"]);
    let version = project.version("bronze/events");
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), version);
    assert_eq!(rejected(&project).as_array().unwrap().len(), 2);
}

#[test]
fn an_empty_file_is_read_once() {
    let project = events("{path: 'in/*'}", "ndjson");
    write_rows(&project, &[(1, "in/a.json")]);
    project.ok(&["run"]);
    project.write("in/b.json", "");
    project.write("in/c.json.gz", gzip(""));
    project.ok(&["run"]);
    // Their positions, and nothing else.
    let commit = project.commit("bronze/events", 1);
    assert!(commit.iter().all(|action| action.get("add").is_none()), "{commit:?}");
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 1);
}

#[test]
fn a_file_that_changed_after_it_was_read_is_told() {
    let project = events("{path: 'in/*.json'}", "ndjson");
    write_rows(&project, &[(1, "in/a.json"), (2, "in/b.json")]);
    project.ok(&["run"]);
    project.write("in/a.json", "{\"id\": 1}\n{\"id\": 100}\n");
    write_rows(&project, &[(3, "in/c.json")]);

    transcript!(project.run(&["run", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    1 model on target `dev`, 1 at a time

    1 of 1 START incremental model bronze.events ................................... [RUN]
    1 of 1 OK incremental model bronze.events ...................................... [append 1 row in [TIME]]

    warning[E0607]: `a.json` of source `raw.events` changed after `bronze.events` had read them
     |
     = note: a file is read once; its new rows are not in the table
     = hint: to read everything anew: engine run --select events --full-refresh


    finished 1 model in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
    assert_eq!(ids(&project), [1, 2, 3]);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(ids(&project), [1, 2, 3, 100]);
    let again = project.ok(&["run"]);
    assert!(!again.stderr.contains("warning"), "{again}");
}

#[test]
fn a_full_refresh_reads_everything_that_is_there_in_one_commit() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project.write("in/a.json", "{\"id\": 1}\noops\n");
    write_rows(&project, &[(2, "in/b.json"), (3, "in/c.json")]);
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 2);
    project.write("in/a.json", "{\"id\": 10}\n");
    project.remove("in/b.json");
    project.ok(&["run", "--full-refresh"]);

    // Nobody ever sees half of it, and what was rejected before is forgotten.
    assert_eq!(project.version("bronze/events"), 3);
    assert_eq!(ids(&project), [3, 10]);
    assert_eq!(rejected(&project), json!([]));

    write_rows(&project, &[(4, "in/d.json")]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [3, 4, 10]);
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 4);
}

#[test]
fn a_file_cut_short_is_named_and_nothing_of_it_is_committed() {
    let lines: String = (0..20_000u64)
        .map(|id| format!("{{\"id\": {id}, \"name\": \"{}\"}}\n", id.wrapping_mul(2_654_435_761)))
        .collect();
    for (name, whole) in [("b.json.gz", gzip(&lines)), ("b.json.zst", zstd(&lines))] {
        let project = events("{path: 'in/*', per_commit: 1}", "ndjson");
        write_rows(&project, &[(1_000_000, "in/a.json"), (1_000_001, "in/c.json")]);
        project.write(&format!("in/{name}"), &whole[..whole.len() / 2]);
        let ran = project.run(&["run", "--quiet"]);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.starts_with(&format!("error[E0607]: cannot read `{name}`")), "{ran}");
        assert_eq!(ids(&project), [1_000_000], "{name}");

        project.write(&format!("in/{name}"), &whole);
        project.ok(&["run"]);
        assert_eq!(count(&project, "bronze.events"), 20_002, "{name}");
    }
}

#[test]
fn a_folder_without_files_makes_an_empty_table() {
    let project = events("{path: 'in/*.json'}", "ndjson");
    project.ok(&["run"]);
    assert_eq!(count(&project, "bronze.events"), 0);
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 0);
    write_rows(&project, &[(1, "in/a.json")]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1]);
}

#[test]
fn a_file_named_and_not_there_is_an_error() {
    let project = events("{path: 'in/a.json'}", "ndjson");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0607]: no file at `in/a.json`
     --> sources.yaml:6:23
      |
    6 |         files: {path: 'in/a.json'}
      |                       ^^^^^^^^^^^
      |
      = hint: the path is relative to the project; a pattern such as `data/*.ndjson` may match nothing
    ");
    write_rows(&project, &[(1, "in/a.json")]);
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1]);
}

#[test]
fn a_view_of_files_is_refused() {
    let project = events("{path: 'in/*.json'}", "ndjson");
    project.write("models/bronze/events.sql", "select id from {{ source('raw', 'events') }}");
    write_rows(&project, &[(1, "in/a.json")]);
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0607]: `bronze.events` is a view of the source `raw.events`, which is read only once
    --> models/bronze/events.sql
     = hint: make it `materialized: incremental`: its table then keeps what was read, and how far
    ");
}

#[test]
fn positions_outlive_checkpoints_and_the_cleanup_of_the_log() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', incremental_strategy='append', table_properties={'delta.checkpointInterval': '5'}) }}\n\
         select id, name from {{ source('raw', 'events') }}\n",
    );
    let names: Vec<String> = (0..13).map(|id| format!("in/{id}.json")).collect();
    let files: Vec<(u64, &str)> = (0..13).zip(names.iter().map(String::as_str)).collect();
    write_rows(&project, &files);
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 12);

    let log = project.path("warehouse/bronze/events/_delta_log");
    let checkpoint = log.join("00000000000000000009.checkpoint.parquet");
    assert!(checkpoint.exists(), "no checkpoint in {log:?}");
    for version in 0..=9 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    std::fs::remove_file(log.join("00000000000000000004.checkpoint.parquet")).unwrap();
    project.ok(&["run"]);
    assert_eq!(project.version("bronze/events"), 12);
    assert_eq!(count(&project, "bronze.events"), 13);

    // A full refresh behind the checkpoint forgets them still.
    write_rows(&project, &[(13, "in/13.json")]);
    project.ok(&["run"]);
    assert_eq!(count(&project, "bronze.events"), 14);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(count(&project, "bronze.events"), 14);
    project.ok(&["run"]);
    assert_eq!(count(&project, "bronze.events"), 14);
}

#[test]
fn a_merge_over_several_slices_keeps_one_row_a_key() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', unique_key='id') }}\nselect id, name from {{ source('raw', 'events') }}",
    );
    for (path, name) in [("in/1.json", "old"), ("in/2.json", "newer"), ("in/3.json", "newest")] {
        project.write(path, format!("{{\"id\": 1, \"name\": \"{name}\"}}\n"));
    }
    project.ok(&["run"]);
    let rows = json!([{"id": 1, "name": "newest"}]);
    assert_eq!(Value::from(project.rows("select id, name from {{ ref('events') }}")), rows);

    for (path, name) in [("in/4.json", "newest"), ("in/5.json", "newest")] {
        project.write(path, format!("{{\"id\": 1, \"name\": \"{name}\"}}\n"));
    }
    project.ok(&["run"]);
    assert_eq!(Value::from(project.rows("select id, name from {{ ref('events') }}")), rows);
}

#[test]
fn a_slice_does_not_overwrite_the_partition_of_the_one_before() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='name') }}\n\
         select id, name from {{ source('raw', 'events') }}",
    );
    project.write("in/1.json", "{\"id\": 1, \"name\": \"mon\"}\n");
    project.ok(&["run"]);
    project.write("in/2.json", "{\"id\": 2, \"name\": \"tue\"}\n");
    project.write("in/3.json", "{\"id\": 3, \"name\": \"tue\"}\n");
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3]);
}

#[test]
fn files_one_by_one_make_the_same_table_as_all_at_once() {
    let write = |project: &TestProject, number: u64| {
        let lines: String = (0..50)
            .map(|line| match line % 17 {
                16 => format!("broken {number} {line}\n"),
                _ => format!("{{\"id\": {}, \"name\": \"n{}\"}}\n", number * 100 + line, line % 5),
            })
            .collect();
        project.write(&format!("in/{number}.json.gz"), gzip(&lines));
    };
    let new = || {
        let project = events("{path: 'in/*.json.gz', per_commit: 3}", "ndjson");
        project.write(
            "models/silver/names.sql",
            "{{ config(materialized='incremental', unique_key='name') }}\n\
             select name, count(*) as n, max(id) as newest from {{ ref('events') }} group by name",
        );
        project
    };
    let (one_by_one, at_once) = (new(), new());
    for number in 0..7 {
        write(&one_by_one, number);
        write(&at_once, number);
        one_by_one.ok(&["run"]);
    }
    at_once.ok(&["run"]);
    for query in [
        "select id, name, _source from {{ ref('events') }} order by id",
        "select * from {{ ref('names') }} order by name",
        "select raw, error, _source, _line from bronze.events__rejected order by _source, _line",
    ] {
        assert_eq!(one_by_one.rows(query), at_once.rows(query), "{query}");
    }
    assert_eq!(count(&at_once, "bronze.events"), 7 * 48);
}

#[test]
fn a_slice_knows_what_the_slices_before_have_written() {
    let project = events("{path: 'in/*.json', per_commit: 1}", "ndjson");
    project.write(
        "models/bronze/events.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}\n\
         select id, name, _source from {{ source('raw', 'events') }}\n\
         {% if is_incremental() %}where id not in (select id from {{ this }}){% endif %}\n",
    );
    write_rows(&project, &[(1, "in/a.json"), (1, "in/b.json"), (2, "in/c.json")]);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [json!(1), json!(2)]);
    assert_eq!(project.version("bronze/events"), 2);
}

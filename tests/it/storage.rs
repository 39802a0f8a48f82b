//! What a warehouse survives: damaged logs, types Delta has not, full disks, other writers, and commits that landed though
//! they failed.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::environment::skipped;
use crate::project::{Ran, TestProject, program};
use crate::transcript;

/// One append model `gold.m`: `first` when there is no table, then `then`.
fn appends(first: &str, then: &str) -> TestProject {
    appends_with("", first, then)
}

fn appends_with(config: &str, first: &str, then: &str) -> TestProject {
    let model = format!(
        "{{{{ config(materialized='incremental', incremental_strategy='append' {config}) }}}}\n\
         {{% if is_incremental() %}}{then}{{% else %}}{first}{{% endif %}}\n"
    );
    TestProject::new().file("models/gold/m.sql", &model)
}

fn table(query: &str) -> TestProject {
    TestProject::new().file("models/gold/m.sql", &format!("{{{{ config(materialized='table') }}}}\n{query}\n"))
}

fn all(project: &TestProject) -> Value {
    Value::from(project.rows("select * from {{ ref('m') }} order by 1"))
}

fn log(project: &TestProject) -> PathBuf {
    project.path("warehouse/gold/m/_delta_log")
}

fn commit_file(project: &TestProject, version: u64) -> PathBuf {
    log(project).join(format!("{version:020}.json"))
}

/// The columns of `gold.m` as its log declares them.
fn declared(project: &TestProject, version: u64) -> Vec<(String, Value, bool)> {
    let commit = project.commit("gold/m", version);
    let metadata = commit.iter().find_map(|action| action.get("metaData")).expect("a metaData action");
    let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
    let fields = schema["fields"].as_array().unwrap().iter();
    fields
        .map(|field| {
            (field["name"].as_str().unwrap().to_owned(), field["type"].clone(), field["nullable"].as_bool().unwrap())
        })
        .collect()
}

fn types(project: &TestProject, version: u64) -> Vec<Value> {
    declared(project, version).into_iter().map(|(_, data_type, _)| data_type).collect()
}

// ---- damaged logs ----

#[test]
fn an_empty_last_commit_is_not_taken_for_a_version_without_rows() {
    let project = appends("select 1 as id", "select 2 as id");
    project.ok(&["run"]);
    project.ok(&["run"]);
    fs::write(commit_file(&project, 1), "").unwrap();

    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0608]: the log of `gold.m` is damaged: `gold/m/_delta_log/00000000000000000001.json`
    --> models/gold/m.sql
     = note: a power loss or an interrupted copy leaves such a file; its rows were never whole
     = hint: move `gold/m/_delta_log/00000000000000000001.json` away, then run again: the table is whole up to the version before
    ");
    let shown = project.run(&["show", "--inline", "select * from {{ ref('m') }}"]);
    assert_ne!(shown.code, 0, "{shown}");
    assert!(shown.stderr.contains("gold/m/_delta_log/00000000000000000001.json"), "{shown}");
    assert_eq!(fs::read(commit_file(&project, 1)).unwrap(), b"", "it is the user's to move away");

    fs::rename(commit_file(&project, 1), project.path("away.json")).unwrap();
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1}, {"id": 2}]));
}

#[test]
fn a_torn_last_commit_is_named() {
    let project = appends("select 1 as id", "select 2 as id");
    project.ok(&["run"]);
    project.ok(&["run"]);
    let whole = fs::read(commit_file(&project, 1)).unwrap();
    fs::write(commit_file(&project, 1), &whole[..whole.len() - 100]).unwrap();

    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0608]: the log of `gold.m` is damaged: `gold/m/_delta_log/00000000000000000001.json`
    --> models/gold/m.sql
     = note: a power loss or an interrupted copy leaves such a file; its rows were never whole
     = hint: move `gold/m/_delta_log/00000000000000000001.json` away, then run again: the table is whole up to the version before
    ");
    fs::rename(commit_file(&project, 1), project.path("away.json")).unwrap();
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1}, {"id": 2}]));
}

#[test]
fn a_torn_first_commit_is_named() {
    let project = appends("select 1 as id", "select 2 as id");
    project.ok(&["run"]);
    fs::write(commit_file(&project, 0), "{\"commitInfo\":{\"time").unwrap();
    let ran = project.run(&["run", "--quiet"]);
    assert!(ran.stderr.contains("error[E0608]") && ran.stderr.contains("00000000000000000000.json"), "{ran}");
    fs::remove_file(commit_file(&project, 0)).unwrap();
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1}]));
}

#[test]
fn a_damaged_table_stops_only_what_reads_it() {
    let project = appends("select 1 as id", "select 2 as id")
        .file("models/gold/other.sql", "{{ config(materialized='table') }}\nselect 7 as id")
        .file("models/gold/reader.sql", "{{ config(materialized='table') }}\nselect * from {{ ref('m') }}");
    project.ok(&["run"]);
    fs::write(commit_file(&project, 0), "").unwrap();
    let ran = project.run(&["run"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("PASS=1 WARN=0 ERROR=1 SKIP=1"), "{ran}");
}

#[test]
fn a_damaged_checkpoint_is_named() {
    for content in ["", "PAR1 torn"] {
        let project =
            appends_with(", table_properties={'delta.checkpointInterval': '2'}", "select 1 as id", "select 2 as id");
        project.ok(&["run"]);
        project.ok(&["run"]);
        let checkpoint = log(&project).join("00000000000000000001.checkpoint.parquet");
        assert!(checkpoint.exists());
        fs::write(&checkpoint, content).unwrap();
        let ran = project.run(&["run", "--quiet"]);
        // It is only a summary of commits that are all there: either the run goes on without it, or it says which file.
        if ran.code == 0 {
            assert_eq!(all(&project), json!([{"id": 1}, {"id": 2}, {"id": 2}]));
            continue;
        }
        assert!(ran.stderr.contains("00000000000000000001.checkpoint.parquet"), "{ran}");
        fs::remove_file(&checkpoint).unwrap();
        fs::remove_file(log(&project).join("_last_checkpoint")).unwrap();
        project.ok(&["run"]);
        assert_eq!(all(&project), json!([{"id": 1}, {"id": 2}, {"id": 2}]));
    }
}

#[test]
fn leftovers_of_dead_writers_are_ignored() {
    let project = appends("select 1 as id", "select 2 as id");
    project.ok(&["run"]);
    let torn = "{\"commitInfo\":{\"ti";
    for name in [
        "00000000000000000001.json#1",
        "00000000000000000001.json.tmp",
        ".3f0c.tmp",
        "_commit_1.json.tmp",
        "_last_checkpoint#1",
    ] {
        fs::write(log(&project).join(name), torn).unwrap();
    }
    let data = fs::read_dir(project.path("warehouse/gold/m")).unwrap().map(|entry| entry.unwrap().path());
    let file = data.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "parquet")).unwrap();
    fs::copy(&file, file.with_file_name("part-00000-orphan.snappy.parquet")).unwrap();
    fs::write(file.with_file_name("part-00000-torn.snappy.parquet#1"), "PAR1").unwrap();

    project.ok(&["run"]);
    assert_eq!(project.version("gold/m"), 1);
    assert_eq!(all(&project), json!([{"id": 1}, {"id": 2}]));
}

#[test]
fn a_table_dropped_from_outside_is_built_anew() {
    let project = appends("select 1 as id", "select 2 as id");
    project.ok(&["run"]);
    fs::remove_dir_all(project.path("warehouse/gold/m")).unwrap();
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1}]));
    // A folder that is left is no table.
    fs::remove_dir_all(log(&project)).unwrap();
    fs::create_dir(log(&project)).unwrap();
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1}]));
}

// ---- columns and types ----

#[test]
fn a_column_without_nulls_takes_nulls_later() {
    let project = appends(
        "select 1 as a, count(*) as b, true as c, 'x' as d from generate_series(1, 3)",
        "select cast(null as bigint) as a, cast(null as bigint) as b, cast(null as boolean) as c, cast(null as varchar) as d",
    );
    project.ok(&["run"]);
    assert!(declared(&project, 0).iter().all(|(_, _, nullable)| *nullable), "{:?}", declared(&project, 0));
    project.ok(&["run"]);
    assert_eq!(
        all(&project),
        json!([{"a": 1, "b": 3, "c": true, "d": "x"}, {"a": null, "b": null, "c": null, "d": null}])
    );
}

#[test]
fn unsigned_integers_keep_their_values() {
    let project = table(
        "select arrow_cast(200, 'UInt8') as a, arrow_cast(60000, 'UInt16') as b, arrow_cast(4000000000, 'UInt32') as c, \
         arrow_cast(9000000000000000000, 'UInt64') as d, [arrow_cast(200, 'UInt8')] as e",
    );
    project.ok(&["run"]);
    let list = json!({"type": "array", "elementType": "short", "containsNull": true});
    assert_eq!(types(&project, 0), [json!("short"), json!("integer"), json!("long"), json!("long"), list]);
    assert_eq!(
        Value::from(project.rows("select a, b, c, d, e[1] as e from {{ ref('m') }}")),
        json!([{"a": 200, "b": 60_000, "c": 4_000_000_000_u64, "d": 9_000_000_000_000_000_000_u64, "e": 200}])
    );
}

#[test]
fn an_unsigned_integer_beyond_bigint_is_an_error() {
    let project = table("select arrow_cast('18446744073709551615', 'UInt64') as d");
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("column `d`") && ran.stderr.contains("18446744073709551615"), "{ran}");
    assert!(!log(&project).exists());
}

#[test]
fn timestamps_are_microseconds_in_utc() {
    let project = table(
        "select timestamp '2026-01-02 03:04:05.123456789' as naive, arrow_cast('2026-01-02T03:04:05', 'Timestamp(Second, None)') as s, \
         arrow_cast(timestamp '2026-01-02 03:04:05', 'Timestamp(Nanosecond, Some(\"+02:00\"))') as zoned, \
         arrow_cast('2026-01-02', 'Date64') as day, to_timestamp_millis(1500) as ms",
    );
    project.ok(&["run"]);
    assert_eq!(
        types(&project, 0),
        ["timestamp", "timestamp", "timestamp", "date", "timestamp"].map(|name| json!(name))
    );
    let commit = project.commit("gold/m", 0);
    let protocol = commit.iter().find_map(|action| action.get("protocol")).unwrap();
    assert_eq!(protocol, &json!({"minReaderVersion": 1, "minWriterVersion": 2}));
    assert_eq!(
        all(&project),
        json!([{
            "naive": "2026-01-02T03:04:05.123456Z",
            "s": "2026-01-02T03:04:05Z",
            "zoned": "2026-01-02T01:04:05Z",
            "day": "2026-01-02",
            "ms": "1970-01-01T00:00:01.500Z",
        }])
    );
}

#[test]
fn naive_timestamps_may_come_later() {
    let project = appends_with(
        ", on_schema_change='append_new_columns'",
        "select 1 as id",
        "select 2 as id, timestamp '2026-01-02 03:04:05' as at",
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1, "at": null}, {"id": 2, "at": "2026-01-02T03:04:05Z"}]));
}

#[test]
fn a_column_of_nulls_is_a_string() {
    let project = appends("select 1 as id, null as x, [null] as y", "select 2 as id, 'later' as x, ['z'] as y");
    project.ok(&["run"]);
    let list = json!({"type": "array", "elementType": "string", "containsNull": true});
    assert_eq!(
        types(&project, 0),
        [json!("integer"), json!("string"), list].map(|data_type| match data_type {
            Value::String(name) if name == "integer" => json!("long"),
            other => other,
        })
    );
    project.ok(&["run"]);
    assert_eq!(
        Value::from(project.rows("select id, x, y[1] as y from {{ ref('m') }} order by id")),
        json!([{"id": 1, "x": null, "y": null}, {"id": 2, "x": "later", "y": "z"}])
    );
}

#[test]
fn every_other_arrow_type_becomes_one_of_deltas() {
    let project = table(
        "select arrow_cast('a', 'LargeUtf8') as a, arrow_cast('b', 'Dictionary(Int32, Utf8)') as b, arrow_cast(1.5, 'Float16') as c, \
         arrow_cast([1, 2], 'LargeList(Int32)') as d, arrow_cast([1, 2], 'FixedSizeList(2, Int16)') as e, \
         named_struct('x', arrow_cast(1, 'UInt16'), 'y', null) as f, map(['k'], [arrow_cast(7, 'UInt8')]) as g, \
         cast(1.25 as decimal(5, 2)) as h, arrow_cast('c', 'Binary') as i, arrow_cast(1, 'Int8') as j, cast(1.5 as float) as k",
    );
    project.ok(&["run"]);
    assert_eq!(
        Value::from(
            project
                .rows("select a, b, c, d[2] as d, e[1] as e, f['x'] as fx, f['y'] as fy, h, j, k from {{ ref('m') }}")
        ),
        json!([{"a": "a", "b": "b", "c": 1.5, "d": 2, "e": 1, "fx": 1, "fy": null, "h": "1.25", "j": 1, "k": 1.5}])
            .as_array()
            .map(|rows| Value::from(rows.clone()))
            .unwrap()
    );
    let simple: Vec<Value> = types(&project, 0).into_iter().filter(Value::is_string).collect();
    assert_eq!(
        simple,
        ["string", "string", "float", "decimal(5,2)", "binary", "byte", "float"].map(|name| json!(name))
    );
}

#[test]
fn types_that_delta_has_not_are_refused_by_name() {
    let project = TestProject::new()
        .file("models/gold/a.sql", "{{ config(materialized='table') }}\nselect interval '1 day' as x")
        .file(
            "models/gold/b.sql",
            "{{ config(materialized='table') }}\nselect arrow_cast('12:00:00', 'Time64(Microsecond)') as x",
        )
        .file("models/gold/c.sql", "{{ config(materialized='table') }}\nselect json_get('{\"a\": 1}', 'a') as x")
        .file(
            "models/gold/d.sql",
            "{{ config(materialized='table') }}\nselect arrow_cast(1, 'Decimal256(50, 2)') as x",
        );
    transcript!(project.run(&["run", "--quiet", "--threads", "1"]), @r#"
    exit: 1
    ----- stderr -----
    error[E0609]: column `x` of `gold.a` is an interval, which a Delta table cannot hold
     --> models/gold/a.sql:2:28
      |
    2 | select interval '1 day' as x
      |                            ^
      |
      = hint: cast it to a string, or take the seconds with `extract(epoch from ...)`

    error[E0609]: column `x` of `gold.b` is a time of day, which a Delta table cannot hold
     --> models/gold/b.sql:2:57
      |
    2 | select arrow_cast('12:00:00', 'Time64(Microsecond)') as x
      |                                                         ^
      |
      = hint: cast it to a string

    error[E0609]: column `x` of `gold.c` is a JSON value of no fixed type, which a Delta table cannot hold
     --> models/gold/c.sql:2:37
      |
    2 | select json_get('{"a": 1}', 'a') as x
      |                                     ^
      |
      = hint: say which type the JSON value has: `json_get_str`, `json_get_int`, or a cast

    error[E0609]: column `x` of `gold.d` is decimal(50, 2), which a Delta table cannot hold
     --> models/gold/d.sql:2:46
      |
    2 | select arrow_cast(1, 'Decimal256(50, 2)') as x
      |                                              ^
      |
      = hint: cast it to decimal(38, s) with a scale of at least 0

    4 errors
    "#);
    assert!(!project.path("warehouse/gold").exists());
}

#[test]
fn names_that_are_no_columns_are_refused() {
    let project = TestProject::new()
        .file("models/gold/a.sql", "{{ config(materialized='table') }}\nselect 1 as id, 2 as \"ID\"")
        .file("models/gold/b.sql", "{{ config(materialized='table') }}\nselect 1 as \"\"")
        .file("models/gold/c.sql", "{{ config(materialized='table') }}\nselect 1 as \"a = b\"");
    transcript!(project.run(&["run", "--quiet", "--threads", "1"]), @r#"
    exit: 1
    ----- stderr -----
    error[E0609]: two columns of `gold.a` are called `ID`
     --> models/gold/a.sql:2:22
      |
    2 | select 1 as id, 2 as "ID"
      |                      ^^^^
      |
      = hint: name one of them differently with `as`

    error[E0609]: column 1 of `gold.b` has no name that a table's column can have
     --> models/gold/b.sql:2:8
      |
    2 | select 1 as ""
      |        ^^^^^^^
      |
      = hint: give it a plain name: `... as total`

    error[E0609]: column 1 of `gold.c` has no name that a table's column can have
     --> models/gold/c.sql:2:8
      |
    2 | select 1 as "a = b"
      |        ^^^^^^^^^^^^
      |
      = hint: give it a plain name: `... as total`

    3 errors
    "#);
    assert!(!project.path("warehouse/gold").exists());
}

#[test]
fn columns_without_a_name_and_of_one_name_are_refused_in_words_of_sql() {
    for (query, word) in [
        ("select 1 as id, 1 + 1", "column 2"),
        ("select 1 as x, 2 as x", "x"),
        ("select upper('x'), 1 as id", "column 1"),
    ] {
        let project = table(query);
        let ran = project.run(&["run", "--quiet"]);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.starts_with("error[E0") && ran.stderr.contains(word), "{ran}");
        assert!(!ran.stderr.contains("Int64(") && !ran.stderr.contains("Utf8("), "no word of ours\n{ran}");
    }
}

#[test]
fn names_in_any_script_are_columns() {
    let project = table("select 1 as \"Größe\", 2 as \"a.b\", 3 as \"select\", 4 as \"MiXed\", 5 as \"列\"");
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"Größe": 1, "a.b": 2, "select": 3, "MiXed": 4, "列": 5}]));
}

#[test]
fn columns_of_mixed_case_merge_and_append() {
    let project = TestProject::new().file(
        "models/gold/m.sql",
        "{{ config(materialized='incremental', unique_key='Id') }}\n\
         {% if is_incremental() %}select 1 as \"Id\", 'new' as \"Value of\" {% else %}select 1 as \"Id\", 'old' as \"Value of\"{% endif %}"
            .replace("Value of", "Größe")
            .as_str(),
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"Id": 1, "Größe": "new"}]));
}

#[test]
fn an_empty_string_in_a_partition_column_is_null_to_every_reader() {
    let project = TestProject::new().file(
        "models/gold/m.sql",
        "{{ config(materialized='table', partition_by='p') }}\nselect * from (values (1, ''), (2, null), (3, 'x')) as t(id, p)",
    );
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1, "p": null}, {"id": 2, "p": null}, {"id": 3, "p": "x"}]));
    let adds: Vec<Value> = project
        .commit("gold/m", 0)
        .into_iter()
        .filter_map(|action| Some(action.get("add")?["partitionValues"]["p"].clone()))
        .collect();
    assert!(adds.len() == 2 && adds.contains(&Value::Null) && adds.contains(&json!("x")), "{adds:?}");
}

// ---- no rows ----

#[test]
fn an_append_without_rows_makes_no_version() {
    let project = appends("select 1 as id", "select 2 as id where false");
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(project.version("gold/m"), 0);
    assert_eq!(all(&project), json!([{"id": 1}]));
}

#[test]
fn a_merge_without_rows_makes_no_version() {
    for strategy in ["merge", "delete+insert"] {
        let project = TestProject::new().file(
            "models/gold/m.sql",
            &format!(
                "{{{{ config(materialized='incremental', unique_key='id', incremental_strategy='{strategy}') }}}}\n\
                 select 1 as id {{% if is_incremental() %}}where false{{% endif %}}"
            ),
        );
        project.ok(&["run"]);
        project.ok(&["run"]);
        assert_eq!(project.version("gold/m"), 0, "{strategy}");
        assert_eq!(all(&project), json!([{"id": 1}]), "{strategy}");
    }
}

#[test]
fn insert_overwrite_without_rows_changes_nothing() {
    let project = TestProject::new().file(
        "models/gold/m.sql",
        "{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='p') }}\n\
         select 1 as id, 'x' as p {% if is_incremental() %}where false{% endif %}",
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(project.version("gold/m"), 0);
    assert_eq!(all(&project), json!([{"id": 1, "p": "x"}]));
}

#[test]
fn a_table_may_begin_and_become_empty() {
    let project = table("select 1 as id, 'x' as v where false")
        .file("models/gold/p.sql", "{{ config(materialized='table', partition_by='v') }}\nselect 1 as id, 'x' as v where false")
        .file("models/gold/reader.sql", "{{ config(materialized='table') }}\nselect count(*) as n, max(m.v) as v from {{ ref('m') }} m join {{ ref('p') }} p using (id)");
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([]));
    assert_eq!(project.rows("select * from {{ ref('reader') }}"), [json!({"n": 0, "v": null})]);

    project.write("models/gold/m.sql", "{{ config(materialized='table') }}\nselect 1 as id, 'x' as v");
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1, "v": "x"}]));
    project.write("models/gold/m.sql", "{{ config(materialized='table') }}\nselect 1 as id, 'x' as v where false");
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([]));
    assert_eq!(project.version("gold/m"), 2);
}

// ---- commits ----

#[test]
fn a_commit_that_landed_though_it_failed_is_not_made_twice() {
    let project = appends_with(
        ", table_properties={'delta.checkpointInterval': '1'}",
        "select 0 as id",
        "select max(id) + 1 as id from {{ this }}",
    );
    project.ok(&["run"]);
    // Nothing can be renamed onto a folder that holds something: the checkpoint after the commit fails.
    for name in ["00000000000000000001.checkpoint.parquet", "00000000000000000002.checkpoint.parquet"] {
        fs::create_dir(log(&project).join(name)).unwrap();
        fs::write(log(&project).join(name).join("in the way"), "").unwrap();
    }
    project.ok(&["run"]);
    assert_eq!(project.version("gold/m"), 1);
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 0}, {"id": 1}, {"id": 2}, {"id": 3}]));
    assert_eq!(project.version("gold/m"), 3);
}

#[test]
fn a_commit_has_landed_though_what_lies_in_a_views_place_cannot_be_removed() {
    let project = appends("select 0 as id", "select max(id) + 1 as id from {{ this }}");
    project.ok(&["run"]);
    // A folder is not removed as a file is.
    project.write("warehouse/gold/m/_engine_view.json/in the way", "");
    for _ in 0..2 {
        let ran = project.ok(&["run", "--quiet"]);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }
    assert_eq!(all(&project), json!([{"id": 0}, {"id": 1}, {"id": 2}]));
    assert_eq!(project.version("gold/m"), 2);
}

/// A model `bronze.events` that reads a pipe: it runs until somebody has written to it.
struct Waiting {
    project: TestProject,
    pipe: PathBuf,
}

impl Waiting {
    fn new(config: &str) -> Self {
        let project = TestProject::new()
            .file(
                "models/bronze/events.sql",
                &format!("{{{{ config({config}) }}}}\nselect id from {{{{ source('raw', 'events') }}}}"),
            )
            .file("models/bronze/other.sql", "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect 7 as id")
            .file(
                "sources.yaml",
                "version: 2\nsources:\n  - name: raw\n    tables:\n      - name: events\n        files: {path: '{{ var(\"events\") }}'}\n        \
                 format: ndjson\n        columns: [{name: id, type: bigint}]\n",
            );
        let pipe = project.path("pipe.json");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        Self { project, pipe }
    }

    fn arguments(select: &str) -> [&str; 5] {
        ["run", "--vars", "{events: pipe.json}", "--select", select]
    }

    /// Starts a run, does something while the model reads, lets it end.
    fn meanwhile(&self, act: impl FnOnce(&TestProject)) -> Ran {
        let mut command = self.project.command(&Self::arguments("events"));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Opens when the model has opened it for reading, and not before.
        let mut pipe = OpenOptions::new().write(true).open(&self.pipe).unwrap();
        act(&self.project);
        pipe.write_all(b"{\"id\": 1}\n{\"id\": 2}\n").unwrap();
        drop(pipe);
        Ran::new(&child.wait_with_output().unwrap(), self.project.root())
    }

    fn ids(&self) -> Value {
        let rows = self.project.ok(&[
            "show",
            "--inline",
            "select id from bronze.events order by id",
            "--limit",
            "-1",
            "--output",
            "json",
            "--quiet",
            "--vars",
            "{events: pipe.json}",
        ]);
        let shown: Value = serde_json::from_str(&rows.stdout).unwrap();
        shown["show"].clone()
    }
}

const APPEND: &str = "materialized='incremental', incremental_strategy='append'";

#[test]
fn a_table_has_one_writer() {
    let waiting = Waiting::new(APPEND);
    let ran = waiting.meanwhile(|project| {
        transcript!(project.run(&["run", "--vars", "{events: pipe.json}", "--select", "events", "--quiet"]), @"
        exit: 1
        ----- stderr -----
        error[E0606]: `bronze.events` is being written by another process
        --> models/bronze/events.sql
         = hint: wait until the other run has ended, or stop it
        ");
    });
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(waiting.ids(), json!([{"id": 1}, {"id": 2}]));
    assert_eq!(waiting.project.version("bronze/events"), 0);
}

#[test]
fn other_tables_are_written_meanwhile() {
    let waiting = Waiting::new(APPEND);
    let ran = waiting.meanwhile(|project| {
        project.ok(&Waiting::arguments("other"));
        project.ok(&Waiting::arguments("other"));
    });
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(waiting.project.version("bronze/other"), 1);
}

#[test]
fn a_killed_writer_leaves_no_lock() {
    let waiting = Waiting::new(APPEND);
    let mut command = waiting.project.command(&Waiting::arguments("events"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pipe = OpenOptions::new().write(true).open(&waiting.pipe).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(pipe);
    let ran = waiting.meanwhile(|_| ());
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(waiting.ids(), json!([{"id": 1}, {"id": 2}]));
}

/// Another system commits to the table of a model that is running, and asks for no lock.
fn foreign_commit(project: &TestProject, version: u64) {
    let file = project.path(&format!("warehouse/bronze/events/_delta_log/{version:020}.json"));
    let commit =
        json!({"commitInfo": {"timestamp": 1_700_000_000_000_u64, "operation": "WRITE", "engineInfo": "another"}});
    let mut file = OpenOptions::new().write(true).create_new(true).open(file).unwrap();
    writeln!(file, "{commit}").unwrap();
}

#[test]
fn an_append_goes_on_top_of_another_writers_commit() {
    let waiting = Waiting::new(APPEND);
    let first = waiting.meanwhile(|_| ());
    assert_eq!(first.code, 0, "{first}");
    fs::rename(&waiting.pipe, waiting.project.path("old")).unwrap();
    // Another file to read: the same pipe by another name.
    let again = Waiting { pipe: waiting.project.path("next.json"), project: waiting.project };
    assert!(Command::new("mkfifo").arg(&again.pipe).status().unwrap().success());
    let mut command = again.project.command(&["run", "--vars", "{events: next.json}", "--select", "events"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = OpenOptions::new().write(true).open(&again.pipe).unwrap();
    foreign_commit(&again.project, 1);
    pipe.write_all(b"{\"id\": 3}\n").unwrap();
    drop(pipe);
    let ran = Ran::new(&child.wait_with_output().unwrap(), again.project.root());
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(again.project.version("bronze/events"), 2);
    assert_eq!(again.ids(), json!([{"id": 1}, {"id": 2}, {"id": 3}]));
}

#[test]
fn a_merge_does_not_go_on_top_of_another_writers_commit() {
    let waiting = Waiting::new("materialized='incremental', unique_key='id'");
    let first = waiting.meanwhile(|_| ());
    assert_eq!(first.code, 0, "{first}");
    let next = waiting.project.path("next.json");
    assert!(Command::new("mkfifo").arg(&next).status().unwrap().success());
    let mut command =
        waiting.project.command(&["run", "--vars", "{events: next.json}", "--select", "events", "--quiet"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = OpenOptions::new().write(true).open(&next).unwrap();
    foreign_commit(&waiting.project, 1);
    pipe.write_all(b"{\"id\": 2}\n{\"id\": 3}\n").unwrap();
    drop(pipe);
    let ran = Ran::new(&child.wait_with_output().unwrap(), waiting.project.root());
    transcript!(ran, @"
    exit: 1
    ----- stderr -----
    error[E0606]: `bronze.events` was changed by another writer while this model ran
    --> models/bronze/events.sql
     = hint: run it again: it starts from the newest version
    ");
    assert_eq!(waiting.ids(), json!([{"id": 1}, {"id": 2}]));
    assert_eq!(waiting.project.version("bronze/events"), 1);
}

#[test]
fn processes_that_start_together_read_every_file_once() {
    let project = TestProject::new()
        .file(
            "models/bronze/events.sql",
            "{{ config(materialized='incremental', incremental_strategy='append') }}\nselect id from {{ source('raw', 'events') }}",
        )
        .file(
            "sources.yaml",
            "version: 2\nsources:\n  - name: raw\n    tables:\n      - name: events\n        files: {path: 'in/*.json', per_commit: 1}\n        \
             format: ndjson\n        columns: [{name: id, type: bigint}]\n",
        );
    for round in 0..4 {
        for file in 0..3 {
            project.write(&format!("in/{round}-{file}.json"), format!("{{\"id\": {}}}\n", round * 3 + file));
        }
        let start =
            || project.command(&["run", "--quiet"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let children = [start(), start(), start()];
        let ran = children.map(|child| Ran::new(&child.wait_with_output().unwrap(), project.root()));
        assert!(ran.iter().any(|ran| ran.code == 0), "{ran:?}", ran = ran.map(|ran| ran.to_string()));
        for ran in &ran {
            assert!(ran.code == 0 || ran.stderr.starts_with("error[E0606]: `bronze.events` "), "{ran}");
        }
        let expected: Vec<Value> = (0..(round + 1) * 3).map(|id| json!({"id": id})).collect();
        assert_eq!(project.rows("select id from {{ ref('events') }} order by id"), expected);
    }
}

// ---- the disk ----

#[test]
fn rows_and_commits_are_synced_in_their_order() {
    let traced =
        Command::new("strace").args(["-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !traced.is_ok_and(|status| status.success()) {
        skipped("rows_and_commits_are_synced_in_their_order", "strace does not work here; apt-get install strace");
        return;
    }
    let project = TestProject::new().file(
        "models/gold/m.sql",
        "{{ config(materialized='incremental', incremental_strategy='append', partition_by='p', \
         table_properties={'delta.checkpointInterval': '1'}) }}\nselect 1 as id, 'x' as p",
    );
    project.ok(&["run"]);
    let trace = project.path("trace.txt");
    let plain = project.command(&["run"]);
    let mut command = Command::new("strace");
    command
        .args([
            "-f",
            "-y",
            "-qq",
            "-s",
            "400",
            "-e",
            "trace=fsync,fdatasync,link,linkat,rename,renameat,renameat2",
            "-o",
        ])
        .arg(&trace)
        .arg(program())
        .arg("run")
        .current_dir(project.root())
        .env_clear()
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null());
    let ran = Ran::new(&command.output().unwrap(), project.root());
    assert_eq!(ran.code, 0, "{ran}");

    // Calls of several threads: one that is cut in two is complete where it resumes.
    let trace = fs::read_to_string(trace).unwrap();
    let calls: Vec<&str> = trace.lines().filter(|line| !line.contains("<unfinished")).collect();
    let after = |from: usize, what: &str, words: &[&str]| {
        let found = calls[from..].iter().position(|line| words.iter().all(|word| line.contains(word)));
        from + found.unwrap_or_else(|| panic!("{what} is not synced in its place:\n{trace}"))
    };
    let rows = after(0, "the rows' file", &["fdatasync", "/gold/m/p=x/part-"]);
    let folder = after(rows, "the rows' folder", &["fsync", "/gold/m/p=x>"]);
    let commit = after(folder, "the commit", &["fsync", "_delta_log/.", ".tmp>"]);
    let linked = after(commit, "the commit's name", &["link", "00000000000000000001.json"]);
    let log = after(linked, "the log's folder", &["fsync", "/gold/m/_delta_log>"]);
    let checkpoint = after(log, "the checkpoint", &["fsync", "_delta_log/.", ".tmp>"]);
    after(checkpoint, "the checkpoint's name", &["rename", "00000000000000000001.checkpoint.parquet"]);
}

/// A file system of a few megabytes, until dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(at).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    fn grow(&self, megabytes: u32) {
        let options = format!("remount,size={megabytes}m");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_leaves_the_old_table() {
    let project =
        table("select value as id, sha256(cast(value as varchar)) as noise from generate_series(1, {{ var('rows') }})");
    let rows = |count: u64| format!("{{rows: {count}}}");
    let disk = SmallDisk::mount(&project.path("warehouse"), 6);
    if disk.is_none() {
        skipped("a full disk", "no tmpfs can be mounted here; files are limited in size instead");
    }
    project.ok(&["run", "--vars", &rows(1000)]);
    let before = fs::read_dir(project.path("warehouse/gold/m")).unwrap().count();

    let arguments = ["run", "--quiet", "--vars", &rows(400_000)];
    let ran = match &disk {
        Some(_) => project.run(&arguments),
        None => {
            // 4096 blocks of 512 bytes; without the trap the signal would end the program.
            let mut limited = Command::new("bash");
            limited.args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""]).arg(program()).args(arguments);
            Ran::new(&limited.current_dir(project.root()).output().unwrap(), project.root())
        }
    };
    assert_eq!(ran.code, 1, "{ran}");
    let reason = if disk.is_some() { "No space left on device" } else { "File too large" };
    assert!(ran.stderr.contains("error[E06") && ran.stderr.contains(reason), "{ran}");

    let count = "select count(*) from gold.m";
    let value = |sql: &str| {
        let shown = project.ok(&["show", "--inline", sql, "--output", "json", "--quiet", "--vars", &rows(1)]);
        serde_json::from_str::<Value>(&shown.stdout).unwrap()["show"][0]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .clone()
    };
    assert_eq!(value(count), json!(1000));
    assert_eq!(project.version("gold/m"), 0);
    assert_eq!(
        fs::read_dir(project.path("warehouse/gold/m")).unwrap().count(),
        before,
        "files of the failed run were left"
    );

    if let Some(disk) = &disk {
        disk.grow(128);
    }
    project.ok(&["run", "--vars", &rows(400_000)]);
    assert_eq!(value(count), json!(400_000));
    assert!(!ran.stderr.contains("panicked"), "{ran}");
}

#[test]
fn a_disk_that_fills_during_the_commit_leaves_the_old_table() {
    let project = appends("select 1 as id", "select 2 as id");
    let Some(disk) = SmallDisk::mount(&project.path("warehouse"), 1) else {
        skipped("a_disk_that_fills_during_the_commit_leaves_the_old_table", "no tmpfs can be mounted here");
        return;
    };
    project.ok(&["run"]);
    // Every size of what is left: the rows' file, the commit, or nothing at all finds no room.
    let ballast = project.path("warehouse/ballast");
    let mut failed = 0;
    let mut succeeded = 1;
    for pages in 0..6 {
        // Fill up, then give back so many pages.
        let mut file = fs::File::create(&ballast).unwrap();
        let mut size: u64 = 0;
        while file.write_all(&[0; 4096]).is_ok() {
            size += 4096;
        }
        file.set_len(size.saturating_sub(pages * 4096)).unwrap();
        drop(file);
        let ran = project.run(&["run", "--quiet"]);
        match ran.code {
            0 => succeeded += 1,
            _ => {
                failed += 1;
                assert!(ran.stderr.contains("No space left on device"), "{ran}");
            }
        }
        fs::remove_file(&ballast).unwrap();
        assert_eq!(project.value("select count(*) from {{ ref('m') }}"), json!(succeeded), "{ran}");
    }
    assert!(failed > 0, "the disk was never full");
    disk.grow(16);
    project.ok(&["run"]);
    assert_eq!(project.value("select count(*) from {{ ref('m') }}"), json!(succeeded + 1));
}

#[test]
fn a_warehouse_that_cannot_be_written_is_named() {
    // Root may write anywhere, so a file stands where a folder should be.
    let project = table("select 1 as id").file("warehouse/gold", "a file");
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(
        ran.stderr.starts_with("error[E0601]: the warehouse of target `dev` cannot be reached\n --> project.yaml:4:20"),
        "{ran}"
    );
    assert!(ran.stderr.contains("[ROOT]/warehouse/gold") && !ran.stderr.contains("panicked"), "{ran}");
}

#[test]
fn a_sample_that_would_be_the_whole_table_is_refused() {
    let project = TestProject::new()
        .file("models/bronze/numbers.sql", "{{ config(materialized='table') }}\nselect 1 as id")
        .file("models/gold/some.sql", "select id\nfrom {{ ref('numbers') }} tablesample (10 percent)");
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("error[E0408]: `tablesample` would be read as the whole table"), "{ran}");
    assert!(ran.stderr.contains("models/gold/some.sql:2:"), "{ran}");
}

//! `show --diff`: what a model's SQL gives now, beside its table.

use serde_json::{Value, json};

use crate::project::TestProject;
use crate::transcript;

/// A table `gold.m` that was built of one query, and whose model is another one now.
fn changed(before: &str, after: &str) -> TestProject {
    let table = |query: &str| format!("{{{{ config(materialized='table') }}}}\n{query}\n");
    let project = TestProject::new().file("models/gold/m.sql", &table(before));
    project.ok(&["run"]);
    project.file("models/gold/m.sql", &table(after))
}

fn difference(project: &TestProject) -> Value {
    serde_json::from_str(&project.ok(&["show", "m", "--diff", "--output", "json"]).stdout).unwrap()
}

#[test]
fn there_may_be_nothing_to_compare_with() {
    let project = TestProject::new()
        .file("models/gold/t.sql", "{{ config(materialized='table') }} select 1 as id")
        .file("models/gold/v.sql", "select 1 as id")
        .file("models/gold/e.sql", "{{ config(materialized='ephemeral') }} select 1 as id");
    transcript!(project.run(&["show", "--diff", "--select", "gold"]), @"
    exit: 0
    ----- stdout -----
    gold.e: there is nothing to compare with: an ephemeral model keeps no rows
    gold.t: there is nothing to compare with: it has not been built
    gold.v: there is nothing to compare with: a view keeps no rows
    ");
    transcript!(project.run(&["show", "--diff", "t", "--output", "json"]), @r#"
    exit: 0
    ----- stdout -----
    {"relation":"gold.t","before":null}
    "#);
}

#[test]
fn a_seed_is_compared_as_its_file_is_now() {
    let project = TestProject::new().file("seeds/codes.csv", "code,name\n1,one\n2,two\n");
    project.ok(&["seed"]);
    transcript!(project.run(&["show", "--diff", "codes"]), @"
    exit: 0
    ----- stdout -----
    seeds.codes: 2 rows, as before
    ");
    project.write("seeds/codes.csv", "code,name\n1,one\n2,zwei\n3,three\n");
    transcript!(project.run(&["show", "--diff", "codes"]), @"
    exit: 0
    ----- stdout -----
    seeds.codes: 3 rows: 2 added, 1 removed
    +---+------+-------+
    | ± | code | name  |
    +---+------+-------+
    | - | 2    | two   |
    | + | 2    | zwei  |
    | + | 3    | three |
    +---+------+-------+
    ");
    assert_eq!(project.version("seeds/codes"), 0, "nothing is loaded");
}

#[test]
fn rows_that_came_and_went_stand_beside_each_other() {
    let project = changed(
        "select * from (values (1, 'a', null), (2, 'b', 5), (2, 'b', 5)) as t (id, kind, n)",
        "select * from (values (1, 'a', null), (2, 'b', 5), (1, 'a', null), (2, 'c', 5)) as t (id, kind, n)",
    );
    transcript!(project.run(&["show", "--diff", "m"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 4 rows: 2 added, 1 removed
    +---+----+------+---+
    | ± | id | kind | n |
    +---+----+------+---+
    | + | 1  | a    |   |
    | - | 2  | b    | 5 |
    | + | 2  | c    | 5 |
    +---+----+------+---+
    ");
    assert_eq!(project.version("gold/m"), 0, "nothing is built");
    transcript!(project.run(&["show", "--diff", "m", "--limit", "-1", "--output", "json"]), @r#"
    exit: 0
    ----- stdout -----
    {"relation":"gold.m","rows":4,"added":2,"removed":1,"changed":null,"columns":[],"left_out":[],"first":[{"±":"+","id":1,"kind":"a","n":null},{"±":"-","id":2,"kind":"b","n":5},{"±":"+","id":2,"kind":"c","n":5}]}
    "#);
}

#[test]
fn a_key_tells_which_rows_changed() {
    let project = changed(
        "select * from (values (1, 'a'), (2, 'b'), (3, 'c'), (null, 'd')) as t (id, kind)",
        "select * from (values (1, 'a'), (2, 'B'), (4, 'c'), (null, 'D')) as t (id, kind)",
    );
    project.write(
        "models/gold/m.yml",
        "models:\n  - name: m\n    columns:\n      - name: id\n        data_tests: [unique]\n",
    );
    transcript!(project.run(&["show", "--diff", "m"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 4 rows: 1 added, 1 removed, 2 changed
    +---+----+------+
    | ± | id | kind |
    +---+----+------+
    | - | 2  | b    |
    | + | 2  | B    |
    | - | 3  | c    |
    | + | 4  | c    |
    | - |    | d    |
    +---+----+------+
    ");
}

#[test]
fn columns_come_and_go_and_change_their_type() {
    let project =
        changed("select 1 as id, 'a' as kind, 5 as n, 7 as m", "select 1 as ident, 8 as kind, '5' as n, 7.0 as m");
    transcript!(project.run(&["show", "--diff", "m"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 1 row: 1 added, 1 removed, `ident` is new, `kind` was a string and is bigint, `n` was bigint and is a string, `m` was bigint and is double, `id` is gone
    +---+------+---+-----+
    | ± | kind | n | m   |
    +---+------+---+-----+
    | + | 8    | 5 | 7.0 |
    | - | a    | 5 | 7.0 |
    +---+------+---+-----+
    ");
    let told = difference(&project);
    assert_eq!(told["columns"][0], json!({"column": "ident", "before": null, "after": "bigint"}));
    assert_eq!(told["columns"][1], json!({"column": "kind", "before": "a string", "after": "bigint"}));
    assert_eq!(told["columns"].as_array().unwrap().last().unwrap()["after"], json!(null));
}

#[test]
fn values_that_are_the_same_are_no_difference() {
    let same = "select cast('NaN' as double) as f, -0.0 as z, [1, null] as l, named_struct('a', 1, 'b', 'x') as s, \
                map(['k'], [1]) as m, [named_struct('q', null)] as n, null as nothing, arrow_cast(7, 'UInt8') as u, \
                timestamp '2026-01-02 03:04:05' as at";
    transcript!(changed(same, same).run(&["show", "--diff", "m"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 1 row, as before (without at)
    ");
    let other = same.replace("'x'", "'y'").replace("[1, null]", "[1, 2]");
    transcript!(changed(same, &other).run(&["show", "--diff", "m"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 1 row: 1 added, 1 removed (without at)
    +---+-----+-----+--------+--------------+--------+---------+---------+---+
    | ± | f   | z   | l      | s            | m      | n       | nothing | u |
    +---+-----+-----+--------+--------------+--------+---------+---------+---+
    | - | NaN | 0.0 | [1, ]  | {a: 1, b: x} | {k: 1} | [{q: }] |         | 7 |
    | + | NaN | 0.0 | [1, 2] | {a: 1, b: y} | {k: 1} | [{q: }] |         | 7 |
    +---+-----+-----+--------+--------------+--------+---------+---------+---+
    ");
}

#[test]
fn a_column_that_became_a_struct_is_told_and_not_compared() {
    transcript!(
        changed("select 1 as id, 5 as s, 'x' as b", "select 1 as id, named_struct('a', 1) as s, arrow_cast('x', 'Binary') as b")
            .run(&["show", "--diff", "m"]),
        @"
        exit: 0
        ----- stdout -----
        gold.m: 1 row: `s` was bigint and is struct<a: bigint>, `b` was a string and is binary
        "
    );
}

#[test]
fn nothing_in_common_is_all_new() {
    transcript!(changed("select 1 as a", "select 1 as b union all select 2").run(&["show", "--diff", "m"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 2 rows: 2 added, 1 removed, `b` is new, `a` is gone
    ");
}

#[test]
fn tables_without_rows_are_compared() {
    let empty = "select 1 as id where false";
    transcript!(changed(empty, empty).run(&["show", "--diff", "m"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 0 rows, as before
    ");
    transcript!(changed(empty, "select 1 as id").run(&["show", "--diff", "m"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 1 row: 1 added
    +---+----+
    | ± | id |
    +---+----+
    | + | 1  |
    +---+----+
    ");
}

#[test]
fn rows_of_a_source_come_only_once() {
    let project = TestProject::new()
        .file("data/a.csv", "id\n1\n")
        .file(
            "models/sources.yml",
            "sources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: 'data/*.csv'}\n        format: csv\n        columns: [{name: id, type: bigint}]\n",
        )
        .file("models/bronze/m.sql", "{{ config(materialized='table') }}\nselect id from {{ source('shop', 'orders') }}\n");
    project.ok(&["run"]);
    transcript!(project.run(&["show", "--diff", "m"]), @"
    exit: 2
    ----- stderr -----
    error[E0607]: `bronze.m` reads the source `shop.orders`, whose rows come only once
    --> models/bronze/m.sql
     = hint: leave out `--diff` to see what it reads now; `engine watch` compares the builds it makes
    ");
}

#[test]
fn a_column_of_partitions_keeps_its_type() {
    let project = TestProject::new().file(
        "models/gold/m.sql",
        "{{ config(materialized='incremental', partition_by=['country']) }}\nselect 1 as id, 'DE' as country\n",
    );
    project.ok(&["run"]);
    transcript!(project.run(&["show", "m", "--diff"]), @"
    exit: 0
    ----- stdout -----
    gold.m: 1 row, as before
    ");
}

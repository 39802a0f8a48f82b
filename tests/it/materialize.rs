//! How models become relations: what is in the table after each run, in how many commits, and what the commits say.

use serde_json::{Value, json};

use crate::project::TestProject;
use crate::transcript;

/// A project with one incremental model `gold.m`: its settings, its first rows, and those of every later run.
fn incremental(config: &str, first: &str, then: &str) -> TestProject {
    let project = TestProject::new();
    write_incremental(&project, config, first, then);
    project
}

fn write_incremental(project: &TestProject, config: &str, first: &str, then: &str) {
    let model = format!(
        "{{{{ config(materialized='incremental', {config}) }}}}\n\
         {{% if is_incremental() %}}\n{then}\n{{% else %}}\n{first}\n{{% endif %}}\n"
    );
    project.write("models/gold/m.sql", model);
}

/// `(1, 'a'), (2, 'b')` as a query with columns `id, v`.
fn values(columns: &str, rows: &str) -> String {
    format!("select * from (values {rows}) as t({columns})")
}

fn all(project: &TestProject) -> Value {
    Value::from(project.rows("select * from {{ ref('m') }} order by 1, 2"))
}

/// What a commit is made of, `commitInfo` aside: `metaData`, `remove`, `add`.
fn kinds(project: &TestProject, relation: &str, version: u64) -> Vec<String> {
    let commit = project.commit(relation, version);
    let names = commit.iter().filter_map(|action| action.as_object()?.keys().next().cloned());
    names.filter(|name| name != "commitInfo").collect()
}

fn action<'a>(commit: &'a [Value], name: &str) -> &'a Value {
    let found = commit.iter().find_map(|action| action.get(name));
    found.unwrap_or_else(|| panic!("no `{name}` in {commit:#?}"))
}

fn files(project: &TestProject, relation: &str) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| match path.is_dir() {
                true => count(&path),
                false => usize::from(path.extension().is_some_and(|extension| extension == "parquet")),
            })
            .sum()
    }
    count(&project.path(&format!("warehouse/{relation}")))
}

/// A run that fails on its rows, names the value, and speaks of no Arrow type.
fn refused_without_words_of_the_program(project: &TestProject, value: &str) {
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.starts_with("error[E0605]: ") && ran.stderr.contains(value), "{ran}");
    for word in ["Int64", "Utf8", "cast error: column", "Arrow", "DataFusion"] {
        assert!(!ran.stderr.contains(word), "`{word}` is no word of ours\n{ran}");
    }
}

#[test]
fn a_table_is_replaced_in_one_commit() {
    let project = TestProject::new().file(
        "models/gold/m.sql",
        "{{ config(materialized='table') }}\nselect 1 as id, 'old' as v union all select 2, 'old'",
    );
    project.ok(&["run"]);
    project.write("models/gold/m.sql", "{{ config(materialized='table') }}\nselect 3 as id, 'new' as v");
    project.ok(&["run"]);

    assert_eq!(project.version("gold/m"), 1);
    assert_eq!(kinds(&project, "gold/m", 0), ["protocol", "metaData", "add"]);
    assert_eq!(kinds(&project, "gold/m", 1), ["remove", "add"]);
    assert_eq!(all(&project), json!([{"id": 3, "v": "new"}]));
}

#[test]
fn a_table_may_change_its_columns_and_partitions_when_it_is_replaced() {
    let project =
        TestProject::new().file("models/gold/m.sql", "{{ config(materialized='table') }}\nselect 1 as id, 'a' as v");
    project.ok(&["run"]);
    project.write(
        "models/gold/m.sql",
        "{{ config(materialized='table', partition_by=['day']) }}\nselect date '2026-01-02' as day, 'x' as id",
    );
    project.ok(&["run"]);

    assert_eq!(all(&project), json!([{"day": "2026-01-02", "id": "x"}]));
    assert_eq!(action(&project.commit("gold/m", 1), "metaData")["partitionColumns"], json!(["day"]));
}

#[test]
fn a_table_that_fails_keeps_its_old_rows_and_leaves_no_files() {
    let project = TestProject::new()
        .file("seeds/amounts.csv", "id,amount\n1,10\n2,20\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: amounts\n    config: {column_types: {amount: varchar}}\n")
        .file(
            "models/gold/m.sql",
            "{{ config(materialized='table') }}\nselect id, cast(amount as bigint) as amount from {{ ref('amounts') }}",
        );
    project.ok(&["build"]);
    project.write("seeds/amounts.csv", "id,amount\n1,10\n2,twenty\n");
    project.ok(&["seed"]);

    refused_without_words_of_the_program(&project, "'twenty'");
    assert_eq!(project.version("gold/m"), 0);
    assert_eq!(all(&project), json!([{"id": 1, "amount": 10}, {"id": 2, "amount": 20}]));
    assert_eq!(files(&project, "gold/m"), 1);
}

#[test]
fn a_view_is_stored_as_its_sql_and_resolved() {
    let project = TestProject::new()
        .file("models/bronze/orders.sql", "{{ config(materialized='table') }}\nselect 1 as id, 10 as amount")
        .file("models/silver/doubled.sql", "select id, amount * 2 as amount from {{ ref('orders') }}")
        .file("models/gold/m.sql", "{{ config(materialized='table') }}\nselect id, amount from {{ ref('doubled') }}");
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1, "amount": 20}]));
    assert!(!project.path("warehouse/silver/doubled/_delta_log").exists());
    let stored: Value =
        serde_json::from_slice(&std::fs::read(project.path("warehouse/silver/doubled/_engine_view.json")).unwrap())
            .unwrap();
    assert_eq!(stored["sql"], r#"select id, amount * 2 as amount from "bronze"."orders""#);

    // The commit names the table behind the view, not the view.
    let commit = project.commit("gold/m", 0);
    assert_eq!(action(&commit, "commitInfo")["engine.inputs"], json!({"bronze.orders": 0}));

    // It is computed anew whenever it is read, and outlives its model.
    project.write("models/bronze/orders.sql", "{{ config(materialized='table') }}\nselect 1 as id, 11 as amount");
    project.ok(&["run", "--select", "orders"]);
    assert_eq!(project.value("select amount from silver.doubled"), json!(22));
    project.remove("models/gold/m.sql");
    project.remove("models/silver/doubled.sql");
    assert_eq!(project.value("select amount from silver.doubled"), json!(22));
}

#[test]
fn a_view_over_tables_described_differently_can_be_counted() {
    let described =
        |name: &str, text: &str| format!("  - name: {name}\n    columns: [{{name: id, description: {text}}}]\n");
    let project = TestProject::new()
        .file("models/bronze/one.sql", "{{ config(materialized='table') }}\nselect 1 as id")
        .file("models/bronze/two.sql", "{{ config(materialized='table') }}\nselect 1 as id")
        .file(
            "models/models.yml",
            &format!("version: 2\nmodels:\n{}{}", described("one", "here"), described("two", "there")),
        )
        .file("models/silver/both.sql", "select id from {{ ref('one') }} union all select id from {{ ref('two') }}");
    project.ok(&["run"]);
    assert_eq!(project.rows("select id, count(*) as n from silver.both group by id"), [json!({"id": 1, "n": 2})]);
}

#[test]
fn a_view_with_a_mistake_is_not_stored() {
    let project = TestProject::new()
        .file("models/bronze/orders.sql", "{{ config(materialized='table') }}\nselect 1 as id, 10 as amount")
        .file("models/silver/doubled.sql", "select id, amuont * 2 as amount from {{ ref('orders') }}");

    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `amuont`
     --> models/silver/doubled.sql:1:12
      |
    1 | select id, amuont * 2 as amount from {{ ref('orders') }}
      |            ^^^^^^
      |
      = hint: did you mean `amount`?
    ");
    assert!(!project.path("warehouse/silver/doubled").exists());
}

#[test]
fn a_view_becomes_a_table_and_a_table_a_view() {
    let project = TestProject::new().file("models/gold/m.sql", "select 1 as id, 'view' as v");
    project.ok(&["run"]);
    project.write("models/gold/m.sql", "{{ config(materialized='table') }}\nselect 2 as id, 'table' as v");
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 2, "v": "table"}]));
    assert_eq!(project.version("gold/m"), 0);
    assert!(!project.path("warehouse/gold/m/_engine_view.json").exists());

    project.write("models/gold/m.sql", "{{ config(materialized='view') }}\nselect 3 as id, 'view' as v");
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 3, "v": "view"}]));
    assert!(!project.path("warehouse/gold/m/_delta_log").exists());
    assert_eq!(files(&project, "gold/m"), 0);

    // An incremental model on the place of a view begins anew.
    write_incremental(
        &project,
        "incremental_strategy='append'",
        "select 4 as id, 'first' as v",
        "select 5 as id, 'then' as v",
    );
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 4, "v": "first"}]));
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 4, "v": "first"}, {"id": 5, "v": "then"}]));
}

#[test]
fn an_ephemeral_model_leaves_nothing_behind() {
    let project = TestProject::new()
        .file("models/bronze/orders.sql", "{{ config(materialized='table') }}\nselect 1 as id, 10 as amount")
        .file(
            "models/silver/doubled.sql",
            "{{ config(materialized='ephemeral') }}\nselect id, amount * 2 as v from {{ ref('orders') }}",
        )
        .file("models/gold/m.sql", "{{ config(materialized='table') }}\nselect id, v from {{ ref('doubled') }}");
    project.ok(&["run"]);

    assert_eq!(all(&project), json!([{"id": 1, "v": 20}]));
    assert!(!project.path("warehouse/silver").exists());
    assert_eq!(action(&project.commit("gold/m", 0), "commitInfo")["engine.inputs"], json!({"bronze.orders": 0}));
}

#[test]
fn a_seed_has_the_types_its_values_say() {
    let project = TestProject::new().file(
        "seeds/s.csv",
        "whole,number,day,moment,yes,text,empty\n\
         1,1.5,2026-01-02,2026-01-02 03:04:05,true,a,\n\
         ,,,,,,\n\
         -7,1e3,2025-12-31,2026-01-02T03:04:05.5Z,FALSE,\"b, \"\"c\"\"\nd\",\n",
    );
    project.ok(&["seed"]);

    let types = "select arrow_typeof(whole), arrow_typeof(number), arrow_typeof(day), arrow_typeof(moment), arrow_typeof(yes) \
                 from {{ ref('s') }} limit 1";
    let types: Vec<Value> = project.rows(types)[0].as_object().unwrap().values().cloned().collect();
    assert_eq!(
        types,
        [json!("Int64"), json!("Float64"), json!("Date32"), json!("Timestamp(µs, \"UTC\")"), json!("Boolean")]
    );
    assert_eq!(
        Value::from(project.rows("select * from {{ ref('s') }} order by whole nulls first")),
        json!([
            {"whole": null, "number": null, "day": null, "moment": null, "yes": null, "text": null, "empty": null},
            {"whole": -7, "number": 1000.0, "day": "2025-12-31", "moment": "2026-01-02T03:04:05.500Z", "yes": false,
             "text": "b, \"c\"\nd", "empty": null},
            {"whole": 1, "number": 1.5, "day": "2026-01-02", "moment": "2026-01-02T03:04:05Z", "yes": true, "text": "a",
             "empty": null},
        ])
    );
}

#[test]
fn a_seed_takes_declared_types() {
    let project = TestProject::new()
        .file("seeds/s.csv", "code,price,day\n007,1.5,2026-01-02\n042,,\n")
        .file(
            "seeds/seeds.yml",
            "seeds:\n  - name: s\n    config:\n      column_types: {code: varchar, price: 'decimal(10, 2)', day: varchar}\n",
        );
    project.ok(&["seed"]);
    assert_eq!(
        Value::from(project.rows("select code, cast(price as varchar) as price, arrow_typeof(price) as t, day from {{ ref('s') }} order by code")),
        json!([
            {"code": "007", "price": "1.50", "t": "Decimal128(10, 2)", "day": "2026-01-02"},
            {"code": "042", "price": null, "t": "Decimal128(10, 2)", "day": null},
        ])
    );
}

#[test]
fn a_seed_value_of_the_wrong_type_is_pointed_at() {
    let project = TestProject::new()
        .file("seeds/s.csv", "id,amount\n1,10\n2,ten\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: s\n    config: {column_types: {amount: bigint}}\n");
    transcript!(project.run(&["seed", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0103]: column `amount` does not fit its type bigint
     --> seeds/s.csv:3:1
      |
    3 | 2,ten
      | ^^^^^
    ");

    project.write("seeds/s.csv", "id,amount\n1,10\n2\n");
    transcript!(project.run(&["seed", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0100]: this row has 1 value, the header 2
     --> seeds/s.csv:3:1
      |
    3 | 2
      | ^
    ");
}

#[test]
fn a_seed_loaded_again_is_replaced_whole() {
    let project = TestProject::new().file("seeds/s.csv", "id;v\n1;a\n2;b\n").file(
        "seeds/seeds.yml",
        "seeds:\n  - name: s\n    description: Two letters.\n    config: {delimiter: ';'}\n    columns: [{name: v, description: The letter.}]\n",
    );
    project.ok(&["seed"]);
    project.write("seeds/s.csv", "id;v;w\n3;c;x\n");
    project.ok(&["seed"]);

    assert_eq!(Value::from(project.rows("select * from {{ ref('s') }}")), json!([{"id": 3, "v": "c", "w": "x"}]));
    assert_eq!(project.version("seeds/s"), 1);
    let metadata = project.commit("seeds/s", 1);
    let metadata = action(&metadata, "metaData");
    assert_eq!(metadata["description"], "Two letters.");
    assert!(metadata["schemaString"].as_str().unwrap().contains(r#""metadata":{"comment":"The letter."}"#));
}

#[test]
fn append_adds_rows() {
    let project = incremental(
        "incremental_strategy='append'",
        &values("id, v", "(1, 'a'), (2, 'b')"),
        &values("id, v", "(2, 'again'), (3, 'c')"),
    );
    project.ok(&["run"]);
    project.ok(&["run"]);

    assert_eq!(kinds(&project, "gold/m", 1), ["add"]);
    assert_eq!(
        all(&project),
        json!([{"id": 1, "v": "a"}, {"id": 2, "v": "again"}, {"id": 2, "v": "b"}, {"id": 3, "v": "c"}])
    );
}

#[test]
fn this_is_the_table_as_it_was() {
    let project = incremental(
        "incremental_strategy='append'",
        "select 1 as id, 'first' as v",
        "select max(id) + 1 as id, 'after ' || max(id) as v from {{ this }}",
    );
    for _ in 0..3 {
        project.ok(&["run"]);
    }
    assert_eq!(all(&project), json!([{"id": 1, "v": "first"}, {"id": 2, "v": "after 1"}, {"id": 3, "v": "after 2"}]));
    assert_eq!(action(&project.commit("gold/m", 2), "commitInfo")["engine.inputs"], json!({"gold.m": 1}));
}

#[test]
fn merge_updates_known_keys_and_inserts_others_in_one_commit() {
    let project = incremental(
        "unique_key='id'",
        &values("id, v, w", "(1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c')"),
        &values("id, v, w", "(2, 'new', 'new'), (4, 'd', 'd')"),
    );
    project.ok(&["run"]);
    project.ok(&["run"]);

    assert_eq!(project.version("gold/m"), 1);
    let commit = kinds(&project, "gold/m", 1);
    assert!(commit.contains(&"remove".to_owned()) && commit.contains(&"add".to_owned()), "{commit:?}");
    assert_eq!(
        all(&project),
        json!([
            {"id": 1, "v": "a", "w": "a"},
            {"id": 2, "v": "new", "w": "new"},
            {"id": 3, "v": "c", "w": "c"},
            {"id": 4, "v": "d", "w": "d"},
        ])
    );

    // Once more: the same rows, one commit more.
    project.ok(&["run"]);
    assert_eq!(project.version("gold/m"), 2);
    assert_eq!(project.value("select count(*) from {{ ref('m') }}"), json!(4));
}

#[test]
fn merge_by_several_keys_never_matches_a_null() {
    let project = incremental(
        "unique_key=['region', 'id']",
        &values("region, id, v", "('eu', 1, 'old'), ('us', 1, 'old'), ('eu', null, 'old'), (null, null, 'old')"),
        &values("region, id, v", "('eu', 1, 'new'), ('eu', null, 'new'), ('eu', null, 'new'), ('eu', 2, 'new')"),
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(
        Value::from(
            project.rows("select region, id, v, count(*) as n from {{ ref('m') }} group by all order by 1, 2, 3")
        ),
        json!([
            {"region": "eu", "id": 1, "v": "new", "n": 1},
            {"region": "eu", "id": 2, "v": "new", "n": 1},
            {"region": "eu", "id": null, "v": "new", "n": 2},
            {"region": "eu", "id": null, "v": "old", "n": 1},
            {"region": "us", "id": 1, "v": "old", "n": 1},
            {"region": null, "id": null, "v": "old", "n": 1},
        ])
    );
}

#[test]
fn merge_updates_only_the_named_columns() {
    for config in ["merge_update_columns=['v']", "merge_exclude_columns=['w']"] {
        let project = incremental(
            &format!("unique_key='id', {config}"),
            &values("id, v, w", "(1, 'a', 'a'), (2, 'b', 'b'), (null, 'c', 'c')"),
            &values("id, v, w", "(2, 'new', 'new'), (3, 'd', 'd'), (null, 'e', 'e')"),
        );
        project.ok(&["run"]);
        project.ok(&["run"]);
        assert_eq!(
            all(&project),
            json!([
                {"id": 1, "v": "a", "w": "a"},
                {"id": 2, "v": "new", "w": "b"},
                {"id": 3, "v": "d", "w": "d"},
                {"id": null, "v": "c", "w": "c"},
                {"id": null, "v": "e", "w": "e"},
            ]),
            "{config}"
        );
        assert_eq!(project.version("gold/m"), 1, "{config}");
    }
}

#[test]
fn a_merge_looks_only_where_its_predicates_hold() {
    let project = incremental(
        "unique_key='id', incremental_predicates=[\"DBT_INTERNAL_DEST.day >= date '2026-01-02'\"]",
        &values("id, day, v", "(1, date '2026-01-01', 'old'), (2, date '2026-01-02', 'old')"),
        &values("id, day, v", "(1, date '2026-01-03', 'new'), (2, date '2026-01-03', 'new')"),
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(
        all(&project),
        json!([
            {"id": 1, "day": "2026-01-01", "v": "old"},
            {"id": 1, "day": "2026-01-03", "v": "new"},
            {"id": 2, "day": "2026-01-03", "v": "new"},
        ])
    );
}

#[test]
fn a_merge_with_two_rows_for_one_key_changes_nothing() {
    let project = incremental(
        "unique_key=['region', 'id']",
        &values("region, id, v", "('eu', 1, 'old')"),
        &values(
            "region, id, v",
            "('eu', 1, 'x'), ('eu', 1, 'y'), ('us', 1, 'z'), ('us', null, 'z'), ('us', null, 'z')",
        ),
    );
    project.ok(&["run"]);
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0603]: several rows for one key of `gold.m`: region = eu, id = 1 has 2 rows
    --> models/gold/m.sql
     = hint: keep one row for each `region, id`: qualify row_number() over (partition by region, id order by ...) = 1
    ");
    assert_eq!(all(&project), json!([{"region": "eu", "id": 1, "v": "old"}]));
    assert_eq!(project.version("gold/m"), 0);
    assert_eq!(files(&project, "gold/m"), 1);
}

#[test]
fn delete_insert_replaces_all_rows_of_the_keys_that_come() {
    let project = incremental(
        "unique_key='day', incremental_strategy='delete+insert'",
        &values("day, v", "('mon', 1), ('mon', 2), ('tue', 3), (null, 4)"),
        &values("day, v", "('mon', 7), ('mon', 8), ('mon', 8), ('wed', 9), (null, 5)"),
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(
        all(&project),
        json!([
            {"day": "mon", "v": 7},
            {"day": "mon", "v": 8},
            {"day": "mon", "v": 8},
            {"day": "tue", "v": 3},
            {"day": "wed", "v": 9},
            {"day": null, "v": 4},
            {"day": null, "v": 5},
        ])
    );
    assert_eq!(project.version("gold/m"), 1);
}

#[test]
fn insert_overwrite_replaces_the_partitions_that_come() {
    let project = incremental(
        "incremental_strategy='insert_overwrite', partition_by=['region', 'kind']",
        &values(
            "id, region, kind",
            "(1, 'eu', 'a'), (2, 'eu', 'b'), (3, null, 'a'), (4, '', 'a'), (5, 'x/y=é %20', 'a'), (6, 'x', 'a')",
        ),
        // '' and NULL are one partition.
        &values("id, region, kind", "(11, 'eu', 'a'), (12, '', 'a'), (13, 'x/y=é %20', 'a'), (14, 'new', 'a')"),
    );
    project.ok(&["run"]);
    assert_eq!(project.value("select count(*) from {{ ref('m') }} where region is null"), json!(2));
    project.ok(&["run"]);

    assert_eq!(
        all(&project),
        json!([
            {"id": 2, "region": "eu", "kind": "b"},
            {"id": 6, "region": "x", "kind": "a"},
            {"id": 11, "region": "eu", "kind": "a"},
            {"id": 12, "region": null, "kind": "a"},
            {"id": 13, "region": "x/y=é %20", "kind": "a"},
            {"id": 14, "region": "new", "kind": "a"},
        ])
    );
    assert_eq!(project.version("gold/m"), 1);
    assert_eq!(project.value("select id from {{ ref('m') }} where region = 'x/y=é %20'"), json!(13));
}

#[test]
fn partitions_may_be_dates_numbers_booleans_and_timestamps() {
    let rows = "select id, date '2026-01-02' as day, cast(id as int) as n, id = 1 as yes, timestamp '2026-01-02 03:04:05.25' as at \
                from (values (1), (2)) as t(id)";
    let project = incremental(
        "incremental_strategy='insert_overwrite', partition_by=['day', 'n', 'yes', 'at']",
        rows,
        &format!("select 10 + id as id, day, n, yes, at from ({rows}) where id = 2"),
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(
        Value::from(project.rows("select id, day, n, yes, cast(at as varchar) as at from {{ ref('m') }} order by id")),
        json!([
            {"id": 1, "day": "2026-01-02", "n": 1, "yes": true, "at": "2026-01-02T03:04:05.250Z"},
            {"id": 12, "day": "2026-01-02", "n": 2, "yes": false, "at": "2026-01-02T03:04:05.250Z"},
        ])
    );
}

#[test]
fn rows_are_replaced_in_partitions_of_any_name() {
    for config in [
        "unique_key='id'",
        "unique_key='id', merge_exclude_columns=['p']",
        "unique_key='id', incremental_strategy='delete+insert'",
        "incremental_strategy='replace_where', replace_where='id >= 2'",
    ] {
        let project = incremental(
            &format!("{config}, partition_by='p'"),
            &values("id, v, p", "(1, 'old', 'a b/c=ü%20#?'), (2, 'old', 'a b/c=ü%20#?'), (3, 'old', null)"),
            &values("id, v, p", "(2, 'new', 'a b/c=ü%20#?'), (3, 'new', null)"),
        );
        project.ok(&["run"]);
        project.ok(&["run"]);
        assert_eq!(
            all(&project),
            json!([
                {"id": 1, "v": "old", "p": "a b/c=ü%20#?"},
                {"id": 2, "v": "new", "p": "a b/c=ü%20#?"},
                {"id": 3, "v": "new", "p": null},
            ]),
            "{config}"
        );
        assert_eq!(project.version("gold/m"), 1, "{config}");
    }
}

#[test]
fn replace_where_replaces_the_rows_of_its_predicate() {
    let project = incremental(
        "incremental_strategy='replace_where', replace_where='day >= 2'",
        &values("day, v", "(1, 'old'), (2, 'old'), (3, 'old'), (null, 'old')"),
        &values("day, v", "(2, 'new'), (4, 'new')"),
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    let after = json!([
        {"day": 1, "v": "old"},
        {"day": 2, "v": "new"},
        {"day": 4, "v": "new"},
        {"day": null, "v": "old"},
    ]);
    assert_eq!(all(&project), after);
    assert_eq!(project.version("gold/m"), 1);

    // A row outside would stay for ever: refused.
    write_incremental(
        &project,
        "incremental_strategy='replace_where', replace_where='day >= 2'",
        "",
        &values("day, v", "(1, 'wrong'), (2, 'newer'), (null, 'wrong')"),
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0605]: 2 new rows of `gold.m` outside of what `replace_where` replaces
    --> models/gold/m.sql
     = note: it replaces: day >= 2
     = hint: select only rows that the predicate covers
    ");
    assert_eq!(all(&project), after);
    assert_eq!(project.version("gold/m"), 1);
}

#[test]
fn replace_where_without_rows_empties_what_it_names() {
    let project = incremental(
        "incremental_strategy='insert_overwrite', replace_where='day >= 2'",
        &values("day, v", "(1, 'old'), (2, 'old')"),
        "select 1 as day, 'x' as v where false",
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"day": 1, "v": "old"}]));
}

/// A table with columns `id, v, w` whose model now gives `id`, a `v` that is a number, and a new `x`.
fn changed_columns(on_schema_change: &str, strategy: &str) -> TestProject {
    incremental(
        &format!("{strategy}, on_schema_change='{on_schema_change}'"),
        "select 1 as id, 1 as v, 'gone' as w union all select 2, 2, 'gone'",
        "select 2 as id, 'two' as v, 'new' as x",
    )
}

#[test]
fn on_schema_change_ignore_keeps_the_columns() {
    let project =
        incremental("incremental_strategy='append'", "select 1 as id, 'old' as v", "select 'new' as x, 2 as id");
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1, "v": "old"}, {"id": 2, "v": null}]));

    let project = changed_columns("ignore", "incremental_strategy='append'");
    project.ok(&["run"]);
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0602]: column `v` of `gold.m` is bigint in the table and now a string
     --> models/gold/m.sql:3:26
      |
    3 | select 2 as id, 'two' as v, 'new' as x
      |                          ^
      |
      = hint: cast it, set on_schema_change='sync_all_columns', or run with --full-refresh
    ");
    assert_eq!(project.version("gold/m"), 0);
}

#[test]
fn on_schema_change_fail_names_what_changed() {
    let project = changed_columns("fail", "unique_key='id'");
    project.ok(&["run"]);
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0602]: the columns of `gold.m` changed: `x` is new, `w` is gone, `v` was bigint and is a string
     --> models/gold/m.sql:3:38
      |
    3 | select 2 as id, 'two' as v, 'new' as x
      |                                      ^
      |
      = hint: on_schema_change is `fail`; run with --full-refresh to rebuild the table
    ");
    assert_eq!(project.version("gold/m"), 0);
}

#[test]
fn on_schema_change_append_new_columns_adds_and_keeps() {
    for (strategy, old) in [("incremental_strategy='append'", 2), ("unique_key='id'", 1)] {
        let project = incremental(
            &format!("{strategy}, on_schema_change='append_new_columns'"),
            "select 1 as id, 'old' as v union all select 2, 'old'",
            "select 2 as id, 1.5 as x",
        );
        project.ok(&["run"]);
        project.ok(&["run"]);
        assert_eq!(
            Value::from(project.rows("select id, v, x from {{ ref('m') }} where id = 1 or x is not null order by 1")),
            json!([{"id": 1, "v": "old", "x": null}, {"id": 2, "v": null, "x": 1.5}]),
            "{strategy}"
        );
        assert_eq!(project.value("select count(*) from {{ ref('m') }} where x is null"), json!(old), "{strategy}");
        assert_eq!(project.version("gold/m"), 1, "{strategy}");
    }
}

#[test]
fn on_schema_change_sync_all_columns_adds_drops_and_retypes() {
    for strategy in ["unique_key='id'", "unique_key='id', incremental_strategy='delete+insert'"] {
        let project = changed_columns("sync_all_columns", strategy);
        project.ok(&["run"]);
        project.ok(&["run"]);
        assert_eq!(
            all(&project),
            json!([{"id": 1, "v": "1", "x": null}, {"id": 2, "v": "two", "x": "new"}]),
            "{strategy}"
        );
        assert_eq!(project.version("gold/m"), 1, "{strategy}");
    }
    let project = changed_columns("sync_all_columns", "incremental_strategy='append'");
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(
        all(&project),
        json!([{"id": 1, "v": "1", "x": null}, {"id": 2, "v": "2", "x": null}, {"id": 2, "v": "two", "x": "new"}])
    );
}

#[test]
fn sync_all_columns_reaches_partitions_that_are_not_overwritten() {
    let project = incremental(
        "incremental_strategy='insert_overwrite', partition_by='id', on_schema_change='sync_all_columns'",
        "select 1 as id, 1 as v, 'gone' as w union all select 2, 2, 'gone'",
        "select 2 as id, 'two' as v, 'new' as x",
    );
    project.ok(&["run"]);
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1, "v": "1", "x": null}, {"id": 2, "v": "two", "x": "new"}]));
}

#[test]
fn sync_all_columns_with_a_value_that_does_not_fit_changes_nothing() {
    let project = incremental(
        "incremental_strategy='append', on_schema_change='sync_all_columns'",
        "select 1 as id, 'one' as v",
        "select 2 as id, 2 as v",
    );
    project.ok(&["run"]);
    refused_without_words_of_the_program(&project, "'one'");
    assert_eq!(all(&project), json!([{"id": 1, "v": "one"}]));
    assert_eq!(project.version("gold/m"), 0);
}

#[test]
fn a_number_is_not_cut_to_fit_the_table() {
    for mode in ["ignore", "append_new_columns"] {
        let config = format!("incremental_strategy='append', on_schema_change='{mode}'");
        let project = incremental(&config, "select 1 as v", "select 2.7 as v");
        project.ok(&["run"]);
        let ran = project.run(&["run", "--quiet"]);
        assert_eq!(ran.code, 1, "{mode}\n{ran}");
        assert!(
            ran.stderr.starts_with("error[E0602]: column `v` of `gold.m` is bigint in the table and now double"),
            "{ran}"
        );
        assert_eq!(Value::from(project.rows("select * from {{ ref('m') }}")), json!([{"v": 1}]), "{mode}");
    }
}

#[test]
fn full_refresh_builds_anew_by_flag_and_by_config() {
    let first = values("id, v", "(1, 'first')");
    let then = values("id, v", "(2, 'then')");
    let project = incremental("incremental_strategy='append'", &first, &then);
    project.ok(&["run"]);
    project.ok(&["run"]);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(all(&project), json!([{"id": 1, "v": "first"}]));
    assert_eq!(project.version("gold/m"), 2);

    // The model's own word wins, both ways.
    write_incremental(&project, "incremental_strategy='append', full_refresh=false", &first, &then);
    project.ok(&["run", "--full-refresh"]);
    assert_eq!(all(&project), json!([{"id": 1, "v": "first"}, {"id": 2, "v": "then"}]));
    write_incremental(&project, "incremental_strategy='append', full_refresh=true", &first, &then);
    project.ok(&["run"]);
    assert_eq!(all(&project), json!([{"id": 1, "v": "first"}]));
}

#[test]
fn descriptions_properties_and_partitions_are_in_the_tables_metadata() {
    let project = TestProject::new()
        .file(
            "models/gold/m.sql",
            "{{ config(materialized='incremental', incremental_strategy='append', partition_by='day', \
             table_properties={'delta.logRetentionDuration': 'interval 60 days', 'owner': 'us'}) }}\nselect 1 as id, date '2026-01-02' as day",
        )
        .file(
            "models/gold/gold.yml",
            "models:\n  - name: m\n    description: What was sold, {{ doc }}.\n    columns:\n      - {name: id, description: \"The order's number.\"}\n"
                .replace("{{ doc }}", "naïve \\\"quotes\\\"")
                .as_str(),
        );
    project.ok(&["run"]);
    let commit = project.commit("gold/m", 0);
    let metadata = action(&commit, "metaData");
    assert_eq!(metadata["description"], "What was sold, naïve \\\"quotes\\\".");
    assert_eq!(metadata["partitionColumns"], json!(["day"]));
    assert_eq!(metadata["configuration"], json!({"delta.logRetentionDuration": "interval 60 days", "owner": "us"}));
    let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
    assert_eq!(
        schema["fields"],
        json!([
            {"name": "id", "type": "long", "nullable": true, "metadata": {"comment": "The order's number."}},
            {"name": "day", "type": "date", "nullable": true, "metadata": {}},
        ])
    );
    assert_eq!(action(&commit, "protocol"), &json!({"minReaderVersion": 1, "minWriterVersion": 2}));

    // A new description comes with the next commit; nothing else changes.
    project.write(
        "models/gold/gold.yml",
        "models:\n  - {name: m, description: Sales., columns: [{name: id, description: Number.}]}\n",
    );
    project.ok(&["run"]);
    let commit = project.commit("gold/m", 1);
    assert_eq!(action(&commit, "metaData")["description"], "Sales.");
    assert_eq!(action(&commit, "metaData")["id"], metadata["id"]);
    assert_eq!(kinds(&project, "gold/m", 1), ["metaData", "add"]);
    project.ok(&["run"]);
    assert_eq!(kinds(&project, "gold/m", 2), ["add"]);
}

#[test]
fn a_commit_says_who_made_it_of_what() {
    let project = TestProject::new()
        .file("seeds/s.csv", "id\n1\n")
        .file("models/bronze/orders.sql", "{{ config(materialized='table') }}\nselect id from {{ ref('s') }}")
        .file("models/gold/m.sql", "{{ config(materialized='table') }}\nselect o.id, s.id as v from {{ ref('orders') }} o join {{ ref('s') }} s using (id)");
    project.ok(&["build"]);
    project.ok(&["run", "--select", "orders"]);
    project.ok(&["run", "--select", "m"]);

    let commit = project.commit("gold/m", 1);
    let info = action(&commit, "commitInfo");
    assert_eq!(info["engine.model"], "model.shop.m");
    assert_eq!(info["engine.inputs"], json!({"bronze.orders": 1, "seeds.s": 0}));
    let before = project.commit("gold/m", 0);
    let before = action(&before, "commitInfo");
    assert_eq!(before["engine.sql_hash"], info["engine.sql_hash"]);
    assert_ne!(before["engine.invocation"], info["engine.invocation"]);
    assert_eq!(project.artifact("run_results.json")["metadata"]["invocation_id"], info["engine.invocation"]);
    let orders = project.commit("bronze/orders", 0);
    assert_eq!(action(&orders, "commitInfo")["engine.invocation"], before["engine.invocation"]);
    assert_ne!(action(&orders, "commitInfo")["engine.sql_hash"], info["engine.sql_hash"]);
}

#[test]
fn partition_and_key_columns_must_be_selected() {
    let project = TestProject::new().file(
        "models/gold/m.sql",
        "{{ config(materialized='incremental', unique_key='ident', partition_by='day') }}\nselect 1 as id, date '2026-01-02' as date",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: `partition_by` names `day`, which `gold.m` does not select
     --> models/gold/m.sql:1:73
      |
    1 | {{ config(materialized='incremental', unique_key='ident', partition_by='day') }}
      |                                                                         ^^^
      |
      = note: there are `id`, `date`

    error[E0403]: `unique_key` names `ident`, which `gold.m` does not select
     --> models/gold/m.sql:1:51
      |
    1 | {{ config(materialized='incremental', unique_key='ident', partition_by='day') }}
      |                                                   ^^^^^
      |
      = hint: did you mean `id`?

    2 errors
    ");
    assert!(!project.path("warehouse/gold/m").exists());
}

#[test]
fn the_first_load_of_a_merge_wants_one_row_for_each_key_too() {
    let model = "{{ config(materialized='incremental', unique_key='id') }}\nselect * from (values (1, 'a'), (1, 'b')) as t(id, v)";
    let project = TestProject::new().file("models/gold/m.sql", model);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("error[E0603]: several rows for one key of `gold.m`: id = 1 has 2 rows"), "{ran}");
    assert!(!project.path("warehouse/gold/m/_delta_log").exists(), "nothing was published");
}

//! Mistakes that only the data shows: seeds, source files, values that do not fit, a warehouse that cannot be used.

use std::fs;

use super::revenue;
use crate::project::TestProject;
use crate::transcript;

const SOURCE: &str = "sources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: \"data/orders.ndjson\"}\n        format: ndjson\n        columns:\n          - {name: id, type: bigint}\n";

#[test]
fn a_seed_with_a_ragged_row() {
    let project = TestProject::new().file("seeds/countries.csv", "code,name\nDE,Germany\nFR,France,Paris\n");
    transcript!(project.run(&["seed", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0100]: this row has 3 values, the header 2
     --> seeds/countries.csv:3:1
      |
    3 | FR,France,Paris
      | ^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_seed_with_a_value_of_another_type() {
    let project = TestProject::new()
        .file("seeds/countries.csv", "code,people\nDE,83\nFR,many\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: countries\n    config: {column_types: {people: bigint}}\n");
    transcript!(project.run(&["seed", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0103]: column `people` does not fit its type bigint
     --> seeds/countries.csv:3:1
      |
    3 | FR,many
      | ^^^^^^^
    ");
}

#[test]
fn a_seed_with_an_unknown_type() {
    let project = TestProject::new()
        .file("seeds/countries.csv", "code,people\nDE,83\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: countries\n    config: {column_types: {people: lots}}\n");
    transcript!(project.run(&["seed", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0103]: `lots` of column `people` is no type
     --> seeds/seeds.yml:3:37
      |
    3 |     config: {column_types: {people: lots}}
      |                                     ^^^^
      |
      = hint: types are those of SQL, such as bigint, varchar, decimal(10, 2), timestamp
    ");
}

#[test]
fn a_seed_with_a_type_of_no_column() {
    let project = TestProject::new()
        .file("seeds/countries.csv", "code,people\nDE,83\n")
        .file("seeds/seeds.yml", "seeds:\n  - name: countries\n    config: {column_types: {peple: bigint}}\n");
    transcript!(project.run(&["seed", "--threads", "1"]), @"
    exit: 0
    ----- stderr -----
    1 seed on target `dev`, 1 at a time

    1 of 1 START seed seeds.countries .............................................. [RUN]
    1 of 1 OK seed seeds.countries ................................................. [1 row in [TIME]]

    warning[E0103]: `column_types` names `peple`, which the seed does not have
     --> seeds/seeds.yml:3:29
      |
    3 |     config: {column_types: {peple: bigint}}
      |                             ^^^^^
      |
      = hint: did you mean `people`?


    finished 1 seed in [TIME]
    completed successfully  PASS=1 WARN=0 ERROR=0 SKIP=0 TOTAL=1
    ");
}

#[test]
fn a_seed_with_two_columns_of_one_name() {
    let project = TestProject::new().file("seeds/countries.csv", "code,code\nDE,Germany\n");
    transcript!(project.run(&["seed", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0609]: two columns of `seeds.countries` are called `code`
     --> seeds/countries.csv:1:6
      |
    1 | code,code
      |      ^^^^
      |
      = hint: rename it in the first line of the file
    ");
}

#[test]
fn an_empty_seed() {
    let project = TestProject::new().file("seeds/countries.csv", "");
    transcript!(project.run(&["seed", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0100]: `seeds/countries.csv` is empty
    --> seeds/countries.csv
     = hint: its first line names the columns
    ");
}

#[test]
fn a_source_file_that_is_not_there() {
    let project = TestProject::new().file("sources.yaml", SOURCE).file(
        "models/bronze/orders.sql",
        "{{ config(materialized='incremental') }}\nselect * from {{ source('shop', 'orders') }}\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @r#"
    exit: 1
    ----- stderr -----
    error[E0607]: no file at `data/orders.ndjson`
     --> sources.yaml:5:23
      |
    5 |         files: {path: "data/orders.ndjson"}
      |                       ^^^^^^^^^^^^^^^^^^^^
      |
      = hint: the path is relative to the project; a pattern such as `data/*.ndjson` may match nothing
    "#);
}

#[test]
fn a_view_of_a_source() {
    let project = TestProject::new()
        .file("sources.yaml", SOURCE)
        .file("data/orders.ndjson", "{\"id\": 1}\n")
        .file("models/bronze/orders.sql", "select id from {{ source('shop', 'orders') }}\n");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0607]: `bronze.orders` is a view of the source `shop.orders`, which is read only once
    --> models/bronze/orders.sql
     = hint: make it `materialized: incremental`: its table then keeps what was read, and how far
    ");
}

#[test]
fn an_unknown_column_of_a_source() {
    let project = TestProject::new().file("sources.yaml", SOURCE).file("data/orders.ndjson", "{\"id\": 1}\n").file(
        "models/bronze/orders.sql",
        "{{ config(materialized='incremental') }}\nselect id, amount from {{ source('shop', 'orders') }}\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0403]: no column named `amount`
     --> models/bronze/orders.sql:2:12
      |
    2 | select id, amount from {{ source('shop', 'orders') }}
      |            ^^^^^^
      |
      = note: there are `_error`, `_ingested_at`, `_source`, `_status`, `_window_start`, `id`
    ");
}

#[test]
fn a_text_that_is_no_number() {
    let project = revenue(
        "{{ config(materialized='table') }}\nselect cast(amount as bigint) as amount\nfrom (values ('12'), ('twelve')) as rows (amount)\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0605]: cannot cast the string 'twelve' to bigint
     --> models/gold/revenue.sql:2:8
      |
    2 | select cast(amount as bigint) as amount
      |        ^^^^
      |
      = hint: `try_cast` gives NULL for what cannot be cast
    ");
}

#[test]
fn a_division_by_zero() {
    let project = revenue(
        "{{ config(materialized='table') }}\nselect 10 / amount as share\nfrom (values (2), (0)) as rows (amount)\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0605]: division by zero
     --> models/gold/revenue.sql:2:11
      |
    2 | select 10 / amount as share
      |           ^
      |
      = hint: `nullif(divisor, 0)` gives NULL instead
    ");
}

#[test]
fn more_memory_than_allowed() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\ntargets:\n  dev: {warehouse: warehouse, memory_limit: 1MiB}\n")
        .file(
            "models/gold/revenue.sql",
            "{{ config(materialized='table') }}\nselect a.value as id, array_agg(b.value) as others\nfrom generate_series(1, 2000) as a cross join generate_series(1, 2000) as b\ngroup by a.value\n",
        );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0604]: `gold.revenue` needs more memory than the target allows
    --> models/gold/revenue.sql
     = hint: raise `memory_limit` of the target, or lower `threads`
    ");
}

#[test]
fn a_warehouse_that_is_a_file() {
    let project = revenue("{{ config(materialized='table') }} select 1 as id").file("warehouse", "not a folder");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 2
    ----- stderr -----
    error[E0601]: the warehouse of target `dev` cannot be reached
     --> project.yaml:4:20
      |
    4 |   dev: {warehouse: warehouse}
      |                    ^^^^^^^^^
      |
      = note: cannot reach `[ROOT]/warehouse/gold/revenue/_engine_view.json`: Not a directory (os error 20)
      = hint: `engine debug` checks the connection
    ");
}

#[test]
fn a_warehouse_of_an_unknown_kind() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\ntargets:\n  dev: {warehouse: \"ftp://lake/gold\"}\n")
        .file("models/gold/revenue.sql", "select 1 as id");
    transcript!(project.run(&["run", "--quiet"]), @r#"
    exit: 2
    ----- stderr -----
    error[E0601]: cannot use `ftp://lake/gold`: `ftp://` is not known; a folder, `file://` and `s3://` are
     --> project.yaml:3:20
      |
    3 |   dev: {warehouse: "ftp://lake/gold"}
      |                    ^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_torn_last_commit() {
    let project = revenue("{{ config(materialized='table') }} select 1 as id");
    project.ok(&["run"]);
    project.ok(&["run"]);
    fs::write(project.path("warehouse/gold/revenue/_delta_log/00000000000000000001.json"), "").unwrap();
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0608]: the log of `gold.revenue` is damaged: `gold/revenue/_delta_log/00000000000000000001.json`
    --> models/gold/revenue.sql
     = note: a power loss or an interrupted copy leaves such a file; its rows were never whole
     = hint: move `gold/revenue/_delta_log/00000000000000000001.json` away, then run again: the table is whole up to the version before
    ");
}

#[test]
fn a_data_file_that_is_gone() {
    let project = TestProject::new()
        .file("models/silver/orders.sql", "{{ config(materialized='table') }} select 1 as id")
        .file("models/gold/revenue.sql", "{{ config(materialized='table') }}\nselect * from {{ ref('orders') }}\n");
    project.ok(&["run"]);
    for entry in fs::read_dir(project.path("warehouse/silver/orders")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    let mut ran = project.run(&["run", "--quiet", "--select", "revenue"]);
    let part = regex::Regex::new(r"part-[\w.-]+parquet").unwrap();
    ran.stderr = part.replace_all(&ran.stderr, "[FILE]").into_owned();
    transcript!(ran, @"
    exit: 1
    ----- stderr -----
    error[E0608]: a file of a table it reads is gone: `silver/orders/[FILE]`
    --> models/gold/revenue.sql
     = hint: somebody deleted it; rebuild that table with `--full-refresh`
    ");
}

#[test]
fn a_table_that_somebody_else_writes() {
    let project = revenue("{{ config(materialized='table') }} select 1 as id");
    project.ok(&["run"]);
    let lock = fs::File::options().write(true).open(project.path("warehouse/.engine_locks/gold.revenue")).unwrap();
    lock.try_lock().unwrap();
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0606]: `gold.revenue` is being written by another process
    --> models/gold/revenue.sql
     = hint: wait until the other run has ended, or stop it
    ");
    lock.unlock().unwrap();
    project.ok(&["run"]);
}

#[test]
fn a_model_that_is_no_text() {
    let project = TestProject::new();
    project.write("models/gold/revenue.sql", b"select '\xff' as id");
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 2
    ----- stderr -----
    error[E0100]: `models/gold/revenue.sql` is not UTF-8
    --> models/gold/revenue.sql
    ");
}

#[test]
fn a_seed_that_is_no_text() {
    let project = TestProject::new();
    project.write("seeds/countries.csv", b"code\n\xff\n");
    transcript!(project.run(&["seed", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0100]: cannot read `seeds/countries.csv`: stream did not contain valid UTF-8
    --> seeds/countries.csv
    ");
}

#[test]
fn a_number_too_large_for_its_type() {
    let project = revenue(
        "{{ config(materialized='table') }}\nselect cast(n as int) as n from (values (9999999999)) as rows (n)\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0605]: cannot cast 9999999999 to int
     --> models/gold/revenue.sql:2:8
      |
    2 | select cast(n as int) as n from (values (9999999999)) as rows (n)
      |        ^^^^
    ");
}

#[test]
fn a_text_that_is_no_time() {
    let project = revenue(
        "{{ config(materialized='table') }}\nselect to_timestamp(at) as at from (values ('yesterday')) as rows (at)\n",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0605]: cannot cast the string 'yesterday' to a timestamp: timestamp must contain at least 10 characters
    --> models/gold/revenue.sql
     = hint: `try_cast` gives NULL for what cannot be cast
    ");
}

#[test]
fn a_sum_of_whole_numbers_that_does_not_fit() {
    let project = revenue(
        "{{ config(materialized='table') }}\nselect amount + 1 as more from (values (9223372036854775807), (2)) as t (amount)",
    );
    transcript!(project.run(&["run", "--quiet"]), @"
    exit: 1
    ----- stderr -----
    error[E0605]: `9223372036854775807 + 1` is beyond the whole numbers of its type
     --> models/gold/revenue.sql:2:15
      |
    2 | select amount + 1 as more from (values (9223372036854775807), (2)) as t (amount)
      |               ^
      |
      = hint: cast one side to a wider type first: `bigint`, `decimal(38, 0)` or `double`
    ");
    let fits = revenue(
        "{{ config(materialized='table') }}\nselect amount * 2 - 1 as more, cast(3 as smallint) * cast(4 as int) as n from (values (4)) as t (amount)",
    );
    fits.ok(&["run"]);
    assert_eq!(fits.rows("select more, n from gold.revenue"), [serde_json::json!({"more": 7, "n": 12})]);
}

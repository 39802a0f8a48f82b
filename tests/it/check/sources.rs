//! Models that read sources: by the declared columns, without a file, a service or a broker.

use super::{check, refused};
use crate::mistakes::revenue;
use crate::project::TestProject;
use crate::transcript;

/// Files with clicks, none of which is there.
pub const CLICKS: &str = "sources:\n  - name: shop\n    tables:\n      - name: clicks\n        files: {path: 'data/*.ndjson'}\n        format: ndjson\n        columns:\n          - {name: id, type: bigint}\n          - {name: at, type: timestamp}\n          - {name: page, type: string}\n";

/// A model of the clicks.
fn clicks(sql: &str) -> TestProject {
    revenue(&format!("{{{{ config(materialized='incremental') }}}}\n{sql}")).file("sources.yaml", CLICKS)
}

#[test]
fn a_column_that_is_not_declared() {
    transcript!(check(&clicks("select id,\n  pag\nfrom {{ source('shop', 'clicks') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `pag`
     --> models/gold/revenue.sql:3:3
      |
    3 |   pag
      |   ^^^
      |
      = hint: did you mean `page`?
    ");
}

#[test]
fn a_column_that_is_not_declared_with_nothing_near() {
    let sql = "{% for table in ['clicks'] %}\nselect id, url\nfrom {{ source('shop', table) }}\n{% endfor %}\n";
    transcript!(check(&clicks(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `url`
     --> models/gold/revenue.sql:3:12
      |
    3 | select id, url
      |            ^^^
      |
      = note: there are `_error`, `_ingested_at`, `_source`, `_status`, `_window_start`, `at`, `id`, `page`
    ");
}

#[test]
fn a_declared_type() {
    transcript!(
        check(&clicks("select id,\n  page + interval '1 day' as later\nfrom {{ source('shop', 'clicks') }}\n")), @"
    exit: 2
    ----- stderr -----
    error[E0405]: cannot calculate a string + an interval
     --> models/gold/revenue.sql:3:3
      |
    3 |   page + interval '1 day' as later
      |   ^^^^
      |
      = hint: cast one of them: `cast(... as ...)`
    ");
}

#[test]
fn a_column_of_a_service_that_is_not_asked() {
    let project = revenue("{{ config(materialized='incremental') }}\nselect idd\nfrom {{ source('api', 'items') }}\n")
        .file(
            "sources.yaml",
            "connections:\n  api:\n    http: {base_url: 'http://127.0.0.1:1'}\nsources:\n  - name: api\n    tables:\n      - name: items\n        http: {connection: api, path: /items}\n        format: json\n        columns: [{name: id, type: bigint}]\n",
        );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:2:8
      |
    2 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn a_column_of_a_topic_that_is_not_read() {
    let project = revenue("{{ config(materialized='incremental') }}\nselect idd\nfrom {{ source('live', 'items') }}\n")
        .file(
            "sources.yaml",
            "connections:\n  broker:\n    kafka: {brokers: '127.0.0.1:1'}\nsources:\n  - name: live\n    tables:\n      - name: items\n        kafka: {connection: broker, topic: items}\n        format: json\n        columns: [{name: id, type: bigint}]\n",
        );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:2:8
      |
    2 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn a_column_of_a_table_that_is_there() {
    let project = revenue("select idd\nfrom {{ source('lake', 'orders') }}\n")
        .file("models/silver/orders.sql", "{{ config(materialized='table') }}\nselect 1 as id\n")
        .file(
            "sources.yaml",
            "sources:\n  - name: lake\n    tables:\n      - name: orders\n        location: warehouse/silver/orders\n        format: delta\n",
        );
    project.ok(&["run", "--select", "orders"]);
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?
    ");
}

#[test]
fn a_view_of_what_is_read_once() {
    let project = revenue("select id\nfrom {{ source('shop', 'clicks') }}\n").file("sources.yaml", CLICKS);
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0607]: `gold.revenue` is a view of the source `shop.clicks`, which is read only once
    --> models/gold/revenue.sql
     = hint: make it `materialized: incremental`: its table then keeps what was read, and how far
    ");
}

#[test]
fn a_column_of_a_file_that_says_nothing_of_its_columns() {
    let sources = "sources:\n  - name: shop\n    tables:\n      - name: prices\n        files: {path: 'data/*.csv'}\n        format: csv\n";
    let sql = "{{ config(materialized='incremental') }}\nselect name\nfrom {{ source('shop', 'prices') }}\n";
    let project = revenue(sql).file("sources.yaml", sources);
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `name`
     --> models/gold/revenue.sql:2:8
      |
    2 | select name
      |        ^^^^
      |
      = note: there are `_error`, `_ingested_at`, `_source`, `_status`, `_window_start`
      = hint: `shop.prices` has the columns that its `columns` declare: name it there
    ");
}

#[test]
fn the_columns_of_a_source_asked_for_as_a_table() {
    let project = TestProject::new()
        .file("models/bronze/clicks.sql", "{{ config(materialized='incremental') }}\nselect\n{% for column in adapter.get_columns_in_relation(source('shop', 'clicks')) %}\n  {{ column.name }},\n{% endfor %}\n  1 as one\nfrom {{ source('shop', 'clicks') }}\n")
        .file("data/clicks.ndjson", "{\"id\": 1}\n")
        .file("sources.yaml", "sources:\n  - name: shop\n    tables:\n      - name: clicks\n        files: {path: data/clicks.ndjson}\n        columns: [{name: id, type: bigint}]\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0202]: cannot look at `shop.clicks`: no table named `shop.clicks`
     --> models/bronze/clicks.sql:3:18
      |
    3 | {% for column in adapter.get_columns_in_relation(source('shop', 'clicks')) %}
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

//! Queries beside those of models and tests: hooks, and the `for_each` of sources.

use super::{is_right, refused};
use crate::mistakes::orders_and;
use crate::project::TestProject;
use crate::transcript;

#[test]
fn a_column_that_a_hook_behind_a_model_names() {
    let project = orders_and(
        "{{ config(materialized='table', post_hook=\"select amont from {{ this }}\") }}\nselect id\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0407]: hook of revenue: no column named `amont`
     --> models/gold/revenue.sql:1:51
      |
    1 | {{ config(materialized='table', post_hook="select amont from {{ this }}") }}
      |                                                   ^^^^^
      |
      = note: there is only `id`
      = note: it runs: select amont from "gold"."revenue"
    "#);
}

#[test]
fn a_column_that_a_hook_before_a_model_names() {
    let project = orders_and(
        "{{ config(materialized='table', pre_hook=\"select amont from {{ ref('orders') }}\") }}\nselect id\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0407]: hook of revenue: no column named `amont`
     --> models/gold/revenue.sql:1:50
      |
    1 | {{ config(materialized='table', pre_hook="select amont from {{ ref('orders') }}") }}
      |                                                  ^^^^^
      |
      = note: it runs: select amont from "silver"."orders"
      = hint: did you mean `amount`?
    "#);
}

#[test]
fn one_of_several_hooks() {
    let project = orders_and(
        "{{ config(materialized='table', post_hook=[\n  \"select id from {{ this }}\",\n  \"select country from {{ this }}\",\n]) }}\nselect id\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0407]: hook of revenue: no column named `country`
     --> models/gold/revenue.sql:3:11
      |
    3 |   "select country from {{ this }}",
      |           ^^^^^^^
      |
      = note: there is only `id`
      = note: it runs: select country from "gold"."revenue"
    "#);
}

#[test]
fn a_hook_that_is_no_query() {
    let project = orders_and(
        "{{ config(materialized='table', post_hook='delete from gold.revenue') }}\nselect id\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: hook of revenue: only a query can be run here
     --> models/gold/revenue.sql:1:44
      |
    1 | {{ config(materialized='table', post_hook='delete from gold.revenue') }}
      |                                            ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: it runs: delete from gold.revenue
      = hint: hooks are queries; what changes tables belongs into a model
    ");
}

#[test]
fn a_hook_that_a_folder_sets() {
    let project = orders_and("{{ config(materialized='table') }}\nselect id\nfrom {{ ref('orders') }}\n")
        .file("project.yaml", "name: shop\nversion: '1.0'\ntargets:\n  dev: {warehouse: warehouse}\nmodels:\n  shop:\n    gold:\n      +post-hook: \"select idd from {{ this }}\"\n");
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0407]: hook of revenue: no column named `idd`
     --> project.yaml:8:27
      |
    8 |       +post-hook: "select idd from {{ this }}"
      |                           ^^^
      |
      = note: it runs: select idd from "gold"."revenue"
      = hint: did you mean `id`?
    "#);
}

#[test]
fn a_macro_that_a_hook_calls_and_nobody_defined() {
    let project = orders_and(
        "{{ config(materialized='table', post_hook=\"{{ grant_rights() }}\") }}\nselect id\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0205]: `grant_rights` is undefined
     --> hook of revenue:1:4
      |
    1 | {{ grant_rights() }}
      |    ^^^^^^^^^^^^ no variable, macro or function of this name
    ");
}

#[test]
fn a_hook_before_all_runs() {
    let project = orders_and("select id\nfrom {{ ref('orders') }}\n").file(
        "project.yaml",
        "name: shop\nversion: '1.0'\ntargets:\n  dev: {warehouse: warehouse}\non-run-start: select nope\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0407]: hook: no column named `nope`
     --> project.yaml:5:22
      |
    5 | on-run-start: select nope
      |                      ^^^^
      |
      = note: it runs: select nope
    ");
}

#[test]
fn a_hook_after_all_runs() {
    let project = orders_and("select id\nfrom {{ ref('orders') }}\n")
        .file("project.yaml", "name: shop\nversion: '1.0'\ntargets:\n  dev: {warehouse: warehouse}\non-run-end:\n  - \"select count(*) from {{ ref('revenue') }}\"\n  - \"select idd from {{ ref('revenue') }}\"\n");
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0407]: hook: no column named `idd`
     --> project.yaml:7:13
      |
    7 |   - "select idd from {{ ref('revenue') }}"
      |             ^^^
      |
      = note: it runs: select idd from "gold"."revenue"
      = hint: did you mean `id`?
    "#);
}

#[test]
fn hooks_that_are_right() {
    is_right(&orders_and("{{ config(\n  materialized='table',\n  pre_hook=\"{{ log('begins') }}\",\n  post_hook=[\"select id from {{ this }}\", \"select max(amount) from {{ ref('orders') }}\"],\n) }}\nselect id\nfrom {{ ref('orders') }}\n")
        .file("project.yaml", "name: shop\nversion: '1.0'\ntargets:\n  dev: {warehouse: warehouse}\non-run-start: select 1\non-run-end: \"select id from {{ ref('revenue') }}\"\n"));
}

#[test]
fn a_column_that_for_each_names() {
    let project = TestProject::new()
        .file("models/bronze/posts.sql", "{{ config(materialized='incremental') }}\nselect id\nfrom {{ source('web', 'posts') }}\n")
        .file("seeds/boards.csv", "name\nacme\n")
        .file("sources.yaml", "connections:\n  web: {http: {base_url: 'http://127.0.0.1:9'}}\nsources:\n  - name: web\n    tables:\n      - name: posts\n        for_each: \"select board from {{ ref('boards') }}\"\n        http: {connection: web, path: '/boards'}\n        columns:\n          - {name: id, type: bigint}\n          - {name: board, type: string, each: board}\n");
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0407]: the `for_each` query of source `web.posts` failed
     --> sources.yaml:7:19
      |
    7 |         for_each: "select board from {{ ref('boards') }}"
      |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ this query
      |
      = note: no column named `board`
    "#);
}

#[test]
fn a_column_that_is_not_among_those_of_for_each() {
    let project = TestProject::new()
        .file("models/bronze/posts.sql", "{{ config(materialized='incremental') }}\nselect id\nfrom {{ source('web', 'posts') }}\n")
        .file("seeds/boards.csv", "name\nacme\n")
        .file("sources.yaml", "connections:\n  web: {http: {base_url: 'http://127.0.0.1:9'}}\nsources:\n  - name: web\n    tables:\n      - name: posts\n        for_each: \"select name as board from {{ ref('boards') }}\"\n        http: {connection: web, path: '/boards'}\n        columns:\n          - {name: id, type: bigint}\n          - {name: board, type: string, each: bord}\n");
    transcript!(refused(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0403]: the `for_each` query of source `web.posts` has no column `bord`
     --> sources.yaml:7:19
      |
    7 |         for_each: "select name as board from {{ ref('boards') }}"
      |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `board`?
    "#);
}

#[test]
fn a_name_of_each_in_a_path() {
    let project = TestProject::new()
        .file("models/bronze/posts.sql", "{{ config(materialized='incremental') }}\nselect id\nfrom {{ source('web', 'posts') }}\n")
        .file("seeds/boards.csv", "name\nacme\n")
        .file("sources.yaml", "connections:\n  web: {http: {base_url: 'http://127.0.0.1:9'}}\nsources:\n  - name: web\n    tables:\n      - name: posts\n        for_each: \"select name as board from {{ ref('boards') }}\"\n        http: {connection: web, path: '/boards/{{ each.bord }}'}\n        columns:\n          - {name: id, type: bigint}\n          - {name: board, type: string, each: board}\n");
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0205]: `each.bord` is undefined
     --> sources.yaml:8:51
      |
    8 |         http: {connection: web, path: '/boards/{{ each.bord }}'}
      |                                                   ^^^^^^^^^
      |
      = hint: YAML sees `each`, `var`, `env_var` and `target`; macros are for SQL
    ");
}

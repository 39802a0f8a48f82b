//! Files that cannot be read, whole or in part: their mistakes are told with those of all others, and what follows from
//! them is not.

use super::check;
use crate::mistakes::orders_and;
use crate::project::TestProject;
use crate::transcript;

/// `silver.orders` and two models that misspell one of its columns, the second of which reads `calls`, too.
fn two_mistakes(calls: &str) -> TestProject {
    orders_and("select idd\nfrom {{ ref('orders') }}\n")
        .file("models/gold/other.sql", &format!("select contry, {calls} as x\nfrom {{{{ ref('orders') }}}}\n"))
}

#[test]
fn a_key_nobody_knows_in_properties_hides_no_other_mistake() {
    let project = two_mistakes("1").file(
        "models/models.yml",
        "models:\n  - name: orders\n    descripton: all of them\n    columns:\n      - {name: ident, data_tests: [unique]}\nmodel: []\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry, 1 as x
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0103]: unknown key `descripton` in an entry of `models`
     --> models/models.yml:3:5
      |
    3 |     descripton: all of them
      |     ^^^^^^^^^^ not a setting
      |
      = hint: did you mean `description`?

    error[E0403]: `silver.orders` has no column `ident`
     --> models/models.yml:5:16
      |
    5 |       - {name: ident, data_tests: [unique]}
      |                ^^^^^ tested here
      |
      = hint: did you mean `id`?

    error[E0103]: unknown key `model` in a property file
     --> models/models.yml:6:1
      |
    6 | model: []
      | ^^^^^ not a setting
      |
      = hint: did you mean `models`?
    ");
}

#[test]
fn yaml_that_is_none_counts_as_absent() {
    let project = two_mistakes("1").file(
        "models/models.yml",
        "models:\n  - name: orders\n    config: {contract: {enforced: true}\n    columns: []\n",
    );
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry, 1 as x
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0102]: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
     --> models/models.yml:4:5
      |
    4 |     columns: []
      |     ^^^^^^^ here

    checked 3 models and 0 data tests in [TIME]: 3 errors
    ");
}

#[test]
fn a_setting_that_is_not_known_has_no_consequences() {
    let project = orders_and("{{ config(unique_key='id', topic='orders') }}\nselect id\nfrom {{ ref('orders') }}\n")
        .file(
            "models/models.yml",
            "models:\n  - name: revenue\n    config: {materialized: incrementl, contract: {enforced: true}}\n",
        );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0103]: config `materialized` is `table`, `view`, `incremental`, `ephemeral` or `kafka`, not the string `incrementl`
     --> models/models.yml:3:28
      |
    3 |     config: {materialized: incrementl, contract: {enforced: true}}
      |                            ^^^^^^^^^^ expected `table`, `view`, `incremental`, `ephemeral` or `kafka`
    ");
}

#[test]
fn a_setting_of_a_folder_that_is_not_known_has_no_consequences() {
    let project = orders_and("{{ config(unique_key='id') }}\nselect id, contry\nfrom {{ ref('orders') }}\n")
        .file("project.yaml", "name: shop\nversoin: '1.0'\nmodels:\n  gold:\n    +materialised: incremental\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/revenue.sql:2:12
      |
    2 | select id, contry
      |            ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0103]: unknown key `versoin` in the project file
     --> project.yaml:2:1
      |
    2 | versoin: '1.0'
      | ^^^^^^^ not a setting
      |
      = hint: did you mean `version`?

    error[E0103]: unknown config `materialised` of a model
     --> project.yaml:5:5
      |
    5 |     +materialised: incremental
      |     ^^^^^^^^^^^^^ not a config key
      |
      = hint: did you mean `materialized`?
    ");
}

#[test]
fn sources_that_are_no_yaml_are_not_missed() {
    let project = two_mistakes("1")
        .file("models/bronze/clicks.sql", "select id\nfrom {{ source('web', 'clicks') }}\n")
        .file("models/silver/clicked.sql", "select nope\nfrom {{ ref('clicks') }}\n")
        .file("models/bronze/pages.sql", "select id\nfrom {{ source('site', 'pages') }}\n")
        .file("sources.yaml", "sources:\n  - name: web\n   tables:\n      - name: clicks\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0302]: no source named `site`
     --> models/bronze/pages.sql:2:9
      |
    2 | from {{ source('site', 'pages') }}
      |         ^^^^^^^^^^^^^^^^^^^^^^^ not declared in `sources.yaml`

    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry, 1 as x
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0102]: this is not YAML: while parsing a block collection, did not find expected '-' indicator
     --> sources.yaml:3:4
      |
    3 |    tables:
      |    ^^^^^^ here

    note: not checked, for what they read is wrong: bronze.clicks, silver.clicked
    checked 3 models and 0 data tests in [TIME]: 4 errors
    ");
}

#[test]
fn a_table_of_a_source_with_a_mistake_is_not_read() {
    let project = two_mistakes("1")
        .file("models/bronze/clicks.sql", "select idd\nfrom {{ source('web', 'clicks') }}\n")
        .file("models/bronze/pages.sql", "select idd\nfrom {{ source('web', 'pages') }}\n")
        .file("sources.yaml", "sources:\n  - name: web\n    descripton: from the web\n    tables:\n      - name: clicks\n        files: {path: data/clicks.csv}\n        columns: [{name: id, type: bigitn}]\n      - name: pages\n        files: {path: data/pages.csv}\n        columns: [{name: id, type: bigint}]\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/bronze/pages.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry, 1 as x
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0103]: unknown key `descripton` in a source
     --> sources.yaml:3:5
      |
    3 |     descripton: from the web
      |     ^^^^^^^^^^ not a setting
      |
      = hint: did you mean `description`?

    error[E0103]: unknown type `bigitn`
     --> sources.yaml:7:36
      |
    7 |         columns: [{name: id, type: bigitn}]
      |                                    ^^^^^^ in the type `bigitn`
      |
      = hint: did you mean `bigint`?

    note: not checked, for what they read is wrong: bronze.clicks
    checked 4 models and 0 data tests in [TIME]: 5 errors
    ");
}

#[test]
fn a_secret_that_is_not_set_hides_no_other_mistake() {
    let project = two_mistakes("1")
        .file("models/bronze/posts.sql", "select idd\nfrom {{ source('web', 'posts') }}\n")
        .file("sources.yaml", "connections:\n  web: {http: {base_url: 'http://127.0.0.1:9', headers: {key: \"{{ env_var('API_KEY') }}\"}}}\nsources:\n  - name: web\n    tables:\n      - name: posts\n        http: {connection: web, path: /posts}\n        columns: [{name: id, type: bigint}]\n      - name: pages\n        files: {path: data/pages.csv}\n        colums: []\n");
    transcript!(project.run(&["check"]), @r#"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry, 1 as x
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0204]: the environment variable `API_KEY` is not set
     --> sources.yaml:2:67
      |
    2 |   web: {http: {base_url: 'http://127.0.0.1:9', headers: {key: "{{ env_var('API_KEY') }}"}}}
      |                                                                   ^^^^^^^^^^^^^^^^^^
      |
      = hint: set it, or give a default: `env_var('API_KEY', 'default')`

    error[E0103]: unknown key `colums` in a source's table
      --> sources.yaml:11:9
       |
    11 |         colums: []
       |         ^^^^^^ not a setting
       |
       = hint: did you mean `columns`?

    note: not checked, for what they read is wrong: bronze.posts
    checked 3 models and 0 data tests in [TIME]: 4 errors
    "#);
}

#[test]
fn a_macro_that_does_not_parse_is_not_missed() {
    let project = two_mistakes("{{ shop.gross('amount') }}")
        .file(
            "models/gold/third.sql",
            "select {{ groos('id') }} as x, {{ net('idd') }} as y\nfrom {{ ref('orders') }}\n",
        )
        .file("models/gold/fourth.sql", "select {{ net('idd') }} as y\nfrom {{ ref('orders') }}\n")
        .file("macros/gross.sql", "{% macro gross(column) %}{{ column * 1.19 }{% endmacro %}\n")
        .file("macros/net.sql", "{% macro net(column) %}{{ column }}{% endmacro %}\n")
        .file("tests/generic/positive.sql", "{% test positive(model, column_name) %}select {% endtst %}\n")
        .file(
            "models/models.yml",
            "models:\n  - name: orders\n    columns:\n      - {name: id, data_tests: [positive, psitive]}\n",
        );
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0201]: `{% macro %}` is never closed
     --> macros/gross.sql:1:10
      |
    1 | {% macro gross(column) %}{{ column * 1.19 }{% endmacro %}
      |          ^^^^^ has no `{% endmacro %}`

    error[E0403]: no column named `idd`
     --> models/gold/fourth.sql:1:16
      |
    1 | select {{ net('idd') }} as y
      |                ^^^
      |
      = note: rendered, the line is: select idd as y
      = hint: did you mean `id`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0205]: `groos` is undefined
     --> models/gold/third.sql:1:11
      |
    1 | select {{ groos('id') }} as x, {{ net('idd') }} as y
      |           ^^^^^ no variable, macro or function of this name

    error[E0501]: no test named `psitive`
     --> models/models.yml:4:43
      |
    4 |       - {name: id, data_tests: [positive, psitive]}
      |                                           ^^^^^^^
      |
      = hint: write it as `{% test psitive(model, column_name) %}` in `tests/generic/`, or use one that exists

    error[E0201]: `{% test %}` is never closed
     --> tests/generic/positive.sql:1:9
      |
    1 | {% test positive(model, column_name) %}select {% endtst %}
      |         ^^^^^^^^ has no `{% endtest %}`

    note: not checked, for what they read is wrong: gold.other
    checked 3 models and 2 data tests in [TIME]: 6 errors
    ");
}

#[test]
fn a_file_that_cannot_be_a_model_is_not_missed() {
    let project = two_mistakes("1")
        .file("models/gold/1a.sql", "select 1 as x\n")
        .file("models/gold/reads.sql", "select nope\nfrom {{ ref('1a') }}\n")
        .file("models/sliver/lost.sql", "select 1 as x\n")
        .file("models/gold/reads_lost.sql", "select nope\nfrom {{ ref('lost') }}\n")
        .file("models/models.yml", "models:\n  - name: lost\n  - name: bytes\n");
    project.write("models/silver/bytes.sql", [0xff, 0xfe]);
    project.write("models/gold/reads_bytes.sql", "select nope\nfrom {{ ref('bytes') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0108]: `1a` cannot be the name of a model
    --> models/gold/1a.sql
     = hint: rename the file: a letter or underscore, then letters, digits and underscores

    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry, 1 as x
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0100]: `models/silver/bytes.sql` is not UTF-8
    --> models/silver/bytes.sql

    error[E0106]: folder `sliver` is not a declared layer
    --> models/sliver
     = hint: did you mean `silver`?
     = hint: or add `sliver` to `layers` in the project file, in the order in which layers are read

    note: not checked, for what they read is wrong: gold.reads, gold.reads_bytes, gold.reads_lost
    checked 3 models and 0 data tests in [TIME]: 5 errors
    ");
}

#[test]
fn two_files_of_one_name_are_not_read() {
    let project = two_mistakes("1")
        .file("models/bronze/orders.sql", "select 1 as number\n")
        .file("models/gold/third.sql", "select number\nfrom {{ ref('orders') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: two files are called `orders`
    --> models/silver/orders.sql
     = note: the other is `models/bronze/orders.sql`
     = hint: rename one: a name is what `ref()` knows it by, whatever its folder

    note: not checked, for what they read is wrong: gold.other, gold.revenue, gold.third
    checked 1 model and 0 data tests in [TIME]: 1 error
    ");
}

#[test]
fn what_is_said_of_two_files_of_one_name_is_held_against_neither() {
    let project = orders_and("select 1 as one\n")
        .file("models/bronze/orders.sql", "select 1 as number\n")
        .file(
            "models/models.yml",
            "models:\n  - name: orders\n    config: {materialized: incremental, incremental_strategy: merge, unique_key: id}\n    columns:\n      - {name: id, data_tests: [unique]}\n",
        );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0104]: two files are called `orders`
    --> models/silver/orders.sql
     = note: the other is `models/bronze/orders.sql`
     = hint: rename one: a name is what `ref()` knows it by, whatever its folder
    ");
}

#[test]
fn layers_that_are_misspelt_have_no_consequences() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\nlayer: [raw, mart]\n")
        .file("models/raw/orders.sql", "select 1 as id\n")
        .file("models/mart/revenue.sql", "select idd\nfrom {{ ref('orders') }}\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/mart/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0103]: unknown key `layer` in the project file
     --> project.yaml:2:1
      |
    2 | layer: [raw, mart]
      | ^^^^^ not a setting
      |
      = hint: did you mean `layers`?

    checked 2 models and 0 data tests in [TIME]: 2 errors
    ");
}

#[test]
fn an_exposure_with_a_mistake_tells_the_others() {
    let project = two_mistakes("1").file(
        "models/exposures.yml",
        "exposures:\n  - name: report\n    type: dashbord\n    owner: Ann\n    depends_on: [\"ref('revenu')\"]\n",
    );
    transcript!(check(&project), @r#"
    exit: 2
    ----- stderr -----
    error[E0103]: `type` is `dashboard`, `notebook`, `analysis`, `ml` or `application`, not `dashbord`
     --> models/exposures.yml:3:11
      |
    3 |     type: dashbord
      |           ^^^^^^^^ not one of these
      |
      = hint: did you mean `dashboard`?

    error[E0103]: `owner` is a mapping, not a string
     --> models/exposures.yml:4:12
      |
    4 |     owner: Ann
      |            ^^^ expected `{name: ..., email: ...}`

    error[E0301]: no model or seed named `revenu`
     --> models/exposures.yml:5:18
      |
    5 |     depends_on: ["ref('revenu')"]
      |                  ^^^^^^^^^^^^^^^ not found in this project
      |
      = hint: did you mean `revenue`?

    error[E0403]: no column named `contry`
     --> models/gold/other.sql:1:8
      |
    1 | select contry, 1 as x
      |        ^^^^^^
      |
      = hint: did you mean `country`?

    error[E0403]: no column named `idd`
     --> models/gold/revenue.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?
    "#);
}

#[test]
fn a_project_file_that_is_no_yaml_is_told_alone() {
    let project = two_mistakes("1").file("project.yaml", "name: shop\ntargets: {dev\n");
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0102]: `{` is never closed
     --> project.yaml:2:10
      |
    2 | targets: {dev
      |          ^ opened here

    note: nothing else was checked: what the project is made of is not known without this
    ");
}

#[test]
fn a_run_tells_all_mistakes_of_loading_and_does_not_begin() {
    let project = orders_and("select id\nfrom {{ ref('oders') }}\n")
        .file("models/models.yml", "models:\n  - name: orders\n    descripton: all of them\n")
        .file("macros/gross.sql", "{% macro gross(column) %}{{ column }{% endmacro %}\n");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0201]: `{% macro %}` is never closed
     --> macros/gross.sql:1:10
      |
    1 | {% macro gross(column) %}{{ column }{% endmacro %}
      |          ^^^^^ has no `{% endmacro %}`

    error[E0301]: no model or seed named `oders`
     --> models/gold/revenue.sql:2:9
      |
    2 | from {{ ref('oders') }}
      |         ^^^^^^^^^^^^ not found in this project
      |
      = hint: did you mean `orders`?

    error[E0103]: unknown key `descripton` in an entry of `models`
     --> models/models.yml:3:5
      |
    3 |     descripton: all of them
      |     ^^^^^^^^^^ not a setting
      |
      = hint: did you mean `description`?

    3 errors
    ");
    assert!(!project.path("warehouse").exists());
}

#[test]
fn what_is_said_alike_is_told_by_its_places() {
    let mut project = orders_and("select id\nfrom {{ ref('orders') }}\n");
    for number in 1..=9 {
        project = project.file(&format!("models/gold/m{number}.sql"), "select idd\nfrom {{ ref('orders') }}\n").file(
            &format!("models/gold/m{number}.yml"),
            &format!("models:\n  - name: m{number}\n    data_tests: [positive]\n"),
        );
    }
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: no column named `idd`
     --> models/gold/m1.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0501]: no test named `positive`
     --> models/gold/m1.yml:3:18
      |
    3 |     data_tests: [positive]
      |                  ^^^^^^^^
      |
      = hint: write it as `{% test positive(model, column_name) %}` in `tests/generic/`, or use one that exists

    error[E0403]: no column named `idd`
     --> models/gold/m2.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = hint: did you mean `id`?

    error[E0501]: no test named `positive`
     --> models/gold/m2.yml:3:18
      |
    3 |     data_tests: [positive]
      |                  ^^^^^^^^
      |
      = hint: write it as `{% test positive(model, column_name) %}` in `tests/generic/`, or use one that exists

    error[E0403]: no column named `idd`
     --> models/gold/m3.sql:1:8
      |
    1 | select idd
      |        ^^^
      |
      = note: the same at 6 more places: models/gold/m4.sql:1:8, models/gold/m5.sql:1:8, models/gold/m6.sql:1:8, models/gold/m7.sql:1:8, models/gold/m8.sql:1:8, ...
      = hint: did you mean `id`?

    error[E0501]: no test named `positive`
     --> models/gold/m3.yml:3:18
      |
    3 |     data_tests: [positive]
      |                  ^^^^^^^^
      |
      = note: the same at 6 more places: models/gold/m4.yml:3:18, models/gold/m5.yml:3:18, models/gold/m6.yml:3:18, models/gold/m7.yml:3:18, models/gold/m8.yml:3:18, ...
      = hint: write it as `{% test positive(model, column_name) %}` in `tests/generic/`, or use one that exists
    ");
    let json = project.run(&["check", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(told["diagnostics"].as_array().unwrap().len(), 18);
}

#[test]
fn warnings_are_no_progress() {
    let project = orders_and("{{ config(unique_key='id') }}\nselect id\nfrom {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 0
    ----- stderr -----
    warning[E0103]: `unique_key` changes nothing for a view
     --> models/gold/revenue.sql:1:11
      |
    1 | {{ config(unique_key='id') }}
      |           ^^^^^^^^^^
      |
      = hint: it is meant for `incremental`: leave it out, or set `materialized`
    ");
}

#[test]
fn two_columns_of_one_name_in_an_ephemeral_model() {
    let project = orders_and("select id\nfrom {{ ref('paired') }}\n").file(
        "models/silver/paired.sql",
        "{{ config(materialized='ephemeral') }}\nselect a.*, b.country as id\nfrom {{ ref('orders') }} a join {{ ref('orders') }} b on a.id = b.id\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0406]: two columns are called `id`
     --> models/silver/paired.sql:2:26
      |
    2 | select a.*, b.country as id
      |                          ^^
      |
      = hint: give one of them another name with `as`
    ");
    project.ok(&["run", "--quiet", "--select", "orders"]);
    transcript!(project.run(&["run", "--quiet", "--select", "revenue"]), @"
    exit: 1
    ----- stderr -----
    error[E0406]: two columns are called `id`
     --> models/silver/paired.sql:2:26
      |
    2 | select a.*, b.country as id
      |                          ^^
      |
      = hint: give one of them another name with `as`
    ");
}

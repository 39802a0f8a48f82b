//! What is said of mistakes in the project file, the properties and the folders.

use super::*;

#[test]
fn mistakes_of_the_project_file_are_told_together() {
    let yaml = "
name: my shop
layer: [bronze, silver]
model-paths: {a: b}
targets:
  dev: {warehouse: 5, memory_limit: 4 bananas, thread: 3}
models:
  gold:
    materialised: table
    +enabled: yes
    +schema: eu
    +owner_team: a
on-run-start: [1, {sql: x}]
";
    insta::assert_snapshot!(mistakes(&[("project.yaml", yaml), ("models/gold/a.sql", "")]), @r#"
    error[E0103]: `warehouse` is a string, not a number
     --> project.yaml:6:20
      |
    6 |   dev: {warehouse: 5, memory_limit: 4 bananas, thread: 3}
      |                    ^ expected a string
      |
      = hint: quote it

    error[E0103]: `4 bananas` is not a size
     --> project.yaml:6:37
      |
    6 |   dev: {warehouse: 5, memory_limit: 4 bananas, thread: 3}
      |                                     ^^^^^^^^^ expected `4GiB`, `512MB` or bytes

    error[E0103]: unknown key `thread` in a target
     --> project.yaml:6:48
      |
    6 |   dev: {warehouse: 5, memory_limit: 4 bananas, thread: 3}
      |                                                ^^^^^^ not a setting
      |
      = hint: did you mean `threads`?

    error[E0108]: `my shop` is not a name
     --> project.yaml:2:7
      |
    2 | name: my shop
      |       ^^^^^^^ a letter or underscore, then letters, digits and underscores

    error[E0103]: `model-paths` is a string or a list of strings, not a mapping
     --> project.yaml:4:14
      |
    4 | model-paths: {a: b}
      |              ^^^^^^ expected a string or a list of strings

    error[E0103]: `on-run-start` is a string or a list of strings, not a mapping
      --> project.yaml:13:19
       |
    13 | on-run-start: [1, {sql: x}]
       |                   ^^^^^^^^ expected a string or a list of strings

    error[E0103]: unknown key `layer` in the project file
     --> project.yaml:3:1
      |
    3 | layer: [bronze, silver]
      | ^^^^^ not a setting
      |
      = hint: did you mean `layers`?

    error[E0103]: unknown config `materialised` of a model
     --> project.yaml:9:5
      |
    9 |     materialised: table
      |     ^^^^^^^^^^^^ not a config key
      |
      = hint: did you mean `materialized`?

    error[E0103]: config `enabled` is `true` or `false`, not the string `yes`
      --> project.yaml:10:15
       |
    10 |     +enabled: yes
       |               ^^^ expected `true` or `false`

    error[E0103]: `schema` is not a config of a model here
      --> project.yaml:11:5
       |
    11 |     +schema: eu
       |     ^^^^^^^ not supported
       |
       = hint: the layer is the schema: move the file to the folder of the layer it belongs to

    error[E0103]: unknown config `owner_team` of a model
      --> project.yaml:12:5
       |
    12 |     +owner_team: a
       |     ^^^^^^^^^^^ not a config key
       |
       = hint: keys of your own belong under `meta`: `meta: {owner_team: ...}`
    "#);
}

#[test]
fn files_that_lie_wrong_are_named() {
    let found = mistakes(&[
        ("models/orders.sql", ""),
        ("models/sliver/a.sql", ""),
        ("models/sliver/b.sql", ""),
        ("models/staging/a.sql", ""),
        ("models/gold/a-b.sql", ""),
        ("models/gold/same.sql", ""),
        ("models/silver/same.sql", ""),
        ("models/gold/countries.sql", ""),
        ("seeds/countries.csv", ""),
        ("models/gold/model.py", ""),
    ]);
    insta::assert_snapshot!(found, @r#"
    error[E0108]: `a-b` cannot be the name of a model
    --> models/gold/a-b.sql
     = hint: rename the file: a letter or underscore, then letters, digits and underscores

    error[E0103]: Python models are not part of this version
    --> models/gold/model.py
     = hint: write the model in SQL

    error[E0106]: model `orders` lies in no layer
    --> models/orders.sql
     = hint: move it into the folder of a layer: `bronze`, `silver`, `gold` or `analytics`

    error[E0104]: two files are called `same`
    --> models/silver/same.sql
     = note: the other is `models/gold/same.sql`
     = hint: rename one: a name is what `ref()` knows it by, whatever its folder

    error[E0106]: folder `sliver` is not a declared layer
    --> models/sliver
     = hint: did you mean `silver`?
     = hint: or add `sliver` to `layers` in the project file, in the order in which layers are read

    error[E0106]: folder `staging` is not a declared layer
    --> models/staging
     = hint: expected `bronze`, `silver`, `gold` or `analytics`
     = hint: or add `staging` to `layers` in the project file, in the order in which layers are read

    error[E0104]: two files are called `a`
    --> models/staging/a.sql
     = note: the other is `models/sliver/a.sql`
     = hint: rename one: a name is what `ref()` knows it by, whatever its folder

    error[E0104]: two files are called `countries`
    --> seeds/countries.csv
     = note: the other is `models/gold/countries.sql`
     = hint: rename one: a name is what `ref()` knows it by, whatever its folder
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a transcript")]
fn mistakes_in_properties_are_told_together() {
    let yaml = "
models:
  - name: orders
    colums: []
    description: [a]
    config: {materialized: [table], uniqe_key: id}
    columns:
      - name: id
        type: int
        tests: [not_null]
        data_tests:
          - accepted_values:
            values: [a, b]
          - unique: {config: {severity: wran, limits: 5}}
          - \"not null\"
      - name: id
  - description: nobody
exposure: []
";
    insta::assert_snapshot!(mistakes(&[("models/gold/orders.sql", ""), ("models/orders.yml", yaml)]), @r#"
    error[E0103]: `description` is a string, not a list
     --> models/orders.yml:5:18
      |
    5 |     description: [a]
      |                  ^^^ expected a string

    error[E0103]: config `materialized` is `table`, `view`, `incremental`, `ephemeral` or `kafka`, not a list
     --> models/orders.yml:6:28
      |
    6 |     config: {materialized: [table], uniqe_key: id}
      |                            ^^^^^^^ expected `table`, `view`, `incremental`, `ephemeral` or `kafka`

    error[E0103]: unknown config `uniqe_key` of a model
     --> models/orders.yml:6:37
      |
    6 |     config: {materialized: [table], uniqe_key: id}
      |                                     ^^^^^^^^^ not a config key
      |
      = hint: did you mean `unique_key`?

    error[E0103]: `data_tests` and `tests` are one setting
      --> models/orders.yml:10:9
       |
    10 |         tests: [not_null]
       |         ^^^^^ the old spelling
    11 |         data_tests:
       |         ---------- the new spelling
       |
       = hint: keep `data_tests`

    error[E0103]: `values` stands beside the test `accepted_values`, not below it
      --> models/orders.yml:13:13
       |
    13 |             values: [a, b]
       |             ^^^^^^ one test has one name
       |
       = hint: indent it deeper than `accepted_values`, or begin another test with `- `

    error[E0103]: config `severity` is `warn` or `error`, not the string `wran`
      --> models/orders.yml:14:41
       |
    14 |           - unique: {config: {severity: wran, limits: 5}}
       |                                         ^^^^ expected `warn` or `error`

    error[E0103]: unknown config `limits` of a data test
      --> models/orders.yml:14:47
       |
    14 |           - unique: {config: {severity: wran, limits: 5}}
       |                                               ^^^^^^ not a config key
       |
       = hint: did you mean `limit`?

    error[E0103]: `not null` is not a test
      --> models/orders.yml:15:13
       |
    15 |           - "not null"
       |             ^^^^^^^^^^ expected a name such as `not_null` or `package.my_test`

    error[E0103]: unknown key `type` in a column
     --> models/orders.yml:9:9
      |
    9 |         type: int
      |         ^^^^ not a setting
      |
      = hint: did you mean `data_type`?

    error[E0104]: column `id` is described twice
      --> models/orders.yml:16:15
       |
     8 |       - name: id
       |               -- first described here
    ...
    16 |       - name: id
       |               ^^ described again here

    error[E0103]: unknown key `colums` in an entry of `models`
     --> models/orders.yml:4:5
      |
    4 |     colums: []
      |     ^^^^^^ not a setting
      |
      = hint: did you mean `columns`?

    error[E0103]: an entry of `models` needs `name`
      --> models/orders.yml:17:5
       |
    17 |   - description: nobody
       |     ^^^^^^^^^^^ `name` is missing

    error[E0103]: unknown key `exposure` in a property file
      --> models/orders.yml:18:1
       |
    18 | exposure: []
       | ^^^^^^^^ not a setting
       |
       = hint: did you mean `exposures`?
    "#);
}

#[test]
fn properties_without_a_model_and_config_without_a_folder_are_warnings() {
    let (_, warnings) = good(&[
        ("project.yaml", "name: shop\nmodels: {silver: {+tags: a}}\nsnapshots: {+x: y}\nseed-paths: [data]\n"),
        ("models/gold/orders.sql", ""),
        ("models/gold/orders.yml", "models:\n  - name: order\n  - name: orders\nsnapshots: [{name: s}]\n"),
    ]);
    insta::assert_snapshot!(warnings, @r#"
    warning[E0103]: `snapshots` are not part of this version: this config is ignored
     --> project.yaml:3:1
      |
    3 | snapshots: {+x: y}
      | ^^^^^^^^^ ignored
      |
      = hint: remove it, or leave it for dbt

    warning[E0103]: folder `data` does not exist
     --> project.yaml:4:14
      |
    4 | seed-paths: [data]
      |              ^^^^ nothing is read from it

    warning[E0103]: `snapshots` are not part of this version
     --> models/gold/orders.yml:4:1
      |
    4 | snapshots: [{name: s}]
      | ^^^^^^^^^ ignored

    warning[E0107]: no model is called `order`
     --> models/gold/orders.yml:2:11
      |
    2 |   - name: order
      |           ^^^^^ these properties describe nothing
      |
      = hint: did you mean `orders`?

    warning[E0107]: no model lies under `silver`
     --> project.yaml:2:10
      |
    2 | models: {silver: {+tags: a}}
      |          ^^^^^^ neither a folder with models nor a model
    "#);
}

#[test]
fn a_model_is_described_once() {
    let found = mistakes(&[
        ("models/gold/orders.sql", ""),
        ("models/gold/a.yml", "models: [{name: orders}]\n"),
        ("models/gold/b.yml", "models: [{name: orders}]\n"),
    ]);
    insta::assert_snapshot!(found, @r#"
    error[E0104]: model `orders` is described twice
     --> models/gold/b.yml:1:17
      |
    1 | models: [{name: orders}]
      |                 ^^^^^^ described again here
      |
     ::: models/gold/a.yml:1:17
      |
    1 | models: [{name: orders}]
      |                 ------ first described here
      |
      = hint: keep one entry: properties of one name are not merged
    "#);
}

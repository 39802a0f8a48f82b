//! Mistakes in the files: `project.yaml`, `sources.yaml`, properties, folders and names.

use super::revenue;
use crate::project::TestProject;
use crate::transcript;

#[test]
fn without_a_project_file_the_way_to_one_is_told() {
    transcript!(TestProject::empty().run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0101]: no `project.yaml` in `[ROOT]` or above it
     |
     = hint: `engine init` makes a new project; `--project-dir` names one elsewhere
    ");
}

#[test]
fn a_project_folder_without_a_project_is_named() {
    let project = TestProject::new().file("elsewhere/readme.txt", "");
    transcript!(project.run(&["ls", "--project-dir", "elsewhere"]), @"
    exit: 2
    ----- stderr -----
    error[E0101]: no `project.yaml` in `elsewhere`
     |
     = hint: `engine init` makes a new project
    ");
}

#[test]
fn a_project_folder_that_is_not_there_is_named() {
    transcript!(TestProject::new().run(&["ls", "--project-dir", "nowhere"]), @"
    exit: 2
    ----- stderr -----
    error[E0101]: no `project.yaml` in `nowhere`
     |
     = hint: `engine init` makes a new project
    ");
}

#[test]
fn a_bracket_left_open_in_yaml() {
    let project = TestProject::empty().file("project.yaml", "name: shop\nlayers: [bronze, silver\nvars: {a: 1}\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0102]: this is not YAML: illegal placement of ':' indicator
     --> project.yaml:3:5
      |
    3 | vars: {a: 1}
      |     ^ here
    ");
}

#[test]
fn a_tab_in_yaml() {
    let project = TestProject::empty().file("project.yaml", "name: shop\ntargets:\n\tdev: {warehouse: w}\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0102]: a tab cannot indent YAML
     --> project.yaml:3:2
      |
    3 |     dev: {warehouse: w}
      |     ^^^ after a tab
      |
      = hint: indent with spaces
    ");
}

#[test]
fn a_key_twice_in_yaml() {
    let project = TestProject::empty().file("project.yaml", "name: shop\nvars: {a: 1}\nvars: {b: 2}\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `vars` is set twice
     --> project.yaml:3:1
      |
    2 | vars: {a: 1}
      | ---- first set here
    3 | vars: {b: 2}
      | ^^^^ set again here
    ");
}

#[test]
fn an_unknown_key_of_the_project() {
    let project = TestProject::empty().file("project.yaml", "name: shop\ntarget:\n  dev: {warehouse: warehouse}\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown key `target` in the project file
     --> project.yaml:2:1
      |
    2 | target:
      | ^^^^^^ not a setting
      |
      = hint: did you mean `targets` or `target_path`?
    ");
}

#[test]
fn an_unknown_key_in_properties() {
    let project =
        revenue("select 1 as id").file("models/models.yml", "models:\n  - name: revenue\n    descripton: all of it\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown key `descripton` in an entry of `models`
     --> models/models.yml:3:5
      |
    3 |     descripton: all of it
      |     ^^^^^^^^^^ not a setting
      |
      = hint: did you mean `description`?
    ");
}

#[test]
fn an_unknown_target_on_the_command_line() {
    transcript!(revenue("select 1 as id").run(&["ls", "--target", "prd"]), @"
    exit: 2
    ----- stderr -----
    error[E0106]: no target is called `prd`
     |
     = hint: expected `dev`
    ");
}

#[test]
fn a_default_target_that_is_not_declared() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\ndefault_target: prod\ntargets:\n  dev: {warehouse: warehouse}\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0106]: no target is called `prod`
     --> project.yaml:2:17
      |
    2 | default_target: prod
      |                 ^^^^ not declared in `targets`
      |
      = hint: expected `dev`
    ");
}

#[test]
fn a_folder_that_is_no_layer() {
    let project = TestProject::new().file("models/sliver/orders.sql", "select 1 as id");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0106]: folder `sliver` is not a declared layer
    --> models/sliver
     = hint: did you mean `silver`?
     = hint: or add `sliver` to `layers` in the project file, in the order in which layers are read
    ");
}

#[test]
fn a_model_in_no_layer() {
    let project = TestProject::new().file("models/orders.sql", "select 1 as id");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0106]: model `orders` lies in no layer
    --> models/orders.sql
     = hint: move it into the folder of a layer: `bronze`, `silver`, `gold` or `analytics`
    ");
}

#[test]
fn a_model_name_that_cannot_be_a_table() {
    let project = TestProject::new().file("models/gold/daily-revenue.sql", "select 1 as id");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0108]: `daily-revenue` cannot be the name of a model
    --> models/gold/daily-revenue.sql
     = hint: rename the file: a letter or underscore, then letters, digits and underscores
    ");
}

#[test]
fn two_models_of_one_name() {
    let project = TestProject::new()
        .file("models/silver/orders.sql", "select 1 as id")
        .file("models/gold/orders.sql", "select 1 as id");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: two files are called `orders`
    --> models/silver/orders.sql
     = note: the other is `models/gold/orders.sql`
     = hint: rename one: a name is what `ref()` knows it by, whatever its folder
    ");
}

#[test]
fn a_model_and_a_seed_of_one_name() {
    let project =
        TestProject::new().file("models/gold/countries.sql", "select 1 as id").file("seeds/countries.csv", "id\n1\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: two files are called `countries`
    --> seeds/countries.csv
     = note: the other is `models/gold/countries.sql`
     = hint: rename one: a name is what `ref()` knows it by, whatever its folder
    ");
}

#[test]
fn a_model_described_twice() {
    let project = revenue("select 1 as id")
        .file("models/a.yml", "models:\n  - name: revenue\n    description: one\n")
        .file("models/b.yml", "models:\n  - name: revenue\n    description: two\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: model `revenue` is described twice
     --> models/b.yml:2:11
      |
    2 |   - name: revenue
      |           ^^^^^^^ described again here
      |
     ::: models/a.yml:2:11
      |
    2 |   - name: revenue
      |           ------- first described here
      |
      = hint: keep one entry: properties of one name are not merged
    ");
}

#[test]
fn properties_of_no_model_are_a_warning() {
    let project = revenue("select 1 as id").file("models/models.yml", "models:\n  - name: revenu\n");
    transcript!(project.run(&["ls"]), @"
    exit: 0
    ----- stdout -----
    shop.gold.revenue
    ----- stderr -----
    warning[E0107]: no model is called `revenu`
     --> models/models.yml:2:11
      |
    2 |   - name: revenu
      |           ^^^^^^ these properties describe nothing
      |
      = hint: did you mean `revenue`?
    ");
}

#[test]
fn a_source_declared_twice() {
    let project = TestProject::new().file(
        "sources.yaml",
        "sources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: a.ndjson}\n        format: ndjson\n        columns: [{name: id, type: bigint}]\n      - name: orders\n        files: {path: b.ndjson}\n        format: ndjson\n        columns: [{name: id, type: bigint}]\n",
    );
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: source table `shop.orders` is declared twice
     --> sources.yaml:8:15
      |
    4 |       - name: orders
      |               ------ first declared here
    ...
    8 |       - name: orders
      |               ^^^^^^ declared again here
    ");
}

#[test]
fn a_source_of_an_unknown_format() {
    let project = TestProject::new().file(
        "sources.yaml",
        "sources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: a.ndjson}\n        format: ndjsn\n        columns: [{name: id, type: bigint}]\n",
    );
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown format `ndjsn`
     --> sources.yaml:6:17
      |
    6 |         format: ndjsn
      |                 ^^^^^ not a format that can be read here
      |
      = hint: did you mean `ndjson`?
    ");
}

#[test]
fn a_source_column_of_an_unknown_type() {
    let project = TestProject::new().file(
        "sources.yaml",
        "sources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: a.ndjson}\n        format: ndjson\n        columns: [{name: id, type: bigintt}]\n",
    );
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown type `bigintt`
     --> sources.yaml:7:36
      |
    7 |         columns: [{name: id, type: bigintt}]
      |                                    ^^^^^^^ in the type `bigintt`
      |
      = hint: did you mean `bigint`?
    ");
}

#[test]
fn an_unknown_config_key_in_a_model() {
    transcript!(revenue("{{ config(materialised='table') }}\nselect 1 as id\n").run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown config `materialised` of a model
     --> models/gold/revenue.sql:1:11
      |
    1 | {{ config(materialised='table') }}
      |           ^^^^^^^^^^^^ not a config key
      |
      = hint: did you mean `materialized`?
    ");
}

#[test]
fn an_unknown_config_value_in_a_model() {
    transcript!(revenue("{{ config(materialized='tabel') }}\nselect 1 as id\n").run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `materialized` of `revenue` is `table`, `view`, `incremental`, `ephemeral` or `kafka`, not `tabel`
     --> models/gold/revenue.sql:1:25
      |
    1 | {{ config(materialized='tabel') }}
      |                         ^^^^^
    ");
}

#[test]
fn an_unknown_config_key_in_properties() {
    let project = revenue("select 1 as id")
        .file("models/models.yml", "models:\n  - name: revenue\n    config: {materialised: table}\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown config `materialised` of a model
     --> models/models.yml:3:14
      |
    3 |     config: {materialised: table}
      |              ^^^^^^^^^^^^ not a config key
      |
      = hint: did you mean `materialized`?
    ");
}

#[test]
fn an_unknown_config_value_in_properties() {
    let project = revenue("select 1 as id")
        .file("models/models.yml", "models:\n  - name: revenue\n    config: {materialized: tabel}\n");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: config `materialized` is `table`, `view`, `incremental`, `ephemeral` or `kafka`, not the string `tabel`
     --> models/models.yml:3:28
      |
    3 |     config: {materialized: tabel}
      |                            ^^^^^ expected `table`, `view`, `incremental`, `ephemeral` or `kafka`
    ");
}

#[test]
fn an_unknown_config_value_in_the_project() {
    let project = TestProject::empty()
        .file("project.yaml", "name: shop\nmodels:\n  gold:\n    +materialized: tabel\n")
        .file("models/gold/revenue.sql", "select 1 as id");
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: config `materialized` is `table`, `view`, `incremental`, `ephemeral` or `kafka`, not the string `tabel`
     --> project.yaml:4:20
      |
    4 |     +materialized: tabel
      |                    ^^^^^ expected `table`, `view`, `incremental`, `ephemeral` or `kafka`
    ");
}

#[test]
fn vars_that_are_no_mapping() {
    transcript!(revenue("select 1 as id").run(&["ls", "--vars", "yesterday"]), @"
    exit: 2
    ----- stderr -----
    error[E0701]: `--vars` is no mapping
     --> --vars:1:1
      |
    1 | yesterday
      | ^^^^^^^^^ expected `name: value`
      |
      = hint: as in --vars '{start: 2026-01-01, limit: 10}'
    ");
}

#[test]
fn vars_that_are_no_yaml() {
    transcript!(revenue("select 1 as id").run(&["ls", "--vars", "{a: [1}"]), @"
    exit: 2
    ----- stderr -----
    error[E0102]: `[` is closed by `}`
     --> --vars:1:5
      |
    1 | {a: [1}
      |     ^ does not match
    ");
}

#[test]
fn a_bad_line_in_the_environment_file() {
    let project = revenue("select 1 as id").file(".env", "TOKEN hunter2\n");
    transcript!(project.run(&["ls"]), @r#"
    exit: 2
    ----- stderr -----
    error[E0103]: line 1 of `.env` sets nothing
    --> .env
     = hint: write `NAME=value`, `NAME="value"` or `# a comment`
    "#);
}

#[test]
fn an_unknown_flag() {
    transcript!(revenue("select 1 as id").run(&["run", "--selct", "revenue"]), @"
    exit: 2
    ----- stderr -----
    error: unexpected argument '--selct' found

      tip: a similar argument exists: '--select'

    Usage: engine run --select <SELECTION>...

    For more information, try '--help'.
    ");
}

#[test]
fn mistakes_of_several_files_are_told_together() {
    let project = TestProject::new()
        .file("models/sliver/a.sql", "select 1 as id")
        .file("models/gold/b.sql", "select 1 as id")
        .file("models/models.yml", "models:\n  - name: b\n    colums: []\n");
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown key `colums` in an entry of `models`
     --> models/models.yml:3:5
      |
    3 |     colums: []
      |     ^^^^^^ not a setting
      |
      = hint: did you mean `columns`?

    error[E0106]: folder `sliver` is not a declared layer
    --> models/sliver
     = hint: did you mean `silver`?
     = hint: or add `sliver` to `layers` in the project file, in the order in which layers are read

    2 errors
    ");
}

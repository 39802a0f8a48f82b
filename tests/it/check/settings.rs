//! Settings that name what is not there.

use super::{check, is_right, refused};
use crate::mistakes::{orders_and, revenue};
use crate::project::TestProject;
use crate::transcript;

#[test]
fn a_partition_that_is_not_selected() {
    let sql =
        "{{ config(materialized='table', partition_by='contry') }}\nselect id, country\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `partition_by` names `contry`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:1:47
      |
    1 | {{ config(materialized='table', partition_by='contry') }}
      |                                               ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_column_to_keep_by_that_is_not_selected() {
    let sql = "{{ config(materialized='incremental', keep_for='30d', keep_by='dayy') }}\nselect 1 as id, date '2026-01-01' as day\n";
    transcript!(check(&revenue(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `keep_by` names `dayy`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:1:64
      |
    1 | {{ config(materialized='incremental', keep_for='30d', keep_by='dayy') }}
      |                                                                ^^^^
      |
      = hint: did you mean `day`?
    ");
}

/// `gold.revenue`, whose rows go to a topic.
fn sent(settings: &str) -> TestProject {
    let sql = format!(
        "{{{{ config(materialized='kafka', connection='broker', topic='revenue', {settings}) }}}}\nselect id, country, 'a' as body\nfrom {{{{ ref('orders') }}}}\n"
    );
    orders_and(&sql).file("sources.yaml", "connections:\n  broker:\n    kafka: {brokers: '127.0.0.1:1'}\n")
}

#[test]
fn a_key_of_messages_that_is_not_selected() {
    transcript!(check(&sent("key='contry'")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `key` names `contry`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:1:76
      |
    1 | {{ config(materialized='kafka', connection='broker', topic='revenue', key='contry') }}
      |                                                                            ^^^^^^
      |
      = hint: did you mean `country`?
    ");
}

#[test]
fn a_value_of_messages_that_is_not_selected() {
    transcript!(check(&sent("key='country', value='bdy'")), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `value` names `bdy`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:1:93
      |
    1 | {{ config(materialized='kafka', connection='broker', topic='revenue', key='country', value='bdy') }}
      |                                                                                             ^^^
      |
      = hint: did you mean `body`?
    ");
}

#[test]
fn no_broker_is_asked() {
    transcript!(check(&sent("key='country'")), @"
    exit: 0
    ");
}

#[test]
fn a_config_key_nobody_knows() {
    transcript!(
        check(&orders_and("{{ config(materialised='table') }}\nselect id\nfrom {{ ref('orders') }}\n")), @"
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
fn a_config_key_nobody_knows_in_properties() {
    let project = orders_and("select id from {{ ref('orders') }}\n")
        .file("models/models.yml", "models:\n  - name: revenue\n    config: {materialised: table}\n");
    transcript!(check(&project), @"
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
fn a_config_key_nobody_knows_in_the_project() {
    let project = orders_and("select id from {{ ref('orders') }}\n").file(
        "project.yaml",
        "name: shop\ntargets:\n  dev: {warehouse: warehouse}\nmodels:\n  gold:\n    +materialised: table\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0103]: unknown config `materialised` of a model
     --> project.yaml:6:5
      |
    6 |     +materialised: table
      |     ^^^^^^^^^^^^^ not a config key
      |
      = hint: did you mean `materialized`?
    ");
}

#[test]
fn a_folder_without_models_in_the_project() {
    let project = orders_and("select id from {{ ref('orders') }}\n").file(
        "project.yaml",
        "name: shop\ntargets:\n  dev: {warehouse: warehouse}\nmodels:\n  glod:\n    +materialized: table\n",
    );
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    warning[E0107]: no model lies under `glod`
     --> project.yaml:5:3
      |
    5 |   glod:
      |   ^^^^ neither a folder with models nor a model

    checked 2 models and 0 data tests in [TIME]: 1 warning
    ");
}

#[test]
fn properties_for_nothing() {
    let project = orders_and("select id from {{ ref('orders') }}\n")
        .file("models/models.yml", "models:\n  - name: ordrs\n    description: All of them.\n");
    transcript!(project.run(&["check"]), @"
    exit: 0
    ----- stderr -----
    warning[E0107]: no model is called `ordrs`
     --> models/models.yml:2:11
      |
    2 |   - name: ordrs
      |           ^^^^^ these properties describe nothing
      |
      = hint: did you mean `orders`?

    checked 2 models and 0 data tests in [TIME]: 1 warning
    ");
}

#[test]
fn a_setting_that_changes_nothing() {
    let sql = "{{ config(partition_by='country') }}\nselect id, country\nfrom {{ ref('orders') }}\n";
    transcript!(orders_and(sql).run(&["check"]), @"
    exit: 0
    ----- stderr -----
    warning[E0103]: `partition_by` changes nothing for a view
     --> models/gold/revenue.sql:1:11
      |
    1 | {{ config(partition_by='country') }}
      |           ^^^^^^^^^^^^
      |
      = hint: it is meant for `incremental` and `table`: leave it out, or set `materialized`

    checked 2 models and 0 data tests in [TIME]: 1 warning
    ");
}

#[test]
fn a_setting_that_changes_nothing_is_no_mistake() {
    let project = orders_and("{{ config(partition_by='contry') }}\nselect id, country\nfrom {{ ref('ids') }}\n").file(
        "models/silver/ids.sql",
        "{{ config(materialized='ephemeral', partition_by='nothing', unique_key='none') }}\nselect id, country\nfrom {{ ref('orders') }}\n",
    );
    is_right(&project);
}

/// `gold.revenue` with a contract.
fn promised(columns: &str, sql: &str) -> TestProject {
    let properties =
        format!("models:\n  - name: revenue\n    config: {{contract: {{enforced: true}}}}\n    columns:\n{columns}");
    orders_and(sql).file("models/models.yml", &properties)
}

#[test]
fn a_column_of_another_type_than_the_contract_says() {
    let project = promised("      - {name: id, data_type: string}\n", "select id\nfrom {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0409]: `id` of `gold.revenue` is bigint, and its contract says string
     --> models/models.yml:5:16
      |
    5 |       - {name: id, data_type: string}
      |                ^^ promised here
      |
      = hint: cast it: `cast(id as string)`, or change the contract
    ");
}

#[test]
fn a_column_that_the_contract_promises() {
    let project = promised(
        "      - {name: id, data_type: bigint}\n      - {name: amount, data_type: double}\n",
        "select id\nfrom {{ ref('orders') }}\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0409]: `gold.revenue` does not give `amount`, which its contract promises
     --> models/models.yml:6:16
      |
    6 |       - {name: amount, data_type: double}
      |                ^^^^^^ promised here
      |
      = hint: select it, or take it out of the contract
    ");
}

#[test]
fn a_contract_that_is_kept() {
    is_right(&promised(
        "      - {name: id, data_type: bigint}\n      - {name: country, data_type: varchar}\n      - {name: amount, data_type: double}\n",
        "select id, country, amount\nfrom {{ ref('orders') }}\n",
    ));
}

#[test]
fn a_key_that_the_project_sets_and_no_model_selects() {
    let project = orders_and("select id from {{ ref('orders') }}\n").file(
        "models/models.yml",
        "models:\n  - name: revenue\n    config:\n      materialized: incremental\n      unique_key: order_id\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `unique_key` names `order_id`, which `gold.revenue` does not select
     --> models/models.yml:5:19
      |
    5 |       unique_key: order_id
      |                   ^^^^^^^^
      |
      = note: there is only `id`
    ");
}

#[test]
fn a_column_that_the_contract_does_not_know() {
    let project =
        promised("      - {name: id, data_type: bigint}\n", "select id,\n  amount\nfrom {{ ref('orders') }}\n");
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0409]: `gold.revenue` gives `amount`, which its contract does not name
     --> models/gold/revenue.sql:2:3
      |
    2 |   amount
      |   ^^^^^^
      |
      = hint: leave it out, or promise it: `- {name: amount, data_type: double}`
    ");
}

#[test]
fn a_key_that_a_folder_of_the_project_sets() {
    let project = orders_and("select id from {{ ref('orders') }}\n").file(
        "project.yaml",
        "name: shop\ntargets:\n  dev: {warehouse: warehouse}\nmodels:\n  gold:\n    +materialized: incremental\n    +unique_key: [id, order_id]\n",
    );
    transcript!(check(&project), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `unique_key` names `order_id`, which `gold.revenue` does not select
     --> project.yaml:7:23
      |
    7 |     +unique_key: [id, order_id]
      |                       ^^^^^^^^
      |
      = note: there is only `id`
    ");
}

#[test]
fn a_partition_nearly_named() {
    let sql = "{{ config(materialized='table', partition_by='dya') }}\nselect id, current_date as day\nfrom {{ ref('orders') }}\n";
    transcript!(check(&orders_and(sql)), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `partition_by` names `dya`, which `gold.revenue` does not select
     --> models/gold/revenue.sql:1:47
      |
    1 | {{ config(materialized='table', partition_by='dya') }}
      |                                               ^^^
      |
      = hint: did you mean `day`?
    ");
}

#[test]
fn every_column_is_a_partition() {
    let project = orders_and(
        "{{ config(materialized='table', partition_by=['id', 'country']) }}\nselect id, country\nfrom {{ ref('orders') }}\n",
    );
    transcript!(refused(&project), @"
    exit: 2
    ----- stderr -----
    error[E0103]: every column of `gold.revenue` is in `partition_by`
     --> models/gold/revenue.sql:1:33
      |
    1 | {{ config(materialized='table', partition_by=['id', 'country']) }}
      |                                 ^^^^^^^^^^^^
      |
      = hint: leave one of them out, or select another column: files hold what is no partition
    ");
}

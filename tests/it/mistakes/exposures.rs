//! Mistakes in `exposures:`: settings that are no settings, and tables that are not there.

use crate::project::TestProject;
use crate::transcript;

fn declaring(exposures: &str) -> TestProject {
    TestProject::new()
        .file("sources.yaml", "sources:\n  - name: shop\n    tables:\n      - {name: orders, files: {path: data/orders.csv}, columns: [{name: id, type: bigint}]}\n")
        .file("models/gold/revenue.sql", "select 1 as id")
        .file("models/exposures.yml", exposures)
}

#[test]
fn what_is_read_is_not_there() {
    let project = declaring(
        "exposures:
  - name: weekly_report
    type: dashboard
    owner: {name: Ann}
    depends_on:
      - ref('revenu')
      - source('shop', 'order')
      - \"{{ ref('revenue') }}\"
      - ref('revenue'
",
    );
    transcript!(project.run(&["run"]), @"
    exit: 2
    ----- stderr -----
    error[E0301]: no model or seed named `revenu`
     --> models/exposures.yml:6:9
      |
    6 |       - ref('revenu')
      |         ^^^^^^^^^^^^^ not found in this project
      |
      = hint: did you mean `revenue`?

    error[E0302]: source `shop` has no table `order`
     --> models/exposures.yml:7:9
      |
    7 |       - source('shop', 'order')
      |         ^^^^^^^^^^^^^^^^^^^^^^^ not declared in `sources.yaml`
      |
      = hint: did you mean `orders`?

    error[E0201]: `(` is never closed
     --> models/exposures.yml:9:9
      |
    9 |       - ref('revenue'
      |         ^^^^^^^^^^^^^

    3 errors
    ");
}

#[test]
fn settings_are_told_together() {
    let project = declaring(
        "exposures:
  - name: weekly_report
    type: dashbord
    maturity: very
    owner: {slack: '#reports'}
    depends_on: [revenue, metric('x')]
    ownr: Ann
  - name: weekly report
    type: dashboard
    owner: Ann
  - name: daily
    config: {enabled: true, materialized: view}
",
    );
    transcript!(project.run(&["check"]), @"
    exit: 2
    ----- stderr -----
    error[E0103]: `type` is `dashboard`, `notebook`, `analysis`, `ml` or `application`, not `dashbord`
     --> models/exposures.yml:3:11
      |
    3 |     type: dashbord
      |           ^^^^^^^^ not one of these
      |
      = hint: did you mean `dashboard`?

    error[E0103]: `maturity` is `low`, `medium` or `high`, not `very`
     --> models/exposures.yml:4:15
      |
    4 |     maturity: very
      |               ^^^^ not one of these

    error[E0103]: an owner has a `name` or an `email`
     --> models/exposures.yml:5:12
      |
    5 |     owner: {slack: '#reports'}
      |            ^^^^^^^^^^^^^^^^^^^ neither is here

    error[E0103]: `revenue` names nothing that an exposure can read
     --> models/exposures.yml:6:18
      |
    6 |     depends_on: [revenue, metric('x')]
      |                  ^^^^^^^ expected `ref('model')` or `source('source', 'table')`
      |
      = hint: write `ref('revenue')`

    warning[E0103]: metrics are not part of this version
     --> models/exposures.yml:6:27
      |
    6 |     depends_on: [revenue, metric('x')]
      |                           ^^^^^^^^^^^ ignored

    error[E0103]: unknown key `ownr` in an exposure
     --> models/exposures.yml:7:5
      |
    7 |     ownr: Ann
      |     ^^^^ not a setting
      |
      = hint: did you mean `owner`?

    error[E0108]: `weekly report` is not a name
     --> models/exposures.yml:8:11
      |
    8 |   - name: weekly report
      |           ^^^^^^^^^^^^^ a letter or underscore, then letters, digits and underscores

    error[E0103]: `owner` is a mapping, not a string
      --> models/exposures.yml:10:12
       |
    10 |     owner: Ann
       |            ^^^ expected `{name: ..., email: ...}`

    error[E0103]: an exposure needs `type`
      --> models/exposures.yml:11:5
       |
    11 |   - name: daily
       |     ^^^^ `type` is missing

    error[E0103]: an exposure needs `owner`
      --> models/exposures.yml:11:5
       |
    11 |   - name: daily
       |     ^^^^ `owner` is missing

    error[E0103]: unknown config `materialized` of an exposure
      --> models/exposures.yml:12:29
       |
    12 |     config: {enabled: true, materialized: view}
       |                             ^^^^^^^^^^^^ not a config key
       |
       = hint: expected `enabled`, `tags` or `meta`

    checked 1 model and 0 data tests in [TIME]: 10 errors and 1 warning
    ");
}

#[test]
fn a_name_is_there_once() {
    let project = declaring(
        "exposures:
  - name: report
    type: notebook
    owner: {email: [ann@shop.example, bob@shop.example]}
  - name: report
    type: ml
    owner: {name: Ann}
",
    );
    transcript!(project.run(&["ls"]), @"
    exit: 2
    ----- stderr -----
    error[E0104]: exposure `report` is declared twice
     --> models/exposures.yml:5:11
      |
    2 |   - name: report
      |           ------ first declared here
    ...
    5 |   - name: report
      |           ^^^^^^ declared again here
    ");
}

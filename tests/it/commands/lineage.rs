//! Where columns come from, what differs from the last build, and how a query runs.

use serde_json::{Value, json};

use crate::project::TestProject;
use crate::transcript;

fn project() -> TestProject {
    TestProject::new()
        .file(
            "sources.yaml",
            "version: 2\nsources:\n  - name: shop\n    tables:\n      - name: orders\n        files: {path: data/orders.csv}\n        \
             columns:\n          - {name: id, type: bigint}\n          - {name: country, type: string}\n          \
             - {name: amount, type: double}\n",
        )
        .file("data/orders.csv", "id,country,amount\n1,DE,12.5\n2,FR,8\n3,DE,20\n")
        .file("models/bronze/raw.sql", "{{ config(materialized='incremental') }}\nselect * from {{ source('shop', 'orders') }}\n")
        .file("models/silver/orders.sql", "select id, country, amount from {{ ref('raw') }} where amount > 0\n")
        .file(
            "models/gold/revenue.sql",
            "{{ config(materialized='table', unique_key='country') }}\n\
             select country, sum(amount) as revenue, cast(count(*) as int) as orders from {{ ref('orders') }} group by country\n",
        )
        .file("models/gold/revenue.yml", "models:\n  - name: revenue\n    columns:\n      - name: revenue\n        data_tests: [not_null]\n")
}

#[test]
fn a_column_is_followed_up_to_its_source() {
    let project = project();
    // Nothing is built, and nothing is read.
    let up = project.ok(&["lineage", "revenue.revenue"]).stdout;
    insta::assert_snapshot!(up, @r"
    gold.revenue.revenue
      <- silver.orders.amount   aggregated
         <- bronze.raw.amount   copied
            <- source shop.orders.amount   copied
      grouped by silver.orders.country
    ");
    let json = project.ok(&["lineage", "gold.revenue.revenue", "--format", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let first = &json["columns"][0]["up"][0];
    assert_eq!((&first["name"], &first["use"]), (&json!("silver.orders.amount"), &json!("aggregated")));
    assert!(!project.path("warehouse").exists());
}

#[test]
fn what_a_column_reaches_is_listed_with_its_tests() {
    let impact = project().ok(&["lineage", "raw.amount", "--impact"]).stdout;
    assert!(impact.contains("gold.revenue") && impact.contains("silver.orders"), "{impact}");
    assert!(impact.contains("2 models, 2 columns, 1 data test"), "{impact}");
    let wrong = project().run(&["lineage", "revenue.revenu"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("did you mean `revenue`?"), "{wrong}");
}

#[test]
fn tests_of_columns_in_quotes_are_reached() {
    let project = TestProject::new()
        .file("models/silver/orders.sql", "select 1 as id, 'DE' as country")
        .file("models/gold/m.sql", "select id as \"Id\", country as \"Länder\" from {{ ref('orders') }}\n")
        .file(
            "models/gold/m.yml",
            "models:\n  - name: m\n    columns:\n      - name: '\"Id\"'\n        data_tests: [not_null: {name: known_id}]\n      \
             - name: '\"Länder\"'\n        data_tests: [not_null: {name: known_country}]\n",
        );
    let impact = project.ok(&["lineage", "orders.id", "--impact"]).stdout;
    assert!(impact.contains("known_id") && !impact.contains("known_country"), "{impact}");
    let impact = project.ok(&["lineage", "orders.country", "--impact"]).stdout;
    assert!(impact.contains("known_country") && impact.contains("1 model, 1 column, 1 data test"), "{impact}");
}

#[test]
fn columns_that_a_query_of_the_template_decides_about_are_known_in_a_run() {
    let project = TestProject::new()
        .file(
            "models/gold/asks.sql",
            "{% set n = run_query('select 1').columns[0].values() %}\nselect 1 as c{{ n[0] }}\n",
        )
        .file("models/gold/reads.sql", "select * from {{ ref('asks') }}\n");
    let whole = project.ok(&["lineage", "reads"]).stdout;
    insta::assert_snapshot!(whole, @"
    gold.reads
      its columns are known only in a run: the template of `gold.asks` runs a query
    ");
    let wrong = project.run(&["lineage", "asks.c1"]);
    assert!(
        wrong.code == 2
            && wrong.stderr.contains("the columns of `gold.asks` are known only in a run: its template runs a query"),
        "{wrong}"
    );
}

#[test]
fn exposures_are_reached_too() {
    let project = project().file(
        "models/exposures.yml",
        "exposures:\n  - name: weekly_report\n    type: dashboard\n    owner: {name: Ann, email: ann@shop.example}\n    \
         depends_on: [ref('revenue')]\n  - name: map\n    type: application\n    owner: {email: [bob@shop.example]}\n    \
         depends_on: [ref('raw')]\n",
    );
    insta::assert_snapshot!(project.ok(&["lineage", "silver.orders.amount", "--impact"]).stdout, @r"
    silver.orders.amount
      models
        gold.revenue  revenue
      data tests
        not_null_revenue_revenue
      exposures
        weekly_report  dashboard of Ann, ann@shop.example
      1 model, 1 column, 1 data test, 1 exposure
    ");
    let json = project.ok(&["lineage", "raw.amount", "--impact", "--format", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let names: Vec<&Value> = json["exposures"].as_array().unwrap().iter().map(|each| &each["name"]).collect();
    assert_eq!(names, ["map", "weekly_report"]);
}

#[test]
fn what_a_change_does_to_the_rows_is_shown_before_it_is_built() {
    let project = project();
    assert!(project.ok(&["show", "revenue", "--diff"]).stdout.contains("it has not been built"));
    project.ok(&["run"]);
    assert_eq!(project.ok(&["show", "revenue", "--diff"]).stdout.trim(), "gold.revenue: 2 rows, as before");
    let sql = std::fs::read_to_string(project.path("models/gold/revenue.sql")).unwrap();
    let sql =
        sql.replace("sum(amount) as revenue", "sum(amount) + case when country = 'DE' then 1 else 0 end as revenue");
    project.write("models/gold/revenue.sql", sql.replace(", cast(count(*) as int) as orders", ""));
    let version = project.version("gold/revenue");
    insta::assert_snapshot!(project.ok(&["show", "revenue", "--diff"]).stdout, @r"
    gold.revenue: 2 rows: 1 changed, `orders` is gone
    +---+---------+---------+
    | ± | country | revenue |
    +---+---------+---------+
    | - | DE      | 32.5    |
    | + | DE      | 33.5    |
    +---+---------+---------+
    ");
    assert_eq!(project.version("gold/revenue"), version);
    let of_a_source = project.run(&["show", "raw", "--diff"]);
    assert!(of_a_source.code != 0 && of_a_source.stderr.contains("whose rows come only once"), "{of_a_source}");
}

#[test]
fn operators_are_shown_with_their_rows() {
    let project = project();
    project.ok(&["run"]);
    let ran = project.ok(&["explain", "revenue", "--log-format", "json"]);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, operators) = lines.split_last().unwrap();
    assert_eq!(summary["rows"], 2);
    let scan = operators.iter().find(|operator| operator["name"] == "DataSource").unwrap();
    assert_eq!(scan["rows"], 3, "{ran}");
    assert!(operators.iter().any(|operator| operator["name"] == "Aggregate" && operator["rows"] == 2), "{ran}");
}

#[test]
fn a_mistake_elsewhere_is_no_reason_to_say_nothing() {
    let project = project().file("models/gold/wrong.sql", "select nope from {{ ref('orders') }}\n");
    let ran = project.run(&["lineage", "revenue.revenue"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("gold.revenue.revenue"), "{ran}");
    assert!(ran.stderr.contains("note: 1 mistake in the project"), "{ran}");
    // Nothing is known of the columns of one that is wrong itself.
    let ran = project.run(&["lineage", "wrong"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("no column named `nope`"), "{ran}");
}

#[test]
fn what_decides_about_one_column_is_of_that_column_everywhere() {
    let project = TestProject::new()
        .file("models/silver/orders.sql", "select 1 as id, 'DE' as country, 2 as amount, 3 as placed\n")
        .file(
            "models/gold/listed.sql",
            "select country, array_agg(id order by placed) as ids, max(amount) as largest from {{ ref('orders') }} \
             group by country\n",
        )
        .file("models/gold/first.sql", "select country, ids[1] as first, largest from {{ ref('listed') }}\n");
    insta::assert_snapshot!(project.ok(&["lineage", "listed.ids"]).stdout, @r"
    gold.listed.ids
      <- silver.orders.id   aggregated
      <- silver.orders.placed   orders what goes into it
      grouped by silver.orders.country
    ");
    insta::assert_snapshot!(project.ok(&["lineage", "orders.placed", "--impact"]).stdout, @r"
    silver.orders.placed
      models
        gold.listed  ids
        gold.first   first
      2 models, 2 columns, 0 data tests
    ");
    insta::assert_snapshot!(project.ok(&["lineage", "orders.placed", "--down"]).stdout, @r"
    silver.orders.placed
      -> gold.listed.ids   orders what goes into it
         -> gold.first.first   transformed
    ");
    project.ok(&["docs"]);
    let manifest = project.artifact("manifest.json");
    let config = &manifest["nodes"]["model.shop.listed"]["config"];
    let by = |column: &str, how: &str| json!({"node": "model.shop.orders", "column": column, "use": how});
    assert_eq!(config["column_lineage"]["ids"], json!([by("id", "aggregated"), by("placed", "order")]));
    assert_eq!(config["row_lineage"], json!([by("country", "group")]));
}

#[test]
fn a_table_is_named_as_sql_names_it() {
    let project = project();
    assert_eq!(project.ok(&["lineage", "Revenue.REVENUE"]).stdout, project.ok(&["lineage", "revenue.revenue"]).stdout);
    transcript!(project.run(&["lineage", "revenue.\"Country\""]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `gold.revenue` has no column `Country`
     |
     = hint: did you mean `country`?
    ");
    transcript!(project.run(&["lineage", "revenue.zip"]), @"
    exit: 2
    ----- stderr -----
    error[E0403]: `gold.revenue` has no column `zip`
     |
     = note: there are `country`, `revenue`, `orders`
    ");
    transcript!(project.run(&["lineage", "oders.amount"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: no model, seed or source is named `oders.amount`
     |
     = hint: did you mean `orders.amount`?
    ");
}

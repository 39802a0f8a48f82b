//! What runs leave in `.engine/`.

use serde_json::{Value, json};

use super::chain;
use crate::project::TestProject;

fn results(project: &TestProject) -> String {
    let results = project.artifact("run_results.json");
    let line = |result: &Value| {
        let text = |key: &str| result[key].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", text("unique_id"), text("status"), text("message"))
    };
    results["results"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_run_leaves_a_manifest_its_results_and_compiled_sql() {
    let project = chain();
    project.ok(&["run", "--threads", "1", "--select", "orders+", "raw"]);
    insta::assert_snapshot!(results(&project), @"
    model.shop.raw success -
    model.shop.orders success -
    model.shop.revenue success -
    model.shop.report success view
    ");
    let manifest = project.artifact("manifest.json");
    let nodes: Vec<&str> = manifest["nodes"].as_object().unwrap().keys().map(String::as_str).collect();
    insta::assert_snapshot!(nodes.join("\n"), @"
    model.shop.raw
    model.shop.other
    model.shop.orders
    model.shop.revenue
    model.shop.report
    ");
    let compiled = std::fs::read_to_string(project.path(".engine/compiled/shop/models/gold/revenue.sql")).unwrap();
    insta::assert_snapshot!(compiled.trim(), @r#"select sum(amount) as revenue from "silver"."orders""#);
}

#[test]
fn failures_and_skips_are_results_too() {
    let project = chain()
        .file("models/silver/orders.sql", "{{ config(materialized='table') }}\nselect amont from {{ ref('raw') }}\n")
        .file("tests/never.sql", "select * from {{ ref('raw') }}\n");
    assert_eq!(project.run(&["build", "--threads", "1"]).code, 1);
    insta::assert_snapshot!(results(&project), @"
    model.shop.raw success -
    model.shop.other success -
    test.shop.never fail got 2 results, configured to fail if != 0
    model.shop.orders skipped test `never` failed
    model.shop.revenue skipped `silver.orders` was skipped
    model.shop.report skipped `gold.revenue` was skipped
    ");
}

#[test]
fn a_project_that_is_wrong_leaves_the_last_results_alone() {
    let project = chain();
    project.ok(&["run", "--select", "other"]);
    let before = results(&project);
    project.write("models/gold/other.sql", "select * from {{ ref('nothing') }}");
    assert_eq!(project.run(&["run"]).code, 2);
    assert_eq!(results(&project), before);
}

#[test]
fn the_folder_of_artifacts_can_be_set() {
    let project = chain().file("project.yaml", "name: shop\ntarget-path: made\n");
    project.ok(&["run", "--select", "other"]);
    assert!(project.path("made/run_results.json").is_file() && project.path("made/manifest.json").is_file());
    assert!(!project.path(".engine").exists());
}

#[test]
fn a_manifest_has_exposures_and_where_columns_come_from() {
    let project = chain().file(
        "models/exposures.yml",
        "exposures:\n  - name: weekly\n    label: Weekly report\n    type: dashboard\n    owner: {name: Ann}\n    \
         url: https://bi.shop.example\n    depends_on: [ref('revenue')]\n",
    );
    project.ok(&["compile"]);
    let manifest = project.artifact("manifest.json");
    let exposure = &manifest["exposures"]["exposure.shop.weekly"];
    assert_eq!(exposure["type"], "dashboard");
    assert_eq!(exposure["owner"], json!({"name": "Ann"}));
    assert_eq!(exposure["depends_on"]["nodes"], json!(["model.shop.revenue"]));
    assert_eq!(manifest["parent_map"]["exposure.shop.weekly"], json!(["model.shop.revenue"]));
    let config = &manifest["nodes"]["model.shop.revenue"]["config"];
    let wanted = json!({"revenue": [{"node": "model.shop.orders", "column": "amount", "use": "aggregated"}]});
    assert_eq!((&config["column_lineage"], &config["row_lineage"]), (&wanted, &json!([])));
}

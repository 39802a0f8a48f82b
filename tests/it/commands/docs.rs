//! The documentation: one page with the project in it.

use serde_json::{Value, json};

use super::chain;
use crate::project::TestProject;
use crate::transcript;

/// What the page was told.
fn told(project: &TestProject, file: &str) -> Value {
    let page = std::fs::read_to_string(project.path(file)).unwrap();
    let (_, rest) = page.split_once("<script id=\"data\" type=\"application/json\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

fn node<'a>(told: &'a Value, id: &str) -> &'a Value {
    told["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap()
}

const PROPERTIES: &str = "
models:
  - name: revenue
    description: What came in.
    config: {tags: [finance]}
    columns:
      - name: revenue
        description: In cents.
        data_tests: [not_null, {in_list: {name: rounded, arguments: {values: [30]}, config: {severity: warn}}}]
exposures:
  - name: weekly
    label: Weekly report
    type: dashboard
    owner: {name: Ann}
    depends_on: [ref('revenue')]
";

const IN_LIST: &str =
    "{% test in_list(model, column_name, values) %}select 1 from {{ model }} where false{% endtest %}";

#[test]
fn one_page_has_the_whole_project() {
    let project = chain().file("models/gold/gold.yml", PROPERTIES).file("tests/generic/in_list.sql", IN_LIST);
    transcript!(project.run(&["docs"]), @"
    exit: 0
    ----- stderr -----
    documented 6 nodes in .engine/docs/index.html
    ");
    // Nothing is built for it.
    assert!(!project.path("warehouse/gold").exists());
    let told = told(&project, ".engine/docs/index.html");
    assert_eq!((&told["project"], &told["layers"][0]), (&json!("shop"), &json!("bronze")));
    let ids: Vec<&str> = told["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    insta::assert_snapshot!(ids.join("\n"), @"
    model.shop.raw
    model.shop.other
    model.shop.orders
    model.shop.revenue
    model.shop.report
    exposure.shop.weekly
    ");

    let revenue = node(&told, "model.shop.revenue");
    assert_eq!((&revenue["materialized"], &revenue["group"]), (&json!("table"), &json!("gold")));
    assert_eq!((&revenue["tags"], &revenue["description"]), (&json!(["finance"]), &json!("What came in.")));
    let column = json!({"name": "revenue", "type": "bigint", "description": "In cents.", "tags": [], "meta": {}});
    assert_eq!(revenue["columns"], json!([column]));
    assert_eq!(revenue["compiled"], "select sum(amount) as revenue from \"silver\".\"orders\"");
    assert!(revenue["template"].as_str().unwrap().contains("{{ ref('orders') }}"));
    // Nodes are named by their places.
    assert_eq!((&revenue["parents"], &revenue["children"]), (&json!([2]), &json!([4, 5])));
    assert_eq!(revenue["lineage"], json!({"revenue": [[2, "amount", "aggregated"]]}));
    let tests: Vec<(&Value, &Value)> =
        revenue["tests"].as_array().unwrap().iter().map(|test| (&test["test"], &test["column"])).collect();
    assert_eq!(tests, [(&json!("not_null"), &json!("revenue")), (&json!("in_list"), &json!("revenue"))]);
    assert_eq!(revenue["tests"][1]["arguments"], json!({"values": [30]}));
    let weekly = node(&told, "exposure.shop.weekly");
    assert_eq!((&weekly["title"], &weekly["owner"]), (&json!("Weekly report"), &json!({"name": "Ann"})));

    let manifest = project.artifact("manifest.json");
    let lineage = &manifest["nodes"]["model.shop.orders"]["config"]["column_lineage"]["amount"];
    assert_eq!(*lineage, json!([{"node": "model.shop.raw", "column": "amount", "use": "copied"}]));
}

#[test]
fn what_users_write_is_text() {
    let text = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> {{script}} {{data}}";
    let properties =
        format!("models:\n  - name: revenue\n    description: \"{text}\"\n    meta: {{'</SCRIPT>': '<b>'}}\n");
    let project = chain().file("models/gold/gold.yml", &properties);
    project.ok(&["docs", "--output", "site/docs"]);
    let page = std::fs::read_to_string(project.path("site/docs/index.html")).unwrap();
    assert_eq!(page.to_lowercase().matches("</script>").count(), 2, "those of the page itself");
    assert!(!page.contains("<img") && !page.contains("<b>"));
    let told = told(&project, "site/docs/index.html");
    let revenue = node(&told, "model.shop.revenue");
    assert_eq!((&revenue["description"], &revenue["meta"]), (&json!(text), &json!({"</SCRIPT>": "<b>"})));
    // The browser is told to fetch nothing.
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn a_project_with_mistakes_is_documented_as_far_as_it_is_right() {
    let project = chain().file("models/gold/revenue.sql", "select sum(amont) as revenue from {{ ref('orders') }}\n");
    transcript!(project.run(&["docs"]), @"
    exit: 0
    ----- stderr -----
    note: 1 mistake in the project: some columns are missing; `engine check` tells why
    documented 5 nodes in .engine/docs/index.html
    ");
    let told = told(&project, ".engine/docs/index.html");
    assert_eq!(node(&told, "model.shop.orders")["columns"][1]["name"], "amount");
    assert_eq!(node(&told, "model.shop.revenue")["columns"], json!([]));
}

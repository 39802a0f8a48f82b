//! A whole project, linked, and what other tools are told of it.

use std::collections::HashMap;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::graph::{Graph, NodeId, link};
use crate::project::{LoadOptions, Project, load};
use crate::template::{Globals, Templates, YamlRenderer};

const FILES: &[(&str, &str)] = &[
    ("project.yaml", "name: shop\nlayers: [silver, gold]\nseeds: {+tags: static}\n"),
    (
        "sources.yaml",
        "sources:
  - name: app
    description: The shop's own records.
    tables:
      - name: events
        description: What happened.
        files: {path: data/*.json.gz}
        format: ndjson
        columns: [{name: id, type: bigint, description: Its number., data_tests: [not_null: {name: numbered}]}]
",
    ),
    (
        "models/silver/orders.sql",
        "{{ config(materialized='incremental', unique_key='id', tags=['hot'], pre_hook='select 1') }}\n\
         select {{ cents('amount') }} as amount, id from {{ source('app', 'events') }}\n",
    ),
    ("models/silver/hidden.sql", "{{ config(materialized='ephemeral') }} select 1 as id"),
    ("models/silver/old.sql", "{{ config(enabled=false, tags='old') }} select 1 as id"),
    ("models/gold/revenue.sql", "select * from {{ ref('orders') }} join {{ ref('rates') }} on true"),
    (
        "models/gold/gold.yml",
        "models:
  - name: revenue
    description: What came in.
    config: {meta: {owner: finance}, group: money, access: public, docs: {show: false}}
    columns:
      - name: id
        data_type: bigint
        meta: {pii: false}
        data_tests:
          - unique
          - not_null: {config: {severity: warn, where: id > 0, limit: 5, store_failures: true}}
          - accepted_values: {name: 'a/b', arguments: {values: [1, 2]}}
          - relationships: {arguments: {to: ref('rates'), field: id}}
          - positive
",
    ),
    ("seeds/rates.csv", "id,rate\n1,2\n"),
    (
        "macros/money.sql",
        "{% macro cents(column) %}{{ round_to(column) }}{% endmacro %}\n{% macro round_to(x) %}{{ x }}{% endmacro %}",
    ),
    ("tests/generic/positive.sql", "{% test positive(model, column_name) %}select 1 from {{ model }}{% endtest %}"),
    ("tests/no_debts.sql", "select * from {{ ref('revenue') }} where amount < 0\n"),
];

struct Shop {
    root: TempDir,
    project: Project,
    graph: Graph,
}

impl Shop {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in FILES {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let (project, _) = load(root.path(), &LoadOptions::default(), &YamlRenderer::new()).unwrap();
        let globals = Globals {
            project_name: project.config.name.clone(),
            vars: Map::new(),
            env: BTreeMap::new(),
            target: project.config.target.context(),
            flags: json!({}),
            invocation_id: String::new(),
            run_started_at: Timestamp::UNIX_EPOCH,
        };
        let templates = Templates::new(globals, &project.macros).unwrap();
        let (graph, _) = link(&project, &templates, None).unwrap();
        Self { root, project, graph }
    }

    /// Every node that can be, compiled to its own name.
    fn compiled(&self) -> HashMap<NodeId, String> {
        self.graph.ids().map(|id| (id, format!("select '{}'", self.graph.node(id).name))).collect()
    }

    fn id(&self, name: &str) -> NodeId {
        self.graph.ids().find(|id| self.graph.node(*id).name == name).unwrap()
    }

    fn manifest(&self) -> Value {
        manifest(&self.project, &self.graph, &self.compiled(), &BTreeMap::new(), &header())
    }
}

fn header() -> Header<'static> {
    let started_at = Timestamp::from_microsecond(1_750_000_000_500_000).unwrap();
    Header {
        invocation_id: "3f0c3b5e-0000-4000-8000-000000000000",
        generated_at: started_at,
        started_at,
        env: BTreeMap::from([("TEAM".to_owned(), "shop".to_owned())]),
        args: json!({"which": "build"}),
    }
}

/// Every file below `folder`, relative to it.
fn files(folder: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name();
    let files = entries.into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files.map(|file| file.path().strip_prefix(folder).unwrap().display().to_string()).collect()
}

#[test]
fn the_header_is_that_of_dbt_with_our_version_beside_it() {
    let metadata = &Shop::new().manifest()["metadata"];
    assert_eq!(metadata["dbt_schema_version"], "https://schemas.getdbt.com/dbt/manifest/v12.json");
    assert_eq!(metadata["generated_at"], "2025-06-15T15:06:40.500000Z");
    assert_eq!(metadata["env"], json!({"ENGINE_VERSION": env!("CARGO_PKG_VERSION"), "TEAM": "shop"}));
    assert_eq!(metadata["project_id"], "fb54f3c5992b96d001bb16e8e92d968d");
}

#[test]
fn a_model_tells_what_it_is_reads_and_becomes() {
    let manifest = Shop::new().manifest();
    let orders = &manifest["nodes"]["model.shop.orders"];
    assert_eq!(orders["schema"], "silver");
    assert_eq!(orders["path"], "silver/orders.sql");
    assert_eq!(orders["original_file_path"], "models/silver/orders.sql");
    assert_eq!(orders["relation_name"], "\"silver\".\"orders\"");
    assert_eq!(orders["fqn"], json!(["shop", "silver", "orders"]));
    assert_eq!(orders["config"]["incremental_strategy"], "merge");
    assert_eq!(orders["config"]["pre-hook"], json!([{"sql": "select 1", "transaction": true, "index": null}]));
    assert_eq!(orders["sources"], json!([["app", "events"]]));
    assert_eq!(orders["depends_on"], json!({"macros": ["macro.shop.cents"], "nodes": ["source.shop.app.events"]}));
    assert_eq!(orders["compiled_code"], "select 'orders'");
    assert_eq!(orders["compiled_path"], ".engine/compiled/shop/models/silver/orders.sql");

    let revenue = &manifest["nodes"]["model.shop.revenue"];
    assert_eq!(revenue["primary_key"], json!(["id"]));
    assert_eq!(revenue["patch_path"], "shop://models/gold/gold.yml");
    assert_eq!(revenue["meta"], json!({"owner": "finance"}));
    assert_eq!((&revenue["group"], &revenue["access"]), (&json!("money"), &json!("public")));
    assert_eq!(revenue["columns"]["id"]["data_type"], "bigint");
    let parents = ["model.shop.orders", "seed.shop.rates"];
    let mut found: Vec<&str> = manifest["parent_map"]["model.shop.revenue"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, parents);

    assert_eq!(manifest["nodes"]["model.shop.hidden"]["relation_name"], Value::Null);
    let old = &manifest["disabled"]["model.shop.old"][0];
    assert_eq!((&old["config"]["enabled"], &old["compiled"]), (&json!(false), &json!(false)));
}

#[test]
fn a_test_tells_what_it_tests() {
    let shop = Shop::new();
    let manifest = shop.manifest();
    let test = |name: &str| &manifest["nodes"][&shop.graph.node(shop.id(name)).unique_id];
    let not_null = test("not_null_revenue_id");
    assert_eq!(not_null["attached_node"], "model.shop.revenue");
    assert_eq!(not_null["column_name"], "id");
    assert_eq!(not_null["file_key_name"], "models.revenue");
    let metadata = json!({
        "name": "not_null",
        "kwargs": {"column_name": "id", "model": "{{ get_where_subquery(ref('revenue')) }}"},
        "namespace": null,
    });
    assert_eq!(not_null["test_metadata"], metadata);
    assert_eq!(not_null["relation_name"], "\"test_audit\".\"not_null_revenue_id\"");
    assert_eq!(not_null["raw_code"], "{{ test_not_null(**_dbt_generic_test_kwargs) }}");
    assert_eq!(not_null["config"]["severity"], "warn");

    assert_eq!(test("positive_revenue_id")["depends_on"]["macros"], json!(["macro.shop.test_positive"]));
    assert_eq!(test("numbered")["attached_node"], Value::Null);
    let singular = test("no_debts");
    assert!(singular.get("test_metadata").is_none());
    assert_eq!(singular["path"], "no_debts.sql");
    assert_eq!(singular["refs"], json!([{"name": "revenue", "package": null, "version": null}]));
}

#[test]
fn sources_and_macros_have_places_of_their_own() {
    let manifest = Shop::new().manifest();
    let events = &manifest["sources"]["source.shop.app.events"];
    assert_eq!(events["relation_name"], "\"source\".\"app\".\"events\"");
    assert_eq!(events["source_description"], "The shop's own records.");
    assert_eq!(manifest["macros"]["macro.shop.cents"]["depends_on"], json!({"macros": ["macro.shop.round_to"]}));
    assert_eq!(manifest["child_map"]["source.shop.app.events"].as_array().unwrap().len(), 2);
}

#[test]
fn results_have_what_dbt_has_no_key_for_in_the_response() {
    let shop = Shop::new();
    let header = header();
    let done = ResultEntry {
        node: shop.id("orders"),
        status: "success",
        started: header.started_at,
        compile_ended: header.started_at.checked_add(jiff::SignedDuration::from_millis(250)).unwrap(),
        completed: header.started_at.checked_add(jiff::SignedDuration::from_secs(2)).unwrap(),
        thread: 1,
        rows: 7,
        version: Some(3),
        message: "",
        failures: None,
        rejected: 2,
        diagnostics: Vec::new(),
    };
    let skipped =
        ResultEntry { node: shop.id("revenue"), status: "skipped", message: "`silver.orders` failed", ..done.clone() };
    let results = run_results(&shop.graph, &shop.compiled(), &[done, skipped], 2.5, &header);
    assert_eq!(results["args"], json!({"which": "build"}));
    let [done, skipped] = results["results"].as_array().unwrap().as_slice() else { panic!() };
    let response = json!({"_message": "SUCCESS 7", "code": "SUCCESS", "rows_affected": 7, "version": 3, "rejected": 2});
    assert_eq!(done["adapter_response"], response);
    assert_eq!(done["execution_time"], 2.0);
    assert_eq!(done["timing"][0]["completed_at"], "2025-06-15T15:06:40.750000Z");
    assert_eq!(done["relation_name"], "\"silver\".\"orders\"");
    assert_eq!((&skipped["timing"], &skipped["adapter_response"]), (&json!([]), &json!({})));
    assert_eq!(skipped["message"], "`silver.orders` failed");
}

#[test]
fn compiled_sql_lies_where_dbt_puts_it_and_is_written_when_it_changed() {
    let shop = Shop::new();
    let folder = shop.root.path().join(".engine");
    let mut compiled = shop.compiled();
    write_compiled(&folder, &shop.graph, &compiled).unwrap();
    let written = files(&folder.join("compiled/shop"));
    let wanted = [
        "models/gold/gold.yml/a_b.sql",
        "models/gold/gold.yml/not_null_revenue_id.sql",
        "models/gold/gold.yml/positive_revenue_id.sql",
        "models/gold/gold.yml/relationships_revenue_id__id__ref_rates_.sql",
        "models/gold/gold.yml/unique_revenue_id.sql",
        "models/gold/revenue.sql",
        "models/silver/hidden.sql",
        "models/silver/orders.sql",
        "sources.yaml/numbered.sql",
        "tests/no_debts.sql",
    ];
    assert_eq!(written, wanted);

    let past = std::time::UNIX_EPOCH;
    let file = |name: &str| File::options().write(true).open(folder.join("compiled/shop/models").join(name)).unwrap();
    let modified = |name: &str| file(name).metadata().unwrap().modified().unwrap();
    for name in ["gold/revenue.sql", "silver/orders.sql"] {
        file(name).set_modified(past).unwrap();
    }
    compiled.insert(shop.id("orders"), "select 2".to_owned());
    write_compiled(&folder, &shop.graph, &compiled).unwrap();
    assert_eq!(modified("gold/revenue.sql"), past);
    assert!(modified("silver/orders.sql") > past);
}

#[test]
fn an_artifact_is_replaced_whole_and_leaves_nothing_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("a/b");
    for value in [json!({"n": 1}), json!({"n": 2})] {
        write(&folder, "manifest.json", &value).unwrap();
    }
    assert_eq!(fs::read_to_string(folder.join("manifest.json")).unwrap(), "{\"n\":2}");
    fs::create_dir_all(folder.join("taken.json/x")).unwrap();
    assert!(write(&folder, "taken.json", &json!(1)).is_err());
    assert_eq!(files(&folder), ["manifest.json"]);
}

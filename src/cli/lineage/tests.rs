//! A project with lineages as an analysis gives them, and what the command says of it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use jiff::Timestamp;
use serde_json::{Map, json};
use tempfile::TempDir;

use super::name::words;
use super::*;
use crate::execution::{Analysis, ColumnLineage, Influence, Lineage, Origin, OriginTable, Use};
use crate::graph::{Graph, link};
use crate::names::{Relation, SourceName};
use crate::project::{LoadOptions, load};
use crate::template::{Globals, Templates, YamlRenderer};

const FILES: &[(&str, &str)] = &[
    ("project.yaml", "name: shop\nlayers: [bronze, silver, gold]\n"),
    (
        "sources.yaml",
        "sources:
  - name: app
    tables:
      - name: events
        files: {path: data/*.json.gz}
        format: ndjson
        columns: [{name: id, type: bigint}, {name: amount, type: bigint}]
",
    ),
    ("models/bronze/raw.sql", "select id, amount from {{ source('app', 'events') }}"),
    ("models/silver/orders.sql", "select * from {{ ref('raw') }}"),
    ("models/silver/customers.sql", "select 1 as id, 'x' as name"),
    ("models/gold/revenue.sql", "select * from {{ ref('orders') }} join {{ ref('customers') }} on true"),
    ("models/gold/share.sql", "select * from {{ ref('revenue') }} join {{ ref('orders') }} on true"),
    (
        "models/models.yml",
        "models:
  - name: orders
    columns:
      - name: status
        data_tests: [not_null: {name: known_status}]
      - name: customer_id
        data_tests: [relationships: {name: known_customer, arguments: {to: ref('customers'), field: id}}]
  - name: revenue
    columns:
      - name: total
        data_tests: [not_null: {name: known_total}]
",
    ),
];

/// A model's columns with their origins, and what filters and joins its rows.
type Written = (
    &'static str,
    &'static [(&'static str, &'static [(&'static str, Use)])],
    &'static [&'static str],
    &'static [&'static str],
);

const LINEAGES: &[Written] = &[
    (
        "raw",
        &[
            ("id", &[("source app.events.id", Use::Copied)]),
            ("amount", &[("source app.events.amount", Use::Transformed)]),
        ],
        &[],
        &[],
    ),
    (
        "orders",
        &[
            ("customer_id", &[("bronze.raw.id", Use::Copied)]),
            ("amount", &[("bronze.raw.amount", Use::Copied)]),
            ("status", &[]),
        ],
        &[],
        &[],
    ),
    ("customers", &[("id", &[]), ("name", &[])], &[], &[]),
    (
        "revenue",
        &[
            ("customer", &[("silver.customers.id", Use::Copied)]),
            ("total", &[("silver.orders.amount", Use::Aggregated)]),
        ],
        &["silver.orders.status"],
        &["silver.customers.id", "silver.orders.customer_id"],
    ),
    (
        "share",
        &[
            ("half", &[("gold.revenue.total", Use::Transformed)]),
            ("part", &[("gold.revenue.total", Use::Copied), ("silver.orders.amount", Use::Transformed)]),
        ],
        &[],
        &[],
    ),
];

/// A column, and what decides about it alone.
const WITHIN: &[(&str, &str, Influence)] = &[("share.half", "silver.orders.customer_id", Influence::Order)];

struct Shop {
    /// The folder is gone when this is dropped.
    _root: TempDir,
    graph: Graph,
    analysis: Analysis,
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
        let mut analysis = Analysis::default();
        for (name, columns, filters, joins) in LINEAGES {
            let columns = columns.iter().map(|(column, origins)| ColumnLineage {
                column: (*column).to_owned(),
                origins: origins.iter().map(|(name, how)| (origin(name), *how)).collect(),
                influences: WITHIN
                    .iter()
                    .filter(|(of, _, _)| *of == format!("{name}.{column}"))
                    .map(|(_, by, influence)| (origin(by), *influence))
                    .collect(),
            });
            let lineage = Lineage {
                columns: columns.collect(),
                filters: filters.iter().map(|name| origin(name)).collect(),
                joins: joins.iter().map(|name| origin(name)).collect(),
                ..Lineage::default()
            };
            analysis.lineages.insert(graph.by_ref(name).unwrap(), lineage);
        }
        let events = SourceName { source: "app".to_owned(), table: "events".to_owned() };
        let columns = ["id", "amount"].map(|name| Field::new(name, DataType::Int64, true));
        analysis.schemas.insert(graph.by_source(&events).unwrap(), Arc::new(Schema::new(columns.to_vec())));
        Self { _root: root, graph, analysis }
    }

    fn lineage(&self, target: &str, directions: &[Direction], depth: usize) -> String {
        let (node, column) = find(&self.graph, target).unwrap();
        let paths = Paths::new(&self.graph, &self.analysis);
        Target::new(&paths, node, column.as_ref()).unwrap().text(&paths, directions, depth)
    }

    fn impact(&self, target: &str) -> String {
        let (node, column) = find(&self.graph, target).unwrap();
        let paths = Paths::new(&self.graph, &self.analysis);
        let target = Target::new(&paths, node, column.as_ref()).unwrap();
        Impact::new(&paths, node, &target.columns, target.is_whole).text(&target.title(&paths))
    }

    /// What is said of a target that is not there.
    fn refused(&self, target: &str) -> (String, Vec<String>) {
        let paths = Paths::new(&self.graph, &self.analysis);
        let found = find(&self.graph, target).and_then(|(node, column)| Target::new(&paths, node, column.as_ref()));
        let found = found.unwrap_err();
        (found.message, found.hints)
    }
}

fn origin(name: &str) -> Origin {
    let bare = name.strip_prefix("source ");
    let parts: Vec<&str> = bare.unwrap_or(name).split('.').collect();
    let table = match bare {
        Some(_) => OriginTable::Source(SourceName { source: parts[0].to_owned(), table: parts[1].to_owned() }),
        None => OriginTable::Relation(Relation::new(parts[0], parts[1]).unwrap()),
    };
    Origin { table, column: parts[2].to_owned() }
}

const FAR: usize = usize::MAX;

#[test]
fn a_column_is_followed_up_to_its_source() {
    let told = Shop::new().lineage("gold.revenue.total", &[Direction::Up], FAR);
    let expected = "\
gold.revenue.total
  <- silver.orders.amount   aggregated
     <- bronze.raw.amount   copied
        <- source app.events.amount   transformed
  filtered by silver.orders.status; joined on silver.customers.id, silver.orders.customer_id";
    assert_eq!(told, expected);
}

#[test]
fn what_is_told_above_is_not_told_again() {
    let told = Shop::new().lineage("share.part", &[Direction::Up], FAR);
    let expected = "\
gold.share.part
  <- gold.revenue.total   copied
     <- silver.orders.amount   aggregated
        <- bronze.raw.amount   copied
           <- source app.events.amount   transformed
  <- silver.orders.amount   transformed   (see above)";
    assert_eq!(told, expected);
}

#[test]
fn a_column_is_followed_down_to_values_and_rows() {
    let shop = Shop::new();
    let expected = "\
source app.events.amount
  -> bronze.raw.amount   transformed
     -> silver.orders.amount   copied
        -> gold.revenue.total   aggregated
           -> gold.share.half   transformed
           -> gold.share.part   copied
        -> gold.share.part   transformed";
    assert_eq!(shop.lineage("source:app.events.amount", &[Direction::Down], FAR), expected);
    let expected = "silver.orders.status\n  -> gold.revenue   filters its rows";
    assert_eq!(shop.lineage("silver.orders.status", &[Direction::Down], FAR), expected);
}

#[test]
fn the_depth_ends_the_way() {
    let told = Shop::new().lineage("silver.orders.amount", &[Direction::Up, Direction::Down], 1);
    let expected = "\
silver.orders.amount
  <- bronze.raw.amount   copied
  -> gold.revenue.total   aggregated
  -> gold.share.part   transformed";
    assert_eq!(told, expected);
}

#[test]
fn a_table_is_all_of_its_columns() {
    let shop = Shop::new();
    let expected = "\
silver.customers.id
  made of no column
silver.customers.name
  made of no column";
    assert_eq!(shop.lineage("customers", &[Direction::Up], FAR), expected);
    let expected = "\
source app.events.id
  comes from outside
source app.events.amount
  comes from outside";
    assert_eq!(shop.lineage("app.events", &[Direction::Up], FAR), expected);
    assert_eq!(shop.lineage("gold.share.half", &[Direction::Down], FAR), "gold.share.half\n  nothing is made of it");
}

#[test]
fn what_decides_about_one_column_is_followed_as_its_values_are() {
    let shop = Shop::new();
    let expected = "\
gold.share.half
  <- gold.revenue.total   transformed
  <- silver.orders.customer_id   orders what goes into it";
    assert_eq!(shop.lineage("share.half", &[Direction::Up], 1), expected);
    let expected = "\
bronze.raw.id
  -> silver.orders.customer_id   copied
     -> gold.revenue   joins its rows
     -> gold.share.half   orders what goes into it";
    assert_eq!(shop.lineage("raw.id", &[Direction::Down], FAR), expected);
    let paths = Paths::new(&shop.graph, &shop.analysis);
    let node = shop.graph.by_ref("share").unwrap();
    let told = Target::new(&paths, node, Some(&words("half")[0])).unwrap().json(&paths, &[Direction::Up], 1);
    let expected = json!({
        "name": "silver.orders.customer_id", "unique_id": "model.shop.orders", "influence": "order", "up": []
    });
    assert_eq!(told["columns"][0]["up"][1], expected);
    assert!(shop.impact("raw.id").contains("    gold.share     half; its rows\n"), "{}", shop.impact("raw.id"));
}

#[test]
fn the_tree_is_the_same_as_json() {
    let shop = Shop::new();
    let paths = Paths::new(&shop.graph, &shop.analysis);
    let node = shop.graph.by_ref("revenue").unwrap();
    let target = Target::new(&paths, node, Some(&words("TOTAL")[0])).unwrap();
    let told = target.json(&paths, &[Direction::Up, Direction::Down], 1);
    assert_eq!(told["unique_id"], "model.shop.revenue");
    let expected = json!([{
        "column": "total",
        "up": [{"name": "silver.orders.amount", "unique_id": "model.shop.orders", "use": "aggregated", "up": []}],
        "down": [
            {"name": "gold.share.half", "unique_id": "model.shop.share", "use": "transformed", "down": []},
            {"name": "gold.share.part", "unique_id": "model.shop.share", "use": "copied", "down": []},
        ],
    }]);
    assert_eq!(told["columns"], expected);
    assert_eq!(told["rows"][0], json!({"influence": "filter", "columns": ["silver.orders.status"]}));
}

#[test]
fn a_change_reaches_columns_rows_and_tests() {
    let shop = Shop::new();
    let expected = "\
silver.orders.amount
  models
    gold.revenue  total
    gold.share    half, part
  data tests
    known_total
  2 models, 3 columns, 1 data test";
    assert_eq!(shop.impact("silver.orders.amount"), expected);
    // Other rows of one model are other rows of those that read it.
    let expected = "\
silver.orders.status
  models
    gold.revenue  its rows
    gold.share    its rows
  data tests
    known_status
    known_total
  2 models, 0 columns, 2 data tests";
    assert_eq!(sorted_tests(&shop.impact("orders.status")), expected);
}

#[test]
fn a_test_of_two_tables_looks_at_both() {
    let shop = Shop::new();
    let told = shop.impact("silver.customers.id");
    assert!(told.contains("    gold.revenue  customer; its rows\n"), "{told}");
    assert!(told.contains("    known_customer\n"), "{told}");
    assert_eq!(shop.impact("silver.customers.name"), "silver.customers.name\n  reaches nothing");
}

/// Tests stand in the order of the graph, which says nothing of two that read different models.
fn sorted_tests(told: &str) -> String {
    let mut lines: Vec<&str> = told.lines().collect();
    let start = lines.iter().position(|line| *line == "  data tests").unwrap() + 1;
    let end = lines.len() - 1;
    lines[start..end].sort_unstable();
    lines.join("\n")
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let shop = Shop::new();
    let (message, hints) = shop.refused("gold.revenu.total");
    assert_eq!(message, "no model, seed or source is named `gold.revenu`");
    assert_eq!(hints, ["did you mean `gold.revenue`?"]);
    let (message, hints) = shop.refused("revenue.totl");
    assert_eq!(message, "`gold.revenue` has no column `totl`");
    assert_eq!(hints, ["did you mean `total`?"]);
    // A source is named before its table.
    let (message, hints) = shop.refused("events.id");
    assert_eq!(message, "no model, seed or source is named `events.id`");
    assert_eq!(hints, ["did you mean `app.events.id`?"]);
    let (_, hints) = shop.refused("revenu.total");
    assert_eq!(hints, ["did you mean `revenue.total`?"]);
    let (message, hints) = shop.refused("gold.revenue.");
    assert_eq!(message, "`gold.revenue.` ends with a dot, and no column behind it");
    assert_eq!(hints, ["`gold.revenue` is all of its columns"]);
    let (message, _) = shop.refused("revenue.zip.code");
    assert_eq!(message, "`gold.revenue` has no column `zip.code`");
}

#[test]
fn names_are_found_as_sql_finds_them() {
    let shop = Shop::new();
    let title = |target: &str| shop.lineage(target, &[Direction::Up], 0).lines().next().unwrap().to_owned();
    for target in ["Revenue.TOTAL", "gold.\"revenue\".\"total\"", "GOLD.revenue.total"] {
        assert_eq!(title(target), "gold.revenue.total");
    }
    assert_eq!(title("App.Events.ID"), "source app.events.id");
    let (message, hints) = shop.refused("revenue.\"Total\"");
    assert_eq!(
        (message.as_str(), hints),
        ("`gold.revenue` has no column `Total`", vec!["did you mean `total`?".to_owned()])
    );
}

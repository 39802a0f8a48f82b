//! dbt's selection grammar, over one project of ten models: every method and every operator.

use crate::project::TestProject;
use crate::transcript;

const SOURCES: &str = "
sources:
  - name: shop
    tables:
      - name: orders
        files: {path: 'data/orders/*.ndjson'}
        format: ndjson
        columns: [{name: id, type: bigint}, {name: country, type: string}]
      - name: customers
        tags: [personal]
        files: {path: 'data/customers/*.ndjson'}
        format: ndjson
        columns: [{name: id, type: bigint}]
";

const PROPERTIES: &str = "
models:
  - name: orders
    config: {tags: [nightly], meta: {owner: ann}}
    columns:
      - name: id
        data_tests: [unique, not_null]
      - name: country
        data_tests:
          - relationships: {arguments: {to: ref('countries'), field: code}}
  - name: revenue
    config: {tags: [nightly, finance]}
    columns:
      - name: country
        data_tests: [not_null]
";

/// Bronze orders and customers, silver made of them, gold of silver; `lonely` reads nothing.
///
/// ```text
/// source orders    -> raw_orders    -> orders    -> revenue -> report
/// source customers -> raw_customers -> customers -> revenue
///                                      customers -> churn
/// countries (seed) -> orders           orders    -> big.basket -> big.basket_sizes
/// ```
fn shop() -> TestProject {
    let bronze = |table: &str| {
        format!("{{{{ config(materialized='incremental') }}}}\nselect * from {{{{ source('shop', '{table}') }}}}\n")
    };
    let reads = |names: &[&str]| {
        let read: Vec<String> = names.iter().map(|name| format!("select id from {{{{ ref('{name}') }}}}\n")).collect();
        read.join("union all\n")
    };
    TestProject::new()
        .file("sources.yaml", SOURCES)
        .file("seeds/countries.csv", "code,name\nDE,Germany\n")
        .file("models/models.yml", PROPERTIES)
        .file("models/bronze/raw_orders.sql", &bronze("orders"))
        .file("models/bronze/raw_customers.sql", &bronze("customers"))
        .file(
            "models/silver/orders.sql",
            "select o.id, o.country from {{ ref('raw_orders') }} as o join {{ ref('countries') }} as c on true",
        )
        .file("models/silver/customers.sql", &reads(&["raw_customers"]))
        .file(
            "models/gold/revenue.sql",
            &format!("{{{{ config(materialized='table') }}}}\n{}", reads(&["orders", "customers"])),
        )
        .file("models/gold/churn.sql", &reads(&["customers"]))
        .file("models/gold/big/basket.sql", &reads(&["orders"]))
        .file("models/gold/big/basket_sizes.sql", &reads(&["basket"]))
        .file("models/analytics/report.sql", &reads(&["revenue"]))
        .file("models/analytics/lonely.sql", "{{ config(materialized='ephemeral') }} select 1 as id")
        .file("tests/no_lonely_orders.sql", "select * from {{ ref('orders') }} where id is null")
}

/// The names a selection gives, tests left out, in one line.
fn models(arguments: &[&str]) -> String {
    names(&[&["--resource-type", "model", "seed", "source"], arguments].concat())
}

/// All the names a selection gives, in one line.
fn names(arguments: &[&str]) -> String {
    let ran = shop().ok(&[&["ls", "--quiet", "--output", "name"], arguments].concat());
    ran.stdout.lines().collect::<Vec<_>>().join(" ")
}

/// Each selection with what it gives, a line each.
fn table(selections: &[&str]) -> String {
    let project = shop();
    let line = |selection: &&str| {
        let kinds = ["--resource-type", "model", "seed", "source"];
        let arguments = [&["ls", "--quiet", "--output", "name", "--select", selection], kinds.as_slice()].concat();
        let ran = project.ok(&arguments);
        let line = format!("{selection:<36}{}", ran.stdout.lines().collect::<Vec<_>>().join(" "));
        line.trim_end().to_owned()
    };
    selections.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_is_listed_by_kind_and_name() {
    transcript!(shop().run(&["ls"]), @"
    exit: 0
    ----- stdout -----
    shop.gold.big.basket
    shop.gold.big.basket_sizes
    shop.gold.churn
    shop.silver.customers
    shop.analytics.lonely
    shop.silver.orders
    shop.bronze.raw_customers
    shop.bronze.raw_orders
    shop.analytics.report
    shop.gold.revenue
    shop.countries
    source:shop.shop.customers
    source:shop.shop.orders
    shop.no_lonely_orders
    shop.silver.not_null_orders_id
    shop.gold.not_null_revenue_country
    shop.silver.relationships_orders_country__code__ref_countries_
    shop.silver.unique_orders_id
    ");
}

#[test]
fn names_and_layers_and_folders() {
    insta::assert_snapshot!(table(&[
        "revenue",
        "gold",
        "gold.big",
        "shop.gold.big",
        "gold.revenue",
        "fqn:gold.big.basket",
        "seeds",
        "countries",
        "*",
    ]), @"
    revenue                             revenue
    gold                                basket basket_sizes churn revenue
    gold.big                            basket basket_sizes
    shop.gold.big                       basket basket_sizes
    gold.revenue                        revenue
    fqn:gold.big.basket                 basket
    seeds                               countries
    countries                           countries
    *                                   basket basket_sizes churn customers lonely orders raw_customers raw_orders report revenue countries customers orders
    ");
}

#[test]
fn patterns() {
    insta::assert_snapshot!(table(&["raw_*", "gold.*", "basket*", "?hurn", "[cr]*", "silver.c*", "nothing_*"]), @"
    raw_*                               raw_customers raw_orders
    gold.*                              basket basket_sizes churn revenue
    basket*                             basket basket_sizes
    ?hurn                               churn
    [cr]*                               churn customers raw_customers raw_orders report revenue countries
    silver.c*                           customers
    nothing_*
    ");
}

#[test]
fn steps_up_and_down() {
    insta::assert_snapshot!(table(&[
        "+revenue",
        "1+revenue",
        "2+revenue",
        "orders+",
        "orders+1",
        "1+orders+1",
        "+orders+",
        "@churn",
        "@orders",
        "lonely+",
        "+lonely",
        "gold+",
        "+tag:finance",
    ]), @"
    +revenue                            customers orders raw_customers raw_orders revenue countries customers orders
    1+revenue                           customers orders revenue
    2+revenue                           customers orders raw_customers raw_orders revenue countries
    orders+                             basket basket_sizes orders report revenue
    orders+1                            basket orders revenue
    1+orders+1                          basket orders raw_orders revenue countries
    +orders+                            basket basket_sizes orders raw_orders report revenue countries orders
    @churn                              churn customers raw_customers customers
    @orders                             basket basket_sizes customers orders raw_customers raw_orders report revenue countries customers orders
    lonely+                             lonely
    +lonely                             lonely
    gold+                               basket basket_sizes churn report revenue
    +tag:finance                        customers orders raw_customers raw_orders revenue countries customers orders
    ");
}

#[test]
fn methods() {
    insta::assert_snapshot!(table(&[
        "tag:nightly",
        "tag:fin*",
        "tag:nobody",
        "path:models/gold",
        "path:models/gold/big/basket.sql",
        "path:models/*/*/*.sql",
        "models/gold/big",
        "file:basket.sql",
        "file:basket",
        "revenue.sql",
        "countries.csv",
        "source:shop",
        "source:shop.orders",
        "source:shop.shop.orders",
        "source:shop+1",
        "source:*",
        "resource_type:seed",
        "resource_type:source",
        "config.materialized:incremental",
        "config.materialized:view",
        "config.materialized:ephemeral",
        "config.meta.owner:ann",
        "config.tags:finance",
        "package:shop",
        "package:this",
    ]), @"
    tag:nightly                         orders revenue
    tag:fin*                            revenue
    tag:nobody
    path:models/gold                    basket basket_sizes churn revenue
    path:models/gold/big/basket.sql     basket
    path:models/*/*/*.sql               basket basket_sizes
    models/gold/big                     basket basket_sizes
    file:basket.sql                     basket
    file:basket                         basket
    revenue.sql                         revenue
    countries.csv                       countries
    source:shop                         customers orders
    source:shop.orders                  orders
    source:shop.shop.orders             orders
    source:shop+1                       raw_customers raw_orders customers orders
    source:*                            customers orders
    resource_type:seed                  countries
    resource_type:source                customers orders
    config.materialized:incremental     raw_customers raw_orders
    config.materialized:view            basket basket_sizes churn customers orders report
    config.materialized:ephemeral       lonely
    config.meta.owner:ann               orders
    config.tags:finance                 revenue
    package:shop                        basket basket_sizes churn customers lonely orders raw_customers raw_orders report revenue countries customers orders
    package:this                        basket basket_sizes churn customers lonely orders raw_customers raw_orders report revenue countries customers orders
    ");
}

#[test]
fn a_space_is_or_and_a_comma_is_and() {
    insta::assert_snapshot!(table(&[
        "revenue churn",
        "gold,tag:nightly",
        "orders+,tag:nightly",
        "gold,silver",
        "+revenue,+churn",
        "gold,tag:finance silver,tag:nightly",
    ]), @"
    revenue churn                       churn revenue
    gold,tag:nightly                    revenue
    orders+,tag:nightly                 orders revenue
    gold,silver
    +revenue,+churn                     customers raw_customers customers
    gold,tag:finance silver,tag:nightly orders revenue
    ");
}

#[test]
fn several_arguments_are_a_union() {
    insta::assert_snapshot!(models(&["--select", "revenue", "churn"]), @"churn revenue");
    insta::assert_snapshot!(models(&["-s", "revenue", "--select", "churn"]), @"churn revenue");
}

#[test]
fn what_is_excluded_is_left_out() {
    insta::assert_snapshot!(models(&["--select", "gold", "--exclude", "gold.big"]), @"churn revenue");
    insta::assert_snapshot!(models(&["--exclude", "orders+", "source:*", "seeds"]), @"churn customers lonely raw_customers raw_orders");
    insta::assert_snapshot!(models(&["--select", "revenue", "--exclude", "gold"]), @"");
}

#[test]
fn tests_come_with_what_they_test() {
    insta::assert_snapshot!(names(&["--select", "revenue"]), @"revenue not_null_revenue_country");
    insta::assert_snapshot!(names(&["--select", "orders"]), @"orders no_lonely_orders not_null_orders_id relationships_orders_country__code__ref_countries_ unique_orders_id");
    insta::assert_snapshot!(names(&["--select", "countries"]), @"countries relationships_orders_country__code__ref_countries_");
}

#[test]
fn tests_are_selected_by_their_own_names_and_kinds() {
    insta::assert_snapshot!(names(&["--select", "test_type:singular"]), @"no_lonely_orders");
    insta::assert_snapshot!(names(&["--select", "test_type:generic"]), @"not_null_orders_id not_null_revenue_country relationships_orders_country__code__ref_countries_ unique_orders_id");
    insta::assert_snapshot!(names(&["--select", "test_type:data,orders"]), @"no_lonely_orders not_null_orders_id relationships_orders_country__code__ref_countries_ unique_orders_id");
    insta::assert_snapshot!(names(&["--select", "test_name:not_null"]), @"not_null_orders_id not_null_revenue_country");
    insta::assert_snapshot!(names(&["--select", "no_lonely_orders"]), @"no_lonely_orders");
    insta::assert_snapshot!(names(&["--select", "unique_orders_id"]), @"unique_orders_id");
    insta::assert_snapshot!(names(&["--select", "resource_type:test"]), @"no_lonely_orders not_null_orders_id not_null_revenue_country relationships_orders_country__code__ref_countries_ unique_orders_id");
    insta::assert_snapshot!(names(&["--select", "orders", "--exclude", "test_name:unique"]), @"orders no_lonely_orders not_null_orders_id relationships_orders_country__code__ref_countries_");
}

#[test]
fn a_pattern_that_matches_nothing_is_no_mistake() {
    transcript!(shop().run(&["ls", "--select", "nothing_*"]), @"exit: 0");
    transcript!(shop().run(&["run", "--select", "tag:nobody"]), @"
    exit: 0
    ----- stderr -----
    nothing to do: the selection holds nothing this command builds
    ");
}

#[test]
fn a_name_that_matches_nothing_is_one() {
    assert_eq!(shop().run(&["ls", "--select", "revenues"]).code, 2);
    assert_eq!(shop().run(&["ls", "--select", "file:revenues.sql"]).code, 2);
    assert_eq!(shop().run(&["ls", "--select", "test_name:uniqe"]).code, 2);
    assert_eq!(shop().run(&["run", "--exclude", "revenues"]).code, 2);
}

#[test]
fn what_is_listed_can_be_selected() {
    let project = shop();
    for line in project.ok(&["ls", "--quiet"]).stdout.lines() {
        let again = project.ok(&["ls", "--quiet", "--select", line]);
        assert!(again.stdout.lines().any(|other| other == line), "{line}: {again}");
    }
}

#[test]
fn paths_and_json_are_listed_too() {
    transcript!(shop().run(&["ls", "--select", "revenue", "--output", "path"]), @"
    exit: 0
    ----- stdout -----
    models/gold/revenue.sql
    models/models.yml
    ");
    transcript!(shop().run(&["ls", "--select", "revenue", "--output", "json", "--resource-type", "model"]), @r#"
    exit: 0
    ----- stdout -----
    {"unique_id":"model.shop.revenue","name":"revenue","alias":"revenue","resource_type":"model","package_name":"shop","original_file_path":"models/gold/revenue.sql","relation":"gold.revenue","fqn":["shop","gold","revenue"],"tags":["nightly","finance"],"config":{"tags":["nightly","finance"],"materialized":"table"},"source_name":null,"depends_on":{"nodes":["model.shop.orders","model.shop.customers"],"macros":[]},"description":""}
    "#);
    transcript!(
        shop().run(&["ls", "--select", "orders", "--resource-type", "model", "--output", "json", "--output-keys", "name", "config.meta.owner"]), @r#"
    exit: 0
    ----- stdout -----
    {"name":"orders","config.meta.owner":"ann"}
    "#);
}

const EXPOSURES: &str = "
exposures:
  - name: weekly_report
    type: dashboard
    owner: {name: Ann, email: ann@shop.example}
    tags: [bi]
    depends_on: [ref('revenue'), \"source('shop', 'orders')\"]
  - name: old_report
    type: notebook
    owner: {name: Ann}
    config: {enabled: false}
    depends_on: [ref('churn')]
";

#[test]
fn exposures_are_leaves_of_the_graph() {
    let project = shop().file("models/gold/exposures.yml", EXPOSURES);
    let kinds = ["--resource-type", "model", "seed", "source", "exposure"];
    let names = |selection: &str| {
        let ran =
            project.ok(&[&["ls", "--quiet", "--output", "name", "--select", selection], kinds.as_slice()].concat());
        format!("{selection:<32}{}", ran.stdout.lines().collect::<Vec<_>>().join(" "))
    };
    let selections = [
        "exposure:weekly_report",
        "exposure:shop.weekly_*",
        "+exposure:weekly_report",
        "1+exposure:*",
        "revenue+",
        "resource_type:exposure",
        "tag:bi",
        "path:models/gold/exposures.yml",
    ];
    insta::assert_snapshot!(selections.map(names).join("\n"), @"
    exposure:weekly_report          weekly_report
    exposure:shop.weekly_*          weekly_report
    +exposure:weekly_report         weekly_report customers orders raw_customers raw_orders revenue countries customers orders
    1+exposure:*                    weekly_report revenue orders
    revenue+                        weekly_report report revenue
    resource_type:exposure          weekly_report
    tag:bi                          weekly_report
    path:models/gold/exposures.yml  weekly_report
    ");
    transcript!(project.run(&["ls", "--resource-type", "exposure"]), @"
    exit: 0
    ----- stdout -----
    exposure:shop.weekly_report
    ");
    transcript!(project.run(&["ls", "--resource-type", "exposure", "--output", "json"]), @r#"
    exit: 0
    ----- stdout -----
    {"unique_id":"exposure.shop.weekly_report","name":"weekly_report","alias":"weekly_report","resource_type":"exposure","package_name":"shop","original_file_path":"models/gold/exposures.yml","relation":null,"fqn":["shop","gold","weekly_report"],"tags":["bi"],"config":{"tags":["bi"]},"source_name":null,"depends_on":{"nodes":["source.shop.shop.orders","model.shop.revenue"],"macros":[]},"description":""}
    "#);
}

#[test]
fn an_exposure_is_selected_by_its_method_and_never_built() {
    let project = shop().file("models/gold/exposures.yml", EXPOSURES);
    transcript!(project.run(&["build", "--select", "exposure:weekly_report"]), @"
    exit: 0
    ----- stderr -----
    nothing to do: the selection holds nothing this command builds
    ");
    transcript!(project.run(&["ls", "--select", "weekly_report"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `weekly_report` matches nothing in this project
     --> command line:1:10
      |
    1 | --select weekly_report
      |          ^^^^^^^^^^^^^
      |
      = hint: write `exposure:weekly_report`
    ");
    transcript!(project.run(&["ls", "--select", "exposure:weekly_reprot"]), @"
    exit: 2
    ----- stderr -----
    error[E0304]: `exposure:weekly_reprot` matches no exposure
     --> command line:1:10
      |
    1 | --select exposure:weekly_reprot
      |          ^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `weekly_report`?
    ");
}

//! Queries, and what their columns and rows are said to be made of.

mod influences;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, TableProvider};
use datafusion::datasource::ViewTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;
use futures::executor::block_on;

use super::*;
use crate::execution::session::{Limits, base_state};

struct Shop(SessionContext);

impl Shop {
    /// Orders and customers in silver, orders of a source, and a view of the paid orders.
    fn new() -> Self {
        let state = base_state(&Limits { memory: 1 << 20, partitions: 1, spill: None }).unwrap();
        let shop = Self(SessionContext::new_with_state(state));
        for (catalog, schema) in [("warehouse", "silver"), ("source", "shop")] {
            let provider = MemoryCatalogProvider::new();
            provider.register_schema(schema, Arc::new(MemorySchemaProvider::new())).unwrap();
            shop.0.register_catalog(catalog, Arc::new(provider));
        }
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let number = |name: &str| Field::new(name, DataType::Int64, true);
        let list = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
        let address = DataType::Struct(vec![text("city"), text("street")].into());
        let orders = vec![
            number("id"),
            number("customer_id"),
            number("amount"),
            text("status"),
            number("placed"),
            Field::new("tags", list, true),
            Field::new("address", address, true),
        ];
        let customers = vec![number("id"), number("parent_id"), text("name"), text("region")];
        shop.add("warehouse.silver.orders", Arc::new(EmptyTable::new(Arc::new(Schema::new(orders)))));
        shop.add("warehouse.silver.customers", Arc::new(EmptyTable::new(Arc::new(Schema::new(customers)))));
        let raw = vec![number("id"), number("amount")];
        shop.add("source.shop.orders", Arc::new(EmptyTable::new(Arc::new(Schema::new(raw)))));
        let paid = shop.plan("select id, amount as paid from silver.orders where status = 'paid'");
        shop.add("warehouse.silver.paid", Arc::new(ViewTable::new(paid, None)));
        shop
    }

    fn add(&self, name: &str, table: Arc<dyn TableProvider>) {
        self.0.register_table(name, table).unwrap();
    }

    fn plan(&self, sql: &str) -> LogicalPlan {
        block_on(self.0.state().create_logical_plan(sql)).unwrap()
    }

    /// The lineage as lines: one for each column, one for each way in which rows are decided about.
    fn told(&self, sql: &str) -> Vec<String> {
        let lineage = lineage(&self.plan(sql));
        let columns = lineage.columns.iter().map(|column| {
            let origins = column.origins.iter().map(|(origin, how)| format!("{origin} {how}"));
            let influences = column.influences.iter().map(|(origin, influence)| format!("({influence:?} {origin})"));
            let all: Vec<String> = origins.chain(influences).collect();
            format!("{}: {}", column.column, all.join(", "))
        });
        let influences = lineage.influences().into_iter().filter(|(_, origins)| !origins.is_empty());
        let influences = influences.map(|(influence, origins)| {
            let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
            format!("({influence:?} {})", origins.join(", "))
        });
        columns.chain(influences).collect()
    }
}

/// Each query with what is told of it.
fn assert_told(cases: &[(&str, &[&str])]) {
    let shop = Shop::new();
    for (sql, expected) in cases {
        assert_eq!(shop.told(sql), *expected, "{sql}");
    }
}

#[test]
fn a_value_is_copied_or_transformed() {
    assert_told(&[
        (
            "select id, amount as total, o.status from silver.orders as o",
            &[
                "id: silver.orders.id copied",
                "total: silver.orders.amount copied",
                "status: silver.orders.status copied",
            ],
        ),
        (
            "select cast(amount as varchar) as a, try_cast(status as bigint) as b, amount + id as c, 1 as d
             from silver.orders",
            &[
                "a: silver.orders.amount transformed",
                "b: silver.orders.status transformed",
                "c: silver.orders.amount transformed, silver.orders.id transformed",
                "d: ",
            ],
        ),
        (
            "select case when status = 'paid' then amount end as paid, address['city'] as city from silver.orders",
            &[
                "paid: silver.orders.amount transformed, silver.orders.status transformed",
                "city: silver.orders.address transformed",
            ],
        ),
        ("select * from (values (1, 'a'), (2, 'b')) as v(n, t)", &["n: ", "t: "]),
    ]);
}

#[test]
fn every_column_of_a_star_is_told() {
    assert_told(&[
        (
            "select * from silver.customers",
            &[
                "id: silver.customers.id copied",
                "parent_id: silver.customers.parent_id copied",
                "name: silver.customers.name copied",
                "region: silver.customers.region copied",
            ],
        ),
        ("select count(*) as n from silver.customers", &["n: "]),
    ]);
}

#[test]
fn a_column_is_followed_through_ctes_and_subqueries() {
    assert_told(&[
        (
            "with a as (select amount as a1, id from silver.orders), b as (select a1 as b1 from a where id > 0),
                  c as (select b1 as c1 from b), d as (select c1 as d1 from c), e as (select d1 as e1 from d)
             select e1 from e",
            &["e1: silver.orders.amount copied", "(Filter silver.orders.id)"],
        ),
        (
            "with orders as (select sum(amount) as total from silver.orders) select total + 1 as more from orders",
            &["more: silver.orders.amount aggregated"],
        ),
        (
            "with o as (select id, amount from silver.orders)
             select a.amount, b.amount + 1 as next from o as a cross join (select * from o) as b",
            &["amount: silver.orders.amount copied", "next: silver.orders.amount transformed"],
        ),
    ]);
}

#[test]
fn the_conditions_of_a_join_are_apart_from_its_columns() {
    assert_told(&[
        (
            "select id, name, amount from silver.orders join silver.customers using (id)",
            &[
                "id: silver.orders.id copied",
                "name: silver.customers.name copied",
                "amount: silver.orders.amount copied",
                "(Join silver.customers.id, silver.orders.id)",
            ],
        ),
        (
            "select o.amount, upper(c.name) as name from silver.orders as o
             left join silver.customers as c on o.customer_id = c.id and c.region = 'eu' where c.parent_id is null",
            &[
                "amount: silver.orders.amount copied",
                "name: silver.customers.name transformed",
                "(Filter silver.customers.parent_id)",
                "(Join silver.customers.id, silver.customers.region, silver.orders.customer_id)",
            ],
        ),
        (
            "select o.id from silver.orders as o left anti join silver.customers as c on o.customer_id = c.id",
            &["id: silver.orders.id copied", "(Join silver.customers.id, silver.orders.customer_id)"],
        ),
        (
            "select id from silver.orders except select parent_id from silver.customers",
            &["id: silver.orders.id copied", "(Join silver.customers.parent_id, silver.orders.id)"],
        ),
        (
            "select l.doubled from silver.orders as o, lateral (select o.amount * 2 as doubled) as l",
            &["doubled: silver.orders.amount transformed"],
        ),
    ]);
}

#[test]
fn the_columns_of_a_union_go_together_by_place_or_name() {
    assert_told(&[
        (
            "select id as a, customer_id as b from silver.orders
             union all select parent_id, id + 1 from silver.customers",
            &[
                "a: silver.customers.parent_id copied, silver.orders.id copied",
                "b: silver.customers.id transformed, silver.orders.customer_id copied",
            ],
        ),
        (
            "select id, amount from silver.orders union by name select name, id from silver.customers",
            &[
                "id: silver.customers.id copied, silver.orders.id copied",
                "amount: silver.orders.amount copied",
                "name: silver.customers.name copied",
            ],
        ),
    ]);
}

#[test]
fn an_unnested_column_is_transformed_and_those_beside_it_are_not() {
    assert_told(&[
        (
            "select id, unnest(tags) as tag from silver.orders",
            &["id: silver.orders.id copied", "tag: silver.orders.tags transformed"],
        ),
        (
            "select o.id, t.tag from silver.orders as o, unnest(o.tags) as t(tag)",
            &["id: silver.orders.id copied", "tag: silver.orders.tags transformed"],
        ),
        (
            "select city, street from (select unnest(address) from silver.orders) as u(city, street)",
            &["city: silver.orders.address transformed", "street: silver.orders.address transformed"],
        ),
    ]);
}

#[test]
fn a_recursive_query_is_followed_until_nothing_new_comes() {
    assert_told(&[
        (
            "with recursive tree as (
                select id, name as path, region as above from silver.customers where parent_id is null
                union all
                select c.id, tree.path || c.name, tree.path from silver.customers as c
                join tree on c.parent_id = tree.id
             ) select id, path, above from tree",
            &[
                "id: silver.customers.id copied",
                "path: silver.customers.name transformed",
                "above: silver.customers.name transformed, silver.customers.region copied",
                "(Filter silver.customers.parent_id)",
                "(Join silver.customers.id, silver.customers.parent_id)",
            ],
        ),
        (
            "with recursive count_up(n) as (select 1 union all select n + 1 from count_up where n < 5)
             select n from count_up",
            &["n: "],
        ),
    ]);
}

#[test]
fn lineage_ends_at_a_view_and_knows_a_source() {
    assert_told(&[(
        "select p.paid, s.amount as raw from silver.paid as p join \"source\".\"shop\".\"orders\" as s on p.id = s.id",
        &[
            "paid: silver.paid.paid copied",
            "raw: source shop.orders.amount copied",
            "(Join silver.paid.id, source shop.orders.id)",
        ],
    )]);
}

#[test]
fn a_table_of_no_relation_has_no_lineage() {
    let reference = |text: &str| OriginTable::named(&TableReference::from(text)).map(|table| table.to_string());
    assert_eq!(reference("silver.orders").as_deref(), Some("silver.orders"));
    assert_eq!(reference("warehouse.silver.orders").as_deref(), Some("silver.orders"));
    assert_eq!(reference("source.shop.orders").as_deref(), Some("source shop.orders"));
    assert_eq!(reference("orders"), None);
    assert_eq!(reference("silver.\"not a name\""), None);
}

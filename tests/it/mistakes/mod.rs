//! One wrong project each: what is said, where the caret stands, and how the program ends.

mod data_tests;
mod exposures;
mod graph;
mod incremental;
mod on_disk;
mod rows;
mod sql;
mod templates;

use crate::project::TestProject;

/// A project whose only model is `models/gold/revenue.sql`.
pub(super) fn revenue(sql: &str) -> TestProject {
    TestProject::new().file("models/gold/revenue.sql", sql)
}

/// `silver.orders`, a table of three plain columns, and `gold.revenue`, which reads it.
pub(super) fn orders_and(revenue: &str) -> TestProject {
    TestProject::new()
        .file(
            "models/silver/orders.sql",
            "{{ config(materialized='table') }}\nselect 1 as id, 'DE' as country, 12.5 as amount\n",
        )
        .file("models/gold/revenue.sql", revenue)
}

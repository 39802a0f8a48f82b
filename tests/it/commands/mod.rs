//! What each command says and leaves behind, and how it ends.

mod artifacts;
mod build;
mod difference;
mod docs;
mod explain;
mod flags;
mod interrupted;
mod lineage;
mod project;
mod run;
mod show;

use crate::project::TestProject;

/// `bronze.raw` -> `silver.orders` -> `gold.revenue` -> `analytics.report`, and `gold.other`, which reads nothing.
fn chain() -> TestProject {
    TestProject::new()
        .file(
            "models/bronze/raw.sql",
            "{{ config(materialized='table') }}\nselect * from (values (1, 10), (2, 20)) as rows (id, amount)\n",
        )
        .file("models/silver/orders.sql", "{{ config(materialized='table') }}\nselect * from {{ ref('raw') }}\n")
        .file(
            "models/gold/revenue.sql",
            "{{ config(materialized='table') }}\nselect sum(amount) as revenue from {{ ref('orders') }}\n",
        )
        .file("models/gold/other.sql", "{{ config(materialized='table') }}\nselect 1 as id\n")
        .file("models/analytics/report.sql", "select revenue from {{ ref('revenue') }}\n")
}

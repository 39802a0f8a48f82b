//! Where the columns of a query come from, and how: read off its logical plan as it was written, not optimised.
//!
//! What makes a value is kept apart from what decides which rows there are. A column under `where` makes none of the
//! output's columns, and still matters for all of them; one under the `filter` of an aggregate matters for that one.
//!
//! The lineage of a model ends at the relations it names. A view or an ephemeral model stands in a plan with its own
//! plan below its name; what lies there is that model's lineage, not this one's.

mod expression;
mod flow;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use datafusion::common::TableReference;
use datafusion::logical_expr::LogicalPlan;
use serde::Serialize;

use super::session::SOURCE;
use crate::graph::{Graph, NodeId};
use crate::names::{Relation, SourceName};

/// A table a query reads, as the project names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OriginTable {
    Relation(Relation),
    Source(SourceName),
}

impl OriginTable {
    /// None for what is no table of the project: the alias of a query, a CTE, a table function, which are one word.
    fn named(reference: &TableReference) -> Option<Self> {
        let schema = reference.schema()?;
        match reference.catalog() {
            Some(SOURCE) => {
                Some(Self::Source(SourceName { source: schema.to_owned(), table: reference.table().to_owned() }))
            }
            Some(_) | None => Relation::new(schema, reference.table()).ok().map(Self::Relation),
        }
    }

    /// The node that is the table, unless a query reads what no node of the project makes.
    pub fn node(&self, graph: &Graph) -> Option<NodeId> {
        match self {
            Self::Relation(relation) => graph.by_relation(relation),
            Self::Source(name) => graph.by_source(name),
        }
    }
}

impl fmt::Display for OriginTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relation(relation) => write!(out, "{relation}"),
            Self::Source(name) => write!(out, "source {name}"),
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub table: OriginTable,
    pub column: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.table, self.column)
    }
}

/// What became of a column on its way into another; of several steps, the strongest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// The same values, maybe under another name.
    Copied,
    /// Values made from those of the same row; a cast is one.
    Transformed,
    /// Values made from those of several rows.
    Aggregated,
}

impl fmt::Display for Use {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Copied => "copied",
            Self::Transformed => "transformed",
            Self::Aggregated => "aggregated",
        })
    }
}

/// How a column decides which rows there are, or which rows go together, without being a part of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Influence {
    Filter,
    Join,
    Group,
    Window,
    Order,
}

/// A column of a query's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnLineage {
    pub column: String,
    /// Empty for what is made of no column: a literal, `count(*)`.
    pub origins: BTreeMap<Origin, Use>,
    /// What decides which rows go into this column alone, or their order, without being a part of it: the `filter` of an
    /// aggregate, the keys of a window, the conditions of a subquery.
    pub influences: BTreeSet<(Origin, Influence)>,
}

/// Where a query's columns and rows come from. What decides about one column alone stands with that one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// In the order of the output.
    pub columns: Vec<ColumnLineage>,
    /// Under `where`, `having` and `qualify`; also in subqueries there.
    pub filters: BTreeSet<Origin>,
    /// In join conditions; all columns of both sides of `intersect` and `except`.
    pub joins: BTreeSet<Origin>,
    /// Keys of `group by` and of `distinct on`.
    pub groups: BTreeSet<Origin>,
    /// Keys of windows by whose values rows are chosen.
    pub windows: BTreeSet<Origin>,
    /// Sort keys that decide something: of a limit, of `distinct on`.
    pub orders: BTreeSet<Origin>,
}

impl Lineage {
    /// The column of the output with this name.
    pub fn column(&self, name: &str) -> Option<&ColumnLineage> {
        self.columns.iter().find(|column| column.column == name)
    }

    /// What decides about the rows, each with how it does.
    pub fn influences(&self) -> [(Influence, &BTreeSet<Origin>); 5] {
        [
            (Influence::Filter, &self.filters),
            (Influence::Join, &self.joins),
            (Influence::Group, &self.groups),
            (Influence::Window, &self.windows),
            (Influence::Order, &self.orders),
        ]
    }

    fn influence(&mut self, influence: Influence) -> &mut BTreeSet<Origin> {
        match influence {
            Influence::Filter => &mut self.filters,
            Influence::Join => &mut self.joins,
            Influence::Group => &mut self.groups,
            Influence::Window => &mut self.windows,
            Influence::Order => &mut self.orders,
        }
    }
}

/// The lineage of a plan that was not optimised: the optimiser replaces expressions and drops columns.
pub(super) fn lineage(plan: &LogicalPlan) -> Lineage {
    walk::walked(plan)
}

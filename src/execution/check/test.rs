//! A data test bound: its query planned, or, for the most frequent kinds, its column looked up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::datatypes::SchemaRef;

use super::Wrong;
use super::bind::Binder;
use super::suspect::{Reach, is_suspect};
use super::unbound::is_unbound;
use crate::data_test::{self, TestConfig};
use crate::execution::compile::World;
use crate::execution::fault::Mistake;
use crate::execution::statement::statement_of;
use crate::execution::verify::{called_from, custom_arguments, parent_sql, relation_sql};
use crate::graph::{Node, NodeId, TestKind, TestNode};
use crate::names::{Relation, TEST_AUDIT};
use crate::storage::table_schema;

impl Binder {
    pub(super) fn test(&self, id: NodeId, node: &Node, test: &TestNode) -> Vec<Wrong> {
        // Mistakes in it are told when the project is loaded.
        let Ok(config) = TestConfig::read(test, &node.name, &node.path, self.context.store_failures) else {
            return Vec::new();
        };
        if !config.store_failures && self.is_plainly_right(id, test, &config) {
            return Vec::new();
        }
        let is_declared_wrong = data_test::mistakes(node, &self.context.templates).has_errors();
        if is_declared_wrong || test.attached.is_some_and(|id| self.columns_of(id).is_none()) {
            return Vec::new();
        }
        let asked = Arc::new(AtomicBool::new(false));
        let world = World::offline(&self.context, id, false, self.runtime(), &asked);
        let templates = &self.context.templates;
        let rendered = match &test.kind {
            TestKind::Singular => {
                templates.compile(&test.template, &world).map(|sql| sql.trim_end().trim_end_matches(';').to_owned())
            }
            TestKind::Generic { test: name, arguments } => {
                let Some(attached) = test.attached else { return Vec::new() };
                if templates.generic_test(name).is_some() {
                    let arguments = custom_arguments(&self.context, node, test).unwrap_or_default();
                    templates
                        .compile_generic_test(name, &arguments, &test.template, &world)
                        .map_err(|found| called_from(test, found))
                } else {
                    let tested = config.tested(&relation_sql(self.context.graph.node(attached)));
                    let to = parent_sql(&self.context, id, test, arguments);
                    match data_test::builtin_sql(name, &tested, arguments, &to) {
                        Some(sql) => Ok(sql),
                        None => return Vec::new(),
                    }
                }
            }
        };
        let sql = match rendered {
            Err(_) if asked.load(Ordering::Relaxed) => return Vec::new(),
            Err(found) => return vec![Wrong::Found(found)],
            Ok(_) if asked.load(Ordering::Relaxed) => return Vec::new(),
            Ok(sql) => sql,
        };
        // By itself first: the places of its mistakes are then those of the file.
        let analyzed = || self.analyzed(statement_of(&self.state, &sql)?, &sql);
        let first = match analyzed() {
            Err(_) if self.adopt(&sql) => analyzed(),
            planned => planned,
        };
        // Rows that are kept are written as they are; others are counted, in no order.
        let whole = if config.store_failures { sql.clone() } else { config.count_sql(&sql) };
        let counted = || self.plan_to(&whole, Reach::Planned);
        let planned = match first {
            Ok((planned, settled)) => {
                let is_plain = config.store_failures || config.is_plain_count();
                match is_plain && !is_suspect(&self.state, &settled.plan, Reach::Planned) {
                    true => Ok(planned.rows),
                    false => match counted() {
                        Ok(_) => Ok(planned.rows),
                        Err(error) if is_unbound(&error) => return Vec::new(),
                        Err(error) => Err(vec![Mistake::new(error)]),
                    },
                }
            }
            Err(error) if is_unbound(&error) => return Vec::new(),
            // What only the counting leaves out, an order, may be wrong.
            Err(error) => match config.store_failures || self.is_refused(&sql) || counted().is_err() {
                true => Err(self.every_mistake(&sql, error, Reach::Bound)),
                false => return Vec::new(),
            },
        };
        match planned {
            Ok(rows) if config.store_failures => unkept(node, &rows, sql),
            Ok(_) => Vec::new(),
            Err(mistakes) => vec![Wrong::Sql { sql, incremental: false, mistakes }],
        }
    }
}

impl Binder {
    /// Whether a query cannot even be bound.
    fn is_refused(&self, sql: &str) -> bool {
        statement_of(&self.state, sql).and_then(|statement| self.planned(statement)).is_err()
    }
}

/// Failing rows that no table can hold.
fn unkept(node: &Node, rows: &SchemaRef, sql: String) -> Vec<Wrong> {
    let Ok(relation) = Relation::new(TEST_AUDIT, &node.name) else { return Vec::new() };
    let error = table_schema(&relation, rows).err();
    error.map(|error| Wrong::Storage { sql, incremental: false, error }).into_iter().collect()
}

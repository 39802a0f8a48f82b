//! Queries beside those of models and tests: hooks, and the `for_each` of sources.
//!
//! They may name any table, and only what surely is there when they run says whether they are right.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::error::DataFusionError;
use serde_json::{Map, Value};

use super::bind::Binder;
use super::bound::Planned;
use super::suspect::Reach;
use super::unbound::is_unbound;
use crate::connectors::http::missing_each;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::execution::compile::World;
use crate::execution::for_each;
use crate::execution::hook::Hook;
use crate::execution::session::{SOURCE, WAREHOUSE};
use crate::execution::statement::statement_of;
use crate::graph::{Materialized, ModelNode, NodeId, NodeKind, for_each_template};
use crate::names::Relation;
use crate::project::{HttpConfig, Local, SourceTable, TableReader, Text, YamlScope};

/// A schema that no layer is called by: what a table without one is looked for in.
const NOWHERE: &str = "public";

/// A query that cannot be run, with its SQL.
type Refused = (String, DataFusionError);

impl Binder {
    /// The hooks of a model that is bound. Those before it meet the table of the last run, which is not looked at.
    pub(super) fn hooks(&self, id: NodeId, model: &ModelNode) -> Diagnostics {
        let graph = &self.context.graph;
        let is_above = |read: NodeId| graph.parents(id).contains(&read);
        let is_read = |read: NodeId| is_above(read) || (read == id && model.config.topic.is_none());
        let config = &model.config;
        let mut found = Diagnostics::default();
        if config.materialized == Materialized::Ephemeral {
            return found;
        }
        for text in &config.pre_hook {
            found.extend(self.hook(Hook { node: Some(id), text }, &is_above));
        }
        for text in &config.post_hook {
            found.extend(self.hook(Hook { node: Some(id), text }, &is_read));
        }
        found
    }

    /// The hooks of the project; those before a run meet tables that nobody knows.
    pub(super) fn project_hooks(&self) -> Diagnostics {
        let config = &self.context.project.config;
        let mut found = Diagnostics::default();
        for text in &config.on_run_start {
            found.extend(self.hook(Hook { node: None, text }, &|_| false));
        }
        for text in &config.on_run_end {
            found.extend(self.hook(Hook { node: None, text }, &|_| true));
        }
        found
    }

    fn hook(&self, hook: Hook<'_>, is_there: &dyn Fn(NodeId) -> bool) -> Diagnostics {
        let asked = Arc::new(AtomicBool::new(false));
        let world = World::offline(&self.context, None, false, self.runtime(), &asked);
        let rendered = self.context.templates.compile(&hook.template(&self.context), &world);
        if asked.load(Ordering::Relaxed) {
            return Diagnostics::default();
        }
        match rendered {
            Err(found) => found,
            Ok(sql) if sql.trim().is_empty() => Diagnostics::default(),
            Ok(sql) => match self.bound_aside(sql, is_there) {
                Err((sql, error)) => hook.fault(&self.context, &sql, &error).into(),
                Ok(_) => Diagnostics::default(),
            },
        }
    }

    /// The query that says what a source is asked for, and what its requests take from it.
    pub(super) fn for_each(&self, id: NodeId, table: &SourceTable) -> Diagnostics {
        let graph = &self.context.graph;
        let TableReader::Http(http) = &table.reader else { return Diagnostics::default() };
        // What no model reads is not asked for.
        let is_read = graph.children(id).iter().any(|child| matches!(graph.node(*child).kind, NodeKind::Model(_)));
        let Some(text) = http.for_each.as_ref().filter(|_| is_read) else { return Diagnostics::default() };
        let asked = Arc::new(AtomicBool::new(false));
        let world = World::offline(&self.context, id, false, self.runtime(), &asked);
        let template = for_each_template(&graph.node(id).unique_id, table, http, self.context.started);
        let rendered = self.context.templates.compile_at(&template, &world, &text.place);
        if asked.load(Ordering::Relaxed) {
            return Diagnostics::default();
        }
        let sql = match rendered {
            Ok(sql) => sql,
            Err(found) => return found,
        };
        match self.bound_aside(sql, &|read| graph.parents(id).contains(&read)) {
            Err((_, error)) => for_each::failed(&table.name, text, &error).into(),
            Ok(None) => Diagnostics::default(),
            Ok(Some(Planned { rows, .. })) => {
                let names: Vec<&str> = rows.fields().iter().map(|field| field.name().as_str()).collect();
                let mut found: Diagnostics = missing_each(http, &table.name, &names).into_iter().collect();
                found.extend(http.texts().filter_map(|text| self.unknown_each(http, text, &names)));
                found
            }
        }
    }

    /// `each.x` of a request, which is none of the query's columns.
    fn unknown_each(&self, http: &HttpConfig, text: &Text, names: &[&str]) -> Option<Diagnostic> {
        // What stands on a condition may never be asked for.
        if ["{%", " if ", "default", "defined"].iter().any(|word| text.text.contains(word)) {
            return None;
        }
        let row: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), Value::String(String::new()))).collect();
        let mut locals = http.locals_to_try();
        locals.retain(|(name, _)| *name != "each");
        locals.push(("each", Local::Json(Value::Object(row))));
        let around = &self.context.around;
        let scope = YamlScope { vars: &around.vars, env: &around.env, target: Some(&around.target), locals: &locals };
        let refused = around.renderer.render(&text.text, &text.place, &scope).err()?;
        let is_each = refused.unknown.as_deref().is_some_and(|name| name.starts_with("each."));
        is_each.then_some(refused)
    }

    /// Binds a query if all that it reads is known and surely there when it runs.
    fn bound_aside(&self, sql: String, is_there: &dyn Fn(NodeId) -> bool) -> Result<Option<Planned>, Refused> {
        let statement = match statement_of(&self.state, &sql) {
            Ok(statement) => statement,
            Err(error) => return Err((sql, error)),
        };
        self.adopt(&sql);
        let Ok(references) = self.state.resolve_table_references(&statement) else { return Ok(None) };
        let is_sure = references.iter().all(|reference| {
            let full = reference.clone().resolve(WAREHOUSE, NOWHERE);
            let is_known = self.stubs.has(&full.catalog, &full.schema, &full.table);
            if &*full.catalog == SOURCE {
                return is_known;
            }
            let relation = Relation::new(&full.schema, &full.table).ok();
            match relation.and_then(|relation| self.context.graph.by_relation(&relation)) {
                Some(id) => is_known && is_there(id),
                None => is_known || &*full.schema == NOWHERE,
            }
        });
        if !is_sure {
            return Ok(None);
        }
        match self.plan_to(&sql, Reach::Planned) {
            Ok(planned) => Ok(Some(planned)),
            Err(error) if is_unbound(&error) => Ok(None),
            Err(error) => Err((sql, error)),
        }
    }
}

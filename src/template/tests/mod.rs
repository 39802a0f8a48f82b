//! Templates as a project has them, rendered whole; diagnostics as the user sees them.

mod arguments;
mod calls;
mod context;
mod errors;
mod failures;
mod language;
mod places;
mod python;
mod queries;
mod yaml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use super::{CompileContext, Described, Extracted, Globals, NodeTemplate, QueryRows, RelationKind, Templates};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText, render};
use crate::names::Relation;
use crate::project::MacroFile;

/// A project to render one template in.
struct Project {
    globals: Globals,
    macros: Vec<MacroFile>,
    node: NodeTemplate,
    world: Arc<World>,
}

/// The world as the second pass finds it.
#[derive(Default)]
struct World {
    incremental: bool,
    rows: QueryRows,
    relations: BTreeMap<String, RelationKind>,
    said: Mutex<Vec<String>>,
}

impl CompileContext for World {
    fn resolve_ref(&self, _: Option<&str>, name: &str) -> Result<Relation, Diagnostic> {
        match name {
            "missing" => Err(Diagnostic::error(Code::UnknownRef, "no model named `missing`")),
            _ => Ok(Relation::new("gold", name).unwrap()),
        }
    }

    fn resolve_source(&self, source: &str, table: &str) -> Result<String, Diagnostic> {
        Ok(format!("\"bronze\".\"{source}_{table}\""))
    }

    fn is_incremental(&self) -> bool {
        self.incremental
    }

    fn should_full_refresh(&self) -> bool {
        false
    }

    fn run_query(&self, sql: &str) -> Result<QueryRows, Diagnostic> {
        self.said.lock().unwrap().push(format!("query: {}", sql.trim()));
        match sql.contains("broken") {
            true => Err(Diagnostic::error(Code::Execution, "the query failed")),
            false => Ok(self.rows.clone()),
        }
    }

    fn relation_exists(&self, relation: &Relation) -> Option<RelationKind> {
        self.relations.get(&relation.to_string()).copied()
    }

    fn columns_in(&self, _: &Relation) -> Result<Vec<(String, String)>, Diagnostic> {
        let column = |name: &str, data_type: &str| (name.to_owned(), data_type.to_owned());
        Ok(vec![column("id", "Int64"), column("name", "Utf8")])
    }

    fn log(&self, message: &str, info: bool) {
        self.said.lock().unwrap().push(format!("{}: {message}", if info { "info" } else { "debug" }));
    }

    fn warn(&self, message: &str) {
        self.said.lock().unwrap().push(format!("warn: {message}"));
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

impl Project {
    fn new(template: &str) -> Self {
        Self {
            globals: Globals {
                project_name: "shop".to_owned(),
                vars: object(json!({"start": "2026-01-01", "days": 3, "layers": ["a", "b"]})),
                env: BTreeMap::from([("HOME".to_owned(), "/home/ada".to_owned())]),
                target: json!({"name": "dev", "threads": 4, "type": "engine", "schema": "dev"}),
                flags: json!({"FULL_REFRESH": false, "WHICH": "run"}),
                invocation_id: "0197".to_owned(),
                run_started_at: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
            },
            macros: Vec::new(),
            node: NodeTemplate {
                locals: Vec::new(),
                unique_id: "model.shop.orders".to_owned(),
                name: "orders".to_owned(),
                source: SourceText::new("models/gold/orders.sql", template),
                this: Relation::new("gold", "orders").ok(),
                config: Arc::new(object(json!({"materialized": "table", "meta": {"owner": "ada"}}))),
                model: Described::by(|| json!({"name": "orders", "tags": ["daily"]})),
            },
            world: Arc::new(World::default()),
        }
    }

    fn macros(self, path: &str, text: &str) -> Self {
        self.package("shop", path, text)
    }

    fn package(mut self, package: &str, path: &str, text: &str) -> Self {
        let source = SourceText::new(path, text);
        self.macros.push(MacroFile { package: package.to_owned(), source });
        self
    }

    fn world(mut self, world: World) -> Self {
        self.world = Arc::new(world);
        self
    }

    fn templates(&self) -> Result<Templates, Diagnostics> {
        Templates::new(self.globals.clone(), &self.macros)
    }

    fn context(&self) -> Arc<dyn CompileContext> {
        Arc::clone(&self.world) as Arc<dyn CompileContext>
    }

    fn try_compile(&self) -> Result<String, Diagnostics> {
        self.templates()?.compile(&self.node, &self.context())
    }

    /// The SQL, or what the user is told.
    fn compile(&self) -> String {
        self.try_compile().unwrap_or_else(|found| shown(&found))
    }

    fn extract(&self) -> Extracted {
        let extracted = self.templates().and_then(|templates| templates.extract(&self.node));
        extracted.unwrap_or_else(|found| panic!("{}", shown(&found)))
    }

    fn said(&self) -> Vec<String> {
        self.world.said.lock().unwrap().clone()
    }
}

fn shown(found: &Diagnostics) -> String {
    found.iter().map(|diagnostic| render(diagnostic, false)).collect::<Vec<_>>().join("\n")
}

/// What a template alone compiles to.
fn compiled(template: &str) -> String {
    Project::new(template).compile()
}

/// Each template with its macro file, and what is said of it.
fn told(cases: &[(&str, &str)]) -> String {
    let tell = |(template, macros): &(&str, &str)| match macros.is_empty() {
        true => Project::new(template).compile(),
        false => Project::new(template).macros("macros/m.sql", macros).compile(),
    };
    cases.iter().map(tell).collect::<Vec<_>>().join("\n\n")
}

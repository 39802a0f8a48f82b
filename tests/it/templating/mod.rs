//! Jinja in models, tests and settings: what a template may ask for and what it gets.

mod context;
mod generic_tests;
mod macros;
mod queries;

use crate::project::TestProject;

/// The compiled SQL of `gold.a`.
fn compiled(project: &TestProject) -> String {
    project.ok(&["compile", "--quiet", "--select", "a"]).stdout.trim().to_owned()
}

/// A project whose model `gold.a` is this template, compiled.
fn compile(template: &str) -> String {
    compiled(&TestProject::new().file("models/gold/a.sql", template))
}

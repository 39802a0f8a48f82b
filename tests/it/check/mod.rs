//! One wrong project each for `check`, which reads no data: all that it says, with the caret in the user's file.

mod columns;
mod data_tests;
mod formats;
mod functions;
mod graph;
mod incremental;
mod macros;
mod seeds;
mod settings;
mod sources;
mod tables;
mod templates;
mod types;

use crate::project::{Ran, TestProject};

/// The mistakes alone, without the notes and the verdict.
fn check(project: &TestProject) -> Ran {
    project.run(&["check", "--quiet"])
}

/// What is refused, and not by `run`, is no mistake: both must end well.
fn is_right(project: &TestProject) {
    project.ok(&["check"]);
    project.ok(&["build"]);
    project.ok(&["check"]);
}

//! One wrong project each for `check`, which reads no data: all that it says, with the caret in the user's file.

mod aside;
mod columns;
mod data_tests;
mod deep;
mod every;
mod formats;
mod functions;
mod graph;
mod incremental;
mod loading;
mod macros;
mod places;
mod plans;
mod seeds;
mod settings;
mod sources;
mod tables;
mod templates;
mod types;
mod unread;

use crate::project::{Ran, TestProject};

/// The mistakes alone, without the notes and the verdict.
fn check(project: &TestProject) -> Ran {
    project.run(&["check", "--quiet"])
}

/// The mistakes of a project that `build` refuses as well.
fn refused(project: &TestProject) -> Ran {
    let told = check(project);
    let built = project.run(&["build", "--quiet"]);
    assert_ne!(built.code, 0, "build goes through, and check said:\n{told}");
    told
}

/// What is refused, and not by `run`, is no mistake: both must end well.
fn is_right(project: &TestProject) {
    project.ok(&["check"]);
    project.ok(&["build"]);
    project.ok(&["check"]);
}

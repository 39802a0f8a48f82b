//! The integration tests: a real project in a temporary folder, the real program, everything it says.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod environment;
mod project;

mod architecture;
mod check;
mod commands;
mod files;
mod http;
mod kafka;
mod kill;
mod materialize;
mod mistakes;
mod queries;
mod readers;
mod real_data;
mod s3;
mod selection;
mod storage;
mod templating;
mod watch;

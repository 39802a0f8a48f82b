//! A broker of Apache Kafka, which `scripts/services` starts and stops.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::environment::{UNAVAILABLE, repository, skipped};

/// The broker that tests share.
const SHARED: &str = "kafka";
/// How many tests use it now, and whether it is ours to stop.
static USERS: Mutex<(usize, bool)> = Mutex::new((0, false));

fn users() -> MutexGuard<'static, (usize, bool)> {
    USERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn services(command: &str, service: &str, how: &[&str]) -> Output {
    let mut script = Command::new(repository().join("scripts/services"));
    if service != SHARED {
        // It chooses the port of one broker.
        script.env_remove("KAFKA_PORT");
    }
    script.args([command, service]).args(how).stdin(Stdio::null()).output().unwrap()
}

/// A broker that runs, until the last of its users is dropped.
pub struct Broker {
    service: String,
    environment: BTreeMap<String, String>,
}

impl Broker {
    /// The one that tests share; `None`, with the reason on stderr, where it cannot be had.
    pub fn shared() -> Option<Self> {
        let mut users = users();
        if users.0 == 0 {
            users.1 = !services("env", SHARED, &[]).status.success();
        }
        let broker = Self::up(SHARED)?;
        users.0 += 1;
        Some(broker)
    }

    /// One that no other test knows of, and that may be stopped.
    pub fn own() -> Option<Self> {
        Self::up(&format!("{SHARED}:test-{}", uuid::Uuid::new_v4()))
    }

    fn up(service: &str) -> Option<Self> {
        let output = services("up", service, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(UNAVAILABLE) {
            skipped("the tests of Kafka", &said);
            return None;
        }
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let environment = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Self { service: service.to_owned(), environment })
    }

    /// Where it listens for everybody.
    pub fn address(&self) -> &str {
        self.said("KAFKA_BOOTSTRAP_SERVERS")
    }

    /// What the script says of it.
    pub fn said(&self, name: &str) -> &str {
        &self.environment[name]
    }

    pub fn is_shared(&self) -> bool {
        self.service == SHARED
    }

    pub fn stop(&self) {
        self.tell("down", &[]);
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.tell("down", &["--kill"]);
    }

    /// On the port it had, with the messages it had.
    pub fn start(&self) {
        self.tell("up", &[]);
    }

    fn tell(&self, command: &str, how: &[&str]) {
        assert!(!self.is_shared(), "other tests use it, too");
        let output = services(command, &self.service, how);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if !self.is_shared() {
            services("down", &self.service, &["--wipe"]);
            return;
        }
        let mut users = users();
        users.0 -= 1;
        if *users == (0, true) {
            services("down", SHARED, &[]);
        }
    }
}

//! `engine stream` as a child of the test: what it says while it runs, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use super::super::{DEADLINE, PAUSE};
use crate::project::{Ran, TestProject};

/// Runs until it is dropped, if it does not end before.
pub struct Streaming {
    child: Child,
    root: PathBuf,
    stdout: Said,
    stderr: Said,
}

/// What has come out of a pipe.
struct Said {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Said {
    fn by(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let said = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut said = said.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// To the end of the pipe.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }
}

impl Streaming {
    /// `engine stream` with these arguments.
    pub fn start(project: &TestProject, arguments: &[&str]) -> Self {
        let mut command = project.command(&["stream"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { child, root: project.root().to_owned(), stdout: Said::by(stdout), stderr: Said::by(stderr) }
    }

    /// Both streams so far.
    fn transcript(&self) -> String {
        format!("----- stdout -----\n{}----- stderr -----\n{}", self.stdout.so_far(), self.stderr.so_far())
    }

    /// Looks again and again until it is so. The stream must not end before.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !is_so() {
            assert!(!self.has_ended(), "ended before {what}\n{}", self.ended());
            assert!(Instant::now() < deadline, "{what} does not come\n{}", self.transcript());
            std::thread::park_timeout(PAUSE);
        }
    }

    /// Until so many lines of the error stream have all of these words.
    pub fn until_said(&mut self, times: usize, words: &[&str]) {
        let text = Arc::clone(&self.stderr.text);
        self.until(&format!("a line with {words:?}"), || {
            let said = text.lock().unwrap();
            said.lines().filter(|line| words.iter().all(|word| line.contains(word))).count() >= times
        });
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// How it has ended, by itself or after a signal.
    pub fn ended(&mut self) -> Ran {
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "does not end\n{}", self.transcript());
            std::thread::park_timeout(PAUSE);
        };
        let output =
            Output { status, stdout: self.stdout.whole().into_bytes(), stderr: self.stderr.whole().into_bytes() };
        Ran::new(&output, &self.root)
    }

    /// Asks it to end, and insists on success.
    pub fn end(&mut self, signal: &str) -> Ran {
        self.signal(signal);
        let ran = self.ended();
        assert_eq!(ran.code, 0, "{ran}");
        ran
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        // It has mostly ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

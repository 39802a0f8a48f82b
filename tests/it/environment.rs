//! What the tests find around them: the repository, packages of Python, and what is missing.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// With which `scripts/services` says that this machine cannot have a service.
pub const UNAVAILABLE: i32 = 3;

/// Says that something was not tested. Written past the capture of the test's output: a skip is to be seen.
pub fn skipped(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}: {}", why.trim());
}

/// The repository: where the project's own files lie.
pub fn repository() -> PathBuf {
    std::env::var_os("ENGINE_REPOSITORY").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}

/// Where cargo's own things lie: kept between runs, not in the project.
fn cache(name: &str) -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| OsString::from("/tmp")));
    let folder = set.unwrap_or_else(|| home().join(".cache/engine-target"));
    std::path::absolute(folder.join(name)).unwrap()
}

/// A virtual environment with packages, made when it is first asked for; `None`, with the reason on stderr, where Python or
/// `PyPI` is not there.
pub fn python(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let folder = cache(name);
    let python = folder.join("bin/python");
    let ready = folder.join("ready");
    let wanted = packages.join("\n");
    if fs::read_to_string(&ready).is_ok_and(|there| there == wanted) {
        return Some(python);
    }
    let _ = fs::remove_dir_all(&folder);
    let succeeds = |command: &mut Command| match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            skipped(name, &String::from_utf8_lossy(&output.stderr));
            false
        }
        Err(error) => {
            skipped(name, &format!("{command:?}: {error}"));
            false
        }
    };
    let made = succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && succeeds(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(packages),
        );
    if made {
        fs::write(ready, wanted).unwrap();
    }
    made.then_some(python)
}

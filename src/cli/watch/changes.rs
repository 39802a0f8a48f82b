//! What changes on disk: saves as editors make them, gathered until they are over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::diagnostic::{Code, Diagnostic};

/// A save is over when nothing more came for so long.
const QUIET: Duration = Duration::from_millis(15);
/// A burst without end is looked at after so long.
const LONGEST: Duration = Duration::from_millis(300);
/// Files a project is made of.
const EXTENSIONS: &[&str] = &["sql", "yml", "yaml", "csv"];

/// The files of a project, watched.
pub(super) struct Changes {
    // Dropped, it watches no more.
    watcher: RecommendedWatcher,
    root: PathBuf,
    events: UnboundedReceiver<PathBuf>,
    /// Of a change that is not over yet: it is not lost when whoever waited for it goes on to something else.
    pending: Vec<PathBuf>,
}

impl Changes {
    /// `left_out` are folders with what the engine itself writes.
    pub(super) fn of(root: &Path, left_out: &[PathBuf]) -> Result<Self, Diagnostic> {
        let (sender, events) = unbounded_channel();
        let failed = |error: notify::Error| {
            Diagnostic::error(Code::Unreadable, format!("`{}` cannot be watched: {error}", root.display()))
        };
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths.into_iter().filter(|path| is_of_project(path)) {
                // Nobody listens any more only at the end.
                let _ = sender.send(path);
            }
        });
        let mut changes =
            Self { watcher: watcher.map_err(failed)?, root: root.to_owned(), events, pending: Vec::new() };
        changes.watcher.watch(root, RecursiveMode::NonRecursive).map_err(failed)?;
        let entries = std::fs::read_dir(root).map_err(|error| failed(notify::Error::io(error)))?;
        for entry in entries.flatten() {
            let path = entry.path();
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            if path.is_dir() && !is_hidden && !left_out.contains(&path) && entry.file_name() != "target" {
                changes.watcher.watch(&path, RecursiveMode::Recursive).map_err(failed)?;
            }
        }
        Ok(changes)
    }

    /// The files of the next change, relative to the project.
    pub(super) async fn next(&mut self) -> Vec<String> {
        if self.pending.is_empty() {
            match self.events.recv().await {
                Some(first) => self.pending.push(first),
                None => return std::future::pending().await,
            }
        }
        let over = tokio::time::Instant::now() + LONGEST;
        loop {
            let quiet = (tokio::time::Instant::now() + QUIET).min(over);
            match tokio::time::timeout_at(quiet, self.events.recv()).await {
                Ok(Some(path)) => self.pending.push(path),
                Ok(None) | Err(_) => break,
            }
        }
        let paths = std::mem::take(&mut self.pending);
        // A folder made just now may hold files already.
        for path in paths.iter().filter(|path| path.is_dir() && path.parent() == Some(&self.root)) {
            let _ = self.watcher.watch(path, RecursiveMode::Recursive);
        }
        // Without an extension it is a folder, or what an editor wrote first and renamed.
        let shown = paths.iter().filter(|path| path.extension().is_some() || path.ends_with(".env") || path.is_dir());
        let relative = shown.map(|path| path.strip_prefix(&self.root).unwrap_or(path).display().to_string());
        let mut names: Vec<String> = relative.collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Not what editors leave beside the files they save.
fn is_of_project(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return false };
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension {
        _ if name == ".env" => true,
        _ if name.starts_with('.') || name.starts_with('#') || name.ends_with('~') => false,
        Some(extension) => EXTENSIONS.contains(&extension.as_str()),
        // A folder that came or went.
        None => !name.chars().all(|c| c.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_leave_behind_is_no_change() {
        for path in ["models/a.sql", "models/a.yml", "seeds/a.CSV", ".env", "models/gold"] {
            assert!(is_of_project(Path::new(path)), "{path}");
        }
        for path in ["models/.a.sql.swp", "models/a.sql~", "models/4913", "models/#a.sql#", "models/.#a.sql", "a.txt"] {
            assert!(!is_of_project(Path::new(path)), "{path}");
        }
    }
}

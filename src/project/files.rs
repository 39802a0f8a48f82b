//! The files of a project: what lies below its paths, in order, hidden ones left out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::memory::{Memory, stamp};
use super::yaml::{self, Node};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceText};

/// A file below one of the project's paths.
#[derive(Debug, Clone)]
pub(super) struct FoundFile {
    memory: Option<Arc<Memory>>,
    path: PathBuf,
    /// Relative to the root, with slashes.
    pub(super) shown: String,
    /// The folders between the project's path and the file.
    pub(super) folders: Vec<String>,
    pub(super) stem: String,
    pub(super) extension: String,
    /// What was read of it with the others, on all cores.
    ahead: Option<Ahead>,
}

/// A text that was read, and parsed where it is YAML that is not known yet.
#[derive(Debug, Clone)]
struct Ahead {
    text: Result<Arc<SourceText>, Diagnostics>,
    node: Option<Result<Node, Diagnostic>>,
}

/// So many files are worth a thread.
const SHARE: usize = 64;

impl FoundFile {
    /// The folders, then the name.
    pub(super) fn fqn(&self) -> Vec<String> {
        self.folders.iter().cloned().chain([self.stem.clone()]).collect()
    }

    pub(super) fn is_yaml(&self) -> bool {
        matches!(self.extension.as_str(), "yml" | "yaml")
    }

    pub(super) fn read(&self, found: &mut Diagnostics) -> Option<Arc<SourceText>> {
        let text = match &self.ahead {
            Some(ahead) => ahead.text.clone(),
            None => read_remembering(&self.path, &self.shown, self.memory.as_deref()),
        };
        found.keep(text)
    }

    /// As far as it is text.
    pub(super) fn read_lossy(&self) -> Arc<SourceText> {
        read_lossy(&self.path, &self.shown)
    }

    /// Its YAML, given once.
    pub(super) fn take_node(&mut self, source: &Arc<SourceText>) -> Result<Node, Diagnostic> {
        match self.ahead.as_mut().and_then(|ahead| ahead.node.take()) {
            Some(parsed) => parsed,
            None => yaml::parse(source),
        }
    }

    fn look_ahead(&mut self) {
        if !self.is_yaml() && self.extension != "sql" {
            return;
        }
        let text = read_remembering(&self.path, &self.shown, self.memory.as_deref());
        let is_known = |source| self.memory.as_ref().is_some_and(|memory| memory.has_properties(source));
        let node = match &text {
            Ok(source) if self.is_yaml() && !is_known(source) => Some(yaml::parse(source)),
            Ok(_) | Err(_) => None,
        };
        self.ahead = Some(Ahead { text, node });
    }
}

/// Reads the texts of many files on the machine's cores.
fn look_ahead(files: &mut [FoundFile]) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = files.len().div_ceil(cores).max(SHARE);
    if files.len() <= share {
        return;
    }
    std::thread::scope(|scope| {
        for chunk in files.chunks_mut(share) {
            scope.spawn(|| chunk.iter_mut().for_each(FoundFile::look_ahead));
        }
    });
}

/// Reads a text of the project, unless it is what it was.
pub(super) fn read_remembering(
    path: &Path,
    shown: &str,
    memory: Option<&Memory>,
) -> Result<Arc<SourceText>, Diagnostics> {
    let Some(memory) = memory else { return read_text(path, shown) };
    if let Some(known) = memory.text(path) {
        return Ok(known);
    }
    let stamp = stamp(path);
    let text = read_text(path, shown)?;
    memory.keep_text(path, stamp, &text);
    Ok(text)
}

/// Reads a text of the project.
pub(super) fn read_text(path: &Path, shown: &str) -> Result<Arc<SourceText>, Diagnostics> {
    match std::fs::read_to_string(path) {
        // Some editors begin a file with a byte order mark.
        Ok(text) => Ok(SourceText::new(shown, text.trim_start_matches('\u{feff}'))),
        Err(error) => {
            let message = match error.kind() {
                std::io::ErrorKind::InvalidData => format!("`{shown}` is not UTF-8"),
                _ => format!("`{shown}` cannot be read: {error}"),
            };
            Err(Diagnostic::error(Code::Unreadable, message).in_file(shown).into())
        }
    }
}

/// What can be read of a file that is no text, or nothing.
pub(super) fn read_lossy(path: &Path, shown: &str) -> Arc<SourceText> {
    let bytes = std::fs::read(path).unwrap_or_default();
    SourceText::new(shown, String::from_utf8_lossy(&bytes))
}

/// All files below the given paths; a path that does not exist has none.
pub(super) fn walk(
    root: &Path,
    paths: &[String],
    memory: Option<&Arc<Memory>>,
    found: &mut Diagnostics,
) -> Vec<FoundFile> {
    let mut files: Vec<FoundFile> = Vec::new();
    for base in paths.iter().map(|path| root.join(path)).filter(|base| base.is_dir()) {
        let walked = walkdir::WalkDir::new(&base).follow_links(true).sort_by_file_name();
        let visible = walked.into_iter().filter_entry(|entry| {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            entry.depth() == 0 || !is_hidden
        });
        for entry in visible {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    files.extend(found_file(root, &base, entry.path(), memory));
                }
                Ok(_) => {}
                Err(error) => {
                    let shown = error.path().map(|path| shown(root, path)).unwrap_or_default();
                    let message = format!("`{shown}` cannot be read: {error}");
                    found.push(Diagnostic::error(Code::Unreadable, message).in_file(shown));
                }
            }
        }
    }
    files.sort_by(|left, right| left.shown.cmp(&right.shown));
    files.dedup_by(|left, right| left.shown == right.shown);
    look_ahead(&mut files);
    files
}

fn found_file(root: &Path, base: &Path, path: &Path, memory: Option<&Arc<Memory>>) -> Option<FoundFile> {
    let below = path.strip_prefix(base).ok()?;
    let folders = below.parent().into_iter().flatten();
    Some(FoundFile {
        ahead: None,
        memory: memory.cloned(),
        path: path.to_owned(),
        shown: shown(root, path),
        folders: folders.map(|folder| folder.to_string_lossy().into_owned()).collect(),
        stem: path.file_stem()?.to_string_lossy().into_owned(),
        extension: path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default(),
    })
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

//! What was read of a project before, for a process that reads it again and again: a file that has not changed is neither
//! read nor parsed once more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::properties::Entries;
use super::yaml::Node;
use crate::diagnostic::SourceText;

/// Texts and property files, as they were when they were last read.
#[derive(Debug, Default)]
pub struct Memory {
    texts: Mutex<HashMap<PathBuf, (Stamp, Arc<SourceText>)>>,
    /// Rendered, by path.
    properties: Mutex<HashMap<String, Properties>>,
}

/// What tells a file from what it was.
pub(super) type Stamp = (SystemTime, u64);

#[derive(Debug, Clone)]
struct Properties {
    source: Arc<SourceText>,
    /// Of the variables and the environment it was rendered with.
    scope: u64,
    node: Arc<Node>,
    /// What it says, if that is all right, with the config of its tests' folder.
    entries: Option<(Map<String, Value>, Arc<Entries>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the file was last written, and how long it is.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

impl Memory {
    /// The text, if the file is what it was.
    pub(super) fn text(&self, path: &Path) -> Option<Arc<SourceText>> {
        let now = stamp(path)?;
        lock(&self.texts).get(path).filter(|(known, _)| *known == now).map(|(_, text)| Arc::clone(text))
    }

    /// Whether there is a node of the file's text as it is now.
    pub(super) fn has_properties(&self, source: &Arc<SourceText>) -> bool {
        lock(&self.properties).get(&source.path).is_some_and(|known| Arc::ptr_eq(&known.source, source))
    }

    /// `stamp` was taken before the file was read: what comes in between is met the next time.
    pub(super) fn keep_text(&self, path: &Path, stamp: Option<Stamp>, text: &Arc<SourceText>) {
        if let Some(stamp) = stamp {
            lock(&self.texts).insert(path.to_owned(), (stamp, Arc::clone(text)));
        }
    }

    /// A file's node, if its text and what it was rendered with are the same.
    pub(super) fn properties(&self, source: &Arc<SourceText>, scope: u64) -> Option<Arc<Node>> {
        let properties = lock(&self.properties);
        let known = properties.get(&source.path)?;
        (Arc::ptr_eq(&known.source, source) && known.scope == scope).then(|| Arc::clone(&known.node))
    }

    pub(super) fn keep_properties(&self, source: &Arc<SourceText>, scope: u64, node: &Arc<Node>) {
        let known = Properties { source: Arc::clone(source), scope, node: Arc::clone(node), entries: None };
        lock(&self.properties).insert(source.path.clone(), known);
    }

    /// What a node says, if it was right and its tests have the same config.
    pub(super) fn entries(&self, node: &Arc<Node>, config: &Map<String, Value>) -> Option<Arc<Entries>> {
        let properties = lock(&self.properties);
        let known = properties.get(&node.span.source.path).filter(|known| Arc::ptr_eq(&known.node, node))?;
        let (of, entries) = known.entries.as_ref()?;
        (of == config).then(|| Arc::clone(entries))
    }

    pub(super) fn keep_entries(&self, node: &Arc<Node>, config: Map<String, Value>, entries: &Entries) {
        let mut properties = lock(&self.properties);
        let known = properties.get_mut(&node.span.source.path).filter(|known| Arc::ptr_eq(&known.node, node));
        if let Some(known) = known {
            known.entries = Some((config, Arc::new(entries.clone())));
        }
    }
}

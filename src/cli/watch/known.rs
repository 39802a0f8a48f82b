//! What every node was made of when it was last built, or when the watch began.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::graph::{Graph, NodeId};

/// Fingerprints, by the nodes' ids.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// As tables are. None as long as the project could not be read.
    built: Option<HashMap<String, u64>>,
    /// As the last check found them.
    now: HashMap<String, u64>,
    /// Saved before the project could be read.
    unread: BTreeSet<String>,
}

impl Known {
    /// Files that were saved.
    pub(super) fn saved(&mut self, files: &[String]) {
        if self.built.is_none() {
            self.unread.extend(files.iter().cloned());
        }
    }

    /// What a check has found; gives the nodes that are made of something else than what was built.
    pub(super) fn checked(&mut self, graph: &Graph, prints: &BTreeMap<NodeId, u64>) -> BTreeSet<NodeId> {
        self.now = prints.iter().map(|(id, print)| (graph.node(*id).unique_id.clone(), *print)).collect();
        let unread = std::mem::take(&mut self.unread);
        let built = self.built.get_or_insert_with(|| {
            let is_old = |id: &NodeId| !unread.contains(&graph.node(*id).path);
            let old = prints.iter().filter(|(id, _)| is_old(id));
            old.map(|(id, print)| (graph.node(*id).unique_id.clone(), *print)).collect()
        });
        let is_changed = |id: &NodeId, print: &u64| built.get(&graph.node(*id).unique_id) != Some(print);
        prints.iter().filter(|(id, print)| is_changed(id, print)).map(|(id, _)| *id).collect()
    }

    /// Until it is built, nobody knows what its table is made of: the build may fail, or be given up.
    pub(super) fn begin(&mut self, unique_id: &str) {
        if let Some(built) = &mut self.built {
            built.remove(unique_id);
        }
    }

    pub(super) fn done(&mut self, unique_id: &str) {
        if let (Some(built), Some(print)) = (&mut self.built, self.now.get(unique_id)) {
            built.insert(unique_id.to_owned(), *print);
        }
    }
}

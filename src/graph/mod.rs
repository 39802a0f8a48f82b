//! The project as a graph: nodes, the edges `ref()` and `source()` draw, and an order to walk them in.
//!
//! Built once by [`link`]; after that nothing is looked up by text any more.

mod assemble;
mod atom;
mod config;
mod config_reader;
mod cycle;
mod exposures;
mod link;
mod memory;
mod models_of;
mod node;
mod resolve;
pub mod selector;
mod test_name;
mod tests_of;
mod topic;

use std::collections::{BTreeSet, HashMap};

pub use config::{IncrementalStrategy, Keep, Materialized, ModelConfig, OnSchemaChange, SeedConfig};
pub use link::{for_each_template, link, link_what_is_right};
pub use memory::LinkMemory;
pub use node::{DataTest, ModelNode, Node, NodeKind, SeedNode, TestKind, TestNode};
pub use topic::{Compression, TopicConfig};

use crate::names::{Relation, SourceName};

/// A node's place in [`Graph::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// Nodes with their edges. `nodes` is in a topological order: parents come before children.
#[derive(Debug, Default)]
pub struct Graph {
    pub project_name: String,
    nodes: Vec<Node>,
    parents: Vec<Vec<NodeId>>,
    children: Vec<Vec<NodeId>>,
    by_relation: HashMap<Relation, NodeId>,
    by_ref_name: HashMap<String, NodeId>,
    by_source: HashMap<SourceName, NodeId>,
    /// Models and seeds switched off by `enabled: false`.
    pub disabled: Vec<String>,
    /// Empty, unless something is wrong with the project.
    pub left_out: Vec<LeftOut>,
}

/// A model or seed that is no node, for it is wrong or reads what is.
#[derive(Debug, Clone)]
pub struct LeftOut {
    pub relation: Relation,
    /// Nothing is wrong with it itself, as far as it was looked at.
    pub reads_wrong: bool,
}

impl Graph {
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn parents(&self, id: NodeId) -> &[NodeId] {
        &self.parents[id.0]
    }

    pub fn children(&self, id: NodeId) -> &[NodeId] {
        &self.children[id.0]
    }

    /// The model or seed that `ref(name)` means.
    pub fn by_ref(&self, name: &str) -> Option<NodeId> {
        self.by_ref_name.get(name).copied()
    }

    pub fn by_relation(&self, relation: &Relation) -> Option<NodeId> {
        self.by_relation.get(relation).copied()
    }

    pub fn by_source(&self, name: &SourceName) -> Option<NodeId> {
        self.by_source.get(name).copied()
    }

    /// Everything `ref()` can name.
    pub fn ref_names(&self) -> impl Iterator<Item = &str> {
        self.by_ref_name.keys().map(String::as_str)
    }

    /// All that lie above `start`, up to `depth` edges; `start` itself is not among them.
    pub fn ancestors(&self, start: NodeId, depth: usize) -> BTreeSet<NodeId> {
        Self::reach(start, depth, |id| self.parents(id))
    }

    /// All that lie below `start`, up to `depth` edges.
    pub fn descendants(&self, start: NodeId, depth: usize) -> BTreeSet<NodeId> {
        Self::reach(start, depth, |id| self.children(id))
    }

    fn reach<'a>(start: NodeId, depth: usize, next: impl Fn(NodeId) -> &'a [NodeId]) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        let mut border = vec![start];
        for _ in 0..depth {
            let mut further = Vec::new();
            for id in border {
                further.extend(next(id).iter().filter(|id| found.insert(**id)));
            }
            if further.is_empty() {
                break;
            }
            border = further;
        }
        found
    }
}

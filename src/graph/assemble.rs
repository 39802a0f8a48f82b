//! Drafts in their order become the graph.

use super::link::Draft;
use super::node::{Node, NodeKind};
use super::{Graph, NodeId};
use crate::names::SourceName;

/// `parents` are indices of `drafts`, `order` is topological; what is not in it is left out.
pub(super) fn assemble(
    drafts: Vec<Draft>,
    parents: &[Vec<usize>],
    order: &[usize],
    disabled: Vec<String>,
    project_name: &str,
) -> Graph {
    let mut place = vec![0; drafts.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let mut slots: Vec<Option<Node>> = drafts.into_iter().map(|draft| Some(draft.node)).collect();
    let mut graph = Graph { project_name: project_name.to_owned(), disabled, ..Graph::default() };
    graph.children = vec![Vec::new(); order.len()];
    for (new, old) in order.iter().enumerate() {
        let Some(mut node) = slots[*old].take() else { continue };
        if let NodeKind::Test(test) = &mut node.kind {
            test.attached = test.attached.map(|owner| NodeId(place[owner.0]));
        }
        let mut above: Vec<NodeId> = parents[*old].iter().map(|parent| NodeId(place[*parent])).collect();
        above.sort_unstable();
        for parent in &above {
            graph.children[parent.0].push(NodeId(new));
        }
        graph.parents.push(above);
        index(&mut graph, &node, NodeId(new));
        graph.nodes.push(node);
    }
    graph
}

fn index(graph: &mut Graph, node: &Node, id: NodeId) {
    match &node.kind {
        NodeKind::Model(_) | NodeKind::Seed(_) => {
            graph.by_ref_name.insert(node.name.clone(), id);
            if let Some(relation) = node.relation() {
                graph.by_relation.insert(relation.clone(), id);
            }
        }
        NodeKind::Source(table) => {
            let name: &SourceName = &table.name;
            graph.by_source.insert(name.clone(), id);
        }
        NodeKind::Test(_) | NodeKind::Exposure(_) => {}
    }
}

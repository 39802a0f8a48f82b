//! What a stream keeps open from batch to batch: consumers that stand where the last batch ended, and producers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Context;
use crate::connectors::{Connector, Producer};
use crate::graph::NodeId;
use crate::names::SourceName;

#[derive(Debug, Default)]
pub struct Kept {
    connectors: Mutex<HashMap<(NodeId, SourceName), Arc<Connector>>>,
    producers: Mutex<HashMap<NodeId, Arc<Producer>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    pub(super) fn connector(&self, node: NodeId, source: &SourceName) -> Option<Arc<Connector>> {
        lock(&self.connectors).get(&(node, source.clone())).cloned()
    }

    /// Only those that hold on to something; the others ask the world anew for each batch.
    pub(super) fn keep(&self, node: NodeId, source: &SourceName, connector: &Arc<Connector>) {
        if matches!(connector.as_ref(), Connector::Kafka(_)) {
            lock(&self.connectors).insert((node, source.clone()), Arc::clone(connector));
        }
    }

    /// The connectors of a node.
    pub(super) fn connectors(&self, node: NodeId) -> Vec<Arc<Connector>> {
        let connectors = lock(&self.connectors);
        connectors.iter().filter(|((owner, _), _)| *owner == node).map(|(_, connector)| Arc::clone(connector)).collect()
    }
}

impl Context {
    /// Taken out: a batch that fails leaves it to be opened anew.
    pub(super) fn kept_producer(&self, node: NodeId) -> Option<Arc<Producer>> {
        let kept = self.kept.as_ref()?;
        lock(&kept.producers).remove(&node)
    }

    pub(super) fn keep_producer(&self, node: NodeId, producer: Arc<Producer>) {
        if let Some(kept) = &self.kept {
            lock(&kept.producers).insert(node, producer);
        }
    }
}

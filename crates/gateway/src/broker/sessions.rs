//! The sessions that this process relays, by id and by node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postern_iam::{NodeId, SessionId};

use super::session::Session;

/// An index of sessions. Each of them has a supervisor, which removes it when it is over.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Index>);

#[derive(Default)]
struct Index {
    by_id: BTreeMap<SessionId, Arc<Session>>,
    by_node: BTreeMap<NodeId, BTreeSet<SessionId>>,
}

impl Sessions {
    /// The session with this id, if it is relayed here.
    pub(crate) fn get(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.lock().by_id.get(id).map(Arc::clone)
    }

    /// The session with this id; the one given becomes it if there was none. Says whether it did, in which case it
    /// needs a supervisor.
    pub(crate) fn get_or_insert(&self, new: Arc<Session>) -> (Arc<Session>, bool) {
        let mut index = self.lock();
        if let Some(present) = index.by_id.get(&new.id) {
            return (Arc::clone(present), false);
        }
        index.by_node.entry(new.node_id.clone()).or_default().insert(new.id.clone());
        index.by_id.insert(new.id.clone(), Arc::clone(&new));
        (new, true)
    }

    /// Forgets a session that is over.
    pub(crate) fn remove(&self, session: &Session) {
        let mut index = self.lock();
        index.by_id.remove(&session.id);
        if let Some(ids) = index.by_node.get_mut(&session.node_id) {
            ids.remove(&session.id);
            if ids.is_empty() {
                index.by_node.remove(&session.node_id);
            }
        }
    }

    /// The sessions of one node.
    pub(crate) fn on_node(&self, node: &NodeId) -> Vec<Arc<Session>> {
        let index = self.lock();
        let ids = index.by_node.get(node).into_iter().flatten();
        ids.filter_map(|id| index.by_id.get(id).map(Arc::clone)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // Both maps are changed by single operations that cannot panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

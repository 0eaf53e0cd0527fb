//! The sessions that this process relays, by id and by node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postern_iam::{NodeId, SessionId};

use super::session::Session;

/// An index of sessions. Each of them has a supervisor, which removes it when it is over.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Index>);

/// Whose turn it is to take up a session: one at a time for each, as far as ids do not fall together.
pub(crate) struct Turns([tokio::sync::Mutex<()>; 64]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| tokio::sync::Mutex::const_new(())))
    }
}

impl Turns {
    /// Waits for the turn of this session. It ends when the guard is dropped.
    pub(crate) async fn wait(&self, id: &SessionId) -> tokio::sync::MutexGuard<'_, ()> {
        let spread = id.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.0[spread % self.0.len()].lock().await
    }
}

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

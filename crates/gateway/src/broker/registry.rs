//! Who is connected: at most one connection a key, the newest.
//!
//! A newer connection displaces the older one, and leaving compares the connection's own id, so that a late goodbye
//! cannot evict its successor. It refuses to hold sockets: an entry is a way to reach the task that owns one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tells connections of this process apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(u64);

impl ConnectionId {
    /// An id that no other connection of this process has.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Connections by key. `M` reaches a connection's task.
#[derive(Debug)]
pub(crate) struct Registry<K, M> {
    entries: Mutex<BTreeMap<K, (ConnectionId, M)>>,
}

impl<K: Ord + Clone, M: Clone> Registry<K, M> {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::new(BTreeMap::new()) }
    }

    /// Enters a connection. Gives back the one that it displaces, which has to be told.
    pub(crate) fn join(&self, key: K, id: ConnectionId, reach: M) -> Option<M> {
        self.lock().insert(key, (id, reach)).map(|(_, displaced)| displaced)
    }

    /// Removes the connection unless a newer one has taken its place. Says whether it was removed.
    pub(crate) fn leave(&self, key: &K, id: ConnectionId) -> bool {
        let mut entries = self.lock();
        match entries.get(key) {
            Some((present, _)) if *present == id => entries.remove(key).is_some(),
            _ => false,
        }
    }

    /// All present connections, for telling them one after the other.
    pub(crate) fn all(&self) -> Vec<M> {
        self.lock().values().map(|(_, reach)| reach.clone()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, (ConnectionId, M)>> {
        // Every critical section is one map operation, so a panic elsewhere cannot have broken it.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_connection_displaces_the_older() {
        let registry = Registry::new();
        let (older, newer) = (ConnectionId::next(), ConnectionId::next());
        assert_eq!(registry.join("node", older, 'a'), None);
        assert_eq!(registry.join("node", newer, 'b'), Some('a'));
        assert_eq!(registry.all(), ['b']);
        assert_eq!(registry.len(), 1);
    }

    #[test]
    fn a_late_goodbye_does_not_evict_the_successor() {
        let registry = Registry::new();
        let (older, newer) = (ConnectionId::next(), ConnectionId::next());
        registry.join("node", older, 'a');
        registry.join("node", newer, 'b');
        assert!(!registry.leave(&"node", older));
        assert_eq!(registry.all(), ['b']);
        assert!(registry.leave(&"node", newer));
        assert!(!registry.leave(&"node", newer));
        assert_eq!(registry.len(), 0);
    }
}

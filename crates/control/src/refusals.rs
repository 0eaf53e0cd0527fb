//! Why a node that is not connected was last refused, so that users can be told. Kept in memory: a node that is still
//! refused will be refused again.
//!
//! Whoever claims to be a node can put a refusal here. It is shown and decides nothing.

use std::collections::BTreeMap;

use postern_iam::NodeId;
use postern_store::UnixMillis;

/// Nodes remembered.
const NODES: usize = 1024;
/// Longest text kept, in characters.
const TEXT: usize = 300;

/// A refusal of a node's request or channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeRefusal {
    pub(crate) at: UnixMillis,
    /// What the node was told.
    pub(crate) text: String,
}

/// The last refusal of each node.
#[derive(Default)]
pub(crate) struct Refusals(BTreeMap<NodeId, NodeRefusal>);

impl Refusals {
    /// A node was refused.
    pub(crate) fn note(&mut self, node: NodeId, text: &str, at: UnixMillis) {
        if self.0.len() >= NODES && !self.0.contains_key(&node) {
            let oldest = self.0.iter().min_by_key(|(_, refusal)| refusal.at).map(|(node, _)| node.clone());
            oldest.and_then(|node| self.0.remove(&node));
        }
        let text = text.chars().filter(|c| !c.is_control()).take(TEXT).collect();
        self.0.insert(node, NodeRefusal { at, text });
    }

    /// It was let in: nothing stands against it any more.
    pub(crate) fn forget(&mut self, node: &NodeId) {
        self.0.remove(node);
    }

    /// Its last refusal.
    pub(crate) fn of(&self, node: &NodeId) -> Option<NodeRefusal> {
        self.0.get(node).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let node = |number: u16| {
            let mut random = [0; 9];
            random[..2].copy_from_slice(&number.to_be_bytes());
            NodeId::generate(&random)
        };
        let mut refusals = Refusals::default();
        for number in 0..2000 {
            refusals.note(node(number), "its clock\n is off", u64::from(number));
        }
        assert_eq!(refusals.0.len(), NODES);
        assert_eq!(refusals.of(&node(0)), None);
        let last = refusals.of(&node(1999));
        assert_eq!(last, Some(NodeRefusal { at: 1999, text: "its clock is off".to_owned() }));
        refusals.forget(&node(1999));
        assert_eq!(refusals.of(&node(1999)), None);
    }
}

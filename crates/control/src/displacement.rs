//! Two agents with one identity: each new control channel displaces the other's, for ever. One displacement is a
//! reconnect; several in a minute are two machines, and an operator has to know.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use postern_iam::NodeId;

/// So many displacements within [`WINDOW`] are no reconnects any more. A single agent that loses its network comes back
/// after seconds (spec agent-control-channel §1.4), and finds its old socket at most once.
const MANY: usize = 4;
const WINDOW: Duration = Duration::from_secs(60);
/// Nodes watched. Only nodes that were displaced within the window are.
const NODES: usize = 1024;

/// Recent displacements.
#[derive(Default)]
pub(crate) struct Displacements {
    nodes: BTreeMap<NodeId, VecDeque<Instant>>,
}

impl Displacements {
    /// A node's control channel was displaced. True if that happens too often to be one machine.
    pub(crate) fn note(&mut self, node: &NodeId, now: Instant) -> bool {
        let recent = |at: &Instant| now.saturating_duration_since(*at) < WINDOW;
        if !self.nodes.contains_key(node) && self.nodes.len() >= NODES {
            self.nodes.retain(|_, moments| moments.back().is_some_and(recent));
            if self.nodes.len() >= NODES {
                return false;
            }
        }
        let moments = self.nodes.entry(node.clone()).or_default();
        moments.push_back(now);
        moments.retain(recent);
        while moments.len() > MANY {
            moments.pop_front();
        }
        moments.len() >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_displacements_in_a_minute_are_two_machines() {
        let (start, node) = (Instant::now(), NodeId::generate(&[1; 9]));
        let mut displacements = Displacements::default();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!([0, 2, 4, 6, 8].map(|at| displacements.note(&node, after(at))), [false, false, false, true, true]);
        assert!(!displacements.note(&node, after(200)), "a quiet while is forgotten");
        let slow = NodeId::generate(&[2; 9]);
        assert!((0..20).all(|number| !displacements.note(&slow, after(number * 30))), "reconnects are none");
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let mut displacements = Displacements::default();
        for number in 0..5000_u16 {
            let mut random = [0; 9];
            random[..2].copy_from_slice(&number.to_be_bytes());
            displacements.note(&NodeId::generate(&random), start);
        }
        assert!(displacements.nodes.len() <= NODES);
    }
}

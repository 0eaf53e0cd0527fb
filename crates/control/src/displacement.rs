//! Two agents with one identity: each new control channel displaces the other's, for ever. One displacement is a
//! reconnect; several in a minute are two machines, and an operator has to know, also which two.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use postern_iam::NodeId;

/// So many displacements within [`WINDOW`] are no reconnects any more. A single agent that loses its network comes back
/// after seconds (spec agent-control-channel §1.4), and finds its old socket at most once.
const MANY: usize = 4;
const WINDOW: Duration = Duration::from_secs(60);
/// How long it is shown that there are two. Stock agents name their machine every five minutes.
const SHOWN: Duration = Duration::from_secs(15 * 60);
/// Nodes watched. Only nodes that were displaced lately are.
const NODES: usize = 1024;
/// Machines told apart for one node.
const MACHINES: usize = 4;

/// Recent displacements.
#[derive(Default)]
pub(crate) struct Displacements {
    nodes: BTreeMap<NodeId, Watched>,
}

#[derive(Default)]
struct Watched {
    moments: VecDeque<Instant>,
    /// When they were too many last.
    many_at: Option<Instant>,
    /// Where control channels came from and what machines called themselves, the latest last.
    machines: Vec<Machine>,
}

#[derive(Debug, PartialEq, Eq)]
struct Machine {
    address: Option<IpAddr>,
    name: Option<String>,
}

impl Displacements {
    /// A node's control channel was displaced by one from this address. True if that happens too often to be one
    /// machine.
    pub(crate) fn note(&mut self, node: &NodeId, newcomer: Option<IpAddr>, now: Instant) -> bool {
        if !self.nodes.contains_key(node) && self.nodes.len() >= NODES {
            self.nodes.retain(|_, watched| watched.is_recent(now));
            if self.nodes.len() >= NODES {
                return false;
            }
        }
        let watched = self.nodes.entry(node.clone()).or_default();
        watched.moments.push_back(now);
        watched.moments.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        while watched.moments.len() > MANY {
            watched.moments.pop_front();
        }
        watched.see(newcomer, None);
        let many = watched.moments.len() >= MANY;
        if many {
            watched.many_at = Some(now);
        }
        many
    }

    /// A node's machine named itself. Remembered where it helps to tell two of them apart.
    pub(crate) fn note_name(&mut self, node: &NodeId, address: Option<IpAddr>, name: &str) {
        if let Some(watched) = self.nodes.get_mut(node) {
            watched.see(address, Some(name.chars().filter(|c| !c.is_control()).take(64).collect()));
        }
    }

    /// What is known of the machines that share this node's identity, if several do.
    pub(crate) fn conflict(&self, node: &NodeId, now: Instant) -> Option<String> {
        let watched = self.nodes.get(node)?;
        watched.many_at.filter(|at| now.saturating_duration_since(*at) < SHOWN)?;
        let machines: Vec<String> = watched.machines.iter().filter_map(Machine::shown).collect();
        let seen = if machines.is_empty() { String::new() } else { format!(" (seen: {})", machines.join("; ")) };
        Some(format!("several machines use this identity{seen}; register all but one of them again"))
    }
}

impl Watched {
    fn is_recent(&self, now: Instant) -> bool {
        let recent = |at: &Instant| now.saturating_duration_since(*at) < SHOWN;
        self.moments.back().is_some_and(recent) || self.many_at.as_ref().is_some_and(recent)
    }

    fn see(&mut self, address: Option<IpAddr>, name: Option<String>) {
        let same = |machine: &Machine| {
            machine.address == address && (name.is_none() || machine.name.is_none() || machine.name == name)
        };
        match self.machines.iter_mut().find(|machine| same(machine)) {
            Some(machine) => machine.name = machine.name.take().or(name),
            None => {
                if self.machines.len() >= MACHINES {
                    self.machines.remove(0);
                }
                self.machines.push(Machine { address, name });
            }
        }
    }
}

impl Machine {
    fn shown(&self) -> Option<String> {
        match (&self.name, self.address) {
            (Some(name), Some(address)) => Some(format!("{name} at {address}")),
            (Some(name), None) => Some(name.clone()),
            (None, Some(address)) => Some(address.to_string()),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

    use super::*;

    #[test]
    fn many_displacements_in_a_minute_are_two_machines() {
        let (start, node) = (Instant::now(), NodeId::generate(&[1; 9]));
        let mut displacements = Displacements::default();
        let after = |seconds| start + Duration::from_secs(seconds);
        let noted = [0, 2, 4, 6, 8].map(|at| displacements.note(&node, None, after(at)));
        assert_eq!(noted, [false, false, false, true, true]);
        assert!(!displacements.note(&node, None, after(200)), "a quiet while is forgotten");
        let slow = NodeId::generate(&[2; 9]);
        assert!((0..20).all(|number| !displacements.note(&slow, None, after(number * 30))), "reconnects are none");
    }

    #[test]
    fn the_machines_are_told_apart_by_address_and_by_name() {
        let (start, node) = (Instant::now(), NodeId::generate(&[1; 9]));
        let mut displacements = Displacements::default();
        let after = |seconds| start + Duration::from_secs(seconds);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|text| Some(text.parse().unwrap()));
        displacements.note_name(&node, one, "nobody watches yet");
        for (at, address) in [(0, one), (1, two), (2, one), (3, two)] {
            assert_eq!(displacements.conflict(&node, after(at)), None);
            displacements.note(&node, address, after(at));
        }
        displacements.note_name(&node, one, "web-1\n");
        displacements.note_name(&node, one, "web-1");
        displacements.note_name(&node, two, "web-1-copy");
        displacements.note_name(&node, two, "third behind the same address");
        let said = displacements.conflict(&node, after(700)).unwrap();
        assert!(
            said.contains(
                "(seen: web-1 at 192.0.2.1; web-1-copy at 192.0.2.2; third behind the same address at 192.0.2.2)"
            ),
            "{said}"
        );
        assert_eq!(displacements.conflict(&node, after(1000)), None, "it was mended");
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let mut displacements = Displacements::default();
        for number in 0..5000_u16 {
            let mut random = [0; 9];
            random[..2].copy_from_slice(&number.to_be_bytes());
            let node = NodeId::generate(&random);
            displacements.note(&node, None, start);
            for name in 0..9 {
                displacements.note_name(&node, None, &format!("{name}"));
            }
        }
        assert!(displacements.nodes.len() <= NODES);
        assert!(displacements.nodes.values().all(|watched| watched.machines.len() <= MACHINES));
    }
}

//! Whether a session of type `LocalPortForwarding` is multiplexed, and how. Each end decides by itself from what the
//! handshake told it of the other, so both sides of the decision live here (spec data-channel §6.4).

use super::Dialect;
use crate::wire::payload::{AgentOffer, ClientOffer};

/// The number by which our ends offer [`Dialect::Postern2`].
pub const OFFERED_DIALECT: u32 = 2;

/// What travels in a session of type `LocalPortForwarding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortMode {
    /// One connection at a time, its raw bytes (spec session-types §6.4).
    Basic,
    /// Any number of connections.
    Multiplexed {
        /// How the ends talk.
        dialect: Dialect,
        /// The other end gives the session up unless [`super::Multiplexer::keep_alive`] is called every 10 s.
        keeps_alive: bool,
    },
}

impl PortMode {
    /// The agent's decision about a client of this version and offer.
    pub fn with_client(version: &str, offer: Option<&ClientOffer>) -> Self {
        let version = numbers(version);
        Self::decide(
            offer.is_some_and(|offer| offer.multiplexer == OFFERED_DIALECT),
            // The stock agent's comparison: part by part, and of two that are equal so far the longer one is greater.
            version.as_deref().is_some_and(|version| version >= &[1, 1, 70]),
            version.as_deref().is_some_and(|version| version > &[1, 2, 331, 0]),
        )
    }

    /// The client's decision about an agent of this version and offer.
    pub fn with_agent(version: &str, offer: Option<&AgentOffer>) -> Self {
        // The stock client takes versions of four numbers only.
        let version = numbers(version).filter(|version| version.len() == 4);
        Self::decide(
            offer.is_some_and(|offer| offer.multiplexer >= OFFERED_DIALECT),
            version.as_deref().is_some_and(|version| version > &[3, 0, 196, 0]),
            version.as_deref().is_some_and(|version| version > &[3, 1, 1511, 0]),
        )
    }

    const fn decide(is_ours: bool, multiplexes: bool, is_current: bool) -> Self {
        match (is_ours, multiplexes) {
            (true, _) => Self::Multiplexed { dialect: Dialect::Postern2, keeps_alive: false },
            (false, true) => Self::Multiplexed { dialect: Dialect::Smux1, keeps_alive: !is_current },
            (false, false) => Self::Basic,
        }
    }
}

/// A dotted version; none if a part is no number.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

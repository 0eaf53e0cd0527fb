//! The two legs of a session: which there are, who is at their ends, and what they were told.

use std::time::Instant;

use crate::channel::opaque::Opaque;

/// One of the two legs of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Toward the user.
    Client,
    /// Toward the managed node.
    Agent,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Agent,
            Self::Agent => Self::Client,
        }
    }
}

/// Who is at the other end of a leg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// Whether it is our own program: it orders, acknowledges again and resends in bursts, so the
    /// relay may rely on that where a stock end needs its help.
    pub ours: bool,
    /// The version that it announced, for logs.
    pub version: Option<String>,
    /// Whether it takes [`SessionEnding`](crate::wire::payload::SessionEnding).
    pub takes_warnings: bool,
}

/// One side's leg.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) leg: Option<Leg>,
    pub(super) attached_at: Option<Instant>,
    /// Since when there is no leg although the other side has one.
    pub(super) away_since: Option<Instant>,
    /// The last message for this side.
    pub(super) closed: Option<Opaque>,
    /// Whether it was sent on this leg.
    pub(super) told_closed: bool,
}

impl End {
    pub(super) fn is_ours(&self) -> bool {
        self.leg.as_ref().is_some_and(|leg| leg.ours)
    }

    pub(super) fn is_stock(&self) -> bool {
        self.leg.as_ref().is_some_and(|leg| !leg.ours)
    }
}

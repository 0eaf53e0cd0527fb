//! Finding out whether a stock client is silent about a message because it has had it before.
//!
//! The stock client drops what it knows without acknowledging it (spec data-channel 4.4). So when
//! an acknowledgement died with a leg, or with an earlier relay, the agent waits for it for ever.
//! The client answers pings in the loop in which it handles data: once a pong follows a message,
//! the message was handled, and silence is an answer. Because a client whose session handler is
//! not in place yet is silent too, the message is sent twice before that answer is believed, and
//! once after it was believed the first time.

use std::time::{Duration, Instant};

/// How long a client has to acknowledge before it is asked whether it is alive.
const PATIENCE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Probe {
    /// Nothing is suspected.
    #[default]
    Idle,
    /// Something was sent that the client may have had.
    Waiting {
        until: Instant,
        /// Whether it was sent for the second time.
        again: bool,
    },
    /// A ping was asked for after this many transmissions.
    Asked { transmissions: u64, again: bool },
}

/// What a pong proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The client has handled this many transmissions; send the silent ones once more.
    Once(u64),
    /// The client has handled this many transmissions, some of them twice.
    Twice(u64),
}

impl Probe {
    /// Something was sent that the client may have had.
    pub(super) fn suspect(&mut self, now: Instant) {
        if *self == Self::Idle {
            *self = Self::Waiting { until: now + PATIENCE, again: false };
        }
    }

    pub(super) const fn poll_timeout(self) -> Option<Instant> {
        match self {
            Self::Waiting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Whether it is time to ask.
    pub(super) fn is_due(self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|until| until <= now)
    }

    /// A ping was asked for.
    pub(super) fn asked(&mut self, transmissions: u64) {
        if let Self::Waiting { again, .. } = *self {
            *self = Self::Asked { transmissions, again };
        }
    }

    /// A pong came.
    pub(super) fn handle_pong(&mut self, now: Instant) -> Option<Proof> {
        let Self::Asked { transmissions, again } = *self else { return None };
        if again {
            *self = Self::Idle;
            return Some(Proof::Twice(transmissions));
        }
        *self = Self::Waiting { until: now + PATIENCE, again: true };
        Some(Proof::Once(transmissions))
    }
}

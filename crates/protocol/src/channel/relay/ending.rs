//! The end that a session is about to come to by a limit of its own.

use std::time::{Duration, Instant};

use crate::wire::payload::{EndingCause, SessionEnding};

/// A limit that is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Which limit.
    pub cause: EndingCause,
    /// How long it is.
    pub limit: Duration,
    /// When it is reached.
    pub at: Instant,
}

impl Ending {
    /// What a client is told of it now.
    pub(super) fn message(&self, now: Instant) -> SessionEnding {
        let left = self.at.saturating_duration_since(now) + Duration::from_millis(500);
        let Self { cause, limit, .. } = *self;
        SessionEnding { cause, limit_seconds: limit.as_secs(), left_seconds: left.as_secs() }
    }
}

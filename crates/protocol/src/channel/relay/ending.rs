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

/// Warnings that wait for the client: one of each limit, for one does not make up for the other.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<Ending>);

impl Warnings {
    /// In place of an earlier one of the same limit.
    pub(super) fn add(&mut self, ending: Ending) {
        self.retain(|other| other.cause != ending.cause);
        self.0.push(ending);
    }

    /// The one whose limit is reached first.
    pub(super) fn first(&self) -> Option<Ending> {
        self.0.iter().min_by_key(|ending| ending.at).copied()
    }

    /// Keeps those.
    pub(super) fn retain(&mut self, stays: impl Fn(&Ending) -> bool) {
        self.0.retain(stays);
    }
}

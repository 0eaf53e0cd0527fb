//! Whether there is anybody at the other end of a socket. Everything that comes counts as a sign
//! of life; what cannot be seen here, the kernel's connection, does not.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Liveness {
    /// How long the socket may be silent before it is asked.
    interval: Duration,
    /// How long an answer may take.
    patience: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no socket, or it was given up.
    Gone,
    Heard {
        at: Instant,
    },
    /// A ping was due; an answer has until then.
    Asked {
        until: Instant,
    },
}

/// What a silence leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send a ping.
    Ask,
    /// Give the socket up.
    Dead,
}

impl Liveness {
    pub(super) const fn new(interval: Duration, patience: Duration) -> Self {
        Self { interval, patience, state: State::Gone }
    }

    /// A socket is open.
    pub(super) const fn open(&mut self, now: Instant) {
        self.state = State::Heard { at: now };
    }

    /// The socket is gone.
    pub(super) const fn close(&mut self) {
        self.state = State::Gone;
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.state != State::Gone {
            self.state = State::Heard { at: now };
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Gone => None,
            State::Heard { at } => Some(at + self.interval),
            State::Asked { until } => Some(until),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Verdict> {
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match self.state {
            State::Gone => None,
            State::Heard { .. } => {
                self.state = State::Asked { until: now + self.patience };
                Some(Verdict::Ask)
            }
            State::Asked { .. } => {
                self.state = State::Gone;
                Some(Verdict::Dead)
            }
        }
    }
}

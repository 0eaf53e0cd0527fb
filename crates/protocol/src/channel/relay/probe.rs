//! Finding out whether an end that does not acknowledge is slow, deaf or satisfied.
//!
//! Ends answer pings behind the data that came before them: the stock client in the very loop in
//! which it handles data. So when the pong of a ping that was sent after a message is here and its
//! acknowledgement is not, the message was seen and will not be acknowledged by itself. Before
//! that, sending it again would only make a long queue longer.

use std::time::{Duration, Instant};

/// How long an end has to acknowledge before it is asked whether it is alive.
const PATIENCE: Duration = Duration::from_millis(300);
/// The same while nothing shows that its session handler is in place: until then the stock client
/// drops what comes (spec data-channel 6.3), and the first prompt is waiting.
const PATIENCE_NEW: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(super) struct Probe {
    /// When to look whether something is not acknowledged.
    due: Option<Instant>,
    /// A ping was asked for after this many transmissions, and its pong has not come.
    asked: Option<u64>,
}

impl Probe {
    pub(super) const fn patience(established: bool) -> Duration {
        if established { PATIENCE } else { PATIENCE_NEW }
    }

    /// Something was sent that should be acknowledged by then.
    pub(super) fn watch(&mut self, due: Instant) {
        self.due.get_or_insert(due);
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it is time to look. True once.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    /// Whether to ask now; one ping at a time, or a pong would prove too much.
    pub(super) fn ask(&mut self, transmissions: u64) -> bool {
        let asks = self.asked.is_none();
        self.asked.get_or_insert(transmissions);
        asks
    }

    /// A pong came: the end has seen that many transmissions.
    pub(super) fn take_answer(&mut self) -> Option<u64> {
        self.asked.take()
    }
}

//! A message that is kept, and what is known about its way.

use std::time::Instant;

use bytes::Bytes;

use crate::channel::opaque::Opaque;
use crate::wire::PayloadType;

/// What a kept message costs beside its bytes.
pub(super) const OVERHEAD_BYTES: usize = 64;

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) message: Opaque,
    pub(super) payload_type: PayloadType,
    /// The latest transmission on the present leg; 0 before the first.
    pub(super) transmission: u64,
    /// The first one.
    pub(super) first_transmission: u64,
    /// The first one of which the receiver has not proved that it has seen it; 0 if there is none.
    pub(super) unproved: u64,
    pub(super) sent_at: Option<Instant>,
    /// The receiver has seen it on this leg and not acknowledged it.
    pub(super) ignored: bool,
}

impl Kept {
    pub(super) const fn new(message: Bytes, payload_type: PayloadType) -> Self {
        let message = Opaque(message);
        let (transmission, first_transmission, unproved) = (0, 0, 0);
        Self { message, payload_type, transmission, first_transmission, unproved, sent_at: None, ignored: false }
    }

    pub(super) const fn sent(&mut self, transmission: u64, now: Instant) {
        if self.transmission == 0 {
            self.first_transmission = transmission;
        }
        if self.unproved == 0 {
            self.unproved = transmission;
        }
        self.transmission = transmission;
        self.sent_at = Some(now);
    }

    /// Whether a receiver that has seen so many transmissions has seen one of this message that it
    /// was not judged by yet.
    pub(super) const fn was_seen(&self, seen: u64) -> bool {
        self.unproved > 0 && self.unproved <= seen
    }

    pub(super) fn cost(&self) -> usize {
        cost(&self.message)
    }
}

pub(super) fn cost(message: &Bytes) -> usize {
    message.len() + OVERHEAD_BYTES
}

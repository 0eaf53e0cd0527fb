//! How much of a stream its receiver has, and whether it can have the rest.

use super::Direction;

/// How far a stream has come on its way to its receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver has acknowledged everything that its sender is known to have sent.
    #[default]
    Complete,
    /// Something is on its way.
    Pending,
    /// The receiver has everything in front of a message that is not here: the sender sent it, and it never came, or it
    /// was given up for want of room. Only the sender can help.
    Cut,
}

impl Direction {
    /// How far the stream has come.
    pub(in crate::channel::relay) fn delivery(&self) -> Delivery {
        let Some(hole) = self.hole() else {
            return if self.is_drained() { Delivery::Complete } else { Delivery::Pending };
        };
        let first_kept = self.kept.first().map(|(number, _)| number);
        // On its way on a live leg.
        let first_evicted = self.evicted.first().filter(|_| !self.has_ignored_evicted());
        let waits = [first_kept, first_evicted].into_iter().flatten().any(|number| number < hole);
        if waits { Delivery::Pending } else { Delivery::Cut }
    }

    /// The lowest number that only the sender has.
    fn hole(&self) -> Option<i64> {
        let gap = match self.acknowledged.last() {
            // It acknowledges in order: what is in front of that it has, and its word was lost.
            Some(last) if !self.stock_receiver => Some(self.received.gap_behind(last)),
            _ => self.received.first_gap(),
        };
        // The stock one has dropped these without a word; or it had them long ago, and its word was lost.
        let dropped = self.evicted.first().filter(|_| self.has_ignored_evicted());
        let hole = gap.filter(|gap| *gap <= self.offered).into_iter().chain(dropped).min()?;
        // What an earlier relay had is not known. A stock agent may repeat one message of old alone, because it missed
        // that acknowledgement (spec data-channel 4.4); the numbers behind it are not missing.
        let is_known = self.from_start || self.received.first().is_some_and(|first| first + 1 < hole);
        is_known.then_some(hole)
    }

    /// A receiver of ours acknowledges late what it has seen, a stock one then or never.
    fn has_ignored_evicted(&self) -> bool {
        self.stock_receiver && self.has_seen_evicted()
    }

    /// The receiver has seen the last of what was evicted, for it reads in order.
    pub(super) fn has_seen_evicted(&self) -> bool {
        self.evicted_transmission <= self.seen
    }
}

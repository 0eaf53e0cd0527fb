//! What a direction does about a receiver that does not acknowledge what it was sent on a live leg:
//! it asks, and by the answer sends again or, for stock clients, takes silence for an answer.

use std::time::Instant;

use super::{Direction, Kept, MAX_BURST};
use crate::channel::relay::probe::Probe;

impl Direction {
    /// When the oldest message should have been acknowledged, if it was sent.
    fn overdue_at(&self) -> Option<Instant> {
        let (_, oldest) = self.kept.first()?;
        let sent_at = oldest.sent_at.filter(|_| oldest.transmission > 0)?;
        Some(sent_at + Probe::patience(self.established))
    }

    /// A deadline may have passed. True if the receiver has to be pinged.
    pub(in crate::channel::relay) fn handle_timeout(&mut self, now: Instant) -> bool {
        self.stands_still |= self.standstill_at().is_some_and(|due| due <= now);
        if !self.probe.take_due(now) {
            return false;
        }
        match self.overdue_at() {
            Some(due) if due <= now => self.probe.ask(self.transmissions),
            Some(due) => {
                self.probe.watch(due);
                false
            }
            None => false,
        }
    }

    /// A pong came. True if it was waited for: everything that was sent before the ping was seen.
    pub(in crate::channel::relay) fn handle_pong(&mut self) -> bool {
        let Some(seen) = self.probe.take_answer() else { return false };
        self.seen = self.seen.max(seen);
        true
    }

    /// A message that the receiver may have had from a relay whose memory is gone.
    pub(in crate::channel::relay) fn suspect(&mut self, number: i64) {
        self.suspects.insert(number);
    }

    /// Takes those messages for acknowledged that the receiver has ignored although it may have
    /// had them before, and returns their numbers. Because a stock client whose session handler is
    /// not in place ignores what it has never had, they must have been ignored twice, unless this
    /// receiver is `known` to be silent about what it has had.
    pub(in crate::channel::relay) fn acknowledge_silent(&mut self, known: bool) -> Vec<i64> {
        if self.suspects.is_empty() || !self.stock_receiver {
            return Vec::new();
        }
        let ignored = |kept: &Kept| kept.was_seen(self.seen) && (known || kept.ignored);
        let silent = self.kept.iter().filter(|(number, kept)| ignored(kept) && self.suspects.contains(*number));
        let silent: Vec<i64> = silent.map(|(number, _)| number).collect();
        silent.into_iter().filter(|number| self.acknowledge_one(*number)).collect()
    }

    /// Sends again what the receiver has ignored: all that it may have had before, for it must be
    /// asked twice, and the oldest message otherwise. When that helps, more follows.
    pub(in crate::channel::relay) fn recover(&mut self, now: Instant) {
        self.burst = 1;
        let asks_twice = self.stock_receiver && !self.suspects.is_empty();
        self.resend_ignored(if asks_twice { MAX_BURST } else { 1 });
        if self.overdue_at().is_some() {
            self.probe.watch(now + Probe::patience(true));
        }
    }

    pub(super) fn go_on_recovering(&mut self, helped: bool) {
        if helped && self.stock_receiver {
            self.burst = MAX_BURST.min(self.burst * 2);
            self.resend_ignored(self.burst);
        } else {
            self.burst = 1;
        }
    }

    fn resend_ignored(&mut self, most: usize) {
        let seen = self.seen;
        for (number, kept) in self.kept.iter_mut().filter(|(_, kept)| kept.was_seen(seen)).take(most) {
            kept.ignored = true;
            if kept.transmission <= seen {
                kept.unproved = 0;
                self.resend.insert(number);
            } else {
                kept.unproved = kept.transmission; // Sent again meanwhile.
            }
        }
    }
}

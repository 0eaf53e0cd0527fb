//! The sending half: numbers, keeps and resends stream messages until each is acknowledged. It
//! knows nothing of what they say.
//!
//! The stock ends resend only their oldest message, every 100 ms. This one does better without
//! asking more of the receiver than one acknowledgement a message (spec data-channel 11, item 10):
//!
//! * A new socket gets everything unacknowledged again, in order, at once.
//! * A message is taken for lost when three that were sent after it are acknowledged.
//! * Otherwise the oldest is resent when its time is up, one message with doubling patience. Only
//!   when that helps do 2, 4, … 64 more follow, each burst paid for by the acknowledgement of the
//!   one before. So a receiver that is merely slow costs one message every few seconds.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::round_trip::RoundTrip;
use crate::channel::PeerError;
use crate::channel::acknowledgement::Accepted;
use crate::channel::opaque::Opaque;

/// The patience with the oldest message is never below this, however fast the path looks: a
/// terminal that takes a moment to print must not cause a resend.
const MIN_TIMEOUT: Duration = Duration::from_millis(200);
/// Nor ever above this: whatever was wrong, a session feels alive again within it.
const MAX_TIMEOUT: Duration = Duration::from_secs(2);
/// How many later messages must be acknowledged before an earlier one counts as lost.
const LOSS_EVIDENCE: usize = 3;
/// The most messages that one acknowledgement can cause to be resent.
const MAX_BURST: usize = 64;

#[derive(Debug)]
pub(super) struct Outgoing {
    /// Messages from `first` on, without a gap. The front one is never acknowledged.
    kept: VecDeque<Kept>,
    /// The number of the front message, or of the next one if there is none.
    first: i64,
    /// Everything from this number on waits for its first transmission on this socket.
    cursor: i64,
    /// Numbers below the cursor that wait for another transmission.
    resend: BTreeSet<i64>,
    /// Payload bytes in `kept` that are not acknowledged.
    unacknowledged_bytes: usize,
    round_trip: RoundTrip,
    /// Counts transmissions; each one is known by its place in this count.
    transmissions: u64,
    /// The latest transmissions on this socket that were acknowledged, in ascending order.
    evidence: [u64; LOSS_EVIDENCE],
    /// How often in a row the oldest message's time was up.
    timeouts: u32,
    /// Since when the front message is the front message and could be acknowledged.
    front_since: Option<Instant>,
    recovery: Option<Recovery>,
}

#[derive(Debug)]
struct Kept {
    /// The encoded message; empty once acknowledged.
    message: Opaque,
    payload_bytes: usize,
    acknowledged: bool,
    /// Its latest transmission; 0 before the first.
    transmission: u64,
    sent_at: Option<Instant>,
    /// Sent more than once, so its acknowledgement says nothing about the round trip (Karn).
    resent: bool,
    /// Whether it waits in `resend`.
    queued: bool,
}

/// What one acknowledgement says beside that its messages arrived.
#[derive(Debug, Default)]
struct Learned {
    /// When the newest of them was sent, of those that were sent once only. An older one may have waited for the
    /// acknowledgement of a newer one.
    sent_at: Option<Instant>,
    /// How many of them were sent again in a recovery.
    paid: usize,
}

/// What follows a timeout as long as it helps.
#[derive(Debug)]
struct Recovery {
    /// Transmissions up to this one may be lost.
    before: u64,
    burst: usize,
    /// Messages of the current burst that are not acknowledged yet.
    outstanding: usize,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self {
            kept: VecDeque::new(),
            first: 0,
            cursor: 0,
            resend: BTreeSet::new(),
            unacknowledged_bytes: 0,
            round_trip: RoundTrip::new(),
            transmissions: 0,
            evidence: [0; LOSS_EVIDENCE],
            timeouts: 0,
            front_since: None,
            recovery: None,
        }
    }

    /// The number that the next message gets.
    pub(super) fn next_sequence_number(&self) -> i64 {
        self.first + count(self.kept.len())
    }

    /// Takes a message that carries [`Outgoing::next_sequence_number`].
    pub(super) fn push(&mut self, message: Bytes, payload_bytes: usize) {
        self.unacknowledged_bytes += payload_bytes;
        self.kept.push_back(Kept {
            message: Opaque(message),
            payload_bytes,
            acknowledged: false,
            transmission: 0,
            sent_at: None,
            resent: false,
            queued: false,
        });
    }

    pub(super) const fn unacknowledged_bytes(&self) -> usize {
        self.unacknowledged_bytes
    }

    /// The quickest acknowledgement so far; none before the first.
    pub(super) const fn shortest_round_trip(&self) -> Option<Duration> {
        self.round_trip.shortest()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// A new socket: whatever the old one swallowed is sent again.
    pub(super) fn restart(&mut self) {
        for kept in &mut self.kept {
            kept.queued = false;
        }
        self.resend.clear();
        self.cursor = self.first;
        self.evidence = [0; LOSS_EVIDENCE];
        self.timeouts = 0;
        self.front_since = None;
        self.recovery = None;
    }

    /// Sending was held back until now, which is not the receiver's fault.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.timeouts = 0;
        if self.front_since.is_some() {
            self.front_since = Some(now);
        }
    }

    /// Whether [`Outgoing::transmit`] has a message.
    pub(super) fn has_transmit(&self) -> bool {
        // Behind the cursor of a new socket there may be messages acknowledged out of order.
        let passed = usize::try_from(self.cursor.saturating_sub(self.first)).unwrap_or(0);
        !self.resend.is_empty() || self.kept.iter().skip(passed).any(|kept| !kept.acknowledged)
    }

    /// The next message to put on the socket.
    pub(super) fn transmit(&mut self, now: Instant) -> Option<Bytes> {
        while let Some(number) = self.next_number() {
            let transmission = self.transmissions + 1;
            let Some(kept) = self.kept_mut(number).filter(|kept| !kept.acknowledged) else { continue };
            kept.queued = false;
            kept.resent = kept.sent_at.is_some();
            kept.sent_at = Some(now);
            kept.transmission = transmission;
            let message = kept.message.0.clone();
            self.transmissions = transmission;
            if number == self.first {
                self.front_since = Some(now);
            }
            return Some(message);
        }
        None
    }

    fn next_number(&mut self) -> Option<i64> {
        if let Some(number) = self.resend.pop_first() {
            return Some(number);
        }
        let number = self.cursor;
        (number < self.next_sequence_number()).then(|| {
            self.cursor += 1;
            number
        })
    }

    /// The peer has a message, or all up to one.
    ///
    /// # Errors
    /// If that message was never sent.
    pub(super) fn acknowledge(&mut self, accepted: Accepted, now: Instant) -> Result<(), PeerError> {
        let number = accepted.number();
        if number >= 0 && number < self.first {
            return Ok(()); // Acknowledged before, and again because it was resent.
        }
        let sent = |kept: &Kept| kept.sent_at.is_some();
        let Some(last) = self.kept_mut(number).filter(|kept| sent(kept)) else {
            return Err(PeerError::SequenceNumber { sequence_number: number });
        };
        let oldest = match accepted {
            Accepted::One(_) if last.acknowledged => return Ok(()),
            Accepted::One(number) => number,
            Accepted::UpTo(_) => self.first,
        };
        let mut learned = Learned::default();
        for number in oldest..=number {
            self.acknowledge_one(number, &mut learned);
        }
        if let Some(sent_at) = learned.sent_at {
            self.round_trip.sample(now.saturating_duration_since(sent_at));
            self.timeouts = 0;
        }
        if oldest == self.first {
            self.drop_acknowledged(now);
        } else {
            self.resend_lost();
        }
        self.go_on_recovering(learned.paid);
        Ok(())
    }

    fn acknowledge_one(&mut self, number: i64, learned: &mut Learned) {
        let Some(kept) = self.kept_mut(number).filter(|kept| !kept.acknowledged) else { return };
        kept.acknowledged = true;
        kept.message = Opaque(Bytes::new());
        let (transmission, resent, sent_at) = (kept.transmission, kept.resent, kept.sent_at);
        let (queued, payload_bytes) = (std::mem::take(&mut kept.queued), kept.payload_bytes);
        self.unacknowledged_bytes -= payload_bytes;
        if queued {
            self.resend.remove(&number);
        }
        if !resent {
            learned.sent_at = sent_at;
            self.add_evidence(transmission);
        }
        // Acknowledged while it waited for its second transmission is as good as after it.
        if self.recovery.as_ref().is_some_and(|recovery| queued || transmission > recovery.before) {
            learned.paid += 1;
        }
    }

    fn drop_acknowledged(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|kept| kept.acknowledged) {
            self.kept.pop_front();
            self.first += 1;
        }
        self.cursor = self.cursor.max(self.first);
        self.front_since = self.kept.front().and_then(|kept| kept.sent_at).map(|_| now);
    }

    fn add_evidence(&mut self, transmission: u64) {
        if transmission > self.evidence[0] {
            self.evidence[0] = transmission;
            self.evidence.sort_unstable();
        }
    }

    /// Queues the oldest messages that were overtaken by enough others.
    fn resend_lost(&mut self) {
        let overtaken = self.evidence[0];
        self.queue_oldest(MAX_BURST, MAX_BURST, overtaken);
    }

    /// Queues up to `most` of the oldest `among` messages whose latest transmission was before
    /// the given one; returns how many.
    fn queue_oldest(&mut self, most: usize, among: usize, before: u64) -> usize {
        let mut queued = 0;
        let cursor = self.cursor;
        for (number, kept) in (self.first..cursor).zip(&mut self.kept).take(among) {
            if queued == most {
                break;
            }
            if !kept.acknowledged && !kept.queued && kept.transmission < before {
                kept.queued = true;
                self.resend.insert(number);
                queued += 1;
            }
        }
        queued
    }

    /// After a timeout every acknowledged burst pays for one twice as large; `paid` is how many of its messages were
    /// acknowledged.
    fn go_on_recovering(&mut self, paid: usize) {
        let Some(recovery) = self.recovery.as_mut().filter(|_| paid > 0) else { return };
        recovery.outstanding = recovery.outstanding.saturating_sub(paid);
        if recovery.outstanding > 0 {
            return;
        }
        let burst = MAX_BURST.min(recovery.burst * 2);
        let before = recovery.before;
        let outstanding = self.queue_oldest(burst, self.kept.len(), before + 1);
        self.recovery = (outstanding > 0).then_some(Recovery { before, burst, outstanding });
    }

    /// When the patience with the oldest message ends.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let front = self.kept.front()?;
        let waits_for_socket = front.queued || self.cursor == self.first;
        if waits_for_socket {
            return None;
        }
        Some(self.front_since? + self.patience())
    }

    fn patience(&self) -> Duration {
        let doubled = 1u32 << self.timeouts.min(8);
        MAX_TIMEOUT.min(self.round_trip.timeout().max(MIN_TIMEOUT) * doubled)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return;
        }
        self.timeouts += 1;
        let before = self.transmissions;
        let outstanding = self.queue_oldest(1, 1, u64::MAX);
        self.recovery = Some(Recovery { before, burst: 1, outstanding });
    }

    fn kept_mut(&mut self, number: i64) -> Option<&mut Kept> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.kept.get_mut(index)
    }
}

fn count(len: usize) -> i64 {
    i64::try_from(len).expect("fewer messages are kept than fit an i64")
}

//! One direction of a relay: the stream messages of one sender on their way to one receiver, kept
//! until they are acknowledged.
//!
//! It knows numbers, sizes and payload types. It never renumbers, never looks into a payload, and
//! sends nothing that its sender did not send.

mod delivery;
mod kept;
mod numbered;
mod recovery;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;

pub use self::delivery::Delivery;
use self::kept::{Kept, OVERHEAD_BYTES, cost};
use self::numbered::Numbered;
use super::probe::Probe;
use crate::channel::PeerError;
use crate::channel::acknowledgement::Accepted;
use crate::channel::sequence_set::SequenceSet;
use crate::wire::PayloadType;

/// How far a number may be ahead of what has come without a gap. The stock agent resends 100,000
/// messages at most (spec data-channel 4.1).
const MAX_AHEAD: i64 = 200_000;
/// Below this size a message is copied once a few are kept: a slice of a read buffer keeps all of
/// the buffer, and a sender could make many small ones cost many large ones.
const COPY_BELOW_BYTES: usize = 16 * 1024;
const MAX_SHARED: usize = 16;

/// Patience with a receiver that has not acknowledged its oldest message, before a repetition by
/// the sender is passed on: while nothing shows that it is ready for data. (The stock client drops
/// what comes before its session handler is installed, and relies on the repetition.)
const REPEAT_NEW: Duration = Duration::from_millis(150);
/// The same once it has acknowledged data. It is slow, and everything is on its way to it already.
const REPEAT_ESTABLISHED: Duration = Duration::from_secs(1);
/// The same when it has seen later messages.
const REPEAT_OVERTAKEN: Duration = Duration::from_millis(100);
/// How long a full direction may stand still before a sender of ours is read all the same.
const STANDSTILL: Duration = Duration::from_secs(10);
/// The most messages that are sent again for one acknowledgement.
const MAX_BURST: usize = 64;

/// The bounds of one direction, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Never more than this is kept, unless it is one single message.
    pub(super) hard: usize,
    /// From here on the sender's socket is not read.
    pub(super) read: usize,
    /// From here on a sender that can be paused is.
    pub(super) high: usize,
    /// And from here down it is let go.
    pub(super) low: usize,
    /// Messages behind a gap wait for what is missing up to this.
    pub(super) hold: usize,
}

impl Limits {
    pub(super) const fn of(hard: usize) -> Self {
        Self { hard, read: hard - hard / 8, high: hard / 2, low: hard / 4, hold: hard / 4 }
    }
}

#[derive(Debug)]
pub(super) struct Direction {
    pub(super) limits: Limits,
    /// Not acknowledged.
    kept: Numbered<Kept>,
    bytes: usize,
    /// What has come from the sender and need not come again: kept, evicted or acknowledged.
    received: SequenceSet,
    acknowledged: SequenceSet,
    /// Sent on the receiver's present leg and dropped to make room, not acknowledged. When the
    /// leg goes they may be lost, and the sender's repetition is welcome.
    evicted: SequenceSet,
    evicted_repeated_at: Option<Instant>,
    /// Kept messages from this number on wait for their first transmission on the present leg.
    cursor: i64,
    unsent_bytes: usize,
    /// Numbers below the cursor that wait for a transmission.
    resend: BTreeSet<i64>,
    /// What the receiver may have had before, on an earlier leg or from a relay whose memory is
    /// gone, and has not acknowledged.
    suspects: SequenceSet,
    /// Counts transmissions on the present leg; each is known by its place in this count.
    transmissions: u64,
    /// The receiver has seen the transmissions up to this one, for it reads in order.
    seen: u64,
    /// The latest transmission among the evicted.
    evicted_transmission: u64,
    /// The receiver has acknowledged session data: its handlers are in place.
    established: bool,
    /// How many messages the next acknowledgement of one that was sent again is worth.
    burst: usize,
    /// Whether the receiver on the present leg is a stock end, which deals with messages in the
    /// loop that answers pings: what it has seen and not acknowledged, it has dropped.
    stock_receiver: bool,
    pub(super) probe: Probe,
    /// Since when it is full and nothing was sent.
    full_since: Option<Instant>,
    /// It was for so long that what does not fit may as well be dropped.
    stands_still: bool,
    /// The highest number that ever came; without the memory of an earlier relay, any.
    highest: i64,
    /// The highest number that the sender has sent to this relay, whatever became of it.
    offered: i64,
    /// This relay has seen the stream begin.
    from_start: bool,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receipt {
    /// New, and kept.
    Kept,
    /// Known, and still on its way.
    Repeated,
    /// Known and acknowledged: the sender must have missed that.
    Acknowledged,
    /// New, and there is no room. The sender has it still.
    Dropped,
}

/// What may be given up for a message that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Nothing: the sender resends slowly, so what is lost here is dear.
    Keep,
    /// The oldest messages that are on their way on a live leg.
    EvictSent,
}

impl Direction {
    pub(super) fn new(limits: Limits, from_start: bool) -> Self {
        let mut received = SequenceSet::new();
        if from_start {
            received.insert(-1);
        }
        Self {
            limits,
            kept: Numbered::new(),
            bytes: 0,
            received,
            acknowledged: SequenceSet::new(),
            evicted: SequenceSet::new(),
            evicted_repeated_at: None,
            cursor: 0,
            unsent_bytes: 0,
            resend: BTreeSet::new(),
            suspects: SequenceSet::new(),
            transmissions: 0,
            seen: 0,
            evicted_transmission: 0,
            established: !from_start,
            burst: 1,
            stock_receiver: false,
            probe: Probe::default(),
            full_since: None,
            stands_still: false,
            highest: if from_start { -1 } else { i64::MAX },
            offered: -1,
            from_start,
        }
    }

    /// Takes a message from the sender.
    ///
    /// # Errors
    /// If no receiver would keep a message of that number.
    pub(super) fn receive(
        &mut self,
        number: i64,
        payload_type: PayloadType,
        message: Bytes,
        room: Room,
        now: Instant,
    ) -> Result<Receipt, PeerError> {
        if self.acknowledged.contains(number) {
            return Ok(Receipt::Acknowledged);
        }
        if self.kept.contains(number) {
            self.repeat(number, now);
            return Ok(Receipt::Repeated);
        }
        if self.evicted.contains(number) && !self.repeats_evicted(number, now) {
            return Ok(Receipt::Repeated);
        }
        let out_of_reach = PeerError::SequenceNumber { sequence_number: number };
        // The last number is refused with the negative ones: nothing can follow it.
        if number < 0
            || number == i64::MAX
            || self.received.first_gap().is_some_and(|gap| number >= gap.saturating_add(MAX_AHEAD))
        {
            return Err(out_of_reach);
        }
        self.offered = self.offered.max(number);
        if !self.make_room(number, cost(&message), room) {
            return Ok(Receipt::Dropped);
        }
        if !self.received.insert(number) {
            return Err(out_of_reach);
        }
        self.evicted.remove(number);
        self.highest = self.highest.max(number);
        self.keep(number, payload_type, message, now);
        Ok(Receipt::Kept)
    }

    fn keep(&mut self, number: i64, payload_type: PayloadType, message: Bytes, now: Instant) {
        let copies = self.kept.len() >= MAX_SHARED && message.len() < COPY_BELOW_BYTES;
        let message = if copies { Bytes::copy_from_slice(&message) } else { message };
        let kept = Kept::new(message, payload_type);
        self.bytes += kept.cost();
        self.unsent_bytes += kept.cost();
        if number < self.cursor {
            self.resend.insert(number);
        }
        self.kept.insert(number, kept);
        if self.is_full() {
            self.full_since.get_or_insert(now);
        }
    }

    /// Something has moved.
    fn moved(&mut self, now: Option<Instant>) {
        self.stands_still = false;
        self.full_since = now.filter(|_| self.is_full());
    }

    /// The sender repeats what is kept. Passing that on helps only a receiver that cannot be
    /// waiting in front of a long queue.
    fn repeat(&mut self, number: i64, now: Instant) {
        let oldest = self.kept.first().is_some_and(|(first, _)| first == number);
        let patience = if self.established { REPEAT_ESTABLISHED } else { REPEAT_NEW };
        let Some(kept) = self.kept.get(number) else { return };
        let Some(sent_at) = kept.sent_at.filter(|_| kept.transmission > 0) else { return };
        let waited = now.saturating_duration_since(sent_at);
        let overtaken = kept.transmission < self.seen;
        if overtaken && waited >= REPEAT_OVERTAKEN || oldest && waited >= patience {
            self.resend.insert(number);
        }
    }

    /// One at a time, and rarely: what was sent on a live leg arrives.
    fn repeats_evicted(&mut self, number: i64, now: Instant) -> bool {
        if self.has_seen_evicted() {
            return true;
        }
        let since = |at: Instant| now.saturating_duration_since(at);
        if self.evicted_repeated_at.is_some_and(|at| since(at) < REPEAT_ESTABLISHED) {
            return false;
        }
        let oldest = self.evicted.first() == Some(number);
        if oldest {
            self.evicted_repeated_at = Some(now);
        }
        oldest
    }

    fn make_room(&mut self, number: i64, cost: usize, room: Room) -> bool {
        while !self.kept.is_empty() && self.bytes + cost > self.limits.hard {
            let gave = room == Room::EvictSent && self.evict_sent() || self.drop_behind_gap(number);
            if !gave {
                return false;
            }
        }
        true
    }

    fn evict_sent(&mut self) -> bool {
        let mut before = self.kept.iter().take_while(|(number, _)| *number < self.cursor);
        let sent = before.find(|(_, kept)| kept.transmission > 0).map(|(number, _)| number);
        drop(before);
        let Some(number) = sent else { return false };
        let transmission = self.remove(number).map_or(0, |kept| kept.transmission);
        self.evicted_transmission = self.evicted_transmission.max(transmission);
        if !self.evicted.insert(number) {
            self.received.remove(number);
        }
        true
    }

    /// What waits behind a gap must not keep out what fills it.
    fn drop_behind_gap(&mut self, number: i64) -> bool {
        let Some((last, kept)) = self.kept.last() else { return false };
        if last < number || kept.transmission > 0 || !self.has_gap() {
            return false;
        }
        self.remove(last);
        self.received.remove(last);
        true
    }

    fn remove(&mut self, number: i64) -> Option<Kept> {
        let kept = self.kept.remove(number)?;
        self.bytes -= kept.cost();
        if kept.transmission == 0 {
            self.unsent_bytes -= kept.cost();
        }
        if !self.resend.is_empty() {
            self.resend.remove(&number);
        }
        Some(kept)
    }

    /// The receiver has acknowledged this. False if it had before.
    ///
    /// # Errors
    /// If no such message went to it.
    pub(super) fn acknowledge(&mut self, accepted: Accepted) -> Result<bool, PeerError> {
        let number = accepted.number();
        if number < 0 || number > self.highest {
            return Err(PeerError::SequenceNumber { sequence_number: number });
        }
        Ok(match accepted {
            Accepted::One(number) => self.acknowledge_one(number),
            Accepted::UpTo(number) => self.acknowledge_up_to(number),
        })
    }

    fn acknowledge_one(&mut self, number: i64) -> bool {
        if self.acknowledged.contains(number) {
            return false;
        }
        if let Some(kept) = self.remove(number) {
            self.moved(self.full_since);
            let helped = self.learn(&kept);
            self.go_on_recovering(helped);
        }
        self.evicted.remove(number);
        self.suspects.remove(number);
        // With too many gaps it is not remembered, and the sender's repetition goes to the
        // receiver once more.
        self.acknowledged.insert(number);
        self.received.insert(number);
        true
    }

    fn acknowledge_up_to(&mut self, number: i64) -> bool {
        if !self.acknowledged.insert_up_to(number) {
            return false;
        }
        let (mut freed, mut helped) = (false, false);
        while let Some((oldest, _)) = self.kept.first().filter(|(oldest, _)| *oldest <= number)
            && let Some(kept) = self.remove(oldest)
        {
            freed = true;
            helped |= self.learn(&kept);
        }
        if freed {
            self.moved(self.full_since);
            self.go_on_recovering(helped);
        }
        self.evicted.remove_up_to(number);
        self.suspects.remove_up_to(number);
        self.received.insert_up_to(number);
        true
    }

    /// What the acknowledgement of a message says beside that it arrived. True if it had to be sent again for that.
    fn learn(&mut self, kept: &Kept) -> bool {
        // Of several transmissions the first may be the one that was acknowledged.
        self.seen = self.seen.max(kept.first_transmission);
        self.established |= matches!(kept.payload_type, PayloadType::OUTPUT | PayloadType::STD_ERR);
        kept.ignored
    }

    /// The receiver's leg is gone: everything not acknowledged is sent on the next one.
    pub(super) fn restart(&mut self) {
        for (number, kept) in self.kept.iter_mut() {
            if kept.transmission > 0 {
                (kept.transmission, kept.unproved, kept.ignored) = (0, 0, false);
                self.suspects.insert(number);
            }
        }
        self.unsent_bytes = self.bytes;
        self.cursor = 0;
        self.resend.clear();
        self.received.subtract(&self.evicted);
        self.suspects.merge(&std::mem::take(&mut self.evicted));
        self.transmissions = 0;
        self.seen = 0;
        self.evicted_transmission = 0;
        self.burst = 1;
        self.probe = Probe::default();
    }

    /// The receiver has a new leg.
    pub(super) const fn attach(&mut self, stock_receiver: bool) {
        self.stock_receiver = stock_receiver;
    }

    /// The number and payload type of the next message for the receiver.
    ///
    /// With `ordered` nothing is sent beyond a gap: the stock client passes what it got too early
    /// to its data handlers, whatever it is, and whether they are there (spec data-channel 4.4).
    /// Once they are there, and the sender fills its gap more slowly than it makes new messages,
    /// holding all of those back would end with dropping them; then the client's own buffer of
    /// 10,000 messages is the better place.
    pub(super) fn peek(&self, ordered: bool) -> Option<(i64, PayloadType)> {
        let deliverable = |(number, kept): &(i64, &Kept)| {
            !ordered
                || self.received.first_gap().is_none_or(|gap| *number < gap)
                || kept.transmission > 0 // was, and has only to be sent again
                || self.established && self.unsent_bytes > self.limits.hold
        };
        let again = self.resend.first().and_then(|number| Some((*number, self.kept.get(*number)?)));
        let next = || self.kept.first_from(self.cursor);
        let (number, kept) = again.filter(deliverable).or_else(|| next().filter(deliverable))?;
        Some((number, kept.payload_type))
    }

    /// Sends what [`Direction::peek`] has shown.
    pub(super) fn transmit(&mut self, number: i64, now: Instant) -> Option<Bytes> {
        let kept = self.kept.get_mut(number)?;
        if kept.transmission == 0 {
            self.unsent_bytes -= kept.cost();
        }
        self.transmissions += 1;
        kept.sent(self.transmissions, now);
        self.probe.watch(now + Probe::patience(self.established));
        if number < self.cursor {
            self.resend.remove(&number);
        } else {
            self.cursor = number + 1;
        }
        let message = kept.message.0.clone();
        self.moved(Some(now));
        Some(message)
    }

    pub(super) fn is_drained(&self) -> bool {
        self.kept.is_empty() && self.evicted.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn unsent_bytes(&self) -> usize {
        self.unsent_bytes
    }

    /// Whether a message is missing in front of one that came. Without the memory of an earlier
    /// relay that cannot be excluded before the receiver acknowledges something.
    pub(super) fn has_gap(&self) -> bool {
        self.received.has_gap() || !self.from_start && self.acknowledged.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.limits.read
    }

    /// When a full direction will have stood still for too long.
    pub(super) fn standstill_at(&self) -> Option<Instant> {
        self.full_since.filter(|_| !self.stands_still).map(|since| since + STANDSTILL)
    }

    /// Whether it is full and stood still for so long that pings matter more than messages.
    pub(super) const fn stands_still(&self) -> bool {
        self.stands_still
    }

    /// Whether something was dropped that the receiver has not acknowledged.
    pub(super) fn has_evicted(&self) -> bool {
        !self.evicted.is_empty()
    }

    /// Whether something can be forgotten because it is on its way.
    pub(super) fn has_evictable(&self) -> bool {
        self.kept.first().is_some_and(|(_, kept)| kept.transmission > 0)
    }

    /// Whether forgetting it makes room for more than itself, a message of this size: what is read and does not fit is
    /// dropped, and its sender notices only when its patience ends.
    pub(super) fn has_enough_evictable(&self, message_bytes: usize) -> bool {
        self.has_evictable() && self.unsent_bytes < self.limits.read && self.fits(self.unsent_bytes, message_bytes)
    }

    /// Whether a message of this size has room beside all that is kept.
    pub(super) fn has_room(&self, message_bytes: usize) -> bool {
        self.fits(self.bytes, message_bytes)
    }

    /// One single message always does.
    const fn fits(&self, beside_bytes: usize, message_bytes: usize) -> bool {
        beside_bytes == 0 || beside_bytes + message_bytes + OVERHEAD_BYTES <= self.limits.hard
    }
}

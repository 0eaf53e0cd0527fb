//! Acknowledgements on their way back to a sender. None that was accepted is lost: the stock client
//! never repeats one (spec data-channel 4.4), and a sender that misses one is wedged.
//!
//! They pass byte for byte while the sender's leg takes them. When it does not, only their numbers
//! are kept, and they are written anew: no receiver looks at anything else in them. Of the cumulative ones, which only
//! our own ends write, the newest stands for all.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::Now;
use crate::channel::acknowledgement::{Accepted, Owed};
use crate::channel::sequence_set::SequenceSet;
use crate::wire::{MessageId, MessageIds, MessageType};

/// The most acknowledgements that wait with more than their number.
const MAX_WAITING: usize = 256;
/// The stock ends' have 296 bytes; a larger one is written anew.
const MAX_MESSAGE_BYTES: usize = 512;
/// How many of the last ones are said again to a sender that comes back: it may have dropped its
/// socket with them unread. Stock senders find out about the rest at ten a second.
const MAX_RECENT: usize = 256;
/// Beyond this many, waiting messages are copied, so that they do not hold the buffers that they
/// were read into.
const MAX_SHARED: usize = 16;

#[derive(Debug)]
pub(super) struct Acknowledgements {
    /// The type of the acknowledged messages.
    of: MessageType,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    max_bytes: usize,
    /// Numbers to acknowledge of which nothing else is left.
    numbers: SequenceSet,
    /// The last ones that went out on the sender's present leg.
    recent: VecDeque<i64>,
    /// Everything up to this number was acknowledged cumulatively.
    up_to: Option<i64>,
    /// What says so next, if it is to be said: the receiver's own message, or one written anew.
    up_to_waiting: Option<UpTo>,
}

#[derive(Debug)]
enum UpTo {
    Relayed(Bytes),
    Anew,
}

#[derive(Debug)]
enum Waiting {
    /// From the receiver, to be passed on as it is.
    Relayed { number: i64, message: Bytes },
    /// In answer to a sender that repeats what was acknowledged before.
    Again(Owed),
}

impl Acknowledgements {
    pub(super) const fn new(of: MessageType, max_bytes: usize) -> Self {
        Self {
            of,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            max_bytes,
            numbers: SequenceSet::new(),
            recent: VecDeque::new(),
            up_to: None,
            up_to_waiting: None,
        }
    }

    /// The receiver has acknowledged this with this message.
    pub(super) fn relay(&mut self, accepted: Accepted, message: Bytes) {
        match accepted {
            Accepted::One(number) => self.relay_one(number, message),
            Accepted::UpTo(number) => self.relay_up_to(number, message),
        }
    }

    fn relay_up_to(&mut self, number: i64, message: Bytes) {
        if self.up_to.is_some_and(|known| number <= known) {
            return;
        }
        self.up_to = Some(number);
        let small = message.len() <= MAX_MESSAGE_BYTES;
        self.up_to_waiting = Some(if small { UpTo::Relayed(message) } else { UpTo::Anew });
    }

    fn relay_one(&mut self, number: i64, message: Bytes) {
        let fits = message.len() <= MAX_MESSAGE_BYTES && self.waiting_bytes + message.len() <= self.max_bytes;
        if self.waiting.len() >= MAX_WAITING || !fits {
            return self.write_anew(number);
        }
        let message = if self.waiting.len() < MAX_SHARED { message } else { Bytes::copy_from_slice(&message) };
        self.waiting_bytes += message.len();
        self.waiting.push_back(Waiting::Relayed { number, message });
    }

    /// The sender repeats a message that was acknowledged. One that is not `ours` is told about that message alone,
    /// whatever its receiver wrote.
    pub(super) fn repeat(&mut self, message_id: MessageId, sequence_number: i64, ours: bool) {
        if ours && self.up_to.is_some_and(|up_to| sequence_number <= up_to) {
            self.up_to_waiting.get_or_insert(UpTo::Anew);
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            return self.write_anew(sequence_number);
        }
        self.waiting.push_back(Waiting::Again(Owed { message_id, sequence_number }));
    }

    /// To be acknowledged although no message says so.
    pub(super) fn write_anew(&mut self, number: i64) {
        // If there are too many gaps the sender repeats its message, and is answered then.
        self.numbers.insert(number);
    }

    /// The sender is back on a new leg.
    pub(super) fn restart(&mut self) {
        for number in std::mem::take(&mut self.recent) {
            self.numbers.insert(number);
        }
        if self.up_to.is_some() {
            self.up_to_waiting.get_or_insert(UpTo::Anew);
        }
    }

    /// The next one for the sender, and what it acknowledges.
    pub(super) fn transmit(&mut self, ids: &mut MessageIds, now: Now) -> Option<(Accepted, Bytes)> {
        if let Some(up_to) = self.up_to_waiting.take() {
            return self.transmit_up_to(up_to, ids, now);
        }
        let (number, message) = match self.waiting.pop_front() {
            Some(Waiting::Relayed { number, message }) => {
                self.waiting_bytes -= message.len();
                (number, message)
            }
            Some(Waiting::Again(owed)) => (owed.sequence_number, owed.encode(self.of, ids, now)),
            None => {
                let number = self.numbers.pop_first()?;
                (number, anew(number).encode(self.of, ids, now))
            }
        };
        if self.recent.len() == MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(number);
        Some((Accepted::One(number), message))
    }

    fn transmit_up_to(&self, up_to: UpTo, ids: &mut MessageIds, now: Now) -> Option<(Accepted, Bytes)> {
        let number = self.up_to?;
        let message = match up_to {
            UpTo::Relayed(message) => message,
            UpTo::Anew => anew(number).encode_cumulative(self.of, ids, now),
        };
        Some((Accepted::UpTo(number), message))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.numbers.is_empty() && self.up_to_waiting.is_none()
    }

    pub(super) fn bytes(&self) -> usize {
        let up_to = match &self.up_to_waiting {
            Some(UpTo::Relayed(message)) => message.len(),
            Some(UpTo::Anew) | None => 0,
        };
        self.waiting_bytes + up_to
    }
}

/// An acknowledgement whose message id is not known any more.
const fn anew(sequence_number: i64) -> Owed {
    Owed { message_id: MessageId([0; 16]), sequence_number }
}

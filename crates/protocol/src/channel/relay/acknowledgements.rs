//! Acknowledgements on their way back to a sender. None that was accepted is lost: the stock client
//! never repeats one (spec data-channel 4.4), and a sender that misses one is wedged.
//!
//! They pass byte for byte while the sender's leg takes them. When it does not, only their numbers
//! are kept, and they are written anew: no receiver looks at anything else in them.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::Now;
use crate::channel::acknowledgement::Owed;
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
        }
    }

    /// The receiver has acknowledged `number` with this message.
    pub(super) fn relay(&mut self, number: i64, message: Bytes) {
        let fits = message.len() <= MAX_MESSAGE_BYTES && self.waiting_bytes + message.len() <= self.max_bytes;
        if self.waiting.len() >= MAX_WAITING || !fits {
            return self.write_anew(number);
        }
        let message = if self.waiting.len() < MAX_SHARED { message } else { Bytes::copy_from_slice(&message) };
        self.waiting_bytes += message.len();
        self.waiting.push_back(Waiting::Relayed { number, message });
    }

    /// The sender repeats a message that was acknowledged.
    pub(super) fn repeat(&mut self, message_id: MessageId, sequence_number: i64) {
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
    }

    /// The next one for the sender, and the number that it acknowledges.
    pub(super) fn transmit(&mut self, ids: &mut MessageIds, now: Now) -> Option<(i64, Bytes)> {
        let (number, message) = match self.waiting.pop_front() {
            Some(Waiting::Relayed { number, message }) => {
                self.waiting_bytes -= message.len();
                (number, message)
            }
            Some(Waiting::Again(owed)) => (owed.sequence_number, owed.encode(self.of, ids, now)),
            None => {
                let number = self.numbers.pop_first()?;
                let owed = Owed { message_id: MessageId([0; 16]), sequence_number: number };
                (number, owed.encode(self.of, ids, now))
            }
        };
        if self.recent.len() == MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(number);
        Some((number, message))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.numbers.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.waiting_bytes
    }
}

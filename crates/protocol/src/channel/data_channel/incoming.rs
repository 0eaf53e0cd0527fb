//! The receiving half: puts stream messages in order, holds them until the application takes
//! them, and knows which acknowledgements are owed. It knows nothing of what they say.
//!
//! A message is acknowledged when it is taken, never earlier: what this end has not handed on, the
//! sender still has. What does not fit the window is dropped without a word and comes again.
//!
//! A sender that understands it is owed one acknowledgement at most: of everything up to the last message that was
//! taken. It is written when there is room for it, so it speaks of the more the busier the socket is. In a burst of large
//! messages it waits for more of them: each is a wake-up of everything on the way.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::channel::PeerError;
use crate::channel::acknowledgement::Owed;
use crate::channel::opaque::Opaque;
use crate::wire::{Frame, MessageId, PayloadType, SENT_PAYLOAD_BYTES};

/// What a kept message costs beside its payload, so that a window full of tiny ones is bounded.
const OVERHEAD_BYTES: usize = 128;
/// The most acknowledgements that wait for the socket. One that does not fit is owed again when
/// the peer resends its message.
const MAX_OWED: usize = 4096;
/// What is taken of a burst before it is acknowledged: less than any window in which messages are as large as can be.
const ACKNOWLEDGE_EVERY_BYTES: usize = 128 * 1024;
/// For a burst that stops at a large message.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(2);
/// How far ahead of the expected number a message may be. The stock agent resends 100,000 messages
/// at most (spec data-channel 4.1).
const MAX_AHEAD: i64 = 200_000;

#[derive(Debug)]
pub(super) struct Incoming {
    window_bytes: usize,
    /// The lowest number that has not come yet.
    expected: i64,
    /// Came too early.
    early: BTreeMap<i64, Received>,
    /// In order, not taken yet. The application asks for handshake messages out of turn.
    handshake: VecDeque<Received>,
    data: VecDeque<Received>,
    /// What `handshake` and `data` cost.
    backlog_bytes: usize,
    /// What `early` costs.
    early_bytes: usize,
    owed: VecDeque<Owed>,
    /// Whether the sender understands [`Accepted::UpTo`](crate::channel::acknowledgement::Accepted).
    cumulative: bool,
    /// The last message that was taken when nothing older was waiting: everything up to it was taken.
    taken_up_to: Option<Owed>,
    /// Whether that is to be said.
    owes_taken: bool,
    /// What was taken of a burst and not acknowledged, and when it is at the latest.
    unsaid_bytes: usize,
    say_at: Option<Instant>,
}

/// One message of the stream.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) owed: Owed,
    pub(super) payload_type: PayloadType,
    pub(super) payload: Opaque,
}

impl Received {
    fn new(frame: Frame) -> Self {
        let Frame { message_id, sequence_number, payload_type, payload, .. } = frame;
        Self { owed: Owed { message_id, sequence_number }, payload_type, payload: Opaque(payload) }
    }

    fn cost(&self) -> usize {
        self.payload.len() + OVERHEAD_BYTES
    }

    /// Handshake messages and challenges; everything else is data that waits for their end.
    fn is_handshake(&self) -> bool {
        (PayloadType::HANDSHAKE_REQUEST..=PayloadType::ENC_CHALLENGE_RESPONSE).contains(&self.payload_type)
    }
}

impl Incoming {
    pub(super) fn new(window_bytes: usize) -> Self {
        Self {
            window_bytes,
            expected: 0,
            early: BTreeMap::new(),
            handshake: VecDeque::new(),
            data: VecDeque::new(),
            backlog_bytes: 0,
            early_bytes: 0,
            owed: VecDeque::new(),
            cumulative: false,
            taken_up_to: None,
            owes_taken: false,
            unsaid_bytes: 0,
            say_at: None,
        }
    }

    /// The sender understands cumulative acknowledgements.
    pub(super) const fn acknowledge_cumulatively(&mut self) {
        self.cumulative = true;
    }

    /// Takes a stream message from the socket.
    ///
    /// # Errors
    /// If no receiver would keep a message of that number.
    pub(super) fn receive(&mut self, frame: Frame) -> Result<(), PeerError> {
        let number = frame.sequence_number;
        if number < 0 || number >= self.expected.saturating_add(MAX_AHEAD) {
            return Err(PeerError::SequenceNumber { sequence_number: number });
        }
        if number < self.expected {
            self.repeat(frame.message_id, number);
        } else if number > self.expected {
            self.keep_early(Received::new(frame));
        } else {
            self.keep_expected(Received::new(frame));
        }
        Ok(())
    }

    /// A message that came before. The stock client is silent here and leaves the sender wedged
    /// when its first acknowledgement was lost (spec data-channel 4.4); we say it again.
    fn repeat(&mut self, message_id: MessageId, sequence_number: i64) {
        if self.cumulative && self.taken_up_to.is_some_and(|taken| sequence_number <= taken.sequence_number) {
            self.owes_taken = true;
            return;
        }
        let waits = |queue: &VecDeque<Received>| {
            queue.binary_search_by_key(&sequence_number, |received| received.owed.sequence_number).is_ok()
        };
        if !waits(&self.data) && !waits(&self.handshake) {
            self.owe(Owed { message_id, sequence_number });
        }
    }

    fn keep_early(&mut self, received: Received) {
        let fits = self.kept_bytes() + received.cost() <= self.window_bytes;
        if fits && !self.early.contains_key(&received.owed.sequence_number) {
            self.early_bytes += received.cost();
            self.early.insert(received.owed.sequence_number, received);
        }
    }

    fn keep_expected(&mut self, received: Received) {
        // What came early must not keep out what it waits for.
        while self.kept_bytes() + received.cost() > self.window_bytes
            && let Some((_, last)) = self.early.pop_last()
        {
            self.early_bytes -= last.cost();
        }
        // One message larger than the whole window is taken when there is nothing else.
        if self.kept_bytes() > 0 && self.kept_bytes() + received.cost() > self.window_bytes {
            return;
        }
        self.append(received);
        while let Some(next) = self.early.remove(&self.expected) {
            self.early_bytes -= next.cost();
            self.append(next);
        }
    }

    const fn kept_bytes(&self) -> usize {
        self.backlog_bytes + self.early_bytes
    }

    fn append(&mut self, received: Received) {
        self.expected += 1;
        self.backlog_bytes += received.cost();
        let queue = if received.is_handshake() { &mut self.handshake } else { &mut self.data };
        queue.push_back(received);
    }

    /// The next handshake message; taking it acknowledges it.
    pub(super) fn take_handshake(&mut self, now: Instant) -> Option<Received> {
        let received = self.handshake.pop_front()?;
        Some(self.taken(received, now))
    }

    /// The next data message; taking it acknowledges it.
    pub(super) fn take_data(&mut self, now: Instant) -> Option<Received> {
        let received = self.data.pop_front()?;
        Some(self.taken(received, now))
    }

    fn taken(&mut self, received: Received, now: Instant) -> Received {
        self.backlog_bytes -= received.cost();
        let number = received.owed.sequence_number;
        let waits_before = [&self.handshake, &self.data]
            .iter()
            .any(|queue| queue.front().is_some_and(|oldest| oldest.owed.sequence_number < number));
        if !waits_before {
            self.taken_up_to = Some(received.owed);
        }
        if self.cumulative && !waits_before {
            self.owe_taken(received.payload.len(), now);
        } else {
            self.owe(received.owed);
        }
        received
    }

    /// A message that is smaller than can be ends a burst, or fills a window up: its sender may be waiting.
    fn owe_taken(&mut self, payload_bytes: usize, now: Instant) {
        self.unsaid_bytes += payload_bytes;
        if payload_bytes < SENT_PAYLOAD_BYTES || self.unsaid_bytes >= ACKNOWLEDGE_EVERY_BYTES {
            self.owes_taken = true;
        } else {
            self.say_at.get_or_insert(now + ACKNOWLEDGE_WITHIN);
        }
    }

    /// When an acknowledgement has waited for long enough.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.say_at
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.say_at.take_if(|at| *at <= now).is_some() {
            self.owes_taken = true;
        }
    }

    pub(super) fn has_data(&self) -> bool {
        !self.data.is_empty()
    }

    pub(super) fn waiting(&self, payload_type: PayloadType) -> impl Iterator<Item = &Bytes> {
        self.data
            .iter()
            .filter(move |received| received.payload_type == payload_type)
            .map(|received| &received.payload.0)
    }

    /// What waits to be taken. What came early does not count: it waits for the socket.
    pub(super) const fn backlog_bytes(&self) -> usize {
        self.backlog_bytes
    }

    fn owe(&mut self, owed: Owed) {
        if self.owed.len() < MAX_OWED {
            self.owed.push_back(owed);
        }
    }

    pub(super) fn has_owed(&self) -> bool {
        !self.owed.is_empty() || self.owes_taken
    }

    /// The next acknowledgement to send, and whether it is for everything up to that message.
    pub(super) fn take_owed(&mut self) -> Option<(Owed, bool)> {
        if let Some(owed) = self.owed.pop_front() {
            return Some((owed, false));
        }
        let taken = self.taken_up_to.filter(|_| std::mem::take(&mut self.owes_taken))?;
        self.unsaid_bytes = 0;
        self.say_at = None;
        Some((taken, true))
    }
}

//! A model of AWS's client as the specification describes it, quirks included: it is silent about
//! what it has had before, deaf until its session handler is in place, passes what came early to
//! that handler whatever it is, and dies when anything comes while its multiplexer is being born.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use postern_protocol::Now;
use postern_protocol::wire::payload::{Acknowledge, HandshakeRequest, HandshakeResponse, JsonPayload, RequestedAction};
use postern_protocol::wire::{Frame, MessageType, PayloadType};

use super::End;
use crate::support::{Counted, MILLIS, acknowledge_frame, at, decode, micros_of, stream};

const SCAN: u64 = 100 * MILLIS;
const RETRANSMISSION_TIMEOUT: u64 = 200 * MILLIS;
/// From the end of the handshake until the session handler is in place.
const BIRTH: u64 = 5 * MILLIS;
/// The incoming buffer, in messages.
const MAX_EARLY: usize = 10_000;

struct Buffered {
    number: i64,
    message: Bytes,
    sent_at: u64,
}

pub struct StockClient {
    sends: Counted,
    receives: Counted,
    multiplexed: bool,
    /// When the session handler is in place.
    ready_at: Option<u64>,
    connected: bool,
    next: i64,
    ends: Vec<u64>,
    buffer: VecDeque<Buffered>,
    outbox: VecDeque<Bytes>,
    next_read: u64,
    next_scan: u64,
    now: u64,
    expected: i64,
    early: BTreeMap<i64, Frame>,
}

impl StockClient {
    pub fn new(sends: Counted, receives: Counted) -> Self {
        Self {
            sends,
            receives,
            multiplexed: false,
            ready_at: None,
            connected: false,
            next: 0,
            ends: Vec::new(),
            buffer: VecDeque::new(),
            outbox: VecDeque::new(),
            next_read: 0,
            next_scan: 0,
            now: 0,
            expected: 0,
            early: BTreeMap::new(),
        }
    }

    fn is_ready(&self) -> bool {
        self.ready_at.is_some_and(|ready| ready <= self.now)
    }

    fn send(&mut self, payload_type: PayloadType, payload: &[u8]) {
        let message = stream(MessageType::InputStreamData, self.next, payload_type, payload);
        let length = if payload_type == PayloadType::OUTPUT { payload.len() } else { 0 };
        self.ends.push(self.ends.last().copied().unwrap_or(0) + u64::try_from(length).unwrap());
        self.outbox.push_back(message.clone());
        self.buffer.push_back(Buffered { number: self.next, message, sent_at: self.now });
        self.next += 1;
    }

    fn receive(&mut self, frame: Frame) {
        let number = frame.sequence_number;
        if number < self.expected {
            return; // Not a word.
        }
        if number > self.expected {
            if self.early.len() < MAX_EARLY {
                self.outbox.push_back(acknowledge_frame(&frame));
                self.early.insert(number, frame);
            }
            return;
        }
        match frame.payload_type {
            PayloadType::HANDSHAKE_REQUEST => {
                self.outbox.push_back(acknowledge_frame(&frame));
                let request = HandshakeRequest::decode(&frame.payload).unwrap();
                self.multiplexed = request.requested_client_actions.iter().any(|action| {
                    matches!(action, RequestedAction::SessionType { properties, .. }
                        if properties.get("type").and_then(|kind| kind.as_str()) == Some("LocalPortForwarding"))
                });
                self.send(PayloadType::HANDSHAKE_RESPONSE, &HandshakeResponse::default().encode());
            }
            PayloadType::HANDSHAKE_COMPLETE => {
                self.outbox.push_back(acknowledge_frame(&frame));
                self.ready_at = Some(self.now + BIRTH);
            }
            _ => {
                if self.ready_at.is_none() {
                    self.ready_at = Some(self.now); // The first output of a session without handshake.
                }
                if !self.is_ready() {
                    return; // Neither acknowledged nor kept.
                }
                self.receives.check(&frame.payload);
                self.outbox.push_back(acknowledge_frame(&frame));
            }
        }
        self.expected += 1;
        while let Some(frame) = self.early.remove(&self.expected) {
            assert_eq!(frame.payload_type, PayloadType::OUTPUT, "swallowed as data");
            assert!(self.is_ready(), "data is lost");
            self.receives.check(&frame.payload);
            self.expected += 1;
        }
    }
}

impl End for StockClient {
    fn connected(&mut self, now: Now) {
        self.connected = true;
        self.now = micros_of(now.instant);
        self.next_scan = self.next_scan.max(self.now + SCAN);
        self.next_read = self.next_read.max(self.now);
    }

    fn disconnected(&mut self, _now: Now) {
        self.connected = false;
        self.outbox.clear();
    }

    fn message(&mut self, message: Bytes, now: Now) {
        self.now = micros_of(now.instant);
        let being_born = self.multiplexed && self.ready_at.is_some() && !self.is_ready();
        assert!(!being_born, "the client crashed: something came while its multiplexer was being born");
        let frame = decode(&message);
        match frame.message_type {
            MessageType::Acknowledge => {
                let number = Acknowledge::decode(&frame.payload).unwrap().acknowledged_message_sequence_number;
                self.buffer.retain(|buffered| buffered.number != number);
            }
            MessageType::OutputStreamData => self.receive(frame),
            MessageType::StartPublication | MessageType::PausePublication => {}
            other => panic!("{other}"),
        }
    }

    fn transmit(&mut self, _now: Now) -> Option<Bytes> {
        self.outbox.pop_front()
    }

    fn work(&mut self, now: Now) {
        self.now = micros_of(now.instant);
    }

    fn timeout(&self) -> Option<Instant> {
        let read = (self.connected && self.sends.left() > 0)
            .then_some(self.ready_at)
            .flatten()
            .map(|at| at.max(self.next_read));
        let scan = (self.connected && !self.buffer.is_empty()).then_some(self.next_scan);
        [read, scan].into_iter().flatten().min().map(|due| at(due).instant)
    }

    fn handle_timeout(&mut self, now: Now) {
        self.now = micros_of(now.instant);
        if self.connected && self.is_ready() && self.next_read <= self.now && self.sends.left() > 0 {
            let data = self.sends.take(1024);
            self.send(PayloadType::OUTPUT, &data);
            self.next_read = self.now + MILLIS;
        }
        if self.next_scan <= self.now {
            self.next_scan = self.now + SCAN;
            let oldest = self.buffer.front().filter(|_| self.connected);
            // It never notes that it sent again, so it goes on at every scan.
            if let Some(oldest) = oldest.filter(|oldest| self.now - oldest.sent_at >= RETRANSMISSION_TIMEOUT) {
                self.outbox.push_back(oldest.message.clone());
            }
        }
    }

    fn is_ours(&self) -> bool {
        false
    }

    fn sends(&self) -> &Counted {
        &self.sends
    }

    fn receives(&self) -> &Counted {
        &self.receives
    }

    fn is_drained(&self) -> bool {
        self.sends.left() == 0 && self.buffer.is_empty()
    }

    fn sent_until(&self, number: i64) -> Option<u64> {
        self.ends.get(usize::try_from(number).unwrap()).copied()
    }

    fn has(&self, number: i64, _until: u64) -> bool {
        number < self.expected || self.early.contains_key(&number)
    }
}

//! A model of AWS's agent as the specification describes it, quirks included: no window, one
//! message a millisecond, only the oldest message resent, a pause that any message ends, and an
//! acknowledgement that is missed when it comes before the message is buffered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use postern_protocol::Now;
use postern_protocol::wire::payload::{
    Acknowledge, HandshakeComplete, HandshakeRequest, JsonPayload, RequestedAction, SessionState,
};
use postern_protocol::wire::{Frame, MessageType, PayloadType};

use super::End;
use crate::support::{Counted, MILLIS, acknowledge_frame, at, decode, micros_of, plain, stream};

const SCAN: u64 = 100 * MILLIS;
const RETRANSMISSION_TIMEOUT: u64 = 200 * MILLIS;
/// Between writing a message to the socket and appending it to the buffer.
const BUFFERING: u64 = 50;

struct Buffered {
    number: i64,
    message: Bytes,
    sent_at: u64,
    /// When it can be found by its acknowledgement.
    found_from: u64,
}

pub struct StockAgent {
    sends: Counted,
    receives: Counted,
    handshake: Handshake,
    connected: bool,
    first_connection: bool,
    paused: bool,
    /// A read from the program that a pause does not interrupt.
    reading: bool,
    next: i64,
    ends: Vec<u64>,
    buffer: VecDeque<Buffered>,
    outbox: VecDeque<Bytes>,
    next_read: u64,
    next_scan: u64,
    expected: i64,
    early: BTreeMap<i64, Frame>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Handshake {
    None,
    Needed,
    Requested,
    Complete,
}

impl StockAgent {
    /// A shell without handshake.
    pub fn shell(sends: Counted, receives: Counted) -> Self {
        Self::new(sends, receives, Handshake::None)
    }

    /// A multiplexed port session.
    pub fn port(sends: Counted, receives: Counted) -> Self {
        Self::new(sends, receives, Handshake::Needed)
    }

    fn new(sends: Counted, receives: Counted, handshake: Handshake) -> Self {
        Self {
            sends,
            receives,
            handshake,
            connected: false,
            first_connection: true,
            paused: false,
            reading: true,
            next: 0,
            ends: Vec::new(),
            buffer: VecDeque::new(),
            outbox: VecDeque::new(),
            next_read: 0,
            next_scan: 0,
            expected: 0,
            early: BTreeMap::new(),
        }
    }

    fn send(&mut self, payload_type: PayloadType, payload: &[u8], now: u64) {
        let message = stream(MessageType::OutputStreamData, self.next, payload_type, payload);
        let length = if payload_type == PayloadType::OUTPUT { payload.len() } else { 0 };
        self.ends.push(self.ends.last().copied().unwrap_or(0) + u64::try_from(length).unwrap());
        // Paused or without a socket it is numbered and buffered, and goes out by the scan only.
        if !self.paused && self.connected {
            self.outbox.push_back(message.clone());
        }
        self.buffer.push_back(Buffered { number: self.next, message, sent_at: now, found_from: now + BUFFERING });
        self.next += 1;
    }

    fn process(&mut self, frame: &Frame, now: u64) {
        match frame.payload_type {
            PayloadType::HANDSHAKE_RESPONSE => {
                assert!(self.handshake == Handshake::Requested, "a stock agent blocks for good here");
                self.send(PayloadType::HANDSHAKE_COMPLETE, &HandshakeComplete::default().encode(), now);
                self.handshake = Handshake::Complete;
            }
            PayloadType::OUTPUT => {
                assert!(matches!(self.handshake, Handshake::None | Handshake::Complete), "thrown away");
                self.receives.check(&frame.payload);
            }
            _ => {}
        }
    }

    fn may_read(&self) -> bool {
        let begun = matches!(self.handshake, Handshake::None | Handshake::Complete);
        begun && self.sends.left() > 0 && (!self.paused || self.reading)
    }

    fn receive(&mut self, frame: Frame, now: u64) {
        let number = frame.sequence_number;
        if number == self.expected {
            self.process(&frame, now);
            self.outbox.push_back(acknowledge_frame(&frame));
            self.expected += 1;
            while let Some(frame) = self.early.remove(&self.expected) {
                self.process(&frame, now);
                self.expected += 1;
            }
        } else {
            self.outbox.push_back(acknowledge_frame(&frame));
            if number > self.expected {
                self.early.insert(number, frame);
            }
        }
    }
}

impl End for StockAgent {
    fn connected(&mut self, now: Now) {
        self.connected = true;
        self.paused = false;
        let now = micros_of(now.instant);
        if std::mem::take(&mut self.first_connection) {
            let state = SessionState::Connected;
            let json = format!(r#"{{"SchemaVersion":1,"SessionState":"{}","SessionId":"s"}}"#, state.as_str());
            self.outbox.push_back(plain(MessageType::AgentSessionState, json.as_bytes()));
            if self.handshake == Handshake::Needed {
                let properties = serde_json::json!({"type": "LocalPortForwarding", "portNumber": "80"});
                let action = RequestedAction::SessionType { session_type: "Port".to_owned(), properties };
                let request =
                    HandshakeRequest { requested_client_actions: vec![action], ..HandshakeRequest::default() };
                self.send(PayloadType::HANDSHAKE_REQUEST, &request.encode(), now);
                self.handshake = Handshake::Requested;
            }
            self.next_read = now;
            self.next_scan = now + SCAN;
        }
    }

    fn disconnected(&mut self, _now: Now) {
        self.connected = false;
        self.outbox.clear();
    }

    fn message(&mut self, message: Bytes, now: Now) {
        let now = micros_of(now.instant);
        let frame = decode(&message);
        match frame.message_type {
            MessageType::Acknowledge => {
                self.paused = false;
                let number = Acknowledge::decode(&frame.payload).unwrap().acknowledged_message_sequence_number;
                self.buffer.retain(|buffered| buffered.number != number || buffered.found_from > now);
            }
            MessageType::InputStreamData => {
                self.paused = false;
                self.receive(frame, now);
            }
            MessageType::PausePublication => self.paused = true,
            MessageType::StartPublication => self.paused = false,
            other => panic!("{other}"),
        }
    }

    fn transmit(&mut self, _now: Now) -> Option<Bytes> {
        self.outbox.pop_front()
    }

    fn work(&mut self, _now: Now) {}

    fn timeout(&self) -> Option<Instant> {
        let read = (self.may_read() && self.connected).then_some(self.next_read);
        let scan = (self.connected && !self.paused && !self.buffer.is_empty()).then_some(self.next_scan);
        [read, scan].into_iter().flatten().min().map(|due| at(due).instant)
    }

    fn handle_timeout(&mut self, now: Now) {
        let now = micros_of(now.instant);
        if self.connected && self.next_read <= now && self.may_read() {
            self.reading = !self.paused;
            let data = self.sends.take(1024);
            self.send(PayloadType::OUTPUT, &data, now);
            self.next_read = now + MILLIS;
        }
        if !self.paused {
            self.reading = true;
        }
        if self.next_scan <= now {
            self.next_scan = now + SCAN;
            let oldest = self.buffer.front_mut().filter(|_| self.connected && !self.paused);
            if let Some(oldest) = oldest.filter(|oldest| now - oldest.sent_at >= RETRANSMISSION_TIMEOUT) {
                oldest.sent_at = now;
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

//! Our own end: the machine under test, with a program behind it that reads and writes a counted
//! stream.

use std::time::Instant;

use bytes::Bytes;
use postern_protocol::Now;
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{
    AgentOffer, ChannelOffer, ClientOffer, HandshakeComplete, HandshakeRequest, HandshakeResponse, RequestedAction,
};

use super::End;
use crate::support::{Chance, Counted, at, decode, micros_of};

pub struct OurEnd {
    pub channel: DataChannel,
    role: Role,
    sends: Counted,
    receives: Counted,
    chance: Chance,
    window: usize,
    /// The program takes one piece of data at these intervals, or at once.
    reading_interval: Option<u64>,
    reads_next: u64,
    /// The program writes one piece of data at these intervals, or as fast as it can.
    writing_interval: Option<u64>,
    writes_next: u64,
    /// The program is stopped from the first moment to the second, its terminal by ^S or itself by
    /// SIGSTOP: nothing is read from the socket.
    stopped: std::ops::Range<u64>,
    now: u64,
    /// There was nothing to read the last time.
    idle: bool,
    /// End of the stream after each sent message, by number.
    ends: Vec<u64>,
    /// The handshake was begun.
    begun: bool,
    /// It offers cumulative acknowledgements, and to leave out digests.
    cumulative: bool,
}

impl OurEnd {
    pub fn new(config: Config, sends: Counted, receives: Counted, chance: Chance) -> Self {
        Self {
            role: config.role,
            window: config.receive_window_bytes,
            channel: DataChannel::new(config),
            sends,
            receives,
            chance,
            reading_interval: None,
            reads_next: 0,
            writing_interval: None,
            writes_next: 0,
            stopped: 0..0,
            now: 0,
            idle: false,
            ends: Vec::new(),
            begun: false,
            cumulative: false,
        }
    }

    pub fn cumulative(mut self, cumulative: bool) -> Self {
        self.cumulative = cumulative;
        self
    }

    pub fn reading_every(mut self, micros: u64) -> Self {
        self.reading_interval = Some(micros);
        self
    }

    pub fn writing_every(mut self, micros: u64) -> Self {
        self.writing_interval = Some(micros);
        self
    }

    pub fn stopped(mut self, when: std::ops::Range<u64>) -> Self {
        self.stopped = when;
        self
    }

    fn may_write(&self, now: u64) -> bool {
        let begun = self.channel.write_capacity() > 0 && self.sends.left() > 0;
        begun && (self.writing_interval.is_none() || now >= self.writes_next)
    }

    fn may_take(&self, now: u64) -> bool {
        self.reading_interval.is_none() || now >= self.reads_next
    }

    fn take(&mut self, event: Event, now: Now) {
        match event {
            Event::HandshakeRequest(_) => {
                let offer = ClientOffer {
                    version: 1,
                    channel: ChannelOffer {
                        cumulative_acknowledgements: self.cumulative,
                        digest_optional: self.cumulative,
                    },
                    ..ClientOffer::default()
                };
                let response = HandshakeResponse { postern: Some(offer), ..HandshakeResponse::default() };
                self.channel.respond_handshake(response, now);
            }
            Event::HandshakeResponse(_) => self.channel.complete_handshake(HandshakeComplete::default(), now),
            Event::Data { payload, .. } => {
                self.receives.check(&payload);
                if let Some(interval) = self.reading_interval {
                    self.reads_next = micros_of(now.instant) + interval;
                }
            }
            Event::HandshakeComplete(_) | Event::SessionTypeAssumed => {}
            Event::HandshakeIgnored
            | Event::HandshakeTimedOut
            | Event::Undecipherable(_)
            | Event::SessionEnding(_)
            | Event::ChannelClosed(_) => {
                panic!("{event:?}")
            }
        }
    }
}

impl End for OurEnd {
    fn connected(&mut self, now: Now) {
        self.channel.handle_connected(now);
        if self.role == Role::Agent && !std::mem::replace(&mut self.begun, true) {
            let kind = serde_json::json!({"type": "LocalPortForwarding", "portNumber": "80"});
            let action = RequestedAction::SessionType { session_type: "Port".to_owned(), properties: kind };
            let offer = AgentOffer {
                version: 1,
                channel: ChannelOffer {
                    cumulative_acknowledgements: self.cumulative,
                    digest_optional: self.cumulative,
                },
                ..AgentOffer::default()
            };
            let request = HandshakeRequest {
                requested_client_actions: vec![action],
                postern: Some(offer),
                ..HandshakeRequest::default()
            };
            self.channel.request_handshake(request, now);
        }
    }

    fn disconnected(&mut self, now: Now) {
        self.channel.handle_disconnected(now);
    }

    fn message(&mut self, message: Bytes, now: Now) {
        self.idle = false;
        self.channel.handle_message(message, now).unwrap();
    }

    fn transmit(&mut self, now: Now) -> Option<Bytes> {
        if self.stopped.contains(&micros_of(now.instant)) {
            return None;
        }
        let message = self.channel.poll_transmit(now)?;
        let frame = decode(&message);
        let next = i64::try_from(self.ends.len()).unwrap();
        if frame.message_type.is_stream_data() && frame.sequence_number == next {
            let length = if frame.payload_type == PayloadType::OUTPUT { frame.payload.len() } else { 0 };
            let before = self.ends.last().copied().unwrap_or(0);
            self.ends.push(before + u64::try_from(length).unwrap());
        }
        Some(message)
    }

    fn work(&mut self, now: Now) {
        self.now = micros_of(now.instant);
        if self.stopped.contains(&self.now) {
            return;
        }
        while self.may_take(micros_of(now.instant)) {
            let event = self.channel.poll_event(now);
            self.idle = event.is_none();
            let Some(event) = event else { break };
            self.take(event, now);
        }
        while self.may_write(micros_of(now.instant)) {
            self.writes_next = micros_of(now.instant) + self.writing_interval.unwrap_or(0);
            let most = usize::try_from(self.chance.within(1..32_768)).unwrap();
            let data = self.sends.take(most.min(self.channel.write_capacity()));
            self.channel.write(PayloadType::OUTPUT, data, now).unwrap();
        }
    }

    fn timeout(&self) -> Option<Instant> {
        if self.stopped.contains(&self.now) {
            return Some(at(self.stopped.end).instant);
        }
        let reads = (self.channel.receive_backlog_bytes() > 0 && self.reading_interval.is_some() && !self.idle)
            .then(|| at(self.reads_next).instant);
        let writes = (self.writing_interval.is_some() && self.channel.write_capacity() > 0 && self.sends.left() > 0)
            .then(|| at(self.writes_next).instant);
        [self.channel.poll_timeout(), reads, writes].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Now) {
        self.now = micros_of(now.instant);
        self.channel.handle_timeout(now);
    }

    fn reads(&self) -> bool {
        !self.stopped.contains(&self.now) && self.channel.receive_backlog_bytes() < self.window
    }

    fn is_ours(&self) -> bool {
        true
    }

    fn is_cumulative(&self) -> bool {
        self.cumulative
    }

    fn sends(&self) -> &Counted {
        &self.sends
    }

    fn receives(&self) -> &Counted {
        &self.receives
    }

    fn is_drained(&self) -> bool {
        self.channel.is_drained()
    }

    fn sent_until(&self, number: i64) -> Option<u64> {
        self.ends.get(usize::try_from(number).unwrap()).copied()
    }

    fn has(&self, _number: i64, until: u64) -> bool {
        self.receives.received >= until
    }
}

//! Entries for fuzzing: each drives a machine with acts read from arbitrary bytes and must neither
//! panic nor break what the machine promises. Not part of the public interface.

use std::time::Duration;

use bytes::Bytes;

use super::data_channel::{Config, DataChannel, Event, Role};
use super::relay::{Ending, Leg, Relay, RelayConfig, Side};
use crate::Now;
use crate::wire::payload::{
    AgentOffer, ChannelClosed, ChannelOffer, ClientOffer, EndingCause, HandshakeComplete, HandshakeRequest,
    HandshakeResponse,
};
use crate::wire::{Flags, Frame, MessageId, MessageType, PayloadType};

/// Reads acts off the front of the input.
struct Acts<'a> {
    rest: &'a [u8],
}

impl<'a> Acts<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = usize::from(self.byte().unwrap_or(0)).min(self.rest.len()).min(most);
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// Either raw bytes, or a frame whose fields are the input's.
    fn message(&mut self) -> Bytes {
        let kind = self.byte().unwrap_or(0);
        let message_type = match kind % 8 {
            0 => return Bytes::copy_from_slice(self.bytes(usize::MAX)),
            1 => MessageType::InputStreamData,
            2 => MessageType::OutputStreamData,
            3 => {
                let number = self.number();
                let cumulative = kind >= 128;
                let text = format!(r#"{{"AcknowledgedMessageSequenceNumber":{number},"Cumulative":{cumulative}}}"#);
                return self.frame(MessageType::Acknowledge, 0, text.into());
            }
            4 if kind >= 128 => MessageType::SessionEnding,
            4 => MessageType::ChannelClosed,
            5 => MessageType::PausePublication,
            6 => MessageType::StartPublication,
            _ => MessageType::AgentSessionState,
        };
        let number = self.number();
        let payload = Bytes::copy_from_slice(self.bytes(usize::MAX));
        self.frame(message_type, number, payload)
    }

    fn number(&mut self) -> i64 {
        match self.byte().unwrap_or(0) {
            near @ 0..=250 => i64::from(near % 32),
            251 => -1,
            252 => i64::MAX,
            253 => i64::MIN,
            254 => 199_999,
            255 => i64::from(u32::MAX),
        }
    }

    fn frame(&mut self, message_type: MessageType, sequence_number: i64, payload: Bytes) -> Bytes {
        let frame = Frame {
            message_type,
            created_millis: 1,
            sequence_number,
            flags: Flags::NONE,
            message_id: MessageId([7; 16]),
            payload_type: PayloadType(u32::from(self.byte().unwrap_or(0) % 14)),
            payload,
        };
        frame.encode()
    }
}

fn later(now: Now, act: u8) -> Now {
    let millis = u64::from(act) * 8;
    Now { instant: now.instant + Duration::from_millis(millis), unix_millis: now.unix_millis + millis }
}

/// Drives one end of a data channel.
///
/// # Panics
/// If the machine breaks a promise.
pub fn data_channel(now: Now, input: &[u8]) {
    let mut acts = Acts { rest: input };
    let mut now = now;
    let role = if acts.byte().unwrap_or(0) & 1 == 0 { Role::Client } else { Role::Agent };
    let config =
        Config { send_window_bytes: 2048, receive_window_bytes: 4096, max_payload: 64, ..Config::new(role, 1) };
    let mut channel = DataChannel::new(config.clone());
    while let Some(act) = acts.byte() {
        match act % 10 {
            0 => channel.handle_connected(now),
            1 => channel.handle_disconnected(now),
            2..=4 => drop(channel.handle_message(acts.message(), now)),
            5 => {
                let data = Bytes::copy_from_slice(acts.bytes(usize::MAX));
                let _ = channel.write(PayloadType::OUTPUT, data, now);
            }
            6 => {
                if role == Role::Agent {
                    let offer = AgentOffer {
                        version: 1,
                        channel: ChannelOffer { cumulative_acknowledgements: true, digest_optional: true },
                        ..AgentOffer::default()
                    };
                    let request = HandshakeRequest { postern: Some(offer), ..HandshakeRequest::default() };
                    channel.request_handshake(request, now);
                }
            }
            7 => {
                now = later(now, act);
                channel.handle_timeout(now);
            }
            8 => answer(&mut channel, now),
            _ => assert_eq!(channel.has_transmit(), channel.poll_transmit(now).is_some()),
        }
        assert!(channel.receive_backlog_bytes() <= config.receive_window_bytes + 512);
        let _ = (channel.poll_timeout(), channel.write_capacity(), channel.is_drained());
    }
    while channel.poll_transmit(now).is_some() {}
    while channel.poll_event(now).is_some() {}
}

fn answer(channel: &mut DataChannel, now: Now) {
    match channel.poll_event(now) {
        Some(Event::HandshakeRequest(request)) => {
            let offer = request.postern.map(|offer| ClientOffer {
                version: 1,
                channel: offer.channel,
                ..ClientOffer::default()
            });
            channel.respond_handshake(HandshakeResponse { postern: offer, ..HandshakeResponse::default() }, now);
        }
        Some(Event::HandshakeResponse(_)) => channel.complete_handshake(HandshakeComplete::default(), now),
        _ => {}
    }
}

/// Drives a relay with legs that come and go.
///
/// # Panics
/// If the machine breaks a promise.
pub fn relay(now: Now, input: &[u8]) {
    const MAX_BUFFER_BYTES: usize = 8192;
    let mut acts = Acts { rest: input };
    let mut now = now;
    let first = acts.byte().unwrap_or(0);
    let mut relay = Relay::new(RelayConfig {
        max_buffer_bytes: MAX_BUFFER_BYTES,
        resumed: first & 1 == 1,
        may_pause: first & 2 == 0,
        ..RelayConfig::new(1)
    });
    while let Some(act) = acts.byte() {
        let side = if act & 1 == 0 { Side::Client } else { Side::Agent };
        match (act >> 1) % 9 {
            0 => relay.attach(side, Leg { ours: act & 64 == 0, version: None, takes_warnings: act & 128 == 0 }, now),
            1 => relay.detach(side, now),
            2..=4 => drop(relay.handle_message(side, acts.message(), now)),
            5 => {
                relay.handle_pong(side, now);
                while relay.poll_event().is_some() {}
            }
            6 => {
                now = later(now, act);
                relay.handle_timeout(now);
            }
            7 if act & 192 == 64 => {
                let at = later(now, act).instant;
                relay.warn(Ending { cause: EndingCause::Idle, limit: Duration::from_secs(60), at });
            }
            7 if act & 128 == 128 => relay.close(side, ChannelClosed::default(), now),
            _ => {
                relay.handle_timeout(now);
                assert_eq!(relay.has_transmit(side), relay.poll_transmit(side, now).is_some());
            }
        }
        assert!(relay.buffered_bytes() <= MAX_BUFFER_BYTES + 256 * 512, "{}", relay.buffered_bytes());
        let _ = (relay.poll_timeout(), relay.wants_read(side), relay.is_drained(side));
    }
    for side in [Side::Client, Side::Agent] {
        while relay.poll_transmit(side, now).is_some() {}
    }
}

//! One end of a data channel, rule by rule.

mod ends;
mod handshake;
mod receiving;
mod resending;
mod sending;

use std::time::Duration;

use bytes::Bytes;
use postern_protocol::channel::PeerError;
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role, WriteError};
use postern_protocol::wire::payload::{
    ChannelClosed, EndingCause, HandshakeComplete, HandshakeRequest, HandshakeResponse, JsonPayload, SessionEnding,
    SessionState,
};
use postern_protocol::wire::{Flags, MessageType, PayloadType, SENT_PAYLOAD_BYTES};

use crate::support::{MILLIS, SECONDS, acknowledge, at, decode, input, micros_of, output, plain, show, stream};

/// An agent whose handshake is through and acknowledged: its next number is 2.
fn agent(config: Config) -> DataChannel {
    let mut agent = DataChannel::new(config);
    agent.handle_connected(at(0));
    agent.request_handshake(HandshakeRequest::default(), at(0));
    let response = HandshakeResponse::default().encode();
    let response = stream(MessageType::InputStreamData, 0, PayloadType::HANDSHAKE_RESPONSE, &response);
    agent.handle_message(response, at(0)).unwrap();
    assert!(matches!(agent.poll_event(at(0)), Some(Event::HandshakeResponse(_))));
    agent.complete_handshake(HandshakeComplete::default(), at(0));
    assert_eq!(drain(&mut agent, 0), ["acknowledge 0", "output 0 HandshakeRequest", "output 1 HandshakeComplete"]);
    for number in [0, 1] {
        agent.handle_message(acknowledge(MessageType::OutputStreamData, number), at(0)).unwrap();
    }
    assert!(agent.is_drained());
    agent
}

fn agent_config() -> Config {
    Config::new(Role::Agent, 1)
}

/// A client of a stock agent without handshake.
fn client() -> DataChannel {
    let mut client = DataChannel::new(Config::new(Role::Client, 1));
    client.handle_connected(at(0));
    client
}

fn drain(channel: &mut DataChannel, micros: u64) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(message) = channel.poll_transmit(at(micros)) {
        sent.push(show(&message));
    }
    assert!(!channel.has_transmit());
    sent
}

fn write(channel: &mut DataChannel, text: &str, micros: u64) {
    channel.write(PayloadType::OUTPUT, Bytes::copy_from_slice(text.as_bytes()), at(micros)).unwrap();
}

fn events(channel: &mut DataChannel) -> Vec<Event> {
    std::iter::from_fn(|| channel.poll_event(at(0))).collect()
}

fn data(text: &str) -> Event {
    Event::Data { payload_type: PayloadType::OUTPUT, payload: Bytes::copy_from_slice(text.as_bytes()) }
}

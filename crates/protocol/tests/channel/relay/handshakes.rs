//! The order of a handshake, toward stock clients above all, and what it says about encryption.

use bytes::Bytes;
use postern_protocol::channel::PeerError;
use postern_protocol::channel::relay::{Leg, Relay, Side};
use postern_protocol::wire::payload::{ChannelClosed, HandshakeRequest, JsonPayload, RequestedAction};
use postern_protocol::wire::{MessageType, PayloadType};
use serde_json::json;

use super::{NOTHING, OURS, STOCK, config, give, give_acknowledgement, give_outputs, relay, take};
use crate::support::{MILLIS, at, input, micros_of, output, stream};

fn handshake_request(kind: Option<&str>) -> Bytes {
    let properties = json!({"portNumber": "22", "type": kind});
    let action = RequestedAction::SessionType { session_type: "Port".to_owned(), properties };
    let request = HandshakeRequest { requested_client_actions: vec![action], ..HandshakeRequest::default() };
    stream(MessageType::OutputStreamData, 0, PayloadType::HANDSHAKE_REQUEST, &request.encode())
}

/// Up to the agent's HandshakeComplete, which is ahead of the acknowledgement of the answer.
fn handshake(client: Leg, kind: Option<&str>) -> Relay {
    let mut relay = relay(config(), client, STOCK);
    give(&mut relay, Side::Agent, handshake_request(kind), 0);
    assert_eq!(take(&mut relay, Side::Client, 0), ["output 0 HandshakeRequest"]);
    give_acknowledgement(&mut relay, Side::Client, 0, 0);
    give(&mut relay, Side::Client, stream(MessageType::InputStreamData, 0, PayloadType::HANDSHAKE_RESPONSE, b"{}"), 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["acknowledge 0", "input 0 HandshakeResponse"]);
    give(&mut relay, Side::Agent, stream(MessageType::OutputStreamData, 1, PayloadType::HANDSHAKE_COMPLETE, b"{}"), 0);
    relay
}

#[test]
fn the_end_of_the_handshake_follows_the_acknowledgement_of_the_answer() {
    let mut relay = handshake(STOCK, None);
    give_outputs(&mut relay, 2..3, 0);
    assert_eq!(take(&mut relay, Side::Client, 0), NOTHING);
    give_acknowledgement(&mut relay, Side::Agent, 0, 1);
    assert_eq!(take(&mut relay, Side::Client, 1), ["acknowledge 0", "output 1 HandshakeComplete", r#"output 2 "x""#]);

    let mut relay = handshake(STOCK, None);
    assert!(relay.poll_timeout().map(micros_of).unwrap() <= 500 * MILLIS);
    assert_eq!(take(&mut relay, Side::Client, 499 * MILLIS), NOTHING);
    assert_eq!(take(&mut relay, Side::Client, 500 * MILLIS), ["output 1 HandshakeComplete"], "but not for ever");

    assert_eq!(take(&mut handshake(OURS, None), Side::Client, 0), ["output 1 HandshakeComplete"]);
}

#[test]
fn a_stock_multiplexer_is_born_in_silence() {
    let mut relay = handshake(STOCK, Some("LocalPortForwarding"));
    give_acknowledgement(&mut relay, Side::Agent, 0, 0);
    assert_eq!(take(&mut relay, Side::Client, 0), ["acknowledge 0", "output 1 HandshakeComplete"]);
    give(&mut relay, Side::Client, input(1, "a"), 1);
    give_acknowledgement(&mut relay, Side::Agent, 1, 1);
    give_outputs(&mut relay, 2..3, 1);
    assert_eq!(take(&mut relay, Side::Client, 199 * MILLIS), NOTHING);
    assert!(relay.poll_timeout().map(micros_of).unwrap() <= 200 * MILLIS);
    assert_eq!(take(&mut relay, Side::Client, 200 * MILLIS), ["acknowledge 1", r#"output 2 "x""#]);

    let mut relay = handshake(OURS, Some("LocalPortForwarding"));
    give_outputs(&mut relay, 2..3, 1);
    assert_eq!(take(&mut relay, Side::Client, 1), ["output 1 HandshakeComplete", r#"output 2 "x""#]);
}

#[test]
fn the_end_is_owed_to_a_client_that_nothing_may_be_sent_to_yet() {
    let mut relay = handshake(STOCK, Some("LocalPortForwarding"));
    give_acknowledgement(&mut relay, Side::Agent, 0, 0);
    let _ = take(&mut relay, Side::Client, 0);
    assert!(!relay.owes(Side::Client));
    // A port that the agent forbids: its session fails behind HandshakeComplete.
    relay.close(Side::Client, ChannelClosed::default(), at(1));
    assert_eq!(take(&mut relay, Side::Client, 1), NOTHING);
    assert!(relay.owes(Side::Client));
    assert_eq!(take(&mut relay, Side::Client, 200 * MILLIS), ["channel_closed"]);
    assert!(!relay.owes(Side::Client));
}

#[test]
fn encrypted_payloads_without_room_for_a_nonce_are_refused() {
    let mut relay = relay(config(), STOCK, STOCK);
    let action = RequestedAction::KmsEncryption { kms_key_id: "k".to_owned(), challenge: None };
    let request = HandshakeRequest { requested_client_actions: vec![action], ..HandshakeRequest::default() };
    let request = stream(MessageType::OutputStreamData, 0, PayloadType::HANDSHAKE_REQUEST, &request.encode());
    give(&mut relay, Side::Agent, request, 0);
    let short = relay.handle_message(Side::Agent, output(1, "elevenbytes"), at(0));
    assert_eq!(short, Err(PeerError::Undecipherable { len: 11 }));
    give(&mut relay, Side::Agent, output(1, "twelve bytes"), 0);
    give(&mut relay, Side::Client, stream(MessageType::InputStreamData, 0, PayloadType::SIZE, b"{}"), 0);
}

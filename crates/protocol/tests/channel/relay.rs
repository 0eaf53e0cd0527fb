//! The relay, rule by rule.

use std::time::Duration;

use bytes::Bytes;
use postern_protocol::channel::PeerError;
use postern_protocol::channel::relay::{Delivery, Ending, Leg, Relay, RelayConfig, RelayEvent, Side};
use postern_protocol::wire::payload::{
    ChannelClosed, EndingCause, HandshakeRequest, JsonPayload, RequestedAction, SessionEnding, StreamFlag,
};
use postern_protocol::wire::{MessageType, PayloadType};
use serde_json::json;

use crate::support::{MILLIS, SECONDS, acknowledge, at, decode, input, micros_of, output, plain, show, stream};

const OURS: Leg = Leg { ours: true, version: None, takes_warnings: false };
const STOCK: Leg = Leg { ours: false, version: None, takes_warnings: false };

/// A relay with both legs.
fn relay(config: RelayConfig, client: Leg, agent: Leg) -> Relay {
    let mut relay = Relay::new(config);
    relay.attach(Side::Client, client, at(0));
    relay.attach(Side::Agent, agent, at(0));
    relay
}

fn config() -> RelayConfig {
    RelayConfig::new(1)
}

fn take(relay: &mut Relay, to: Side, micros: u64) -> Vec<String> {
    let mut taken = Vec::new();
    while let Some(message) = relay.poll_transmit(to, at(micros)) {
        taken.push(show(&message));
    }
    assert!(!relay.has_transmit(to));
    taken
}

fn give(relay: &mut Relay, from: Side, message: Bytes, micros: u64) {
    relay.handle_message(from, message, at(micros)).unwrap();
}

fn give_outputs(relay: &mut Relay, numbers: std::ops::Range<i64>, micros: u64) {
    for number in numbers {
        give(relay, Side::Agent, output(number, "x"), micros);
    }
}

fn give_acknowledgement(relay: &mut Relay, from: Side, number: i64, micros: u64) {
    let of = if from == Side::Client { MessageType::OutputStreamData } else { MessageType::InputStreamData };
    give(relay, from, acknowledge(of, number), micros);
}

fn events(relay: &mut Relay) -> Vec<RelayEvent> {
    std::iter::from_fn(|| relay.poll_event()).collect()
}

fn outputs(numbers: std::ops::Range<i64>) -> Vec<String> {
    numbers.map(|number| format!(r#"output {number} "x""#)).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn messages_pass_as_they_are() {
    let mut relay = relay(config(), STOCK, STOCK);
    for (from, message) in [
        (Side::Agent, output(0, "$ ")),
        (Side::Client, acknowledge(MessageType::OutputStreamData, 0)),
        (Side::Client, input(0, "ls\r")),
        (Side::Agent, acknowledge(MessageType::InputStreamData, 0)),
    ] {
        give(&mut relay, from, message.clone(), 0);
        let passed = relay.poll_transmit(from.other(), at(0)).unwrap();
        assert_eq!(passed, message);
        assert_eq!(passed.as_ptr(), message.as_ptr(), "not even copied");
        assert!(!relay.has_transmit(Side::Client) && !relay.has_transmit(Side::Agent));
    }
    assert_eq!(relay.buffered_bytes(), 0);
}

#[test]
fn a_wrong_digest_is_not_the_relays_business() {
    let mut relay = relay(config(), STOCK, STOCK);
    let mut spoilt = input(0, "x").to_vec();
    spoilt[80] ^= 1;
    give(&mut relay, Side::Client, Bytes::from(spoilt.clone()), 0);
    assert_eq!(relay.poll_transmit(Side::Agent, at(0)).unwrap(), spoilt);
}

#[test]
fn what_is_not_acknowledged_is_sent_on_every_new_leg_in_order() {
    let mut relay = Relay::new(config());
    relay.attach(Side::Agent, STOCK, at(0));
    give_outputs(&mut relay, 0..4, 0);
    assert_eq!(take(&mut relay, Side::Client, 0), NOTHING);
    relay.attach(Side::Client, STOCK, at(1));
    assert_eq!(take(&mut relay, Side::Client, 1), outputs(0..4));
    for number in [0, 2] {
        give_acknowledgement(&mut relay, Side::Client, number, 1);
    }
    relay.attach(Side::Client, STOCK, at(2)); // replaces the other
    assert_eq!(take(&mut relay, Side::Client, 2), [r#"output 1 "x""#, r#"output 3 "x""#]);
    relay.detach(Side::Client, at(3));
    give(&mut relay, Side::Agent, output(4, "x"), 3);
    relay.attach(Side::Client, STOCK, at(4));
    assert_eq!(take(&mut relay, Side::Client, 4), [r#"output 1 "x""#, r#"output 3 "x""#, r#"output 4 "x""#]);

    give(&mut relay, Side::Client, input(0, "a"), 5);
    assert_eq!(take(&mut relay, Side::Agent, 5).last().unwrap(), r#"input 0 "a""#);
    relay.attach(Side::Agent, STOCK, at(6));
    assert_eq!(take(&mut relay, Side::Agent, 6).last().unwrap(), r#"input 0 "a""#);
}

#[test]
fn repetitions_are_not_passed_on_while_the_first_is_on_its_way() {
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..2, 0);
    give(&mut relay, Side::Agent, output(0, "x"), 0);
    assert_eq!(take(&mut relay, Side::Client, 0), outputs(0..2), "queued once");
    // A client that has shown no sign yet may be deaf still: every 150 ms.
    for (millis, passed) in [(100, false), (150, true), (250, false), (300, true)] {
        give(&mut relay, Side::Agent, output(0, "x"), millis * MILLIS);
        assert_eq!(take(&mut relay, Side::Client, millis * MILLIS).len(), usize::from(passed), "{millis}");
    }
    // One that is at work is slow: every second, and the oldest only.
    give_acknowledgement(&mut relay, Side::Client, 0, SECONDS);
    give_outputs(&mut relay, 2..4, SECONDS);
    let _ = take(&mut relay, Side::Client, SECONDS);
    for millis in (1000..2200).step_by(100) {
        give(&mut relay, Side::Agent, output(3, "x"), millis * MILLIS);
        give(&mut relay, Side::Agent, output(1, "x"), millis * MILLIS);
    }
    assert_eq!(take(&mut relay, Side::Client, 2200 * MILLIS), outputs(1..2));
}

#[test]
fn an_overtaken_message_is_passed_on_again() {
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..4, 0);
    let _ = take(&mut relay, Side::Client, 0);
    for number in [0, 3] {
        give_acknowledgement(&mut relay, Side::Client, number, 1);
    }
    give(&mut relay, Side::Agent, output(1, "x"), 99 * MILLIS);
    assert_eq!(take(&mut relay, Side::Client, 99 * MILLIS), NOTHING);
    give(&mut relay, Side::Agent, output(1, "x"), 100 * MILLIS);
    assert_eq!(take(&mut relay, Side::Client, 100 * MILLIS), outputs(1..2));
}

#[test]
fn what_was_acknowledged_is_answered_and_not_relayed() {
    for (from, message) in [(Side::Agent, output(0, "x")), (Side::Client, input(0, "x"))] {
        let mut relay = relay(config(), STOCK, STOCK);
        give(&mut relay, from, message.clone(), 0);
        let _ = take(&mut relay, from.other(), 0);
        give_acknowledgement(&mut relay, from.other(), 0, 0);
        assert_eq!(take(&mut relay, from, 0), ["acknowledge 0"]);
        // The stock agent misses an acknowledgement that is faster than its own bookkeeping.
        for _ in 0..3 {
            give(&mut relay, from, message.clone(), 1);
            assert_eq!(take(&mut relay, from.other(), 1), NOTHING);
            assert_eq!(take(&mut relay, from, 1), ["acknowledge 0"]);
        }
    }
}

#[test]
fn acknowledgements_wait_for_the_agent_however_many_they_are() {
    let mut relay = relay(config(), OURS, STOCK);
    give_outputs(&mut relay, 0..600, 0);
    let _ = take(&mut relay, Side::Client, 0);
    relay.detach(Side::Agent, at(1));
    for number in 0..600 {
        give_acknowledgement(&mut relay, Side::Client, number, 1);
    }
    assert!(relay.buffered_bytes() < 80_000, "beyond 256 only numbers are kept");
    relay.attach(Side::Agent, STOCK, at(2));
    let expected: Vec<String> = (0..600).map(|number| format!("acknowledge {number}")).collect();
    assert_eq!(take(&mut relay, Side::Agent, 2), expected);
    // The last ones may have died with that leg.
    relay.attach(Side::Agent, STOCK, at(3));
    assert_eq!(take(&mut relay, Side::Agent, 3), expected[600 - 256..]);
}

#[test]
fn stock_clients_get_nothing_beyond_a_gap() {
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 1..3, 0);
    assert_eq!(take(&mut relay, Side::Client, 0), NOTHING);
    give_outputs(&mut relay, 0..1, 0);
    assert_eq!(take(&mut relay, Side::Client, 0), outputs(0..3));
    give_outputs(&mut relay, 5..6, 0);
    give_outputs(&mut relay, 4..5, 0);
    assert_eq!(take(&mut relay, Side::Client, 0), NOTHING);
    give_outputs(&mut relay, 3..4, 0);
    assert_eq!(take(&mut relay, Side::Client, 0), outputs(3..6));

    // Ours puts things in order itself.
    let mut relay = self::relay(config(), OURS, STOCK);
    give_outputs(&mut relay, 1..3, 0);
    assert_eq!(take(&mut relay, Side::Client, 0), outputs(1..3));
}

#[test]
fn a_gap_that_is_filled_too_slowly_does_not_stop_everything() {
    let small = RelayConfig { max_buffer_bytes: 64 * 1024, ..config() };
    let big = "y".repeat(1024);
    let flood = |relay: &mut Relay| {
        let mut passed = 0;
        for number in 2..200 {
            assert!(relay.wants_read(Side::Agent), "what is missing comes on this socket");
            give(relay, Side::Agent, output(number, &big), 0);
            while let Some(message) = relay.poll_transmit(Side::Client, at(0)) {
                let acknowledged = show(&message).split(' ').nth(1).unwrap().parse().unwrap();
                give_acknowledgement(relay, Side::Client, acknowledged, 0);
                passed += 1;
            }
            assert!(relay.buffered_bytes() <= small.max_buffer_bytes);
        }
        passed
    };
    let mut relay = relay(small.clone(), STOCK, STOCK);
    assert_eq!(flood(&mut relay), 0, "a client without a session handler would swallow them");
    give_outputs(&mut relay, 0..2, 0);
    assert_eq!(&take(&mut relay, Side::Client, 0)[..2], outputs(0..2));

    let mut relay = self::relay(small.clone(), STOCK, STOCK);
    give_outputs(&mut relay, 0..1, 0);
    let _ = take(&mut relay, Side::Client, 0);
    give_acknowledgement(&mut relay, Side::Client, 0, 0);
    assert!(flood(&mut relay) > 100, "its own buffer is the better place");
    give_outputs(&mut relay, 1..2, 0);
    assert_eq!(take(&mut relay, Side::Client, 0)[0], outputs(1..2)[0]);
}

#[test]
fn after_a_restart_a_stream_may_begin_anywhere() {
    let mut relay = relay(RelayConfig { resumed: true, ..config() }, STOCK, STOCK);
    give_outputs(&mut relay, 700..702, 0);
    give_outputs(&mut relay, 650..651, 0);
    let mut taken = take(&mut relay, Side::Client, 0);
    taken.sort();
    assert_eq!(taken, [r#"output 650 "x""#, r#"output 700 "x""#, r#"output 701 "x""#]);
    // And what nobody here has seen may be acknowledged.
    give_acknowledgement(&mut relay, Side::Client, 640, 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["acknowledge 640"]);
}

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

fn fill(relay: &mut Relay, from: Side, number: &mut i64, payload: &str) {
    while relay.wants_read(from) {
        let message = if from == Side::Agent { output(*number, payload) } else { input(*number, payload) };
        give(relay, from, message, 0);
        *number += 1;
    }
}

#[test]
fn a_stock_agent_is_paused_and_paused_again_until_the_client_has_caught_up() {
    let mut relay = relay(RelayConfig { max_buffer_bytes: 64 * 1024, ..config() }, OURS, STOCK);
    let big = "y".repeat(1000);
    for number in 0..11 {
        give(&mut relay, Side::Agent, output(number, &big), 0);
    }
    let _ = take(&mut relay, Side::Client, 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["pause_publication"]);
    // Either of these ends the pause on the agent's side.
    give_acknowledgement(&mut relay, Side::Client, 0, 0);
    give(&mut relay, Side::Client, input(0, "a"), 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["acknowledge 0", r#"input 0 "a""#, "pause_publication"]);
    for number in 1..11 {
        give_acknowledgement(&mut relay, Side::Client, number, 0);
    }
    let last = take(&mut relay, Side::Agent, 0);
    assert!(!last.contains(&"pause_publication".to_owned()), "the acknowledgements let it go: {last:?}");

    // Let go by the service when nothing else does it.
    for number in 11..30 {
        give(&mut relay, Side::Agent, output(number, &big), 0);
    }
    let _ = take(&mut relay, Side::Client, 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["pause_publication"]);
    relay.detach(Side::Agent, at(1));
    for number in 11..30 {
        give_acknowledgement(&mut relay, Side::Client, number, 1);
    }
    relay.attach(Side::Agent, STOCK, at(2));
    assert!(!take(&mut relay, Side::Agent, 2).iter().any(|message| message.ends_with("publication")));
}

#[test]
fn an_agent_is_paused_while_its_client_is_away_for_long() {
    let mut relay = relay(config(), STOCK, STOCK);
    relay.detach(Side::Client, at(0));
    assert_eq!(take(&mut relay, Side::Agent, 0), NOTHING);
    assert_eq!(relay.poll_timeout().map(micros_of), Some(SECONDS));
    relay.handle_timeout(at(SECONDS));
    assert_eq!(relay.poll_timeout(), None);
    assert_eq!(take(&mut relay, Side::Agent, SECONDS), ["pause_publication"]);
    relay.attach(Side::Agent, STOCK, at(2 * SECONDS));
    assert_eq!(take(&mut relay, Side::Agent, 2 * SECONDS), ["pause_publication"], "a new leg begins unpaused");
    relay.attach(Side::Client, STOCK, at(3 * SECONDS));
    assert_eq!(take(&mut relay, Side::Agent, 3 * SECONDS), ["start_publication"]);
    assert_eq!(take(&mut relay, Side::Client, 3 * SECONDS), NOTHING, "clients are not told");
}

#[test]
fn who_must_not_be_paused_is_not() {
    let mut relay = relay(RelayConfig { may_pause: false, max_buffer_bytes: 64 * 1024, ..config() }, STOCK, STOCK);
    fill(&mut relay, Side::Agent, &mut 0, &"y".repeat(1000));
    relay.detach(Side::Client, at(0));
    relay.handle_timeout(at(10 * SECONDS));
    assert_eq!(take(&mut relay, Side::Agent, 10 * SECONDS), NOTHING);
    assert_eq!(relay.poll_timeout(), None);
}

#[test]
fn memory_is_bounded_in_both_directions() {
    let mut relay = relay(config(), STOCK, STOCK);
    relay.detach(Side::Client, at(0));
    relay.detach(Side::Agent, at(0));
    let big = "y".repeat(1000);
    for (from, size) in [(Side::Agent, 1000), (Side::Client, 1000)] {
        let mut number = 0;
        fill(&mut relay, from, &mut number, &big[..size]);
        assert!(number > 200, "{number}");
        // A driver that goes on all the same gets nothing acknowledged and nothing kept.
        for number in number..number + 1000 {
            let message = if from == Side::Agent { output(number, &big) } else { input(number, &big) };
            give(&mut relay, from, message, 0);
        }
        assert!(!relay.wants_read(from));
    }
    assert!(relay.buffered_bytes() <= config().max_buffer_bytes);
    // A single message may be larger, if it is alone.
    let mut relay = self::relay(config(), STOCK, STOCK);
    give(&mut relay, Side::Agent, output(0, &"y".repeat(2_000_000)), 0);
    assert!(relay.has_transmit(Side::Client) && !relay.wants_read(Side::Agent));
}

#[test]
fn full_directions_do_not_wait_for_each_other() {
    // Input is full, so the client is not read, so its acknowledgements of output are not seen.
    // Output must pass all the same: the program at its end may read again only after it wrote.
    let mut relay = relay(RelayConfig { max_buffer_bytes: 64 * 1024, ..config() }, STOCK, STOCK);
    let big = "y".repeat(1000);
    fill(&mut relay, Side::Client, &mut 0, &big);
    assert!(!relay.wants_read(Side::Client));
    for number in 0..200 {
        assert!(relay.wants_read(Side::Agent), "at {number}");
        give(&mut relay, Side::Agent, output(number, &big), 0);
        assert_eq!(take(&mut relay, Side::Client, 0).len(), 1);
        assert!(!take(&mut relay, Side::Agent, 0).contains(&"pause_publication".to_owned()));
    }
    assert!(relay.buffered_bytes() <= 64 * 1024);
    // What was given up comes again when the leg turns out to be dead, and is wanted.
    relay.attach(Side::Client, STOCK, at(1));
    give_acknowledgement(&mut relay, Side::Agent, 0, 1);
    let kept = take(&mut relay, Side::Client, 1);
    give(&mut relay, Side::Agent, output(0, &big), 1);
    assert!(show(&output(0, &big)) == take(&mut relay, Side::Client, 1)[0], "{}", kept.len());
}

#[test]
fn our_agent_is_not_held_back_by_acknowledgements() {
    let mut relay = relay(RelayConfig { max_buffer_bytes: 64 * 1024, ..config() }, OURS, OURS);
    let big = "y".repeat(1000);
    for number in 0..200 {
        assert!(relay.wants_read(Side::Agent));
        give(&mut relay, Side::Agent, output(number, &big), 0);
        assert_eq!(take(&mut relay, Side::Client, 0).len(), 1);
    }
    assert_eq!(take(&mut relay, Side::Agent, 0), NOTHING);
    // By a client that does not read, it is.
    let mut number = 200;
    fill(&mut relay, Side::Agent, &mut number, &big);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["pause_publication"]);
    assert!(number < 200 + 64);
    // Given up messages can be acknowledged late, and repetitions of them are not relayed at once.
    give(&mut relay, Side::Agent, output(0, &big), 1);
    let passed = take(&mut relay, Side::Client, 1);
    assert!(passed.iter().filter(|message| message.starts_with("output 0 ")).count() <= 1);
    give_acknowledgement(&mut relay, Side::Client, 1, 2);
    assert!(take(&mut relay, Side::Agent, 2).contains(&"acknowledge 1".to_owned()));
}

#[test]
fn whatever_is_read_from_an_end_of_ours_is_kept() {
    // A little that is on its way makes little room. A large message that was read for it would be dropped, and its sender
    // would wait for an acknowledgement until its patience ends.
    for small in [1, 2, 7, 40] {
        let mut relay = relay(config(), OURS, OURS);
        for number in 0..small {
            give(&mut relay, Side::Client, input(number, "x"), 0);
        }
        assert_eq!(take(&mut relay, Side::Agent, 0).len(), usize::try_from(small).unwrap());
        let mut number = small;
        fill(&mut relay, Side::Client, &mut number, &"y".repeat(32 * 1024));
        let passed = take(&mut relay, Side::Agent, 0);
        assert_eq!(passed.len(), usize::try_from(number - small).unwrap(), "behind {small}");
        assert!(relay.wants_read(Side::Client), "all of it is on its way, and gives way");
    }
}

#[test]
fn the_end_comes_last_to_a_client_and_first_to_an_agent() {
    let closed = || ChannelClosed { output: "Terminated".to_owned(), ..ChannelClosed::default() };
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..2, 0);
    give(&mut relay, Side::Client, input(0, "a"), 0);
    relay.close(Side::Client, closed(), at(0));
    relay.close(Side::Agent, closed(), at(0));
    assert!(!relay.is_drained(Side::Client));
    give_outputs(&mut relay, 2..3, 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["channel_closed"]);
    assert_eq!(
        take(&mut relay, Side::Client, 0),
        [r#"output 0 "x""#, r#"output 1 "x""#, "channel_closed"],
        "and nothing that came later"
    );
    assert!(relay.is_told_closed(Side::Client) && relay.is_told_closed(Side::Agent));
    // A client that comes back, or comes for the first time, is told.
    relay.attach(Side::Client, STOCK, at(1));
    assert_eq!(take(&mut relay, Side::Client, 1).last().unwrap(), "channel_closed");
    for number in 0..2 {
        give_acknowledgement(&mut relay, Side::Client, number, 1);
    }
    assert!(relay.is_drained(Side::Client));
    let mut late = Relay::new(config());
    late.close(Side::Client, closed(), at(0));
    assert_eq!(take(&mut late, Side::Client, 0), NOTHING);
    late.attach(Side::Client, STOCK, at(1));
    assert_eq!(take(&mut late, Side::Client, 1), ["channel_closed"]);
}

#[test]
fn the_supervisor_hears_what_it_has_to_know() {
    let mut relay = relay(config(), STOCK, STOCK);
    let state = |state: &str| {
        let json = format!(r#"{{"SchemaVersion":1,"SessionState":"{state}","SessionId":"s"}}"#);
        plain(MessageType::AgentSessionState, json.as_bytes())
    };
    give(&mut relay, Side::Agent, state("Connected"), 0);
    assert_eq!(events(&mut relay), [RelayEvent::AgentConnected]);
    give_outputs(&mut relay, 0..3, 0);
    give(&mut relay, Side::Client, stream(MessageType::InputStreamData, 0, PayloadType::SIZE, b"{}"), 0);
    assert_eq!(events(&mut relay), [RelayEvent::Activity(Side::Agent)], "once, and a size is none");
    give_outputs(&mut relay, 0..3, 0);
    assert_eq!(events(&mut relay), [], "a repetition is none");
    give(&mut relay, Side::Client, input(1, "a"), 0);
    give(&mut relay, Side::Agent, state("Terminating"), 0);
    give(&mut relay, Side::Agent, state("Other"), 0);
    assert_eq!(events(&mut relay), [RelayEvent::Activity(Side::Client), RelayEvent::AgentTerminating]);
    let flag =
        |number, flag: StreamFlag| stream(MessageType::InputStreamData, number, PayloadType::FLAG, &flag.encode());
    give(&mut relay, Side::Client, flag(2, StreamFlag::DisconnectToPort), 0);
    assert_eq!(events(&mut relay), [], "a connection ended, and no session");
    give(&mut relay, Side::Client, flag(3, StreamFlag::TerminateSession), 0);
    give(&mut relay, Side::Client, flag(3, StreamFlag::TerminateSession), 0);
    assert_eq!(events(&mut relay), [RelayEvent::ClientLeaving], "once");
    // The stock client numbers its last data and its last word in two threads, and both may bear one number.
    let mut torn = self::relay(config(), STOCK, STOCK);
    give(&mut torn, Side::Client, input(0, "a"), 0);
    give(&mut torn, Side::Client, flag(0, StreamFlag::TerminateSession), 0);
    assert_eq!(take(&mut torn, Side::Agent, 0), [r#"input 0 "a""#], "the agent would take it for a repetition");
    assert_eq!(events(&mut torn), [RelayEvent::Activity(Side::Client), RelayEvent::ClientLeaving]);
    assert_eq!(take(&mut relay, Side::Client, 0), outputs(0..3), "states end here");
    for number in 0..3 {
        assert_eq!(events(&mut relay), []);
        give_acknowledgement(&mut relay, Side::Client, number, 0);
    }
    assert_eq!(events(&mut relay), [RelayEvent::OutputDrained]);
    assert!(relay.is_drained(Side::Client));
}

#[test]
fn what_only_the_agent_has_is_known_to_be_missing() {
    for client in [STOCK, OURS] {
        let mut relay = relay(config(), client, STOCK);
        assert_eq!(relay.output_delivery(), Delivery::Complete);
        give_outputs(&mut relay, 0..3, 0);
        give_outputs(&mut relay, 5..7, 0);
        let _ = take(&mut relay, Side::Client, 0);
        for number in 0..3 {
            assert_eq!(relay.output_delivery(), Delivery::Pending);
            give_acknowledgement(&mut relay, Side::Client, number, 0);
        }
        assert_eq!(relay.output_delivery(), Delivery::Cut, "whatever waits behind the gap");
        give_outputs(&mut relay, 3..4, 0);
        let _ = take(&mut relay, Side::Client, 0);
        assert_eq!(relay.output_delivery(), Delivery::Pending);
        give_acknowledgement(&mut relay, Side::Client, 3, 0);
        assert_eq!(relay.output_delivery(), Delivery::Cut);
        give_outputs(&mut relay, 4..5, 0);
        let _ = take(&mut relay, Side::Client, 0);
        for number in 4..7 {
            assert_eq!(relay.output_delivery(), Delivery::Pending);
            give_acknowledgement(&mut relay, Side::Client, number, 0);
        }
        assert_eq!(relay.output_delivery(), Delivery::Complete);
    }
}

#[test]
fn a_client_that_acknowledges_what_came_early_does_not_have_what_is_missing() {
    let config = RelayConfig { max_buffer_bytes: 64 * 1024, ..config() };
    let mut relay = relay(config, STOCK, STOCK);
    give_outputs(&mut relay, 0..1, 0);
    let _ = take(&mut relay, Side::Client, 0);
    give_acknowledgement(&mut relay, Side::Client, 0, 0);
    // So much waits behind the gap that it goes to the stock client's own buffer.
    let big = "y".repeat(1000);
    (2..12).for_each(|number| give(&mut relay, Side::Agent, output(number, &big), 0));
    let early = take(&mut relay, Side::Client, 0);
    assert!(!early.is_empty());
    (2..12).for_each(|number| give_acknowledgement(&mut relay, Side::Client, number, 0));
    assert!(relay.is_drained(Side::Client), "nothing is kept");
    assert_eq!(relay.output_delivery(), Delivery::Cut, "and nothing was shown");
}

#[test]
fn what_was_given_up_for_want_of_room_is_missing_once_the_leg_is_gone() {
    let config = RelayConfig { max_buffer_bytes: 64 * 1024, ..config() };
    let mut relay = relay(config, OURS, OURS);
    let big = "y".repeat(1000);
    let mut number = 0;
    fill(&mut relay, Side::Agent, &mut number, &big);
    let _ = take(&mut relay, Side::Client, 0);
    (number..number + 10).for_each(|number| give(&mut relay, Side::Agent, output(number, &big), 0));
    assert_eq!(relay.output_delivery(), Delivery::Pending, "it is on its way");
    relay.detach(Side::Client, at(0));
    assert_eq!(relay.output_delivery(), Delivery::Cut, "its beginning is not here any more");
}

#[test]
fn a_message_of_an_earlier_relay_that_is_repeated_alone_says_nothing_of_what_followed_it() {
    let resumed = || relay(RelayConfig { resumed: true, ..config() }, STOCK, STOCK);
    // The agent missed one acknowledgement long ago.
    let mut relay = resumed();
    give_outputs(&mut relay, 0..1, 0);
    give_outputs(&mut relay, 60..62, 0);
    let _ = take(&mut relay, Side::Client, 0);
    [0, 60, 61].into_iter().for_each(|number| give_acknowledgement(&mut relay, Side::Client, number, 0));
    assert_eq!(relay.output_delivery(), Delivery::Complete);
    // It sends again, one after the other, what died with the earlier relay.
    let mut relay = resumed();
    give_outputs(&mut relay, 60..62, 0);
    give_outputs(&mut relay, 50..53, 0);
    let _ = take(&mut relay, Side::Client, 0);
    [50, 51, 52, 60, 61].into_iter().for_each(|number| give_acknowledgement(&mut relay, Side::Client, number, 0));
    assert_eq!(relay.output_delivery(), Delivery::Cut);
}

#[test]
fn bad_messages_disturb_nothing() {
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..1, 0);
    let unexpected = |message_type| PeerError::Unexpected { message_type };
    let number = |sequence_number| PeerError::SequenceNumber { sequence_number };
    for (from, message, error) in [
        (Side::Client, output(0, "x"), unexpected(MessageType::OutputStreamData)),
        (Side::Agent, input(0, "x"), unexpected(MessageType::InputStreamData)),
        (Side::Client, plain(MessageType::AgentSessionState, b"{}"), unexpected(MessageType::AgentSessionState)),
        (Side::Client, plain(MessageType::ChannelClosed, b"{}"), unexpected(MessageType::ChannelClosed)),
        (Side::Agent, plain(MessageType::PausePublication, b"{}"), unexpected(MessageType::PausePublication)),
        (Side::Agent, output(-1, "x"), number(-1)),
        (Side::Agent, output(i64::MAX, "x"), number(i64::MAX)),
        (Side::Agent, output(200_001, "x"), number(200_001)),
        (Side::Client, acknowledge(MessageType::OutputStreamData, 1), number(1)),
        (Side::Client, acknowledge(MessageType::OutputStreamData, -1), number(-1)),
    ] {
        assert_eq!(relay.handle_message(from, message, at(0)), Err(error));
    }
    for rubbish in [&b""[..], b"{}", &[0; 119], &[0xff; 500]] {
        let error = relay.handle_message(Side::Client, Bytes::copy_from_slice(rubbish), at(0));
        assert!(matches!(error, Err(PeerError::Frame(_))));
    }
    let error = relay.handle_message(Side::Client, plain(MessageType::Acknowledge, b"rubbish"), at(0));
    assert!(matches!(error, Err(PeerError::Payload(_))));
    assert_eq!(take(&mut relay, Side::Agent, 0), NOTHING);
    assert_eq!(take(&mut relay, Side::Client, 0), outputs(0..1));
}

#[test]
fn a_stock_client_that_is_silent_about_what_it_had_is_answered_for() {
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..2, 0);
    let _ = take(&mut relay, Side::Client, 0);
    // Its acknowledgements die with its leg.
    relay.attach(Side::Client, STOCK, at(MILLIS));
    assert_eq!(take(&mut relay, Side::Client, MILLIS), outputs(0..2));
    let due = micros_of(relay.poll_timeout().unwrap());
    assert_eq!(events(&mut relay), [RelayEvent::Activity(Side::Agent)]);
    relay.handle_timeout(at(due));
    assert_eq!(events(&mut relay), [RelayEvent::WantsPing(Side::Client)]);
    // Without a pong it is only slow.
    relay.handle_timeout(at(due + 10 * SECONDS));
    assert_eq!((take(&mut relay, Side::Agent, due), events(&mut relay)), (vec![], vec![]));
    // With one, it is asked once more, for it may have been deaf.
    relay.handle_pong(Side::Client, at(due));
    assert_eq!(take(&mut relay, Side::Agent, due), NOTHING);
    assert_eq!(take(&mut relay, Side::Client, due), outputs(0..2));
    let again = micros_of(relay.poll_timeout().unwrap());
    relay.handle_timeout(at(again));
    assert_eq!(events(&mut relay), [RelayEvent::WantsPing(Side::Client)]);
    relay.handle_pong(Side::Client, at(again));
    assert_eq!(take(&mut relay, Side::Agent, again), ["acknowledge 0", "acknowledge 1"]);
    assert_eq!(events(&mut relay), [RelayEvent::OutputDrained]);

    // From then on once is enough.
    give_outputs(&mut relay, 2..3, again);
    let _ = take(&mut relay, Side::Client, again);
    relay.attach(Side::Client, STOCK, at(again));
    let _ = take(&mut relay, Side::Client, again);
    let due = again + SECONDS;
    relay.handle_timeout(at(due));
    relay.handle_pong(Side::Client, at(due));
    assert_eq!(take(&mut relay, Side::Agent, due), ["acknowledge 2"]);
}

#[test]
fn nobody_is_answered_for_who_acknowledges_again_himself() {
    let mut relay = relay(config(), OURS, STOCK);
    give_outputs(&mut relay, 0..2, 0);
    let _ = take(&mut relay, Side::Client, 0);
    relay.attach(Side::Client, OURS, at(MILLIS));
    let _ = take(&mut relay, Side::Client, MILLIS);
    for second in 1..10 {
        relay.handle_timeout(at(second * SECONDS));
        relay.handle_pong(Side::Client, at(second * SECONDS));
        let _ = take(&mut relay, Side::Client, second * SECONDS);
        assert_eq!(take(&mut relay, Side::Agent, second * SECONDS), NOTHING);
    }
}

#[test]
fn a_client_that_was_deaf_gets_everything_again_in_bursts() {
    // The basic port client drops what comes while no local connection exists, and the agent may
    // be paused by then.
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..40, 0);
    let _ = take(&mut relay, Side::Client, 0);
    relay.handle_timeout(at(SECONDS));
    relay.handle_pong(Side::Client, at(SECONDS));
    let mut bursts = Vec::new();
    let mut next = 0;
    loop {
        let burst = take(&mut relay, Side::Client, SECONDS);
        if burst.is_empty() {
            break;
        }
        assert_eq!(burst, outputs(next..next + i64::try_from(burst.len()).unwrap()));
        bursts.push(burst.len());
        for _ in burst {
            give_acknowledgement(&mut relay, Side::Client, next, SECONDS);
            next += 1;
        }
    }
    assert_eq!(next, 40, "{bursts:?}");
    assert!(bursts.len() <= 8, "{bursts:?}");
}

#[test]
fn nothing_that_was_typed_or_printed_shows_in_debug_output() {
    let mut relay = relay(config(), STOCK, STOCK);
    give(&mut relay, Side::Agent, output(0, "hunter2"), 0);
    give(&mut relay, Side::Client, input(0, "hunter2"), 0);
    let closed = ChannelClosed { output: "hunter2".to_owned(), ..ChannelClosed::default() };
    relay.close(Side::Client, closed, at(0));
    assert!(!format!("{relay:?}").contains("hunter2"));
}

#[test]
fn a_repetition_while_the_ping_is_on_its_way_does_not_hide_the_silence() {
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..1, 0);
    let _ = take(&mut relay, Side::Client, 0);
    relay.attach(Side::Client, STOCK, at(0));
    let _ = take(&mut relay, Side::Client, 0);
    let mut answered = false;
    // The agent repeats every 200 ms, and a pong takes 350.
    let mut pong = None;
    for tick in 1..100 {
        let now = tick * 50 * MILLIS;
        relay.handle_timeout(at(now));
        if events(&mut relay).contains(&RelayEvent::WantsPing(Side::Client)) {
            pong = Some(now + 350 * MILLIS);
        }
        if pong.take_if(|pong| *pong <= now).is_some() {
            relay.handle_pong(Side::Client, at(now));
        }
        if tick % 4 == 0 {
            give_outputs(&mut relay, 0..1, now);
        }
        let _ = take(&mut relay, Side::Client, now);
        answered |= take(&mut relay, Side::Agent, now).contains(&"acknowledge 0".to_owned());
    }
    assert!(answered);
}

#[test]
fn a_relay_without_memory_reads_on_for_what_may_be_missing() {
    // Our agent takes nothing that comes early beyond its window, and the client, whose oldest
    // message it waits for, repeats that one only.
    let resumed = RelayConfig { resumed: true, max_buffer_bytes: 64 * 1024, ..config() };
    let mut relay = relay(resumed, STOCK, OURS);
    let big = "y".repeat(1000);
    for number in 81..181 {
        assert!(relay.wants_read(Side::Client), "at {number}");
        give(&mut relay, Side::Client, input(number, &big), 0);
        let _ = take(&mut relay, Side::Agent, 0);
    }
    give(&mut relay, Side::Client, input(20, "x"), 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), [r#"input 20 "x""#]);
    assert!(relay.buffered_bytes() <= 64 * 1024);
}

#[test]
fn what_was_sent_beyond_a_gap_gives_way_to_what_fills_it() {
    let mut relay = relay(RelayConfig { max_buffer_bytes: 16 * 1024, ..config() }, STOCK, OURS);
    let big = "y".repeat(2500);
    give(&mut relay, Side::Agent, output(0, "x"), 0);
    let _ = take(&mut relay, Side::Client, 0);
    give_acknowledgement(&mut relay, Side::Client, 0, 0);
    for number in [2, 3] {
        give(&mut relay, Side::Agent, output(number, &big), 0);
    }
    let sent = take(&mut relay, Side::Client, 0).len();
    assert!(sent > 0, "beyond the gap, for too much would wait behind it");
    give(&mut relay, Side::Agent, output(1, &big), 1);
    assert!(take(&mut relay, Side::Client, 1)[0].starts_with("output 1 "));
}

/// Our client, which takes warnings.
const WARNED: Leg = Leg { ours: true, version: None, takes_warnings: true };

/// The next message for the client, which is a warning.
fn warned(relay: &mut Relay, micros: u64) -> SessionEnding {
    let frame = decode(&relay.poll_transmit(Side::Client, at(micros)).unwrap());
    assert_eq!(frame.message_type, MessageType::SessionEnding);
    SessionEnding::decode(&frame.payload).unwrap()
}

fn ending(cause: EndingCause, second: u64) -> Ending {
    Ending { cause, limit: Duration::from_secs(1200), at: at(second * SECONDS).instant }
}

#[test]
fn a_client_that_takes_warnings_is_told_before_all_that_waits_and_no_other_is() {
    for (client, told) in [(WARNED, true), (OURS, false), (STOCK, false)] {
        let mut relay = relay(config(), client.clone(), OURS);
        give_outputs(&mut relay, 0..2, 0);
        relay.warn(ending(EndingCause::MaxDuration, 60));
        if told {
            let first = SessionEnding { cause: EndingCause::MaxDuration, limit_seconds: 1200, left_seconds: 60 };
            assert_eq!(warned(&mut relay, 0), first);
        }
        let expected = outputs(0..2);
        assert_eq!(take(&mut relay, Side::Client, 0), expected);
        relay.attach(Side::Client, client, at(SECONDS));
        assert_eq!(take(&mut relay, Side::Client, SECONDS), outputs(0..2), "it is said once");
        assert_eq!(take(&mut relay, Side::Agent, SECONDS), NOTHING);
    }
}

#[test]
fn a_warning_waits_for_a_client_that_is_away_as_long_as_it_is_one() {
    let mut relay = relay(config(), WARNED, OURS);
    relay.detach(Side::Client, at(0));
    relay.warn(ending(EndingCause::Idle, 60));
    relay.attach(Side::Client, WARNED, at(45 * SECONDS));
    let left = SessionEnding { cause: EndingCause::Idle, limit_seconds: 1200, left_seconds: 15 };
    assert_eq!(warned(&mut relay, 45 * SECONDS), left);
    assert_eq!(take(&mut relay, Side::Client, 45 * SECONDS), NOTHING);

    relay.detach(Side::Client, at(46 * SECONDS));
    relay.warn(ending(EndingCause::MaxDuration, 60));
    relay.attach(Side::Client, WARNED, at(60 * SECONDS));
    assert_eq!(take(&mut relay, Side::Client, 60 * SECONDS), NOTHING, "it is past");

    relay.detach(Side::Client, at(61 * SECONDS));
    relay.warn(ending(EndingCause::Idle, 90));
    relay.warn(ending(EndingCause::MaxDuration, 90));
    relay.close(Side::Client, ChannelClosed::default(), at(62 * SECONDS));
    relay.warn(ending(EndingCause::Idle, 90));
    relay.attach(Side::Client, WARNED, at(63 * SECONDS));
    let told = take(&mut relay, Side::Client, 63 * SECONDS);
    assert!(told.len() == 1 && told[0].starts_with("channel_closed"), "the end itself says it better: {told:?}");
}

#[test]
fn data_takes_back_a_warning_of_an_idle_session_and_no_other() {
    for from in [Side::Client, Side::Agent] {
        for (cause, warns) in [(EndingCause::Idle, false), (EndingCause::MaxDuration, true)] {
            let mut relay = relay(config(), WARNED, OURS);
            relay.detach(Side::Client, at(0));
            relay.warn(ending(cause, 60));
            let data = if from == Side::Client { input(0, "x") } else { output(0, "x") };
            relay.attach(Side::Client, WARNED, at(0));
            give(&mut relay, from, data, 0);
            let told = take(&mut relay, Side::Client, 0);
            assert_eq!(told.iter().any(|message| message.starts_with("session_ending")), warns, "{from:?} {cause:?}");
        }
    }
}

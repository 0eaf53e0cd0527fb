//! What passes, what is repeated, and what is refused.

use bytes::Bytes;
use postern_protocol::channel::PeerError;
use postern_protocol::channel::relay::{Relay, RelayConfig, Side};
use postern_protocol::wire::MessageType;
use postern_protocol::wire::payload::ChannelClosed;

use super::{NOTHING, OURS, STOCK, config, give, give_acknowledgement, give_outputs, outputs, relay, take};
use crate::support::{MILLIS, SECONDS, acknowledge, at, input, output, plain, show};

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
fn nothing_that_was_typed_or_printed_shows_in_debug_output() {
    let mut relay = relay(config(), STOCK, STOCK);
    give(&mut relay, Side::Agent, output(0, "hunter2"), 0);
    give(&mut relay, Side::Client, input(0, "hunter2"), 0);
    let closed = ChannelClosed { output: "hunter2".to_owned(), ..ChannelClosed::default() };
    relay.close(Side::Client, closed, at(0));
    assert!(!format!("{relay:?}").contains("hunter2"));
}

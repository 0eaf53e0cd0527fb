//! What may be sent, when, and how much of it.

use super::*;

#[test]
fn nothing_is_sent_without_a_socket_and_everything_with_the_next() {
    let mut agent = agent(agent_config());
    agent.handle_disconnected(at(1));
    write(&mut agent, "a", 1);
    assert_eq!(drain(&mut agent, 1), [""; 0]);
    assert_eq!(agent.poll_timeout(), None);
    agent.handle_connected(at(2));
    write(&mut agent, "b", 2);
    assert_eq!(drain(&mut agent, 2), [r#"output 2 "a""#, r#"output 3 "b""#]);
    agent.handle_message(acknowledge(MessageType::OutputStreamData, 3), at(3)).unwrap();
    write(&mut agent, "c", 3);
    // A socket whose last write was swallowed: what is not acknowledged comes again, in order.
    agent.handle_disconnected(at(4));
    agent.handle_connected(at(5));
    assert_eq!(drain(&mut agent, 5), [r#"output 2 "a""#, r#"output 4 "c""#]);
}

#[test]
fn the_first_output_message_alone_has_syn() {
    let mut agent = DataChannel::new(agent_config());
    agent.handle_connected(at(0));
    agent.send_session_state(SessionState::Connected, "s", at(0));
    agent.request_handshake(HandshakeRequest::default(), at(0));
    agent.complete_handshake(HandshakeComplete::default(), at(0));
    let frames: Vec<_> = std::iter::from_fn(|| agent.poll_transmit(at(0))).map(|message| decode(&message)).collect();
    let seen: Vec<_> = frames.iter().map(|frame| (frame.message_type, frame.sequence_number, frame.flags)).collect();
    assert_eq!(
        seen,
        [
            (MessageType::AgentSessionState, 0, Flags::SYN_FIN),
            (MessageType::OutputStreamData, 0, Flags::SYN),
            (MessageType::OutputStreamData, 1, Flags::NONE),
        ]
    );
}

#[test]
fn writes_are_cut_and_bounded() {
    let mut agent = agent(Config { max_payload: 4, send_window_bytes: 10, ..agent_config() });
    write(&mut agent, "", 1);
    write(&mut agent, "abcdefghij", 1);
    assert_eq!(drain(&mut agent, 1), [r#"output 2 "abcd""#, r#"output 3 "efgh""#, r#"output 4 "ij""#]);
    assert_eq!((agent.write_capacity(), agent.unacknowledged_bytes()), (0, 10));
    let full = agent.write(PayloadType::OUTPUT, Bytes::from_static(b"k"), at(1));
    assert_eq!(full, Err(WriteError::WindowFull { capacity: 0 }));
    agent.write(PayloadType::EXIT_CODE, Bytes::from_static(b"EXIT_CODE: 0"), at(1)).unwrap();
    agent.handle_message(acknowledge(MessageType::OutputStreamData, 3), at(2)).unwrap();
    assert_eq!(agent.write_capacity(), 0, "the exit code counts");
    for number in [2, 4, 5, 6, 7] {
        let _ = drain(&mut agent, 2);
        agent.handle_message(acknowledge(MessageType::OutputStreamData, number), at(2)).unwrap();
    }
    assert!(agent.is_drained());
    assert_eq!(agent.write_capacity(), 10);
    // Control payloads are bounded, too.
    let flood = Bytes::from(vec![0; 70_000]);
    assert!(matches!(agent.write(PayloadType::FLAG, flood, at(2)), Err(WriteError::WindowFull { .. })));
}

#[test]
fn a_window_that_starts_small_grows_with_the_shortest_round_trip() {
    let config = Config { near_window_bytes: 1000, send_window_bytes: 50_000, ..agent_config() };
    assert_eq!(agent(config.clone()).write_capacity(), 1000, "no delay at all");
    for (delay_millis, window) in [(2, 1000 + 2 * 16 * 1024), (3, 50_000), (500, 50_000)] {
        let mut agent = DataChannel::new(config.clone());
        agent.handle_connected(at(0));
        agent.request_handshake(HandshakeRequest::default(), at(0));
        drain(&mut agent, 0);
        let later = delay_millis * MILLIS;
        agent.handle_message(acknowledge(MessageType::OutputStreamData, 0), at(later)).unwrap();
        let response = HandshakeResponse::default().encode();
        let response = stream(MessageType::InputStreamData, 0, PayloadType::HANDSHAKE_RESPONSE, &response);
        agent.handle_message(response, at(later)).unwrap();
        assert!(matches!(agent.poll_event(at(later)), Some(Event::HandshakeResponse(_))));
        agent.complete_handshake(HandshakeComplete::default(), at(later));
        drain(&mut agent, later);
        // A slower acknowledgement afterwards, as of a terminal that prints, changes nothing.
        agent.handle_message(acknowledge(MessageType::OutputStreamData, 1), at(later + SECONDS)).unwrap();
        assert_eq!(agent.write_capacity(), window, "{delay_millis} ms");
    }
}

#[test]
fn a_pause_holds_stream_messages_and_ends_with_any_sign_of_the_client() {
    let pause = || plain(MessageType::PausePublication, b"{}");
    let start = plain(MessageType::StartPublication, b"");
    for (name, sign) in [
        ("start_publication", start),
        ("acknowledge", acknowledge(MessageType::OutputStreamData, 0)),
        ("input", input(9, "far ahead")),
    ] {
        let mut agent = agent(agent_config());
        agent.handle_message(input(1, "x"), at(0)).unwrap();
        let _ = events(&mut agent);
        agent.handle_message(pause(), at(0)).unwrap();
        assert!(agent.is_paused());
        assert_eq!(agent.write_capacity(), 0);
        // What was in hand is taken, and waits; acknowledgements and states do not.
        write(&mut agent, "a", 0);
        write(&mut agent, "b", 0);
        agent.send_session_state(SessionState::Terminating, "s", at(0));
        assert_eq!(drain(&mut agent, 0), ["agent_session_state", "acknowledge 1"]);
        assert_eq!(agent.poll_timeout(), None);
        agent.handle_message(sign, at(1)).unwrap();
        assert!(!agent.is_paused(), "{name}");
        assert_eq!(drain(&mut agent, 1), [r#"output 2 "a""#, r#"output 3 "b""#], "{name}");
    }
    let mut agent = agent(agent_config());
    agent.handle_message(pause(), at(0)).unwrap();
    agent.handle_connected(at(1));
    assert!(!agent.is_paused(), "a new socket");
    let mut client = client();
    client.handle_message(pause(), at(0)).unwrap();
    assert!(!client.is_paused(), "clients are not paused");
}

#[test]
fn the_defaults_are_those_of_the_design() {
    let config = agent_config();
    assert_eq!((config.max_payload, config.send_window_bytes), (SENT_PAYLOAD_BYTES, 4 * 1024 * 1024));
    assert_eq!(config.handshake_timeout, Duration::from_secs(15));
}

#[test]
fn nothing_that_was_typed_or_printed_shows_in_debug_output() {
    let mut agent = agent(agent_config());
    write(&mut agent, "hunter2", 0);
    agent.handle_message(input(1, "hunter2"), at(0)).unwrap();
    agent.handle_message(input(3, "hunter2"), at(0)).unwrap();
    let debug = format!("{agent:?}");
    let event = agent.poll_event(at(0)).unwrap();
    let hidden = |text: &str| !text.contains("hunter2") && !text.contains("104, 117, 110");
    assert!(hidden(&debug) && hidden(&format!("{event:?}")), "{debug}");
}

#[test]
fn what_a_lost_socket_was_given_has_not_left() {
    let mut agent = agent(agent_config());
    drain(&mut agent, 0);
    for number in 0..2 {
        agent.handle_message(acknowledge(MessageType::OutputStreamData, number), at(0)).unwrap();
    }
    assert!(agent.is_drained() && !agent.has_unsent());
    agent.write(PayloadType::OUTPUT, Bytes::from_static(b"x"), at(0)).unwrap();
    assert!(agent.has_unsent());
    drain(&mut agent, 0);
    assert!(!agent.has_unsent(), "the service may have it");
    agent.handle_disconnected(at(0));
    assert!(agent.has_unsent(), "or its socket has swallowed it");
    agent.handle_connected(at(0));
    assert!(agent.has_unsent());
    drain(&mut agent, 0);
    assert!(!agent.has_unsent());
}

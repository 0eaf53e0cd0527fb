//! What one end makes of what comes.

use super::*;

#[test]
fn data_is_acknowledged_when_it_is_taken_and_again_when_it_is_repeated() {
    let mut agent = agent(agent_config());
    agent.handle_message(input(1, "x"), at(1)).unwrap();
    assert_eq!(drain(&mut agent, 1), [""; 0]);
    agent.handle_message(input(1, "x"), at(1)).unwrap();
    assert_eq!(drain(&mut agent, 1), [""; 0], "a repetition of what was not taken");
    assert_eq!(events(&mut agent), [data("x")]);
    assert_eq!(drain(&mut agent, 1), ["acknowledge 1"]);
    agent.handle_message(input(1, "x"), at(2)).unwrap();
    assert_eq!(events(&mut agent), []);
    assert_eq!(drain(&mut agent, 2), ["acknowledge 1"]);
}

#[test]
fn order_is_restored() {
    let mut agent = agent(agent_config());
    for number in [3, 2, 5, 3] {
        agent.handle_message(input(number, &number.to_string()), at(1)).unwrap();
    }
    assert_eq!(events(&mut agent), []);
    agent.handle_message(input(1, "1"), at(1)).unwrap();
    assert_eq!(events(&mut agent), [data("1"), data("2"), data("3")]);
    assert_eq!(drain(&mut agent, 1), ["acknowledge 1", "acknowledge 2", "acknowledge 3"]);
    agent.handle_message(input(4, "4"), at(1)).unwrap();
    assert_eq!(events(&mut agent), [data("4"), data("5")]);
}

#[test]
fn what_exceeds_the_window_is_dropped_and_welcome_later() {
    let mut agent = agent(Config { receive_window_bytes: 1000, ..agent_config() });
    let big = "x".repeat(400);
    agent.handle_message(input(2, &big), at(1)).unwrap();
    agent.handle_message(input(1, &big), at(1)).unwrap();
    assert!(agent.receive_backlog_bytes() <= 1000 + 256);
    agent.handle_message(input(3, &big), at(1)).unwrap();
    let taken = events(&mut agent).len();
    assert!(taken < 3);
    for number in 1..=3 {
        agent.handle_message(input(number, &big), at(2)).unwrap();
        let _ = events(&mut agent);
    }
    agent.handle_message(input(3, &big), at(2)).unwrap();
    assert!(drain(&mut agent, 2).contains(&"acknowledge 3".to_owned()));
    // What came early gives way to what it waits for, and is no reason not to read the socket.
    assert_eq!(agent.receive_backlog_bytes(), 0);
    agent.handle_message(input(6, &big), at(3)).unwrap();
    assert_eq!(agent.receive_backlog_bytes(), 0);
    agent.handle_message(input(5, &big), at(3)).unwrap();
    agent.handle_message(input(4, &"y".repeat(900)), at(3)).unwrap();
    assert_eq!(events(&mut agent), [data(&"y".repeat(900))]);
    // One message larger than the window is taken when nothing else is there.
    agent.handle_message(input(5, &"z".repeat(5000)), at(4)).unwrap();
    assert_eq!(events(&mut agent), [data(&"z".repeat(5000))]);
}

#[test]
fn bad_messages_are_dropped_one_by_one() {
    let mut agent = agent(agent_config());
    write(&mut agent, "x", 0);
    let unexpected = |message_type| Err(PeerError::Unexpected { message_type });
    let number = |sequence_number| Err(PeerError::SequenceNumber { sequence_number });
    let telemetry: MessageType = "agent_telemetry".parse().unwrap();
    for (message, expected) in [
        (output(0, "x"), unexpected(MessageType::OutputStreamData)),
        (plain(telemetry, b"{}"), unexpected(telemetry)),
        (input(-1, "x"), number(-1)),
        (input(i64::MAX, "x"), number(i64::MAX)),
        (input(200_001, "x"), number(200_001)),
        (acknowledge(MessageType::OutputStreamData, 2), number(2)), // written, not sent
        (acknowledge(MessageType::OutputStreamData, 99), number(99)),
        (acknowledge(MessageType::OutputStreamData, -1), number(-1)),
        (acknowledge(MessageType::OutputStreamData, 0), Ok(())), // again
    ] {
        assert_eq!(agent.handle_message(message, at(1)), expected);
    }
    assert!(matches!(agent.handle_message(Bytes::from_static(b"{}"), at(1)), Err(PeerError::Frame(_))));
    let rubbish = stream(MessageType::InputStreamData, 1, PayloadType::HANDSHAKE_RESPONSE, b"rubbish");
    assert!(matches!(agent.handle_message(rubbish, at(1)), Err(PeerError::Payload(_))));
    assert_eq!(drain(&mut agent, 1), [r#"output 2 "x""#]);
    agent.handle_message(input(1, "fine"), at(1)).unwrap();
    assert_eq!(events(&mut agent), [data("fine")]);
}

#[test]
fn a_wrong_digest_matters_to_the_client_alone() {
    let spoil = |message: Bytes| {
        let mut bytes = message.to_vec();
        bytes[80] ^= 1;
        Bytes::from(bytes)
    };
    assert!(matches!(client().handle_message(spoil(output(0, "x")), at(0)), Err(PeerError::Frame(_))));
    let mut agent = agent(agent_config());
    agent.handle_message(spoil(input(1, "x")), at(0)).unwrap();
    assert_eq!(events(&mut agent), [data("x")]);
}

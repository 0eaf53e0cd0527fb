//! The handshake, its deadline, and peers that do without.

use super::*;

#[test]
fn input_before_the_end_of_the_handshake_is_kept() {
    let mut agent = DataChannel::new(agent_config());
    agent.handle_connected(at(0));
    agent.request_handshake(HandshakeRequest::default(), at(0));
    agent.handle_message(input(0, "early"), at(0)).unwrap();
    assert_eq!(events(&mut agent), []);
    assert_eq!(drain(&mut agent, 0), ["output 0 HandshakeRequest"]);
    let response = HandshakeResponse::default().encode();
    let response = stream(MessageType::InputStreamData, 1, PayloadType::HANDSHAKE_RESPONSE, &response);
    agent.handle_message(response, at(0)).unwrap();
    assert!(matches!(events(&mut agent)[..], [Event::HandshakeResponse(_)]));
    assert_eq!(drain(&mut agent, 0), ["acknowledge 1"]);
    agent.complete_handshake(HandshakeComplete::default(), at(0));
    assert_eq!(events(&mut agent), [data("early")]);
    assert_eq!(drain(&mut agent, 0), ["acknowledge 0", "output 1 HandshakeComplete"]);
}

#[test]
fn the_handshake_has_a_deadline_that_is_told_once() {
    let mut agent = DataChannel::new(agent_config());
    agent.request_handshake(HandshakeRequest::default(), at(SECONDS));
    assert_eq!(agent.poll_timeout().map(micros_of), Some(16 * SECONDS));
    agent.handle_timeout(at(16 * SECONDS - 1));
    assert_eq!(events(&mut agent), []);
    agent.handle_timeout(at(16 * SECONDS));
    assert_eq!(events(&mut agent), [Event::HandshakeTimedOut]);
    agent.handle_timeout(at(17 * SECONDS));
    assert_eq!((events(&mut agent), agent.poll_timeout()), (vec![], None));
}

#[test]
fn a_client_that_speaks_instead_of_answering_gets_its_session() {
    let mut agent = DataChannel::new(agent_config());
    agent.handle_connected(at(0));
    agent.request_handshake(HandshakeRequest::default(), at(0));
    let _ = drain(&mut agent, 0);
    agent.handle_message(input(0, "size"), at(1)).unwrap();
    assert_eq!(agent.poll_timeout().map(micros_of), Some(200 * MILLIS), "the request is resent as ever");
    agent.handle_timeout(at(500 * MILLIS));
    assert_eq!(events(&mut agent), []);
    agent.handle_timeout(at(501 * MILLIS));
    assert_eq!(events(&mut agent), [Event::HandshakeIgnored, data("size")]);
    assert!(agent.write_capacity() > 0);
}

#[test]
fn a_second_answer_is_acknowledged_and_forgotten() {
    let mut agent = agent(agent_config());
    let response = HandshakeResponse::default().encode();
    let again = stream(MessageType::InputStreamData, 1, PayloadType::HANDSHAKE_RESPONSE, &response);
    agent.handle_message(again, at(1)).unwrap();
    assert_eq!(events(&mut agent), []);
    assert_eq!(drain(&mut agent, 1), ["acknowledge 1"]);
    assert!(agent.write_capacity() > 0);
}

#[test]
fn a_client_answers_the_handshake_and_writes_after_its_end() {
    let mut client = client();
    let request = HandshakeRequest { agent_version: "3.4.1.0".to_owned(), ..HandshakeRequest::default() };
    let asked = stream(MessageType::OutputStreamData, 0, PayloadType::HANDSHAKE_REQUEST, &request.encode());
    client.handle_message(asked, at(0)).unwrap();
    assert_eq!(events(&mut client), [Event::HandshakeRequest(request)]);
    assert_eq!(client.write_capacity(), 0);
    let early = client.write(PayloadType::SIZE, Bytes::from_static(b"{}"), at(0));
    assert_eq!(early, Err(WriteError::HandshakePending));
    client.respond_handshake(HandshakeResponse::default(), at(0));
    assert_eq!(drain(&mut client, 0), ["acknowledge 0", "input 0 HandshakeResponse"]);
    let complete = HandshakeComplete::default();
    let done = stream(MessageType::OutputStreamData, 1, PayloadType::HANDSHAKE_COMPLETE, &complete.encode());
    client.handle_message(output(2, "$ "), at(1)).unwrap();
    client.handle_message(done, at(1)).unwrap();
    assert_eq!(events(&mut client), [Event::HandshakeComplete(complete), data("$ ")]);
    write(&mut client, "ls\n", 1);
    assert_eq!(drain(&mut client, 1), ["acknowledge 1", "acknowledge 2", "input 1 \"ls\\n\""]);
}

#[test]
fn a_stock_shell_begins_with_its_first_output() {
    let mut client = client();
    assert_eq!(client.write_capacity(), 0);
    client.handle_message(output(0, "$ "), at(0)).unwrap();
    assert_eq!(events(&mut client), [Event::SessionTypeAssumed, data("$ ")]);
    assert!(client.write_capacity() > 0);
    // The single LF stays what it is.
    write(&mut client, "\n", 0);
    assert_eq!(drain(&mut client, 0), ["acknowledge 0", "input 0 \"\\n\""]);
}

#[test]
fn challenges_do_not_wait_for_the_end_of_the_handshake() {
    let mut client = client();
    let request = HandshakeRequest::default();
    for (number, payload_type, payload) in [
        (0, PayloadType::HANDSHAKE_REQUEST, request.encode()),
        (1, PayloadType::ENC_CHALLENGE_REQUEST, Bytes::from_static(b"{}")),
    ] {
        client.handle_message(stream(MessageType::OutputStreamData, number, payload_type, &payload), at(0)).unwrap();
    }
    let challenge =
        Event::Data { payload_type: PayloadType::ENC_CHALLENGE_REQUEST, payload: Bytes::from_static(b"{}") };
    assert_eq!(events(&mut client), [Event::HandshakeRequest(request), challenge]);
    client.write(PayloadType::ENC_CHALLENGE_RESPONSE, Bytes::from_static(b"{}"), at(0)).unwrap();
}

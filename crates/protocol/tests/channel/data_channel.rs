//! One end of a data channel, rule by rule.

use std::time::Duration;

use bytes::Bytes;
use postern_protocol::channel::PeerError;
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role, WriteError};
use postern_protocol::wire::payload::{
    ChannelClosed, EndingCause, HandshakeComplete, HandshakeRequest, HandshakeResponse, JsonPayload, SessionEnding,
    SessionState,
};
use postern_protocol::wire::{Flags, MessageType, PayloadType};

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
fn the_oldest_message_is_resent_with_growing_patience() {
    let mut agent = agent(agent_config());
    write(&mut agent, "a", 0);
    write(&mut agent, "b", 0);
    let _ = drain(&mut agent, 0);
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..6 {
        let due = micros_of(agent.poll_timeout().unwrap());
        agent.handle_timeout(at(due - 1));
        assert_eq!(drain(&mut agent, due - 1), [""; 0]);
        agent.handle_timeout(at(due));
        assert_eq!(agent.poll_timeout(), None, "it waits for the socket now");
        assert_eq!(drain(&mut agent, due), [r#"output 2 "a""#]);
        waits.push((due - now) / MILLIS);
        now = due;
    }
    // The handshake was acknowledged in no time, which the estimator does not quite believe.
    assert_eq!(waits, [239, 478, 956, 1912, 2000, 2000]);
}

#[test]
fn acknowledged_bursts_follow_a_timeout() {
    let mut agent = agent(agent_config());
    for _ in 0..40 {
        write(&mut agent, "x", 0);
    }
    assert_eq!(drain(&mut agent, 0).len(), 40);
    agent.handle_timeout(at(SECONDS));
    let mut bursts = Vec::new();
    let mut next = 2;
    loop {
        let sent = drain(&mut agent, SECONDS);
        if sent.is_empty() {
            break;
        }
        bursts.push(sent.len());
        for _ in sent {
            agent.handle_message(acknowledge(MessageType::OutputStreamData, next), at(SECONDS)).unwrap();
            next += 1;
        }
    }
    assert_eq!(bursts, [1, 2, 4, 8, 16, 9]);
    assert!(agent.is_drained());
    assert_eq!(agent.poll_timeout(), None);
}

#[test]
fn three_later_acknowledgements_prove_a_loss() {
    let mut agent = agent(agent_config());
    for _ in 0..8 {
        write(&mut agent, "x", 0);
    }
    let _ = drain(&mut agent, 0);
    for number in [4, 5] {
        agent.handle_message(acknowledge(MessageType::OutputStreamData, number), at(MILLIS)).unwrap();
        assert_eq!(drain(&mut agent, MILLIS), [""; 0]);
    }
    agent.handle_message(acknowledge(MessageType::OutputStreamData, 6), at(MILLIS)).unwrap();
    assert_eq!(drain(&mut agent, MILLIS), [r#"output 2 "x""#, r#"output 3 "x""#]);
    agent.handle_message(acknowledge(MessageType::OutputStreamData, 7), at(MILLIS)).unwrap();
    assert_eq!(drain(&mut agent, MILLIS), [""; 0], "once");
}

#[test]
fn a_slow_reader_causes_no_storm() {
    // 128 messages in a long queue, one acknowledged every second.
    let mut agent = agent(agent_config());
    for _ in 0..128 {
        write(&mut agent, "x", 0);
    }
    let mut sent = drain(&mut agent, 0).len();
    for number in 2..62_u32 {
        let end = u64::from(number) * SECONDS;
        while let Some(due) = agent.poll_timeout().map(micros_of).filter(|due| *due < end) {
            agent.handle_timeout(at(due));
            sent += drain(&mut agent, due).len();
        }
        agent.handle_message(acknowledge(MessageType::OutputStreamData, number.into()), at(end)).unwrap();
        sent += drain(&mut agent, end).len();
    }
    assert!(sent <= 128 + 60 * 4, "{sent} messages were sent in a minute");
}

#[test]
fn a_client_is_told_of_the_end_after_everything_else_and_an_agent_at_once() {
    let closed = ChannelClosed { output: "Terminated".to_owned(), ..ChannelClosed::default() };
    let message = || plain(MessageType::ChannelClosed, &closed.encode());
    let mut client = client();
    client.handle_message(output(0, "bye"), at(0)).unwrap();
    client.handle_message(message(), at(0)).unwrap();
    let end = Event::ChannelClosed(closed.clone());
    assert_eq!(events(&mut client), [Event::SessionTypeAssumed, data("bye"), end.clone()]);
    assert_eq!(drain(&mut client, 0), ["acknowledge 0"]);
    assert_eq!(client.write(PayloadType::OUTPUT, Bytes::from_static(b"x"), at(0)), Err(WriteError::Closed));

    let mut agent = agent(agent_config());
    agent.handle_message(input(1, "x"), at(0)).unwrap();
    agent.handle_message(message(), at(0)).unwrap();
    agent.handle_message(message(), at(0)).unwrap();
    assert_eq!(events(&mut agent), [end]);
    assert_eq!((agent.poll_timeout(), agent.write_capacity()), (None, 0));
}

#[test]
fn a_client_is_told_of_a_limit_before_the_data_that_waits_and_an_agent_never_is() {
    let ending = |left_seconds| SessionEnding { cause: EndingCause::Idle, limit_seconds: 1200, left_seconds };
    let message = |left_seconds| plain(MessageType::SessionEnding, &ending(left_seconds).encode());
    let mut client = client();
    client.handle_message(output(0, "x"), at(0)).unwrap();
    client.handle_message(message(60), at(0)).unwrap();
    client.handle_message(message(30), at(0)).unwrap();
    let told = [Event::SessionEnding(ending(30)), Event::SessionTypeAssumed, data("x")];
    assert_eq!(events(&mut client), told, "the newest counts");
    let later = plain(MessageType::SessionEnding, br#"{"Cause":"Budget","LeftSeconds":5}"#);
    client.handle_message(later, at(0)).unwrap();
    let of_a_later_service = SessionEnding { cause: EndingCause::Other, limit_seconds: 0, left_seconds: 5 };
    assert_eq!(events(&mut client), [Event::SessionEnding(of_a_later_service)]);
    let of_max = SessionEnding { cause: EndingCause::MaxDuration, ..ending(20) };
    client.handle_message(message(30), at(0)).unwrap();
    client.handle_message(plain(MessageType::SessionEnding, &of_max.encode()), at(0)).unwrap();
    client.handle_message(message(29), at(0)).unwrap();
    let told = [of_max, ending(29)].map(Event::SessionEnding);
    assert_eq!(events(&mut client), told, "one of each limit");
    let unreadable = plain(MessageType::SessionEnding, br#"{"LeftSeconds":-1}"#);
    assert!(matches!(client.handle_message(unreadable, at(0)), Err(PeerError::Payload(_))));
    let mut agent = agent(agent_config());
    let unexpected = PeerError::Unexpected { message_type: MessageType::SessionEnding };
    assert_eq!(agent.handle_message(message(60), at(0)), Err(unexpected));
    assert_eq!((events(&mut client), events(&mut agent)), (vec![], vec![]));
}

#[test]
fn an_unreadable_end_is_one_for_the_client_only() {
    let message = || plain(MessageType::ChannelClosed, br#"{"SchemaVersion":"1"}"#);
    let mut client = client();
    client.handle_message(message(), at(0)).unwrap();
    assert_eq!(events(&mut client), [Event::ChannelClosed(ChannelClosed::default())]);
    let mut agent = agent(agent_config());
    assert!(matches!(agent.handle_message(message(), at(0)), Err(PeerError::Payload(_))));
    assert_eq!(events(&mut agent), []);
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

#[test]
fn the_defaults_are_those_of_the_design() {
    let config = agent_config();
    assert_eq!((config.max_payload, config.send_window_bytes), (32 * 1024, 4 * 1024 * 1024));
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

//! What is told of the end, and of limits before it.

use super::*;

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

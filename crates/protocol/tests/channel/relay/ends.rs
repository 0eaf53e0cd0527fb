//! How a session ends, what its supervisor hears, and what is known to be missing.

use postern_protocol::channel::relay::{Delivery, Relay, RelayConfig, RelayEvent, Side};
use postern_protocol::wire::payload::{ChannelClosed, StreamFlag};
use postern_protocol::wire::{MessageType, PayloadType};

use super::{
    NOTHING, OURS, STOCK, config, events, fill, give, give_acknowledgement, give_outputs, outputs, relay, take,
};
use crate::support::{at, input, output, plain, stream};

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

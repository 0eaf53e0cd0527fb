//! Cumulative acknowledgements, rule by rule: who sends them, what they are worth, and what the relay makes of them.

use bytes::Bytes;
use postern_protocol::channel::PeerError;
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role};
use postern_protocol::channel::relay::{Leg, Relay, RelayConfig, Side};
use postern_protocol::wire::payload::{
    AgentOffer, ChannelOffer, ClientOffer, HandshakeComplete, HandshakeRequest, HandshakeResponse, JsonPayload,
};
use postern_protocol::wire::{MessageType, PayloadType, SENT_PAYLOAD_BYTES};

use crate::support::{MILLIS, SECONDS, acknowledge, acknowledge_up_to, at, input, output, show, stream};

const OURS: Leg = Leg { ours: true, version: None, takes_warnings: false };
const STOCK: Leg = Leg { ours: false, version: None, takes_warnings: false };
const NOTHING: [&str; 0] = [];

/// An agent that has heard the client's answer and has sent two messages, with what it sent since.
fn agent(offers: bool, client_offers: bool) -> (DataChannel, Vec<String>) {
    let mut agent = DataChannel::new(Config::new(Role::Agent, 1));
    agent.handle_connected(at(0));
    let offer = AgentOffer {
        version: 1,
        channel: ChannelOffer { cumulative_acknowledgements: offers, ..ChannelOffer::default() },
        ..AgentOffer::default()
    };
    agent.request_handshake(HandshakeRequest { postern: Some(offer), ..HandshakeRequest::default() }, at(0));
    let offer = ClientOffer {
        version: 1,
        channel: ChannelOffer { cumulative_acknowledgements: client_offers, ..ChannelOffer::default() },
        ..ClientOffer::default()
    };
    let response = HandshakeResponse { postern: Some(offer), ..HandshakeResponse::default() }.encode();
    give(&mut agent, stream(MessageType::InputStreamData, 0, PayloadType::HANDSHAKE_RESPONSE, &response), 0);
    assert!(matches!(agent.poll_event(at(0)), Some(Event::HandshakeResponse(_))));
    agent.complete_handshake(HandshakeComplete::default(), at(0));
    let sent = drain(&mut agent, 0);
    (agent, sent)
}

fn give(channel: &mut DataChannel, message: Bytes, micros: u64) {
    channel.handle_message(message, at(micros)).unwrap();
}

fn drain(channel: &mut DataChannel, micros: u64) -> Vec<String> {
    std::iter::from_fn(|| channel.poll_transmit(at(micros))).map(|message| show(&message)).collect()
}

fn take(channel: &mut DataChannel, count: usize) {
    for _ in 0..count {
        assert!(matches!(channel.poll_event(at(0)), Some(Event::Data { .. })));
    }
}

fn up_to(number: i64) -> Bytes {
    acknowledge_up_to(MessageType::OutputStreamData, number)
}

/// Numbers of the stream messages among what was sent.
fn numbers(sent: &[String]) -> Vec<i64> {
    let number = |text: &String| text.strip_prefix("output ")?.split(' ').next()?.parse().ok();
    sent.iter().filter_map(number).collect()
}

#[test]
fn they_are_sent_when_both_have_said_so() {
    for (offers, client_offers, acknowledged) in [
        (true, true, "acknowledge up to 1"),
        (true, false, "acknowledge 1"),
        (false, true, "acknowledge 1"),
        (false, false, "acknowledge 1"),
    ] {
        let (mut agent, sent) = agent(offers, client_offers);
        assert_eq!(sent.first().unwrap(), "acknowledge 0", "the answer itself");
        give(&mut agent, input(1, "x"), 0);
        take(&mut agent, 1);
        assert_eq!(drain(&mut agent, 0), [acknowledged]);
    }

    let mut client = DataChannel::new(Config::new(Role::Client, 1));
    client.handle_connected(at(0));
    let offer = AgentOffer {
        version: 1,
        channel: ChannelOffer { cumulative_acknowledgements: true, ..ChannelOffer::default() },
        ..AgentOffer::default()
    };
    let request = HandshakeRequest { postern: Some(offer), ..HandshakeRequest::default() }.encode();
    give(&mut client, stream(MessageType::OutputStreamData, 0, PayloadType::HANDSHAKE_REQUEST, &request), 0);
    assert!(matches!(client.poll_event(at(0)), Some(Event::HandshakeRequest(_))));
    // The agent does not know yet that the client understands.
    assert_eq!(drain(&mut client, 0), ["acknowledge 0"]);
    let offer = ClientOffer {
        version: 1,
        channel: ChannelOffer { cumulative_acknowledgements: true, ..ChannelOffer::default() },
        ..ClientOffer::default()
    };
    client.respond_handshake(HandshakeResponse { postern: Some(offer), ..HandshakeResponse::default() }, at(0));
    let complete = HandshakeComplete::default().encode();
    give(&mut client, stream(MessageType::OutputStreamData, 1, PayloadType::HANDSHAKE_COMPLETE, &complete), 0);
    assert!(matches!(client.poll_event(at(0)), Some(Event::HandshakeComplete(_))));
    assert_eq!(drain(&mut client, 0), ["acknowledge up to 1", "input 0 HandshakeResponse"]);
}

#[test]
fn one_is_owed_for_all_that_was_taken() {
    let (mut agent, _) = agent(true, true);
    for number in 1..6 {
        give(&mut agent, input(number, "x"), 0);
    }
    assert_eq!(drain(&mut agent, 0), NOTHING, "nothing was taken");
    take(&mut agent, 3);
    assert!(agent.has_transmit());
    assert_eq!(drain(&mut agent, 0), ["acknowledge up to 3"]);
    assert!(!agent.has_transmit());
    // Repetitions: of what was taken, of what waits, of both.
    give(&mut agent, input(1, "x"), 0);
    give(&mut agent, input(2, "x"), 0);
    assert_eq!(drain(&mut agent, 0), ["acknowledge up to 3"]);
    give(&mut agent, input(5, "x"), 0);
    assert_eq!(drain(&mut agent, 0), NOTHING);
    // What came too early is not counted before its turn.
    give(&mut agent, input(7, "x"), 0);
    take(&mut agent, 2);
    assert_eq!(drain(&mut agent, 0), ["acknowledge up to 5"]);
    give(&mut agent, input(6, "x"), 0);
    take(&mut agent, 2);
    assert_eq!(drain(&mut agent, 0), ["acknowledge up to 7"]);
}

#[test]
fn one_is_owed_for_a_burst_of_large_messages() {
    let (mut agent, _) = agent(true, true);
    give(&mut agent, up_to(1), 0);
    let large = "x".repeat(SENT_PAYLOAD_BYTES);
    let wait = 2 * MILLIS;
    for number in 1..=5 {
        give(&mut agent, input(number, &large), 0);
        take(&mut agent, 1);
        // Five of them are more than 128 KiB.
        let due: &[&str] = if number == 5 { &["acknowledge up to 5"] } else { &NOTHING };
        assert_eq!(drain(&mut agent, 0), due);
    }
    assert_eq!(agent.poll_timeout(), None);

    // A smaller one is the last of a burst.
    give(&mut agent, input(6, &large), 0);
    give(&mut agent, input(7, &large[1..]), 0);
    take(&mut agent, 1);
    assert_eq!(drain(&mut agent, 0), NOTHING);
    take(&mut agent, 1);
    assert_eq!(drain(&mut agent, 0), ["acknowledge up to 7"]);

    // A burst may end with a large one.
    give(&mut agent, input(8, &large), 0);
    take(&mut agent, 1);
    assert!(!agent.has_transmit());
    assert_eq!(agent.poll_timeout(), Some(at(wait).instant));
    agent.handle_timeout(at(wait - 1));
    assert_eq!(drain(&mut agent, wait - 1), NOTHING);
    agent.handle_timeout(at(wait));
    assert_eq!(drain(&mut agent, wait), ["acknowledge up to 8"]);
    assert_eq!(agent.poll_timeout(), None);
    // Whoever sends it again has not heard that.
    give(&mut agent, input(8, &large), wait);
    assert_eq!(drain(&mut agent, wait), ["acknowledge up to 8"]);
}

#[test]
fn everything_up_to_the_number_is_done_with() {
    let (mut agent, _) = agent(true, true);
    give(&mut agent, up_to(1), 0);
    assert!(agent.is_drained());
    for _ in 0..6 {
        agent.write(PayloadType::OUTPUT, Bytes::from_static(b"xx"), at(0)).unwrap();
    }
    assert_eq!(numbers(&drain(&mut agent, 0)), [2, 3, 4, 5, 6, 7]);
    give(&mut agent, up_to(4), 10);
    assert_eq!(agent.unacknowledged_bytes(), 6);
    give(&mut agent, up_to(3), 10); // Overtaken on its way: nothing new.
    // Single ones may be among them, from a relay that has lost its memory.
    give(&mut agent, acknowledge(MessageType::OutputStreamData, 6), 10);
    assert_eq!(agent.unacknowledged_bytes(), 4);
    for never_sent in [-1, 8, i64::MAX] {
        let refused = agent.handle_message(up_to(never_sent), at(10));
        assert_eq!(refused, Err(PeerError::SequenceNumber { sequence_number: never_sent }));
    }
    agent.handle_disconnected(at(20));
    agent.handle_connected(at(30));
    assert_eq!(numbers(&drain(&mut agent, 30)), [5, 7]);
    give(&mut agent, up_to(7), 40);
    assert!(agent.is_drained() && agent.poll_timeout().is_none());
}

#[test]
fn one_pays_for_a_whole_burst_after_a_timeout() {
    let (mut agent, _) = agent(true, true);
    give(&mut agent, up_to(1), 0);
    for _ in 2..40 {
        agent.write(PayloadType::OUTPUT, Bytes::from_static(b"x"), at(0)).unwrap();
    }
    assert_eq!(numbers(&drain(&mut agent, 0)).len(), 38);
    let mut now = 3 * SECONDS;
    agent.handle_timeout(at(now));
    assert_eq!(numbers(&drain(&mut agent, now)), [2], "the oldest alone");
    for (last, next) in [(2, 3..5), (4, 5..9), (8, 9..17)] {
        now += MILLIS;
        give(&mut agent, up_to(last), now);
        assert_eq!(numbers(&drain(&mut agent, now)), next.collect::<Vec<_>>());
    }
    give(&mut agent, up_to(39), now);
    assert!(agent.is_drained());
}

fn relay(config: RelayConfig, client: Leg, agent: Leg) -> Relay {
    let mut relay = Relay::new(config);
    relay.attach(Side::Client, client, at(0));
    relay.attach(Side::Agent, agent, at(0));
    relay
}

fn pass(relay: &mut Relay, from: Side, message: Bytes) {
    relay.handle_message(from, message, at(0)).unwrap();
}

fn pass_outputs(relay: &mut Relay, numbers: std::ops::Range<i64>) {
    for number in numbers {
        pass(relay, Side::Agent, output(number, "x"));
    }
}

fn transmitted(relay: &mut Relay, to: Side) -> Vec<String> {
    std::iter::from_fn(|| relay.poll_transmit(to, at(0))).map(|message| show(&message)).collect()
}

#[test]
fn the_relay_passes_them_as_they_are_and_frees_what_they_cover() {
    let mut relay = relay(RelayConfig::new(1), OURS, OURS);
    pass_outputs(&mut relay, 0..100);
    assert_eq!(transmitted(&mut relay, Side::Client).len(), 100);
    pass(&mut relay, Side::Client, up_to(79));
    let passed = relay.poll_transmit(Side::Agent, at(0)).unwrap();
    assert_eq!(passed, up_to(79));
    pass(&mut relay, Side::Client, up_to(79));
    pass(&mut relay, Side::Client, up_to(50));
    assert_eq!(transmitted(&mut relay, Side::Agent), NOTHING, "nothing new");
    relay.attach(Side::Client, OURS, at(0));
    assert_eq!(transmitted(&mut relay, Side::Client).len(), 20, "the rest is sent on the next leg");
    pass(&mut relay, Side::Client, up_to(99));
    assert!(relay.is_drained(Side::Client));
    assert_eq!(transmitted(&mut relay, Side::Agent), ["acknowledge up to 99"]);
    assert_eq!(relay.buffered_bytes(), 0);
}

#[test]
fn the_newest_waits_for_the_sender_and_is_said_again_on_each_of_its_legs() {
    let mut relay = relay(RelayConfig::new(1), OURS, OURS);
    pass_outputs(&mut relay, 0..600);
    let _ = transmitted(&mut relay, Side::Client);
    relay.detach(Side::Agent, at(0));
    for number in 0..600 {
        pass(&mut relay, Side::Client, up_to(number));
    }
    assert!(relay.buffered_bytes() < 512, "one is enough");
    relay.attach(Side::Agent, OURS, at(0));
    assert_eq!(transmitted(&mut relay, Side::Agent), ["acknowledge up to 599"]);
    relay.attach(Side::Agent, OURS, at(0));
    assert_eq!(transmitted(&mut relay, Side::Agent), ["acknowledge up to 599"]);
    // The sender did not hear that before it sent everything again: one answer is enough.
    pass_outputs(&mut relay, 0..600);
    assert_eq!(transmitted(&mut relay, Side::Client), NOTHING);
    assert_eq!(transmitted(&mut relay, Side::Agent), ["acknowledge up to 599"]);
}

#[test]
fn a_relay_without_memory_learns_from_one_where_the_stream_is() {
    let resumed = RelayConfig { resumed: true, ..RelayConfig::new(1) };
    let mut relay = relay(resumed, OURS, OURS);
    pass_outputs(&mut relay, 40..44);
    assert_eq!(transmitted(&mut relay, Side::Client).len(), 4);
    pass(&mut relay, Side::Client, up_to(42));
    assert_eq!(transmitted(&mut relay, Side::Agent), ["acknowledge up to 42"]);
    pass_outputs(&mut relay, 30..32);
    assert_eq!(transmitted(&mut relay, Side::Client), NOTHING, "the client has them");
    assert_eq!(transmitted(&mut relay, Side::Agent), ["acknowledge up to 42"]);
    pass(&mut relay, Side::Client, up_to(43));
    assert!(relay.is_drained(Side::Client));
}

/// Whoever sends one: it is worth what it says, to that session alone, and costs nothing.
#[test]
fn one_that_nobody_asked_for_harms_its_own_session_only() {
    for client in [OURS, STOCK] {
        let mut relay = relay(RelayConfig::new(1), client.clone(), STOCK);
        pass_outputs(&mut relay, 0..4);
        for beyond in [4, i64::MAX, -1, i64::MIN] {
            let refused = relay.handle_message(Side::Client, up_to(beyond), at(0));
            assert_eq!(refused, Err(PeerError::SequenceNumber { sequence_number: beyond }));
        }
        // It has not even been sent these; it said that it needs none of them.
        pass(&mut relay, Side::Client, up_to(3));
        assert_eq!(transmitted(&mut relay, Side::Client), NOTHING);
        assert_eq!(transmitted(&mut relay, Side::Agent), ["acknowledge up to 3"]);
        // A stock agent reads that as one of number 3, repeats the others, and is answered.
        for number in 0..3 {
            pass(&mut relay, Side::Agent, output(number, "x"));
            assert_eq!(transmitted(&mut relay, Side::Client), NOTHING);
            assert_eq!(transmitted(&mut relay, Side::Agent), [format!("acknowledge {number}")]);
        }
    }
}

//! Properties of the relay alone, whatever happens in whatever order.

use std::collections::BTreeSet;

use postern_protocol::channel::relay::{Leg, Relay, RelayConfig, Side};
use postern_protocol::wire::MessageType;
use proptest::prelude::*;

use crate::support::{MILLIS, acknowledge, acknowledge_up_to, at, output, show};

#[derive(Clone, Copy, Debug)]
enum Act {
    /// The agent sends a message, new or again.
    Send(i64),
    /// The client acknowledges one of those that it was sent.
    Acknowledge(usize),
    /// It acknowledges all up to that one, if it was sent all of them.
    AcknowledgeUpTo(usize),
    AttachClient,
    DetachClient,
    AttachAgent,
    DetachAgent,
    Wait(u64),
    Pong,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..30i64).prop_map(Act::Send),
        4 => (0..30usize).prop_map(Act::Acknowledge),
        2 => (0..30usize).prop_map(Act::AcknowledgeUpTo),
        1 => Just(Act::AttachClient),
        1 => Just(Act::DetachClient),
        1 => Just(Act::AttachAgent),
        1 => Just(Act::DetachAgent),
        1 => (0..1500u64).prop_map(Act::Wait),
        1 => Just(Act::Pong),
    ];
    prop::collection::vec(act, 0..120)
}

/// What both ends have seen.
#[derive(Default)]
struct World {
    sent: BTreeSet<i64>,
    /// What the client got on its present leg, in order.
    got: Vec<i64>,
    ever_got: BTreeSet<i64>,
    acknowledged: BTreeSet<i64>,
    /// What the acknowledgements say that reached the agent.
    heard: BTreeSet<i64>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// To the agent nothing is acknowledged that the client has not acknowledged, and everything
    /// that it has, arrives; to the client nothing is sent out of order.
    #[test]
    fn acknowledgements_are_the_clients(acts in acts(), ours in any::<bool>(), resumed in any::<bool>()) {
        let mut relay = Relay::new(RelayConfig { resumed, ..RelayConfig::new(1) });
        let mut world = World::default();
        let mut now = 0;
        let (mut client, mut agent) = (false, false);
        // A stock client is answered for when it is silent; that is tested elsewhere.
        let leg = |ours| Leg { ours, version: None, takes_warnings: false };
        for act in acts.into_iter().chain([Act::AttachAgent, Act::AttachClient, Act::AttachAgent]) {
            match act {
                Act::Send(number) if agent => {
                    world.sent.insert(number);
                    relay.handle_message(Side::Agent, output(number, "x"), at(now)).unwrap();
                }
                Act::Acknowledge(index) if client && index < world.got.len() => {
                    let number = world.got[index];
                    world.acknowledged.insert(number);
                    let message = acknowledge(MessageType::OutputStreamData, number);
                    relay.handle_message(Side::Client, message, at(now)).unwrap();
                }
                Act::AcknowledgeUpTo(index) if client && index < world.got.len() => {
                    let number = world.got[index];
                    if (0..=number).all(|number| world.ever_got.contains(&number)) {
                        world.acknowledged.extend(0..=number);
                        let message = acknowledge_up_to(MessageType::OutputStreamData, number);
                        relay.handle_message(Side::Client, message, at(now)).unwrap();
                    }
                }
                Act::AttachClient => {
                    relay.attach(Side::Client, leg(true), at(now));
                    world.got.clear();
                    client = true;
                }
                Act::DetachClient => {
                    relay.detach(Side::Client, at(now));
                    client = false;
                }
                Act::AttachAgent => {
                    relay.attach(Side::Agent, leg(ours), at(now));
                    agent = true;
                }
                Act::DetachAgent => {
                    relay.detach(Side::Agent, at(now));
                    agent = false;
                }
                Act::Wait(millis) => {
                    now += millis * MILLIS;
                    relay.handle_timeout(at(now));
                }
                Act::Pong => relay.handle_pong(Side::Client, at(now)),
                Act::Send(_) | Act::Acknowledge(_) | Act::AcknowledgeUpTo(_) => {}
            }
            while let Some(message) = relay.poll_transmit(Side::Client, at(now)) {
                let text = show(&message);
                let number: i64 = text.split(' ').nth(1).unwrap().parse().unwrap();
                prop_assert!(world.sent.contains(&number), "{text}");
                prop_assert!(!world.acknowledged.contains(&number), "{text} after its acknowledgement");
                world.got.push(number);
                world.ever_got.insert(number);
            }
            while let Some(message) = relay.poll_transmit(Side::Agent, at(now)) {
                let text = show(&message);
                if let Some(number) = text.strip_prefix("acknowledge up to ") {
                    world.heard.extend(0..=number.parse().unwrap());
                } else if let Some(number) = text.strip_prefix("acknowledge ") {
                    world.heard.insert(number.parse().unwrap());
                }
            }
            prop_assert!(world.heard.is_subset(&world.acknowledged));
        }
        prop_assert_eq!(&world.heard, &world.acknowledged, "all of them arrive in the end");
        prop_assert_eq!(&world.ever_got, &world.sent, "and all messages");
    }

    /// A stock client never sees a number before the one in front of it.
    #[test]
    fn stock_clients_see_the_stream_in_order(numbers in prop::collection::vec(0..20i64, 0..80)) {
        let mut relay = Relay::new(RelayConfig::new(1));
        relay.attach(Side::Agent, Leg::default(), at(0));
        relay.attach(Side::Client, Leg::default(), at(0));
        let mut next = 0;
        for number in numbers {
            relay.handle_message(Side::Agent, output(number, "x"), at(0)).unwrap();
            while let Some(message) = relay.poll_transmit(Side::Client, at(0)) {
                prop_assert_eq!(show(&message), format!(r#"output {next} "x""#));
                next += 1;
            }
        }
    }
}

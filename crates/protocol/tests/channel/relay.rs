//! The relay, rule by rule.

mod bounds;
mod ends;
mod handshakes;
mod passing;
mod silence;
mod warnings;

use bytes::Bytes;
use postern_protocol::channel::relay::{Leg, Relay, RelayConfig, RelayEvent, Side};
use postern_protocol::wire::MessageType;

use crate::support::{acknowledge, at, input, output, show};

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

fn fill(relay: &mut Relay, from: Side, number: &mut i64, payload: &str) {
    while relay.wants_read(from) {
        let message = if from == Side::Agent { output(*number, payload) } else { input(*number, payload) };
        give(relay, from, message, 0);
        *number += 1;
    }
}

const NOTHING: [&str; 0] = [];

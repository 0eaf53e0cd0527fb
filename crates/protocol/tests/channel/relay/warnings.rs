//! Warnings before a limit.

use std::time::Duration;

use postern_protocol::channel::relay::{Ending, Leg, Relay, Side};
use postern_protocol::wire::MessageType;
use postern_protocol::wire::payload::{ChannelClosed, EndingCause, JsonPayload, SessionEnding};

use super::{NOTHING, OURS, STOCK, config, give, give_outputs, outputs, relay, take};
use crate::support::{SECONDS, at, decode, input, output};

/// Our client, which takes warnings.
const WARNED: Leg = Leg { ours: true, version: None, takes_warnings: true };

/// The next message for the client, which is a warning.
fn warned(relay: &mut Relay, micros: u64) -> SessionEnding {
    let frame = decode(&relay.poll_transmit(Side::Client, at(micros)).unwrap());
    assert_eq!(frame.message_type, MessageType::SessionEnding);
    SessionEnding::decode(&frame.payload).unwrap()
}

fn ending(cause: EndingCause, second: u64) -> Ending {
    Ending { cause, limit: Duration::from_secs(1200), at: at(second * SECONDS).instant }
}

#[test]
fn a_client_that_takes_warnings_is_told_before_all_that_waits_and_no_other_is() {
    for (client, told) in [(WARNED, true), (OURS, false), (STOCK, false)] {
        let mut relay = relay(config(), client.clone(), OURS);
        give_outputs(&mut relay, 0..2, 0);
        relay.warn(ending(EndingCause::MaxDuration, 60));
        if told {
            let first = SessionEnding { cause: EndingCause::MaxDuration, limit_seconds: 1200, left_seconds: 60 };
            assert_eq!(warned(&mut relay, 0), first);
        }
        let expected = outputs(0..2);
        assert_eq!(take(&mut relay, Side::Client, 0), expected);
        relay.attach(Side::Client, client, at(SECONDS));
        assert_eq!(take(&mut relay, Side::Client, SECONDS), outputs(0..2), "it is said once");
        assert_eq!(take(&mut relay, Side::Agent, SECONDS), NOTHING);
    }
}

#[test]
fn a_warning_waits_for_a_client_that_is_away_as_long_as_it_is_one() {
    let mut relay = relay(config(), WARNED, OURS);
    relay.detach(Side::Client, at(0));
    relay.warn(ending(EndingCause::Idle, 60));
    relay.attach(Side::Client, WARNED, at(45 * SECONDS));
    let left = SessionEnding { cause: EndingCause::Idle, limit_seconds: 1200, left_seconds: 15 };
    assert_eq!(warned(&mut relay, 45 * SECONDS), left);
    assert_eq!(take(&mut relay, Side::Client, 45 * SECONDS), NOTHING);

    relay.detach(Side::Client, at(46 * SECONDS));
    relay.warn(ending(EndingCause::MaxDuration, 60));
    relay.attach(Side::Client, WARNED, at(60 * SECONDS));
    assert_eq!(take(&mut relay, Side::Client, 60 * SECONDS), NOTHING, "it is past");

    relay.detach(Side::Client, at(61 * SECONDS));
    relay.warn(ending(EndingCause::Idle, 90));
    relay.warn(ending(EndingCause::MaxDuration, 90));
    relay.close(Side::Client, ChannelClosed::default(), at(62 * SECONDS));
    relay.warn(ending(EndingCause::Idle, 90));
    relay.attach(Side::Client, WARNED, at(63 * SECONDS));
    let told = take(&mut relay, Side::Client, 63 * SECONDS);
    assert!(told.len() == 1 && told[0].starts_with("channel_closed"), "the end itself says it better: {told:?}");
}

#[test]
fn data_takes_back_a_warning_of_an_idle_session_and_no_other() {
    for from in [Side::Client, Side::Agent] {
        for (cause, warns) in [(EndingCause::Idle, false), (EndingCause::MaxDuration, true)] {
            let mut relay = relay(config(), WARNED, OURS);
            relay.detach(Side::Client, at(0));
            relay.warn(ending(cause, 60));
            let data = if from == Side::Client { input(0, "x") } else { output(0, "x") };
            relay.attach(Side::Client, WARNED, at(0));
            give(&mut relay, from, data, 0);
            let told = take(&mut relay, Side::Client, 0);
            assert_eq!(told.iter().any(|message| message.starts_with("session_ending")), warns, "{from:?} {cause:?}");
        }
    }
}

#[test]
fn one_warning_does_not_make_up_for_the_other() {
    let of_max = SessionEnding { cause: EndingCause::MaxDuration, limit_seconds: 1200, left_seconds: 50 };
    let of_idle = SessionEnding { cause: EndingCause::Idle, limit_seconds: 1200, left_seconds: 60 };
    for max_first in [true, false] {
        let warn_both = |relay: &mut Relay| {
            let mut endings = [ending(EndingCause::MaxDuration, 60), ending(EndingCause::Idle, 70)];
            if !max_first {
                endings.reverse();
            }
            relay.detach(Side::Client, at(0));
            endings.into_iter().for_each(|ending| relay.warn(ending));
            relay.attach(Side::Client, WARNED, at(10 * SECONDS));
        };
        let mut relay = relay(config(), WARNED, OURS);
        warn_both(&mut relay);
        assert_eq!(
            [warned(&mut relay, 10 * SECONDS), warned(&mut relay, 10 * SECONDS)],
            [of_max.clone(), of_idle.clone()]
        );
        assert_eq!(take(&mut relay, Side::Client, 10 * SECONDS), NOTHING, "each once");

        // Somebody is at work: only the other one is worth saying.
        warn_both(&mut relay);
        give(&mut relay, Side::Client, input(0, "x"), 10 * SECONDS);
        assert_eq!(warned(&mut relay, 10 * SECONDS), of_max);
        assert_eq!(take(&mut relay, Side::Client, 10 * SECONDS), NOTHING);

        // Idle again, with another end: of one limit, the newest counts.
        relay.warn(ending(EndingCause::Idle, 80));
        relay.warn(ending(EndingCause::Idle, 70));
        assert_eq!(warned(&mut relay, 10 * SECONDS), of_idle);
        assert_eq!(take(&mut relay, Side::Client, 10 * SECONDS), NOTHING);
    }
}

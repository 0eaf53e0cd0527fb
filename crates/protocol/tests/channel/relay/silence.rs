//! Clients that say nothing about what they have.

use postern_protocol::channel::relay::{RelayEvent, Side};

use super::{NOTHING, OURS, STOCK, config, events, give_acknowledgement, give_outputs, outputs, relay, take};
use crate::support::{MILLIS, SECONDS, at, micros_of};

#[test]
fn a_stock_client_that_is_silent_about_what_it_had_is_answered_for() {
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..2, 0);
    let _ = take(&mut relay, Side::Client, 0);
    // Its acknowledgements die with its leg.
    relay.attach(Side::Client, STOCK, at(MILLIS));
    assert_eq!(take(&mut relay, Side::Client, MILLIS), outputs(0..2));
    let due = micros_of(relay.poll_timeout().unwrap());
    assert_eq!(events(&mut relay), [RelayEvent::Activity(Side::Agent)]);
    relay.handle_timeout(at(due));
    assert_eq!(events(&mut relay), [RelayEvent::WantsPing(Side::Client)]);
    // Without a pong it is only slow.
    relay.handle_timeout(at(due + 10 * SECONDS));
    assert_eq!((take(&mut relay, Side::Agent, due), events(&mut relay)), (vec![], vec![]));
    // With one, it is asked once more, for it may have been deaf.
    relay.handle_pong(Side::Client, at(due));
    assert_eq!(take(&mut relay, Side::Agent, due), NOTHING);
    assert_eq!(take(&mut relay, Side::Client, due), outputs(0..2));
    let again = micros_of(relay.poll_timeout().unwrap());
    relay.handle_timeout(at(again));
    assert_eq!(events(&mut relay), [RelayEvent::WantsPing(Side::Client)]);
    relay.handle_pong(Side::Client, at(again));
    assert_eq!(take(&mut relay, Side::Agent, again), ["acknowledge 0", "acknowledge 1"]);
    assert_eq!(events(&mut relay), [RelayEvent::OutputDrained]);

    // From then on once is enough.
    give_outputs(&mut relay, 2..3, again);
    let _ = take(&mut relay, Side::Client, again);
    relay.attach(Side::Client, STOCK, at(again));
    let _ = take(&mut relay, Side::Client, again);
    let due = again + SECONDS;
    relay.handle_timeout(at(due));
    relay.handle_pong(Side::Client, at(due));
    assert_eq!(take(&mut relay, Side::Agent, due), ["acknowledge 2"]);
}

#[test]
fn nobody_is_answered_for_who_acknowledges_again_himself() {
    let mut relay = relay(config(), OURS, STOCK);
    give_outputs(&mut relay, 0..2, 0);
    let _ = take(&mut relay, Side::Client, 0);
    relay.attach(Side::Client, OURS, at(MILLIS));
    let _ = take(&mut relay, Side::Client, MILLIS);
    for second in 1..10 {
        relay.handle_timeout(at(second * SECONDS));
        relay.handle_pong(Side::Client, at(second * SECONDS));
        let _ = take(&mut relay, Side::Client, second * SECONDS);
        assert_eq!(take(&mut relay, Side::Agent, second * SECONDS), NOTHING);
    }
}

#[test]
fn a_client_that_was_deaf_gets_everything_again_in_bursts() {
    // The basic port client drops what comes while no local connection exists, and the agent may
    // be paused by then.
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..40, 0);
    let _ = take(&mut relay, Side::Client, 0);
    relay.handle_timeout(at(SECONDS));
    relay.handle_pong(Side::Client, at(SECONDS));
    let mut bursts = Vec::new();
    let mut next = 0;
    loop {
        let burst = take(&mut relay, Side::Client, SECONDS);
        if burst.is_empty() {
            break;
        }
        assert_eq!(burst, outputs(next..next + i64::try_from(burst.len()).unwrap()));
        bursts.push(burst.len());
        for _ in burst {
            give_acknowledgement(&mut relay, Side::Client, next, SECONDS);
            next += 1;
        }
    }
    assert_eq!(next, 40, "{bursts:?}");
    assert!(bursts.len() <= 8, "{bursts:?}");
}

#[test]
fn a_repetition_while_the_ping_is_on_its_way_does_not_hide_the_silence() {
    let mut relay = relay(config(), STOCK, STOCK);
    give_outputs(&mut relay, 0..1, 0);
    let _ = take(&mut relay, Side::Client, 0);
    relay.attach(Side::Client, STOCK, at(0));
    let _ = take(&mut relay, Side::Client, 0);
    let mut answered = false;
    // The agent repeats every 200 ms, and a pong takes 350.
    let mut pong = None;
    for tick in 1..100 {
        let now = tick * 50 * MILLIS;
        relay.handle_timeout(at(now));
        if events(&mut relay).contains(&RelayEvent::WantsPing(Side::Client)) {
            pong = Some(now + 350 * MILLIS);
        }
        if pong.take_if(|pong| *pong <= now).is_some() {
            relay.handle_pong(Side::Client, at(now));
        }
        if tick % 4 == 0 {
            give_outputs(&mut relay, 0..1, now);
        }
        let _ = take(&mut relay, Side::Client, now);
        answered |= take(&mut relay, Side::Agent, now).contains(&"acknowledge 0".to_owned());
    }
    assert!(answered);
}

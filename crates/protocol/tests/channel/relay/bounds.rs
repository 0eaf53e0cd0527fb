//! Memory that is bounded, pauses, and what gives way.

use postern_protocol::channel::relay::{RelayConfig, Side};

use super::{NOTHING, OURS, STOCK, config, fill, give, give_acknowledgement, relay, take};
use crate::support::{SECONDS, at, input, micros_of, output, show};

#[test]
fn a_stock_agent_is_paused_and_paused_again_until_the_client_has_caught_up() {
    let mut relay = relay(RelayConfig { max_buffer_bytes: 64 * 1024, ..config() }, OURS, STOCK);
    let big = "y".repeat(1000);
    for number in 0..11 {
        give(&mut relay, Side::Agent, output(number, &big), 0);
    }
    let _ = take(&mut relay, Side::Client, 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["pause_publication"]);
    // Either of these ends the pause on the agent's side.
    give_acknowledgement(&mut relay, Side::Client, 0, 0);
    give(&mut relay, Side::Client, input(0, "a"), 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["acknowledge 0", r#"input 0 "a""#, "pause_publication"]);
    for number in 1..11 {
        give_acknowledgement(&mut relay, Side::Client, number, 0);
    }
    let last = take(&mut relay, Side::Agent, 0);
    assert!(!last.contains(&"pause_publication".to_owned()), "the acknowledgements let it go: {last:?}");

    // Let go by the service when nothing else does it.
    for number in 11..30 {
        give(&mut relay, Side::Agent, output(number, &big), 0);
    }
    let _ = take(&mut relay, Side::Client, 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["pause_publication"]);
    relay.detach(Side::Agent, at(1));
    for number in 11..30 {
        give_acknowledgement(&mut relay, Side::Client, number, 1);
    }
    relay.attach(Side::Agent, STOCK, at(2));
    assert!(!take(&mut relay, Side::Agent, 2).iter().any(|message| message.ends_with("publication")));
}

#[test]
fn an_agent_is_paused_while_its_client_is_away_for_long() {
    let mut relay = relay(config(), STOCK, STOCK);
    relay.detach(Side::Client, at(0));
    assert_eq!(take(&mut relay, Side::Agent, 0), NOTHING);
    assert_eq!(relay.poll_timeout().map(micros_of), Some(SECONDS));
    relay.handle_timeout(at(SECONDS));
    assert_eq!(relay.poll_timeout(), None);
    assert_eq!(take(&mut relay, Side::Agent, SECONDS), ["pause_publication"]);
    relay.attach(Side::Agent, STOCK, at(2 * SECONDS));
    assert_eq!(take(&mut relay, Side::Agent, 2 * SECONDS), ["pause_publication"], "a new leg begins unpaused");
    relay.attach(Side::Client, STOCK, at(3 * SECONDS));
    assert_eq!(take(&mut relay, Side::Agent, 3 * SECONDS), ["start_publication"]);
    assert_eq!(take(&mut relay, Side::Client, 3 * SECONDS), NOTHING, "clients are not told");
}

#[test]
fn who_must_not_be_paused_is_not() {
    let mut relay = relay(RelayConfig { may_pause: false, max_buffer_bytes: 64 * 1024, ..config() }, STOCK, STOCK);
    fill(&mut relay, Side::Agent, &mut 0, &"y".repeat(1000));
    relay.detach(Side::Client, at(0));
    relay.handle_timeout(at(10 * SECONDS));
    assert_eq!(take(&mut relay, Side::Agent, 10 * SECONDS), NOTHING);
    assert_eq!(relay.poll_timeout(), None);
}

#[test]
fn memory_is_bounded_in_both_directions() {
    let mut relay = relay(config(), STOCK, STOCK);
    relay.detach(Side::Client, at(0));
    relay.detach(Side::Agent, at(0));
    let big = "y".repeat(1000);
    for (from, size) in [(Side::Agent, 1000), (Side::Client, 1000)] {
        let mut number = 0;
        fill(&mut relay, from, &mut number, &big[..size]);
        assert!(number > 200, "{number}");
        // A driver that goes on all the same gets nothing acknowledged and nothing kept.
        for number in number..number + 1000 {
            let message = if from == Side::Agent { output(number, &big) } else { input(number, &big) };
            give(&mut relay, from, message, 0);
        }
        assert!(!relay.wants_read(from));
    }
    assert!(relay.buffered_bytes() <= config().max_buffer_bytes);
    // A single message may be larger, if it is alone.
    let mut relay = self::relay(config(), STOCK, STOCK);
    give(&mut relay, Side::Agent, output(0, &"y".repeat(2_000_000)), 0);
    assert!(relay.has_transmit(Side::Client) && !relay.wants_read(Side::Agent));
}

#[test]
fn full_directions_do_not_wait_for_each_other() {
    // Input is full, so the client is not read, so its acknowledgements of output are not seen.
    // Output must pass all the same: the program at its end may read again only after it wrote.
    let mut relay = relay(RelayConfig { max_buffer_bytes: 64 * 1024, ..config() }, STOCK, STOCK);
    let big = "y".repeat(1000);
    fill(&mut relay, Side::Client, &mut 0, &big);
    assert!(!relay.wants_read(Side::Client));
    for number in 0..200 {
        assert!(relay.wants_read(Side::Agent), "at {number}");
        give(&mut relay, Side::Agent, output(number, &big), 0);
        assert_eq!(take(&mut relay, Side::Client, 0).len(), 1);
        assert!(!take(&mut relay, Side::Agent, 0).contains(&"pause_publication".to_owned()));
    }
    assert!(relay.buffered_bytes() <= 64 * 1024);
    // What was given up comes again when the leg turns out to be dead, and is wanted.
    relay.attach(Side::Client, STOCK, at(1));
    give_acknowledgement(&mut relay, Side::Agent, 0, 1);
    let kept = take(&mut relay, Side::Client, 1);
    give(&mut relay, Side::Agent, output(0, &big), 1);
    assert!(show(&output(0, &big)) == take(&mut relay, Side::Client, 1)[0], "{}", kept.len());
}

#[test]
fn our_agent_is_not_held_back_by_acknowledgements() {
    let mut relay = relay(RelayConfig { max_buffer_bytes: 64 * 1024, ..config() }, OURS, OURS);
    let big = "y".repeat(1000);
    for number in 0..200 {
        assert!(relay.wants_read(Side::Agent));
        give(&mut relay, Side::Agent, output(number, &big), 0);
        assert_eq!(take(&mut relay, Side::Client, 0).len(), 1);
    }
    assert_eq!(take(&mut relay, Side::Agent, 0), NOTHING);
    // By a client that does not read, it is.
    let mut number = 200;
    fill(&mut relay, Side::Agent, &mut number, &big);
    assert_eq!(take(&mut relay, Side::Agent, 0), ["pause_publication"]);
    assert!(number < 200 + 64);
    // Given up messages can be acknowledged late, and repetitions of them are not relayed at once.
    give(&mut relay, Side::Agent, output(0, &big), 1);
    let passed = take(&mut relay, Side::Client, 1);
    assert!(passed.iter().filter(|message| message.starts_with("output 0 ")).count() <= 1);
    give_acknowledgement(&mut relay, Side::Client, 1, 2);
    assert!(take(&mut relay, Side::Agent, 2).contains(&"acknowledge 1".to_owned()));
}

#[test]
fn a_relay_without_memory_reads_on_for_what_may_be_missing() {
    // Our agent takes nothing that comes early beyond its window, and the client, whose oldest
    // message it waits for, repeats that one only.
    let resumed = RelayConfig { resumed: true, max_buffer_bytes: 64 * 1024, ..config() };
    let mut relay = relay(resumed, STOCK, OURS);
    let big = "y".repeat(1000);
    for number in 81..181 {
        assert!(relay.wants_read(Side::Client), "at {number}");
        give(&mut relay, Side::Client, input(number, &big), 0);
        let _ = take(&mut relay, Side::Agent, 0);
    }
    give(&mut relay, Side::Client, input(20, "x"), 0);
    assert_eq!(take(&mut relay, Side::Agent, 0), [r#"input 20 "x""#]);
    assert!(relay.buffered_bytes() <= 64 * 1024);
}

#[test]
fn what_was_sent_beyond_a_gap_gives_way_to_what_fills_it() {
    let mut relay = relay(RelayConfig { max_buffer_bytes: 16 * 1024, ..config() }, STOCK, OURS);
    let big = "y".repeat(2500);
    give(&mut relay, Side::Agent, output(0, "x"), 0);
    let _ = take(&mut relay, Side::Client, 0);
    give_acknowledgement(&mut relay, Side::Client, 0, 0);
    for number in [2, 3] {
        give(&mut relay, Side::Agent, output(number, &big), 0);
    }
    let sent = take(&mut relay, Side::Client, 0).len();
    assert!(sent > 0, "beyond the gap, for too much would wait behind it");
    give(&mut relay, Side::Agent, output(1, &big), 1);
    assert!(take(&mut relay, Side::Client, 1)[0].starts_with("output 1 "));
}

#[test]
fn whatever_is_read_from_an_end_of_ours_is_kept() {
    // A little that is on its way makes little room. A large message that was read for it would be dropped, and its sender
    // would wait for an acknowledgement until its patience ends.
    for small in [1, 2, 7, 40] {
        let mut relay = relay(config(), OURS, OURS);
        for number in 0..small {
            give(&mut relay, Side::Client, input(number, "x"), 0);
        }
        assert_eq!(take(&mut relay, Side::Agent, 0).len(), usize::try_from(small).unwrap());
        let mut number = small;
        fill(&mut relay, Side::Client, &mut number, &"y".repeat(32 * 1024));
        let passed = take(&mut relay, Side::Agent, 0);
        assert_eq!(passed.len(), usize::try_from(number - small).unwrap(), "behind {small}");
        assert!(relay.wants_read(Side::Client), "all of it is on its way, and gives way");
    }
}

#[test]
fn a_message_without_room_is_not_taken_until_there_is_room() {
    let large = |number| output(number, &"x".repeat(200 * 1024));
    let bytes = large(0).len();
    for (client, agent) in [(STOCK, STOCK), (OURS, OURS)] {
        let mut relay = relay(config(), client.clone(), agent);
        relay.detach(Side::Client, at(0));
        assert!(relay.takes(Side::Agent, 2 * 1024 * 1024), "one single message is taken whatever it is");
        give(&mut relay, Side::Agent, large(0), 0);
        assert!(relay.wants_read(Side::Agent) && relay.takes(Side::Agent, 1024), "small ones have room");
        assert!(!relay.takes(Side::Agent, bytes), "there is one that nobody takes");
        relay.attach(Side::Client, client, at(1));
        assert_eq!(take(&mut relay, Side::Client, 1).len(), 1);
        give_acknowledgement(&mut relay, Side::Client, 0, 2);
        assert!(relay.takes(Side::Agent, bytes));
    }
}

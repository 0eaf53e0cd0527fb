//! When a message is sent again, and when not.

use super::*;

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

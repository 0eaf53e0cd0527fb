//! Everything in any order.

use super::*;

/// SplitMix64, so that a failure names a seed that replays it.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[test]
fn whatever_happens_it_ends_in_the_right_order_and_never_waits_for_nothing() {
    for seed in 0..2000 {
        let mut chance = Chance(seed);
        let mut story = Story::new();
        let mut seconds = 0;
        let (mut stored, mut told, mut connected) = (0, 0, false);
        for _ in 0..chance.below(40) {
            seconds += chance.below(90);
            story.at(seconds);
            match chance.below(12) {
                0 | 1 => story.attach(Side::Client),
                2 | 3 => story.attach(Side::Agent),
                4 => story.detach(Side::Client),
                5 => story.detach(Side::Agent),
                6 => story.node(chance.below(2) == 0),
                7 => story.activity(),
                8 if chance.below(3) == 0 => story.outcome(chance.below(2) == 0, "text"),
                9 if chance.below(3) == 0 => story.agent_terminating(),
                10 if chance.below(4) == 0 => story.terminate(),
                _ => story.output(match chance.below(3) {
                    0 => Delivery::Complete,
                    1 => Delivery::Pending,
                    _ => Delivery::Cut,
                }),
            };
            follow(&mut story, &mut stored, &mut told, &mut connected, seed);
        }
        // Nobody does anything any more.
        story.detach(Side::Client);
        while !story.life.is_ended() {
            let (due, _) = story.life.poll_timeout().unwrap_or((story.now.instant, Wait::Start));
            story.set(due.max(story.now.instant));
            story.life.handle_timeout(story.now);
            follow(&mut story, &mut stored, &mut told, &mut connected, seed);
            assert!(story.now.instant.duration_since(story.begin).as_secs() < 20_000, "seed {seed}: a ghost");
        }
        assert_eq!((stored, told), (1, 1), "seed {seed}");
    }
}

fn follow(story: &mut Story, stored: &mut u32, told: &mut u32, connected: &mut bool, seed: u64) {
    for action in story.actions() {
        match action {
            Action::StoreConnected => {
                assert!(!*connected, "seed {seed}: connected twice");
                assert_eq!(*stored, 0, "seed {seed}: connected after the end");
                *connected = true;
            }
            Action::StoreDisconnected { .. } => {
                assert!(*connected, "seed {seed}: disconnected twice");
                *connected = false;
            }
            Action::StoreEnded { .. } => *stored += 1,
            Action::TellClient { .. } => {
                assert_eq!(*stored, 1, "seed {seed}: told before it was stored");
                *told += 1;
            }
            Action::WarnClient(_) => assert_eq!(*stored, 0, "seed {seed}: warned after the end"),
            Action::StoreTerminating(_) | Action::TellAgent => {}
        }
    }
    if *stored == 1 && *told == 0 {
        story.life.handle_end_stored();
        follow(story, stored, told, connected, seed);
    }
    assert!(story.life.is_ended() || story.life.poll_timeout().is_some(), "seed {seed}: waits for nothing");
}

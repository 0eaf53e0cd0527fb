//! When to come again: for calls that are equal to one that was made in the same second.
//!
//! A signature tells the second, so equal calls in one second have one signature, and nothing proves that a later one is
//! no replay of the first. It has to be signed again in another second. All the losers of one second would meet again in
//! the next one, so each is given a second of its own.

use std::time::Duration;

use postern_store::UnixMillis;

const SECOND: UnixMillis = 1000;
/// SDKs wait no longer than this beyond what they would have waited anyway.
const LONGEST_WAIT: UnixMillis = 5000;

/// The seconds that were given out.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The middle of the last one.
    last: UnixMillis,
}

impl Turns {
    /// How long the next caller should wait. Turns begin again when there are more callers than seconds.
    pub(crate) fn next(&mut self, now: UnixMillis) -> Duration {
        let first = (now / SECOND + 1) * SECOND + SECOND / 2;
        let turn = first.max(self.last + SECOND);
        self.last = if turn - now > LONGEST_WAIT { first } else { turn };
        Duration::from_millis(self.last - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gets_a_second_of_its_own_and_none_waits_longer_than_sdks_do() {
        let mut turns = Turns::default();
        let now = 1_795_384_779_144;
        let mut seconds: Vec<u64> = (0..4).map(|_| (now + turns.next(now).as_millis() as u64) / 1000).collect();
        assert_eq!(seconds, [1_795_384_780, 1_795_384_781, 1_795_384_782, 1_795_384_783]);
        // A caller of the next second goes on where the others are.
        seconds.push((now + 900 + turns.next(now + 900).as_millis() as u64) / 1000);
        assert_eq!(seconds[4], 1_795_384_784);
        for _ in 0..20 {
            assert!((500..=5000).contains(&turns.next(now + 900).as_millis()));
        }
        // When nobody has asked for a while, the next second is free.
        assert_eq!(turns.next(now + 60_000), Duration::from_millis(1356));
    }
}

//! How often strangers may try to register: the only thing they may do without credentials, and a place to guess
//! activation codes. All attempts together are bounded, so that the work they cause is.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::guesses::{Bucket, Guessed, Guesses, Rate};

/// Attempts by everybody together: the cost is one signature-free lookup each.
const ALL: Rate = Rate { burst: 500, every: Duration::from_millis(10) };

/// The throttle of RegisterManagedInstance.
pub(crate) struct RegistrationThrottle {
    all: Bucket,
    wrong: Guesses,
}

impl RegistrationThrottle {
    pub(crate) fn new(now: Instant) -> Self {
        Self { all: Bucket::full(now), wrong: Guesses::default() }
    }

    /// Whether an attempt from this address may be made now; if so, it counts.
    pub(crate) fn admit(&mut self, from: Option<IpAddr>, now: Instant) -> bool {
        if self.wrong.wait(&Guessed::Activation, from, now).is_some() || self.all.wait(ALL, now).is_some() {
            return false;
        }
        self.all.take(ALL, now);
        true
    }

    /// The attempt had a wrong activation id or code.
    pub(crate) fn note_wrong(&mut self, from: Option<IpAddr>, now: Instant) {
        self.wrong.note_wrong(Guessed::Activation, from, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::from(std::net::Ipv4Addr::from(number)))
    }

    #[test]
    fn guessing_is_slow_and_only_for_the_guesser() {
        let (start, every) = (Instant::now(), Duration::from_secs(3));
        let mut throttle = RegistrationThrottle::new(start);
        for _ in 0..20 {
            assert!(throttle.admit(address(1), start));
            throttle.note_wrong(address(1), start);
        }
        assert!(!throttle.admit(address(1), start));
        assert!(throttle.admit(address(2), start), "others register meanwhile");
        let later = start + every;
        assert!(throttle.admit(address(1), later));
        throttle.note_wrong(address(1), later);
        assert!(!throttle.admit(address(1), later));
        assert!(throttle.admit(address(1), later + every * 20));
    }

    #[test]
    fn all_attempts_together_are_bounded() {
        let start = Instant::now();
        let mut throttle = RegistrationThrottle::new(start);
        let admitted = (0..10_000).filter(|number| throttle.admit(address(*number), start)).count();
        assert_eq!(admitted, 500);
        assert!(throttle.admit(address(1), start + ALL.every));
    }
}

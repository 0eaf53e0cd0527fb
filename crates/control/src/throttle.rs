//! How often strangers may try to register: the only thing they may do, and a place to guess activation codes.
//!
//! Wrong guesses are counted for each address, so that one guesser does not lock out a data centre behind the same
//! gateway more than itself, and all attempts together, so that the work they cause is bounded. State is bounded too.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Attempts by everybody together: the cost is one signature-free lookup each.
const ALL: Rate = Rate { burst: 500, every: Duration::from_millis(10) };
/// Wrong codes from one address.
const WRONG: Rate = Rate { burst: 20, every: Duration::from_secs(3) };
/// Addresses remembered. When there are more, the quieter half is forgotten.
const ADDRESSES: usize = 4096;

#[derive(Clone, Copy)]
struct Rate {
    burst: u32,
    /// One more is allowed every so often.
    every: Duration,
}

/// A bucket of permits that fills with time (the generic cell rate algorithm: one instant is the whole state).
#[derive(Clone, Copy)]
struct Bucket {
    /// When it would be full again.
    full_at: Instant,
}

impl Bucket {
    fn is_empty(self, rate: Rate, now: Instant) -> bool {
        self.full_at.saturating_duration_since(now) + rate.every > rate.every * rate.burst
    }

    fn take(&mut self, rate: Rate, now: Instant) {
        self.full_at = self.full_at.max(now) + rate.every;
    }
}

/// The throttle of RegisterManagedInstance.
pub(crate) struct RegistrationThrottle {
    all: Bucket,
    wrong: BTreeMap<Option<IpAddr>, Bucket>,
}

impl RegistrationThrottle {
    pub(crate) fn new(now: Instant) -> Self {
        Self { all: Bucket { full_at: now }, wrong: BTreeMap::new() }
    }

    /// Whether an attempt from this address may be made now; if so, it counts.
    pub(crate) fn admit(&mut self, from: Option<IpAddr>, now: Instant) -> bool {
        let guessed_too_often = self.wrong.get(&from).is_some_and(|bucket| bucket.is_empty(WRONG, now));
        if guessed_too_often || self.all.is_empty(ALL, now) {
            return false;
        }
        self.all.take(ALL, now);
        true
    }

    /// The attempt had a wrong activation id or code.
    pub(crate) fn note_wrong(&mut self, from: Option<IpAddr>, now: Instant) {
        if !self.wrong.contains_key(&from) && self.wrong.len() >= ADDRESSES {
            self.forget(now);
        }
        self.wrong.entry(from).or_insert(Bucket { full_at: now }).take(WRONG, now);
    }

    /// Makes room: for addresses that are quiet by now, or else the quieter half. So making room is rare.
    fn forget(&mut self, now: Instant) {
        self.wrong.retain(|_, bucket| bucket.full_at > now);
        if self.wrong.len() > ADDRESSES / 2 {
            let mut moments: Vec<Instant> = self.wrong.values().map(|bucket| bucket.full_at).collect();
            let middle = moments.len() / 2;
            let (_, median, _) = moments.select_nth_unstable(middle);
            let median = *median;
            let mut room = middle;
            self.wrong.retain(|_, bucket| {
                let quieter = bucket.full_at <= median && room > 0;
                room -= usize::from(quieter);
                !quieter
            });
        }
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
        let start = Instant::now();
        let mut throttle = RegistrationThrottle::new(start);
        for _ in 0..WRONG.burst {
            assert!(throttle.admit(address(1), start));
            throttle.note_wrong(address(1), start);
        }
        assert!(!throttle.admit(address(1), start));
        assert!(throttle.admit(address(2), start), "others register meanwhile");
        let later = start + WRONG.every;
        assert!(throttle.admit(address(1), later));
        throttle.note_wrong(address(1), later);
        assert!(!throttle.admit(address(1), later));
        assert!(throttle.admit(address(1), later + WRONG.every * WRONG.burst));
    }

    #[test]
    fn all_attempts_together_are_bounded() {
        let start = Instant::now();
        let mut throttle = RegistrationThrottle::new(start);
        let admitted = (0..10_000).filter(|number| throttle.admit(address(*number), start)).count();
        assert_eq!(admitted, 500);
        assert!(throttle.admit(address(1), start + ALL.every));
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let mut throttle = RegistrationThrottle::new(start);
        for number in 0..20_000 {
            throttle.note_wrong(address(number), start);
        }
        assert!(throttle.wrong.len() <= ADDRESSES);
    }
}

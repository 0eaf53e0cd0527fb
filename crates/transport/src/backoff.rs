//! Waiting times between attempts: exponential with full jitter, so that ten thousand agents which lost the same
//! server do not come back in the same second.
//!
//! It does not sleep and does not read a clock; it says how long to wait.

use std::time::Duration;

use postern_protocol::Entropy;

/// The next waiting time after each failure: uniformly between zero and `base * 2^failures`, never above `cap`.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// No failure seen yet.
    #[must_use]
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, failures: 0 }
    }

    /// Counts one more failure and returns how long to wait before the next attempt.
    pub fn next_delay(&mut self, entropy: &dyn Entropy) -> Duration {
        let ceiling = self.base.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
        // The high half of the 128-bit product is uniform in 0..nanos.
        let chosen = (u128::from(u64::from_le_bytes(bytes)) * u128::from(nanos)) >> 64;
        Duration::from_nanos(u64::try_from(chosen).unwrap_or(nanos))
    }

    /// How often `next_delay` was called since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// An attempt held long enough to count as success: the next failure waits as the first did.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    const BASE: Duration = Duration::from_millis(500);
    const CAP: Duration = Duration::from_secs(30);

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let mut backoff = Backoff::new(BASE, CAP);
        let ceilings: Vec<u128> = (0..9).map(|_| backoff.next_delay(&Constant(0xff)).as_millis()).collect();
        assert_eq!(ceilings, [499, 999, 1_999, 3_999, 7_999, 15_999, 29_999, 29_999, 29_999]);
        backoff.reset();
        assert_eq!(backoff.next_delay(&Constant(0xff)).as_millis(), 499);
    }

    #[test]
    fn jitter_reaches_down_to_zero_and_years_of_failures_stay_at_the_cap() {
        let mut backoff = Backoff::new(BASE, CAP);
        for _ in 0..10_000 {
            assert_eq!(backoff.next_delay(&Constant(0)), Duration::ZERO);
        }
        let half = backoff.next_delay(&Constant(0x80));
        assert!(half > CAP / 2 && half < CAP * 51 / 100, "{half:?}");
        assert!(backoff.next_delay(&Constant(0xff)) <= CAP);
    }
}

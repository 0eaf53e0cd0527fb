//! How long an acknowledgement takes, and so how long to wait for one. This module computes; when
//! to sample and when to resend is its owner's business.

use std::time::Duration;

const INITIAL_ROUND_TRIP: Duration = Duration::from_millis(100);
const INITIAL_TIMEOUT: Duration = Duration::from_millis(200);
const MAX_TIMEOUT: Duration = Duration::from_secs(1);
const CLOCK_GRANULARITY_NANOS: f64 = 10e6;
const ROUND_TRIP_GAIN: f64 = 1.0 / 8.0;
const VARIATION_GAIN: f64 = 1.0 / 4.0;

/// The estimator of both stock ends, number for number (spec data-channel 4.2; vectors in
/// `tests/vectors/retransmission_timeout.json`).
#[derive(Clone, Debug)]
pub(super) struct RoundTrip {
    nanos: f64,
    variation_nanos: f64,
    timeout: Duration,
    shortest: Option<Duration>,
}

impl RoundTrip {
    pub(super) fn new() -> Self {
        Self { nanos: nanos(INITIAL_ROUND_TRIP), variation_nanos: 0.0, timeout: INITIAL_TIMEOUT, shortest: None }
    }

    /// Learns from one message that was sent once and acknowledged after `sample`.
    pub(super) fn sample(&mut self, sample: Duration) {
        self.shortest = Some(self.shortest.map_or(sample, |shortest| shortest.min(sample)));
        let sample = nanos(sample);
        let deviation = (self.nanos - sample).abs();
        self.variation_nanos += VARIATION_GAIN * (deviation - self.variation_nanos);
        self.nanos += ROUND_TRIP_GAIN * (sample - self.nanos);
        let timeout = self.nanos + CLOCK_GRANULARITY_NANOS.max(4.0 * self.variation_nanos);
        self.timeout = MAX_TIMEOUT.min(Duration::from_nanos(whole(timeout)));
    }

    /// The shortest sample.
    pub(super) const fn shortest(&self) -> Option<Duration> {
        self.shortest
    }

    /// How long to wait for an acknowledgement, without lower bound and without backoff.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }
}

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the sum of two non-negative numbers; truncation is what the stock ends do"
)]
fn whole(nanos: f64) -> u64 {
    nanos as u64
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::Value;

    use super::*;

    #[test]
    fn timeouts_are_those_of_the_stock_client() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/channel_vectors/retransmission_timeout.json")).unwrap();
        let mut round_trip = RoundTrip::new();
        assert_eq!(round_trip.timeout().as_nanos(), u128::from(vectors["initial"]["rto_ns"].as_u64().unwrap()));
        let steps = vectors["steps"].as_array().unwrap();
        assert!(steps.len() > 10);
        for (step, vector) in steps.iter().enumerate() {
            round_trip.sample(Duration::from_nanos(vector["sample_rtt_ns"].as_u64().unwrap()));
            assert_eq!(round_trip.timeout().as_nanos(), u128::from(vector["rto_ns"].as_u64().unwrap()), "step {step}");
            for (computed, key) in [(round_trip.nanos, "rtt_ns"), (round_trip.variation_nanos, "rttvar_ns")] {
                let expected = vector[key].as_f64().unwrap();
                assert!((computed - expected).abs() < 1e-3, "step {step}: {key} is {computed}, not {expected}");
            }
        }
    }
}

//! How often it is said that a service fails: when it begins, then once a minute. A thousand agents that all try again
//! every second are no reason for a thousand lines.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(60);

/// Whether a service fails, and when that was last said.
#[derive(Debug, Default)]
pub(super) struct Outage {
    said_at: Option<Instant>,
    unlogged: u64,
}

impl Outage {
    /// A request failed. How many failures were passed over since the last line, if it is time for another one.
    pub(super) fn failed(&mut self, now: Instant) -> Option<u64> {
        if self.said_at.is_some_and(|said_at| now.saturating_duration_since(said_at) < INTERVAL) {
            self.unlogged += 1;
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }

    /// A request succeeded. Whether that is news.
    pub(super) fn ended(&mut self) -> bool {
        self.unlogged = 0;
        self.said_at.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_said_when_it_begins_once_a_minute_and_when_it_ends() {
        let (mut outage, start) = (Outage::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!outage.ended());
        assert_eq!(outage.failed(at(0)), Some(0));
        assert_eq!((outage.failed(at(1)), outage.failed(at(59))), (None, None));
        assert_eq!(outage.failed(at(60)), Some(2));
        assert!(outage.ended());
        assert!(!outage.ended());
        assert_eq!(outage.failed(at(61)), Some(0));
    }
}

//! How much of the log strangers can fill: requests that prove nothing cost them nothing.

use std::time::Instant;

/// Events of strangers at once.
const BURST: f64 = 500.0;
/// Events of strangers in a second, for as long as they come.
const PER_SECOND: f64 = 20.0;

/// Who lets them in, and counts the others.
#[derive(Debug)]
pub(crate) struct Strangers {
    room: f64,
    at: Instant,
    omitted: u64,
}

impl Strangers {
    pub(crate) fn new(now: Instant) -> Self {
        Self { room: BURST, at: now, omitted: 0 }
    }

    pub(super) fn let_in(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.room, self.at) = ((self.room + passed * PER_SECOND).min(BURST), now);
        if self.room < 1.0 {
            self.omitted += 1;
            return false;
        }
        self.room -= 1.0;
        true
    }

    /// How many were not let in since this was last asked.
    pub(super) fn take_omitted(&mut self) -> u64 {
        std::mem::take(&mut self.omitted)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_are_let_in_and_the_others_are_counted() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start);
        let let_in = (0..800).filter(|_| strangers.let_in(start)).count();
        assert_eq!((let_in, strangers.take_omitted(), strangers.take_omitted()), (500, 300, 0));
        let later = start + Duration::from_secs(2);
        assert_eq!((0..100).filter(|_| strangers.let_in(later)).count(), 40);
        assert_eq!(strangers.take_omitted(), 60);
    }
}

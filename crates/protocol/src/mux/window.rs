//! Windows of the second dialect: how much each stream may receive.
//!
//! Every stream always has [`BASE_WINDOW_BYTES`]. What lies above comes out of one budget, so that all streams together
//! stay bounded. A window doubles when its sender says that it waits for room and the reader has taken everything:
//! then the window is the limit, not the reader. No clock is needed for that, and streams that need little keep little.

use super::{BASE_WINDOW_BYTES, INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES};

/// What the windows of all streams may have above their base.
#[derive(Debug)]
pub(super) struct Budget {
    total: usize,
    used: usize,
}

impl Budget {
    pub(super) const fn new(total: usize) -> Self {
        Self { total, used: 0 }
    }

    /// Takes `more` if the budget is not used above `most` then.
    fn take(&mut self, more: usize, most: usize) -> bool {
        let fits = self.used + more <= most;
        if fits {
            self.used += more;
        }
        fits
    }

    #[cfg(test)]
    pub(super) const fn used(&self) -> usize {
        self.used
    }
}

/// How much one stream may receive.
#[derive(Debug)]
pub(super) struct ReceiveWindow {
    /// What may be on its way and unread together.
    size: usize,
    /// What the peer may still send.
    credit: usize,
    /// The peer waits for more.
    is_starved: bool,
}

impl ReceiveWindow {
    /// The window that every stream has.
    pub(super) const fn new() -> Self {
        Self { size: BASE_WINDOW_BYTES, credit: BASE_WINDOW_BYTES, is_starved: false }
    }

    /// Widens the window at the start of a stream, while a quarter of the budget lasts. Says how much to grant.
    pub(super) fn begin(&mut self, budget: &mut Budget) -> u32 {
        let more = INITIAL_WINDOW_BYTES.saturating_sub(self.size);
        if !budget.take(more, budget.total / 4) {
            return 0;
        }
        self.size += more;
        self.credit += more;
        granted(more)
    }

    /// The peer sent this much. False if it was not allowed to.
    pub(super) const fn receive(&mut self, len: usize) -> bool {
        let is_allowed = len <= self.credit;
        if is_allowed {
            self.credit -= len;
        }
        is_allowed
    }

    /// The peer waits for more.
    pub(super) const fn starve(&mut self) {
        self.is_starved = true;
    }

    /// Says how much to grant when this much is unread: nothing before a quarter of the window is free, so that grants
    /// are few.
    pub(super) fn grant(&mut self, unread: usize, budget: &mut Budget) -> Option<u32> {
        if self.is_starved && unread == 0 {
            self.is_starved = false;
            self.widen(budget);
        }
        let more = self.size.saturating_sub(self.credit + unread);
        if more == 0 || more < self.size / 4 {
            return None;
        }
        self.credit += more;
        Some(granted(more))
    }

    /// A quarter of the budget is kept for windows that are still small: streams that were busy once keep what they
    /// have, and others must not starve beside them.
    fn widen(&mut self, budget: &mut Budget) {
        let more = self.size.min(MAX_WINDOW_BYTES - self.size);
        let most = if self.size < INITIAL_WINDOW_BYTES { budget.total } else { budget.total / 4 * 3 };
        if budget.take(more, most) {
            self.size += more;
        }
    }

    /// The stream is over.
    pub(super) const fn end(&mut self, budget: &mut Budget) {
        budget.used -= self.size - BASE_WINDOW_BYTES;
        self.size = BASE_WINDOW_BYTES;
    }
}

fn granted(more: usize) -> u32 {
    u32::try_from(more).expect("no window is above 8 MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_grows_only_when_its_sender_waits_and_its_reader_does_not() {
        let mut budget = Budget::new(64 << 20);
        let mut window = ReceiveWindow::new();
        assert!(window.receive(BASE_WINDOW_BYTES) && !window.receive(1));
        assert_eq!(window.grant(BASE_WINDOW_BYTES, &mut budget), None);
        assert_eq!(window.grant(BASE_WINDOW_BYTES / 2, &mut budget), Some(8 * 1024));
        window.starve();
        assert_eq!(window.grant(BASE_WINDOW_BYTES / 2, &mut budget), None, "the reader is the limit");
        assert_eq!(window.grant(0, &mut budget), Some(24 * 1024), "the window is");
        for _ in 0..20 {
            assert!(window.receive(window.credit));
            window.starve();
            let _ = window.grant(0, &mut budget);
        }
        assert_eq!((window.size, window.credit), (MAX_WINDOW_BYTES, MAX_WINDOW_BYTES));
        window.end(&mut budget);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn the_busy_leave_something_for_the_others() {
        let mut budget = Budget::new(32 << 20);
        let mut grow = |rounds| {
            let mut window = ReceiveWindow::new();
            window.begin(&mut budget);
            for _ in 0..rounds {
                window.receive(window.credit);
                window.starve();
                let _ = window.grant(0, &mut budget);
            }
            window.size
        };
        let greedy: Vec<usize> = (0..20).map(|_| grow(20)).collect();
        let large: usize = greedy.iter().filter(|size| **size > INITIAL_WINDOW_BYTES).sum();
        assert!((16 << 20..=25 << 20).contains(&large), "{large}");
        assert_eq!(greedy.last(), Some(&INITIAL_WINDOW_BYTES));
        let many: usize =
            greedy.into_iter().chain((0..2000).map(|_| grow(20))).map(|size| size - BASE_WINDOW_BYTES).sum();
        assert!(many <= 32 << 20, "{many}");
    }
}

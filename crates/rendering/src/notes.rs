//! What a reader is told beside what was shown.

use postern_recording::Gap;

use crate::length::clock;

/// Notices what a reader would miss.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Since when a program has the whole screen.
    alternate_since: Option<u64>,
    time: u64,
}

impl Notes {
    /// What is to be said when a program may have taken the screen, or given it back.
    pub(crate) fn on_screen(&mut self, time: u64, is_alternate: bool) -> Option<String> {
        self.time = time;
        match (is_alternate, self.alternate_since) {
            (true, None) => self.alternate_since = Some(time),
            (false, Some(since)) => {
                self.alternate_since = None;
                // Nobody could see it otherwise.
                return (time > since).then(|| full_screen(since, time));
            }
            _ => {}
        }
        None
    }

    /// What is to be said where something is missing.
    pub(crate) fn on_gap(&self, gap: &Gap) -> String {
        of_ours(&format!("{} bytes of output from {} on are missing here", gap.output_bytes, clock(gap.since)))
    }

    /// What is to be said at the end.
    pub(crate) fn at_end(&self) -> Option<String> {
        self.alternate_since.map(|since| full_screen(since, self.time))
    }
}

fn full_screen(since: u64, until: u64) -> String {
    of_ours(&format!("a program had the whole screen from {} to {}", clock(since), clock(until)))
}

fn of_ours(text: &str) -> String {
    format!("[recording: {text}]")
}

//! Time as an argument. This module defines what "now" is; it refuses to find out by itself.

use std::time::Instant;

/// One reading of both clocks, taken at the same moment.
///
/// State machines measure with `instant`, which never jumps, and stamp messages with
/// `unix_millis`, which may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time, for deadlines and durations.
    pub instant: Instant,
    /// Wall-clock time in milliseconds since the Unix epoch, UTC.
    pub unix_millis: u64,
}

/// Where "now" comes from: the operating system in production, a variable in tests.
pub trait Clock: Send + Sync {
    /// Reads both clocks.
    fn now(&self) -> Now;
}

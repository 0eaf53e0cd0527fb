//! The clock of the machine, behind the port that the pure crates name.
//!
//! `Instant` is the monotonic clock. On Windows and macOS-with-power-nap it may count time spent asleep; on Linux it
//! does not, and the standard library has no clock that does. Machines that slept find out by their peer's silence:
//! the first deadline after waking passes, the socket is dropped and opened again.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use postern_protocol::{Clock, Now};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now {
            instant: Instant::now(),
            // A clock set before 1970 reads as 1970: signatures made with it are refused with both times in the text.
            unix_millis: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// Waits for the deadline that a state machine's `poll_timeout` gave; for ever when it gave none.
///
/// Meant as a branch of `tokio::select!`.
pub async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

//! One deadline over several steps: each step gets what is left, and a miss names the step that was under way.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::TransportError;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    pub(crate) fn after(allowed: Duration) -> Self {
        Self { at: Instant::now() + allowed, allowed }
    }

    /// Runs one step. `step` completes the sentence "gave up … after 10s".
    pub(crate) async fn run<T>(
        &self,
        step: impl Fn() -> String,
        work: impl Future<Output = T>,
    ) -> Result<T, TransportError> {
        tokio::time::timeout_at(self.at, work)
            .await
            .map_err(|_| TransportError::Timeout { step: step(), allowed: self.allowed })
    }
}

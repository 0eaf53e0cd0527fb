//! Long polls: a question without an answer waits for a while, because whoever asks it would only ask again.

use std::time::Duration;

use postern_model::{ApiError, ErrorCode};
use tokio::sync::Semaphore;

use crate::broker::Broker;

/// The polls that wait. Each costs its connection and no more.
pub(crate) struct Polls {
    room: Semaphore,
    hold: Duration,
}

impl Polls {
    pub(crate) fn new(most: usize, hold: Duration) -> Self {
        Self { room: Semaphore::new(most.min(Semaphore::MAX_PERMITS)), hold }
    }

    /// Waits as long as a poll may last, or until the service stops.
    ///
    /// # Errors
    /// `ThrottlingException` if too many wait already.
    pub(crate) async fn hold(&self, broker: &Broker) -> Result<(), ApiError> {
        let Ok(_place) = self.room.try_acquire() else {
            let message = "Too many nodes wait for messages; ask again later.";
            return Err(ApiError::new(ErrorCode::ThrottlingException, message));
        };
        tokio::select! {
            () = tokio::time::sleep(self.hold) => {}
            () = broker.stopping() => {}
        }
        Ok(())
    }
}

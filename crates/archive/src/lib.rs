//! Where recordings lie: the port, and the suite that every implementation passes.
//!
//! An archive keeps files of bytes that it cannot read: they are encrypted, and checked by whoever reads them. While a
//! session goes on its recording grows at its end; when it is over it is replaced by a smaller one, once, and stays.

pub mod conformance;

use async_trait::async_trait;
use postern_iam::SessionId;
use postern_recording::recorder::Tail;

/// The name of a recording: its session, and when that began (milliseconds since the Unix epoch), so that recordings lie
/// together by month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingName {
    /// Whose recording it is.
    pub session_id: SessionId,
    /// When it began.
    pub started_at: u64,
}

impl RecordingName {
    /// The year and the month of its beginning, UTC: `2026-11`.
    #[must_use]
    pub fn month(&self) -> String {
        let seconds = i64::try_from(self.started_at / 1000).unwrap_or(i64::MAX);
        let at = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        format!("{:04}-{:02}", at.year(), u8::from(at.month()))
    }
}

/// Why an archive does not do what it is asked. Each text is a sentence with the cause and the fix, for operators.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There is no such recording.
    #[error("there is no recording of session {0} in the archive")]
    Missing(SessionId),
    /// There is one already.
    #[error("there is a recording of session {0} in the archive already")]
    Present(SessionId),
    /// It does not answer, is full, or may not be written.
    #[error("{0}")]
    Unavailable(String),
}

/// Recordings, by name.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Makes a new recording that begins with these bytes.
    ///
    /// # Errors
    /// [`ArchiveError::Present`]; it cannot be written.
    async fn create(&self, name: &RecordingName, start: Vec<u8>) -> Result<Box<dyn Tail>, ArchiveError>;

    /// Goes on with a recording at this byte. What lies behind it is taken away.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`]; it cannot be written.
    async fn resume(&self, name: &RecordingName, at: u64) -> Result<Box<dyn Tail>, ArchiveError>;

    /// At most `limit` bytes from this one on; fewer, and in the end none, where the recording ends now.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`]; it cannot be read.
    async fn read(&self, name: &RecordingName, from: u64, limit: usize) -> Result<Vec<u8>, ArchiveError>;

    /// Begins what is to take the recording's place, with these bytes. Nobody sees it before [`Archive::replace`]. One
    /// that was begun before is forgotten.
    ///
    /// # Errors
    /// It cannot be written.
    async fn replacement(&self, name: &RecordingName, start: Vec<u8>) -> Result<Box<dyn Tail>, ArchiveError>;

    /// Puts the replacement in the recording's place, whole and durable, and says how many bytes it has. Its tail must
    /// not be used any more.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`] if there is no replacement; it cannot be written. The recording is as it was then.
    async fn replace(&self, name: &RecordingName) -> Result<u64, ArchiveError>;

    /// Forgets a recording. That there was none is not worth a word.
    ///
    /// # Errors
    /// It cannot be written.
    async fn remove(&self, name: &RecordingName) -> Result<(), ArchiveError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_lie_together_by_month() {
        let session_id: SessionId = "alice-0123456789abcdef0".parse().expect("a session's id");
        for (started_at, month) in [(0, "1970-01"), (1_795_384_779_000, "2026-11"), (u64::MAX, "1970-01")] {
            assert_eq!(RecordingName { session_id: session_id.clone(), started_at }.month(), month);
        }
    }
}

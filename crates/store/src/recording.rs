//! What is known of recordings beside their files: whether they are whole, and the signatures that prove it.

use async_trait::async_trait;
use postern_iam::SessionId;

use crate::{Scope, SessionCursor, SessionRecord, StoreError, UnixMillis};

/// A signature over a recording up to a record. What it covers cannot be cut off any more without being noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingHead {
    /// Records that it covers.
    pub count: u64,
    /// The hash of them.
    pub hash: [u8; 32],
    /// Microseconds after the recording began.
    pub time: u64,
    /// The name of the key, in hex.
    pub key_id: String,
    /// The signature.
    pub signature: [u8; 64],
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingEnd {
    /// When.
    pub at: UnixMillis,
    /// Bytes of output and standard error that it has.
    pub output_bytes: u64,
    /// Bytes of input that passed.
    pub input_bytes: u64,
    /// Places where something is missing.
    pub gaps: u64,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingRecord {
    /// Of which session.
    pub session_id: SessionId,
    /// When it began.
    pub started_at: UnixMillis,
    /// The latest signature.
    pub head: RecordingHead,
    /// How it ended, if it has.
    pub end: Option<RecordingEnd>,
    /// How many bytes its file has, once it is finished and compressed.
    pub stored_bytes: Option<u64>,
}

/// A key that signs recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingKeyRecord {
    /// Its place in the chain of keys; the first is 1.
    pub place: u32,
    /// Its certificate: JSON, as recordings carry it.
    pub certificate: String,
    /// Its secret half, sealed; none once it is retired.
    pub sealed_seed: Option<Vec<u8>>,
}

/// Acts on what is known of recordings.
#[async_trait]
pub trait RecordingStore: Send + Sync {
    /// Remembers a signature. An older one than is known changes nothing, and neither does one of a recording that has
    /// ended.
    async fn put_recording_head(
        &self,
        scope: &Scope,
        session_id: &SessionId,
        started_at: UnixMillis,
        head: RecordingHead,
    ) -> Result<(), StoreError>;

    /// It has ended, with this last signature. False if it had before; then nothing changes.
    async fn end_recording(
        &self,
        scope: &Scope,
        session_id: &SessionId,
        started_at: UnixMillis,
        head: RecordingHead,
        end: RecordingEnd,
    ) -> Result<bool, StoreError>;

    /// Its file is finished and compressed and has so many bytes.
    async fn recording_stored(&self, scope: &Scope, session_id: &SessionId, bytes: u64) -> Result<(), StoreError>;

    /// Sessions that have ended and whose recordings have not, at most so many.
    async fn sessions_with_open_recordings(&self, scope: &Scope, limit: u32) -> Result<Vec<SessionRecord>, StoreError>;

    /// The recording of a session that has ended cannot be ended; nobody shall try again.
    async fn give_up_recording(&self, scope: &Scope, session_id: &SessionId) -> Result<(), StoreError>;

    /// What is known of one; none if nothing is.
    async fn recording(&self, scope: &Scope, session_id: &SessionId) -> Result<Option<RecordingRecord>, StoreError>;

    /// Recordings that have ended and are not compressed yet, the oldest first. `after` and `limit` page through.
    async fn loose_recordings(
        &self,
        scope: &Scope,
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<Vec<RecordingRecord>, StoreError>;

    /// All keys, the oldest first.
    async fn recording_keys(&self) -> Result<Vec<RecordingKeyRecord>, StoreError>;

    /// Adds the next key and retires the one before it: its secret half is forgotten. False if somebody else has added
    /// one of this place meanwhile.
    async fn add_recording_key(&self, key: RecordingKeyRecord) -> Result<bool, StoreError>;
}

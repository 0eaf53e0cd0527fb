//! The end of a recording: what the store remembers of it, and the smaller file that takes its place.

use postern_archive::RecordingName;
use postern_iam::SessionId;
use postern_model::ApiError;
use postern_recording::chain::Head;
use postern_recording::recorder::{Counts, Found, Tail};
use postern_recording::sealed::{DataKey, Sealer, file_start};
use postern_store::{RecordingEnd, SessionCursor, UnixMillis};

use super::{Opened, ReadFailure, RecordingFile, name_of, stored};
use crate::{Control, failure};

/// How much of a stream is compressed together.
const BLOCK_BYTES: usize = 1024 * 1024;
/// A file of at most so many bytes takes no less room when it is compressed: a block of the file system.
const SMALL_BYTES: u64 = 4096;
/// Recordings looked for at once.
const BATCH: u32 = 100;

/// What is left to do with a recording that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Nothing.
    Done,
    /// [`Control::compress_recording`].
    ToCompress,
}

impl Control {
    /// The recording of the session that began then has come to its end, with this last signature, in a file of so many
    /// bytes.
    ///
    /// # Errors
    /// The store does not answer; it will be found after the next start.
    pub async fn recording_ended(
        &self,
        session_id: &SessionId,
        started_at: UnixMillis,
        head: &Head,
        counts: Counts,
        file_bytes: u64,
    ) -> Result<Finish, ApiError> {
        let name = RecordingName { session_id: session_id.clone(), started_at };
        if file_bytes > SMALL_BYTES {
            return self.store_end(&name, head, counts).await.map(|()| Finish::ToCompress);
        }
        // The store takes both in this order, and makes one transaction of them.
        let stored = self.store.recording_stored(self.scope(), session_id, file_bytes);
        let (ended, stored) = tokio::join!(self.store_end(&name, head, counts), stored);
        ended?;
        Ok(if stored.is_ok() { Finish::Done } else { Finish::ToCompress })
    }

    async fn store_end(&self, name: &RecordingName, head: &Head, counts: Counts) -> Result<(), ApiError> {
        let Counts { output_bytes, input_bytes, gaps } = counts;
        let end = RecordingEnd { at: self.unix_millis(), output_bytes, input_bytes, gaps };
        let RecordingName { session_id, started_at } = name;
        let ended = self.store.end_recording(self.scope(), session_id, *started_at, stored(head), end).await;
        ended.map_err(failure::store).map(|_is_new| ())
    }

    /// Puts a smaller file in the place of an ended recording's. Whatever goes wrong, the recording stays as it is, and
    /// it is tried again after the next start.
    pub async fn compress_recording(&self, session_id: &SessionId) {
        let record = match self.store.recording(self.scope(), session_id).await {
            Ok(Some(record)) if record.end.is_some() && record.stored_bytes.is_none() => record,
            Ok(_) => return,
            Err(error) => return tracing::warn!(session.id = %session_id, %error, "a recording is not compressed"),
        };
        let name = RecordingName { session_id: session_id.clone(), started_at: record.started_at };
        let bytes = match self.compress(&name).await {
            Ok(bytes) => bytes,
            Err(error) => return tracing::warn!(session.id = %session_id, error, "a recording is not compressed"),
        };
        if let Err(error) = self.store.recording_stored(self.scope(), session_id, bytes).await {
            tracing::warn!(session.id = %session_id, %error, "a recording is compressed, which cannot be stored");
        }
    }

    async fn compress(&self, name: &RecordingName) -> Result<u64, String> {
        let (mut file, mut found) = (self.recording_file(name), Found::new());
        let mut block = Vec::new();
        let mut target: Option<Target> = None;
        while let Some(plain) = file.next().await.map_err(|error| error.to_string())? {
            if !found.push(&plain) {
                return Err(ReadFailure::Damaged.to_string());
            }
            if target.is_none() {
                target = Some(self.smaller(name, &file).await?);
            }
            block.extend_from_slice(&plain);
            if block.len() >= BLOCK_BYTES {
                target = self.put(target, &mut block).await?;
            }
        }
        if !found.is_finished() {
            return Err("it does not come to its end".to_owned());
        }
        self.put(target, &mut block).await?;
        self.archive.replace(name).await.map_err(|error| error.to_string())
    }

    async fn smaller(&self, name: &RecordingName, file: &RecordingFile<'_>) -> Result<Target, String> {
        let Some(Opened { header, data_key, .. }) = &file.opened else { return Err(ReadFailure::Damaged.to_string()) };
        let tail = self.archive.replacement(name, file_start(header)).await.map_err(|error| error.to_string())?;
        Ok(Target { sealer: Sealer::new(DataKey::new(data_key), 0), tail })
    }

    /// Compressing keeps a core busy and writing waits for a disk: both where nobody else is waiting.
    async fn put(&self, target: Option<Target>, block: &mut Vec<u8>) -> Result<Option<Target>, String> {
        let Some(mut target) = target else { return Ok(None) };
        let (block, nonce) = (std::mem::take(block), self.random());
        let work = tokio::task::spawn_blocking(move || {
            let frame = target.sealer.frame(&block, true, nonce);
            target.sealer.stored();
            target.tail.append(&frame).map(|()| target).map_err(|error| error.to_string())
        });
        work.await.map_err(|error| error.to_string())?.map(Some)
    }

    /// Ends recordings whose sessions have ended while the service was away or could not say so, and compresses what is
    /// not. To be called after a start, beside everything else.
    pub async fn finish_recordings(&self) {
        while let Ok(sessions) = self.store.sessions_with_open_recordings(self.scope(), BATCH).await {
            if sessions.is_empty() {
                break;
            }
            for record in sessions {
                let id = record.session_id.clone();
                let Err(error) = self.close_left_over(&record).await else { continue };
                tracing::warn!(session.id = %id, error, "the recording of a session that has ended is not whole");
                if let Err(error) = self.store.give_up_recording(self.scope(), &id).await {
                    return tracing::warn!(session.id = %id, %error, "which cannot be stored");
                }
            }
        }
        let mut after = None;
        while let Ok(page) = self.store.loose_recordings(self.scope(), after.as_ref(), BATCH).await {
            let Some(last) = page.last() else { return };
            after = Some(SessionCursor { started_at: last.started_at, session_id: last.session_id.clone() });
            for recording in &page {
                self.compress_recording(&recording.session_id).await;
            }
        }
    }

    async fn close_left_over(&self, record: &postern_store::SessionRecord) -> Result<(), String> {
        let name = name_of(record);
        let (mut file, mut found) = (self.recording_file(&name), Found::new());
        self.look_through(&mut file, &mut found).await.map_err(|error| error.to_string())?;
        let (head, counts) = match (found.is_finished(), found.head().cloned()) {
            (true, Some(head)) => (head, found.counts()),
            _ => {
                let mut recorder = self.resume_recording(file, found).await?;
                let cause = record.end_reason.as_ref().map(|reason| reason.details());
                if !recorder.close(cause.as_deref().unwrap_or("The session ended."), self.clock.now()) {
                    return Err("its end cannot be written".to_owned());
                }
                (recorder.take_head().ok_or("its end is not signed")?, recorder.counts())
            }
        };
        self.store_end(&name, &head, counts).await.map_err(|error| error.message().to_owned())
    }
}

/// The smaller file.
struct Target {
    sealer: Sealer,
    tail: Box<dyn Tail>,
}

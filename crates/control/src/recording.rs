//! Recordings: which sessions have one, how it begins and goes on, and how it is read again.
//!
//! The broker's part of a recording is a [`Recorder`], which never comes back here: terminal content does not pass
//! `control`. What is here: keys, the place in the archive, what the store remembers, and who may read.

mod finish;
mod keys;
mod read;
mod terms;

use std::sync::Arc;

use postern_archive::{ArchiveError, RecordingName};
use postern_iam::SessionId;
use postern_model::ApiError;
use postern_recording::chain::Head;
use postern_recording::recorder::{Found, Means, Recorder};
use postern_recording::sealed::{DataKey, Opener, file_start, read_start};
use postern_recording::{Mode, Opening};
use postern_store::{RecordingHead, SessionRecord, UnixMillis};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::session::SessionSnapshot;
use crate::{Control, failure};

pub use finish::Finish;
pub(crate) use keys::SigningKeys;
pub(crate) use terms::{Terms, recorded_as};

/// What is read from the archive at once.
const PIECE_BYTES: usize = 1024 * 1024;
/// The longest file whose beginning is no frame yet: a frame and its header.
const MAX_PENDING_BYTES: usize = 2 * postern_recording::sealed::MAX_PLAIN_BYTES;

/// The header of a recording's file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    session_id: SessionId,
    /// The data key, sealed with a key that is derived from the service's, hex.
    data_key: String,
}

pub(crate) fn name_of(record: &SessionRecord) -> RecordingName {
    RecordingName { session_id: record.session_id.clone(), started_at: record.started_at }
}

impl Control {
    /// The recorder of a session that begins, or goes on after a restart of the service. None if it is not recorded.
    ///
    /// # Errors
    /// It must be recorded and cannot be; the log says why, in one sentence for operators.
    pub(crate) async fn recorder(&self, record: &SessionRecord) -> Result<Option<Recorder>, ApiError> {
        let Some(terms) = Terms::of(record)? else { return Ok(None) };
        let started = match self.try_recorder(record, terms).await {
            Ok(recorder) => return Ok(Some(recorder)),
            Err(error) => error,
        };
        tracing::error!(session.id = %record.session_id, error = started, mode = terms.mode.as_str(),
            "a session cannot be recorded");
        match terms.mode {
            Mode::Required => Err(ApiError::not_recorded()),
            Mode::BestEffort | Mode::Off => Ok(None),
        }
    }

    async fn try_recorder(&self, record: &SessionRecord, terms: Terms) -> Result<Recorder, String> {
        let name = name_of(record);
        match self.begin_recording(record, terms, &name).await {
            Err(BeginFailure::Present) => {}
            begun => return begun.map_err(|error| error.to_string()),
        }
        let (mut file, mut found) = (self.recording_file(&name), Found::new());
        match self.look_through(&mut file, &mut found).await {
            Ok(()) if found.is_finished() => Err("its recording is finished".to_owned()),
            Ok(()) if file.frames() > 0 => self.resume_recording(file, found).await,
            // Not even its first frame was written.
            Ok(()) => {
                self.archive.remove(&name).await.map_err(|error| error.to_string())?;
                self.begin_recording(record, terms, &name).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn look_through(&self, file: &mut RecordingFile<'_>, found: &mut Found) -> Result<(), ReadFailure> {
        while let Some(plain) = file.next().await? {
            if !found.push(&plain) {
                return Err(ReadFailure::Damaged);
            }
        }
        Ok(())
    }

    async fn begin_recording(
        &self,
        record: &SessionRecord,
        terms: Terms,
        name: &RecordingName,
    ) -> Result<Recorder, BeginFailure> {
        let data_key = Zeroizing::new(self.random::<32>());
        let header = Header { session_id: record.session_id.clone(), data_key: self.seal_data_key(name, &data_key) };
        let header = serde_json::to_vec(&header).map_err(|error| BeginFailure::Other(error.to_string()))?;
        let keys = self.signing_keys().await.map_err(BeginFailure::Other)?;
        let tail = match self.archive.create(name, file_start(&header)).await {
            Err(ArchiveError::Present(_)) => return Err(BeginFailure::Present),
            made => made.map_err(|error| BeginFailure::Other(error.to_string()))?,
        };
        let SessionSnapshot { session_type, .. } = SessionSnapshot::from(record);
        let opening = Opening {
            session_id: record.session_id.to_string(),
            node_id: record.node_id.to_string(),
            owner: record.owner.to_string(),
            document_name: record.document_name.to_string(),
            session_type: session_type.as_str().to_owned(),
            reason: record.reason.clone(),
            account: self.scope().account.to_string(),
            region: self.scope().region.to_string(),
            started_at: record.started_at,
            mode: terms.mode,
            records_input: terms.records_input,
        };
        let means = Means { key: keys.key, keys: keys.chain, data_key, tail, entropy: Arc::clone(&self.entropy) };
        Recorder::begin(&opening, means, self.clock.now()).map_err(|error| BeginFailure::Other(error.to_string()))
    }

    async fn resume_recording(&self, file: RecordingFile<'_>, found: Found) -> Result<Recorder, String> {
        let keys = self.signing_keys().await?;
        let (frames, end) = (file.frames(), file.end);
        let rest = self.archive.read(file.name, end, PIECE_BYTES).await.map_err(|error| error.to_string())?;
        let Some(Opened { data_key, .. }) = file.opened else { return Err(ReadFailure::Damaged.to_string()) };
        let tail = self.archive.resume(file.name, end).await.map_err(|error| error.to_string())?;
        let means = Means { key: keys.key, keys: keys.chain, data_key, tail, entropy: Arc::clone(&self.entropy) };
        Recorder::resume(found, frames, rest.len() as u64, means, self.clock.now()).map_err(|error| error.to_string())
    }

    /// Remembers a signature in the store, where whoever changes the file cannot reach it. The session is that which
    /// began then.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn recording_signed(
        &self,
        session_id: &SessionId,
        started_at: UnixMillis,
        head: &Head,
    ) -> Result<(), ApiError> {
        let put = self.store.put_recording_head(self.scope(), session_id, started_at, stored(head)).await;
        put.map_err(failure::store)
    }

    fn seal_data_key(&self, name: &RecordingName, key: &[u8; 32]) -> String {
        hex::encode(self.keys.recording_data.seal(&context(name), key, self.random()))
    }

    fn unseal_data_key(&self, name: &RecordingName, header: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let header: Header = serde_json::from_slice(header).ok()?;
        let sealed = hex::decode(&header.data_key).ok()?;
        let key = self.keys.recording_data.unseal(&context(name), &sealed)?;
        let mut data_key = Zeroizing::new([0; 32]);
        (key.len() == data_key.len()).then(|| data_key.copy_from_slice(&key))?;
        Some(data_key)
    }

    /// A recording's file, from its beginning.
    pub(crate) fn recording_file<'a>(&'a self, name: &'a RecordingName) -> RecordingFile<'a> {
        RecordingFile { control: self, name, pending: Vec::new(), at: 0, end: 0, opened: None }
    }
}

/// A recording's file, read frame by frame.
pub(crate) struct RecordingFile<'a> {
    control: &'a Control,
    name: &'a RecordingName,
    pending: Vec<u8>,
    /// How far the file was read.
    at: u64,
    /// Where the last frame that was given out ends.
    end: u64,
    opened: Option<Opened>,
}

/// What the beginning of a file says.
struct Opened {
    opener: Opener,
    header: Vec<u8>,
    data_key: Zeroizing<[u8; 32]>,
}

impl RecordingFile<'_> {
    /// Reads the beginning of the file, if it was not read.
    pub(crate) async fn open(&mut self) -> Result<(), ReadFailure> {
        while self.opened.is_none() && self.read_start()?.is_none() && self.read_on().await? {}
        Ok(())
    }

    /// What the next frame holds. Nothing at the end: of the file, or of what can be opened of it. Behind that lies what
    /// was being written when the machine stopped, or what somebody has changed; heads tell which.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, ReadFailure> {
        loop {
            if let Some(opened) = &mut self.opened {
                match opened.opener.open(&self.pending) {
                    Ok(Some((plain, len))) => {
                        self.pending.drain(..len);
                        self.end += len as u64;
                        return Ok(Some(plain));
                    }
                    Ok(None) if self.pending.len() > MAX_PENDING_BYTES => return Ok(None),
                    Ok(None) => {}
                    Err(_) => return Ok(None),
                }
            } else if self.read_start()?.is_some() {
                continue;
            }
            if !self.read_on().await? {
                return Ok(None);
            }
        }
    }

    fn read_start(&mut self) -> Result<Option<()>, ReadFailure> {
        let start = read_start(&self.pending).map_err(|_| ReadFailure::Damaged)?;
        let Some((header, len)) = start else { return Ok(None) };
        let data_key = self.control.unseal_data_key(self.name, header).ok_or(ReadFailure::Key)?;
        let (opener, header) = (Opener::new(DataKey::new(&data_key)), header.to_vec());
        self.opened = Some(Opened { opener, header, data_key });
        self.pending.drain(..len);
        self.end = len as u64;
        Ok(Some(()))
    }

    /// False at the end of the file.
    async fn read_on(&mut self) -> Result<bool, ReadFailure> {
        let piece = self.control.archive.read(self.name, self.at, PIECE_BYTES).await?;
        self.at += piece.len() as u64;
        self.pending.extend_from_slice(&piece);
        Ok(!piece.is_empty())
    }

    /// Where the last frame that was given out ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Goes to a frame that begins at this byte and has this number.
    pub(crate) fn skip_to(&mut self, end: u64, frames: u64) {
        if let Some(opened) = &mut self.opened {
            opened.opener = Opener::at(DataKey::new(&opened.data_key), frames);
            (self.at, self.end) = (end, end);
            self.pending.clear();
        }
    }

    /// How many frames are before that.
    pub(crate) fn frames(&self) -> u64 {
        self.opened.as_ref().map_or(0, |opened| opened.opener.frames())
    }
}

/// Why a recording does not begin.
#[derive(Debug, thiserror::Error)]
enum BeginFailure {
    /// It has begun before.
    #[error("there is a recording of the session already")]
    Present,
    /// For operators.
    #[error("{0}")]
    Other(String),
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFailure {
    /// The archive does not give it.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It was sealed with another root key, or is another session's.
    #[error("the recording cannot be decrypted with this service's root key")]
    Key,
    /// It is none.
    #[error("the recording's file is damaged")]
    Damaged,
}

fn context(name: &RecordingName) -> String {
    format!("recording {}", name.session_id)
}

fn stored(head: &Head) -> RecordingHead {
    RecordingHead {
        count: head.link.count,
        hash: head.link.hash,
        time: head.time,
        key_id: head.key.to_string(),
        signature: head.signature,
    }
}

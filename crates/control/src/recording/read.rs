//! Reading recordings: for whoever may.

use postern_archive::ArchiveError;
use postern_model::recording::{
    DescribeRecordingRequest, DescribeRecordingResponse, GetRecordingRequest, GetRecordingResponse, Head,
};

use postern_model::{ApiError, ErrorCode, Timestamp};
use postern_store::SessionRecord;

use super::{ReadFailure, name_of};
use crate::authz::act::{self, OnSession};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::session::on_session;
use crate::{Control, failure};

/// A piece is at least this long, where there is so much. One frame more may be in it.
const PIECE_BYTES: usize = 512 * 1024;

impl Control {
    /// `Postern.DescribeRecording`.
    ///
    /// # Errors
    /// `DoesNotExistException` for a session that never was or is not recorded; `AccessDeniedException`.
    pub async fn describe_recording(
        &self,
        caller: &Caller,
        request: DescribeRecordingRequest,
    ) -> Result<DescribeRecordingResponse, ApiError> {
        let session = self.find_session(&request.session_id).await?;
        let on = on_session(&request.session_id, session.as_ref())?;
        let allowed = authorize::<act::DescribeRecording>(caller, on)?;
        self.describe(&allowed, recorded(session, &request.session_id)?).await
    }

    async fn describe(
        &self,
        allowed: &Authorized<act::DescribeRecording>,
        session: SessionRecord,
    ) -> Result<DescribeRecordingResponse, ApiError> {
        let OnSession { id, .. } = allowed.on();
        let known = self.store.recording(self.scope(), id).await.map_err(failure::store)?;
        let chain = self.recording_key_chain().await.map_err(unreadable)?;
        let keys = chain.check().map_err(unreadable)?;
        let end = known.as_ref().and_then(|known| known.end.as_ref());
        Ok(DescribeRecordingResponse {
            session_id: id.to_string(),
            started_at: Timestamp::from_millis(session.started_at),
            ended_at: end.map(|end| Timestamp::from_millis(end.at)),
            head: known.as_ref().map(|known| Head { count: known.head.count, hash: hex::encode(known.head.hash) }),
            output_bytes: end.map(|end| end.output_bytes),
            input_bytes: end.map(|end| end.input_bytes),
            gaps: end.map(|end| end.gaps),
            fingerprint: keys.fingerprint(),
            keys: serde_json::to_value(&chain).map_err(unreadable)?,
        })
    }

    /// `Postern.GetRecording`.
    ///
    /// # Errors
    /// `DoesNotExistException` for a session that never was or is not recorded; `InvalidNextToken`;
    /// `AccessDeniedException`.
    pub async fn get_recording(
        &self,
        caller: &Caller,
        request: GetRecordingRequest,
    ) -> Result<GetRecordingResponse, ApiError> {
        let session = self.find_session(&request.session_id).await?;
        let on = on_session(&request.session_id, session.as_ref())?;
        let allowed = authorize::<act::GetRecording>(caller, on)?;
        self.piece(&allowed, &request, recorded(session, &request.session_id)?).await
    }

    async fn piece(
        &self,
        allowed: &Authorized<act::GetRecording>,
        request: &GetRecordingRequest,
        session: SessionRecord,
    ) -> Result<GetRecordingResponse, ApiError> {
        let known = self.store.recording(self.scope(), &allowed.on().id).await.map_err(failure::store)?;
        // Compressed, its pieces lie elsewhere.
        let compressed = known.is_some_and(|known| known.stored_bytes.is_some());
        let listing = self.listing(request);
        let place: Option<Place> = listing.cursor(request.next_token.as_deref())?;
        let name = name_of(&session);
        let mut file = self.recording_file(&name);
        if let Some(Place { compressed: was_compressed, end, frames }) = place {
            if was_compressed != compressed {
                let message = "The recording was compressed meanwhile; read it from its beginning.";
                return Err(ApiError::new(ErrorCode::InvalidNextToken, message));
            }
            file.open().await.map_err(|error| cannot_read(&session, error))?;
            file.skip_to(end, frames);
        }
        let (mut data, mut next_token) = (Vec::new(), None);
        while let Some(frame) = file.next().await.map_err(|error| cannot_read(&session, error))? {
            data.extend(frame);
            if data.len() >= PIECE_BYTES {
                let place = Place { compressed, end: file.end(), frames: file.frames() };
                next_token = Some(listing.token(&place.to_string()));
                break;
            }
        }
        Ok(GetRecordingResponse { data, next_token })
    }
}

/// Where the next piece begins.
struct Place {
    compressed: bool,
    /// In the file.
    end: u64,
    /// How many frames are before it.
    frames: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", u8::from(self.compressed), self.end, self.frames)
    }
}

impl std::str::FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ').map(|word| word.parse::<u64>().map_err(|_| ()));
        let mut next = || words.next().ok_or(())?;
        Ok(Self { compressed: next()? == 1, end: next()?, frames: next()? })
    }
}

fn recorded(session: Option<SessionRecord>, asked: &str) -> Result<SessionRecord, ApiError> {
    let session = session.ok_or_else(|| ApiError::session_does_not_exist(asked))?;
    match session.recording {
        Some(_) => Ok(session),
        None => Err(not_recorded(&session)),
    }
}

fn not_recorded(session: &SessionRecord) -> ApiError {
    let message = format!(
        "Session {} has no recording: tunnels and copies have none, and neither have sessions that their ends encrypt or \
         for which recording is off.",
        session.session_id
    );
    ApiError::new(ErrorCode::DoesNotExistException, message)
}

fn cannot_read(session: &SessionRecord, error: ReadFailure) -> ApiError {
    match error {
        ReadFailure::Archive(ArchiveError::Missing(_)) => {
            let message = format!("The recording of session {} is not in the archive any more.", session.session_id);
            ApiError::new(ErrorCode::DoesNotExistException, message)
        }
        error => unreadable(error),
    }
}

fn unreadable(error: impl std::fmt::Display) -> ApiError {
    tracing::error!(%error, "a recording cannot be read");
    ApiError::internal()
}

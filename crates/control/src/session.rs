//! Sessions as users ask for them: start, resume, terminate, list.

mod describe;
mod run_as;
mod snapshot;
pub(crate) mod start;
pub(crate) mod turns;

pub use snapshot::SessionSnapshot;

use std::str::FromStr as _;

use postern_iam::{SecretString, SessionId};
use postern_model::session::{
    EndReason, ResumeSessionRequest, ResumeSessionResponse, TerminateSessionRequest, TerminateSessionResponse,
};
use postern_model::{ApiError, ErrorCode};
use postern_store::{RenewToken, RequestTermination, SessionRecord, UnixMillis};

use crate::authz::act::{self, OnSession};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::command::{SessionCommand, encode, session_subject};
use crate::token::{ChannelToken, Grant};
use crate::{Control, failure, millis};

impl Control {
    /// `ResumeSession`: a new token for a session whose data channel was lost. A session that has ended is answered
    /// without a token, because an error would leave a stock plugin waiting for ever (spec data-channel §8.1).
    ///
    /// # Errors
    /// `DoesNotExistException` for a session that never was; `AccessDeniedException`.
    pub async fn resume_session(
        &self,
        caller: &Caller,
        request: ResumeSessionRequest,
    ) -> Result<ResumeSessionResponse, ApiError> {
        let session = self.find_session(&request.session_id).await?;
        let on = on_session(&request.session_id, session.as_ref())?;
        self.resume(authorize::<act::ResumeSession>(caller, on)?).await
    }

    async fn resume(&self, allowed: Authorized<act::ResumeSession>) -> Result<ResumeSessionResponse, ApiError> {
        let id = &allowed.on().id;
        match self.store.renew_token(self.scope(), id).await.map_err(failure::store)? {
            RenewToken::Renewed(session) => {
                let expires_at = self.unix_millis() + millis(self.settings.token_life);
                Ok(ResumeSessionResponse {
                    session_id: id.to_string(),
                    token_value: Some(self.client_token(id, session.token_generation, expires_at)),
                    stream_url: Some(self.stream_url(id)),
                })
            }
            RenewToken::Ended(_) => {
                Ok(ResumeSessionResponse { session_id: id.to_string(), token_value: None, stream_url: None })
            }
            RenewToken::Unknown => Err(ApiError::session_does_not_exist(id.as_str())),
        }
    }

    /// `TerminateSession`: stores that the session is to end and tells its supervisor. Ending an ended session succeeds.
    ///
    /// # Errors
    /// `DoesNotExistException` for a session that never was; `AccessDeniedException`.
    pub async fn terminate_session(
        &self,
        caller: &Caller,
        request: TerminateSessionRequest,
    ) -> Result<TerminateSessionResponse, ApiError> {
        let session = self.find_session(&request.session_id).await?;
        let on = on_session(&request.session_id, session.as_ref())?;
        self.terminate(authorize::<act::TerminateSession>(caller, on)?).await
    }

    async fn terminate(
        &self,
        allowed: Authorized<act::TerminateSession>,
    ) -> Result<TerminateSessionResponse, ApiError> {
        let id = &allowed.on().id;
        let by = allowed.caller().principal.to_string();
        let reason = EndReason::Terminated { by: by.clone() };
        match self.store.request_termination(self.scope(), id, &reason).await.map_err(failure::store)? {
            RequestTermination::Requested(session) => {
                // Who ends a session of one's own knows why it ended.
                let own = session.owner.to_string() == by;
                let output = if own { String::new() } else { reason.details() };
                self.tell_supervisor(id, &SessionCommand::Terminate { reason, output });
            }
            RequestTermination::AlreadyTerminating | RequestTermination::AlreadyEnded => {}
            RequestTermination::Unknown => return Err(ApiError::session_does_not_exist(id.as_str())),
        }
        Ok(TerminateSessionResponse { session_id: id.to_string() })
    }

    /// The session that a caller names, if there is one. Names that are no ids name nothing.
    pub(crate) async fn find_session(&self, name: &str) -> Result<Option<SessionRecord>, ApiError> {
        let Ok(id) = SessionId::from_str(name) else { return Ok(None) };
        self.store.session(self.scope(), &id).await.map_err(failure::store)
    }

    pub(crate) fn tell_supervisor(&self, id: &SessionId, command: &SessionCommand) {
        self.bus.publish(&session_subject(self.scope(), id), encode(command));
    }

    fn client_token(&self, id: &SessionId, generation: u32, expires_at: UnixMillis) -> SecretString {
        let grant = Grant::DataClient(id.clone(), generation);
        ChannelToken { scope: self.scope().clone(), grant, expires_at }.mint(&self.keys.channel_token)
    }

    /// Where both ends open the data channel; stock agents ask for the same path (spec data-channel §1).
    fn stream_url(&self, id: &SessionId) -> String {
        format!("{}/v1/data-channel/{id}?role=publish_subscribe", self.settings.stream_url_base)
    }
}

/// What a decision about a session is about, whether it exists or not: a refusal must not tell the difference.
pub(crate) fn on_session(name: &str, session: Option<&SessionRecord>) -> Result<OnSession, ApiError> {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(96).collect();
    let id = name.parse().map_err(|_| ApiError::session_does_not_exist(&shown))?;
    let node = session.map(|session| session.node_id.clone());
    Ok(OnSession { id, node, owner_id: session.and_then(|session| session.owner_id.clone()) })
}

pub(crate) fn throttled(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::ThrottlingException, message)
}

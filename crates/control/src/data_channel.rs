//! Data channels: who may open which side of which session.
//!
//! The token in the opening message is the authority; it was minted after a decision. A session belongs to the client
//! that opens it first: the same client may use its token again for a moment (stock plugins re-dial with it) and comes
//! back with a new one, another client is somebody who stole it. A signed upgrade is checked as well, never instead: the
//! signer must be the session's owner, or allowed to open its channel, and must not be denied that. Without a signature
//! the token is all there is to judge by, unless the operator wants one.

use postern_iam::{ClientId, NodeId, SecretString, SessionId};
use postern_model::{ApiError, ErrorCode};
use postern_protocol::channel::relay::Side;
use postern_protocol::wire::open::{AgentOpen, ClientOpen, DataOpen};
use postern_store::{AdmitClient, ClientUse, ReachedAgent, SessionRecord};

use crate::authz::act::{self, Channel, OnSession};
use crate::authz::{Authorized, authorize};
use crate::caller::{Caller, Principal};
use crate::failure::Refusal;
use crate::session::{SessionSnapshot, on_session};
use crate::token::{ChannelToken, Grant};
use crate::{Control, failure, millis};

/// The outcome of an opening message that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Attach this side.
    Open(Box<DataAdmission>),
    /// The right client, and too late: send it `channel_closed` with this, or it waits for ever.
    Ended(EndedSession),
}

/// A side of a data channel that may be attached. It takes the place of an older one of the same side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataAdmission {
    /// Which side.
    pub side: Side,
    /// The session.
    pub session: SessionSnapshot,
}

/// A session that ended before its client came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// Which.
    pub session_id: SessionId,
    /// On which node.
    pub node_id: NodeId,
    /// What the client prints.
    pub output: String,
}

impl Control {
    /// `POST /v1/data-channel/{id}`: a token for the agent's side of a session. It is also how the service learns that
    /// the start message arrived.
    ///
    /// # Errors
    /// `AccessDeniedException` for a session that is not the calling node's, or is none; `ValidationException` for one
    /// that has ended. Both have the words "Session is already terminated", which stop a stock agent's attempts
    /// (spec data-channel §8.2).
    pub async fn create_data_channel(&self, caller: &Caller, session_id: &str) -> Result<SecretString, ApiError> {
        let session = self.find_session(session_id).await?;
        let on = on_session(session_id, session.as_ref())?;
        let allowed = authorize::<act::CreateDataChannel>(caller, on).map_err(|denied| match caller.principal {
            // It may be the one that ran a session which nobody knows any more. Whether there is such a session is not
            // for others to find out, so another node's gets the same words.
            Principal::Node { .. } => {
                let reason = Refusal::SessionEnded;
                ApiError::new(denied.code(), format!("{} {reason}, or was never this node's.", denied.message()))
            }
            _ => denied,
        })?;
        self.open_agent_side(allowed).await
    }

    async fn open_agent_side(&self, allowed: Authorized<act::CreateDataChannel>) -> Result<SecretString, ApiError> {
        let OnSession { id, node, .. } = allowed.on();
        let node = node.as_ref().ok_or_else(|| ApiError::session_does_not_exist(id.as_str()))?;
        match self.store.session_reached_agent(self.scope(), id, node).await.map_err(failure::store)? {
            ReachedAgent::Active(_) => {
                let expires_at = self.unix_millis() + millis(self.settings.token_life);
                let grant = Grant::DataAgent(id.clone());
                let token = ChannelToken { scope: self.scope().clone(), grant, expires_at };
                Ok(token.mint(&self.keys.channel_token))
            }
            ReachedAgent::Ended(_) | ReachedAgent::Unknown => {
                Err(ApiError::new(ErrorCode::ValidationException, Refusal::SessionEnded.to_string()))
            }
        }
    }

    /// The opening message of a data channel arrived on the path of this session.
    ///
    /// `signed` is the caller of the upgrade if that was signed.
    ///
    /// # Errors
    /// [`Refusal`]: close the socket and say why.
    pub async fn admit_data_channel(
        &self,
        session_id: &str,
        open: &DataOpen,
        signed: Option<&Caller>,
    ) -> Result<Admission, Refusal> {
        let session_id: SessionId = session_id.parse().map_err(|_| Refusal::OtherChannel)?;
        if signed.is_none() && self.settings.require_signed_data_channels {
            return Err(Refusal::Unsigned);
        }
        let admitted = match open {
            DataOpen::Client(open) => self.admit_client(&session_id, open, signed).await,
            DataOpen::Agent(open) => self.admit_agent(&session_id, open, signed).await,
        };
        if let Err(refusal) = &admitted
            && refusal.is_suspicious()
        {
            let source = signed.and_then(|caller| caller.source_ip);
            tracing::warn!(session.id = %session_id, ?source, %refusal,
                "somebody tried to open a data channel that is not theirs");
        }
        admitted
    }

    async fn admit_client(
        &self,
        session_id: &SessionId,
        open: &ClientOpen,
        signed: Option<&Caller>,
    ) -> Result<Admission, Refusal> {
        let token = self.verify_token(open.token_value.expose())?;
        let generation = match token.grant {
            Grant::DataClient(id, generation) if id == *session_id => generation,
            _ => return Err(Refusal::OtherChannel),
        };
        if signed.is_some() {
            let session = self.store.session(self.scope(), session_id).await?;
            self.check_signer(session_id, session.as_ref(), signed)?;
        }
        let client_id = if open.client_id.is_empty() {
            // `ssm-session` names none. It gets one that nobody can name again, so its token opens once.
            ClientId::generate(&self.random())
        } else {
            open.client_id.parse().map_err(|_| Refusal::ClientIdMalformed)?
        };
        let client =
            ClientUse { generation, client_id, now: self.unix_millis(), reuse_window: self.settings.token_reuse };
        match self.store.admit_client(self.scope(), session_id, client).await? {
            AdmitClient::Admitted(session) => Ok(open_side(Side::Client, &session)),
            AdmitClient::Ended(session) => Ok(Admission::Ended(EndedSession {
                session_id: session.session_id,
                node_id: session.node_id,
                output: session.output,
            })),
            AdmitClient::Superseded => Err(Refusal::TokenSuperseded),
            AdmitClient::OtherClient => Err(Refusal::OtherClient),
            AdmitClient::WindowOver => Err(Refusal::TokenUsed),
            AdmitClient::Unknown => Err(Refusal::SessionUnknown),
        }
    }

    async fn admit_agent(
        &self,
        session_id: &SessionId,
        open: &AgentOpen,
        signed: Option<&Caller>,
    ) -> Result<Admission, Refusal> {
        let token = self.verify_token(open.token_value.expose())?;
        if token.grant != Grant::DataAgent(session_id.clone()) {
            return Err(Refusal::OtherChannel);
        }
        let session = self.store.session(self.scope(), session_id).await?.ok_or(Refusal::SessionUnknown)?;
        if open.client_instance_id != session.node_id.as_str() {
            return Err(Refusal::OtherNode);
        }
        self.check_signer(session_id, Some(&session), signed)?;
        if session.status.is_active() { Ok(open_side(Side::Agent, &session)) } else { Err(Refusal::SessionEnded) }
    }

    fn check_signer(
        &self,
        session_id: &SessionId,
        session: Option<&SessionRecord>,
        signed: Option<&Caller>,
    ) -> Result<(), Refusal> {
        if let Some(caller) = signed {
            let node = session.map(|session| session.node_id.clone());
            let owner_id = session.and_then(|session| session.owner_id.clone());
            let on = Channel(OnSession { id: session_id.clone(), node, owner_id });
            let _allowed = authorize::<act::OpenDataChannel>(caller, on)?;
        }
        Ok(())
    }
}

fn open_side(side: Side, session: &SessionRecord) -> Admission {
    Admission::Open(Box::new(DataAdmission { side, session: SessionSnapshot::from(session) }))
}

//! Sessions: their states, who may open which end, and what is still to be told to whom.
//!
//! A session is *active* (connecting, connected, disconnected, terminating) or *ended* (terminated, failed). It ends
//! once, and nothing about an ended session changes except that its end has been delivered to the node.

use std::time::Duration;

use async_trait::async_trait;
use postern_iam::{Arn, ClientId, DocumentName, NodeId, SessionId};
use postern_model::session::{EndReason, SessionStatus};

use crate::{NodeRecord, Scope, StoreError, UnixMillis};

/// How long a session may last. Neither agent nor client enforces these (spec agent-sessions §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without any stream data for this long, it is terminated.
    pub idle_timeout: Duration,
    /// After this long it is terminated, whatever happens in it.
    pub max_duration: Option<Duration>,
}

/// Recognises a StartSession request that arrives a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRequest {
    /// SHA-256 of the request's signature. A signature names one request of one second by one caller.
    pub signature: [u8; 32],
    /// What the caller's SDK calls this invocation, if it said so. It is not covered by the signature, so it can only
    /// tell a repeated request from a second one that looks the same, never make a replayed one new.
    pub invocation: Option<String>,
}

/// A session that wants to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id, new and random.
    pub session_id: SessionId,
    /// On which node.
    pub node_id: NodeId,
    /// Who asked for it.
    pub owner: Arn,
    /// The user id of who asked for it, as `aws:userid` has it.
    pub owner_id: String,
    /// From which document, as the caller named it.
    pub document_name: DocumentName,
    /// What the node is told to do: the `Content` of its start message, with every parameter resolved.
    pub start_content: String,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// How long.
    pub limits: SessionLimits,
    /// The request it comes from.
    pub request: StartRequest,
    /// What its start was allowed for, so that it can be asked again; see [`crate::DecisionStore::standing_sessions`].
    pub grounds: Option<String>,
    /// How it is recorded, JSON; none if it is not.
    pub recording: Option<String>,
    /// When.
    pub started_at: UnixMillis,
}

/// How many sessions may be active at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionQuota {
    /// On one node.
    pub per_node: u32,
    /// Of one principal, on all nodes.
    pub per_owner: u32,
    /// In the scope.
    pub total: u32,
}

/// Which client holds the client side. The first one that opens it does, for the whole session: another process could
/// not go on with its sequence numbers anyway, and a replayed ResumeSession must not hand the session to somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundClient {
    /// What it calls itself.
    pub client_id: ClientId,
    /// When the present token was first used; not yet, after a new one was issued.
    pub token_used_at: Option<UnixMillis>,
}

/// How a session went, as its agent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentResult {
    /// `Success`, `Failed`, `Cancelled`, `TimedOut`.
    pub status: String,
    /// Error text for the user.
    pub output: String,
}

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub session_id: SessionId,
    /// On which node.
    pub node_id: NodeId,
    /// Who asked for it.
    pub owner: Arn,
    /// The user id of who asked for it; none for a session that is older than these are kept.
    pub owner_id: Option<String>,
    /// From which document.
    pub document_name: DocumentName,
    /// What the node is told to do.
    pub start_content: String,
    /// How it is recorded, JSON; none if it is not.
    pub recording: Option<String>,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// How long.
    pub limits: SessionLimits,
    /// Where it stands.
    pub status: SessionStatus,
    /// Why it stands there, as a sentence; may be empty.
    pub details: String,
    /// When it was asked for.
    pub started_at: UnixMillis,
    /// When both ends were first there.
    pub connected_at: Option<UnixMillis>,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// Why it ended, or is about to.
    pub end_reason: Option<EndReason>,
    /// Counts the client's tokens; only the newest opens the client side.
    pub token_generation: u32,
    /// Who holds the client side.
    pub client: Option<BoundClient>,
    /// The node asked for its side, so it has the start message.
    pub reached_agent: bool,
    /// What the agent said when it was over.
    pub agent_result: Option<AgentResult>,
    /// What the client is told at the end, for the user's eyes.
    pub output: String,
}

/// The answer to [`SessionStore::open_session`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenSession {
    /// It is there, connecting.
    Opened,
    /// The same request opened this session before.
    Replayed(Box<SessionRecord>),
    /// A request with the same signature but of another invocation opened a session before.
    SignatureUsed,
    /// There is no such node.
    NodeUnknown,
    /// The node holds no control channel.
    NodeNotConnected(Box<NodeRecord>),
    /// The node has this many active sessions.
    NodeFull(u32),
    /// Who asked for it has this many active sessions.
    OwnerFull(u32),
    /// The scope has this many active sessions.
    ScopeFull(u32),
}

/// The answer to [`SessionStore::renew_token`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenewToken {
    /// Older tokens are void; the record has the new generation. The client stays the one it is bound to.
    Renewed(Box<SessionRecord>),
    /// It has ended, or is about to.
    Ended(Box<SessionRecord>),
    /// There is no such session.
    Unknown,
}

/// A client that wants to open its side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientUse {
    /// The generation of the token it shows.
    pub generation: u32,
    /// What it calls itself.
    pub client_id: ClientId,
    /// When.
    pub now: UnixMillis,
    /// How long after its first use the token may be used again.
    pub reuse_window: Duration,
}

/// The answer to [`SessionStore::admit_client`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmitClient {
    /// It may.
    Admitted(Box<SessionRecord>),
    /// It could have, but the session has ended; it has to be told so.
    Ended(Box<SessionRecord>),
    /// A newer token was issued.
    Superseded,
    /// The session belongs to another client.
    OtherClient,
    /// The token was used, too long ago to be used again.
    WindowOver,
    /// There is no such session.
    Unknown,
}

/// The answer to [`SessionStore::session_reached_agent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReachedAgent {
    /// The session is active on this node.
    Active(Box<SessionRecord>),
    /// It has ended, or is about to.
    Ended(Box<SessionRecord>),
    /// This node has no such session.
    Unknown,
}

/// The answer to [`SessionStore::request_termination`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestTermination {
    /// It is terminating now.
    Requested(Box<SessionRecord>),
    /// It was terminating already.
    AlreadyTerminating,
    /// It has ended already.
    AlreadyEnded,
    /// There is no such session.
    Unknown,
}

/// The answer to [`SessionStore::record_agent_result`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordAgentResult {
    /// First time heard.
    Recorded,
    /// Heard before, or the session had ended; nothing changed but that the node knows of the end.
    Repeated,
    /// This node has no such session.
    Unknown,
}

/// How a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEnd {
    /// Why; it says also whether the session terminated or failed.
    pub reason: EndReason,
    /// What the client is told, for the user's eyes; may be empty.
    pub output: String,
    /// When.
    pub ended_at: UnixMillis,
    /// The node said so itself: its end is none that it has to be told.
    pub node_knows: bool,
}

/// The answer to [`SessionStore::end_session`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndSession {
    /// It ended now, as asked.
    Ended(Box<SessionRecord>),
    /// It had ended before, as the record says.
    AlreadyEnded(Box<SessionRecord>),
    /// There is no such session.
    Unknown,
}

/// A condition of [`SessionStore::sessions_page`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionFilter {
    /// Started at this moment or later.
    StartedAfter(UnixMillis),
    /// Started before this moment.
    StartedBefore(UnixMillis),
    /// Ended at this moment or later.
    EndedAfter(UnixMillis),
    /// On this node.
    Node(String),
    /// Asked for by this principal.
    Owner(String),
    /// In this state.
    Status(SessionStatus),
    /// This one.
    Id(String),
}

/// Where a page of sessions goes on: after this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCursor {
    /// When the last one shown was started.
    pub started_at: UnixMillis,
    /// Its id.
    pub session_id: SessionId,
}

/// Acts on sessions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Opens a session if the node is connected and the quota allows it. One signature opens one session, ever.
    async fn open_session(
        &self,
        scope: &Scope,
        session: NewSession,
        quota: SessionQuota,
    ) -> Result<OpenSession, StoreError>;

    /// One session.
    async fn session(&self, scope: &Scope, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// Voids the client's tokens and begins a new generation.
    async fn renew_token(&self, scope: &Scope, id: &SessionId) -> Result<RenewToken, StoreError>;

    /// Binds the session to the client that opens it first, and admits only that client again.
    async fn admit_client(&self, scope: &Scope, id: &SessionId, client: ClientUse) -> Result<AdmitClient, StoreError>;

    /// The node asks for its side of the session, so it need not be told to start it again.
    async fn session_reached_agent(
        &self,
        scope: &Scope,
        id: &SessionId,
        node: &NodeId,
    ) -> Result<ReachedAgent, StoreError>;

    /// Both ends are there. False if the session is terminating or ended; then nothing changed.
    async fn session_connected(&self, scope: &Scope, id: &SessionId, now: UnixMillis) -> Result<bool, StoreError>;

    /// An end is gone and may come back. False if the session is not connected; then nothing changed.
    async fn session_disconnected(&self, scope: &Scope, id: &SessionId, details: &str) -> Result<bool, StoreError>;

    /// Somebody wants it to end.
    async fn request_termination(
        &self,
        scope: &Scope,
        id: &SessionId,
        reason: &EndReason,
    ) -> Result<RequestTermination, StoreError>;

    /// The agent says how it went. A failed session says so twice; the first time counts.
    async fn record_agent_result(
        &self,
        scope: &Scope,
        id: &SessionId,
        node: &NodeId,
        result: AgentResult,
    ) -> Result<RecordAgentResult, StoreError>;

    /// Ends it, once.
    async fn end_session(&self, scope: &Scope, id: &SessionId, end: SessionEnd) -> Result<EndSession, StoreError>;

    /// Every active session, oldest first: what a restarted service goes on with. `after` and `limit` page through.
    async fn active_sessions(
        &self,
        scope: &Scope,
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError>;

    /// Connecting sessions whose start message has not reached the node, oldest first.
    async fn pending_starts(&self, scope: &Scope, node: &NodeId, limit: u32) -> Result<Vec<SessionRecord>, StoreError>;

    /// Sessions that are terminating or ended while the node may still be running them, oldest first.
    async fn pending_ends(&self, scope: &Scope, node: &NodeId, limit: u32) -> Result<Vec<SessionId>, StoreError>;

    /// The node has been told that the session is over, or said so itself.
    async fn end_delivered(&self, scope: &Scope, id: &SessionId, node: &NodeId) -> Result<(), StoreError>;

    /// Up to `limit` sessions that are active (or ended) and meet every filter, newest first, from behind `after`.
    async fn sessions_page(
        &self,
        scope: &Scope,
        ended: bool,
        filters: &[SessionFilter],
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError>;

    /// Forgets up to `limit` sessions that ended before this moment. Answers how many.
    async fn forget_ended_sessions(&self, scope: &Scope, before: UnixMillis, limit: u32) -> Result<u64, StoreError>;
}

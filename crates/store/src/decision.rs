//! What is needed to ask again whether sessions that are open are still allowed.

use async_trait::async_trait;
use postern_iam::{Arn, DocumentName, NodeId, SessionId};

use crate::{Scope, SessionCursor, StoreError, UnixMillis};

/// A session that goes on, as far as it matters for whether it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingSession {
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
    /// When it was asked for.
    pub started_at: UnixMillis,
    /// What its start was allowed for; none for a session that is older than this is kept.
    pub grounds: Option<String>,
}

/// What decisions rest on, and what rests on decisions.
#[async_trait]
pub trait DecisionStore: Send + Sync {
    /// A number that grows with every change of what decisions rest on: identities, who is in which group, policies and
    /// what they are attached to, access keys, the tags of nodes and documents. The change and the number are stored
    /// together.
    async fn decision_generation(&self) -> Result<u64, StoreError>;

    /// The same number as cheaply as the backend can, for every request. Each change that anybody was told is stored
    /// counts, whichever process stored it. Only what somebody changed behind the service's back, with a shell on the
    /// database, may not count until [`DecisionStore::decision_generation`] is asked again.
    async fn known_generation(&self) -> Result<u64, StoreError>;

    /// Sessions that were started at this moment or later, and that nobody has asked to end, oldest first. `after` and
    /// `limit` page through.
    async fn standing_sessions(
        &self,
        scope: &Scope,
        since: UnixMillis,
        after: Option<&SessionCursor>,
        limit: u32,
    ) -> Result<Vec<StandingSession>, StoreError>;
}

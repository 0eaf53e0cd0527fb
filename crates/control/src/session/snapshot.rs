//! What the broker needs to know of a session.

use std::time::Duration;

use postern_iam::{Arn, DocumentName, NodeId, SessionId};
use postern_model::document::SessionType;
use postern_model::session::SessionStatus;
use postern_protocol::wire::payload::SessionStart;
use postern_store::{SessionLimits, SessionRecord, UnixMillis};

/// A session at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// Its id, also that of its data channel.
    pub session_id: SessionId,
    /// On which node.
    pub node_id: NodeId,
    /// Who asked for it.
    pub owner: Arn,
    /// From which document.
    pub document_name: DocumentName,
    /// What happens in it.
    pub session_type: SessionType,
    /// Stock agents must not be paused in it: standard output and error travel apart (spec data-channel §5).
    pub separate_output: bool,
    /// The stream is encrypted between the ends; the broker sees ciphertext.
    pub encrypted: bool,
    /// Where it stands.
    pub status: SessionStatus,
    /// How long it may last.
    pub limits: SessionLimits,
    /// When it was asked for.
    pub started_at: UnixMillis,
    /// The node's side asked for its channel at least once.
    pub reached_agent: bool,
}

impl SessionSnapshot {
    /// How long ago it was asked for.
    #[must_use]
    pub fn age(&self, now: UnixMillis) -> Duration {
        Duration::from_millis(now.saturating_sub(self.started_at))
    }
}

impl From<&SessionRecord> for SessionSnapshot {
    fn from(record: &SessionRecord) -> Self {
        // Our own writing; were it not readable, the safest guess is a shell.
        let start: SessionStart = serde_json::from_str(&record.start_content).unwrap_or_default();
        let document = start.document_content;
        let session_type = SessionType::from_name(&document.session_type).unwrap_or(SessionType::StandardStream);
        let separate = |properties: postern_protocol::wire::payload::CommandProperties| {
            [properties.linux, properties.macos, properties.windows].iter().any(|system| system.separate_output_stream)
        };
        let has_key = document.inputs().is_ok_and(|inputs| !inputs.kms_key_id.is_empty());
        Self {
            session_id: record.session_id.clone(),
            node_id: record.node_id.clone(),
            owner: record.owner.clone(),
            document_name: record.document_name.clone(),
            session_type,
            separate_output: session_type == SessionType::NonInteractiveCommands
                && document.command().is_ok_and(separate),
            encrypted: has_key && session_type != SessionType::Port,
            status: record.status,
            limits: record.limits,
            started_at: record.started_at,
            reached_agent: record.reached_agent,
        }
    }
}

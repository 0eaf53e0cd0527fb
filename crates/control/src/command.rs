//! What is said on the bus, and on which subjects. Everything is a hint: whoever misses one reads the store.

use bytes::Bytes;
use postern_iam::{NodeId, SessionId};
use postern_model::session::EndReason;
use postern_store::Scope;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// To whoever holds a node's control channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum NodeCommand {
    /// There may be sessions to start or to end: ask [`crate::Control::pending_work`]. Also said when messages of the
    /// bus were lost.
    WorkPending,
    /// Send `channel_closed` for this session, then call [`crate::Control::end_delivered`].
    EndSession {
        /// Which.
        session_id: SessionId,
    },
    /// A newer control channel of the same node is there: close this one.
    Displaced {
        /// Only the holder of this one is meant.
        connection_id: String,
        /// Why, for the log and the close frame.
        reason: String,
    },
    /// The node was removed: end its sessions, then close the control channel.
    Deregistered,
}

/// To the supervisor of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum SessionCommand {
    /// Somebody wants it to end; that is stored already.
    Terminate {
        /// Why.
        reason: EndReason,
        /// What the client prints.
        output: String,
    },
    /// The agent says that it is over.
    AgentCompleted {
        /// It could not run, or was stopped by a fault.
        failed: bool,
        /// Error text for the user.
        output: String,
    },
    /// The node's control channel came or went.
    NodeConnected {
        /// Whether it is there.
        connected: bool,
    },
}

pub(crate) fn node_subject(scope: &Scope, node: &NodeId) -> String {
    format!("node.{}.{}.{node}", scope.account, scope.region)
}

/// Whether a node is connected, for the supervisors of its sessions.
pub(crate) fn presence_subject(scope: &Scope, node: &NodeId) -> String {
    format!("presence.{}.{}.{node}", scope.account, scope.region)
}

pub(crate) fn session_subject(scope: &Scope, session: &SessionId) -> String {
    format!("session.{}.{}.{session}", scope.account, scope.region)
}

pub(crate) fn encode(command: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(command).expect("commands are texts, booleans and reasons"))
}

/// Nothing for what another release says and this one does not understand.
pub(crate) fn decode<T: DeserializeOwned>(message: &[u8]) -> Option<T> {
    serde_json::from_slice(message).inspect_err(|error| tracing::warn!(%error, "an unknown command on the bus")).ok()
}

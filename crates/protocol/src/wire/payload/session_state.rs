//! `agent_session_state`: what the agent tells the service on the data channel.

use serde::{Deserialize, Serialize};

use super::JsonPayload;
use super::json::null_is_default;

/// Where a session on the node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Sent once, first of all, on the agent's first connection.
    Connected,
    /// The shell or command has ended by itself; all its output is sent.
    Terminating,
    /// Unknown here; to be ignored.
    Other(String),
}

impl SessionState {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Connected => "Connected",
            Self::Terminating => "Terminating",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for SessionState {
    fn from(name: String) -> Self {
        match name.as_str() {
            "Connected" => Self::Connected,
            "Terminating" => Self::Terminating,
            _ => Self::Other(name),
        }
    }
}

impl From<SessionState> for String {
    fn from(state: SessionState) -> Self {
        state.as_str().to_owned()
    }
}

/// An absent state is an unknown one.
impl Default for SessionState {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl Serialize for SessionState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SessionState {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// A session's state as its agent reports it (spec messages 5.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AgentSessionState {
    /// Always 1.
    #[serde(deserialize_with = "null_is_default")]
    pub schema_version: i64,
    /// The state.
    #[serde(deserialize_with = "null_is_default")]
    pub session_state: SessionState,
    /// The session.
    #[serde(deserialize_with = "null_is_default")]
    pub session_id: String,
}

impl JsonPayload for AgentSessionState {
    const NAME: &'static str = "agent_session_state";
    const MAX_BYTES: usize = 4 * 1024;
}

//! The JSON text that opens a channel: the first WebSocket message after the upgrade, and the
//! only text message either end ever sends (spec messages 7, agent-control-channel 1.2).
//!
//! Parsing checks the form. Whether a token opens anything is decided elsewhere.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::Fault;
use super::payload::PayloadError;
use super::payload::json::{null_is_default, parse_json};

/// The largest opening message that is parsed, in bytes. Tokens of AWS have below 2 KiB.
pub const MAX_OPEN_BYTES: usize = 16 * 1024;

/// The value of `MessageSchemaVersion` in every opening message and in the calls before it.
pub const MESSAGE_SCHEMA_VERSION: &str = "1.0";

/// Why a text is not an opening message. Always the peer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error("the opening message cannot be read")]
    Unreadable(#[from] PayloadError),
    /// It has no token, so it cannot open anything.
    #[error("the opening message has no TokenValue")]
    TokenMissing,
}

impl OpenError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Unreadable(error) => error.fault(),
            Self::TokenMissing => Fault::PeerMisbehaved,
        }
    }
}

/// What opens one side of one channel. It cannot print itself.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// The token's text, for the wire or for checking it. Never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl From<&str> for Token {
    fn from(token: &str) -> Self {
        Self(token.to_owned())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What a client opens its data channel with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ClientOpen {
    /// Always [`MESSAGE_SCHEMA_VERSION`].
    #[serde(deserialize_with = "null_is_default")]
    pub message_schema_version: String,
    /// A fresh UUID.
    #[serde(deserialize_with = "null_is_default")]
    pub request_id: String,
    /// From StartSession or ResumeSession.
    #[serde(deserialize_with = "null_is_default")]
    pub token_value: Token,
    /// Chosen by the client's process and kept across its reconnects.
    #[serde(deserialize_with = "null_is_default")]
    pub client_id: String,
    /// Only from clients since 1.2.677.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// Only from our client: it takes [`SessionEnding`](super::payload::SessionEnding).
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "std::ops::Not::not")]
    pub ending_warnings: bool,
}

/// What an agent opens its data channel with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AgentOpen {
    /// Always [`MESSAGE_SCHEMA_VERSION`].
    #[serde(deserialize_with = "null_is_default")]
    pub message_schema_version: String,
    /// A fresh UUID.
    #[serde(deserialize_with = "null_is_default")]
    pub request_id: String,
    /// From CreateDataChannel.
    #[serde(deserialize_with = "null_is_default")]
    pub token_value: Token,
    /// The managed node. Its presence is what tells an agent from a client.
    #[serde(deserialize_with = "null_is_default")]
    pub client_instance_id: String,
    /// Empty from stock agents.
    #[serde(deserialize_with = "null_is_default")]
    pub client_id: String,
    /// Only from our agent, so that the broker knows before the first message whom it has to do with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
}

/// What an agent opens its control channel with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ControlOpen {
    /// Null from stock agents, and so from ours.
    pub cookie: Option<String>,
    /// Always [`MESSAGE_SCHEMA_VERSION`].
    #[serde(deserialize_with = "null_is_default")]
    pub message_schema_version: String,
    /// A fresh UUID.
    #[serde(deserialize_with = "null_is_default")]
    pub request_id: String,
    /// From CreateControlChannel.
    #[serde(deserialize_with = "null_is_default")]
    pub token_value: Token,
    /// Version of the agent.
    #[serde(deserialize_with = "null_is_default")]
    pub agent_version: String,
    /// `linux`, `windows` or `macos`.
    #[serde(deserialize_with = "null_is_default")]
    pub platform_type: String,
}

/// The opening message of a data channel, from whichever end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataOpen {
    /// It has no `ClientInstanceId`.
    Client(ClientOpen),
    /// It has one.
    Agent(AgentOpen),
}

impl DataOpen {
    /// Reads the opening message of a data channel and tells the two ends apart.
    ///
    /// # Errors
    /// If it cannot be read or has no token.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        struct Side {
            client_instance_id: Option<IgnoredAny>,
        }
        let side: Side = read(text)?;
        Ok(match side.client_instance_id {
            Some(_) => Self::Agent(AgentOpen::parse(text)?),
            None => Self::Client(ClientOpen::parse(text)?),
        })
    }
}

impl ClientOpen {
    /// Reads it.
    ///
    /// # Errors
    /// If it cannot be read or has no token.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let open: Self = read(text)?;
        require_token(&open.token_value)?;
        Ok(open)
    }

    /// Writes it.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

impl AgentOpen {
    /// Reads it.
    ///
    /// # Errors
    /// If it cannot be read or has no token.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let open: Self = read(text)?;
        require_token(&open.token_value)?;
        Ok(open)
    }

    /// Writes it.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

impl ControlOpen {
    /// Reads it.
    ///
    /// # Errors
    /// If it cannot be read or has no token.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let open: Self = read(text)?;
        require_token(&open.token_value)?;
        Ok(open)
    }

    /// Writes it.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, OpenError> {
    Ok(parse_json("opening message", MAX_OPEN_BYTES, text.as_bytes())?)
}

fn write<T: Serialize>(open: &T) -> String {
    serde_json::to_string(open).expect("opening messages have string keys only")
}

fn require_token(token: &Token) -> Result<(), OpenError> {
    if token.expose().is_empty() { Err(OpenError::TokenMissing) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const CLIENT: &str = r#"{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"hunter2","ClientId":"c","ClientVersion":"1.2.677.0"}"#;
    const AGENT: &str = r#"{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"hunter2","ClientInstanceId":"mi-1","ClientId":""}"#;
    const CONTROL: &str = r#"{"Cookie":null,"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"hunter2","AgentVersion":"3.3.0.0","PlatformType":"linux"}"#;

    #[test]
    fn texts_are_written_as_the_stock_ends_write_them() {
        assert_eq!(ClientOpen::parse(CLIENT).unwrap().to_json(), CLIENT);
        assert_eq!(AgentOpen::parse(AGENT).unwrap().to_json(), AGENT);
        assert_eq!(ControlOpen::parse(CONTROL).unwrap().to_json(), CONTROL);
        let old = CLIENT.replace(r#","ClientVersion":"1.2.677.0""#, "");
        assert_eq!(ClientOpen::parse(&old).unwrap().client_version, None);
        assert_eq!(ClientOpen::parse(&old).unwrap().to_json(), old);
    }

    #[test]
    fn the_node_id_tells_agents_from_clients() {
        assert!(matches!(DataOpen::parse(CLIENT), Ok(DataOpen::Client(open)) if open.client_id == "c"));
        assert!(matches!(DataOpen::parse(AGENT), Ok(DataOpen::Agent(open)) if open.client_instance_id == "mi-1"));
    }

    #[test]
    fn without_a_token_nothing_opens() {
        for text in ["{}", r#"{"TokenValue":null}"#, r#"{"TokenValue":""}"#] {
            assert_eq!(DataOpen::parse(text), Err(OpenError::TokenMissing), "{text}");
            assert_eq!(ControlOpen::parse(text), Err(OpenError::TokenMissing), "{text}");
        }
        for text in ["", "[", r#"{"TokenValue":7}"#, &" ".repeat(MAX_OPEN_BYTES + 1)] {
            assert!(matches!(DataOpen::parse(text), Err(OpenError::Unreadable(_))));
        }
    }

    #[test]
    fn a_token_never_prints() {
        let shown = format!("{:?}{:?}", DataOpen::parse(CLIENT), ControlOpen::parse(CONTROL));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

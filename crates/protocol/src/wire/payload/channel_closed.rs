//! `channel_closed`: the service's word that a session is over.

use serde::{Deserialize, Serialize};

use super::JsonPayload;
use super::json::null_is_default;

/// The end of a session, for either end.
///
/// Strings must be strings and SchemaVersion a number, or the stock agent does not close
/// (spec messages 5.2). `Output` is always written: AWS's agent has no such key and ignores it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChannelClosed {
    /// Always `channel_closed`.
    #[serde(deserialize_with = "null_is_default")]
    pub message_type: String,
    /// An id as text; nobody compares it with the header's.
    #[serde(deserialize_with = "null_is_default")]
    pub message_id: String,
    /// The managed node.
    #[serde(deserialize_with = "null_is_default")]
    pub destination_id: String,
    /// The session.
    #[serde(deserialize_with = "null_is_default")]
    pub session_id: String,
    /// Always 1.
    #[serde(deserialize_with = "null_is_default")]
    pub schema_version: i64,
    /// A date as text: milliseconds since the epoch on control channels.
    #[serde(deserialize_with = "null_is_default")]
    pub created_date: String,
    /// Why, for the user's eyes; empty for a normal end.
    #[serde(deserialize_with = "null_is_default")]
    pub output: String,
}

impl ChannelClosed {
    /// What the type field always holds.
    pub const MESSAGE_TYPE: &'static str = "channel_closed";
}

impl JsonPayload for ChannelClosed {
    const NAME: &'static str = "channel_closed";
    // An agent's error text arrives in Output; stock agents cut theirs at 24,000 characters.
    const MAX_BYTES: usize = 256 * 1024;
}

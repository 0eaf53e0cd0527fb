//! What our own ends offer each other beyond AWS's protocol: one extra key, `Postern`, in the two
//! handshake messages. Stock ends ignore it; an end that does not see it uses no extension.

use serde::{Deserialize, Deserializer, Serialize};

use super::Size;
use super::json::{is_false, null_is_default};

/// What the channel itself may do beyond AWS's protocol, whatever the session is. Both ends offer the same; what only one
/// of them offers is not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChannelOffer {
    /// One acknowledgement may be for all messages up to one.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub cumulative_acknowledgements: bool,
    /// Stream messages may come without a digest.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub digest_optional: bool,
}

impl ChannelOffer {
    /// What both offer.
    #[must_use]
    pub const fn agreed(self, other: Self) -> Self {
        Self {
            cumulative_acknowledgements: self.cumulative_acknowledgements && other.cumulative_acknowledgements,
            digest_optional: self.digest_optional && other.digest_optional,
        }
    }
}

/// The agent's offer, in the handshake request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AgentOffer {
    /// Version of the extensions; see [`crate::EXTENSION_VERSION`].
    #[serde(deserialize_with = "null_is_default")]
    pub version: u32,
    /// Shells report an exit code when they end, too.
    #[serde(deserialize_with = "null_is_default")]
    pub exit_status: bool,
    /// The newest dialect of the multiplexer that the agent speaks in a port session; 0 if it is no port session, or
    /// the agent knows only AWS's.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_zero")]
    pub multiplexer: u32,
    /// What the channel itself may do.
    #[serde(flatten)]
    pub channel: ChannelOffer,
    /// The command takes standard input and signals.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub standard_input: bool,
}

/// The client's answer, in the handshake response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ClientOffer {
    /// Version of the extensions; see [`crate::EXTENSION_VERSION`].
    #[serde(deserialize_with = "null_is_default")]
    pub version: u32,
    /// The client understands the exit code of a shell.
    #[serde(deserialize_with = "null_is_default")]
    pub exit_status: bool,
    /// The dialect of the multiplexer that the client takes of those that the agent offered; 0 for AWS's.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_zero")]
    pub multiplexer: u32,
    /// What the channel itself may do.
    #[serde(flatten)]
    pub channel: ChannelOffer,
    /// The client sends the command's standard input, its end, and signals.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub standard_input: bool,
    /// Size of the terminal, so that the first prompt is already drawn for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal_size: Option<Size>,
    /// The terminal's type as in `TERM`, e.g. `xterm-256color`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

pub(super) trait Offer {
    fn version(&self) -> u32;
}

impl Offer for AgentOffer {
    fn version(&self) -> u32 {
        self.version
    }
}

impl Offer for ClientOffer {
    fn version(&self) -> u32 {
        self.version
    }
}

/// Reads an offer. One that cannot be read, or that has no version, is none: extensions fall back,
/// they never fail a handshake.
pub(super) fn offer<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Offer + serde::de::DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    let offer = serde_json::from_value::<T>(value).ok();
    Ok(offer.filter(|offer| offer.version() > 0))
}

//! `acknowledge`: one for every stream message that was accepted, or between our own ends one for all up to it.

use serde::{Deserialize, Serialize};

use super::JsonPayload;
use super::json::{is_false, null_is_default};
use crate::wire::{Frame, Header, MessageId, MessageType};

/// Which message is acknowledged. Both stock ends look at the sequence number only
/// (spec messages 5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Acknowledge {
    /// The type of the acknowledged message.
    #[serde(deserialize_with = "null_is_default")]
    pub acknowledged_message_type: String,
    /// Its id as text.
    #[serde(deserialize_with = "null_is_default")]
    pub acknowledged_message_id: String,
    /// Its sequence number.
    #[serde(deserialize_with = "null_is_default")]
    pub acknowledged_message_sequence_number: i64,
    /// Always true.
    #[serde(deserialize_with = "null_is_default")]
    pub is_sequential_message: bool,
    /// Every message up to this one was accepted. An extension between our own ends; not written when false, so that
    /// stock ends see their own bytes.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub cumulative: bool,
}

impl Acknowledge {
    /// The acknowledgement of a message of this type, id and sequence number.
    pub fn new(message_type: MessageType, message_id: MessageId, sequence_number: i64) -> Self {
        Self {
            acknowledged_message_type: message_type.as_str().to_owned(),
            acknowledged_message_id: message_id.to_string(),
            acknowledged_message_sequence_number: sequence_number,
            is_sequential_message: true,
            cumulative: false,
        }
    }

    /// The same for every message up to this one.
    #[must_use]
    pub fn cumulative(self) -> Self {
        Self { cumulative: true, ..self }
    }
}

impl From<&Frame> for Acknowledge {
    fn from(frame: &Frame) -> Self {
        Self::new(frame.message_type, frame.message_id, frame.sequence_number)
    }
}

impl From<&Header> for Acknowledge {
    fn from(header: &Header) -> Self {
        Self::new(header.message_type, header.message_id, header.sequence_number)
    }
}

impl JsonPayload for Acknowledge {
    const NAME: &'static str = "acknowledge";
    const MAX_BYTES: usize = 4 * 1024;
}

//! What a peer did wrong with one message. Nothing in here ends a channel: the machines drop the
//! message, name its fault and live on; the driver decides how much of it a peer may do.

use crate::wire::payload::PayloadError;
use crate::wire::{Fault, FrameError, MessageType};

/// Why one message of a peer was dropped. The machine that reports it is as it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The bytes are not a frame.
    #[error("the message is not a frame")]
    Frame(#[from] FrameError),
    /// The frame's payload is not what its type promises.
    #[error("the payload of a message cannot be read")]
    Payload(#[from] PayloadError),
    /// This end never sends this type, or nobody knows the type.
    #[error("a message of type {message_type} is not expected from this end")]
    Unexpected {
        /// The type of the message.
        message_type: MessageType,
    },
    /// The number is negative, or so far ahead that no receiver would keep the message.
    #[error("sequence number {sequence_number} is outside what can be received now")]
    SequenceNumber {
        /// The number of the message, or the one it acknowledges.
        sequence_number: i64,
    },
    /// Too many of its messages wait already.
    #[error("too many messages of this peer wait already")]
    TooMany,
    /// In an encrypted session the payload is too short to hold a nonce. Both stock decrypt
    /// routines crash on it (spec data-channel 7).
    #[error("an encrypted payload of {len} bytes cannot hold its nonce")]
    Undecipherable {
        /// Size of the payload in bytes.
        len: usize,
    },
}

impl PeerError {
    /// Whose fault it is: always the peer's; malformed or misbehaved.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Frame(error) => error.fault(),
            Self::Payload(error) => error.fault(),
            Self::Unexpected { .. } | Self::SequenceNumber { .. } | Self::TooMany | Self::Undecipherable { .. } => {
                Fault::PeerMisbehaved
            }
        }
    }
}

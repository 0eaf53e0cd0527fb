//! WebSocket framing (RFC 6455), both roles, without a socket.
//!
//! The base protocol and nothing else: no extensions, hence no compression and no reserved bits.
//! [`Decoder`] takes whatever bytes have arrived and gives whole messages; [`encode`] appends one
//! message to a buffer that many share before it is written. Upgrading an HTTP connection is the
//! caller's business, except for the two values that belong to the protocol: [`accept_key`] and
//! [`request_key`].

mod close;
mod decoder;
mod encode;
mod error;
mod handshake;
mod mask;

use bytes::Bytes;

pub use close::{CloseHandshake, close_code};
pub use decoder::Decoder;
pub use encode::{MAX_HEADER_BYTES, encode, encode_header};
pub use error::WebSocketError;
pub use handshake::{accept_key, request_key};

/// Which end we are. It decides who masks: the client always, the server never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that dialled: masks what it sends, takes only unmasked frames.
    Client,
    /// The end that accepted: sends unmasked, takes only masked frames.
    Server,
}

/// A whole message, or a control frame.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// Text; always valid UTF-8.
    Text(String),
    /// Bytes, shared with the buffer they arrived in.
    Binary(Bytes),
    /// To be answered with a pong of the same payload, of at most 125 bytes.
    Ping(Bytes),
    /// An answer, or a sign of life nobody asked for.
    Pong(Bytes),
    /// The end: a code and a reason of at most 123 bytes, or neither.
    Close(Option<(u16, String)>),
}

impl Message {
    /// The size of the payload in bytes, without the WebSocket header.
    pub fn payload_len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes.len(),
            Self::Close(None) => 0,
            Self::Close(Some((_, reason))) => 2 + reason.len(),
        }
    }
}

/// Shows kind and size: opening messages carry tokens, binary ones what users type.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Binary(bytes) => write!(f, "Binary({} bytes)", bytes.len()),
            Self::Ping(bytes) => write!(f, "Ping({} bytes)", bytes.len()),
            Self::Pong(bytes) => write!(f, "Pong({} bytes)", bytes.len()),
            Self::Close(reason) => f.debug_tuple("Close").field(reason).finish(),
        }
    }
}

/// The four bits that say what a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message before it.
    Continuation = 0x0,
    /// A text message, or its beginning.
    Text = 0x1,
    /// A binary message, or its beginning.
    Binary = 0x2,
    /// The end.
    Close = 0x8,
    /// A question for signs of life.
    Ping = 0x9,
    /// The answer.
    Pong = 0xA,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// Control frames are short, whole, and may stand between the fragments of a message.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The most bytes that a control frame's payload has.
pub const MAX_CONTROL_BYTES: usize = 125;

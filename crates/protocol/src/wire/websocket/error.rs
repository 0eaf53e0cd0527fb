//! What a peer can do wrong on a WebSocket, and the close code that answers it.

use super::close_code;
use crate::wire::Fault;

/// Why a WebSocket connection cannot go on. Always the peer's fault, and final: the decoder that
/// gave it gives it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketError {
    /// A reserved bit is set, though no extension was agreed on.
    #[error("a WebSocket frame has reserved bits set")]
    ReservedBits,
    /// The opcode has no meaning.
    #[error("a WebSocket frame has the reserved opcode {0:#x}")]
    ReservedOpcode(u8),
    /// A client did not mask.
    #[error("a WebSocket client sent an unmasked frame")]
    Unmasked,
    /// A server masked.
    #[error("a WebSocket server sent a masked frame")]
    Masked,
    /// A 64-bit length has its highest bit set.
    #[error("a WebSocket frame has an impossible length")]
    Length,
    /// The message would be larger than allowed. Nothing was allocated for it.
    #[error("a WebSocket message is larger than the allowed {max} bytes")]
    TooLarge {
        /// The bound in bytes.
        max: usize,
    },
    /// A control frame is cut into fragments.
    #[error("a WebSocket control frame is fragmented")]
    FragmentedControl,
    /// A control frame has more than 125 bytes.
    #[error("a WebSocket control frame has more than 125 bytes")]
    LongControl,
    /// A continuation came with nothing to continue.
    #[error("a WebSocket continuation frame continues nothing")]
    UnexpectedContinuation,
    /// A new message began inside another.
    #[error("a WebSocket message began before the one before it had ended")]
    InterruptedMessage,
    /// Text, or the reason of a close, is not UTF-8.
    #[error("a WebSocket text is not valid UTF-8")]
    Utf8,
    /// A close frame has one byte, or a code that may not be sent.
    #[error("a WebSocket close frame has an invalid code")]
    CloseCode,
}

impl WebSocketError {
    /// The code to close the connection with.
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => close_code::TOO_LARGE,
            Self::Utf8 => close_code::INVALID_PAYLOAD,
            _ => close_code::PROTOCOL_ERROR,
        }
    }

    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::TooLarge { .. } => Fault::PeerMisbehaved,
            _ => Fault::PeerMalformed,
        }
    }
}

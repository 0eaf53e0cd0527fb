//! What a peer did wrong. In a stream of frames there is no going on after any of it.

use super::StreamId;
use crate::wire::Fault;

/// Why the peer's stream of frames cannot be followed. The session ends with it as the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MuxError {
    /// The first byte of a frame is another dialect's.
    #[error("the peer's multiplexer speaks version {found} where version {expected} was agreed upon")]
    Version {
        /// What came.
        found: u8,
        /// What was to come.
        expected: u8,
    },
    /// A command that the dialect does not have.
    #[error("the peer's multiplexer sent the unknown command {0}")]
    Command(u8),
    /// A frame whose length its command does not allow.
    #[error("the peer's multiplexer sent command {command} with {length} bytes")]
    Length {
        /// The command.
        command: u8,
        /// Bytes that it announced.
        length: u16,
    },
    /// A command that only the other role may send.
    #[error("the peer's multiplexer sent command {0}, which is not for its end to send")]
    Role(u8),
    /// A number that cannot be a new stream's.
    #[error("the peer's multiplexer opened stream {0}, a number that is not the next one")]
    NotNew(StreamId),
    /// A frame for a stream that never was.
    #[error("the peer's multiplexer wrote to stream {0}, which was never opened")]
    NeverOpened(StreamId),
    /// A frame that the state of its stream does not allow.
    #[error("the peer's multiplexer sent command {command} on stream {stream} once too often")]
    Repeated {
        /// The stream.
        stream: StreamId,
        /// The command.
        command: u8,
    },
    /// More data than the stream's window had room for.
    #[error("the peer's multiplexer sent more on stream {0} than it was allowed to")]
    Window(StreamId),
    /// Far more streams than there may be, and no answer of ours is taken.
    #[error("the peer's multiplexer opens streams without end and does not take the refusals")]
    Flood,
}

impl MuxError {
    /// Whose fault it is: always the peer's.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Version { .. } | Self::Command(_) | Self::Length { .. } => Fault::PeerMalformed,
            _ => Fault::PeerMisbehaved,
        }
    }
}

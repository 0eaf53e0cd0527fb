//! What the channel tells the application.

use std::fmt;

use bytes::Bytes;

use crate::channel::cipher::CipherError;
use crate::wire::PayloadType;
use crate::wire::payload::{ChannelClosed, HandshakeComplete, HandshakeRequest, HandshakeResponse, SessionEnding};

/// What the application has to know.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// Client: the agent asks; answer with [`super::DataChannel::respond_handshake`].
    HandshakeRequest(HandshakeRequest),
    /// Agent: the client has answered; go on with [`super::DataChannel::complete_handshake`].
    HandshakeResponse(HandshakeResponse),
    /// Client: the session begins.
    HandshakeComplete(HandshakeComplete),
    /// Client: stream data came without any handshake, so this is a stock agent's
    /// `Standard_Stream` session, and it begins.
    SessionTypeAssumed,
    /// Stream data in order. Taking it is what acknowledges it. An encryption challenge comes this
    /// way too, and does not wait for the end of the handshake.
    Data {
        /// What the payload is.
        payload_type: PayloadType,
        /// The payload.
        payload: Bytes,
    },
    /// Data of an encrypted session that the other end cannot have sent. The channel is of no more use.
    Undecipherable(CipherError),
    /// The service says that the session is over. Nothing follows. A client has got everything
    /// that came before; an agent is told at once, for it is to stop.
    ChannelClosed(ChannelClosed),
    /// Client: the service says that a limit of the session is near. It comes before everything that waits.
    SessionEnding(SessionEnding),
    /// Agent: the client sent data and no answer, so it knows no handshake. The session begins
    /// without one; there is no [`super::DataChannel::complete_handshake`] to say.
    HandshakeIgnored,
    /// Agent: the client did not answer in time. The channel is of no more use.
    HandshakeTimedOut,
}

/// Shows the size of data, not the data: terminal content never reaches a log.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandshakeRequest(request) => f.debug_tuple("HandshakeRequest").field(request).finish(),
            Self::HandshakeResponse(response) => f.debug_tuple("HandshakeResponse").field(response).finish(),
            Self::HandshakeComplete(complete) => f.debug_tuple("HandshakeComplete").field(complete).finish(),
            Self::SessionTypeAssumed => f.write_str("SessionTypeAssumed"),
            Self::Data { payload_type, payload } => {
                f.debug_struct("Data").field("payload_type", payload_type).field("bytes", &payload.len()).finish()
            }
            Self::Undecipherable(error) => f.debug_tuple("Undecipherable").field(error).finish(),
            Self::ChannelClosed(closed) => f.debug_tuple("ChannelClosed").field(closed).finish(),
            Self::SessionEnding(ending) => f.debug_tuple("SessionEnding").field(ending).finish(),
            Self::HandshakeIgnored => f.write_str("HandshakeIgnored"),
            Self::HandshakeTimedOut => f.write_str("HandshakeTimedOut"),
        }
    }
}

//! One end of a session's data channel: handshake, order, acknowledgement, resending, pause, close.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::PeerError;
use crate::Now;
use crate::wire::PayloadType;
use crate::wire::payload::{ChannelClosed, HandshakeComplete, HandshakeRequest, HandshakeResponse, SessionState};

/// Which end of the channel this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends input, receives output, answers the handshake.
    Client,
    /// Sends output, receives input, opens the handshake.
    Agent,
}

/// What a data channel is built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which end this is.
    pub role: Role,
    /// The most bytes of one stream payload; [`DataChannel::write`] cuts at it.
    pub max_payload: usize,
    /// The most bytes of stream data that may be unacknowledged.
    pub send_window_bytes: usize,
    /// The most bytes of received stream data that are kept until the application takes them.
    pub receive_window_bytes: usize,
    /// How long the agent waits for the answer to its handshake request.
    pub handshake_timeout: Duration,
    /// Where the message ids come from: any number, another one for each channel.
    pub message_id_seed: u64,
}

impl Config {
    /// The settings of our own ends, which stock peers accept as well.
    pub fn new(role: Role, message_id_seed: u64) -> Self {
        Self {
            role,
            max_payload: 32 * 1024,
            send_window_bytes: 4 * 1024 * 1024,
            receive_window_bytes: 8 * 1024 * 1024,
            handshake_timeout: Duration::from_secs(15),
            message_id_seed,
        }
    }
}

/// What the application has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Client: the agent asks; answer with [`DataChannel::respond_handshake`].
    HandshakeRequest(HandshakeRequest),
    /// Agent: the client has answered; go on with [`DataChannel::complete_handshake`].
    HandshakeResponse(HandshakeResponse),
    /// Client: the session begins.
    HandshakeComplete(HandshakeComplete),
    /// Client: stream data came without any handshake, so this is a stock agent's
    /// `Standard_Stream` session, and it begins.
    SessionTypeAssumed,
    /// Stream data in order. Taking it is what acknowledges it.
    Data {
        /// What the payload is.
        payload_type: PayloadType,
        /// The payload.
        payload: Bytes,
    },
    /// The service says that the session is over. Nothing follows.
    ChannelClosed(ChannelClosed),
    /// Agent: the client did not answer in time.
    HandshakeTimedOut,
}

/// Why a write was refused. The data stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Stream data before the handshake is through.
    #[error("the handshake is not complete")]
    HandshakePending,
    /// More than [`DataChannel::write_capacity`] allows.
    #[error("the send window has room for {capacity} bytes only")]
    WindowFull {
        /// Bytes that fit now.
        capacity: usize,
    },
    /// The service has closed the channel.
    #[error("the channel is closed")]
    Closed,
}

/// One end of a data channel. See the [grammar](super).
#[derive(Debug)]
pub struct DataChannel {
    config: Config,
}

impl DataChannel {
    /// A channel whose socket is not open yet.
    pub fn new(config: Config) -> Self {
        Self { config }
    }
    /// The socket is open and the opening message is on its way: everything unacknowledged is
    /// sent again, in order, at once.
    pub fn handle_connected(&mut self, _now: Now) {}
    /// The socket is gone.
    pub fn handle_disconnected(&mut self, _now: Now) {}
    /// A binary message came.
    pub fn handle_message(&mut self, _message: Bytes, _now: Now) -> Result<(), PeerError> {
        Ok(())
    }
    /// The next message for the socket.
    pub fn poll_transmit(&mut self, _now: Now) -> Option<Bytes> {
        None
    }
    /// Whether `poll_transmit` has something.
    pub fn has_transmit(&self) -> bool {
        false
    }
    /// The next thing for the application.
    pub fn poll_event(&mut self, _now: Now) -> Option<Event> {
        None
    }
    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, _now: Now) {}
    /// Agent: opens the handshake.
    pub fn request_handshake(&mut self, _request: HandshakeRequest, _now: Now) {}
    /// Client: answers it.
    pub fn respond_handshake(&mut self, _response: HandshakeResponse, _now: Now) {}
    /// Agent: ends it.
    pub fn complete_handshake(&mut self, _complete: HandshakeComplete, _now: Now) {}
    /// Bytes of stream data that `write` takes now; 0 means wait.
    pub fn write_capacity(&self) -> usize {
        self.config.send_window_bytes
    }
    /// Queues stream data.
    pub fn write(&mut self, _payload_type: PayloadType, _data: Bytes, _now: Now) -> Result<(), WriteError> {
        Ok(())
    }
    /// Agent: tells the service where the session stands.
    pub fn send_session_state(&mut self, _state: SessionState, _session_id: &str, _now: Now) {}
    /// Whether nothing is queued and nothing unacknowledged.
    pub fn is_drained(&self) -> bool {
        true
    }
    /// Whether the service has asked this agent to hold back.
    pub fn is_paused(&self) -> bool {
        false
    }
    /// Bytes of stream data sent or queued and not acknowledged.
    pub fn unacknowledged_bytes(&self) -> usize {
        0
    }
    /// Bytes received and not taken; above [`Config::receive_window_bytes`] the driver stops reading.
    pub fn receive_backlog_bytes(&self) -> usize {
        0
    }
}

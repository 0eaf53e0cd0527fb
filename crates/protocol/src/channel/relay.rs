//! The broker between the two ends of a session.

use std::time::Instant;

use bytes::Bytes;

use super::PeerError;
use crate::Now;
use crate::wire::payload::ChannelClosed;

/// One of the two legs of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Toward the user.
    Client,
    /// Toward the managed node.
    Agent,
}

/// What a relay is built from.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// The most bytes kept for this session, both directions together.
    pub max_buffer_bytes: usize,
    /// Whether the session had a relay before whose memory is gone: the service was restarted.
    pub resumed: bool,
    /// Whether the agent may be paused. Not in `NonInteractiveCommands` sessions with separate
    /// output of stock agents, whose readers stop for good (spec data-channel 5).
    pub may_pause: bool,
    /// Where the ids of the service's own messages come from.
    pub message_id_seed: u64,
}

impl RelayConfig {
    /// The settings of a session that has just been started.
    pub fn new(message_id_seed: u64) -> Self {
        Self { max_buffer_bytes: 1024 * 1024, resumed: false, may_pause: true, message_id_seed }
    }
}

/// Who is at the other end of a leg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// Whether it is our own program: it orders, re-acknowledges and resends by itself.
    pub ours: bool,
    /// The version that it announced, for logs.
    pub version: Option<String>,
}

/// What the session's supervisor has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayEvent {
    /// The agent reported that its session runs.
    AgentConnected,
    /// The agent reported that its session has ended by itself.
    AgentTerminating,
    /// Every output message was acknowledged by the client.
    OutputDrained,
    /// User data came from this side; said once however much came since the last poll.
    Activity(Side),
    /// A ping toward this side is needed; tell the pong with [`Relay::handle_pong`].
    WantsPing(Side),
}

/// The broker's half of a session. See the [grammar](super).
#[derive(Debug)]
pub struct Relay {
    config: RelayConfig,
}

impl Relay {
    /// A relay without legs.
    pub fn new(config: RelayConfig) -> Self {
        Self { config }
    }
    /// A leg is open. One that was open on the same side is replaced.
    pub fn attach(&mut self, _side: Side, _leg: Leg, _now: Now) {}
    /// The leg is gone.
    pub fn detach(&mut self, _side: Side, _now: Now) {}
    /// A binary message came.
    pub fn handle_message(&mut self, _from: Side, _message: Bytes, _now: Now) -> Result<(), PeerError> {
        Ok(())
    }
    /// A pong came.
    pub fn handle_pong(&mut self, _from: Side, _now: Now) {}
    /// The next message for this side's socket.
    pub fn poll_transmit(&mut self, _to: Side, _now: Now) -> Option<Bytes> {
        None
    }
    /// Whether `poll_transmit` may have something.
    pub fn has_transmit(&self, _to: Side) -> bool {
        false
    }
    /// Whether to read from this side's socket.
    pub fn wants_read(&self, _from: Side) -> bool {
        self.config.max_buffer_bytes > 0
    }
    /// The next thing for the supervisor.
    pub fn poll_event(&mut self) -> Option<RelayEvent> {
        None
    }
    /// The session is over for this side; its last message says so.
    pub fn close(&mut self, _to: Side, _closed: ChannelClosed, _now: Now) {}
    /// Whether everything for this side was sent and acknowledged.
    pub fn is_drained(&self, _to: Side) -> bool {
        true
    }
    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, _now: Now) {}
    /// Bytes kept now, both directions.
    pub fn buffered_bytes(&self) -> usize {
        0
    }
}

//! The agent's end of the control channel.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::ControlTransmit;
use crate::Now;
use crate::channel::PeerError;
use crate::wire::payload::{ChannelClosed, InteractiveShell, TaskComplete};

/// What an agent's control channel is built from.
#[derive(Clone, Debug)]
pub struct AgentControlConfig {
    /// How long the socket may be silent before a ping is sent.
    pub ping_interval: Duration,
    /// How long after a ping the socket may stay silent before it counts as dead.
    pub pong_timeout: Duration,
    /// Where the message ids come from.
    pub message_id_seed: u64,
}

impl AgentControlConfig {
    /// The usual settings: a dead service is noticed within 30 s.
    pub fn new(message_id_seed: u64) -> Self {
        Self { ping_interval: Duration::from_secs(15), pong_timeout: Duration::from_secs(15), message_id_seed }
    }
}

/// What the agent has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentControlEvent {
    /// Start this session, unless it runs already.
    StartSession(InteractiveShell),
    /// End this session.
    TerminateSession(ChannelClosed),
    /// The socket is dead: drop it, connect again, then call `handle_connected`.
    ServiceSilent,
}

/// The agent's end; it lives as long as the agent and sees many sockets.
#[derive(Debug)]
pub struct AgentControl {
    _config: AgentControlConfig,
}

impl AgentControl {
    /// An end whose socket is not open yet.
    pub fn new(config: AgentControlConfig) -> Self {
        Self { _config: config }
    }
    /// The socket is open and the opening message sent.
    pub fn handle_connected(&mut self, _now: Now) {}
    /// The socket is gone.
    pub fn handle_disconnected(&mut self, _now: Now) {}
    /// A binary message came.
    pub fn handle_message(&mut self, _message: Bytes, _now: Now) -> Result<(), PeerError> {
        Ok(())
    }
    /// A pong or a ping came.
    pub fn handle_keepalive(&mut self, _now: Now) {}
    /// What goes on the socket next.
    pub fn poll_transmit(&mut self, _now: Now) -> Option<ControlTransmit> {
        None
    }
    /// What to do next.
    pub fn poll_event(&mut self) -> Option<AgentControlEvent> {
        None
    }
    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, _now: Now) {}
    /// Reports the end of a session until the service has heard it.
    pub fn complete_task(&mut self, _task: TaskComplete, _now: Now) {}
    /// How many reports the service has not heard yet.
    pub fn unacknowledged_tasks(&self) -> usize {
        0
    }
}

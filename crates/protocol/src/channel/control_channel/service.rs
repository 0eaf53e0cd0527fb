//! The service's end of the control channel.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::ControlTransmit;
use crate::Now;
use crate::channel::PeerError;
use crate::wire::payload::{ChannelClosed, InteractiveShell, TaskComplete};

/// What the service's end of a control channel is built from.
#[derive(Clone, Debug)]
pub struct ServiceControlConfig {
    /// How long the socket may be silent before a ping is sent.
    pub ping_interval: Duration,
    /// How long after a ping the socket may stay silent before it counts as dead.
    pub pong_timeout: Duration,
    /// Where the message ids come from.
    pub message_id_seed: u64,
}

impl ServiceControlConfig {
    /// The usual settings: a dead agent is noticed within 30 s.
    pub fn new(message_id_seed: u64) -> Self {
        Self { ping_interval: Duration::from_secs(18), pong_timeout: Duration::from_secs(12), message_id_seed }
    }
}

/// What the service has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceControlEvent {
    /// A session has ended; said once for each report. Taking it is what acknowledges it.
    TaskComplete(TaskComplete),
    /// The socket is dead.
    AgentSilent,
}

/// The service's end of one socket; another socket gets another one.
#[derive(Debug)]
pub struct ServiceControl {
    _config: ServiceControlConfig,
}

impl ServiceControl {
    /// The end of a socket on which the opening message was accepted.
    pub fn new(config: ServiceControlConfig, _now: Now) -> Self {
        Self { _config: config }
    }
    /// Starts a session.
    pub fn start_session(&mut self, _start: &InteractiveShell, _now: Now) {}
    /// Ends a session.
    pub fn terminate_session(&mut self, _closed: &ChannelClosed, _now: Now) {}
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
    /// What to know next.
    pub fn poll_event(&mut self) -> Option<ServiceControlEvent> {
        None
    }
    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, _now: Now) {}
}

//! Both ends of the control channel: sessions are started, ended and reported on it.

mod agent;
mod service;

pub use agent::{AgentControl, AgentControlConfig, AgentControlEvent};
pub use service::{ServiceControl, ServiceControlConfig, ServiceControlEvent};

use bytes::Bytes;

/// What goes on a control channel's socket next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlTransmit {
    /// A binary message.
    Message(Bytes),
    /// A WebSocket ping; its payload is [`KEEPALIVE`].
    Ping,
}

/// The payload of keep-alive pings, as stock ends send it.
pub const KEEPALIVE: &[u8] = b"keepalive";

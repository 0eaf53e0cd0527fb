//! Both ends of the control channel: sessions are started, ended and reported on it.
//!
//! Messages here are neither numbered nor acknowledged as on a data channel; only the report of a
//! session's end is answered by a message of its own. Which sessions exist, and what starting one
//! means, is the application's business.

mod agent;
mod liveness;
mod service;

use std::fmt;

use bytes::Bytes;

pub use self::agent::{AgentControl, AgentControlConfig, AgentControlEvent};
pub use self::service::{ServiceControl, ServiceControlConfig, ServiceControlEvent};
use crate::Now;
use crate::wire::{Flags, Frame, MessageIds, MessageType, PayloadType};

/// What goes on a control channel's socket next.
#[derive(Clone, PartialEq, Eq)]
pub enum ControlTransmit {
    /// A binary message.
    Message(Bytes),
    /// A WebSocket ping; its payload is [`KEEPALIVE`].
    Ping,
}

/// Shows the size of a message: session parameters may hold secrets.
impl fmt::Debug for ControlTransmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => write!(f, "Message({} bytes)", message.len()),
            Self::Ping => f.write_str("Ping"),
        }
    }
}

/// The payload of keep-alive pings, as stock ends send it (spec agent-control-channel 1.3).
pub const KEEPALIVE: &[u8] = b"keepalive";

/// Writes a message of the control channel: no number and, unlike on data channels, no flags
/// (spec agent-control-channel 2).
fn encode(message_type: MessageType, payload: Bytes, ids: &mut MessageIds, now: Now) -> Bytes {
    let frame = Frame {
        message_type,
        created_millis: now.unix_millis,
        sequence_number: 0,
        flags: Flags::NONE,
        message_id: ids.next(),
        payload_type: PayloadType::NONE,
        payload,
    };
    frame.encode()
}

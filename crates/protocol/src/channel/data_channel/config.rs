//! What a data channel is built from.

use std::time::Duration;

use crate::wire::{MessageType, SENT_PAYLOAD_BYTES};

/// Which end of the channel this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends input, receives output, answers the handshake.
    Client,
    /// Sends output, receives input, opens the handshake.
    Agent,
}

impl Role {
    pub(super) const fn sends(self) -> MessageType {
        match self {
            Self::Client => MessageType::InputStreamData,
            Self::Agent => MessageType::OutputStreamData,
        }
    }

    pub(super) const fn receives(self) -> MessageType {
        match self {
            Self::Client => MessageType::OutputStreamData,
            Self::Agent => MessageType::InputStreamData,
        }
    }
}

/// What a delay of a millisecond adds to a terminal's window: 16 MB/s, more than terminals show.
pub const WINDOW_PER_MILLISECOND: usize = 16 * 1024;

/// What a data channel is built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which end this is.
    pub role: Role,
    /// The most bytes of one stream payload; [`super::DataChannel::write`] cuts at it. At least 1.
    pub max_payload: usize,
    /// The most bytes of stream data that may be unacknowledged.
    pub send_window_bytes: usize,
    /// The most of them on a path without delay; each millisecond of the shortest round trip seen so far allows
    /// `window_per_millisecond` more, up to `send_window_bytes`. What is under way comes before whatever is decided
    /// later, a `^C` or a small answer, and beyond what the path itself holds it only waits.
    pub near_window_bytes: usize,
    /// How much more for each millisecond: the speed that is worth reaching over a long path, in bytes per millisecond.
    pub window_per_millisecond: usize,
    /// The most bytes of received stream data that are kept until the application takes them.
    pub receive_window_bytes: usize,
    /// How long the agent waits for the answer to its handshake request.
    pub handshake_timeout: Duration,
    /// Where the message ids come from: any number, another one for each channel.
    pub message_id_seed: u64,
}

impl Config {
    /// The settings of our own ends, which stock peers accept as well. The handshake is given the
    /// 15 s that the stock agent gives it (spec data-channel 6.2).
    pub const fn new(role: Role, message_id_seed: u64) -> Self {
        Self {
            role,
            max_payload: SENT_PAYLOAD_BYTES,
            send_window_bytes: 4 * 1024 * 1024,
            near_window_bytes: 4 * 1024 * 1024,
            window_per_millisecond: WINDOW_PER_MILLISECOND,
            receive_window_bytes: 8 * 1024 * 1024,
            handshake_timeout: Duration::from_secs(15),
            message_id_seed,
        }
    }
}

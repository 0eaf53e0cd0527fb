//! Many connections over one session: the byte stream of a port session, cut into streams.
//!
//! What both ends send as payload type 1 in a multiplexed port session is, put together in order, one byte stream of
//! frames. [`Multiplexer`] is one end of it. The client opens streams, one for each connection that it accepted; the
//! agent accepts them, one for each connection that it makes.
//!
//! Two dialects are spoken:
//!
//! * [`Dialect::Smux1`] toward AWS's ends: version 1 of the smux protocol (spec session-types §6.5). Streams have no
//!   windows, so one connection that is not read holds up all others, and a stream ends as a whole when one direction
//!   ends.
//! * [`Dialect::Postern2`] between our ends, negotiated by the offer `Multiplexer` (`docs/protocol-extensions.md`).
//!   Each stream has a window that its receiver grants, each direction ends by itself, and a stream that could not be
//!   connected says why.
//!
//! # How to drive it
//!
//! ```text
//! payload type 1 from the data channel ──► handle_data ──► poll_event: Opened, Connected, Readable, Writable, Reset
//! read(stream) ──► the connection's socket                the connection's socket ──► write(stream)
//! poll_transmit(room) ──► payload type 1 to the data channel
//! ```
//!
//! * Take data from the data channel while [`Multiplexer::wants_data`] holds. In the second dialect it always does.
//! * After `handle_data` poll events until there is none. [`Event::Readable`]: call [`Multiplexer::read`] until it says
//!   [`Read::Nothing`] or [`Read::Finished`], but only as fast as the connection takes it: what was read is what the
//!   other end may send again. [`Event::Writable`]: the stream takes more after [`Multiplexer::write_capacity`] was 0.
//! * Ask for a payload only when it can leave at once: the choice between streams is made in `poll_transmit`, and what
//!   has left it waits in front of everything that comes later. Pass what the data channel's `write_capacity` says;
//!   below [`MIN_TRANSMIT_BYTES`] nothing comes.
//! * A connection that ended is told with [`Multiplexer::finish`], one that could not be made or is given up with
//!   [`Multiplexer::reset`], and one that broke with [`Multiplexer::break_off`]. When [`Multiplexer::has_half_close`] is false, a stream is over after either direction's
//!   end: after `finish` nothing can be read, and after [`Read::Finished`] nothing can be written, but `finish` is still
//!   to be called.
//! * An error of `handle_data` is the peer's fault and final: the session ends with it as the cause.
//!
//! A stream is forgotten when both directions have ended and both ends were told, or after a reset. Acts on a forgotten
//! stream do nothing.
//!
//! # Bounds
//!
//! Everything the peer can make this end hold is bounded by [`Config`]: streams by number; received data by the windows,
//! [`BASE_WINDOW_BYTES`] for each stream and `receive_bytes` for all together on top; data that waits for being sent by
//! `send_bytes`. In the first dialect received data is bounded by `receive_bytes` and one payload.

mod byte_queue;
mod error;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod machine;
mod mode;
mod reset;
mod stream;
mod window;

use std::fmt;

use bytes::Bytes;

pub use error::MuxError;
pub use machine::Multiplexer;
pub use mode::{OFFERED_DIALECT, PortMode};
pub use reset::{Reset, ResetReason};

/// The most bytes of one payload that [`Multiplexer::poll_transmit`] makes: one slice of one stream, or many small ones.
pub const MAX_TRANSMIT_BYTES: usize = crate::wire::SENT_PAYLOAD_BYTES;

/// Below this much room no payload is made: a full window that opens by a few bytes would cost a message for each few.
pub const MIN_TRANSMIT_BYTES: usize = 4 * 1024;

/// What a stream may always receive, whatever the other streams hold.
pub const BASE_WINDOW_BYTES: usize = 16 * 1024;

/// What a stream may receive from the start, as long as few others do.
pub const INITIAL_WINDOW_BYTES: usize = 256 * 1024;

/// What a stream's window grows to when its sender would send more and its receiver keeps up: 80 MB/s over 100 ms.
pub const MAX_WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// Which end of the session this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The client: it opens streams.
    Opener,
    /// The agent: it accepts them.
    Acceptor,
}

/// How the ends talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Version 1 of smux, as AWS's ends speak it.
    Smux1,
    /// Our own: windows, half-close, reasons.
    Postern2,
}

impl Dialect {
    /// The first byte of every frame.
    const fn version(self) -> u8 {
        match self {
            Self::Smux1 => 1,
            Self::Postern2 => 2,
        }
    }
}

/// What a multiplexer is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which end this is.
    pub role: Role,
    /// How the ends talk.
    pub dialect: Dialect,
    /// The most streams at a time. The peer is told so for each one beyond.
    pub max_streams: usize,
    /// Received data that may wait to be read: in the second dialect above the base windows of all streams, in the first
    /// in all.
    pub receive_bytes: usize,
    /// Written data that may wait to be sent, in all streams together. With many streams each may still hold 1 KiB.
    pub send_bytes: usize,
}

impl Config {
    /// The settings of our own ends. The first dialect gets the stock ends' receive budget (spec session-types §6.5).
    pub const fn new(role: Role, dialect: Dialect) -> Self {
        let receive_bytes = match dialect {
            Dialect::Smux1 => 4 * 1024 * 1024,
            Dialect::Postern2 => 32 * 1024 * 1024,
        };
        Self { role, dialect, max_streams: 2048, receive_bytes, send_bytes: 1024 * 1024 }
    }
}

/// One connection's number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(
    /// Odd; 3 is the first, and none is used twice.
    pub u32,
);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the application has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Acceptor: the peer has opened a stream. Make its connection, then [`Multiplexer::accept`] or
    /// [`Multiplexer::reset`] it.
    Opened(StreamId),
    /// Opener: the connection at the other end is made. In the first dialect nobody says so, and this comes at once.
    Connected(StreamId),
    /// There is data to read, or the end of it.
    Readable(StreamId),
    /// A stream whose capacity was 0 takes data again.
    Writable(StreamId),
    /// The peer dropped the stream in both directions. It is forgotten, with what had not been read; an opener is told
    /// of a connection that has broken when it has read what had come before.
    Reset(StreamId, Reset),
}

/// What a stream has for its reader.
#[derive(Clone, PartialEq, Eq)]
pub enum Read {
    /// Data, never empty.
    Data(Bytes),
    /// Nothing now; [`Event::Readable`] follows. Also for a stream that is forgotten.
    Nothing,
    /// Nothing any more: the peer has ended this direction.
    Finished,
}

/// Shows the size of data, not the data: what flows through a tunnel never reaches a log.
impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(data) => write!(f, "Data({} bytes)", data.len()),
            Self::Nothing => f.write_str("Nothing"),
            Self::Finished => f.write_str("Finished"),
        }
    }
}

/// Why a write was refused. The data stays with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// More than [`Multiplexer::write_capacity`] said.
    #[error("the stream has room for {capacity} bytes only")]
    Full {
        /// Bytes that fit now.
        capacity: usize,
    },
    /// The stream is forgotten, or this direction has ended.
    #[error("the stream takes no more data")]
    Closed,
}

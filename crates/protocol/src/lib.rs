//! The protocol of Session Manager's message channels, without a socket in sight.
//!
//! Four layers live here, and all are used unchanged by the service, the agent, the client, the
//! simulator and the fuzzers:
//!
//! * [`wire`] turns bytes into messages and messages into bytes: the binary frame, every payload
//!   that travels in it, the JSON opening messages, and the WebSocket framing around all of them.
//! * [`channel`] holds the state machines that speak with those messages: data channel, relay and
//!   control channel.
//! * [`mux`] carries many connections in the data of one session.
//! * [`transfer`] is what our own ends say to each other inside a data channel when they copy files.
//!
//! Nothing in this crate opens a socket, reads a clock, draws randomness, spawns a task or touches
//! a file. Time comes in as [`Now`], chance as a seed or through [`Entropy`], so that a failure
//! seen once can be replayed.
//!
//! # Trust
//!
//! Every byte given to a decoder is written by a stranger. Decoders are total: any input gives a
//! value or an error that names the field and whose fault it is, never a panic, and never an
//! allocation whose size the peer chose. The bounds are constants next to the decoders
//! ([`wire::MAX_FRAME_BYTES`], [`wire::open::MAX_OPEN_BYTES`], `JsonPayload::MAX_BYTES`,
//! [`transfer::MAX_BODY_BYTES`]).

#![warn(missing_docs)]

pub mod channel;
mod entropy;
pub mod mux;
mod time;
pub mod transfer;
pub mod wire;

pub use entropy::Entropy;
pub use time::{Clock, Now};

/// The version our agent announces in its handshake request and its opening message.
///
/// Stock clients decide by it: the multiplexer is used above 3.0.196.0, and its keep-alive is left
/// out above 3.1.1511.0. They compare only versions of four numeric parts (spec data-channel 6.4).
pub const AGENT_VERSION: &str = "3.4.1.0";

/// The version our client announces in its opening message and its handshake response.
///
/// Stock agents decide by it: the multiplexer is used from 1.1.70 on, its keep-alive is left out
/// above 1.2.331.0, and separate output streams need more than 1.2.295 (spec data-channel 6.4).
pub const CLIENT_VERSION: &str = "1.2.999.0";

/// The version of the protocol extensions that both of our ends offer under the `Postern` key.
pub const EXTENSION_VERSION: u32 = 1;

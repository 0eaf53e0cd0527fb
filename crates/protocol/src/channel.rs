//! The state machines that speak with [`crate::wire`]'s messages.
//!
//! Three families, one grammar. A machine owns no socket, no clock and no randomness: it is told
//! what happened and asked what to do.
//!
//! * `handle_*` takes what happened: a socket opened or closed, a message came, a deadline passed.
//! * `poll_transmit` gives the next message for the socket, `poll_event` the next thing for the
//!   application, `poll_timeout` the moment at which `handle_timeout` wants to be called.
//! * Plain verbs (`write`, `attach`, `start_session`) are the application's wishes.
//! * Getters take `&self`.
//!
//! After any `handle_*` or verb the driver polls transmissions and events until both give `None`,
//! then sleeps until `poll_timeout` or the next happening. Calling `handle_timeout` early, late or
//! twice is harmless.
//!
//! * [`data_channel`] is one end of a session's data channel, for our agent and our client.
//! * [`relay`] is the broker between two such ends, stock ones included.
//! * [`cipher`] is what the two ends put between them and everybody else, the relay included.
//! * [`control_channel`] is both ends of the channel over which sessions are started and reported.

mod acknowledgement;
pub mod cipher;
pub mod control_channel;
pub mod data_channel;
#[doc(hidden)]
pub mod fuzz;
mod opaque;
mod peer_error;
pub mod relay;
mod sequence_set;

pub use peer_error::PeerError;
pub use sequence_set::SequenceSet;

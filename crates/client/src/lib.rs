//! A session from the user's side, as a library: the user's configuration and credentials, the calls that start and
//! end sessions, and the session itself between a terminal and the service.
//!
//! It knows nothing of command lines; what it says to people while a session runs goes to standard error (the
//! plugin's texts to standard output, since scripts look for them there). It opens sockets only through
//! `postern-transport` and never sends a token outside TLS except to this machine itself.

mod access;
pub mod config;
mod console;
mod copy;
mod encryption;
mod ending;
mod escape;
mod handshake;
mod leg;
mod link;
mod printable;
mod sentence;
mod service;
mod session;
mod signals;
mod stream_url;
pub mod terminal;
mod tunnel;

pub use access::{Access, AccessError, DataKey, EncryptionContext, Resumed};
pub use console::{Console, Input};
pub use copy::{CopyFailure, CopyRunner, CopyWork};
pub use handshake::SessionType;
pub use link::LinkError;
pub use printable::{PrintableStream, printable, printable_lines};
pub use sentence::sentence;
pub use service::{CallError, Overrides, Service};
pub use session::{Cause, Ended, Manner, SessionError, SessionRunner, Ticket};
pub use signals::Signal;
pub use stream_url::StreamUrlError;
pub use tunnel::{Arrival, Flow, Tunnel, TunnelEvent, TunnelOpener};

//! Where a session may be forwarded to, and how it gets there.
//!
//! A destination is judged by the address that is connected to, never by its spelling: a host becomes addresses once,
//! each address is judged, and an [`Allowed`] address, which nobody else can make, is what is connected to. Between
//! the judgement and the connection no name is looked up again.
//!
//! Refused by default, in every spelling and inside every kind of IPv6 address that carries an IPv4 one: link-local
//! addresses, the metadata and credential endpoints of clouds, addresses that mean no host or many, and for documents
//! with a remote host the node itself. The agent's settings allow and deny more (`docs/forwarding.md`).

mod address;
mod destination;
mod host;
mod pattern;
mod policy;
#[cfg(test)]
mod spellings;

use std::net::SocketAddr;

pub(crate) use destination::{Destination, NotConnected};
pub(crate) use host::{Host, NoHost};
pub use pattern::Patterns;
pub(crate) use policy::ForwardPolicy;

/// An address that was judged and may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed(SocketAddr);

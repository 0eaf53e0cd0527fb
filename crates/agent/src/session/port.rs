//! A session of type `Port`: connections to a destination that the document names.
//!
//! Never encrypted by a KMS key, and never as anybody: connections have no account. Where it may lead is
//! [`crate::forward`]'s to say; this is about moving bytes. Without `type` there is one connection and its raw bytes,
//! as `ssh` wants it; with `LocalPortForwarding` there are many, multiplexed, or one after the other with a client
//! that is too old for that (spec session-types §6).

mod connection;
mod multiplexed;
mod single;

use postern_protocol::mux::PortMode;
use tokio::sync::mpsc;

use super::channel::SessionChannel;
use super::handshake::Client;
use super::{End, Terminate};
use crate::forward::{Destination, NotConnected};
use crate::link::Connect;

/// How the client uses the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortUse {
    /// One connection, which is the session.
    Connection,
    /// Local ports of the client's.
    Forwarding,
}

/// Refuses a destination that may not be connected to. A host that has no address now may have one later.
pub(super) async fn judge(destination: &Destination) -> Result<(), End> {
    match destination.judge().await {
        Err(NotConnected::Forbidden(forbidden)) => Err(End::Failed(forbidden.to_string())),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Runs the session to its end.
pub(super) async fn run<C: Connect>(
    channel: &mut SessionChannel<C>,
    destination: Destination,
    port_use: PortUse,
    client: &Client,
    mailbox: &mut mpsc::Receiver<Terminate>,
) -> End {
    let mode = match port_use {
        PortUse::Connection => return single::run(channel, &destination, false, mailbox).await,
        PortUse::Forwarding => PortMode::with_client(&client.version, client.offer.as_ref()),
    };
    match mode {
        PortMode::Basic => single::run(channel, &destination, true, mailbox).await,
        PortMode::Multiplexed { dialect, keeps_alive } => {
            multiplexed::run(channel, destination, dialect, keeps_alive, mailbox).await
        }
    }
}

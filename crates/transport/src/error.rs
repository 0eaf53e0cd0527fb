//! What can go wrong between this machine and a peer, each with the cause and the fix in one sentence.

use std::io;
use std::time::Duration;

use postern_protocol::wire::websocket::WebSocketError;
use thiserror::Error;

use crate::endpoint::EndpointError;
use crate::proxy::ProxyError;
use crate::trust::TrustError;

/// Whose fault a failure is; from that follow the log level and whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What the caller or the operator gave is wrong: trying again gives the same answer.
    Caller,
    /// The network or a machine on the way: trying again may help.
    Network,
    /// The peer broke the rules of the protocol.
    Peer,
}

/// A failure to reach a peer or to talk with it. Display tells this layer; the cause is `source()`.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The URL cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The CA file or fingerprint cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The proxy setting cannot be used, or the proxy refused.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The host name has no address.
    #[error("the name {host} cannot be resolved; check the endpoint's spelling and this machine's DNS")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The host has an address that connections of this kind may not go to.
    #[error("{host} has an address that is not of the public internet, and the settings allow no other")]
    OutOfReach {
        /// As it was named.
        host: String,
    },
    /// No address of the host accepted a connection.
    #[error(
        "{authority} does not accept connections; check that the service runs there and that no firewall is in between"
    )]
    Connect {
        /// Host and port.
        authority: String,
        /// The last address's error.
        source: io::Error,
    },
    /// The TLS handshake failed.
    #[error("no trusted TLS connection to {authority}: {reason}")]
    Tls {
        /// Host and port.
        authority: String,
        /// What to do about it.
        reason: &'static str,
        /// What the TLS library said.
        source: io::Error,
    },
    /// A step took longer than the caller allowed.
    #[error("gave up {step} after {}", seconds(*.allowed))]
    Timeout {
        /// What was under way.
        step: String,
        /// The time allowed for the whole act.
        allowed: Duration,
    },
    /// The HTTP request could not be built from what the caller gave.
    #[error("the request to {authority} cannot be sent")]
    Request {
        /// Host and port.
        authority: String,
        /// What is wrong with it.
        source: http::Error,
    },
    /// The HTTP exchange broke off.
    #[error("the connection to {authority} broke off before the answer was complete")]
    Exchange {
        /// Host and port.
        authority: String,
        /// What the HTTP library said.
        source: hyper::Error,
    },
    /// The answer is larger than we are willing to hold.
    #[error("{authority} answered with more than {limit_bytes} bytes")]
    BodyTooLarge {
        /// Host and port.
        authority: String,
        /// The bound.
        limit_bytes: usize,
    },
    /// The peer answered a websocket upgrade with something else than 101.
    #[error("{authority} refused the websocket with HTTP status {status}{}", of_body(.body))]
    UpgradeRefused {
        /// Host and port.
        authority: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer's body.
        body: String,
    },
    /// The peer answered 101 without agreeing to a websocket.
    #[error("{authority} does not speak websocket: {reason}")]
    NotAWebSocket {
        /// Host and port.
        authority: String,
        /// What is missing.
        reason: &'static str,
    },
    /// The peer broke the websocket protocol.
    #[error("the peer broke the websocket protocol")]
    WebSocket(#[from] WebSocketError),
    /// The socket failed.
    #[error("the connection failed")]
    Io(#[from] io::Error),
}

impl TransportError {
    /// Whose fault this is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::OutOfReach { .. } | Self::Endpoint(_) | Self::Trust(_) | Self::Request { .. } => Fault::Caller,
            Self::Proxy(error) if error.is_setting() => Fault::Caller,
            Self::Proxy(_)
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Exchange { .. }
            | Self::Io(_) => Fault::Network,
            Self::Tls { .. }
            | Self::BodyTooLarge { .. }
            | Self::UpgradeRefused { .. }
            | Self::NotAWebSocket { .. }
            | Self::WebSocket(_) => Fault::Peer,
        }
    }

    /// Whether the other end gave up a connection that was established, so that it knows of this as we do.
    #[must_use]
    pub fn is_closed_by_peer(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        matches!(self, Self::Io(error)
            if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
    }

    /// The HTTP status a peer refused an upgrade with.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::UpgradeRefused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

fn of_body(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(": {body}") }
}

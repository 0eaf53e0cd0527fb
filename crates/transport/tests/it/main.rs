//! The edge over real sockets: loopback only, ports chosen by the system, every wait with a deadline.
#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod api;
mod authority;
mod dialer;
mod http;
mod proxy;
mod server;
mod tls;
mod websocket;
mod websocket_pressure;

use std::future::Future;
use std::time::Duration;

/// Long enough for a busy machine; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs one step of a test within [`PATIENCE`].
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("the step ends in time")
}

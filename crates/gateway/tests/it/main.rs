//! The gateway as its peers see it: a real server on a free port, a real SQLite store, and scripted agents and clients
//! on real sockets.
#![allow(clippy::unwrap_used, clippy::large_futures, reason = "a failed unwrap is a failed test; tests may be large")]

mod api;
mod audit;
mod channels;
mod decisions;
mod harness;
mod logs;
#[cfg(target_os = "linux")]
mod memory;
mod outsider;
mod proxies;
mod replay;
mod routes;
mod sessions;
mod transport;

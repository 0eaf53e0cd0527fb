//! The edge of Postern: the one crate (drivers inside adapters aside) that opens sockets, reads clocks, draws
//! randomness and spawns tasks.
//!
//! Everything here has a deadline and a bound: names are resolved, sockets connected, handshakes made and bodies read
//! within a time the caller gives, and nothing a peer sends can make a buffer grow without limit.
//! What it refuses to do: know what the bytes mean. Messages, sessions and signatures live in the pure crates.

mod api;
mod backoff;
mod clock;
mod deadline;
mod dialer;
mod endpoint;
mod entropy;
mod error;
mod http;
mod local;
mod proxy;
mod reach;
mod read_ahead;
mod socket;
mod stream;
pub mod tasks;
pub mod tls;
mod trust;
mod upgrade;
mod websocket;

pub use api::{Anonymous, ApiCallError, JsonApi, NodeKeySigner, ServiceError, Signer};
pub use backoff::Backoff;
pub use clock::{SystemClock, sleep_until};
pub use dialer::Dialer;
pub use endpoint::{Endpoint, EndpointError, Scheme};
pub use entropy::SystemEntropy;
pub use error::{Fault, TransportError};
pub use http::{HttpClient, HttpRequest, HttpResponse};
pub use local::{LocalAddress, LocalListener, LocalStream, raise_file_limit};
pub use proxy::{Proxy, ProxyError};
pub use reach::Reach;
pub use socket::{listen, tune_socket};
pub use stream::NetStream;
pub use trust::{Fingerprint, Trust, TrustError};
pub use upgrade::{UpgradeRefusal, UpgradeRequest, connect_websocket, upgraded_websocket};
pub use websocket::{WebSocket, WsEvent};

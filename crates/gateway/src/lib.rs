//! The faces of the service: the API over HTTP, and the broker of WebSocket channels, on one listener.
//!
//! A gateway is a value: build it around a [`Control`], hand it a bound listener, stop it. It never sees the store:
//! whatever it reads or changes goes through `control`, which authorises first. It never looks into what people type.

mod api;
mod broker;
mod listener;
mod proxies;

use std::sync::Arc;
use std::time::Duration;

use postern_control::Control;
use postern_iam::SessionId;
use postern_protocol::{Clock, Entropy};
use postern_transport::tasks::{StillRunning, Tasks};
use rustls::ServerConfig;
use tokio::net::TcpListener;

pub use api::route::{Access, Endpoint, ROUTES, Route};
pub use proxies::TrustedProxies;

use api::{App, Polls};
use broker::{Broker, BrokerConfig};
use listener::Listener;

/// How large and how slow strangers may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Request line and headers together.
    pub header_bytes: usize,
    /// Until a request's headers are complete, and between the requests of one connection.
    pub header_timeout: Duration,
    /// A request's body.
    pub body_bytes: usize,
    /// The body of a batch of log events. A batch of 1 MB, which is AWS's limit, can be seven times as long as JSON.
    /// Only who names credentials of this service is given so much room.
    pub log_body_bytes: usize,
    /// Until a request's body is complete.
    pub body_timeout: Duration,
    /// For a TLS handshake, counted from when it begins.
    pub handshake_timeout: Duration,
    /// TLS handshakes under way at once; each costs some twenty kilobytes while it lasts.
    pub concurrent_handshakes: usize,
    /// From the upgrade until the message that opens the channel.
    pub opening_timeout: Duration,
    /// How long a data channel of ours may be silent before its socket counts as dead. Our client pings every 8 s and
    /// our agent after 15 s of silence, so a live one is never silent for longer. Stock ends may be: for them the
    /// kernel's probes have to do.
    pub leg_silence: Duration,
    /// How long a stock agent's poll for messages is held; it hangs up after 20 s (spec agent-api-calls §3).
    pub poll_hold: Duration,
    /// How many of them are held at once. A stock agent polls in its first minute only.
    pub polls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(30),
            body_bytes: 1024 * 1024,
            log_body_bytes: 8 * 1024 * 1024,
            body_timeout: Duration::from_secs(20),
            handshake_timeout: Duration::from_secs(10),
            concurrent_handshakes: 256,
            opening_timeout: Duration::from_secs(10),
            leg_silence: Duration::from_secs(28),
            poll_hold: Duration::from_secs(15),
            polls: 4096,
        }
    }
}

/// What a gateway is built from.
pub struct GatewayConfig {
    /// Certificate and key; without them the listener speaks plain HTTP.
    pub tls: Option<Arc<ServerConfig>>,
    /// Send clients to the host name that they called, instead of the one in `control`'s settings.
    pub stream_url_follows_host: bool,
    /// Bounds.
    pub limits: Limits,
    /// Whose word about where a request comes from is believed.
    pub trusted_proxies: TrustedProxies,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance: request ids, message ids.
    pub entropy: Arc<dyn Entropy>,
}

/// A service on one listener.
pub struct Gateway {
    broker: Arc<Broker>,
    accepting: Tasks,
    serving: Tasks,
}

impl Gateway {
    /// Starts serving on a bound listener, and takes up the sessions that an earlier process left: call it after
    /// [`Control::recover`], with its answer.
    pub fn start(
        listener: TcpListener,
        control: Arc<Control>,
        sessions: Vec<SessionId>,
        config: GatewayConfig,
    ) -> Self {
        let GatewayConfig { tls, stream_url_follows_host, limits, trusted_proxies, clock, entropy } = config;
        let (accepting, serving) = (Tasks::new(), Tasks::new());
        let broker = Broker::new(BrokerConfig {
            control: Arc::clone(&control),
            clock,
            entropy: Arc::clone(&entropy),
            tasks: serving.clone(),
            opening_timeout: limits.opening_timeout,
            leg_silence: limits.leg_silence,
        });
        broker.adopt(sessions);
        let polls = Polls::new(limits.polls, limits.poll_hold);
        let app = App { control, broker: Arc::clone(&broker), entropy, limits, polls, stream_url_follows_host };
        let connections = Listener::new(api::router(app), tls, limits, trusted_proxies, serving.clone());
        let work = Arc::new(connections).accept(listener, accepting.shutdown().clone());
        accepting.spawn("listener", Box::pin(work));
        Self { broker, accepting, serving }
    }

    /// How many nodes hold a control channel here.
    #[must_use]
    pub fn connected_nodes(&self) -> usize {
        self.broker.connected_nodes()
    }

    /// How many sessions are relayed here.
    #[must_use]
    pub fn active_sessions(&self) -> usize {
        self.broker.active_sessions()
    }

    /// Stops: nothing new is accepted, control channels are closed batch after batch so that their nodes do not all
    /// come back in one instant, then everything else ends. Sessions stay resumable.
    ///
    /// # Errors
    /// Something did not end within `grace`; it ends with the runtime.
    pub async fn stop(self, grace: Duration) -> Result<(), StillRunning> {
        self.accepting.stop(grace).await?;
        // A service that is in a hurry leaves the rest of the batches to the end of everything.
        let _ = tokio::time::timeout(grace / 2, self.broker.drain()).await;
        self.serving.stop(grace).await
    }
}

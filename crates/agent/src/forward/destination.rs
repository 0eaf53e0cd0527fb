//! One destination: looked up, judged, connected to.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postern_protocol::Clock as _;
use postern_protocol::mux::{Reset, ResetReason};
use postern_transport::SystemClock;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::policy::Forbidden;
use super::{Allowed, ForwardPolicy, Host};

/// How long a name server may take.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(10);
/// How long one address may take to answer, and all of them together.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// How long addresses are used before the name is looked up again, so that a tunnel follows a host that moves.
const FRESH: Duration = Duration::from_secs(30);
/// A name with more addresses than this is not tried further.
const MAX_ADDRESSES: usize = 16;

/// A look-up under way.
pub(crate) type LookUp = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// How names become addresses.
pub(crate) trait Resolve: Send + Sync {
    /// Starts one look-up.
    fn look_up(&self, name: &str, port: u16) -> LookUp;
}

/// The node's own resolver.
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn look_up(&self, name: &str, port: u16) -> LookUp {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
    }
}

/// Where a session leads.
pub(crate) struct Destination {
    host: Host,
    port: u16,
    policy: ForwardPolicy,
    resolver: Arc<dyn Resolve>,
    known: Mutex<Option<Known>>,
}

struct Known {
    addresses: Vec<Allowed>,
    since: Instant,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotConnected {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("the node knows no address of {host}: {source}")]
    HostUnknown { host: Host, source: io::Error },
    #[error("{place} refuses connections")]
    Refused { place: String },
    #[error("{place} does not answer")]
    TimedOut { place: String },
    #[error("no way leads from the node to {place}: {source}")]
    Unreachable { place: String, source: io::Error },
    #[error("{place} cannot be connected to: {source}")]
    Failed { place: String, source: io::Error },
}

impl From<&NotConnected> for Reset {
    fn from(error: &NotConnected) -> Self {
        let reason = match error {
            NotConnected::Forbidden(_) => ResetReason::Forbidden,
            NotConnected::HostUnknown { .. } => ResetReason::HostUnknown,
            NotConnected::Refused { .. } => ResetReason::Refused,
            NotConnected::TimedOut { .. } => ResetReason::TimedOut,
            NotConnected::Unreachable { .. } => ResetReason::Unreachable,
            NotConnected::Failed { .. } => ResetReason::Failed,
        };
        Self::new(reason, error.to_string())
    }
}

impl Destination {
    /// A destination that nothing is known of yet.
    pub(crate) fn new(host: Host, port: u16, policy: ForwardPolicy) -> Self {
        Self::resolved_by(Arc::new(SystemResolver), host, port, policy)
    }

    pub(super) fn resolved_by(resolver: Arc<dyn Resolve>, host: Host, port: u16, policy: ForwardPolicy) -> Self {
        Self { host, port, policy, resolver, known: Mutex::new(None) }
    }

    /// Looks the host up and judges what it has. One address that is forbidden forbids the host.
    pub(crate) async fn judge(&self) -> Result<(), NotConnected> {
        self.addresses().await.map(drop)
    }

    /// The addresses, looked up once for everybody who asks within a while.
    async fn addresses(&self) -> Result<Vec<Allowed>, NotConnected> {
        let mut known = self.known.lock().await;
        let now = SystemClock.now().instant;
        if let Some(known) = known.as_ref().filter(|known| now < known.since + FRESH) {
            return Ok(known.addresses.clone());
        }
        *known = None;
        let judged = self.look_up().await?.into_iter().map(|address| self.policy.judge(&self.host, address));
        let addresses: Vec<Allowed> = judged.collect::<Result<_, _>>()?;
        *known = Some(Known { addresses: addresses.clone(), since: now });
        Ok(addresses)
    }

    async fn look_up(&self) -> Result<Vec<SocketAddr>, NotConnected> {
        let name = match &self.host {
            Host::Node => {
                return Ok(vec![(Ipv4Addr::LOCALHOST, self.port).into(), (Ipv6Addr::LOCALHOST, self.port).into()]);
            }
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, self.port)]),
            Host::Name(name) => name,
        };
        let unknown = |source| NotConnected::HostUnknown { host: self.host.clone(), source };
        let mut found = timeout(LOOK_UP_PATIENCE, self.resolver.look_up(name, self.port))
            .await
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the name server does not answer")))
            .map_err(unknown)?;
        // The port is ours to say, whatever a resolver gives.
        found.iter_mut().for_each(|address| address.set_port(self.port));
        if found.is_empty() {
            return Err(unknown(io::Error::new(io::ErrorKind::NotFound, "missing address")));
        }
        Ok(found)
    }

    /// Connects to the first address that answers.
    pub(crate) async fn connect(&self) -> Result<TcpStream, NotConnected> {
        let timed_out = || io::Error::from(io::ErrorKind::TimedOut);
        // One look-up is waited for, and not those of everybody who asked before.
        let addresses = timeout(CONNECT_PATIENCE, self.addresses())
            .await
            .unwrap_or_else(|_| Err(NotConnected::HostUnknown { host: self.host.clone(), source: timed_out() }))?;
        let tried = timeout(CONNECT_PATIENCE, async {
            let mut first = None;
            for address in addresses.iter().take(MAX_ADDRESSES) {
                match timeout(ADDRESS_PATIENCE, TcpStream::connect(address.0))
                    .await
                    .unwrap_or_else(|_| Err(timed_out()))
                {
                    Ok(stream) => return Ok(stream),
                    // The first error is kept, as the stock agent does (spec session-types §6.1).
                    Err(error) => drop(first.get_or_insert(error)),
                }
            }
            Err(first.unwrap_or_else(timed_out))
        });
        match tried.await.unwrap_or_else(|_| Err(timed_out())) {
            Ok(stream) => {
                // Without it small answers wait for acknowledgements; that it cannot be set is no reason to fail.
                let _ = stream.set_nodelay(true);
                Ok(stream)
            }
            Err(error) => {
                // Perhaps the host has moved.
                *self.known.lock().await = None;
                Err(self.failure(error))
            }
        }
    }

    fn failure(&self, source: io::Error) -> NotConnected {
        let place = match &self.host {
            Host::Node => format!("port {} of the node", self.port),
            Host::Address(std::net::IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            host => format!("{host}:{}", self.port),
        };
        match source.kind() {
            io::ErrorKind::ConnectionRefused => NotConnected::Refused { place },
            io::ErrorKind::TimedOut => NotConnected::TimedOut { place },
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                NotConnected::Unreachable { place, source }
            }
            _ => NotConnected::Failed { place, source },
        }
    }
}

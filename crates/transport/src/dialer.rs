//! Connecting: name, address, proxy and TLS, all within one deadline.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::deadline::Deadline;
use crate::endpoint::Endpoint;
use crate::error::TransportError;
use crate::proxy::{Proxy, ProxyError, ProxyServer};
use crate::reach::Reach;
use crate::read_ahead::ReadAhead;
use crate::socket::tune_socket;
use crate::stream::NetStream;
use crate::tls::client_config;
use crate::trust::{FingerprintMissing, Trust};

/// How long one address may try alone before the next one starts beside it (RFC 8305 §5).
const ATTEMPT_STAGGER: Duration = Duration::from_millis(250);
/// More addresses than this are not tried.
const MAX_ADDRESSES: usize = 16;
const MAX_PROXY_ANSWER_BYTES: usize = 8 * 1024;

/// Connects to endpoints. Cheap to clone; clones share the loaded CA.
#[derive(Clone, Debug)]
pub struct Dialer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    trust: Trust,
    proxy: Proxy,
    reach: Reach,
    /// Made by the first TLS connection. A failure is not kept: the next attempt reads the file again.
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Dialer {
    /// Does nothing yet: the CA file is read by the first TLS connection.
    #[must_use]
    pub fn new(trust: Trust, proxy: Proxy) -> Self {
        Self { shared: Arc::new(Shared { trust, proxy, reach: Reach::Anywhere, tls: OnceLock::new() }) }
    }

    /// The same, no further than this. The CA file is read anew.
    #[must_use]
    pub fn reaching(self, reach: Reach) -> Self {
        let Shared { trust, proxy, .. } = &*self.shared;
        let (trust, proxy) = (trust.clone(), proxy.clone());
        Self { shared: Arc::new(Shared { trust, proxy, reach, tls: OnceLock::new() }) }
    }

    /// Connects to `endpoint`, through the proxy and inside TLS where they apply.
    ///
    /// # Errors
    /// The error names the step that failed and what to do. The whole act takes at most `timeout`.
    pub async fn dial(&self, endpoint: &Endpoint, timeout: Duration) -> Result<NetStream, TransportError> {
        Box::pin(self.dial_until(endpoint, Deadline::after(timeout))).await
    }

    pub(crate) async fn dial_until(
        &self,
        endpoint: &Endpoint,
        deadline: Deadline,
    ) -> Result<NetStream, TransportError> {
        let tls = if endpoint.is_tls() { Some(self.tls()?) } else { None };
        let tcp = match self.shared.proxy.server_for(endpoint)? {
            None => connect(endpoint.host(), endpoint.port(), self.shared.reach, deadline).await?,
            Some(proxy) => {
                // The proxy is the operator's, wherever it is.
                if endpoint.ip().is_some_and(|address| !self.shared.reach.allows(address)) {
                    return Err(TransportError::OutOfReach { host: endpoint.host().to_owned() });
                }
                let tcp = connect(proxy.host(), proxy.port(), Reach::Anywhere, deadline).await?;
                let step = || format!("waiting for the proxy {proxy}");
                deadline.run(step, open_tunnel(tcp, proxy, endpoint)).await??
            }
        };
        match tls {
            None => Ok(NetStream::Plain(tcp)),
            Some(config) => secure(tcp, config, endpoint, deadline).await,
        }
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, TransportError> {
        if let Some(config) = self.shared.tls.get() {
            return Ok(config.clone());
        }
        let config = client_config(&self.shared.trust)?;
        Ok(self.shared.tls.get_or_init(|| config).clone())
    }
}

async fn connect(host: &str, port: u16, reach: Reach, deadline: Deadline) -> Result<TcpStream, TransportError> {
    let step = || format!("resolving the name {host}");
    let found: Vec<SocketAddr> = deadline
        .run(step, lookup_host((host, port)))
        .await?
        .map_err(|source| TransportError::Resolve { host: host.to_owned(), source })?
        .collect();
    // One that is out of reach among others is somebody's attempt, or a mistake: then none is tried.
    if found.iter().any(|address| !reach.allows(address.ip())) {
        return Err(TransportError::OutOfReach { host: host.to_owned() });
    }
    let step = || format!("connecting to {host}:{port}");
    let tcp = deadline.run(step, connect_any(interleaved(found))).await?.and_then(|tcp| {
        tune_socket(&tcp)?;
        Ok(tcp)
    });
    tcp.map_err(|source| TransportError::Connect { authority: format!("{host}:{port}"), source })
}

/// Alternates between the address families, beginning with the one the resolver prefers.
fn interleaved(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut other = other.into_iter();
    let mut order = Vec::new();
    for address in preferred {
        order.push(address);
        order.extend(other.next());
    }
    order.extend(other);
    order.truncate(MAX_ADDRESSES);
    order
}

/// The first address that accepts wins. The next one starts when the one before failed, or when it
/// has been silent for [`ATTEMPT_STAGGER`].
async fn connect_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    if let [only] = addresses[..] {
        return TcpStream::connect(only).await;
    }
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut waiting = addresses.into_iter().peekable();
    // Dropping the set ends the attempts that lost.
    let mut attempts = JoinSet::new();
    loop {
        match waiting.next() {
            Some(address) => drop(attempts.spawn(TcpStream::connect(address))),
            None if attempts.is_empty() => return Err(last_error),
            None => {}
        }
        let stagger = tokio::time::sleep(ATTEMPT_STAGGER);
        tokio::select! {
            Some(finished) = attempts.join_next() => match finished {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last_error = error,
                Err(stopped) => last_error = io::Error::other(stopped),
            },
            () = stagger, if waiting.peek().is_some() => {}
        }
    }
}

async fn open_tunnel(
    mut tcp: TcpStream,
    proxy: &ProxyServer,
    endpoint: &Endpoint,
) -> Result<TcpStream, TransportError> {
    let authority = endpoint.host_and_port();
    let refused =
        |answer: String| ProxyError::Refused { proxy: proxy.to_string(), authority: authority.clone(), answer };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(authorization) = proxy.authorization() {
        request.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
    }
    request.push_str("\r\n");
    tcp.write_all(request.as_bytes()).await?;

    let mut answer = Vec::with_capacity(512);
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        if answer.len() >= MAX_PROXY_ANSWER_BYTES {
            return Err(refused("its answer has no end".to_owned()).into());
        }
        if tcp.read_buf(&mut answer).await? == 0 {
            return Err(refused("it closed the connection".to_owned()).into());
        }
    }
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
    let mut words = line.split(' ');
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    let is_success = words.next().is_some_and(|status| status.starts_with('2'));
    if !is_http || !is_success {
        return Err(refused(line).into());
    }
    // In both protocols that follow (TLS, HTTP) we speak first.
    if !answer.ends_with(b"\r\n\r\n") {
        return Err(refused("it sent bytes before we spoke".to_owned()).into());
    }
    Ok(tcp)
}

async fn secure(
    tcp: TcpStream,
    config: Arc<ClientConfig>,
    endpoint: &Endpoint,
    deadline: Deadline,
) -> Result<NetStream, TransportError> {
    let authority = endpoint.host_and_port();
    let failed =
        |source: io::Error| TransportError::Tls { authority: authority.clone(), reason: advice(&source), source };
    let name = ServerName::try_from(endpoint.host().to_owned())
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let step = || format!("waiting for the TLS handshake of {authority}");
    let handshake = Box::pin(TlsConnector::from(config).connect(name, ReadAhead::new(tcp)));
    let stream = deadline.run(step, handshake).await?.map_err(failed)?;
    Ok(NetStream::Tls(Box::new(stream.into())))
}

fn advice(error: &io::Error) -> &'static str {
    use rustls::{CertificateError, Error, OtherError};
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return "the handshake broke off; check that the port speaks TLS";
    };
    match error {
        Error::InvalidCertificate(problem) => match problem {
            // Another CA of the same name gives a bad signature: every installation's own CA has the same name.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is not from a trusted CA; give the CA's file or fingerprint"
            }
            CertificateError::Other(OtherError(other)) if other.is::<FingerprintMissing>() => {
                "its chain has no CA with the given fingerprint; it must send its CA along, or the fingerprint is another's"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name; use a name that is in the certificate"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid now; renew it, or set this machine's clock"
            }
            _ => "its certificate cannot be trusted",
        },
        Error::InvalidMessage(_) => "it does not speak TLS; check the port, or use http:// if it is meant to be plain",
        _ => "the handshake failed",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn families_take_turns_and_the_resolvers_first_choice_stays_first() {
        let addresses = |list: &[&str]| -> Vec<SocketAddr> { list.iter().map(|text| text.parse().unwrap()).collect() };
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(interleaved(found), expected);
        let found = addresses(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(interleaved(found.clone()), found);
        assert!(interleaved(Vec::new()).is_empty());
        let many = (1..=100).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
        assert_eq!(interleaved(many).len(), MAX_ADDRESSES);
    }
}

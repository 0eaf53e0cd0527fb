//! Accepting connections: TLS if configured, then HTTP/1.1, until the connection ends or becomes a WebSocket.
//!
//! It bounds what strangers can make the service hold: handshakes under way, connections that have not yet said
//! anything, the size of a header and the time it may take. It refuses to know routes and operations.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use postern_transport::tasks::Tasks;
use postern_transport::{NetStream, tune_socket};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use crate::Limits;
use crate::proxies::TrustedProxies;

/// Pause after the system could not give us a connection (out of files): accepting again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every connection of one listener shares.
pub(crate) struct Listener {
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    proxies: Arc<TrustedProxies>,
    handshakes: Semaphore,
    http: http1::Builder,
    tasks: Tasks,
}

impl Listener {
    pub(crate) fn new(
        router: Router,
        tls: Option<Arc<ServerConfig>>,
        limits: Limits,
        proxies: TrustedProxies,
        tasks: Tasks,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(limits.header_bytes)
            .max_buf_size(limits.header_bytes.max(16 * 1024))
            .keep_alive(true);
        let handshakes = Semaphore::new(limits.concurrent_handshakes);
        Self { router, tls, limits, proxies: Arc::new(proxies), handshakes, http, tasks }
    }

    /// Accepts until told to stop. Returns when no further connection will be taken; those under way go on.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener, shutdown: CancellationToken) {
        let mut failing = false;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => {
                    failing = false;
                    let work = Box::pin(Arc::clone(&self).connection(stream, address));
                    self.tasks.spawn("connection", work);
                }
                // The peer gave up between the kernel's accept and ours: its own affair.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "cannot accept connections for the moment");
                    }
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                        () = shutdown.cancelled() => return,
                    }
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, address: SocketAddr) {
        // A socket that cannot be tuned is one that is already gone.
        if tune_socket(&stream).is_err() {
            return;
        }
        let Some(stream) = self.secure(stream).await else { return };
        self.serve_http(stream, address).await;
    }

    async fn secure(&self, stream: TcpStream) -> Option<NetStream> {
        let Some(config) = &self.tls else { return Some(NetStream::Plain(stream)) };
        // A permit is worth memory and time, so it is taken only for those who have begun to talk.
        let deadline = self.limits.handshake_timeout;
        // Peeking, because the system may call a silent socket readable.
        match tokio::time::timeout(deadline, stream.peek(&mut [0])).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0) | Err(_)) | Err(_) => return None,
        }
        let _permit = self.handshakes.acquire().await.ok()?;
        match NetStream::accept_tls(Arc::clone(config), stream, deadline).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
        }
    }

    /// Serves requests until the peer leaves, a WebSocket takes the stream over, or shutdown.
    async fn serve_http(&self, stream: NetStream, from: SocketAddr) {
        let (router, proxies, encrypted) = (self.router.clone(), Arc::clone(&self.proxies), self.tls.is_some());
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            // Each request of a proxy's connection may be somebody else's.
            let peer = proxies.peer(from, encrypted, request.headers());
            request.extensions_mut().insert(peer);
            router.clone().call(request.map(Body::new))
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut connection = Box::pin(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = self.tasks.shutdown().cancelled() => {
                // Answers the request under way, then closes.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, peer = %from, "an HTTP connection ended early");
        }
    }
}

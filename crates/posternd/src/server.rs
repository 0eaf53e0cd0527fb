//! A whole service as a value: bound early, serving late, stopped on request.

mod decisions;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postern_control::{Control, NewAccessKey};
use postern_gateway::{Gateway, GatewayConfig, Limits, TrustedProxies};
use postern_protocol::Clock as _;
use postern_transport::tasks::{StillRunning, Tasks};
use postern_transport::{Fingerprint, SystemClock, SystemEntropy, listen, tls};
use rustls::ServerConfig;
use tokio::net::TcpListener;

use crate::application::{Application, ServerError};
use crate::audit;
use crate::authority::{Authority, server_names};
use crate::config::Config;

/// How long an audit event of something that changes nothing waits for company.
const AUDIT: Duration = Duration::from_millis(500);

/// How often old history is forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(3600);

/// A service that is bound to its address and not yet serving: connections wait in the system's queue.
pub struct Server {
    application: Application,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
}

/// A service that is serving.
pub struct Running {
    application: Application,
    gateway: Gateway,
    chores: Tasks,
    address: SocketAddr,
}

impl Server {
    /// Binds the address, opens the data folder (making what is missing in it), and gets the certificate.
    ///
    /// # Errors
    /// [`ServerError`], each one sentence with the cause and the fix.
    pub async fn build(config: Config) -> Result<Self, ServerError> {
        config.check()?;
        let listener = bind(&config)?;
        let address = listener.local_addr().map_err(|error| cannot_listen(&config, &error))?;
        let stream_url = endpoint(&config, address).replacen("http", "ws", 1);
        let application = Application::open(config, stream_url).await?;
        let tls = match application.config.plain_http {
            true => None,
            false => Some(certificate(&application, address)?),
        };
        Ok(Self { application, listener, address, tls })
    }

    /// The address it is bound to, with the port that the system chose if none was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients and nodes reach it.
    pub fn endpoint(&self) -> String {
        endpoint(&self.application.config, self.address)
    }

    /// The application, for making administrators.
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// Goes on where the last process stopped, and begins to serve.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn start(self) -> Result<Running, ServerError> {
        let Self { application, listener, address, tls } = self;
        let sessions = application.control.recover().await;
        let sessions = sessions.map_err(|error| ServerError::Control { act: "reading the active sessions", error })?;
        let config = &application.config;
        let limits = Limits { concurrent_handshakes: config.max_concurrent_handshakes, ..Limits::default() };
        let gateway = Gateway::start(
            listener,
            Arc::clone(&application.control),
            sessions,
            GatewayConfig {
                tls,
                stream_url_follows_host: config.stream_url.is_none(),
                limits,
                trusted_proxies: TrustedProxies::new(config.trusted_proxies.0.clone()),
                clock: Arc::new(SystemClock),
                entropy: Arc::new(SystemEntropy),
            },
        );
        let chores = Tasks::new();
        chores.spawn("housekeeping", keep_house(Arc::clone(&application.control), chores.clone()));
        chores.spawn("audit", write_audit(Arc::clone(&application.control), chores.clone()));
        audit::start(config, &application.control, &chores);
        let control = Arc::clone(&application.control);
        chores.spawn("recordings", Box::pin(async move { control.finish_recordings().await }));
        chores.spawn("decisions", decisions::keep(Arc::clone(&application.control), chores.clone()));
        Ok(Running { application, gateway, chores, address })
    }
}

impl Running {
    /// The address it serves on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients and nodes reach it.
    pub fn endpoint(&self) -> String {
        endpoint(&self.application.config, self.address)
    }

    /// The application, for making administrators.
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// Makes an administrator.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn new_administrator(&self, name: &str) -> Result<NewAccessKey, ServerError> {
        self.application.new_administrator(name).await
    }

    /// How many nodes hold a control channel.
    pub fn connected_nodes(&self) -> usize {
        self.gateway.connected_nodes()
    }

    /// How many sessions are relayed.
    pub fn active_sessions(&self) -> usize {
        self.gateway.active_sessions()
    }

    /// Stops accepting, asks nodes to move, closes what is left, and lets go of the data folder. Sessions go on with
    /// the next process.
    ///
    /// # Errors
    /// Something did not end within the grace; it ends with the process.
    pub async fn stop(self, grace: Duration) -> Result<(), StillRunning> {
        let stopped = self.gateway.stop(grace).await;
        let chores = self.chores.stop(grace).await;
        self.application.close().await;
        stopped.and(chores)
    }
}

/// The certificate of the built-in authority, and its fingerprint.
///
/// # Errors
/// The files cannot be read or written.
pub fn authority(application: &Application) -> Result<(PathBuf, Fingerprint), ServerError> {
    let authority = Authority::open_or_create(&application.data, SystemClock.now())?;
    let fingerprint = Fingerprint::of_pem(authority.certificate_pem().as_bytes())?;
    Ok((application.data.authority_certificate(), fingerprint))
}

fn bind(config: &Config) -> Result<TcpListener, ServerError> {
    listen(&config.listen.to_string()).map_err(|error| cannot_listen(config, &error))
}

fn cannot_listen(config: &Config, error: &io::Error) -> ServerError {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use by another process; stop that one, or choose another port with --listen".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not use the port; choose one above 1023 with --listen, or give the program \
             CAP_NET_BIND_SERVICE"
                .to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "the address is not one of this machine; choose another with --listen".to_owned()
        }
        _ => format!("{error}; choose another address with --listen"),
    };
    ServerError::Listen { address: config.listen.to_string(), reason }
}

/// The first name if there is one; else the address, or localhost where the address says nothing.
fn endpoint(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.plain_http { "http" } else { "https" };
    let named = config.names.iter().find(|name| !name.starts_with('*'));
    match named {
        Some(name) => format!("{scheme}://{name}:{}", address.port()),
        None if address.ip().is_unspecified() => format!("{scheme}://localhost:{}", address.port()),
        None => format!("{scheme}://{address}"),
    }
}

fn certificate(application: &Application, address: SocketAddr) -> Result<Arc<ServerConfig>, ServerError> {
    let config = &application.config;
    if let (Some(chain), Some(key)) = (&config.tls_certificate, &config.tls_key) {
        return Ok(tls::server_config_from_files(chain, key)?);
    }
    let now = SystemClock.now();
    let authority = Authority::open_or_create(&application.data, now)?;
    let names = server_names(&config.names, Some(address.ip()));
    let issued = authority.server_certificate(&application.data, &names, now)?;
    Ok(tls::server_config(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes())?)
}

async fn write_audit(control: Arc<Control>, tasks: Tasks) {
    let mut is_failing = false;
    loop {
        let failed = control.flush_audit().await.is_err();
        match (std::mem::replace(&mut is_failing, failed), failed) {
            (false, true) => tracing::warn!("audit events cannot be stored now; they wait"),
            (true, false) => tracing::info!("audit events are stored again"),
            (true, true) | (false, false) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(AUDIT) => {}
            () = tasks.shutdown().cancelled() => return,
        }
    }
}

async fn keep_house(control: Arc<Control>, tasks: Tasks) {
    loop {
        match control.keep_house().await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "sessions older than the history were forgotten"),
            Err(error) => tracing::warn!(%error, "old sessions cannot be forgotten now"),
        }
        match control.forget_log_events().await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "log events that are not kept any more were forgotten"),
            Err(error) => tracing::warn!(%error, "old log events cannot be forgotten now"),
        }
        match control.forget_audit().await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "audit events older than audit_retention were forgotten"),
            Err(error) => tracing::warn!(%error, "old audit events cannot be forgotten now"),
        }
        tokio::select! {
            () = tokio::time::sleep(HOUSEKEEPING) => {}
            () = tasks.shutdown().cancelled() => return,
        }
    }
}

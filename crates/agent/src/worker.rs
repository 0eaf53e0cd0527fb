//! The process that runs one session.
//!
//! It is started by the agent's main process and outlives it: a session of its own, no inherited descriptor, its own
//! credentials, its own data channel. What it needs comes through standard input, never through arguments, which any
//! user may read. Whoever is the agent's main process now finds it by the socket in the session's folder, may end it
//! there, and finds its result in the same folder, written before the process ends.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use postern_iam::SecretBytes;
use postern_model::kms::DecryptRequest;
use postern_protocol::wire::open::{AgentOpen, MESSAGE_SCHEMA_VERSION};
use postern_protocol::wire::payload::SessionStart;
use postern_protocol::wire::websocket::Message;
use postern_protocol::{AGENT_VERSION, Clock as _};
use postern_transport::tasks::Tasks;
use postern_transport::{NetStream, Proxy, SystemClock};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tracing_subscriber::filter::LevelFilter;

use crate::chain::error_chain;
use crate::config::AgentConfig;
use crate::forward::ForwardPolicy;
use crate::identity::{Identity, TrustSource};
use crate::link::{Connect, ConnectError, Connecting};
use crate::local_socket::{Listener, Stream, read_message, split, write_message};
use crate::service::{HandedCredentials, Service, ServiceCallError, new_uuid};
use crate::session::{self, AccountPolicy, DataKeys, End, SessionResult, Terminate};
use crate::state::{StateFolder, private, replace_file};

/// What the worker is called in the session's folder.
pub(crate) const SOCKET: &str = "control";
/// Where it leaves its result.
pub(crate) const RESULT_FILE: &str = "result.json";
/// Where it logs.
pub(crate) const LOG_FILE: &str = "worker.log";
/// A start message has at most half a mebibyte.
const MAX_ORDER_BYTES: u64 = 1024 * 1024;
/// Connections served at once; the agent needs one.
const MAX_CONNECTIONS: usize = 8;

/// Everything a worker is told, on its standard input.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Order {
    /// The session.
    pub(crate) start: SessionStart,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The agent's state folder, where the node's key is.
    pub(crate) state_dir: PathBuf,
    /// Where the service is, as the agent's settings have it.
    pub(crate) endpoint: String,
    /// The service's region.
    pub(crate) region: String,
    /// Whose certificates to believe.
    pub(crate) trust: TrustSource,
    /// Who sessions may run as.
    pub(crate) accounts: AccountPolicy,
    /// Where sessions may be forwarded to.
    pub(crate) forwarding: ForwardPolicy,
    /// How much to log.
    pub(crate) log: String,
    /// The agent's own credentials, which save the worker a call.
    pub(crate) credentials: Option<HandedCredentials>,
}

/// What a worker says to whoever connects.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Hello {
    /// The session.
    pub(crate) session_id: String,
    /// The process.
    pub(crate) process_id: u32,
    /// When the session began, in Unix milliseconds.
    pub(crate) began_at: u64,
}

/// What a worker can be told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Command {
    /// End the session.
    Terminate,
}

/// The whole program of a session worker: reads its order from standard input, runs the session to its end, leaves
/// the result in the session's folder. For the hidden subcommand of `postern-agent`, and of `postern`; `copy_files` is
/// the one of the same program that is [`copy_files_main`](crate::copy_files_main).
#[must_use]
pub fn session_worker_main(copy_files: &'static str) -> ExitCode {
    let mut bytes = Vec::new();
    let order: Order = match std::io::stdin().lock().take(MAX_ORDER_BYTES).read_to_end(&mut bytes) {
        // Whoever starts this by hand learns what it is.
        Ok(_) if bytes.is_empty() => return usage(),
        Ok(_) => match serde_json::from_slice(&bytes) {
            Ok(order) => order,
            Err(_) => return usage(),
        },
        Err(_) => return usage(),
    };
    zeroize_order(bytes);
    log_to(&order);
    let result = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(run(&order, copy_files));
            // Nothing that still runs is worth waiting for.
            runtime.shutdown_background();
            result
        }
        Err(error) => failed(format!("the session's process cannot run: {error}")),
    };
    if result.is_failed {
        tracing::warn!(session.id = order.start.session_id, reason = result.output, "session failed");
    }
    match store_result(&order.folder, &result) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(session.id = order.start.session_id, %error, "the session's result cannot be written");
            ExitCode::FAILURE
        }
    }
}

/// Leaves a session's result in its folder.
pub(crate) fn store_result(folder: &std::path::Path, result: &SessionResult) -> std::io::Result<()> {
    let content = serde_json::to_vec(result).map_err(std::io::Error::other)?;
    replace_file(&folder.join(RESULT_FILE), &content)
}

async fn run(order: &Order, copy_files: &str) -> SessionResult {
    let service = match service(order) {
        Ok(service) => Arc::new(service),
        Err(reason) => return failed(reason),
    };
    let keys = Arc::clone(&service);
    let node_id = service.node_id().to_string();
    let node = session::Node { id: &node_id, keys: &*keys };
    let connect = DataChannelConnect { service, session_id: order.start.session_id.clone(), client_id: new_uuid() };
    let session = async |mailbox: &mut _| {
        Box::pin(session::run(&order.start, &order.accounts, &order.forwarding, copy_files, connect, node, mailbox))
            .await
    };
    attend(order, session).await
}

/// Runs `session` while the agent's main processes are served on the session's socket.
pub(crate) async fn attend(
    order: &Order,
    session: impl AsyncFnOnce(&mut mpsc::Receiver<Terminate>) -> End,
) -> SessionResult {
    let tasks = Tasks::new();
    let (sender, mut mailbox) = mpsc::channel(1);
    let listener = match Listener::bind(&order.folder, SOCKET) {
        Ok(listener) => listener,
        Err(error) => return failed(format!("the node cannot run the session: {error}")),
    };
    let hello = Hello {
        session_id: order.start.session_id.clone(),
        process_id: std::process::id(),
        began_at: SystemClock.now().unix_millis,
    };
    tasks.spawn("control socket", accept(listener, hello, sender.clone(), tasks.clone()));
    let end = session(&mut mailbox).await;
    // A mailbox without senders would read as a wish to end.
    drop(sender);
    tracing::info!(session.id = order.start.session_id, ?end, "session ended");
    end.into()
}

fn service(order: &Order) -> Result<Service, String> {
    let state = StateFolder::existing(&order.state_dir);
    let config = AgentConfig::new(order.state_dir.clone());
    let identity = Identity::load(&state, &config).map_err(|error| error_chain(&error))?;
    let identity = Identity {
        endpoint: order.endpoint.parse().map_err(|error| format!("{error}"))?,
        region: order.region.parse().map_err(|error| format!("{error}"))?,
        trust: order.trust.clone(),
        ..identity.ok_or("this node is no longer registered")?
    };
    Ok(Service::new(identity, Proxy::from_env()).with_credentials(order.credentials.clone()))
}

/// Serves the agent's main processes, one after the other or (for a moment) side by side.
async fn accept(mut listener: Listener, hello: Hello, mailbox: mpsc::Sender<Terminate>, tasks: Tasks) {
    let places = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok(stream) => {
                let (hello, mailbox) = (hello.clone(), mailbox.clone());
                tasks.spawn("control connection", async move {
                    serve(stream, &hello, &mailbox).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket does not accept; the session goes on without it");
                return;
            }
        }
    }
}

async fn serve(stream: Stream, hello: &Hello, mailbox: &mpsc::Sender<Terminate>) {
    let (mut reader, mut writer) = split(stream);
    if write_message(&mut writer, hello).await.is_err() {
        return;
    }
    while let Ok(Some(Command::Terminate)) = read_message(&mut reader).await {
        // A second wish adds nothing to the first.
        let _ = mailbox.try_send(Terminate);
    }
}

impl DataKeys for Service {
    async fn decrypt(&self, request: DecryptRequest) -> Result<SecretBytes, String> {
        let opened = self.call(&request).await;
        opened.map(|opened| opened.plaintext).map_err(|error| error_chain(&error))
    }
}

/// Opens the session's data channel.
struct DataChannelConnect {
    service: Arc<Service>,
    session_id: String,
    /// The same for every connection of this session.
    client_id: String,
}

impl Connect for DataChannelConnect {
    type Io = NetStream;

    fn connect(&self) -> Connecting<NetStream> {
        let (service, session_id, client_id) =
            (Arc::clone(&self.service), self.session_id.clone(), self.client_id.clone());
        Box::pin(async move {
            let (mut socket, token) =
                service.open_data_channel(&session_id, &client_id).await.map_err(|error| match error {
                    ServiceCallError::SessionOver => ConnectError::Over,
                    error => ConnectError::failed(&error),
                })?;
            let open = AgentOpen {
                message_schema_version: MESSAGE_SCHEMA_VERSION.to_owned(),
                request_id: new_uuid(),
                token_value: token,
                client_instance_id: service.node_id().to_string(),
                client_id,
                agent_version: Some(AGENT_VERSION.to_owned()),
            };
            socket.feed(Message::Text(open.to_json()));
            Ok(socket)
        })
    }
}

fn failed(output: String) -> SessionResult {
    SessionResult { is_failed: true, output }
}

fn log_to(order: &Order) {
    let path = order.folder.join(LOG_FILE);
    // Without a log the session runs all the same.
    if let Ok(file) = private(OpenOptions::new().create(true).append(true)).open(path) {
        let level: LevelFilter = order.log.parse().unwrap_or(LevelFilter::INFO);
        let _ = tracing_subscriber::fmt().with_ansi(false).with_max_level(level).with_writer(file).try_init();
    }
}

fn zeroize_order(mut bytes: Vec<u8>) {
    // The credentials of the node were in it.
    zeroize::Zeroize::zeroize(&mut bytes);
}

fn usage() -> ExitCode {
    eprintln!("postern-agent: session workers are started by the agent; there is nothing to do here by hand");
    ExitCode::FAILURE
}

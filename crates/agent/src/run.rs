//! The agent's main process: holds the control channel, starts session workers, adopts those of its predecessor,
//! reports how sessions ended. It may die at any moment: what it must not lose is in the state folder.

use std::sync::Arc;
use std::time::Duration;

use postern_iam::SessionId;
use postern_protocol::wire::payload::{ChannelClosed, InteractiveShell};
use postern_protocol::{AGENT_VERSION, Clock as _};
use postern_transport::tasks::Tasks;
use postern_transport::{Proxy, SystemClock};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::chain::error_chain;
use crate::config::AgentConfig;
use crate::control_channel::{ControlChannel, ControlEvent};
use crate::forward::ForwardPolicy;
use crate::identity::{Identity, TrustSource};
use crate::information;
use crate::service::Service;
use crate::session::{AccountPolicy, SessionResult};
use crate::sessions::{Ended, Sessions, StartError, WorkerCommand};
use crate::state::{StateError, StateFolder};
use crate::status::{SeenReasons, StatusBoard};
use crate::users::UserPolicy;
use crate::worker::Order;

/// Ends that may wait to be reported.
const EVENTS: usize = 64;
/// How long the agent's own tasks may take to end.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long sessions that are to end with the agent may take.
const SESSIONS_GRACE: Duration = Duration::from_secs(8);

/// Why the agent cannot run.
#[derive(Debug, Error)]
pub enum AgentError {
    /// The machine is not a managed node.
    #[error("this machine is not registered (there is no identity in {0}); run `postern-agent register` first")]
    NotRegistered(String),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// What becomes of the sessions when the agent is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsAtShutdown {
    /// They go on; the next agent adopts them. What a service restart means.
    Continue,
    /// They end. For `quickstart`, whose service ends as well.
    End,
}

/// Runs the agent until `shutdown` is cancelled. Nothing that happens to the network or the service ends it.
///
/// # Errors
/// Not registered, or the state folder is unusable or in use by another agent.
pub async fn run(
    config: AgentConfig,
    worker: WorkerCommand,
    sessions_at_shutdown: SessionsAtShutdown,
    shutdown: CancellationToken,
) -> Result<(), AgentError> {
    let state = StateFolder::open(&config.state_dir)?;
    let _lock = state.lock()?;
    let Some(identity) = Identity::load(&state, &config)? else {
        return Err(AgentError::NotRegistered(config.state_dir.display().to_string()));
    };
    tracing::info!(node.id = %identity.node_id, endpoint = %identity.endpoint, "agent begins");
    let tasks = Tasks::new();
    let mut agent = Agent::new(config, state, identity, worker, &tasks)?;
    agent.serve(&shutdown).await;
    if sessions_at_shutdown == SessionsAtShutdown::End {
        let _ = tokio::time::timeout(SESSIONS_GRACE, agent.end_sessions()).await;
    }
    if let Err(error) = tasks.stop(STOP_GRACE).await {
        tracing::warn!(%error, "the agent ends without waiting any longer");
    }
    Ok(())
}

struct Agent {
    config: AgentConfig,
    state: StateFolder,
    endpoint: String,
    region: String,
    trust: TrustSource,
    service: Arc<Service>,
    control: ControlChannel,
    sessions: Sessions,
    ended: mpsc::Receiver<Ended>,
    unreported: usize,
    board: StatusBoard,
    seen: SeenReasons,
    address: watch::Sender<Option<std::net::IpAddr>>,
}

impl Agent {
    fn new(
        config: AgentConfig,
        state: StateFolder,
        identity: Identity,
        worker: WorkerCommand,
        tasks: &Tasks,
    ) -> Result<Self, AgentError> {
        let (endpoint, region) = (identity.endpoint.to_string(), identity.region.to_string());
        let trust = identity.trust.clone();
        let service = Arc::new(Service::new(identity, Proxy::from_env()));
        let (events, ended) = mpsc::channel(EVENTS);
        let mut sessions = Sessions::new(state.clone(), worker, tasks.clone(), events);
        let adopted = sessions.adopt()?;
        if adopted > 0 {
            tracing::info!(sessions = adopted, "sessions of the agent before this one were found");
        }
        let board = StatusBoard::default();
        board.update(|status| {
            status.process_id = std::process::id();
            status.since = SystemClock.now().unix_millis;
            "connecting for the first time".clone_into(&mut status.reason);
        });
        board.serve(&state, tasks);
        let (address, of_us) = watch::channel(None);
        let (reporting, shutdown) = (Arc::clone(&service), tasks.shutdown().clone());
        tasks.spawn("node information", async move {
            tokio::select! {
                () = information::report_for_ever(reporting, of_us) => {}
                () = shutdown.cancelled() => {}
            }
        });
        Ok(Self {
            config,
            state,
            endpoint,
            region,
            trust,
            control: ControlChannel::new(Arc::clone(&service)),
            service,
            sessions,
            ended,
            unreported: 0,
            board,
            seen: SeenReasons::default(),
            address,
        })
    }

    async fn serve(&mut self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            tokio::select! {
                event = self.control.next() => self.on_control(event),
                Some(ended) = self.ended.recv() => self.on_ended(&ended),
                () = shutdown.cancelled() => {}
            }
            self.show();
        }
    }

    /// Ends all sessions, and reports their ends as long as the service is there to hear it.
    async fn end_sessions(&mut self) {
        self.sessions.terminate_all();
        while self.sessions.running().next().is_some() || self.unreported > 0 {
            tokio::select! {
                event = self.control.next() => match event {
                    // A service that is gone hears nothing; what was not reported is in the folder.
                    ControlEvent::Disconnected(_) if self.sessions.running().next().is_none() => return,
                    event => self.on_control(event),
                },
                Some(ended) = self.ended.recv() => self.on_ended(&ended),
            }
        }
    }

    fn on_control(&mut self, event: ControlEvent) {
        match event {
            ControlEvent::Connected(address) => {
                self.seen.clear();
                tracing::info!(node.id = %self.service.node_id(), version = AGENT_VERSION, "online");
                self.address.send_replace(address);
                self.set_online(true, "");
            }
            ControlEvent::Disconnected(reason) => {
                if self.seen.is_worth_saying(&reason) {
                    tracing::warn!(%reason, "offline; the agent keeps trying");
                }
                self.set_online(false, &reason);
            }
            ControlEvent::Start(start) => self.on_start(&start),
            ControlEvent::Terminate(closed) => self.on_terminate(&closed),
            ControlEvent::Heard { session_id } => {
                if let Ok(session_id) = session_id.parse() {
                    self.sessions.forget(&session_id);
                }
                self.unreported = self.unreported.saturating_sub(1);
            }
        }
    }

    fn on_start(&mut self, shell: &InteractiveShell) {
        let start = match shell.session_start() {
            Ok(start) => start,
            Err(error) => {
                // Without an id that can be trusted nobody can be told.
                tracing::warn!(%error, "a session was not started: its message cannot be read");
                return;
            }
        };
        // The id becomes the name of a folder, so it is parsed before anything else is done with it.
        let session_id: SessionId = match start.session_id.parse() {
            Ok(session_id) => session_id,
            Err(error) => {
                tracing::warn!(%error, "a session was not started");
                return;
            }
        };
        tracing::info!(session.id = %session_id, owner = shown(&start.session_owner), "session requested");
        let order = Order {
            start,
            folder: self.state.session(&session_id),
            state_dir: self.state.root().to_path_buf(),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            trust: self.trust.clone(),
            accounts: AccountPolicy {
                default_user: self.config.default_user.clone(),
                run_as_invoking_user: self.config.run_as_invoking_user,
                users: UserPolicy {
                    create: self.config.create_users,
                    groups: self.config.create_users_groups.clone(),
                    sudo: self.config.create_users_sudo,
                    settings_file: self.config.source.to_string(),
                },
                settings_file: self.config.source.to_string(),
                state_dir: self.state.root().to_path_buf(),
            },
            forwarding: ForwardPolicy {
                remote_hosts: self.config.forward_remote_hosts,
                allow: self.config.forward_allow.clone(),
                deny: self.config.forward_deny.clone(),
                settings_file: self.config.source.to_string(),
            },
            log: self.config.log.clone(),
            credentials: self.service.handed_credentials(),
        };
        match self.sessions.start(&session_id, &order) {
            Ok(()) => {}
            Err(StartError::Repeated) => tracing::debug!(session.id = %session_id, "a repeated start was ignored"),
            Err(error) => {
                let output = format!("The node cannot start the session: {}", error_chain(&error));
                tracing::warn!(session.id = %session_id, reason = output, "session not started");
                let result = SessionResult { is_failed: true, output };
                self.on_ended(&Ended { session_id, result });
            }
        }
    }

    fn on_terminate(&mut self, closed: &ChannelClosed) {
        let is_known = closed.session_id.parse().is_ok_and(|session_id| self.sessions.terminate(&session_id));
        if !is_known {
            tracing::debug!(session.id = shown(&closed.session_id), "there is no such session to end");
        }
    }

    fn on_ended(&mut self, ended: &Ended) {
        tracing::info!(session.id = %ended.session_id, failed = ended.result.is_failed, "session ended");
        self.sessions.note_ended(&ended.session_id);
        self.unreported += 1;
        self.control.report(ended);
    }

    fn set_online(&self, is_online: bool, reason: &str) {
        self.board.update(|status| {
            if status.is_online != is_online {
                status.since = SystemClock.now().unix_millis;
            }
            status.is_online = is_online;
            reason.clone_into(&mut status.reason);
        });
    }

    fn show(&self) {
        self.board.update(|status| {
            status.sessions = self.sessions.running().map(ToString::to_string).collect();
            status.unreported = self.unreported;
        });
    }
}

/// A text from the service, for a log line.
fn shown(text: &str) -> String {
    text.chars().filter(|shown| !shown.is_control()).take(256).collect()
}

//! `postern-agent status`: what this node is and what it is doing, from its state folder and from the running agent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postern_transport::tasks::Tasks;
use serde::{Deserialize, Serialize};

use crate::config::AgentConfig;
use crate::identity::Registration;
use crate::local_socket::{Listener, connect, read_message, split, write_message};
use crate::state::{StateError, StateFolder};

/// The agent's own socket, in its state folder.
const SOCKET: &str = "agent";
/// The agent answers at once, or it is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the running agent says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentStatus {
    /// Whether the control channel is open.
    pub is_online: bool,
    /// Why it is not, when it is not.
    pub reason: String,
    /// When the present state began, in Unix milliseconds.
    pub since: u64,
    /// The running sessions.
    pub sessions: Vec<String>,
    /// Sessions that have ended and whose result the service has not acknowledged.
    pub unreported: usize,
    /// The agent's process.
    pub process_id: u32,
}

/// What is known about this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeStatus {
    /// The managed node, if this machine is one.
    pub node_id: Option<String>,
    /// Its service.
    pub endpoint: Option<String>,
    /// The running agent's own words; none if it is not running.
    pub agent: Option<AgentStatus>,
}

/// Asks the state folder, and the agent if it runs.
///
/// # Errors
/// The folder cannot be read.
pub async fn status(config: &AgentConfig) -> Result<NodeStatus, StateError> {
    let state = StateFolder::existing(&config.state_dir);
    let registration = Registration::load(&state)?;
    let asked = async {
        let (mut reader, _writer) = split(connect(state.root(), SOCKET).await.ok()?);
        read_message(&mut reader).await.ok().flatten()
    };
    let agent = tokio::time::timeout(PATIENCE, asked).await.ok().flatten();
    let endpoint = config.endpoint.as_ref().map(ToString::to_string);
    Ok(NodeStatus {
        endpoint: endpoint.or_else(|| registration.as_ref().map(|registration| registration.endpoint.clone())),
        node_id: registration.map(|registration| registration.node_id.to_string()),
        agent,
    })
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(node_id) = &self.node_id else {
            return write!(f, "not registered: run `postern-agent register`");
        };
        writeln!(f, "node:     {node_id}")?;
        writeln!(f, "service:  {}", self.endpoint.as_deref().unwrap_or_default())?;
        let Some(agent) = &self.agent else {
            return write!(f, "agent:    not running");
        };
        writeln!(f, "agent:    running, process {}", agent.process_id)?;
        if agent.is_online {
            writeln!(f, "state:    online")?;
        } else {
            writeln!(f, "state:    offline: {}", agent.reason)?;
        }
        write!(f, "sessions: {}", agent.sessions.len())?;
        for session in &agent.sessions {
            write!(f, "\n          {session}")?;
        }
        Ok(())
    }
}

/// The agent's status as its main task keeps it, for whoever asks.
#[derive(Clone, Default)]
pub(crate) struct StatusBoard {
    current: Arc<Mutex<AgentStatus>>,
}

impl StatusBoard {
    /// Changes what is said.
    pub(crate) fn update(&self, change: impl FnOnce(&mut AgentStatus)) {
        change(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Answers on the agent's socket. Nothing else depends on it, so a failure is only logged.
    pub(crate) fn serve(&self, state: &StateFolder, tasks: &Tasks) {
        let mut listener = match Listener::bind(state.root(), SOCKET) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, "`postern-agent status` will not reach this agent");
                return;
            }
        };
        let (board, shutdown) = (self.clone(), tasks.shutdown().clone());
        tasks.spawn("status", async move {
            let serving = async {
                // One after the other: the answer is one short line.
                while let Ok(stream) = listener.accept().await {
                    let status = board.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let (_reader, mut writer) = split(stream);
                    let _ = tokio::time::timeout(PATIENCE, write_message(&mut writer, &status)).await;
                }
            };
            tokio::select! {
                () = serving => {}
                () = shutdown.cancelled() => {}
            }
        });
    }
}

/// Counts what has been logged, so that a long outage is a few lines and not thousands.
#[derive(Debug, Default)]
pub(crate) struct SeenReasons {
    times: BTreeMap<String, u32>,
}

impl SeenReasons {
    /// Whether this reason is new, or has been seen so often that it should be said again.
    pub(crate) fn is_worth_saying(&mut self, reason: &str) -> bool {
        if self.times.len() > 32 {
            self.times.clear();
        }
        let times = self.times.entry(reason.to_owned()).or_default();
        *times += 1;
        times.is_power_of_two()
    }

    /// Everything is well again.
    pub(crate) fn clear(&mut self) {
        self.times.clear();
    }
}

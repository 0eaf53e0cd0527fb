//! This machine as a managed node: registered once for a data folder, run by a task of this process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use postern_agent::{Activation, AgentConfig, AgentError, SessionsAtShutdown, WorkerCommand};
use postern_client::Service;
use postern_client::config::DEFAULT_REGION;
use postern_iam::NodeId;
use postern_model::activation::CreateActivationRequest;
use postern_model::node::{DescribeInstanceInformationRequest, NodeFilter, NodeFilterKey, PingStatus};
use postern_model::session::{ConnectionStatus, GetConnectionStatusRequest};
use postern_transport::Endpoint;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Every wait for the node together.
const ONLINE_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The name of the hidden subcommand that runs one session.
const WORKER: &str = "agent-session-worker";

/// The agent in this process.
pub(super) struct Node {
    pub(super) id: NodeId,
    config: AgentConfig,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), AgentError>>,
}

impl Node {
    /// Registers this machine if the folder holds no identity that the service knows, and starts the agent.
    pub(super) async fn start(folder: &Path, endpoint: Endpoint, service: &Service) -> anyhow::Result<Node> {
        let mut config = AgentConfig::new(folder.join("agent"));
        config.endpoint = Some(endpoint);
        config.region = Some(DEFAULT_REGION.parse().expect("the default region is one"));
        config.run_as_invoking_user = true;
        let id = match postern_agent::registered_node(&config)? {
            Some(id) if is_known(service, &id).await? => id,
            _ => register(&config, service).await?,
        };
        let worker = WorkerCommand { program: own_program()?, args: vec![WORKER.to_owned()] };
        let shutdown = CancellationToken::new();
        let agent = postern_agent::run(config.clone(), worker, SessionsAtShutdown::End, shutdown.clone());
        Ok(Node { id, config, shutdown, task: tokio::spawn(agent) })
    }

    /// Waits until the service sees the node online and can give it sessions.
    pub(super) async fn wait_until_online(&mut self, service: &Service) -> anyhow::Result<()> {
        let online = async {
            loop {
                if is_connected(service, &self.id).await? && is_known_online(service, &self.id).await? {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            result = tokio::time::timeout(ONLINE_WITHIN, online) => match result {
                Ok(result) => result,
                Err(_) => bail!(
                    "the node {} is not online after {} s: {}",
                    self.id,
                    ONLINE_WITHIN.as_secs(),
                    waits_for(&self.config).await
                ),
            },
            ended = &mut self.task => match ended {
                Ok(Err(error)) => Err(error.into()),
                Ok(Ok(())) | Err(_) => bail!("the agent has ended by itself; see POSTERN_LOG=debug for why"),
            },
        }
    }

    /// Ends the node's sessions and the agent.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        // The agent bounds its own end.
        let _ = self.task.await;
    }
}

/// This very program, also when a build has put another one in its place since.
fn own_program() -> anyhow::Result<PathBuf> {
    let image = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && image.exists() {
        return Ok(image.to_owned());
    }
    std::env::current_exe().context("cannot find this program's own file")
}

async fn register(config: &AgentConfig, service: &Service) -> anyhow::Result<NodeId> {
    let request = CreateActivationRequest {
        default_instance_name: Some("quickstart".to_owned()),
        iam_role: "PosternNode".to_owned(),
        ..CreateActivationRequest::default()
    };
    let made = service.call(&request).await.context("cannot make an activation")?;
    let activation = Activation { id: made.activation_id, code: made.activation_code };
    // An identity that the service does not know any more is of no use to anybody.
    Ok(postern_agent::register(config, &activation, true).await?)
}

async fn is_connected(service: &Service, id: &NodeId) -> anyhow::Result<bool> {
    let answer = service.call(&GetConnectionStatusRequest { target: id.to_string() }).await?;
    Ok(answer.status == ConnectionStatus::Connected)
}

async fn is_known(service: &Service, id: &NodeId) -> anyhow::Result<bool> {
    Ok(information(service, id).await?.is_some())
}

async fn is_known_online(service: &Service, id: &NodeId) -> anyhow::Result<bool> {
    Ok(information(service, id).await? == Some(PingStatus::Online))
}

async fn information(service: &Service, id: &NodeId) -> anyhow::Result<Option<PingStatus>> {
    let filter = NodeFilter { key: NodeFilterKey::InstanceIds, values: vec![id.to_string()] };
    let request = DescribeInstanceInformationRequest { filters: vec![filter], ..Default::default() };
    let answer = service.call(&request).await?;
    Ok(answer.instance_information_list.first().map(|node| node.instance.ping_status))
}

/// What the agent says it is waiting for.
async fn waits_for(config: &AgentConfig) -> String {
    let status = postern_agent::status(config).await.ok().and_then(|status| status.agent);
    status
        .map(|agent| agent.reason)
        .filter(|reason| !reason.is_empty())
        .unwrap_or_else(|| "the agent does not answer".to_owned())
}

//! Control channels: which node may open one, who holds it, and what is to be said over it.
//!
//! The newest control channel of a node counts; an older one is displaced. Two machines with one identity displace each
//! other for ever, which is noticed and said.

use std::net::IpAddr;

use postern_bus::{Delivery, Subscription};
use postern_iam::{NodeId, SecretString, SessionId};
use postern_model::ApiError;
use postern_model::node::PlatformType;
use postern_protocol::wire::open::ControlOpen;
use postern_protocol::wire::payload::{InteractiveShell, TaskComplete, TaskStatus};
use postern_store::{
    AgentResult, NodeConnected, NodeConnection, NodeDisconnection, NodeReport, RecordAgentResult, SessionRecord,
};

use crate::authz::act::{self, Itself};
use crate::authz::{Authorized, authorize};
use crate::caller::Caller;
use crate::command::{NodeCommand, SessionCommand, decode, encode, node_subject, presence_subject};
use crate::failure::Refusal;
use crate::token::{ChannelToken, Grant, TokenFault};
use crate::{Control, failure, millis};

/// Starts and ends that are handed out at once. The rest follows when these are done.
const MAX_PENDING: u32 = 100;
/// Longest text of an agent that is kept, in bytes; stock agents send up to 24,000 characters.
const MAX_OUTPUT: usize = 64 * 1024;

/// The right to speak to a node, for as long as nobody displaces it. Give it back with
/// [`Control::detach_control_channel`].
#[derive(Debug)]
pub struct ControlLease {
    node_id: NodeId,
    connection_id: String,
    commands: Subscription,
}

/// What a node has to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingWork {
    /// Sessions to start. Sending one twice is harmless while it runs (spec agent-control-channel §3, duplicates).
    pub starts: Vec<InteractiveShell>,
    /// Sessions that are over: send `channel_closed`, then call [`Control::end_delivered`].
    pub ends: Vec<SessionId>,
    /// There may be more: ask again when these are sent.
    pub more: bool,
}

impl ControlLease {
    /// Whose control channel it is.
    #[must_use]
    pub fn node_id(&self) -> &NodeId {
        &self.node_id
    }

    /// What to do next on this control channel. Cancel-safe. Nothing once the service is going away.
    pub async fn next_command(&mut self) -> Option<NodeCommand> {
        loop {
            match self.commands.next().await? {
                Delivery::Lost => return Some(NodeCommand::WorkPending),
                Delivery::Message(message) => match decode(&message) {
                    Some(NodeCommand::Displaced { connection_id, .. }) if connection_id != self.connection_id => {}
                    Some(command) => return Some(command),
                    None => {}
                },
            }
        }
    }
}

impl Control {
    /// `POST /v1/control-channel/{id}`: a token to open the node's control channel with.
    ///
    /// # Errors
    /// `AccessDeniedException` if the caller is not this node.
    // Async like every other way in.
    #[expect(clippy::unused_async, reason = "every operation is called alike")]
    pub async fn create_control_channel(&self, caller: &Caller, node_id: &str) -> Result<SecretString, ApiError> {
        let on = named(node_id, caller)?;
        let allowed = authorize::<act::CreateControlChannel>(caller, Itself(on.clone()));
        let allowed = allowed.inspect_err(|error| self.note_refusal(&on, error))?;
        Ok(self.mint_control_token(&allowed))
    }

    fn mint_control_token(&self, allowed: &Authorized<act::CreateControlChannel>) -> SecretString {
        let expires_at = self.unix_millis() + millis(self.settings.token_life);
        let grant = Grant::Control(allowed.on().0.clone());
        ChannelToken { scope: self.scope().clone(), grant, expires_at }.mint(&self.keys.channel_token)
    }

    /// The opening message of a control channel arrived. From the answer on the node is connected.
    ///
    /// `signed` is the caller of the upgrade if that was signed; then both must be the same node.
    ///
    /// # Errors
    /// [`Refusal`]: close the socket and say why.
    pub async fn attach_control_channel(
        &self,
        node_id: &str,
        open: &ControlOpen,
        signed: Option<&Caller>,
    ) -> Result<ControlLease, Refusal> {
        let node_id: NodeId = node_id.parse().map_err(|_| Refusal::OtherChannel)?;
        let token = self.verify_token(open.token_value.expose())?;
        if token.grant != Grant::Control(node_id.clone()) {
            return Err(Refusal::OtherChannel);
        }
        if let Some(caller) = signed {
            let _allowed = authorize::<act::OpenControlChannel>(caller, Itself(node_id.clone()))?;
        }
        // Before the node counts as connected, so that no command is missed.
        let subject = node_subject(self.scope(), &node_id);
        let commands = self.bus.subscribe(&subject).await.map_err(failure::bus)?;
        let connection_id = hex::encode(self.random::<12>());
        let connection = NodeConnection {
            connection_id: connection_id.clone(),
            service: self.settings.service_name.clone(),
            connected_at: self.unix_millis(),
        };
        let known = |text: &str| Some(text.chars().take(64).collect::<String>()).filter(|text| !text.is_empty());
        let platform = PlatformType::from_name(&open.platform_type);
        let report = NodeReport {
            agent_version: known(&open.agent_version),
            platform_type: platform.map(|platform| platform.as_str().to_owned()),
            ..NodeReport::default()
        };
        match self.store.node_connected(self.scope(), &node_id, connection, report).await? {
            NodeConnected::NodeUnknown => return Err(Refusal::NodeUnknown),
            NodeConnected::Connected { displaced } => {
                if let Some(displaced) = displaced {
                    self.displace(&node_id, displaced, signed.and_then(|caller| caller.source_ip));
                }
            }
        }
        self.refusals().forget(&node_id);
        self.tell_presence(&node_id, true);
        Ok(ControlLease { node_id, connection_id, commands })
    }

    /// The control channel is gone, for this reason (a clause: "its control channel was closed").
    ///
    /// # Errors
    /// The store does not answer; the node is shown connected until it connects again or the service restarts.
    pub async fn detach_control_channel(&self, lease: ControlLease, reason: &str) -> Result<(), ApiError> {
        let disconnection = NodeDisconnection { at: self.unix_millis(), reason: reason.to_owned() };
        let ControlLease { node_id, connection_id, commands } = lease;
        drop(commands);
        let was_present = self
            .store
            .node_disconnected(self.scope(), &node_id, &connection_id, disconnection)
            .await
            .map_err(failure::store)?;
        if was_present {
            self.tell_presence(&node_id, false);
        }
        Ok(())
    }

    /// What the node has to be told now. To be asked when the channel is attached and at [`NodeCommand::WorkPending`].
    ///
    /// # Errors
    /// The store does not answer; ask again.
    pub async fn pending_work(&self, lease: &ControlLease) -> Result<PendingWork, ApiError> {
        let starts = self.store.pending_starts(self.scope(), &lease.node_id, MAX_PENDING);
        let starts = starts.await.map_err(failure::store)?;
        let ends = self.store.pending_ends(self.scope(), &lease.node_id, MAX_PENDING);
        let ends = ends.await.map_err(failure::store)?;
        let full = |count: usize| u32::try_from(count).is_ok_and(|count| count >= MAX_PENDING);
        let more = full(starts.len()) || full(ends.len());
        Ok(PendingWork { starts: starts.iter().map(start_message).collect(), ends, more })
    }

    /// The node was sent `channel_closed` for this session.
    ///
    /// # Errors
    /// The store does not answer; the node is told again when it reconnects, which is harmless.
    pub async fn end_delivered(&self, lease: &ControlLease, session_id: &SessionId) -> Result<(), ApiError> {
        self.store.end_delivered(self.scope(), session_id, &lease.node_id).await.map_err(failure::store)
    }

    /// The node says how a session went. Acknowledge it once this returned, whatever it returned but an error: what
    /// concerns no session of this node concerns nobody, and would only be sent again.
    ///
    /// # Errors
    /// The store does not answer; not acknowledged, the agent sends it again.
    pub async fn agent_task_completed(&self, lease: &ControlLease, task: &TaskComplete) -> Result<(), ApiError> {
        let Ok(session_id) = task.task_id.parse::<SessionId>() else { return Ok(()) };
        let output = cut(&task.output);
        let result = AgentResult { status: task.final_task_status.as_str().chars().take(32).collect(), output };
        let recorded = self.store.record_agent_result(self.scope(), &session_id, &lease.node_id, result.clone()).await;
        match recorded.map_err(failure::store)? {
            RecordAgentResult::Recorded => {
                self.tell_supervisor(&session_id, &completed(&result));
                Ok(())
            }
            RecordAgentResult::Repeated => Ok(()),
            RecordAgentResult::Unknown => {
                tracing::warn!(node.id = %lease.node_id, session.id = %session_id,
                    "a node reported the end of a session that it does not have");
                Ok(())
            }
        }
    }

    pub(crate) fn verify_token(&self, token: &str) -> Result<ChannelToken, Refusal> {
        let token =
            ChannelToken::verify(token, &self.keys.channel_token, self.unix_millis()).map_err(|fault| match fault {
                TokenFault::Forged => Refusal::TokenForged,
                TokenFault::Expired => Refusal::TokenExpired,
            })?;
        if token.scope == *self.scope() { Ok(token) } else { Err(Refusal::OtherChannel) }
    }

    fn displace(&self, node_id: &NodeId, displaced: NodeConnection, newcomer: Option<IpAddr>) {
        let now = self.clock.now().instant;
        let many = self.displacements().note(node_id, newcomer, now);
        let reason = if many {
            tracing::warn!(node.id = %node_id,
                "control channels of this node displace each other: two machines use one identity; register one again");
            "another machine uses the same identity; register one of the two again"
        } else {
            "a newer control channel of the same node took its place"
        };
        let command = NodeCommand::Displaced { connection_id: displaced.connection_id, reason: reason.to_owned() };
        self.bus.publish(&node_subject(self.scope(), node_id), encode(&command));
    }

    fn tell_presence(&self, node_id: &NodeId, connected: bool) {
        let command = SessionCommand::NodeConnected { connected };
        self.bus.publish(&presence_subject(self.scope(), node_id), encode(&command));
    }
}

/// What an agent's result is to the supervisor.
pub(crate) fn completed(result: &AgentResult) -> SessionCommand {
    let succeeded = [TaskStatus::Success, TaskStatus::Cancelled].iter().any(|status| status.as_str() == result.status);
    SessionCommand::AgentCompleted { failed: !succeeded, output: result.output.clone() }
}

fn start_message(session: &SessionRecord) -> InteractiveShell {
    InteractiveShell {
        content: session.start_content.clone(),
        task_id: session.session_id.to_string(),
        topic: InteractiveShell::TOPIC.to_owned(),
        schema_version: 1,
    }
}

/// At most [`MAX_OUTPUT`] bytes, whole characters.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_OUTPUT)].to_owned()
}

fn named(node_id: &str, caller: &Caller) -> Result<NodeId, ApiError> {
    node_id.parse().map_err(|_| {
        let shown: String = node_id.chars().filter(|c| !c.is_control()).take(64).collect();
        let reason = "because a managed node may act only for itself and its own sessions";
        ApiError::access_denied(&caller.principal, "ssmmessages:CreateControlChannel", &shown, reason)
    })
}

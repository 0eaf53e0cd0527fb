//! What a relay tells its supervisor. There is no queue to grow: each event is said once.

use super::Side;

/// What the session's supervisor has to know. Each is said once however often it happened since
/// the last poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayEvent {
    /// The agent reported that its session runs.
    AgentConnected,
    /// The agent reported that its session has ended by itself, all output sent.
    AgentTerminating,
    /// The client said that it ends the session, and will not come back.
    ClientLeaving,
    /// Every output message that came was acknowledged by the client.
    OutputDrained,
    /// User data came from this side.
    Activity(Side),
    /// A ping toward this side is needed; tell its pong with [`Relay::handle_pong`](super::Relay::handle_pong).
    WantsPing(Side),
}

/// What has happened since the last poll.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) agent_connected: bool,
    pub(super) agent_terminating: bool,
    pub(super) client_leaving: bool,
    pub(super) client_active: bool,
    pub(super) agent_active: bool,
    pub(super) output_drained: bool,
    pub(super) ping_client: bool,
    pub(super) ping_agent: bool,
}

impl Events {
    pub(super) fn poll(&mut self) -> Option<RelayEvent> {
        [
            (&mut self.agent_connected, RelayEvent::AgentConnected),
            (&mut self.client_active, RelayEvent::Activity(Side::Client)),
            (&mut self.agent_active, RelayEvent::Activity(Side::Agent)),
            (&mut self.ping_client, RelayEvent::WantsPing(Side::Client)),
            (&mut self.ping_agent, RelayEvent::WantsPing(Side::Agent)),
            (&mut self.agent_terminating, RelayEvent::AgentTerminating),
            (&mut self.client_leaving, RelayEvent::ClientLeaving),
            (&mut self.output_drained, RelayEvent::OutputDrained),
        ]
        .into_iter()
        .find_map(|(happened, event)| std::mem::take(happened).then_some(event))
    }
}

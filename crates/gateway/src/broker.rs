//! The broker: one task for each connection and one supervisor for each session.
//!
//! A control channel's task speaks with one node; a data channel's task moves one leg's messages through the session's
//! relay; a supervisor decides, by `control`'s lifecycle, what becomes of the session. Nothing here decides who may do
//! what, and nothing here reads what is typed.

mod control_channel;
mod data_channel;
mod opening;
mod recording;
mod registry;
mod session;
mod sessions;
mod supervisor;

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use postern_control::authz::Action;
use postern_control::{Admission, AuditedCall, Caller, Control, EndedSession, Origin as CalledFrom};
use postern_iam::{NodeId, SessionId};
use postern_model::ApiError;
use postern_protocol::channel::relay::{Leg, Relay, RelayConfig, Side};
use postern_protocol::wire::open::{ControlOpen, DataOpen, MAX_OPEN_BYTES};
use postern_protocol::wire::payload::ChannelClosed;
use postern_protocol::wire::websocket::Message;
use postern_protocol::{CLIENT_VERSION, Clock, Entropy, Now};
use postern_transport::tasks::Tasks;
use postern_transport::{NetStream, upgraded_websocket};
use serde_json::{Value, json};
use tokio::sync::Notify;

use data_channel::LegEnd;
use opening::{NORMAL, Opened, Unopened};
use registry::Registry;
use session::{Attachment, Session};
use sessions::{Sessions, Turns};

/// Control channels closed at once at shutdown, and the pause between two such batches.
const DRAIN_BATCH: usize = 256;
const DRAIN_PAUSE: Duration = Duration::from_millis(50);
/// Until the answer to an upgrade request is out.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Broker {
    control: Arc<Control>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    tasks: Tasks,
    opening_timeout: Duration,
    leg_silence: Duration,
    /// Wakes the task that holds a node's control channel, for leaving.
    nodes: Registry<NodeId, Arc<Notify>>,
    sessions: Sessions,
    turns: Turns,
}

/// What [`Broker`] is built from.
pub(crate) struct BrokerConfig {
    pub(crate) control: Arc<Control>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tasks: Tasks,
    pub(crate) opening_timeout: Duration,
    pub(crate) leg_silence: Duration,
}

/// Who opens a channel.
pub(crate) struct Opener {
    /// Who signed the upgrade, if anybody did: old plugins do not (spec data-channel 2.1).
    pub(crate) signed: Option<Caller>,
    /// From where.
    pub(crate) origin: CalledFrom,
}

impl Opener {
    fn begin<'a>(&self, control: &'a Control, action: Action, asked: &Value) -> Result<AuditedCall<'a>, ApiError> {
        let event = control.begin_call(action, self.origin.clone())?;
        self.signed.iter().for_each(|caller| event.set_caller(caller));
        event.set_request(asked);
        Ok(event)
    }
}

impl Broker {
    pub(crate) fn new(config: BrokerConfig) -> Arc<Self> {
        let BrokerConfig { control, clock, entropy, tasks, opening_timeout, leg_silence } = config;
        let (nodes, sessions, turns) = (Registry::new(), Sessions::default(), Turns::default());
        Arc::new(Self { control, clock, entropy, tasks, opening_timeout, leg_silence, nodes, sessions, turns })
    }

    /// Supervises sessions that an earlier process left. Legs that come before their session's turn take it up
    /// themselves.
    pub(crate) fn adopt(self: &Arc<Self>, sessions: Vec<SessionId>) {
        let broker = Arc::clone(self);
        self.tasks.spawn(
            "adoption",
            Box::pin(async move {
                for id in sessions {
                    if broker.tasks.shutdown().is_cancelled() {
                        return;
                    }
                    if let Err(error) = broker.take_up(&id, Origin::Stored).await {
                        tracing::error!(session.id = %id, %error, "a session cannot be taken up; its legs will try again");
                    }
                }
            }),
        );
    }

    /// Begins to supervise a session that was just started.
    pub(crate) async fn started(self: &Arc<Self>, id: &SessionId) -> Result<(), ApiError> {
        self.take_up(id, Origin::Started).await.map(|_| ())
    }

    /// Takes an accepted upgrade to a control channel.
    pub(crate) fn control_channel(self: &Arc<Self>, upgrade: OnUpgrade, node_id: String, opener: Opener) {
        let broker = Arc::clone(self);
        self.tasks.spawn(
            "control-channel-opening",
            Box::pin(async move {
                let Some(unopened) = broker.upgraded(upgrade).await else { return };
                let Some((opened, open)) = broker.receive(unopened, ControlOpen::parse).await else { return };
                let event = match opener.begin(&broker.control, Action::OpenControlChannel, &json!({"NodeId": node_id}))
                {
                    Ok(event) => event,
                    Err(error) => return opened.refuse(error.message()).await,
                };
                let attached = broker.control.attach_control_channel(&node_id, &open, opener.signed.as_ref()).await;
                event.finish_opening(&attached).await;
                match attached {
                    Ok(lease) => {
                        let work = control_channel::run(Arc::clone(&broker), opened.accept(MAX_CONTROL_MESSAGE), lease);
                        broker.tasks.spawn("control-channel", Box::pin(work));
                    }
                    Err(refusal) => {
                        tracing::info!(node.id = shown(&node_id), %refusal, "a control channel was refused");
                        opened.refuse(&refusal.to_string()).await;
                    }
                }
            }),
        );
    }

    /// Takes an accepted upgrade to a data channel.
    pub(crate) fn data_channel(self: &Arc<Self>, upgrade: OnUpgrade, session_id: String, opener: Opener) {
        let broker = Arc::clone(self);
        self.tasks.spawn(
            "data-channel-opening",
            Box::pin(async move {
                let Some(unopened) = broker.upgraded(upgrade).await else { return };
                let Some((opened, open)) = broker.receive(unopened, DataOpen::parse).await else { return };
                broker.admit(opened, &open, &session_id, &opener).await;
            }),
        );
    }

    async fn upgraded(&self, upgrade: OnUpgrade) -> Option<Unopened> {
        match upgraded_websocket::<NetStream>(upgrade, MAX_OPEN_BYTES, UPGRADE_TIMEOUT).await {
            Ok(socket) => Some(Unopened::new(socket)),
            Err(error) => {
                tracing::debug!(%error, "a peer left before its upgrade was answered");
                None
            }
        }
    }

    async fn receive<T, E: std::fmt::Display>(
        &self,
        unopened: Unopened,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<(Opened, T)> {
        let (opened, text) = match unopened.receive(self.opening_timeout).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!(%error, "a channel was not opened");
                return None;
            }
        };
        match parse(&text) {
            Ok(open) => Some((opened, open)),
            Err(error) => {
                tracing::debug!(%error, "a channel was not opened");
                opened.refuse(&error.to_string()).await;
                None
            }
        }
    }

    async fn admit(self: &Arc<Self>, opened: Opened, open: &DataOpen, session_id: &str, opener: &Opener) {
        let side = match open {
            DataOpen::Client(_) => "client",
            DataOpen::Agent(_) => "agent",
        };
        let asked = json!({"SessionId": session_id, "Side": side});
        let mut event = match opener.begin(&self.control, Action::OpenDataChannel, &asked) {
            Ok(event) => Some(event),
            Err(error) => return opened.refuse(error.message()).await,
        };
        // A session may end between its admission and its attaching; then the second answer says how.
        for _ in 0..2 {
            let admitted = self.control.admit_data_channel(session_id, open, opener.signed.as_ref()).await;
            if let Some(event) = event.take() {
                event.finish_opening(&admitted).await;
            }
            match admitted {
                Ok(Admission::Open(admission)) => {
                    let id = &admission.session.session_id;
                    if let Some(attachment) = self.attach(id, admission.side, leg_of(open)).await {
                        return self.run_leg(opened, attachment);
                    }
                }
                Ok(Admission::Ended(ended)) => return self.tell_ended(opened, &ended).await,
                Err(refusal) => {
                    tracing::info!(session.id = shown(session_id), %refusal, "a data channel was refused");
                    return opened.refuse(&refusal.to_string()).await;
                }
            }
        }
        opened.refuse("the session cannot be opened now; try again").await;
    }

    async fn attach(self: &Arc<Self>, id: &SessionId, side: Side, leg: Leg) -> Option<Attachment> {
        match self.take_up(id, Origin::Stored).await {
            Ok(session) => session?.attach(side, leg).ok(),
            Err(error) => {
                tracing::error!(session.id = %id, %error, "a session cannot be taken up");
                None
            }
        }
    }

    fn run_leg(&self, opened: Opened, attachment: Attachment) {
        let socket = opened.accept(data_channel::MAX_MESSAGE_BYTES);
        let shutdown = self.tasks.shutdown().clone();
        let silence = attachment.is_ours().then_some(self.leg_silence);
        let work = async move {
            let (id, side) = (attachment.session().id.clone(), attachment.side());
            tracing::debug!(session.id = %id, ?side, "a leg is attached");
            match data_channel::run(socket, attachment, silence, shutdown).await {
                LegEnd::Refused(reason) => tracing::warn!(session.id = %id, ?side, reason, "a leg was closed"),
                LegEnd::Failed(error) => tracing::debug!(session.id = %id, ?side, %error, "a leg broke"),
                end => tracing::debug!(session.id = %id, ?side, ?end, "a leg is gone"),
            }
        };
        self.tasks.spawn("data-channel", Box::pin(work));
    }

    /// A client that comes after the end is told how it ended, or it would wait for ever (spec data-channel 9).
    async fn tell_ended(&self, opened: Opened, ended: &EndedSession) {
        let now = self.clock.now();
        let mut relay = Relay::new(RelayConfig::new(self.seed()));
        relay.attach(Side::Client, Leg::default(), now);
        relay.close(Side::Client, channel_closed(&ended.session_id, &ended.node_id, &ended.output, now), now);
        let mut socket = opened.accept(MAX_OPEN_BYTES);
        while let Some(message) = relay.poll_transmit(Side::Client, now) {
            socket.feed(Message::Binary(message));
        }
        opening::close(socket, NORMAL, "").await;
    }

    /// The session with this id, supervised from now on if it was not. Nothing if it has ended.
    async fn take_up(self: &Arc<Self>, id: &SessionId, origin: Origin) -> Result<Option<Arc<Session>>, ApiError> {
        if let Some(session) = self.sessions.get(id) {
            return Ok(Some(session));
        }
        // A recording has one writer, so whoever comes at the same time waits.
        let _turn = self.turns.wait(id).await;
        if let Some(session) = self.sessions.get(id) {
            return Ok(Some(session));
        }
        let Some(mut supervision) = self.control.supervise(id, origin == Origin::Started).await? else {
            return Ok(None);
        };
        let recorder = supervision.recorder.take();
        let snapshot = &supervision.session;
        let config = RelayConfig {
            // Before the agent asked for its channel there was nothing to remember.
            resumed: supervision.resumed && snapshot.reached_agent,
            // Its readers would stop for good (spec data-channel 5).
            may_pause: !snapshot.separate_output,
            ..RelayConfig::new(self.seed())
        };
        let new = Session::new(id.clone(), snapshot.node_id.clone(), config, recorder, Arc::clone(&self.clock));
        let (session, is_new) = self.sessions.get_or_insert(new);
        if is_new {
            let work = supervisor::run(Arc::clone(self), Arc::clone(&session), supervision);
            self.tasks.spawn("supervisor", Box::pin(work));
        }
        Ok(Some(session))
    }

    /// Asks the nodes to go elsewhere, batch after batch.
    pub(crate) async fn drain(&self) {
        for batch in self.nodes.all().chunks(DRAIN_BATCH) {
            for leave in batch {
                leave.notify_one();
            }
            tokio::time::sleep(DRAIN_PAUSE).await;
        }
    }

    /// Waits until the service stops.
    pub(crate) async fn stopping(&self) {
        self.tasks.shutdown().cancelled().await;
    }

    pub(crate) fn connected_nodes(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn active_sessions(&self) -> usize {
        self.sessions.len()
    }

    fn seed(&self) -> u64 {
        let mut seed = [0; 8];
        self.entropy.fill(&mut seed);
        u64::from_ne_bytes(seed)
    }
}

/// Where a session comes from, when it is taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// This process has just opened it.
    Started,
    /// It was in the store.
    Stored,
}

/// The largest message of a control channel: an agent's result with its output.
const MAX_CONTROL_MESSAGE: usize = 512 * 1024;

/// A stock client announces a version too, but not ours; a stock agent announces none.
fn leg_of(open: &DataOpen) -> Leg {
    match open {
        DataOpen::Client(open) => Leg {
            ours: open.client_version.as_deref() == Some(CLIENT_VERSION),
            version: open.client_version.clone(),
            takes_warnings: open.ending_warnings,
        },
        DataOpen::Agent(open) => {
            Leg { ours: open.agent_version.is_some(), version: open.agent_version.clone(), takes_warnings: false }
        }
    }
}

fn channel_closed(session: &SessionId, node: &NodeId, output: &str, now: Now) -> ChannelClosed {
    ChannelClosed {
        message_type: ChannelClosed::MESSAGE_TYPE.to_owned(),
        message_id: String::new(),
        destination_id: node.to_string(),
        session_id: session.to_string(),
        schema_version: 1,
        created_date: now.unix_millis.to_string(),
        output: output.to_owned(),
    }
}

/// A stranger's text, fit for a log.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, F: Future>(_: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn tasks_that_wait_by_the_thousand_are_small() {
        let control_channel = size_of_future(control_channel::run);
        assert!(control_channel <= 1_100, "{control_channel} bytes");
        let leg = size_of_future(|socket, attachment, shutdown| data_channel::run(socket, attachment, None, shutdown));
        assert!(leg <= 2_100, "{leg} bytes");
        let supervisor = size_of_future(supervisor::run);
        assert!(supervisor <= 2_500, "{supervisor} bytes");
    }
}

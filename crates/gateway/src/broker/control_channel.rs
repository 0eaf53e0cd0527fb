//! The task of one node's control channel: starts and ends go down, results come up.
//!
//! What has to be said is read from the store, when the channel is opened and whenever the bus hints at it; an end
//! counts as delivered when it has left this process. It refuses to keep sessions: it only passes on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postern_control::{ControlLease, NodeCommand};
use postern_iam::SessionId;
use postern_protocol::channel::control_channel::{
    ControlTransmit, KEEPALIVE, ServiceControl, ServiceControlConfig, ServiceControlEvent,
};
use postern_protocol::wire::websocket::Message;
use postern_transport::{WsEvent, sleep_until};
use tokio::sync::Notify;

use super::opening::{self, GOING_AWAY, NORMAL, Socket, UNACCEPTABLE};
use super::registry::ConnectionId;
use super::{Broker, channel_closed};

/// Malformed messages after which a peer is not worth listening to.
const MAX_BAD_MESSAGES: u32 = 32;

/// Starts of one connection that are remembered; more than are handed out at once.
const STARTED_REMEMBERED: usize = 256;
/// When there is more to do than is handed out at once: until the next look.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Why a control channel ends: a clause for people, and what the peer is told.
struct Leaving {
    reason: String,
    close: Option<u16>,
}

impl Leaving {
    /// There is nobody to tell.
    fn gone(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), close: None }
    }

    fn telling(code: u16, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), close: Some(code) }
    }
}

/// An opened control channel: the future runs until it ends, then says that it did.
///
/// Ten thousand of these wait at a time, so the state is built once and used where the future holds it; whatever is
/// large and rare is boxed while it lasts.
pub(super) fn run(broker: Arc<Broker>, socket: Socket, lease: ControlLease) -> impl Future<Output = ()> + Send {
    let id = ConnectionId::next();
    let leave = Arc::new(Notify::new());
    if let Some(displaced) = broker.nodes.join(lease.node_id().clone(), id, Arc::clone(&leave)) {
        displaced.notify_one();
    }
    tracing::info!(node.id = %lease.node_id(), "node connected");
    let channel = ServiceControl::new(ServiceControlConfig::new(broker.seed()), broker.clock.now());
    let mut connection = Connection {
        broker,
        socket,
        lease,
        channel,
        untold: Vec::new(),
        started: VecDeque::new(),
        work: true,
        ask_again: None,
        bad: 0,
    };
    async move {
        let leaving = connection.serve(&leave).await;
        Box::pin(connection.leave(id, leaving)).await;
    }
}

struct Connection {
    broker: Arc<Broker>,
    socket: Socket,
    lease: ControlLease,
    channel: ServiceControl,
    /// Ends whose message has not left this process yet.
    untold: Vec<SessionId>,
    /// Sessions whose start was sent on this connection, the latest last: an agent that has forgotten a session would
    /// start it once more.
    started: VecDeque<String>,
    /// There may be something to tell the node.
    work: bool,
    /// When to look for more.
    ask_again: Option<Instant>,
    bad: u32,
}

impl Connection {
    /// Clean-up, whatever ended the channel.
    async fn leave(self, id: ConnectionId, leaving: Leaving) {
        let Self { broker, socket, lease, .. } = self;
        let node_id = lease.node_id().clone();
        broker.nodes.leave(&node_id, id);
        tracing::info!(node.id = %node_id, reason = leaving.reason, "node disconnected");
        if let Err(error) = broker.control.detach_control_channel(lease, &leaving.reason).await {
            tracing::warn!(node.id = %node_id, %error, "a node's disconnection cannot be stored");
        }
        if let Some(code) = leaving.close {
            opening::close(socket, code, &leaving.reason).await;
        }
    }

    async fn serve(&mut self, leave: &Notify) -> Leaving {
        let shutdown = self.broker.tasks.shutdown().clone();
        loop {
            if std::mem::take(&mut self.work) {
                Box::pin(self.fetch_work()).await;
            }
            while let Some(event) = self.channel.poll_event(self.broker.clock.now()) {
                if let Some(leaving) = self.event(event).await {
                    return leaving;
                }
            }
            self.transmit();
            let event = tokio::select! {
                event = self.socket.next() => event,
                command = self.lease.next_command() => match self.command(command) {
                    Some(leaving) => return leaving,
                    None => continue,
                },
                () = sleep_until(earliest(self.channel.poll_timeout(), self.ask_again)) => {
                    let now = self.broker.clock.now();
                    self.work |= self.ask_again.take_if(|due| *due <= now.instant).is_some();
                    self.channel.handle_timeout(now);
                    continue;
                }
                () = leave.notified() => {
                    return Leaving::telling(GOING_AWAY, "a newer control channel took its place, or the service is stopping");
                }
                () = shutdown.cancelled() => return Leaving::telling(GOING_AWAY, "the service is stopping"),
            };
            match event {
                Ok(WsEvent::Message(message)) => {
                    if let Some(leaving) = self.message(message) {
                        return leaving;
                    }
                }
                Ok(WsEvent::Writable) => Box::pin(self.confirm_ends()).await,
                Ok(WsEvent::Closed) => return Leaving::gone("its control channel was closed"),
                Err(error) => return Leaving::gone(format!("its control channel broke: {error}")),
            }
        }
    }

    fn message(&mut self, message: Message) -> Option<Leaving> {
        let now = self.broker.clock.now();
        match message {
            Message::Binary(message) => {
                if let Err(error) = self.channel.handle_message(message, now) {
                    return self.complain(&error);
                }
            }
            // The socket has answered a ping already; both are signs of life.
            Message::Ping(_) | Message::Pong(_) => self.channel.handle_keepalive(now),
            Message::Text(_) => {
                return Some(Leaving::telling(UNACCEPTABLE, "it sent text on a control channel that is open"));
            }
            Message::Close(_) => {}
        }
        None
    }

    /// The first bad message is logged; too many end the channel.
    fn complain(&mut self, error: &dyn std::error::Error) -> Option<Leaving> {
        if self.bad == 0 {
            let cause = error.source().map(ToString::to_string);
            tracing::warn!(node.id = %self.lease.node_id(), %error, cause, "a node sent a bad message; it was dropped");
        }
        self.bad += 1;
        (self.bad > MAX_BAD_MESSAGES).then(|| Leaving::telling(UNACCEPTABLE, "it sent too many malformed messages"))
    }

    fn command(&mut self, command: Option<NodeCommand>) -> Option<Leaving> {
        match command {
            Some(NodeCommand::WorkPending) => self.work = true,
            Some(NodeCommand::EndSession { session_id }) => self.end_session(session_id),
            Some(NodeCommand::Displaced { reason, .. }) => return Some(Leaving::telling(NORMAL, reason)),
            Some(NodeCommand::Deregistered) => {
                for session in self.broker.sessions.on_node(self.lease.node_id()) {
                    self.end_session(session.id.clone());
                }
                // The close frame leaves behind them.
                self.transmit();
                return Some(Leaving::telling(NORMAL, "the node was deregistered"));
            }
            None => return Some(Leaving::telling(GOING_AWAY, "the service is stopping")),
        }
        None
    }

    async fn fetch_work(&mut self) {
        let work = match self.broker.control.pending_work(&self.lease).await {
            Ok(work) => work,
            Err(error) => {
                // The hint is lost; the sessions' own deadlines end what is not started.
                return tracing::warn!(node.id = %self.lease.node_id(), %error, "cannot read what a node has to do");
            }
        };
        let now = self.broker.clock.now();
        self.ask_again = work.more.then(|| now.instant + ASK_AGAIN);
        for start in &work.starts {
            if self.started.contains(&start.task_id) {
                continue;
            }
            if !self.channel.start_session(start, now) {
                tracing::warn!(node.id = %self.lease.node_id(), "a node does not read its control channel");
                return;
            }
            self.started.push_back(start.task_id.clone());
            if self.started.len() > STARTED_REMEMBERED {
                self.started.pop_front();
            }
        }
        work.ends.into_iter().for_each(|session_id| self.end_session(session_id));
    }

    fn end_session(&mut self, session_id: SessionId) {
        let now = self.broker.clock.now();
        let closed = channel_closed(&session_id, self.lease.node_id(), "", now);
        if self.channel.terminate_session(&closed, now) && !self.untold.contains(&session_id) {
            self.untold.push(session_id);
        }
    }

    /// Everything fed has left: the ends among it are delivered.
    async fn confirm_ends(&mut self) {
        self.transmit();
        if self.socket.pending_bytes() > 0 {
            return;
        }
        for session_id in std::mem::take(&mut self.untold) {
            if let Err(error) = self.broker.control.end_delivered(&self.lease, &session_id).await {
                tracing::warn!(session.id = %session_id, %error, "a delivered end cannot be stored; it will be repeated");
            }
        }
    }

    async fn event(&self, event: ServiceControlEvent) -> Option<Leaving> {
        match event {
            ServiceControlEvent::TaskComplete(task) => {
                let stored = Box::pin(self.broker.control.agent_task_completed(&self.lease, &task)).await;
                // Taking it has queued its acknowledgement, which must not leave unless it is stored.
                stored.err().map(|_| Leaving::gone("the service could not store a session's result"))
            }
            ServiceControlEvent::AgentSilent => Some(Leaving::gone("it did not answer on its control channel")),
        }
    }

    fn transmit(&mut self) {
        let now = self.broker.clock.now();
        while self.socket.can_feed() {
            match self.channel.poll_transmit(now) {
                Some(ControlTransmit::Message(message)) => self.socket.feed(Message::Binary(message)),
                Some(ControlTransmit::Ping) => self.socket.feed(Message::Ping(KEEPALIVE.into())),
                None => return,
            }
        }
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

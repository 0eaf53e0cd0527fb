//! The control channel: how the service tells this node to start and end sessions, and learns how they ended.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use postern_protocol::channel::control_channel::{
    AgentControl, AgentControlConfig, AgentControlEvent, ControlTransmit, KEEPALIVE,
};
use postern_protocol::wire::open::{ControlOpen, MESSAGE_SCHEMA_VERSION};
use postern_protocol::wire::payload::{ChannelClosed, InteractiveShell, TaskComplete, TaskStatus};
use postern_protocol::wire::websocket::Message;
use postern_protocol::{AGENT_VERSION, Clock as _, Entropy as _};
use postern_transport::{Backoff, NetStream, SystemClock, SystemEntropy, sleep_until};

use crate::information::platform_type;
use crate::link::{Connect, ConnectError, Connecting, Link, LinkEvent};
use crate::service::{Service, new_uuid};
use crate::sessions::Ended;

/// A node that lost its service comes back within the cap, however long the outage was.
const RECONNECT_BASE: Duration = Duration::from_millis(500);
const RECONNECT_CAP: Duration = Duration::from_secs(30);

/// Opens the control channel.
pub(crate) struct ControlChannelConnect {
    pub(crate) service: Arc<Service>,
}

impl Connect for ControlChannelConnect {
    type Io = NetStream;

    fn connect(&self) -> Connecting<NetStream> {
        let service = Arc::clone(&self.service);
        Box::pin(async move {
            let (mut socket, token) =
                service.open_control_channel().await.map_err(|error| ConnectError::failed(&error))?;
            let open = ControlOpen {
                cookie: None,
                message_schema_version: MESSAGE_SCHEMA_VERSION.to_owned(),
                request_id: new_uuid(),
                token_value: token,
                agent_version: AGENT_VERSION.to_owned(),
                platform_type: platform_type(),
            };
            socket.feed(Message::Text(open.to_json()));
            Ok(socket)
        })
    }
}

/// What the agent has to know or do.
#[derive(Debug)]
pub(crate) enum ControlEvent {
    /// Online, by this address of ours.
    Connected(Option<IpAddr>),
    /// Offline, and why.
    Disconnected(String),
    /// Start this session, unless it runs already.
    Start(InteractiveShell),
    /// End this session.
    Terminate(ChannelClosed),
    /// The service has heard of this session's end.
    Heard { session_id: String },
}

/// The control channel over its link. Lives as long as the agent.
pub(crate) struct ControlChannel {
    node_id: String,
    control: AgentControl,
    link: Link<ControlChannelConnect>,
}

impl ControlChannel {
    /// Begins to connect when first polled.
    pub(crate) fn new(service: Arc<Service>) -> Self {
        let mut seed = [0; 8];
        SystemEntropy.fill(&mut seed);
        let pace = Backoff::new(RECONNECT_BASE, RECONNECT_CAP);
        Self {
            node_id: service.node_id().to_string(),
            control: AgentControl::new(AgentControlConfig::new(u64::from_le_bytes(seed))),
            link: Link::new(ControlChannelConnect { service }, pace.clone(), pace),
        }
    }

    /// Reports the end of a session until the service has heard it.
    pub(crate) fn report(&mut self, ended: &Ended) {
        let task = TaskComplete {
            schema_version: 1,
            task_id: ended.session_id.to_string(),
            topic: TaskComplete::TOPIC.to_owned(),
            final_task_status: if ended.result.is_failed { TaskStatus::Failed } else { TaskStatus::Success },
            instance_id: self.node_id.clone(),
            output: ended.result.output.clone(),
            retry_number: 1,
            ..TaskComplete::default()
        };
        self.control.complete_task(task, SystemClock.now());
    }

    /// The next thing that happens. Cancel-safe.
    pub(crate) async fn next(&mut self) -> ControlEvent {
        loop {
            if let Some(event) = self.control.poll_event() {
                return self.told(event);
            }
            self.pump();
            let deadline = self.control.poll_timeout();
            let event = tokio::select! {
                event = self.link.next(instant) => event,
                () = sleep_until(deadline) => {
                    self.control.handle_timeout(SystemClock.now());
                    continue;
                }
            };
            if let Some(event) = self.handle(event) {
                return event;
            }
        }
    }

    fn told(&mut self, event: AgentControlEvent) -> ControlEvent {
        match event {
            AgentControlEvent::StartSession(start) => ControlEvent::Start(start),
            AgentControlEvent::TerminateSession(closed) => ControlEvent::Terminate(closed),
            AgentControlEvent::TaskAcknowledged { task_id } => ControlEvent::Heard { session_id: task_id },
            AgentControlEvent::ServiceSilent => {
                let now = SystemClock.now();
                self.link.drop_connection(now.instant);
                self.control.handle_disconnected(now);
                ControlEvent::Disconnected("the service does not answer any more".to_owned())
            }
        }
    }

    fn handle(&mut self, event: LinkEvent) -> Option<ControlEvent> {
        let now = SystemClock.now();
        match event {
            LinkEvent::Opened => {
                self.control.handle_connected(now);
                let address = self.link.socket().and_then(|socket| socket.get_ref().local_addr().ok());
                return Some(ControlEvent::Connected(address.map(|address| address.ip())));
            }
            LinkEvent::Message(Message::Binary(frame)) => {
                if let Err(error) = self.control.handle_message(frame, now) {
                    tracing::debug!(%error, "a message on the control channel was dropped");
                }
            }
            LinkEvent::Message(Message::Ping(_) | Message::Pong(_)) => self.control.handle_keepalive(now),
            LinkEvent::Message(_) | LinkEvent::Writable => {}
            LinkEvent::Lost { reason, was_open } => {
                if was_open {
                    self.control.handle_disconnected(now);
                }
                return Some(ControlEvent::Disconnected(reason));
            }
            LinkEvent::Over => {
                return Some(ControlEvent::Disconnected("the service has no control channel".to_owned()));
            }
        }
        None
    }

    fn pump(&mut self) {
        let Some(socket) = self.link.socket() else { return };
        while socket.can_feed() {
            match self.control.poll_transmit(SystemClock.now()) {
                Some(ControlTransmit::Message(frame)) => socket.feed(Message::Binary(frame)),
                Some(ControlTransmit::Ping) => socket.feed(Message::Ping(Bytes::from_static(KEEPALIVE))),
                None => return,
            }
        }
    }
}

fn instant() -> Instant {
    SystemClock.now().instant
}

//! The service's end of the control channel.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::liveness::{Liveness, Verdict};
use super::{ControlTransmit, encode};
use crate::Now;
use crate::channel::PeerError;
use crate::channel::opaque::Opaque;
use crate::wire::payload::{
    AgentJobReply, AgentJobReplyAck, ChannelClosed, InteractiveShell, JsonPayload, TaskAcknowledge, TaskComplete,
};
use crate::wire::{Frame, MessageId, MessageIds, MessageType};

/// What the service's end of a control channel is built from.
#[derive(Clone, Debug)]
pub struct ServiceControlConfig {
    /// How long the socket may be silent before a ping is sent. Longer than our agent's own
    /// interval, so that only one of the two pings.
    pub ping_interval: Duration,
    /// How long after a ping the socket may stay silent before it counts as dead.
    pub pong_timeout: Duration,
    /// Where the message ids come from.
    pub message_id_seed: u64,
}

impl ServiceControlConfig {
    /// The usual settings: a dead agent is noticed within 30 s.
    pub const fn new(message_id_seed: u64) -> Self {
        Self { ping_interval: Duration::from_secs(18), pong_timeout: Duration::from_secs(12), message_id_seed }
    }
}

/// What the service has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceControlEvent {
    /// A session has ended; said once for each session on this socket. Taking it is what
    /// acknowledges it, so take it when it can be stored.
    TaskComplete(Box<TaskComplete>),
    /// The socket is dead: drop it.
    AgentSilent,
}

/// The most messages that wait for a socket. A socket that takes nothing is dead soon.
const MAX_WAITING: usize = 1024;
/// The most reports that wait to be taken.
const MAX_REPORTS: usize = 64;
/// How many reported sessions are remembered, for agents that report twice.
const MAX_REPORTED: usize = 256;
/// Session ids are far shorter; job ids hold two UUIDs and a few words.
const MAX_TASK_ID_BYTES: usize = 256;

/// The service's end of one socket; another socket gets another one. See the
/// [grammar](crate::channel).
#[derive(Debug)]
pub struct ServiceControl {
    ids: MessageIds,
    liveness: Liveness,
    wants_ping: bool,
    messages: VecDeque<Opaque>,
    reports: VecDeque<(MessageId, Box<TaskComplete>)>,
    /// Sessions whose report was taken, the latest last.
    reported: VecDeque<String>,
    silent: bool,
}

impl ServiceControl {
    /// The end of a socket on which the opening message was accepted.
    pub fn new(config: ServiceControlConfig, now: Now) -> Self {
        let mut liveness = Liveness::new(config.ping_interval, config.pong_timeout);
        liveness.open(now.instant);
        Self {
            ids: MessageIds::new(config.message_id_seed),
            liveness,
            wants_ping: false,
            messages: VecDeque::new(),
            reports: VecDeque::new(),
            reported: VecDeque::new(),
            silent: false,
        }
    }

    /// Starts a session. The agent does not acknowledge it, and ignores it while the session runs;
    /// but after its end it would start it again, so never repeat a start that was reported on.
    /// False if too much waits for the socket already.
    pub fn start_session(&mut self, start: &InteractiveShell, now: Now) -> bool {
        self.queue(MessageType::InteractiveShell, start.encode(), now)
    }

    /// Ends a session. False if too much waits for the socket already.
    pub fn terminate_session(&mut self, closed: &ChannelClosed, now: Now) -> bool {
        self.queue(MessageType::ChannelClosed, closed.encode(), now)
    }

    fn queue(&mut self, message_type: MessageType, payload: Bytes, now: Now) -> bool {
        let room = self.messages.len() < MAX_WAITING;
        if room {
            self.messages.push_back(Opaque(encode(message_type, payload, &mut self.ids, now)));
        }
        room
    }

    /// A binary message came.
    ///
    /// # Errors
    /// If the message is no use. It is dropped, and a report is not acknowledged.
    pub fn handle_message(&mut self, message: Bytes, now: Now) -> Result<(), PeerError> {
        self.liveness.heard(now.instant);
        let frame = Frame::decode_unverified(message)?;
        match frame.message_type {
            MessageType::AgentTaskComplete => self.report(frame.message_id, TaskComplete::decode(&frame.payload)?, now),
            // Run Command's. Nobody here sends jobs; an agent that kept a result of another time sends it every five
            // minutes for two hours, unless it hears that it arrived (spec agent-control-channel §6.3).
            MessageType::AgentJobReply => {
                let reply = AgentJobReply::decode(&frame.payload)?;
                if reply.job_id.len() > MAX_TASK_ID_BYTES {
                    return Err(PeerError::TooMany);
                }
                let acknowledge =
                    AgentJobReplyAck { job_id: reply.job_id, acknowledged_message_id: frame.message_id.to_string() };
                let _ = self.queue(MessageType::AgentJobReplyAck, acknowledge.encode(), now);
                Ok(())
            }
            // That it took a job, and telemetry.
            MessageType::AgentJobAck | MessageType::Other(_) => Ok(()),
            message_type => Err(PeerError::Unexpected { message_type }),
        }
    }

    /// A failed session is reported twice, and every report until it is acknowledged.
    fn report(&mut self, message_id: MessageId, task: TaskComplete, now: Now) -> Result<(), PeerError> {
        if self.reported.contains(&task.task_id) {
            self.acknowledge(message_id, task.task_id, now);
            return Ok(());
        }
        if let Some((waiting, _)) = self.reports.iter_mut().find(|(_, other)| other.task_id == task.task_id) {
            *waiting = message_id;
            return Ok(());
        }
        if self.reports.len() >= MAX_REPORTS || task.task_id.len() > MAX_TASK_ID_BYTES {
            return Err(PeerError::TooMany);
        }
        self.reports.push_back((message_id, Box::new(task)));
        Ok(())
    }

    fn acknowledge(&mut self, message_id: MessageId, task_id: String, now: Now) {
        let acknowledge = TaskAcknowledge {
            schema_version: 1,
            message_id: message_id.to_string(),
            task_id,
            topic: TaskComplete::TOPIC.to_owned(),
        };
        // An agent that is not told reports again.
        let _ = self.queue(MessageType::AgentTaskAcknowledge, acknowledge.encode(), now);
    }

    /// A ping or a pong came. The driver answers pings by itself, and promptly: stock agents drop
    /// the socket when a pong takes 6 s.
    pub fn handle_keepalive(&mut self, now: Now) {
        self.liveness.heard(now.instant);
    }

    /// What goes on the socket next.
    pub fn poll_transmit(&mut self, _now: Now) -> Option<ControlTransmit> {
        if std::mem::take(&mut self.wants_ping) {
            return Some(ControlTransmit::Ping);
        }
        self.messages.pop_front().map(|message| ControlTransmit::Message(message.0))
    }

    /// What to know next.
    pub fn poll_event(&mut self, now: Now) -> Option<ServiceControlEvent> {
        if let Some((message_id, task)) = self.reports.pop_front() {
            self.acknowledge(message_id, task.task_id.clone(), now);
            if self.reported.len() >= MAX_REPORTED {
                self.reported.pop_front();
            }
            self.reported.push_back(task.task_id.clone());
            return Some(ServiceControlEvent::TaskComplete(task));
        }
        std::mem::take(&mut self.silent).then_some(ServiceControlEvent::AgentSilent)
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.liveness.poll_timeout()
    }

    /// A deadline may have passed.
    pub fn handle_timeout(&mut self, now: Now) {
        match self.liveness.handle_timeout(now.instant) {
            Some(Verdict::Ask) => self.wants_ping = true,
            Some(Verdict::Dead) => self.silent = true,
            None => {}
        }
    }
}

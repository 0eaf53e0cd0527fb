//! For the one supervisor of each session: what it has to know, what it is told, and how what it decided is stored.
//!
//! The supervisor is a task of the broker; it drives a [`Lifecycle`] and carries out its actions with the functions
//! here. They are the service's own acts, so nobody is asked for permission.

use postern_bus::{Delivery, Subscription};
use postern_iam::{NodeId, SessionId};
use postern_model::ApiError;
use postern_model::document::SessionType;
use postern_model::session::{EndReason, SessionStatus};
use postern_recording::recorder::Recorder;
use postern_store::{EndSession, SessionEnd, SessionRecord};

use crate::command::{NodeCommand, SessionCommand, decode, encode, node_subject, presence_subject, session_subject};
use crate::control_channel::completed;
use crate::lifecycle::{End, Lifecycle, Timeouts};
use crate::session::SessionSnapshot;
use crate::{Control, failure};

/// Everything a supervisor begins with.
#[derive(Debug)]
pub struct Supervision {
    /// The session as it is stored.
    pub session: SessionSnapshot,
    /// Its life, up to date with the store and the node's presence. It may have actions already.
    pub lifecycle: Lifecycle,
    /// The session had a supervisor before, whose memory is gone.
    pub resumed: bool,
    /// What it is told from now on.
    pub commands: SessionCommands,
    /// What records it. None if it is not recorded.
    pub recorder: Option<Box<Recorder>>,
}

/// The mailbox of a supervisor.
#[derive(Debug)]
pub struct SessionCommands {
    own: Subscription,
    presence: Subscription,
}

/// What arrived in a supervisor's mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionNews {
    /// A command.
    Command(SessionCommand),
    /// Something was lost: ask [`Control::session_news`].
    Lost,
}

impl SessionCommands {
    /// What happened elsewhere. Cancel-safe. Nothing once the service is going away.
    pub async fn next(&mut self) -> Option<SessionNews> {
        loop {
            let delivery = tokio::select! {
                delivery = self.own.next() => delivery?,
                delivery = self.presence.next() => delivery?,
            };
            match delivery {
                Delivery::Lost => return Some(SessionNews::Lost),
                Delivery::Message(message) => {
                    if let Some(command) = decode(&message) {
                        return Some(SessionNews::Command(command));
                    }
                }
            }
        }
    }
}

impl Control {
    /// Begins to supervise a session: one that was just started, or one that goes on after a restart. `fresh` says
    /// which. Nothing if it has ended.
    ///
    /// # Errors
    /// `DoesNotExistException`; the store or the bus does not answer.
    pub async fn supervise(&self, session_id: &SessionId, fresh: bool) -> Result<Option<Supervision>, ApiError> {
        // Listening comes first, so that nothing that happens after the reading is missed.
        let own = self.bus.subscribe(&session_subject(self.scope(), session_id)).await.map_err(failure::bus)?;
        let record = self.read_session(session_id).await?;
        if !record.status.is_active() {
            return Ok(None);
        }
        let presence = presence_subject(self.scope(), &record.node_id);
        let presence = self.bus.subscribe(&presence).await.map_err(failure::bus)?;
        let session = SessionSnapshot::from(&record);
        let now = self.clock.now();
        let timeouts = Timeouts {
            idle: record.limits.idle_timeout,
            max_duration: record.limits.max_duration,
            ..self.settings.timeouts
        };
        let mut lifecycle = if fresh {
            Lifecycle::new(timeouts, now)
        } else {
            Lifecycle::restore(record.status, record.end_reason.clone(), timeouts, session.age(now.unix_millis), now)
        };
        if session.reached_agent {
            lifecycle.handle_agent_reached();
        }
        if session.session_type == SessionType::Port {
            lifecycle.handle_tunnel();
        }
        for command in self.news_of(&record).await? {
            lifecycle.handle_command(command, now);
        }
        let recorder = match self.recorder(&record).await {
            Ok(recorder) => recorder.map(Box::new),
            Err(error) if fresh => {
                let end = End { reason: EndReason::NotRecorded, output: String::new() };
                self.session_ended(session_id, &end, false).await?;
                return Err(error);
            }
            Err(_) => {
                lifecycle.handle_not_recorded(now);
                None
            }
        };
        let commands = SessionCommands { own, presence };
        Ok(Some(Supervision { session, lifecycle, resumed: !fresh, commands, recorder }))
    }

    /// Everything a supervisor could have been told, read from the store. Telling it again changes nothing.
    ///
    /// # Errors
    /// `DoesNotExistException`; the store does not answer.
    pub async fn session_news(&self, session_id: &SessionId) -> Result<Vec<SessionCommand>, ApiError> {
        let record = self.read_session(session_id).await?;
        self.news_of(&record).await
    }

    /// Both ends are there.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn session_connected(&self, session_id: &SessionId, node_id: &NodeId) -> Result<(), ApiError> {
        self.audit_connected(session_id, node_id);
        let stored = self.store.session_connected(self.scope(), session_id, self.unix_millis()).await;
        stored.map_err(failure::store).map(|_was_running| ())
    }

    /// An end is missing.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn session_disconnected(
        &self,
        session_id: &SessionId,
        node_id: &NodeId,
        details: &str,
    ) -> Result<(), ApiError> {
        self.audit_disconnected(session_id, node_id, details);
        let stored = self.store.session_disconnected(self.scope(), session_id, details).await;
        stored.map_err(failure::store).map(|_was_connected| ())
    }

    /// It is about to end.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn session_terminating(&self, session_id: &SessionId, reason: &EndReason) -> Result<(), ApiError> {
        let stored = self.store.request_termination(self.scope(), session_id, reason).await;
        stored.map_err(failure::store).map(|_| ())
    }

    /// It is over. Only after this returned may anybody be told. `node_knows` if it was the node that said so.
    ///
    /// # Errors
    /// The store does not answer; try again, and tell nobody before.
    pub async fn session_ended(&self, session_id: &SessionId, end: &End, node_knows: bool) -> Result<(), ApiError> {
        let End { reason, output } = end.clone();
        let end = SessionEnd { reason, output, ended_at: self.unix_millis(), node_knows };
        match self.store.end_session(self.scope(), session_id, end).await.map_err(failure::store)? {
            EndSession::Ended(session) => {
                self.audit_ended(&session);
                let status = session.status.as_str();
                tracing::info!(session.id = %session_id, node.id = %session.node_id, status,
                    details = session.details, "session ended");
            }
            EndSession::AlreadyEnded(_) | EndSession::Unknown => {}
        }
        Ok(())
    }

    /// Asks whoever holds the node's control channel to send `channel_closed` for this session. If nobody does, the
    /// node is told when it is back.
    pub fn tell_agent_to_end(&self, node_id: &NodeId, session_id: &SessionId) {
        let command = NodeCommand::EndSession { session_id: session_id.clone() };
        self.bus.publish(&node_subject(self.scope(), node_id), encode(&command));
    }

    pub(crate) async fn read_session(&self, session_id: &SessionId) -> Result<SessionRecord, ApiError> {
        let record = self.store.session(self.scope(), session_id).await.map_err(failure::store)?;
        record.ok_or_else(|| ApiError::session_does_not_exist(session_id.as_str()))
    }

    async fn news_of(&self, record: &SessionRecord) -> Result<Vec<SessionCommand>, ApiError> {
        let node = self.store.node(self.scope(), &record.node_id).await.map_err(failure::store)?;
        let connected = node.is_some_and(|node| node.connection.is_some());
        let mut news = vec![SessionCommand::NodeConnected { connected }];
        news.extend(record.agent_result.as_ref().map(completed));
        if record.status == SessionStatus::Terminating
            && let Some(reason) = record.end_reason.clone()
        {
            let own = reason == EndReason::Terminated { by: record.owner.to_string() };
            let output = if own { String::new() } else { reason.details() };
            news.push(SessionCommand::Terminate { reason, output });
        }
        Ok(news)
    }
}

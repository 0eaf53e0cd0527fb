//! The one supervisor of a session: it tells `control`'s lifecycle what happened and carries out what that decides.
//!
//! It wakes when a leg came or went, when the agent said that it is done, when a command came over the bus, and when a
//! deadline of the lifecycle has come. It looks at the session each time instead of counting events, so nothing is
//! missed and nothing queues up. It outlives every connection of its session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postern_control::lifecycle::{Action, Departure, Lifecycle};
use postern_control::{Finish, SessionCommand, SessionNews, Supervision};
use postern_model::ApiError;
use postern_model::session::EndReason;
use postern_protocol::Now;
use postern_protocol::channel::relay::Side;
use postern_recording::chain::Head;
use postern_transport::sleep_until;

use super::recording::Ended;
use super::session::{LegObservation, Session};
use super::{Broker, channel_closed};

/// Between two attempts to store what has to be stored.
const STORE_AGAIN: Duration = Duration::from_millis(500);

/// Supervises until the end is stored and told, or the service stops.
pub(super) async fn run(broker: Arc<Broker>, session: Arc<Session>, supervision: Supervision) {
    let (started_at, seen) = (supervision.session.started_at, [LegObservation::default(); 2]);
    let Supervision { lifecycle, mut commands, .. } = supervision;
    let mut supervisor = Supervisor { broker, session, started_at, lifecycle, seen, head: None };
    let shutdown = supervisor.broker.tasks.shutdown().clone();
    loop {
        supervisor.look();
        if let Some(head) = supervisor.head.take() {
            Box::pin(supervisor.remember(&head)).await;
        }
        while let Some(action) = supervisor.lifecycle.poll_action() {
            tokio::select! {
                () = Box::pin(supervisor.carry_out(action)) => {}
                () = shutdown.cancelled() => return,
            }
        }
        if supervisor.lifecycle.is_ended() {
            break;
        }
        tokio::select! {
            () = supervisor.session.changed() => {}
            news = commands.next() => match news {
                Some(SessionNews::Command(command)) => supervisor.command(command),
                Some(SessionNews::Lost) => Box::pin(supervisor.read_news()).await,
                None => return,
            },
            () = sleep_until(supervisor.due()) => supervisor.expire(),
            // The session goes on: whoever supervises it next finds it in the store.
            () = shutdown.cancelled() => return,
        }
    }
    supervisor.session.release();
    Box::pin(supervisor.end_recording()).await;
    supervisor.broker.sessions.remove(&supervisor.session);
}

struct Supervisor {
    broker: Arc<Broker>,
    session: Arc<Session>,
    /// Milliseconds since the Unix epoch.
    started_at: u64,
    lifecycle: Lifecycle,
    /// The legs at the last look: client, agent.
    seen: [LegObservation; 2],
    /// A signature of the recording that is to be remembered.
    head: Option<Box<Head>>,
}

impl Supervisor {
    fn now(&self) -> Now {
        self.broker.clock.now()
    }

    /// Tells the lifecycle what is the case. What happened first is told first, as far as the order matters: data
    /// before the agent's last word, and that before its leg is gone.
    fn look(&mut self) {
        let now = self.now();
        let observed = self.session.observe();
        let legs = [observed.client, observed.agent];
        for (side, seen, leg) in [(Side::Client, self.seen[0], legs[0]), (Side::Agent, self.seen[1], legs[1])] {
            if leg.attachments != seen.attachments {
                self.lifecycle.handle_attached(side, now);
            }
        }
        if let Some(at) = observed.activity {
            self.lifecycle.handle_activity(at);
        }
        self.lifecycle.handle_output(observed.output, now);
        self.lifecycle.handle_recording(observed.stands_still, now);
        self.head = observed.head.map(Box::new).or(self.head.take());
        self.lifecycle.handle_stock_client(observed.client.stock);
        if observed.client_leaving {
            self.lifecycle.handle_client_leaving(now);
        }
        if observed.agent_terminating {
            self.lifecycle.handle_agent_terminating(now);
        }
        for (side, seen, leg) in [(Side::Client, self.seen[0], legs[0]), (Side::Agent, self.seen[1], legs[1])] {
            let was_attached = seen.attached || leg.attachments != seen.attachments;
            if was_attached && !leg.attached {
                self.lifecycle.handle_detached(side, leg.departure.unwrap_or(Departure::Lost), now);
            }
        }
        self.seen = legs;
    }

    fn command(&mut self, command: SessionCommand) {
        if matches!(command, SessionCommand::AgentCompleted { .. }) {
            self.session.await_output();
        }
        // Its output may have come while the command was under way.
        self.look();
        self.lifecycle.handle_command(command, self.now());
    }

    async fn read_news(&mut self) {
        match self.broker.control.session_news(&self.session.id).await {
            Ok(news) => news.into_iter().for_each(|command| self.command(command)),
            Err(error) => tracing::warn!(session.id = %self.session.id, %error, "cannot read what was missed"),
        }
    }

    /// When something is to be done although nothing happens.
    fn due(&self) -> Option<Instant> {
        let lifecycle = self.lifecycle.poll_timeout().map(|(due, _)| due);
        lifecycle.into_iter().chain(self.session.recording_due()).min()
    }

    fn expire(&mut self) {
        self.session.record();
        // Stream data does not wake anybody, so the idle deadline may have moved meanwhile.
        self.look();
        self.lifecycle.handle_timeout(self.now());
    }

    /// A signature that is not remembered is in the recording all the same, and the next one covers more.
    async fn remember(&self, head: &Head) {
        if let Err(error) = self.broker.control.recording_signed(&self.session.id, self.started_at, head).await {
            tracing::warn!(session.id = %self.session.id, %error, "a signature of a recording cannot be stored");
        }
    }

    /// What cannot be done here is done after the next start of the service.
    async fn end_recording(&self) {
        let id = &self.session.id;
        let cause = self.lifecycle.end().map(EndReason::details).unwrap_or_default();
        let Some(Ended { head, counts, file_bytes }) = self.session.end_recording(&cause) else { return };
        let Some(head) = head else {
            return tracing::error!(session.id = %id, "the end of a recording cannot be written");
        };
        match self.broker.control.recording_ended(id, self.started_at, &head, counts, file_bytes).await {
            Ok(Finish::Done) => {}
            Ok(Finish::ToCompress) => {
                let (control, id) = (Arc::clone(&self.broker.control), id.clone());
                let work = async move { control.compress_recording(&id).await };
                self.broker.tasks.spawn("recording", Box::pin(work));
            }
            Err(error) => tracing::error!(session.id = %id, %error, "the end of a recording cannot be stored"),
        }
    }

    async fn carry_out(&mut self, action: Action) {
        let (broker, id, node_id) = (Arc::clone(&self.broker), &self.session.id, &self.session.node_id);
        let control = &broker.control;
        match action {
            Action::StoreConnected => self.attempt("connected", control.session_connected(id, node_id)).await,
            Action::StoreDisconnected { details } => {
                self.attempt("disconnected", control.session_disconnected(id, node_id, &details)).await;
            }
            Action::StoreTerminating(reason) => {
                self.attempt("terminating", control.session_terminating(id, &reason)).await;
            }
            Action::WarnClient(ending) => self.session.warn(ending),
            Action::TellAgent => {
                control.tell_agent_to_end(node_id, id);
                self.session.tell_closed(Side::Agent, channel_closed(id, node_id, "", self.now()));
            }
            Action::StoreEnded { end, node_knows } => {
                // Nobody is told before it is stored, however long that takes.
                while let Err(error) = control.session_ended(id, &end, node_knows).await {
                    tracing::warn!(session.id = %id, %error, "the end of a session cannot be stored; trying again");
                    tokio::time::sleep(STORE_AGAIN).await;
                }
                self.lifecycle.handle_end_stored();
            }
            Action::TellClient { output } => {
                self.session.tell_closed(Side::Client, channel_closed(id, node_id, &output, self.now()));
                self.session.release();
            }
        }
    }

    /// What is only shown to people is stored once; the next change will be right again.
    async fn attempt(&self, state: &str, stored: impl Future<Output = Result<(), ApiError>>) {
        if let Err(error) = stored.await {
            tracing::warn!(session.id = %self.session.id, %error, state, "the state of a session cannot be stored");
        }
    }
}

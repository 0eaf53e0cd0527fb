//! The one supervisor of a session: it tells `control`'s lifecycle what happened and carries out what that decides.
//!
//! It wakes when a leg came or went, when the agent said that it is done, when a command came over the bus, and when a
//! deadline of the lifecycle has come. It looks at the session each time instead of counting events, so nothing is
//! missed and nothing queues up. It outlives every connection of its session.

use std::sync::Arc;
use std::time::Duration;

use postern_control::lifecycle::{Action, Departure, Lifecycle};
use postern_control::{SessionCommand, SessionNews, Supervision};
use postern_model::ApiError;
use postern_protocol::Now;
use postern_protocol::channel::relay::Side;
use postern_transport::sleep_until;

use super::session::{LegObservation, Session};
use super::{Broker, channel_closed};

/// Between two attempts to store what has to be stored.
const STORE_AGAIN: Duration = Duration::from_millis(500);

/// Supervises until the end is stored and told, or the service stops.
pub(super) async fn run(broker: Arc<Broker>, session: Arc<Session>, supervision: Supervision) {
    let Supervision { lifecycle, mut commands, .. } = supervision;
    let mut supervisor = Supervisor { broker, session, lifecycle, seen: [LegObservation::default(); 2] };
    let shutdown = supervisor.broker.tasks.shutdown().clone();
    loop {
        supervisor.look();
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
            () = sleep_until(supervisor.lifecycle.poll_timeout().map(|(due, _)| due)) => supervisor.expire(),
            // The session goes on: whoever supervises it next finds it in the store.
            () = shutdown.cancelled() => return,
        }
    }
    supervisor.session.release();
    supervisor.broker.sessions.remove(&supervisor.session);
}

struct Supervisor {
    broker: Arc<Broker>,
    session: Arc<Session>,
    lifecycle: Lifecycle,
    /// The legs at the last look: client, agent.
    seen: [LegObservation; 2],
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

    fn expire(&mut self) {
        // Stream data does not wake anybody, so the idle deadline may have moved meanwhile.
        self.look();
        self.lifecycle.handle_timeout(self.now());
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

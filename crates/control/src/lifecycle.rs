//! The life of one session as a pure state machine: who has to be there, for how long it may be missing, and in which
//! order an end is stored and told.
//!
//! It speaks the house's grammar: `handle_*` takes what happened, [`Lifecycle::poll_action`] gives what to do next,
//! [`Lifecycle::poll_timeout`] says until when nothing has to be done and why. The broker's supervisor, one task per
//! session, drives it. The machine opens nothing, stores nothing and tells nobody anything by itself; in particular it
//! refuses to let anybody be told of an end that is not stored: [`Action::TellClient`] comes only after
//! [`Lifecycle::handle_end_stored`].
//!
//! Every state has a deadline, so there are no ghosts:
//!
//! | who is missing | until |
//! | --- | --- |
//! | either end, at the start | [`Timeouts::start`] |
//! | the client, later | [`Timeouts::client_return`] |
//! | a stock client, once the session has ended on its node | [`Timeouts::stock_client_return`] |
//! | a stock client that closed its connection to a port | [`Timeouts::stock_client_return`] |
//! | the client, once it has said that it leaves | [`Timeouts::confirmation`] |
//! | the agent's end, while its node holds a control channel | [`Timeouts::agent_return`] |
//! | the agent's end and the control channel | [`Timeouts::node_return`] |
//! | the node's word that it is over, after it was told | [`Timeouts::confirmation`] |
//! | output that is missing, once the session has ended on its node | [`Timeouts::confirmation`] |
//! | stream data | [`Timeouts::idle`] |
//! | nobody | [`Timeouts::max_duration`] |
//! | the recording's next part | [`Timeouts::recording`] |
//!
//! Before the two before that come to their ends the client is warned ([`Action::WarnClient`]).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use postern_model::session::{EndReason, SessionStatus};
use postern_protocol::Now;
pub use postern_protocol::channel::relay::{Delivery, Ending, Side};
use postern_protocol::wire::payload::EndingCause;

use crate::command::SessionCommand;

mod draining;
mod legs;
mod terms;
#[cfg(test)]
mod tests;

use terms::warning_time;
pub use terms::{Action, AgentOutcome, Departure, End, Timeouts, Wait};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Both ends have never been there together.
    Connecting,
    /// They have.
    Open,
    /// The agent is done; its last output is on the way to the client.
    Draining(End),
    /// The agent has been told to end it.
    Terminating(End),
    /// The end is being stored.
    Ending(End),
    /// Everybody has been told.
    Ended(End),
}

/// The life of one session.
#[derive(Debug)]
pub struct Lifecycle {
    phase: Phase,
    timeouts: Timeouts,
    deadlines: [Option<Instant>; Wait::COUNT],
    actions: VecDeque<Action>,
    /// The session serves a port, and not a person.
    is_tunnel: bool,
    client_attached: bool,
    /// The client is, or was, AWS's.
    stock_client: bool,
    /// The client's latest connection was closed from its side.
    client_closed: bool,
    /// The client said that it will not come back.
    client_leaving: bool,
    agent_attached: bool,
    /// The agent's end was there at least once.
    agent_seen: bool,
    /// The node holds a control channel.
    node_connected: bool,
    /// Stored as connected, and not as disconnected since.
    shown_connected: bool,
    /// Stream data passed.
    used: bool,
    /// The agent sent its last output, or said that it is over.
    agent_terminating: bool,
    /// The agent was told to end it.
    agent_told: bool,
    outcome: Option<AgentOutcome>,
    /// What the client has of the agent's output.
    output: Delivery,
}

impl Lifecycle {
    /// A session that was just asked for. Its node is connected, or it would not have been opened.
    #[must_use]
    pub fn new(timeouts: Timeouts, now: Now) -> Self {
        let mut lifecycle = Self {
            phase: Phase::Connecting,
            timeouts,
            deadlines: [None; Wait::COUNT],
            actions: VecDeque::new(),
            is_tunnel: false,
            client_attached: false,
            stock_client: false,
            client_closed: false,
            client_leaving: false,
            agent_attached: false,
            agent_seen: false,
            node_connected: true,
            shown_connected: false,
            used: false,
            agent_terminating: false,
            agent_told: false,
            outcome: None,
            output: Delivery::Complete,
        };
        lifecycle.set(Wait::Start, now, timeouts.start);
        lifecycle.await_activity(now);
        lifecycle.await_last_moment(Duration::ZERO, now);
        lifecycle
    }

    /// A session that was active when the service stopped: `age` after its start it goes on, with nobody there yet.
    ///
    /// Waits begin anew, because nobody could come back while the service was away. Only the maximum duration counts
    /// from the session's start.
    #[must_use]
    pub fn restore(
        status: SessionStatus,
        end_reason: Option<EndReason>,
        timeouts: Timeouts,
        age: Duration,
        now: Now,
    ) -> Self {
        let mut lifecycle = Self::new(timeouts, now);
        lifecycle.node_connected = false;
        lifecycle.await_last_moment(age, now);
        match status {
            SessionStatus::Connecting => {}
            SessionStatus::Terminating => {
                let reason = end_reason.unwrap_or(EndReason::Completed { exit_status: None });
                lifecycle.terminate(End::announced(reason), true, now);
            }
            _ => {
                lifecycle.phase = Phase::Open;
                lifecycle.agent_seen = true;
                lifecycle.shown_connected = status == SessionStatus::Connected;
                lifecycle.clear(Wait::Start);
                lifecycle.set(Wait::ClientReturn, now, timeouts.client_return);
                lifecycle.set(Wait::NodeReturn, now, timeouts.node_return);
                lifecycle.show_disconnected("The service was restarted; both ends may come back.");
            }
        }
        lifecycle
    }

    /// What to do next; ask until there is nothing.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Lifecycle::handle_timeout`] has to be called at the latest, and for what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Wait)> {
        const WAITS: [Wait; Wait::COUNT] = [
            Wait::Start,
            Wait::ClientReturn,
            Wait::AgentReturn,
            Wait::NodeReturn,
            Wait::Confirmation,
            Wait::Idle,
            Wait::MaxDuration,
            Wait::IdleWarning,
            Wait::MaxDurationWarning,
            Wait::Recording,
        ];
        let due = |wait: Wait| self.deadlines[wait as usize].map(|at| (at, wait));
        WAITS.into_iter().filter_map(due).min()
    }

    /// The state as AWS shows it.
    #[must_use]
    pub fn status(&self) -> SessionStatus {
        match &self.phase {
            Phase::Connecting => SessionStatus::Connecting,
            Phase::Open | Phase::Draining(_) if self.shown_connected => SessionStatus::Connected,
            Phase::Open | Phase::Draining(_) => SessionStatus::Disconnected,
            Phase::Terminating(_) | Phase::Ending(_) => SessionStatus::Terminating,
            Phase::Ended(end) => end.reason.status(),
        }
    }

    /// How it ended, once everything is stored and told.
    #[must_use]
    pub fn end(&self) -> Option<&EndReason> {
        match &self.phase {
            Phase::Ended(end) => Some(&end.reason),
            _ => None,
        }
    }

    /// Whether everything is stored and told; the supervisor may leave once the actions are done.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// An end's data channel is there, for the first time or again.
    pub fn handle_attached(&mut self, side: Side, now: Now) {
        match side {
            Side::Client => self.client_attached = true,
            Side::Agent => {
                (self.agent_attached, self.agent_seen) = (true, true);
                self.go_on_draining();
                self.finish_draining(now);
            }
        }
        self.follow_legs(now);
    }

    /// An end's data channel is gone, in this way.
    pub fn handle_detached(&mut self, side: Side, departure: Departure, now: Now) {
        match side {
            Side::Client => (self.client_attached, self.client_closed) = (false, departure == Departure::Closed),
            Side::Agent => self.agent_attached = false,
        }
        if self.is_running() {
            if side == Side::Agent && (self.agent_terminating || self.outcome.is_some()) {
                self.agent_done(now);
            }
            self.follow_legs(now);
        } else if matches!(self.phase, Phase::Terminating(_)) && !self.agent_attached {
            // The worker went away after it was told to: that is what a stock agent does first (spec data-channel §9).
            self.end_terminating();
        }
    }

    /// Whether the node holds a control channel.
    pub fn handle_node_connected(&mut self, connected: bool, now: Now) {
        if self.node_connected == connected {
            return;
        }
        self.node_connected = connected;
        if self.is_running() {
            self.follow_legs(now);
        } else if connected && matches!(self.phase, Phase::Terminating(_)) {
            self.actions.push_back(Action::TellAgent);
            self.set(Wait::Confirmation, now, self.timeouts.confirmation);
        }
    }

    /// Stream data passed, in either direction. May be reported once for many frames.
    pub fn handle_activity(&mut self, now: Now) {
        self.used = true;
        if self.is_running() {
            self.await_activity(now);
        }
        self.go_on_draining();
    }

    /// What the client has of the output so far. Cheap; to be called whenever it may have changed, and before anything
    /// that says the agent is done.
    pub fn handle_output(&mut self, output: Delivery, now: Now) {
        self.output = output;
        self.finish_draining(now);
    }

    /// The session forwards a port. A stock client's part in it cannot be taken by another program, so one that closed
    /// its connection comes back soon or never (spec data-channel §8.1).
    pub fn handle_tunnel(&mut self) {
        self.is_tunnel = true;
    }

    /// Whether the client is AWS's.
    pub fn handle_stock_client(&mut self, stock: bool) {
        self.stock_client = stock;
    }

    /// The client told the agent to end the session, and leaves without waiting for anything. The agent's word is on
    /// its way.
    pub fn handle_client_leaving(&mut self, now: Now) {
        self.client_leaving = true;
        self.follow_legs(now);
    }

    /// The node's side asked for its data channel in an earlier life of the service: it runs the session.
    pub fn handle_agent_reached(&mut self) {
        self.agent_seen = true;
    }

    /// The agent's data channel says that the session is over on its side: all of its output came before this.
    pub fn handle_agent_terminating(&mut self, now: Now) {
        if !std::mem::replace(&mut self.agent_terminating, true) && self.is_running() {
            self.agent_done(now);
        }
    }

    /// The agent's control channel says how it went. A failed session says so twice.
    pub fn handle_agent_outcome(&mut self, outcome: AgentOutcome, now: Now) {
        if self.outcome.is_some() {
            return;
        }
        self.outcome = Some(outcome);
        match self.phase {
            Phase::Connecting | Phase::Open | Phase::Draining(_) => self.agent_done(now),
            Phase::Terminating(_) => self.end_terminating(),
            Phase::Ending(_) | Phase::Ended(_) => {}
        }
    }

    /// Somebody wants it to end. `stored` says that the store knows it already; `output` is what the client prints.
    pub fn handle_terminate(&mut self, reason: EndReason, output: &str, stored: bool, now: Now) {
        if self.is_running() {
            self.terminate(End { reason, output: output.to_owned() }, stored, now);
        }
    }

    /// The session is recorded and stands still because that cannot go on, or can again. It may for a few seconds.
    pub fn handle_recording(&mut self, stands_still: bool, now: Now) {
        match stands_still && self.is_running() {
            true => self.begin(Wait::Recording, now, self.timeouts.recording),
            false => self.clear(Wait::Recording),
        }
    }

    /// The session must be recorded and cannot be.
    pub fn handle_not_recorded(&mut self, now: Now) {
        if self.is_running() {
            self.terminate(End::announced(EndReason::NotRecorded), false, now);
        }
    }

    /// What happened elsewhere; see the handlers that it leads to.
    pub fn handle_command(&mut self, command: SessionCommand, now: Now) {
        match command {
            SessionCommand::Terminate { reason, output } => self.handle_terminate(reason, &output, true, now),
            SessionCommand::AgentCompleted { failed, output } => {
                self.handle_agent_outcome(AgentOutcome { failed, output }, now);
            }
            SessionCommand::NodeConnected { connected } => self.handle_node_connected(connected, now),
        }
    }

    /// The end is stored: now it may be told.
    pub fn handle_end_stored(&mut self) {
        let Phase::Ending(end) = &self.phase else { return };
        let end = end.clone();
        if !self.node_knows() && !self.agent_told {
            // It may still be running there: also a node that is away now hears it, when it is back.
            self.actions.push_back(Action::TellAgent);
        }
        self.actions.push_back(Action::TellClient { output: end.output.clone() });
        self.phase = Phase::Ended(end);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((at, wait)) = self.poll_timeout() {
            if at > now.instant {
                return;
            }
            self.clear(wait);
            self.expire(wait, now);
        }
    }

    fn expire(&mut self, wait: Wait, now: Now) {
        match (wait, &self.phase) {
            (_, Phase::Ending(_) | Phase::Ended(_)) => {}
            (Wait::IdleWarning, Phase::Open) => self.warn(EndingCause::Idle, Wait::Idle, Some(self.timeouts.idle)),
            (Wait::MaxDurationWarning, Phase::Open) => {
                self.warn(EndingCause::MaxDuration, Wait::MaxDuration, self.timeouts.max_duration);
            }
            // Nobody is there yet, or nobody is needed any more.
            (Wait::IdleWarning | Wait::MaxDurationWarning, _) => {}
            (Wait::Confirmation, Phase::Terminating(_)) => self.end_terminating(),
            (Wait::Confirmation, Phase::Connecting | Phase::Open) => self.drain(now),
            (_, Phase::Terminating(_)) => {}
            (Wait::Recording, _) => self.handle_not_recorded(now),
            (wait, Phase::Draining(end)) => {
                let end = end.clone();
                self.give_up_draining(wait, end);
            }
            // Its log says why, if it got the request at all; nothing is reported (spec agent-control-channel §3).
            (Wait::Start, _) if !self.agent_seen => self.finish(End::announced(EndReason::NodeNeverConnected)),
            (Wait::Start, _) => self.terminate(End::announced(EndReason::ClientNeverConnected), false, now),
            (Wait::ClientReturn, _) if self.client_leaving => {
                self.terminate(End::announced(EndReason::ClientLeft), false, now);
            }
            (Wait::ClientReturn, _) => self.terminate(End::announced(EndReason::ClientGone), false, now),
            (Wait::AgentReturn | Wait::NodeReturn, _) => self.finish(End::announced(EndReason::NodeLost)),
            (Wait::Idle, _) => {
                let minutes = in_minutes(self.timeouts.idle);
                self.terminate(End::announced(EndReason::IdleTimeout { minutes }), false, now);
            }
            (Wait::MaxDuration, _) => {
                let minutes = in_minutes(self.timeouts.max_duration.unwrap_or_default());
                self.terminate(End::announced(EndReason::MaxDuration { minutes }), false, now);
            }
        }
    }

    fn warn(&mut self, cause: EndingCause, end: Wait, limit: Option<Duration>) {
        if let (Some(at), Some(limit)) = (self.deadlines[end as usize], limit) {
            self.actions.push_back(Action::WarnClient(Ending { cause, limit, at }));
        }
    }

    /// From here on the session is idle.
    fn await_activity(&mut self, now: Now) {
        let idle = self.timeouts.idle;
        self.set(Wait::Idle, now, idle);
        self.set(Wait::IdleWarning, now, idle.saturating_sub(warning_time(idle)));
    }

    /// The session was started so long ago.
    fn await_last_moment(&mut self, age: Duration, now: Now) {
        if let Some(max) = self.timeouts.max_duration {
            self.set(Wait::MaxDuration, now, max.saturating_sub(age));
            self.set(Wait::MaxDurationWarning, now, max.saturating_sub(age + warning_time(max)));
        }
    }

    fn terminate(&mut self, end: End, stored: bool, now: Now) {
        self.deadlines = [None; Wait::COUNT];
        self.shown_connected = false;
        if self.agent_attached || self.node_connected {
            if !stored {
                self.actions.push_back(Action::StoreTerminating(end.reason.clone()));
            }
            self.actions.push_back(Action::TellAgent);
            self.agent_told = true;
            self.set(Wait::Confirmation, now, self.timeouts.confirmation);
            self.phase = Phase::Terminating(end);
        } else {
            // Nobody can confirm it. The node is told when it is back.
            self.finish(end);
        }
    }

    fn end_terminating(&mut self) {
        if let Phase::Terminating(end) = &self.phase {
            let end = end.clone();
            self.finish(end);
        }
    }

    fn finish(&mut self, end: End) {
        self.deadlines = [None; Wait::COUNT];
        self.actions.push_back(Action::StoreEnded { end: end.clone(), node_knows: self.node_knows() });
        self.phase = Phase::Ending(end);
    }

    /// The agent itself said that it is over. Told to end it, a stock agent might not finish what it does then: it sends
    /// its logs away (spec agent-control-channel §5).
    fn node_knows(&self) -> bool {
        self.outcome.is_some() || self.agent_terminating
    }

    fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Open | Phase::Draining(_))
    }

    /// Starts a wait that is not running yet; one that is keeps its deadline.
    fn begin(&mut self, wait: Wait, now: Now, after: Duration) {
        if self.deadlines[wait as usize].is_none() {
            self.set(wait, now, after);
        }
    }

    fn set(&mut self, wait: Wait, now: Now, after: Duration) {
        self.deadlines[wait as usize] = now.instant.checked_add(after);
    }

    fn clear(&mut self, wait: Wait) {
        self.deadlines[wait as usize] = None;
    }
}

fn in_minutes(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs().div_ceil(60)).unwrap_or(u32::MAX)
}

//! Every way a session can live and end, on a clock that only these tests move.

mod away;
mod begin;
mod chance;
mod limits;
mod output;
mod restart;
mod terminate;

use std::time::{Duration, Instant};

use postern_model::session::{EndReason, SessionStatus};
use postern_protocol::Now;
use postern_protocol::wire::payload::EndingCause;

use super::{Action, AgentOutcome, Delivery, Departure, Ending, Lifecycle, Side, Timeouts, Wait};

/// A lifecycle, its clock, and a store that always works.
struct Story {
    life: Lifecycle,
    timeouts: Timeouts,
    begin: Instant,
    now: Now,
}

const TIMEOUTS: Timeouts = Timeouts {
    start: Duration::from_secs(30),
    client_return: Duration::from_secs(1200),
    stock_client_return: Duration::from_secs(60),
    agent_return: Duration::from_secs(60),
    node_return: Duration::from_secs(300),
    confirmation: Duration::from_secs(5),
    idle: Duration::from_secs(3600),
    max_duration: None,
    recording: Duration::from_secs(4),
};

fn moment() -> Now {
    Now { instant: Instant::now(), unix_millis: 1_795_384_779_144 }
}

impl Story {
    fn new() -> Self {
        Self::with(TIMEOUTS)
    }

    fn with(timeouts: Timeouts) -> Self {
        let now = moment();
        Self { life: Lifecycle::new(timeouts, now), timeouts, begin: now.instant, now }
    }

    fn restored(status: SessionStatus, reason: Option<EndReason>, timeouts: Timeouts, age: u64) -> Self {
        let now = moment();
        let life = Lifecycle::restore(status, reason, timeouts, Duration::from_secs(age), now);
        Self { life, timeouts, begin: now.instant, now }
    }

    /// A session with both ends there.
    fn open() -> Self {
        let mut story = Self::new();
        story.attach(Side::Agent).attach(Side::Client);
        assert_eq!(story.actions(), [Action::StoreConnected]);
        story
    }

    /// Moves the clock to so many seconds after the beginning, through every deadline on the way.
    fn at(&mut self, seconds: u64) -> &mut Self {
        let target = self.begin + Duration::from_secs(seconds);
        while let Some((due, _)) = self.life.poll_timeout().filter(|(due, _)| *due <= target) {
            self.set(due.max(self.now.instant));
            self.life.handle_timeout(self.now);
        }
        self.set(target);
        self
    }

    fn set(&mut self, instant: Instant) {
        self.now.unix_millis +=
            u64::try_from(instant.duration_since(self.now.instant).as_millis()).expect("stories are short");
        self.now.instant = instant;
    }

    fn attach(&mut self, side: Side) -> &mut Self {
        self.life.handle_attached(side, self.now);
        self
    }

    fn detach(&mut self, side: Side) -> &mut Self {
        self.life.handle_detached(side, Departure::Lost, self.now);
        self
    }

    fn output(&mut self, output: Delivery) -> &mut Self {
        self.life.handle_output(output, self.now);
        self
    }

    fn node(&mut self, connected: bool) -> &mut Self {
        self.life.handle_node_connected(connected, self.now);
        self
    }

    fn activity(&mut self) -> &mut Self {
        self.life.handle_activity(self.now);
        self
    }

    fn outcome(&mut self, failed: bool, output: &str) -> &mut Self {
        self.life.handle_agent_outcome(AgentOutcome { failed, output: output.to_owned() }, self.now);
        self
    }

    fn agent_terminating(&mut self) -> &mut Self {
        self.life.handle_agent_terminating(self.now);
        self
    }

    fn terminate(&mut self) -> &mut Self {
        self.life.handle_terminate(by_admin(), "", true, self.now);
        self
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.life.poll_action()).collect()
    }

    /// The end's actions, in their order: stored, then told. Says why it ended.
    fn ends(&mut self) -> (EndReason, String) {
        let mut actions = self.actions();
        let Some(Action::StoreEnded { end, .. }) = actions.pop() else { panic!("not about to end: {actions:?}") };
        assert!(!self.life.is_ended(), "nobody is told before it is stored");
        assert_eq!(self.life.status(), SessionStatus::Terminating);
        self.life.handle_end_stored();
        let told = self.actions();
        assert_eq!(told.last(), Some(&Action::TellClient { output: end.output.clone() }));
        assert!(self.life.is_ended());
        assert_eq!(self.life.status(), end.reason.status());
        assert_eq!(self.life.poll_timeout(), None, "an ended session waits for nothing");
        (end.reason, end.output)
    }

    fn waits_for(&self) -> Option<(u64, Wait)> {
        self.life.poll_timeout().map(|(at, wait)| (at.duration_since(self.begin).as_secs(), wait))
    }
}

fn by_admin() -> EndReason {
    EndReason::Terminated { by: "arn:aws:iam::123456789012:user/admin".to_owned() }
}

fn completed() -> EndReason {
    EndReason::Completed { exit_status: None }
}

fn disconnected(details: &str) -> Action {
    Action::StoreDisconnected { details: details.to_owned() }
}

// The start.

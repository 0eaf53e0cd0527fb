//! Every way a session can live and end, on a clock that only these tests move.

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

#[test]
fn it_is_connected_once_both_ends_are_there_in_either_order() {
    for (first, second) in [(Side::Agent, Side::Client), (Side::Client, Side::Agent)] {
        let mut story = Story::new();
        story.at(1).attach(first);
        assert_eq!((story.actions(), story.life.status()), (vec![], SessionStatus::Connecting));
        assert_eq!(story.waits_for(), Some((30, Wait::Start)));
        story.at(2).attach(second);
        assert_eq!(story.actions(), [Action::StoreConnected]);
        assert_eq!(story.life.status(), SessionStatus::Connected);
        assert_eq!(story.waits_for(), Some((3540, Wait::IdleWarning)), "the start is over");
    }
}

#[test]
fn an_agent_that_never_comes_is_a_failure() {
    let mut story = Story::new();
    story.attach(Side::Client).at(30);
    let (reason, output) = story.ends();
    assert_eq!(reason, EndReason::NodeNeverConnected);
    assert_eq!(output, reason.details(), "the client learns why");
}

#[test]
fn a_client_that_never_comes_ends_what_the_agent_began() {
    let mut story = Story::new();
    story.attach(Side::Agent).at(30);
    assert_eq!(
        story.actions(),
        [Action::StoreTerminating(EndReason::ClientNeverConnected), Action::TellAgent],
        "the shell on the node has to go"
    );
    assert_eq!(story.waits_for(), Some((35, Wait::Confirmation)));
    story.outcome(false, "");
    assert_eq!(story.ends().0, EndReason::ClientNeverConnected);
}

#[test]
fn a_client_that_comes_and_goes_before_the_agent_does_not_prolong_the_start() {
    let mut story = Story::new();
    story.at(10).attach(Side::Client).at(20).detach(Side::Client).at(25).attach(Side::Client).at(30);
    assert_eq!(story.ends().0, EndReason::NodeNeverConnected);
}

#[test]
fn an_early_failure_is_the_end_and_the_client_is_told_when_it_comes() {
    let mut story = Story::new();
    story.attach(Side::Agent).agent_terminating().detach(Side::Agent);
    assert_eq!(story.actions(), [], "nothing ever passed: its control channel will say why");
    story.outcome(true, "no such user");
    let (reason, output) = story.ends();
    assert_eq!((reason.status(), output.as_str()), (SessionStatus::Failed, "no such user"));

    let mut story = Story::new();
    story.attach(Side::Agent).outcome(true, "no such user");
    assert_eq!(story.actions(), [], "its data channel may have more to say");
    story.detach(Side::Agent);
    let (reason, output) = story.ends();
    assert_eq!((reason.status(), output.as_str()), (SessionStatus::Failed, "no such user"));

    let mut story = Story::new();
    story.outcome(true, "no such document").outcome(true, "a second report says less");
    let (reason, output) = story.ends();
    assert_eq!((reason.status(), output.as_str()), (SessionStatus::Failed, "no such document"));
}

// Ends that the node begins.

#[test]
fn an_exit_ends_it_once_the_client_has_everything() {
    let mut story = Story::open();
    story.activity().output(Delivery::Pending);
    story.at(5).agent_terminating();
    assert_eq!(story.actions(), [], "the last output is on its way");
    story.detach(Side::Agent).outcome(false, "");
    assert_eq!((story.actions(), story.life.status()), (vec![], SessionStatus::Connected));
    story.output(Delivery::Complete);
    assert_eq!(story.ends(), (completed(), String::new()));
}

#[test]
fn an_outcome_that_overtakes_the_output_waits_for_it_but_not_for_ever() {
    let mut story = Story::open();
    story.activity().outcome(false, "");
    assert_eq!((story.actions(), story.waits_for()), (vec![], Some((5, Wait::Confirmation))));
    story.output(Delivery::Pending);
    story.at(1).agent_terminating();
    assert_eq!(story.actions(), []);
    story.output(Delivery::Complete);
    assert_eq!(story.ends().0, completed());

    let mut story = Story::open();
    story.agent_terminating().at(5);
    assert_eq!(story.ends().0, completed(), "an agent that never says why is done as well");

    let mut story = Story::open();
    story.outcome(false, "").at(5);
    assert_eq!(story.ends().0, completed(), "an agent whose data channel just stays is done as well");
}

#[test]
fn output_that_nobody_fetches_keeps_an_ended_session_only_so_long() {
    let mut story = Story::open();
    story.activity().output(Delivery::Pending);
    story.detach(Side::Client);
    assert_eq!(story.actions(), [disconnected("The client lost its connection; it may resume.")]);
    story.at(100).agent_terminating().detach(Side::Agent).outcome(false, "");
    assert_eq!(story.actions(), []);
    story.at(1000).attach(Side::Client);
    assert_eq!(story.waits_for(), Some((3540, Wait::IdleWarning)), "it came for the rest");
    story.detach(Side::Client);
    assert_eq!(story.waits_for(), Some((2200, Wait::ClientReturn)));
    story.at(2200);
    assert_eq!(story.ends().0, completed(), "the shell ended; that the client missed the last words changes nothing");
}

#[test]
fn a_stock_client_is_not_waited_for_as_long_once_there_is_only_output_to_fetch() {
    let mut story = Story::open();
    story.life.handle_stock_client(true);
    story.activity().output(Delivery::Pending);
    story.at(10).detach(Side::Client);
    assert_eq!(story.waits_for(), Some((1210, Wait::ClientReturn)), "the shell is there for it");
    story.at(100).agent_terminating();
    assert_eq!(story.waits_for(), Some((160, Wait::ClientReturn)));
    story.actions();
    story.at(160);
    assert_eq!(story.ends().0, completed());
}

#[test]
fn a_client_that_says_that_it_leaves_is_not_waited_for() {
    // The stock plugin's ^C in a port session: its last frame is the wish, and nothing is acknowledged any more.
    let mut story = Story::open();
    story.activity().output(Delivery::Pending);
    story.life.handle_client_leaving(story.now);
    story.detach(Side::Client);
    story.actions();
    story.at(2).outcome(false, "").detach(Side::Agent);
    assert_eq!(story.waits_for(), Some((5, Wait::ClientReturn)));
    story.at(5);
    assert_eq!(story.ends().0, completed());

    // The wish was lost with the agent's data channel.
    let mut story = Story::open();
    story.life.handle_client_leaving(story.now);
    story.detach(Side::Client).at(5);
    let actions = story.actions();
    assert_eq!(actions[1..], [Action::StoreTerminating(EndReason::ClientLeft), Action::TellAgent], "{actions:?}");

    // One that waits all the same sees the end.
    let mut story = Story::open();
    story.activity().output(Delivery::Pending);
    story.life.handle_client_leaving(story.now);
    story.at(20).agent_terminating();
    story.output(Delivery::Complete);
    assert_eq!(story.ends().0, completed());
}

/// What a stock agent owes two seconds after its program's end it gives up.
#[test]
fn output_that_the_agent_gave_up_ends_it_with_a_cause() {
    let lost = (EndReason::OutputLost, EndReason::OutputLost.details());
    let mut story = Story::open();
    story.activity().output(Delivery::Pending).at(10).agent_terminating();
    assert_eq!(story.waits_for(), Some((3540, Wait::IdleWarning)), "what is here goes to the client first");
    story.at(20).output(Delivery::Cut);
    assert_eq!((story.actions(), story.waits_for()), (vec![], Some((25, Wait::Confirmation))), "it may send the rest");
    story.at(22).outcome(false, "");
    assert_eq!(story.actions(), [], "its data channel is there");
    story.detach(Side::Agent);
    assert_eq!(story.ends(), lost);

    // The client is slower than all of that.
    let mut story = Story::open();
    story.activity().output(Delivery::Pending).agent_terminating().detach(Side::Agent).outcome(false, "");
    assert_eq!(story.actions(), []);
    story.at(300).output(Delivery::Cut);
    assert_eq!(story.ends(), lost);

    // Its result is lost too.
    let mut story = Story::open();
    story.activity().output(Delivery::Cut).agent_terminating().detach(Side::Agent).at(5);
    assert_eq!(story.ends(), lost);

    // Its data channel is dead and nobody knows yet.
    let mut story = Story::open();
    story.activity().output(Delivery::Cut).outcome(false, "").at(9);
    assert_eq!(story.actions(), []);
    story.at(10);
    assert_eq!(story.ends(), lost);

    // A client that is away finds out when it is back.
    let mut story = Story::open();
    story.activity().output(Delivery::Cut).detach(Side::Client).agent_terminating().detach(Side::Agent);
    story.actions();
    story.outcome(false, "");
    assert_eq!(story.ends(), lost);
}

#[test]
fn an_agent_that_still_sends_what_is_missing_is_waited_for() {
    let mut story = Story::open();
    story.activity().output(Delivery::Cut).agent_terminating();
    for second in 1..30 {
        story.at(second).activity().output(Delivery::Cut);
        assert_eq!((story.actions(), story.waits_for()), (vec![], Some((second + 5, Wait::Confirmation))));
    }
    story.detach(Side::Agent).at(33).attach(Side::Agent);
    story.actions();
    assert_eq!(story.waits_for(), Some((38, Wait::Confirmation)), "it came back for that");
    story.activity().output(Delivery::Complete);
    assert_eq!(story.ends().0, completed());
}

#[test]
fn what_is_missing_is_not_the_cause_where_there_is_another() {
    let mut story = Story::open();
    story.activity().output(Delivery::Cut).agent_terminating().detach(Side::Agent).outcome(true, "broken");
    assert_eq!(story.ends().1, "broken");

    let mut story = Story::open();
    story.activity().output(Delivery::Cut);
    story.life.handle_client_leaving(story.now);
    story.detach(Side::Client).outcome(false, "");
    assert_eq!(story.life.poll_action(), Some(disconnected("The client lost its connection; it may resume.")));
    story.detach(Side::Agent);
    assert_eq!(story.ends(), (completed(), String::new()), "it wanted no more");
}

#[test]
fn output_before_the_client_waits_for_it_as_long_as_the_start_may_take() {
    let mut story = Story::new();
    story.attach(Side::Agent).activity().output(Delivery::Pending);
    story.agent_terminating().detach(Side::Agent).outcome(false, "");
    assert_eq!((story.actions(), story.waits_for()), (vec![], Some((30, Wait::Start))));
    story.at(2).attach(Side::Client);
    story.output(Delivery::Complete);
    assert_eq!(story.ends().0, completed());
}

// Ends that somebody wants.

#[test]
fn a_terminated_session_ends_when_the_agent_confirms_or_five_seconds_later() {
    for confirm in [true, false] {
        let mut story = Story::open();
        story.at(10).terminate();
        assert_eq!(story.actions(), [Action::TellAgent], "that it is terminating is stored already");
        assert_eq!(story.waits_for(), Some((15, Wait::Confirmation)));
        if confirm {
            story.at(11).outcome(false, "");
        } else {
            story.at(15);
        }
        assert_eq!(story.ends(), (by_admin(), String::new()));
    }
}

/// Told to end what it is ending, a stock agent might not finish sending its logs away.
#[test]
fn an_agent_that_says_that_it_is_over_is_not_told_so() {
    let mut story = Story::open();
    story.activity().agent_terminating();
    let actions = story.actions();
    assert!(matches!(actions[..], [Action::StoreEnded { node_knows: true, .. }]), "{actions:?}");
    story.life.handle_end_stored();
    assert_eq!(story.actions(), [Action::TellClient { output: String::new() }]);
}

#[test]
fn an_agent_is_told_once() {
    let mut story = Story::open();
    story.at(10).terminate();
    assert_eq!(story.actions(), [Action::TellAgent]);
    story.detach(Side::Agent);
    let actions = story.actions();
    assert!(matches!(actions[..], [Action::StoreEnded { node_knows: false, .. }]), "{actions:?}");
    story.life.handle_end_stored();
    assert_eq!(story.actions(), [Action::TellClient { output: String::new() }]);
}

#[test]
fn closing_the_data_channel_confirms_too() {
    let mut story = Story::open();
    story.terminate().detach(Side::Agent);
    assert_eq!(story.actions()[0], Action::TellAgent);
    let mut story = Story::open();
    story.terminate();
    story.actions();
    story.detach(Side::Client);
    assert_eq!(story.actions(), [], "the client's leaving says nothing");
    story.detach(Side::Agent);
    assert_eq!(story.ends().0, by_admin());
}

#[test]
fn a_start_and_a_terminate_at_once_is_cheap_and_final() {
    let mut story = Story::new();
    story.terminate().attach(Side::Client).attach(Side::Agent);
    assert_eq!(story.actions(), [Action::TellAgent], "never connected");
    story.at(5);
    assert_eq!(story.ends().0, by_admin());
}

#[test]
fn whoever_asks_second_changes_nothing() {
    let mut story = Story::open();
    story.terminate();
    story.life.handle_terminate(EndReason::NodeDeregistered, "other", true, story.now);
    assert_eq!(story.actions(), [Action::TellAgent]);
    story.outcome(true, "killed");
    assert_eq!(story.ends().0, by_admin());
}

#[test]
fn an_unreachable_node_is_not_waited_for_but_told_later() {
    let mut story = Story::open();
    story.detach(Side::Agent).node(false);
    story.actions();
    story.terminate();
    let actions = story.actions();
    assert!(matches!(actions[..], [Action::StoreEnded { .. }]), "{actions:?}");
    story.life.handle_end_stored();
    assert_eq!(story.actions(), [Action::TellAgent, Action::TellClient { output: String::new() }]);
}

#[test]
fn a_node_that_comes_back_while_terminating_is_told_again() {
    let mut story = Story::open();
    story.node(false).terminate();
    assert_eq!(story.actions(), [Action::TellAgent], "over the data channel");
    story.at(3).node(true);
    assert_eq!(story.actions(), [Action::TellAgent]);
    assert_eq!(story.waits_for(), Some((8, Wait::Confirmation)));
}

// Absences.

#[test]
fn a_client_may_come_back_for_a_while() {
    let mut story = Story::open();
    story.at(100).detach(Side::Client);
    assert_eq!(story.actions(), [disconnected("The client lost its connection; it may resume.")]);
    assert_eq!(story.waits_for(), Some((1300, Wait::ClientReturn)));
    story.at(1299).attach(Side::Client);
    assert_eq!((story.actions(), story.life.status()), (vec![Action::StoreConnected], SessionStatus::Connected));
    story.at(1400).detach(Side::Client).at(2600);
    let actions = story.actions();
    assert_eq!(actions[1..], [Action::StoreTerminating(EndReason::ClientGone), Action::TellAgent]);
    story.outcome(false, "");
    assert_eq!(story.ends().0, EndReason::ClientGone);
}

/// It is a process that has ended, and no other can take its place.
#[test]
fn a_stock_client_that_closed_its_connection_to_a_port_comes_back_soon_or_never() {
    for (is_tunnel, stock, departure, seconds) in [
        (true, true, Departure::Closed, 60),
        (true, true, Departure::Lost, 1200),
        (true, false, Departure::Closed, 1200),
        (false, true, Departure::Closed, 1200),
    ] {
        let mut story = Story::open();
        if is_tunnel {
            story.life.handle_tunnel();
        }
        story.life.handle_stock_client(stock);
        story.life.handle_detached(Side::Client, departure, story.now);
        story.actions();
        assert_eq!(story.waits_for(), Some((seconds, Wait::ClientReturn)), "{is_tunnel} {stock} {departure:?}");
        story.at(seconds - 1).attach(Side::Client).detach(Side::Client);
        assert_eq!(story.waits_for(), Some((seconds + 1199, Wait::ClientReturn)), "it came back");
    }
}

#[test]
fn an_agents_side_has_a_minute_while_its_node_is_there() {
    let mut story = Story::open();
    story.at(100).detach(Side::Agent);
    assert_eq!(story.actions(), [disconnected("The node's side lost its connection; it may come back.")]);
    assert_eq!(story.waits_for(), Some((160, Wait::AgentReturn)));
    story.at(160);
    assert_eq!(story.ends().0, EndReason::NodeLost);
}

#[test]
fn a_node_has_five_minutes_and_its_side_a_minute_more() {
    let mut story = Story::open();
    story.at(100).detach(Side::Agent).node(false);
    assert_eq!(story.waits_for(), Some((400, Wait::NodeReturn)));
    story.at(390).node(true);
    assert_eq!(story.waits_for(), Some((450, Wait::AgentReturn)));
    story.at(440).attach(Side::Agent);
    story.actions();
    assert_eq!(story.life.status(), SessionStatus::Connected);

    let mut story = Story::open();
    story.at(100).node(false).at(200).detach(Side::Agent).at(500);
    story.life.poll_action();
    assert_eq!(story.ends().0, EndReason::NodeLost, "counted from the loss of the side, not of the control channel");
}

#[test]
fn a_lost_control_channel_alone_disturbs_nothing() {
    let mut story = Story::open();
    story.node(false).at(3000).activity().node(true).node(false);
    assert_eq!((story.actions(), story.life.status()), (vec![], SessionStatus::Connected));
}

#[test]
fn both_ends_away_have_their_own_deadlines() {
    let mut story = Story::open();
    story.detach(Side::Client).detach(Side::Agent);
    assert_eq!(story.actions().len(), 1, "shown as disconnected once");
    assert_eq!(story.waits_for(), Some((60, Wait::AgentReturn)));
    story.at(10).attach(Side::Agent);
    assert_eq!(story.waits_for(), Some((1200, Wait::ClientReturn)), "the client's clock went on");
}

// Limits.

#[test]
fn silence_ends_it_and_activity_does_not() {
    let mut story = Story::open();
    story.at(3000).activity().at(6000).activity();
    assert_eq!((story.actions(), story.waits_for()), (vec![], Some((9540, Wait::IdleWarning))));
    story.at(9599).actions();
    story.at(9600);
    let reason = EndReason::IdleTimeout { minutes: 60 };
    assert_eq!(story.actions(), [Action::StoreTerminating(reason.clone()), Action::TellAgent]);
    story.outcome(false, "");
    assert_eq!(story.ends(), (reason.clone(), reason.details()));
}

#[test]
fn a_maximum_duration_holds_whatever_happens() {
    let timeouts = Timeouts { max_duration: Some(Duration::from_secs(600)), ..TIMEOUTS };
    let mut story = Story::with(timeouts);
    story.attach(Side::Agent).attach(Side::Client).at(599).activity();
    story.actions();
    assert_eq!(story.at(600).actions()[0], Action::StoreTerminating(EndReason::MaxDuration { minutes: 10 }));
}

// After a restart of the service.

#[test]
fn a_restarted_service_gives_everybody_time_to_come_back() {
    let mut story = Story::restored(SessionStatus::Connected, None, TIMEOUTS, 5000);
    assert_eq!(story.actions(), [disconnected("The service was restarted; both ends may come back.")]);
    assert_eq!(story.waits_for(), Some((300, Wait::NodeReturn)));
    story.at(4).node(true).at(5).attach(Side::Agent).attach(Side::Client);
    assert_eq!((story.actions(), story.life.status()), (vec![Action::StoreConnected], SessionStatus::Connected));

    let mut story = Story::restored(SessionStatus::Disconnected, None, TIMEOUTS, 5000);
    assert_eq!(story.actions(), [], "it is shown as disconnected already");
    story.at(300);
    assert_eq!(story.ends().0, EndReason::NodeLost);
}

#[test]
fn a_restarted_service_finishes_what_was_terminating() {
    let mut story = Story::restored(SessionStatus::Terminating, Some(by_admin()), TIMEOUTS, 5000);
    assert_eq!(story.ends().0, by_admin());
}

#[test]
fn a_restarted_service_starts_what_was_starting() {
    let mut story = Story::restored(SessionStatus::Connecting, None, TIMEOUTS, 10);
    assert_eq!(story.waits_for(), Some((30, Wait::Start)));
    story.node(true).attach(Side::Client).attach(Side::Agent);
    assert_eq!(story.actions(), [Action::StoreConnected]);

    let mut story = Story::restored(SessionStatus::Connecting, None, TIMEOUTS, 10);
    story.life.handle_agent_reached();
    story.node(true).at(30);
    let expected = [Action::StoreTerminating(EndReason::ClientNeverConnected), Action::TellAgent];
    assert_eq!(story.actions(), expected, "the node runs it, so it has to be told");
}

#[test]
fn a_maximum_duration_counts_from_the_start_and_not_from_the_restart() {
    let timeouts = Timeouts { max_duration: Some(Duration::from_secs(600)), ..TIMEOUTS };
    let story = Story::restored(SessionStatus::Connected, None, timeouts, 500);
    assert_eq!(story.waits_for(), Some((40, Wait::MaxDurationWarning)));
    let mut story = Story::restored(SessionStatus::Connected, None, timeouts, 5000);
    story.at(0);
    assert_eq!(story.actions().len(), 2, "overdue: it ends at once");
}

// Warnings.

/// What the client is told within so many seconds of the beginning: the limit, and how long before its end.
fn warnings(story: &mut Story, seconds: u64) -> Vec<(u64, EndingCause, u64)> {
    let mut said = Vec::new();
    for second in 0..=seconds {
        if story.begin + Duration::from_secs(second) < story.now.instant {
            continue;
        }
        story.at(second);
        for action in story.actions() {
            if let Action::WarnClient(Ending { cause, limit, at }) = action {
                let is_of = if cause == EndingCause::Idle {
                    story.timeouts.idle
                } else {
                    story.timeouts.max_duration.expect("it is warned of")
                };
                assert_eq!(limit, is_of);
                said.push((second, cause, at.duration_since(story.now.instant).as_secs()));
            }
        }
    }
    said
}

fn open_with(timeouts: Timeouts) -> Story {
    let mut story = Story::with(timeouts);
    story.attach(Side::Agent).attach(Side::Client);
    assert_eq!(story.actions(), [Action::StoreConnected]);
    story
}

#[test]
fn people_are_warned_a_minute_before_an_end_or_a_tenth_of_a_short_limit() {
    for (idle, lead) in [(60, 6), (300, 30), (600, 60), (3600, 60)] {
        let mut story = open_with(Timeouts { idle: Duration::from_secs(idle), ..TIMEOUTS });
        let said = warnings(&mut story, idle - 1);
        assert_eq!(said, [(idle - lead, EndingCause::Idle, lead)]);
        story.at(idle).at(idle + 5);
        assert_eq!(story.ends().0, EndReason::IdleTimeout { minutes: u32::try_from(idle / 60).expect("short") });
    }
    let mut story = open_with(Timeouts { max_duration: Some(Duration::from_secs(120)), ..TIMEOUTS });
    story.at(50).activity();
    let said = warnings(&mut story, 119);
    assert_eq!(said, [(108, EndingCause::MaxDuration, 12)], "whatever happens in it");
}

#[test]
fn activity_takes_a_warning_back_and_the_next_idle_time_has_its_own() {
    let mut story = open_with(Timeouts { idle: Duration::from_secs(600), ..TIMEOUTS });
    assert_eq!(warnings(&mut story, 570), [(540, EndingCause::Idle, 60)]);
    story.activity();
    assert_eq!(warnings(&mut story, 1169), [(1110, EndingCause::Idle, 60)]);
    story.at(1170).at(1175);
    assert_eq!(story.ends().0, EndReason::IdleTimeout { minutes: 10 });
}

#[test]
fn nobody_is_warned_of_what_does_not_matter_any_more() {
    let timeouts = Timeouts { idle: Duration::from_secs(600), start: Duration::from_secs(3000), ..TIMEOUTS };
    let mut story = Story::with(timeouts);
    assert_eq!(warnings(&mut story, 599), [], "the session has not begun");

    let mut story = open_with(timeouts);
    story.activity().output(Delivery::Pending).agent_terminating();
    assert_eq!(warnings(&mut story, 599), [], "it is over on the node; the client is to have the rest");

    let mut story = open_with(timeouts);
    story.at(500).terminate();
    assert_eq!(warnings(&mut story, 599), [], "it is being ended anyway");
}

#[test]
fn a_restarted_service_warns_of_what_is_left() {
    let timeouts = Timeouts { max_duration: Some(Duration::from_secs(600)), ..TIMEOUTS };
    let mut story = Story::restored(SessionStatus::Connected, None, timeouts, 570);
    story.node(true).attach(Side::Agent).attach(Side::Client);
    assert_eq!(warnings(&mut story, 29), [(0, EndingCause::MaxDuration, 30)]);
}

// Laws.

/// SplitMix64, so that a failure names a seed that replays it.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[test]
fn whatever_happens_it_ends_in_the_right_order_and_never_waits_for_nothing() {
    for seed in 0..2000 {
        let mut chance = Chance(seed);
        let mut story = Story::new();
        let mut seconds = 0;
        let (mut stored, mut told, mut connected) = (0, 0, false);
        for _ in 0..chance.below(40) {
            seconds += chance.below(90);
            story.at(seconds);
            match chance.below(12) {
                0 | 1 => story.attach(Side::Client),
                2 | 3 => story.attach(Side::Agent),
                4 => story.detach(Side::Client),
                5 => story.detach(Side::Agent),
                6 => story.node(chance.below(2) == 0),
                7 => story.activity(),
                8 if chance.below(3) == 0 => story.outcome(chance.below(2) == 0, "text"),
                9 if chance.below(3) == 0 => story.agent_terminating(),
                10 if chance.below(4) == 0 => story.terminate(),
                _ => story.output(match chance.below(3) {
                    0 => Delivery::Complete,
                    1 => Delivery::Pending,
                    _ => Delivery::Cut,
                }),
            };
            follow(&mut story, &mut stored, &mut told, &mut connected, seed);
        }
        // Nobody does anything any more.
        story.detach(Side::Client);
        while !story.life.is_ended() {
            let (due, _) = story.life.poll_timeout().unwrap_or((story.now.instant, Wait::Start));
            story.set(due.max(story.now.instant));
            story.life.handle_timeout(story.now);
            follow(&mut story, &mut stored, &mut told, &mut connected, seed);
            assert!(story.now.instant.duration_since(story.begin).as_secs() < 20_000, "seed {seed}: a ghost");
        }
        assert_eq!((stored, told), (1, 1), "seed {seed}");
    }
}

fn follow(story: &mut Story, stored: &mut u32, told: &mut u32, connected: &mut bool, seed: u64) {
    for action in story.actions() {
        match action {
            Action::StoreConnected => {
                assert!(!*connected, "seed {seed}: connected twice");
                assert_eq!(*stored, 0, "seed {seed}: connected after the end");
                *connected = true;
            }
            Action::StoreDisconnected { .. } => {
                assert!(*connected, "seed {seed}: disconnected twice");
                *connected = false;
            }
            Action::StoreEnded { .. } => *stored += 1,
            Action::TellClient { .. } => {
                assert_eq!(*stored, 1, "seed {seed}: told before it was stored");
                *told += 1;
            }
            Action::WarnClient(_) => assert_eq!(*stored, 0, "seed {seed}: warned after the end"),
            Action::StoreTerminating(_) | Action::TellAgent => {}
        }
    }
    if *stored == 1 && *told == 0 {
        story.life.handle_end_stored();
        follow(story, stored, told, connected, seed);
    }
    assert!(story.life.is_ended() || story.life.poll_timeout().is_some(), "seed {seed}: waits for nothing");
}

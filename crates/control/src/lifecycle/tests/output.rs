//! Ends with output that the client does not have yet.

use super::*;

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

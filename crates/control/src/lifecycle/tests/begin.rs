//! How sessions begin, and fail to.

use super::*;

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

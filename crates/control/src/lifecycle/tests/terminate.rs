//! Sessions that somebody ends.

use super::*;

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

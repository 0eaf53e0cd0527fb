//! Sessions of a service that was started again.

use super::*;

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

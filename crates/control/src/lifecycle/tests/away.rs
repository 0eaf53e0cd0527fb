//! Ends that go away and come back, or do not.

use super::*;

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

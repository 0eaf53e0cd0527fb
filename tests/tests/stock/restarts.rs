//! What becomes of a session when its agent is restarted, and when somebody ends it.

use postern_testkit::eventually;

use crate::pair::{PATIENCE, Pair, active_sessions, talk, wait_until_no_session_is_active};

#[test]
fn a_session_outlives_its_agent_and_its_end_is_reported_by_the_next_one() {
    let Some(mut pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("stop and start of the agent under a session");
    let mut terminal = pair.session(&[]);
    talk(&mut terminal, "before");
    pair.agent.stop();
    talk(&mut terminal, "without");
    pair.agent.launch();
    pair.agent.wait_until_online(&pair.service);
    talk(&mut terminal, "after");
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
    // And the new agent takes new ones.
    talk(&mut pair.session(&[]), "next");
    behaviour.holds();

    let behaviour = pair.behaviour("kill -9 of the agent under a session");
    wait_until_one_session_is_active(&pair);
    let mut terminal = pair.session(&[]);
    talk(&mut terminal, "before");
    pair.agent.kill();
    talk(&mut terminal, "without");
    pair.agent.launch();
    pair.agent.wait_until_online(&pair.service);
    talk(&mut terminal, "after");
    behaviour.holds();
}

/// The one whose client has just been killed: nothing says that it is over.
fn wait_until_one_session_is_active(pair: &Pair) {
    eventually("the killed client's session to be there still", PATIENCE, || {
        (active_sessions(&pair.service).len() == 1).then_some(())
    });
}

#[test]
fn terminating_a_session_ends_it_at_both_ends() {
    let Some(pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("TerminateSession");
    let mut terminal = pair.session(&[]);
    talk(&mut terminal, "alive");
    assert_eq!(pair.agent.session_workers().len(), 1);
    let id = active_sessions(&pair.service)[0]["SessionId"].as_str().expect("it has an id").to_string();
    pair.service.postern(["terminate", &id]);
    terminal.expect("Exiting session with sessionId: ", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
    eventually("the session's worker to be gone", PATIENCE, || pair.agent.session_workers().is_empty().then_some(()));
    behaviour.holds();
}

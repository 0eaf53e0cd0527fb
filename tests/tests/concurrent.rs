//! Several users at once, or one in a loop: every call is a session of its own.

use postern_testkit::{Agent, Scheme, Service};

#[test]
fn equal_calls_in_the_same_moment_are_different_sessions() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let done = service.postern(["exec", agent.node_id(), "--", "echo", "same"]);
                    assert_eq!(done.stdout, "same\n", "{done:#?}");
                }
            });
        }
    });
    let history = service.postern(["sessions", "--history", "--json"]).stdout;
    let history: serde_json::Value = serde_json::from_str(&history).expect("JSON was asked for");
    assert_eq!(history.as_array().map(Vec::len), Some(12), "{history}");
}

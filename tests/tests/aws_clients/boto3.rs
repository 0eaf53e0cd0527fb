//! A boto3 script.

use postern_testkit::{Agent, PythonEnvironment, Scheme, Service, run};

use crate::{PATIENCE, expect_shown, script};

#[test]
fn a_boto3_script_walks_through_the_api() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let behaviours = [
        "a session is started, resumed and ended",
        "activations are made, listed and deleted",
        "times are times",
        "errors are the SDK's own classes",
        "nodes are listed, filtered and deregistered",
    ];
    expect_shown(&behaviours, ("boto3", python.version("boto3")), || {
        let words = [script("boto3.py").into_os_string(), agent.node_id().into()];
        run(&python.python(), words, &service.environment(), PATIENCE)
    });
}

/// Signatures tell seconds, so equal calls in one second have equal signatures, and one of them might be a replay of
/// another. All but the first are told when to come again, and SDKs do.
#[test]
fn equal_calls_in_one_second_are_sessions_of_their_own() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let behaviours = ["equal calls in one second are sessions of their own"];
    expect_shown(&behaviours, ("boto3", python.version("boto3")), || {
        let words = [script("equal_calls.py").into_os_string(), agent.node_id().into()];
        run(&python.python(), words, &service.environment(), PATIENCE)
    });
}

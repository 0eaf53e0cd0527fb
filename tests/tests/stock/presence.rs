//! What users see of a node that goes, freezes, comes back, or exists twice.

use std::time::{Duration, Instant};

use postern_testkit::{
    Behaviour, FaultyProxy, Scheme, Service, StockAgentProcess, StockAgentSetup, eventually, program, run,
};

use crate::pair::{AGENT, PATIENCE, Pair, StockClient, talk};

/// What a user reads who wants a session on a node that has none to give.
fn why_not(service: &Service, node_id: &str) -> String {
    let done = run(&program("postern"), ["start", node_id], &service.environment(), PATIENCE);
    assert_ne!(done.status, Some(0), "{done:#?}");
    done.stderr
}

/// Two machines with one identity push each other off for ever; which two they are is shown.
#[test]
fn a_cloned_identity_is_noticed_and_both_machines_are_named() {
    let Some(client) = StockClient::get() else { return };
    let service = Service::start(Scheme::Https);
    let Some(agent) = StockAgentProcess::start(&service) else { return };
    let behaviour =
        Behaviour::of("two machines with one identity are noticed and told apart", &[(AGENT, agent.version())]);
    // The other one comes from another address.
    let elsewhere = FaultyProxy::start_from([127, 0, 0, 77].into(), service.address());
    let setup = StockAgentSetup::endpoints(&service.endpoint_at(elsewhere.address()));
    let mut clone = agent.clone_identity(&service, &setup);
    clone.launch();
    let conflict = eventually("the conflict to be shown", 2 * PATIENCE, || {
        let nodes = service.postern(["nodes", "--json"]).stdout;
        let nodes: serde_json::Value = serde_json::from_str(&nodes).expect("JSON was asked for");
        Some(nodes[0]["PosternIdentityConflict"].as_str()?.to_string())
    });
    assert!(conflict.contains("127.0.0.1") && conflict.contains("127.0.0.77"), "{conflict}");
    let listed = service.postern(["nodes"]).stderr;
    assert!(listed.contains(&format!("{}: several machines use this identity", agent.node_id())), "{listed}");
    // AWS's own client knows no such member, and is not disturbed by it.
    let listed = run(&client.aws(), ["ssm", "describe-instance-information"], &client.environment(&service), PATIENCE)
        .expect_success("aws ssm describe-instance-information");
    assert!(listed.stdout.contains(agent.node_id()), "{}", listed.stdout);
    behaviour.holds();
}

#[test]
fn a_node_that_stops_or_freezes_is_lost_and_comes_back() {
    let Some(mut pair) = Pair::start() else { return };
    let behaviour = Behaviour::of(
        "ConnectionLost within 10 s of a closed control channel, with the reason",
        &[(AGENT, pair.agent.version())],
    );
    pair.agent.stop();
    let stopped = Instant::now();
    pair.agent.wait_for_status(&pair.service, "ConnectionLost");
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
    let why = why_not(&pair.service, pair.agent.node_id());
    assert!(why.contains("control channel was closed"), "{why}");
    pair.agent.launch();
    pair.agent.wait_until_online(&pair.service);
    behaviour.holds();

    let behaviour = Behaviour::of(
        "ConnectionLost within 30 s of a frozen agent, with the reason",
        &[(AGENT, pair.agent.version())],
    );
    pair.agent.freeze();
    let frozen = Instant::now();
    pair.agent.wait_for_status(&pair.service, "ConnectionLost");
    // The question itself takes a moment.
    assert!(frozen.elapsed() < Duration::from_secs(32), "{:?}", frozen.elapsed());
    let why = why_not(&pair.service, pair.agent.node_id());
    assert!(why.contains("did not answer"), "{why}");
    pair.agent.thaw();
    pair.agent.wait_until_online(&pair.service);
    behaviour.holds();
}

/// Any error to its first report sends a stock agent to sleep (spec agent-api-calls §2), so there is none. What is
/// refused later it goes on asking for.
#[test]
fn an_agent_never_hibernates_and_survives_refusals() {
    let Some(mut pair) = Pair::start() else { return };
    let behaviour = Behaviour::of(
        "awake from its first report on, also once it is refused; registered anew it is back",
        &[(AGENT, pair.agent.version())],
    );
    let is_awake = |pair: &Pair| !pair.agent.log().to_lowercase().contains("hibernat");
    // It polls beside its control channel, and is not answered with errors.
    assert!(!pair.agent.log().contains("GetMessages Error"), "its polls fail");
    // A start with nothing of its own, and one with what it has kept.
    pair.agent.stop();
    pair.agent.launch();
    pair.agent.wait_until_online(&pair.service);
    assert!(is_awake(&pair), "it sleeps");

    let old = pair.agent.node_id().to_string();
    let environment = pair.client.environment(&pair.service);
    let words = ["ssm", "deregister-managed-instance", "--instance-id", &old];
    run(&pair.client.aws(), words, &environment, PATIENCE).expect_success("deregister-managed-instance");
    eventually("the agent to be refused", 2 * PATIENCE, || pair.agent.log().contains("not registered").then_some(()));
    assert!(is_awake(&pair), "it sleeps");
    pair.agent.stop();
    pair.agent.register(&pair.service);
    assert_ne!(pair.agent.node_id(), old);
    pair.agent.launch();
    pair.agent.wait_until_online(&pair.service);
    assert!(is_awake(&pair), "it sleeps");
    talk(&mut pair.session(&[]), "back");
    behaviour.holds();
}

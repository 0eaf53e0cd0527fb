//! Shells, in all pairings of AWS's programs and ours.

use postern_testkit::{Agent, Behaviour, Scheme, Service, StockAgentProcess, Terminal, eventually, program, run};

use crate::pair::{
    AGENT, PATIENCE, PLUGIN, Pair, StockClient, active_sessions, talk, wait_until_connected_again,
    wait_until_no_session_is_active,
};

/// A shell, its size, a restart of the service in the middle of it, and its end.
fn shell_survives_a_restart_of_the_service(service: &mut Service, mut terminal: Terminal) {
    talk(&mut terminal, "first");
    terminal.resize(41, 101);
    // The stock plugin looks at its size twice a second.
    eventually("the new size to arrive", PATIENCE, || {
        terminal.type_text("stty size; echo size-$((40+2))\r");
        terminal.expect("size-42", PATIENCE).contains("41 101").then_some(())
    });
    service.kill();
    service.restart();
    // A stock plugin that types while it has no socket gives up: that is its limit, so it is let come back first.
    wait_until_connected_again(service);
    talk(&mut terminal, "second");
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
}

#[test]
fn the_stock_plugin_with_our_agent() {
    let Some(client) = StockClient::get() else { return };
    let behaviour =
        Behaviour::of("shell with postern-agent, across a kill of the service", &[(PLUGIN, client.version())]);
    for scheme in [Scheme::Http, Scheme::Https] {
        let mut service = Service::start(scheme);
        let agent = Agent::start(&service);
        let terminal = client.session(&service, agent.node_id(), &[]);
        shell_survives_a_restart_of_the_service(&mut service, terminal);

        let done = run(
            &client.aws(),
            [
                "ssm",
                "start-session",
                "--target",
                agent.node_id(),
                "--document-name",
                "AWS-StartNonInteractiveCommand",
                "--parameters",
                r#"{"command":["sh -c 'echo from-the-node; exit 7'"],"separateOutputStream":["true"]}"#,
            ],
            &client.environment(&service),
            PATIENCE,
        );
        // Standard input is empty, and the stock plugin leaves as soon as it sees that: what it printed depends on
        // who was first. That it ends with status 0 does not.
        assert_eq!(done.status, Some(0), "{done:#?}");
    }
    behaviour.holds();
}

#[test]
fn our_client_with_the_stock_agent() {
    let mut service = Service::start(Scheme::Https);
    let Some(agent) = StockAgentProcess::start(&service) else { return };
    let behaviour =
        Behaviour::of("shell and command with postern, across a kill of the service", &[(AGENT, agent.version())]);
    let done = run(
        &program("postern"),
        ["exec", agent.node_id(), "--", "sh", "-c", "echo out; echo err >&2; exit 9"],
        &service.environment(),
        PATIENCE,
    );
    assert_eq!((done.stdout.as_str(), done.stderr.as_str(), done.status), ("out\n", "err\n", Some(9)));

    let shell =
        |service: &Service| Terminal::start(&program("postern"), &["start", agent.node_id()], &service.environment());
    let terminal = shell(&service);
    shell_survives_a_restart_of_the_service(&mut service, terminal);

    // A stock agent's control channel takes its time to come back.
    agent.wait_until_online(&service);
    let mut terminal = shell(&service);
    talk(&mut terminal, "third");
    let id = active_sessions(&service)[0]["SessionId"].as_str().expect("one is active").to_string();
    service.postern(["terminate", &id]);
    terminal.wait(PATIENCE);
    wait_until_no_session_is_active(&service);
    behaviour.holds();
}

#[test]
fn the_stock_plugin_with_the_stock_agent() {
    let Some(mut pair) = Pair::start() else { return };
    let behaviour = pair.behaviour("shell, terminal size, kill and restart of the service under a session");
    let mut terminal = pair.session(&[]);
    // What the agent does for a session without run-as: a user of its own, made on first use.
    terminal.type_text("echo \"I am $(id -un)\"; printf 'gr\\303\\274\\303\\237e\\n'\r");
    terminal.expect("I am ssm-user", PATIENCE);
    terminal.expect("grüße", PATIENCE);
    shell_survives_a_restart_of_the_service(&mut pair.service, terminal);
    wait_until_no_session_is_active(&pair.service);
    behaviour.holds();
}

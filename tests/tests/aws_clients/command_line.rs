//! Sessions through the stock `aws` CLI, with `postern` as its plugin.

use postern_testkit::{
    Agent, Behaviour, PythonEnvironment, Scheme, Service, Terminal, VERSION, eventually, program, run, temporary_folder,
};
use serde_json::Value;

use crate::PATIENCE;

/// The environment of a user whose `PATH` has the stock `aws` and our plugin.
fn environment(service: &Service, python: &PythonEnvironment, folder: &std::path::Path) -> Vec<(String, String)> {
    let mut environment = service.environment();
    let path = python.path_with_plugin(folder, &program("postern"));
    environment.push(("PATH".to_string(), path));
    environment
}

fn walk_through(scheme: Scheme) {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(scheme);
    let agent = Agent::start(&service);
    let folder = temporary_folder();
    let environment = environment(&service, python, folder.path());
    let aws = |arguments: &[&str]| {
        let mut words = vec!["--output", "json"];
        words.extend(arguments);
        let done = run(&python.aws(), &words, &environment, PATIENCE);
        let done = done.expect_success(&format!("aws {}", arguments.join(" ")));
        serde_json::from_str::<Value>(&done.stdout).unwrap_or_default()
    };
    let programs = [("aws", python.version("awscli")), ("postern", VERSION), ("postern-agent", VERSION)];

    let nodes = aws(&["ssm", "describe-instance-information"]);
    let node = &nodes["InstanceInformationList"][0];
    assert_eq!(node["InstanceId"], agent.node_id());
    assert_eq!(node["PingStatus"], "Online");
    assert_eq!(node["PlatformType"], "Linux");
    let status = aws(&["ssm", "get-connection-status", "--target", agent.node_id()]);
    assert_eq!(status["Status"], "connected");

    // A shell, as a person has it.
    let behaviour = Behaviour::of("shell", &programs);
    let start = ["ssm", "start-session", "--target", agent.node_id(), "--reason", "because"];
    let mut terminal = Terminal::start(&python.aws(), &start, &environment);
    terminal.expect("Starting session with SessionId: ", PATIENCE);
    terminal.type_text("echo ready-$((40+2)); stty size\r");
    terminal.expect("ready-42", PATIENCE);
    terminal.expect("24 80", PATIENCE);
    let active = aws(&["ssm", "describe-sessions", "--state", "Active"]);
    let session = &active["Sessions"][0];
    assert_eq!(session["Status"], "Connected", "{active}");
    assert_eq!(session["Target"], agent.node_id());
    assert_eq!(session["Reason"], "because");
    terminal.type_text("exit\r");
    terminal.expect("Exiting session with sessionId: ", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    behaviour.holds();

    // One that somebody else ends.
    let behaviour = Behaviour::of("TerminateSession", &programs);
    let mut terminal = Terminal::start(&python.aws(), &start, &environment);
    terminal.type_text("echo ready-$((40+2))\r");
    terminal.expect("ready-42", PATIENCE);
    let active = aws(&["ssm", "describe-sessions", "--state", "Active"]);
    let id = active["Sessions"][0]["SessionId"].as_str().expect("one is active").to_string();
    let ended = aws(&["ssm", "terminate-session", "--session-id", &id]);
    assert_eq!(ended["SessionId"], id.as_str());
    assert_eq!(terminal.wait(PATIENCE), 0);
    let history = eventually("both sessions in the history", PATIENCE, || {
        let history = aws(&["ssm", "describe-sessions", "--state", "History"]);
        (history["Sessions"].as_array()?.len() == 2).then_some(history)
    });
    assert_eq!(history["Sessions"][0]["SessionId"], id.as_str(), "newest first");
    for session in history["Sessions"].as_array().expect("an array") {
        assert_eq!(session["Status"], "Terminated", "{session}");
        assert!(session["EndDate"].is_string() || session["EndDate"].is_number(), "{session}");
    }
    behaviour.holds();

    // A command without a terminal, through the AWS-owned document.
    let behaviour = Behaviour::of("AWS-StartNonInteractiveCommand, separateOutputStream", &programs);
    let done = run(
        &python.aws(),
        [
            "ssm",
            "start-session",
            "--target",
            agent.node_id(),
            "--document-name",
            "AWS-StartNonInteractiveCommand",
            "--parameters",
            r#"{"command":["echo from-the-node"],"separateOutputStream":["true"]}"#,
        ],
        &environment,
        PATIENCE,
    );
    assert!(done.stdout.contains("from-the-node"), "{done:#?}");
    assert!(done.stdout.contains("EXIT_CODE: 0"), "{done:#?}");
    assert_eq!(done.status, Some(0), "{done:#?}");
    behaviour.holds();
}

#[test]
fn one_session_too_many_is_refused_in_a_sentence() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let behaviour =
        Behaviour::of("one session too many of a user or on a node: refused", &[("aws", python.version("awscli"))]);
    for (variable, setting) in [
        ("POSTERN_MAX_SESSIONS_PER_USER", "max_sessions_per_user"),
        ("POSTERN_MAX_SESSIONS_PER_NODE", "max_sessions_per_node"),
    ] {
        let service = Service::start_with(Scheme::Http, &[(variable, "1")]);
        let agent = Agent::start(&service);
        let folder = temporary_folder();
        let environment = environment(&service, python, folder.path());
        let start = ["ssm", "start-session", "--target", agent.node_id()];
        let mut terminal = Terminal::start(&python.aws(), &start, &environment);
        terminal.type_text("echo ready-$((40+2))\r");
        terminal.expect("ready-42", PATIENCE);
        let refused = run(&python.aws(), start, &environment, PATIENCE);
        assert_ne!(refused.status, Some(0), "{refused:#?}");
        let said = "An error occurred (ServiceQuotaExceededException) when calling the StartSession operation: ";
        assert!(refused.stderr.contains(said), "at once, not after tries: {refused:#?}");
        let limit = format!("has 1 active sessions, and 1 are allowed ({setting} in the service's settings)");
        assert!(refused.stderr.contains(&limit), "{refused:#?}");
        terminal.type_text("exit\r");
        assert_eq!(terminal.wait(PATIENCE), 0);
        eventually("the place to be free", PATIENCE, || {
            let active = run(&python.aws(), ["ssm", "describe-sessions", "--state", "Active"], &environment, PATIENCE);
            active.stdout.contains("\"Sessions\": []").then_some(())
        });
        let mut terminal = Terminal::start(&python.aws(), &start, &environment);
        terminal.type_text("echo again-$((40+2))\r");
        terminal.expect("again-42", PATIENCE);
        terminal.type_text("exit\r");
        assert_eq!(terminal.wait(PATIENCE), 0);
    }
    behaviour.holds();
}

#[test]
fn the_aws_cli_walks_through_sessions_over_http() {
    walk_through(Scheme::Http);
}

#[test]
fn the_aws_cli_walks_through_sessions_over_tls() {
    walk_through(Scheme::Https);
}

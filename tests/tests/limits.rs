//! What a session's own limits look like from a terminal.

use std::time::Duration;

use postern_testkit::{Agent, Behaviour, Scheme, Service, Terminal, VERSION, program, run, temporary_folder};

const PATIENCE: Duration = Duration::from_secs(120);

fn service_with(preferences: &str) -> (Service, Agent) {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let folder = temporary_folder();
    let file = folder.path().join("preferences.json");
    let text = format!(r#"{{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {preferences}}}"#);
    std::fs::write(&file, text).expect("the folder is writable");
    let file = file.to_str().expect("a temporary path is text");
    service.postern(["document", "create", "SSM-SessionManagerRunShell", "--file", file, "--type", "Session"]);
    (service, agent)
}

#[test]
fn an_idle_shell_is_warned_kept_by_a_key_and_ended_with_the_reason() {
    let programs = [("postern", VERSION), ("postern-agent", VERSION)];
    let behaviour = Behaviour::of("a warning before an idle session is ended, and the reason at its end", &programs);
    let (service, agent) = service_with(r#"{"idleSessionTimeout": "1"}"#);
    let mut terminal = Terminal::start(&program("postern"), &["start", agent.node_id()], &service.environment());
    terminal.type_text("echo ready-$((40+2))\r");
    terminal.expect("ready-42", PATIENCE);
    let warning = "\r\npostern: this session ends in 6 s, because it was idle for 54 s (the limit is 60 s)";
    terminal.expect(warning, PATIENCE);
    terminal.type_text("echo still-$((40+2))\r");
    terminal.expect("still-42", PATIENCE);
    terminal.expect(warning, PATIENCE);
    terminal.expect("idle", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 255);
    behaviour.holds();
}

#[test]
fn a_command_hears_of_its_last_moments_on_standard_error_only() {
    let (service, agent) = service_with(r#"{"maxSessionDuration": "1"}"#);
    let words = ["exec", "-n", agent.node_id(), "--", "sh", "-c", "echo begun; sleep 600"];
    let done = run(&program("postern"), words, &service.environment(), PATIENCE);
    assert_eq!((done.status, done.stdout.as_str()), (Some(255), "begun\n"), "{done:#?}");
    let warning = "postern: this session ends in 6 s, because it may last 60 s at most\n";
    assert!(done.stderr.contains(warning), "{done:#?}");
}

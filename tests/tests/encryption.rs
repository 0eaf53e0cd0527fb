//! Sessions that our own ends encrypt between them, with a key of the embedded key service.

use std::time::Duration;

use postern_testkit::{Agent, Scheme, Service, Terminal, program, run, temporary_folder};

const PATIENCE: Duration = Duration::from_secs(60);

fn prefer_key(service: &Service, key_id: &str) {
    let folder = temporary_folder();
    let file = folder.path().join("preferences.json");
    let text = format!(
        r#"{{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {{"kmsKeyId": "{key_id}",
            "postern": {{"recording": {{"encrypted": "agent-logged"}}}}}}}}"#
    );
    std::fs::write(&file, text).expect("the folder is writable");
    let file = file.to_str().expect("a temporary path is text");
    service.postern(["document", "create", "SSM-SessionManagerRunShell", "--file", file, "--type", "Session"]);
}

#[test]
fn a_shell_and_a_command_are_encrypted_across_a_kill_of_the_service() {
    let mut service = Service::start(Scheme::Https);
    let agent = Agent::start(&service);
    prefer_key(&service, "alias/aws/ssm");
    let mut terminal = Terminal::start(&program("postern"), &["start", agent.node_id()], &service.environment());
    terminal.expect("This session is encrypted using AWS KMS.", PATIENCE);
    terminal.type_text("echo first-$((40+2))\r");
    terminal.expect("first-42", PATIENCE);
    service.kill();
    service.restart();
    terminal.type_text("echo second-$((40+2))\r");
    terminal.expect("second-42", PATIENCE);
    terminal.type_text("exit 6\r");
    assert_eq!(terminal.wait(PATIENCE), 6);

    agent.wait_until_online(&service);
    let words = ["exec", agent.node_id(), "--", "sh", "-c", "echo out; echo err >&2; exit 9"];
    let done = run(&program("postern"), words, &service.environment(), PATIENCE);
    assert_eq!((done.status, done.stdout.as_str()), (Some(9), "out\n"), "{done:#?}");
    assert!(done.stderr.contains("err\n"), "{done:#?}");

    let folder = temporary_folder();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    std::fs::write(&here, "secret").expect("the folder is writable");
    let there_on_node = format!("{}:{}", agent.node_id(), there.display());
    service.postern(["cp", here.to_str().expect("text"), &there_on_node]);
    assert_eq!(std::fs::read_to_string(&there).expect("it was copied"), "secret");
}

#[test]
fn a_key_that_does_not_exist_is_named() {
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    prefer_key(&service, "alias/missing");
    let words = ["exec", agent.node_id(), "--", "echo", "never"];
    let done = run(&program("postern"), words, &service.environment(), PATIENCE);
    assert_eq!((done.status, done.stdout.as_str()), (Some(255), ""));
    assert!(done.stderr.contains("alias/missing"), "{:?}", done.stderr);
}

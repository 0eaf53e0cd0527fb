//! Sessions that are encrypted between the ends, in all pairings of AWS's programs and ours: with a key of the embedded
//! key service, and with one of a KMS that requests are passed on to.

use std::net::SocketAddr;
use std::path::Path;

use postern_testkit::{
    Behaviour, FaultyProxy, Moto, Scheme, Service, StockAgentProcess, Terminal, names_under, private_loopback, program,
    run, temporary_folder,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pair::{
    AGENT, OurNode, PATIENCE, PLUGIN, Pair, StockClient, prefer, talk, wait_until_connected_again,
    wait_until_no_session_is_active, with_document,
};
use crate::ports;

const ENCRYPTED: &str = "This session is encrypted using AWS KMS.";

#[test]
fn a_session_is_encrypted_between_aws_s_own_programs() {
    let Some(client) = StockClient::get() else { return };
    let names = names_under("amazonaws.com").join(",");
    let service = Service::start_with(Scheme::Https, &[("POSTERN_NAMES", &names)]);
    let Some(agent) = StockAgentProcess::start(&service) else { return };
    let mut pair = Pair { client, agent, service };
    let behaviour = pair.behaviour("encrypted session (KMS), across a kill of the service");
    pair.prefer(&with_key("alias/aws/ssm")).expect_success("preferences");
    let door = KeyDoor::open(&pair.service);
    let terminal = door.session(&pair.client, &pair.service, pair.agent.node_id(), &[]);
    a_shell_outlives_the_service(&mut pair.service, terminal);
    behaviour.holds();
}

#[test]
fn sessions_are_encrypted_between_aws_s_plugin_and_our_agent() {
    let names = names_under("amazonaws.com").join(",");
    let Some(mut node) = OurNode::start_with(&[("POSTERN_NAMES", &names)]) else { return };
    let behaviour = Behaviour::of(
        "encrypted shell, commands and port with postern-agent, across a kill of the service",
        &[(PLUGIN, node.client.version())],
    );
    prefer(&node.client, &node.service, &with_key("alias/aws/ssm")).expect_success("preferences");
    let door = KeyDoor::open(&node.service);
    let terminal = door.session(&node.client, &node.service, node.node_id(), &[]);
    a_shell_outlives_the_service(&mut node.service, terminal);
    node.wait_until_online();

    let asking = r#"{"command":["echo asked-$((40+2)); read answer; echo got-$answer"]}"#;
    let more = with_document("AWS-StartInteractiveCommand", asking);
    let mut terminal = door.session(&node.client, &node.service, node.node_id(), &more);
    terminal.expect(ENCRYPTED, PATIENCE);
    terminal.expect("asked-42", PATIENCE);
    terminal.type_text("word\r");
    terminal.expect("got-word", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);

    let failing = r#"{"command":["sh -c 'echo out; echo err >&2; exit 7'"],"separateOutputStream":["true"],
                      "stdoutSeparatorPrefix":["O:"],"stderrSeparatorPrefix":["E:"]}"#;
    let more = with_document("AWS-StartNonInteractiveCommand", failing);
    let mut terminal = door.session(&node.client, &node.service, node.node_id(), &more);
    terminal.expect(ENCRYPTED, PATIENCE);
    let printed = terminal.expect("EXIT_CODE: 7", PATIENCE);
    assert!(printed.contains("O:out") && printed.contains("E:err"), "{printed}");
    assert_eq!(terminal.wait(PATIENCE), 0);

    wait_until_no_session_is_active(&node.service);
    ports::many_connections_share_one_port_session(node.scene());
    behaviour.holds();
}

#[test]
fn sessions_are_encrypted_between_our_client_and_aws_s_agent() {
    let mut service = Service::start(Scheme::Https);
    let Some(agent) = StockAgentProcess::start(&service) else { return };
    let behaviour = Behaviour::of(
        "encrypted shell, commands and port with postern, across a kill of the service",
        &[(AGENT, agent.version())],
    );
    let folder = temporary_folder();
    let file = folder.path().join("preferences.json");
    let preferences = json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream",
        "inputs": with_key("alias/aws/ssm")});
    std::fs::write(&file, preferences.to_string()).expect("the folder is writable");
    let file = file.to_str().expect("a temporary path is text");
    service.postern(["document", "create", "SSM-SessionManagerRunShell", "--file", file, "--type", "Session"]);

    let postern =
        |service: &Service, words: &[&str]| Terminal::start(&program("postern"), words, &service.environment());
    let terminal = postern(&service, &["start", agent.node_id()]);
    a_shell_outlives_the_service(&mut service, terminal);
    agent.wait_until_online(&service);

    let asking = ["exec", "--tty", agent.node_id(), "--", "sh", "-c", "echo asked; read answer; echo got-$answer"];
    let mut terminal = postern(&service, &asking);
    terminal.expect(ENCRYPTED, PATIENCE);
    terminal.expect("asked", PATIENCE);
    terminal.type_text("word\r");
    terminal.expect("got-word", PATIENCE);
    terminal.wait(PATIENCE);

    let failing = ["exec", agent.node_id(), "--", "sh", "-c", "echo out; echo err >&2; exit 9"];
    let done = run(&program("postern"), failing, &service.environment(), PATIENCE);
    assert_eq!((done.status, done.stdout.as_str()), (Some(9), "out\n"), "{done:#?}");
    assert!(done.stderr.contains(ENCRYPTED) && done.stderr.contains("err\n"), "{done:#?}");

    let server = postern_testkit::echo_server("127.0.0.1:0");
    let mut terminal = postern(&service, &["forward", agent.node_id(), &format!("0:{}", server.port())]);
    let shown = terminal.expect(&format!(" → localhost:{}", server.port()), PATIENCE);
    let port = shown.trim_end_matches(&format!(" → localhost:{}", server.port())).rsplit(':').next();
    let port: u16 = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {shown:?}"));
    postern_testkit::echo_is_exact(ports::connect(port), 400);
    terminal.type_bytes(&[3]);
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&service);
    behaviour.holds();
}

#[test]
fn a_session_is_encrypted_with_a_key_of_another_kms() {
    let Some(client) = StockClient::get() else { return };
    let Some(moto) = Moto::checking_signatures(&client.aws()) else { return };
    let (endpoint, (id, secret)) = (format!("http://{}", moto.address()), moto.access_key());
    let settings = [
        ("POSTERN_NAMES", names_under("amazonaws.com").join(",")),
        ("POSTERN_KMS_ENDPOINT", endpoint),
        ("POSTERN_KMS_ACCESS_KEY_ID", id.to_owned()),
        ("POSTERN_KMS_SECRET_ACCESS_KEY", secret.to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let service = Service::start_with(Scheme::Https, &settings);
    let Some(agent) = StockAgentProcess::start(&service) else { return };
    let pair = Pair { client, agent, service };
    let behaviour = pair.behaviour("encrypted session, with a KMS that requests are passed on to");
    let words = ["kms", "create-key", "--query", "KeyMetadata.Arn", "--output", "text"];
    let made = moto.aws(&pair.client.aws(), words).expect_success("create-key");
    pair.prefer(&with_key(made.stdout.trim())).expect_success("preferences");
    let door = KeyDoor::open(&pair.service);
    let mut terminal = door.session(&pair.client, &pair.service, pair.agent.node_id(), &[]);
    terminal.expect(ENCRYPTED, PATIENCE);
    talk(&mut terminal, "secret");
    end(&pair.service, terminal);
    behaviour.holds();
}

/// The service cannot record such sessions.
fn with_key(key_id: &str) -> Value {
    json!({"kmsKeyId": key_id, "postern": {"recording": {"encrypted": "agent-logged"}}})
}

/// An encrypted shell that outlives its service, to its end.
fn a_shell_outlives_the_service(service: &mut Service, mut terminal: Terminal) {
    terminal.expect(ENCRYPTED, PATIENCE);
    talk(&mut terminal, "secret");
    service.kill();
    service.restart();
    wait_until_connected_again(service);
    talk(&mut terminal, "still-secret");
    end(service, terminal);
}

fn end(service: &Service, mut terminal: Terminal) {
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(service);
}

/// The way of AWS's plugin to the service's keys. It asks AWS's own name for a key, whatever endpoint it was given: a
/// hosts file of its own leads it here.
struct KeyDoor {
    _proxy: FaultyProxy,
    folder: TempDir,
}

impl KeyDoor {
    fn open(service: &Service) -> Self {
        let address = private_loopback();
        let proxy = FaultyProxy::start_at(SocketAddr::from((address, 443)), service.address());
        let folder = temporary_folder();
        let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        std::fs::write(folder.path().join("hosts"), format!("{text}\n{address} kms.us-east-1.amazonaws.com\n"))
            .expect("the folder is writable");
        Self { _proxy: proxy, folder }
    }

    /// `aws ssm start-session` in a terminal. Needs root, for the hosts file.
    fn session(&self, client: &StockClient, service: &Service, node_id: &str, more: &[&str]) -> Terminal {
        let (hosts, aws) = (self.folder.path().join("hosts").display().to_string(), client.aws().display().to_string());
        let mut words = vec!["--mount", "--propagation", "private", "sh", "-c"];
        words.extend(["mount --bind \"$0\" /etc/hosts && exec \"$@\"", &hosts, &aws]);
        words.extend(["ssm", "start-session", "--target", node_id]);
        words.extend(more);
        Terminal::start(Path::new("/usr/bin/unshare"), &words, &client.environment(service))
    }
}

//! Sessions that are encrypted between the ends: with a key of the embedded key service, and with one of a KMS that
//! requests are passed on to.

use std::net::SocketAddr;
use std::path::Path;

use postern_testkit::{
    FaultyProxy, Moto, Scheme, Service, StockAgentProcess, Terminal, names_under, private_loopback, temporary_folder,
};
use serde_json::json;

use crate::pair::{
    PATIENCE, Pair, StockClient, prefer, talk, wait_until_connected_again, wait_until_no_session_is_active,
};

#[test]
fn a_session_is_encrypted_between_aws_s_own_programs() {
    let Some(client) = StockClient::get() else { return };
    let names = names_under("amazonaws.com").join(",");
    let service = Service::start_with(Scheme::Https, &[("POSTERN_NAMES", &names)]);
    let Some(agent) = StockAgentProcess::start(&service) else { return };
    let mut pair = Pair { client, agent, service };
    let behaviour = pair.behaviour("encrypted session (KMS), across a kill of the service");
    prefer(&pair, &json!({"kmsKeyId": "alias/aws/ssm"})).expect_success("preferences");
    with_an_encrypted_session(&mut pair, |pair, terminal| {
        talk(terminal, "secret");
        pair.service.kill();
        pair.service.restart();
        wait_until_connected_again(&pair.service);
        talk(terminal, "still-secret");
    });
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
    let mut pair = Pair { client, agent, service };
    let behaviour = pair.behaviour("encrypted session, with a KMS that requests are passed on to");
    let words = ["kms", "create-key", "--query", "KeyMetadata.Arn", "--output", "text"];
    let made = moto.aws(&pair.client.aws(), words).expect_success("create-key");
    prefer(&pair, &json!({"kmsKeyId": made.stdout.trim()})).expect_success("preferences");
    with_an_encrypted_session(&mut pair, |_, terminal| talk(terminal, "secret"));
    behaviour.holds();
}

/// Starts a session that has to be encrypted, and ends it after `scene`.
fn with_an_encrypted_session(pair: &mut Pair, scene: impl FnOnce(&mut Pair, &mut Terminal)) {
    // The plugin asks AWS's own name for a key, whatever endpoint it was given: a hosts file of its own leads it here.
    let address = private_loopback();
    let _door = FaultyProxy::start_at(SocketAddr::from((address, 443)), pair.service.address());
    let folder = temporary_folder();
    let hosts = folder.path().join("hosts");
    let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    std::fs::write(&hosts, format!("{text}\n{address} kms.us-east-1.amazonaws.com\n")).expect("the folder is writable");
    let command = format!(
        "mount --bind {} /etc/hosts && exec {} ssm start-session --target {}",
        hosts.display(),
        pair.client.aws().display(),
        pair.agent.node_id()
    );
    let environment = pair.client.environment(&pair.service);
    let words = ["--mount", "--propagation", "private", "sh", "-c", &command];
    let mut terminal = Terminal::start(Path::new("/usr/bin/unshare"), &words, &environment);
    terminal.expect("This session is encrypted using AWS KMS.", PATIENCE);
    scene(pair, &mut terminal);
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
}

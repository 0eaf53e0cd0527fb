//! Sessions that are encrypted between the ends with a key of the embedded key service.

use std::net::SocketAddr;
use std::path::Path;

use postern_testkit::{
    FaultyProxy, Scheme, Service, StockAgentProcess, Terminal, names_under, private_loopback, temporary_folder,
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
    talk(&mut terminal, "secret");
    pair.service.kill();
    pair.service.restart();
    wait_until_connected_again(&pair.service);
    talk(&mut terminal, "still-secret");
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
    behaviour.holds();
}

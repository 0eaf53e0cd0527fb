//! What an agent proves itself with: a role token that it renews, a key that it rotates.

use std::time::Duration;

use postern_testkit::{Behaviour, Scheme, Service, StockAgentProcess, StockAgentSetup, eventually, run};
use serde_json::Value;

use crate::pair::{AGENT, PATIENCE, Pair, StockClient, talk};

#[test]
fn a_role_token_is_renewed_before_it_expires() {
    let settings = [("POSTERN_NODE_CREDENTIAL_LIFETIME", "20s")];
    let Some(client) = StockClient::get() else { return };
    let service = Service::start_with(Scheme::Https, &settings);
    // As its operator leaves it: credentials are shared with the workers by a file.
    let mut setup = StockAgentSetup::endpoints(&service.endpoint());
    setup.configure(|config| config["Profile"] = serde_json::json!({"ShareProfile": "postern"}));
    let Some(agent) = StockAgentProcess::start_with(&service, &setup) else { return };
    let pair = Pair { client, agent, service };
    let behaviour = Behaviour::of("role token renewed under a session", &[(AGENT, pair.agent.version())]);
    let mut terminal = pair.session(&[]);
    talk(&mut terminal, "first");
    let file = pair.agent.home_folder().join(".aws/credentials");
    let key = || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.lines().find(|line| line.starts_with("aws_access_key_id")).map(str::to_string)
    };
    let mut seen = vec![eventually("credentials to be shared", PATIENCE, key)];
    for _ in 0..3 {
        let next = eventually("new credentials", PATIENCE, || key().filter(|next| !seen.contains(next)));
        seen.push(next);
    }
    // Longer than any of the first tokens lived: what is signed now is signed with a new one.
    talk(&mut terminal, "second");
    talk(&mut pair.session(&[]), "third");
    pair.agent.wait_until_online(&pair.service);
    behaviour.holds();
}

#[test]
fn a_key_is_rotated_and_the_old_one_is_worth_nothing() {
    let Some(client) = StockClient::get() else { return };
    let service = Service::start_with(Scheme::Https, &[("POSTERN_NODE_CREDENTIAL_LIFETIME", "10s")]);
    let mut setup = StockAgentSetup::endpoints(&service.endpoint());
    setup.configure(|config| {
        config["Profile"] = serde_json::json!({"ShareProfile": "postern", "KeyAutoRotateDays": 1});
    });
    let Some(mut agent) = StockAgentProcess::install(&service, &setup) else { return };
    let behaviour = Behaviour::of("key rotated, the old one refused", &[(AGENT, agent.version())]);
    agent.register(&service);
    // A key without a date counts as old.
    let vault = agent.state_folder().join("Vault/Store/RegistrationKey");
    let stored = || -> Value {
        let text = std::fs::read_to_string(&vault).expect("the agent keeps its key");
        serde_json::from_str(&text).expect("it keeps JSON")
    };
    let mut aged = stored();
    let old_key = aged["privateKey"].clone();
    aged["privateKeyCreatedDate"] = Value::String(String::new());
    std::fs::write(&vault, aged.to_string()).expect("the state folder is writable");
    // Another machine still has the old key.
    let mut copy = agent.clone_identity(&service, &setup);
    agent.launch();
    agent.wait_until_online(&service);
    eventually("the key to be another", PATIENCE, || (stored()["privateKey"] != old_key).then_some(()));
    let pair = Pair { client, agent, service };
    talk(&mut pair.session(&[]), "new-key");

    copy.launch();
    let refused = "Retrieve credentials produced error: InvalidSignatureException";
    eventually("the old key to be refused", PATIENCE, || copy.log().contains(refused).then_some(()));
    drop(copy);
    // The one with the new key lives on, past the life of its first token.
    pair.agent.wait_until_online(&pair.service);
    let why = run(
        &pair.client.aws(),
        ["ssm", "get-connection-status", "--target", pair.agent.node_id()],
        &pair.client.environment(&pair.service),
        Duration::from_secs(30),
    );
    assert!(why.stdout.contains("connected"), "{why:#?}");
    behaviour.holds();
}

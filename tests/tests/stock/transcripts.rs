//! Transcripts: in S3, as far as an S3 takes them, for the agent signs with what Postern gave it; and in the logs that
//! the service keeps.

use std::net::SocketAddr;

use postern_testkit::{
    Behaviour, FaultyProxy, Moto, Scheme, Service, StockAgentProcess, StockAgentSetup, Terminal, eventually,
    private_loopback, run,
};
use serde_json::{Value, json};

use crate::pair::{AGENT, PATIENCE, Pair, StockClient, active_sessions, talk, wait_until_no_session_is_active};

#[test]
fn a_transcript_is_put_into_an_s3_that_takes_it() {
    let Some(client) = StockClient::get() else { return };
    let Some(s3) = Moto::start() else { return };
    let aws = client.aws();
    s3.aws(&aws, ["s3api", "create-bucket", "--bucket", "transcripts"]).expect_success("create-bucket");
    let service = Service::start(Scheme::Https);
    // The agent puts the bucket in front of the host, so both have to be names.
    let mut setup = StockAgentSetup::endpoints(&service.endpoint());
    setup.configure(|config| config["S3"] = json!({"Endpoint": format!("http://s3.test:{}", s3.address().port())}));
    setup.hosts.push(format!("{} s3.test transcripts.s3.test", s3.address().ip()));
    let Some(agent) = StockAgentProcess::start_with(&service, &setup) else { return };
    let behaviour = Behaviour::of("transcript in an S3 that does not check signatures", &[(AGENT, agent.version())]);
    let pair = Pair { client, agent, service };
    pair.prefer(&json!({"s3BucketName": "transcripts", "s3KeyPrefix": "some/where", "s3EncryptionEnabled": false}))
        .expect_success("preferences");
    let mut terminal = pair.session(&[]);
    talk(&mut terminal, "written-down");
    let id = active_sessions(&pair.service)[0]["SessionId"].as_str().expect("it has an id").to_string();
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    let key = format!("s3://transcripts/some/where/{id}.log");
    let transcript = eventually("the transcript to be there", PATIENCE, || {
        let read = s3.aws(&aws, ["s3", "cp", &key, "-"]);
        (read.status == Some(0)).then_some(read.stdout)
    });
    assert!(transcript.contains("written-down-42"), "{transcript}");
    wait_until_no_session_is_active(&pair.service);
    behaviour.holds();
}

const GROUP: &str = "/ssm/sessions";
const SEALED: &str = "/ssm/sealed";

/// A pair whose agent finds the logs, which it does by name only, and the door that the names lead to. A node may have
/// a megabyte of them.
fn pair_with_logs() -> Option<(Pair, FaultyProxy)> {
    let client = StockClient::get()?;
    let settings = [("POSTERN_NAMES", "*.us-east-1.postern.test"), ("POSTERN_MAX_LOG_MEGABYTES_PER_NODE", "1")];
    let service = Service::start_with(Scheme::Https, &settings);
    let address = private_loopback();
    if std::net::TcpListener::bind((address, 443)).is_err() {
        postern_testkit::skip("only root may listen on port 443");
        return None;
    }
    let door = FaultyProxy::start_at(SocketAddr::from((address, 443)), service.address());
    let agent =
        StockAgentProcess::start_with(&service, &StockAgentSetup::service_domain("postern.test", address.into()))?;
    Some((Pair { client, agent, service }, door))
}

/// What `aws logs` answers.
fn logs(pair: &Pair, words: &[&str]) -> Option<Value> {
    let words = [&["logs"], words].concat();
    let done = run(&pair.client.aws(), words, &pair.client.environment(&pair.service), PATIENCE);
    (done.status == Some(0)).then(|| serde_json::from_str(&done.stdout).unwrap_or_default())
}

/// The messages in a session's stream, once they contain this.
fn logged(pair: &Pair, group: &str, session_id: &str, text: &str) -> Vec<String> {
    eventually(&format!("{text:?} to be in the log"), PATIENCE, || {
        let words = ["get-log-events", "--start-from-head", "--log-group-name", group, "--log-stream-name", session_id];
        let events = logs(pair, &words)?["events"].as_array()?.clone();
        let messages = events.iter().map(|event| event["message"].as_str().unwrap_or_default().to_string());
        let messages: Vec<_> = messages.collect();
        messages.iter().any(|message| message.contains(text)).then_some(messages)
    })
}

/// A shell with these preferences, and its id.
fn shell(pair: &Pair, inputs: &Value) -> (Terminal, String) {
    pair.prefer(inputs).expect_success("preferences");
    let mut terminal = pair.session(&[]);
    talk(&mut terminal, "written-down");
    let id = active_sessions(&pair.service)[0]["SessionId"].as_str().expect("it has an id").to_string();
    (terminal, id)
}

fn leave(pair: &Pair, mut terminal: Terminal) {
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
}

#[test]
fn sessions_are_logged_where_the_preferences_say() {
    let Some((pair, _door)) = pair_with_logs() else { return };
    logs(&pair, &["create-log-group", "--log-group-name", GROUP]).expect("the group is made");

    let behaviour =
        Behaviour::of("transcript in the service's logs, at the session's end", &[(AGENT, pair.agent.version())]);
    let (terminal, id) = shell(&pair, &json!({"cloudWatchLogGroupName": GROUP, "cloudWatchEncryptionEnabled": false}));
    leave(&pair, terminal);
    let whole = logged(&pair, GROUP, &id, "written-down-42").concat();
    assert!(whole.contains("Script started on") && whole.contains("Script done on"), "{whole}");
    behaviour.holds();

    let behaviour = Behaviour::of("transcript in the service's logs, line by line", &[(AGENT, pair.agent.version())]);
    let inputs = json!({"cloudWatchLogGroupName": GROUP, "cloudWatchEncryptionEnabled": false,
                        "cloudWatchStreamingEnabled": true});
    let (terminal, id) = shell(&pair, &inputs);
    // While the session goes on.
    let lines = logged(&pair, GROUP, &id, "written-down-42");
    assert_eq!(active_sessions(&pair.service).len(), 1);
    let first: Value = serde_json::from_str(&lines[0]).expect("each message is JSON");
    assert_eq!((&first["sessionId"], &first["target"]["id"]), (&json!(id), &json!(pair.agent.node_id())));
    assert!(first["userIdentity"]["arn"].as_str().is_some_and(|arn| arn.ends_with(":user/administrator")), "{first}");
    leave(&pair, terminal);
    logged(&pair, GROUP, &id, "$ exit");
    behaviour.holds();
}

#[test]
fn sessions_are_logged_under_a_key_or_refused() {
    let Some((pair, _door)) = pair_with_logs() else { return };
    logs(&pair, &["create-log-group", "--log-group-name", GROUP]).expect("the group is made");
    let environment = pair.client.environment(&pair.service);
    let key = run(&pair.client.aws(), ["kms", "create-key"], &environment, PATIENCE).expect_success("create-key");
    let key: Value = serde_json::from_str(&key.stdout).expect("aws prints JSON");
    let arn = key["KeyMetadata"]["Arn"].as_str().expect("a key has an ARN");
    logs(&pair, &["create-log-group", "--log-group-name", SEALED, "--kms-key-id", arn]).expect("the group is made");

    let behaviour = Behaviour::of(
        "transcript in a log group with a key, as the preferences insist",
        &[(AGENT, pair.agent.version())],
    );
    let (terminal, id) = shell(&pair, &json!({"cloudWatchLogGroupName": SEALED, "cloudWatchEncryptionEnabled": true}));
    leave(&pair, terminal);
    logged(&pair, SEALED, &id, "written-down-42");
    behaviour.holds();

    let behaviour =
        Behaviour::of("a log group without a key, refused as the preferences insist", &[(AGENT, pair.agent.version())]);
    pair.prefer(&json!({"cloudWatchLogGroupName": GROUP, "cloudWatchEncryptionEnabled": true}))
        .expect_success("preferences");
    let mut terminal = pair.session(&[]);
    terminal.expect("encryption is not set up on the selected CloudWatch Logs log group", PATIENCE);
    assert_eq!(terminal.wait(PATIENCE), 0);
    wait_until_no_session_is_active(&pair.service);
    let streams = logs(&pair, &["describe-log-streams", "--log-group-name", GROUP]).expect("the group is there");
    assert_eq!(streams["logStreams"], json!([]), "nothing was written");
    behaviour.holds();
}

/// AWS's agent holds a session's process until its logs are taken, or it is told what makes it stop.
#[test]
fn a_node_that_has_logged_enough_works_on_and_its_sessions_end() {
    let Some((pair, _door)) = pair_with_logs() else { return };
    logs(&pair, &["create-log-group", "--log-group-name", GROUP]).expect("the group is made");
    let behaviour =
        Behaviour::of("more logs than a node may have: refused, and sessions go on", &[(AGENT, pair.agent.version())]);
    for is_streamed in [true, false] {
        let inputs = json!({"cloudWatchLogGroupName": GROUP, "cloudWatchEncryptionEnabled": false,
                            "cloudWatchStreamingEnabled": is_streamed});
        let (mut terminal, id) = shell(&pair, &inputs);
        if is_streamed {
            logged(&pair, GROUP, &id, "written-down-42");
        }
        terminal.type_text("seq 1 400000; echo counted-$((40+2))\r");
        terminal.expect("counted-42", PATIENCE);
        leave(&pair, terminal);
        eventually("the session's worker to be gone", PATIENCE, || {
            pair.agent.session_workers().is_empty().then_some(())
        });
    }
    assert!(pair.service.log().contains("the node has as many logs here as it may have"), "{}", pair.service.log());
    let groups = logs(&pair, &["describe-log-groups"]).expect("administrators may");
    let stored = groups["logGroups"][0]["storedBytes"].as_u64().expect("it is a number");
    assert!((1..=1024 * 1024).contains(&stored), "{stored}");
    behaviour.holds();
}

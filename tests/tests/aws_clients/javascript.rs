//! Clients from npm: AWS's SDK, and the independent `ssm-session` with all its habits.

use std::path::Path;

use postern_testkit::{
    Agent, Behaviour, Output, PythonEnvironment, Scheme, Service, VERSION, echo_server, npm_folder, run,
};
use serde_json::{Value, json};

use crate::{PATIENCE, expect_shown, script};

const SDK: (&str, &str) = ("@aws-sdk/client-ssm", "3.1169.0");
const SSM_SESSION: (&str, &str) = ("ssm-session", "1.0.6");
const AGENT: (&str, &str) = ("postern-agent", VERSION);

/// Runs one of our scripts in a folder with npm's packages.
fn node(folder: &Path, name: &str, arguments: &[&str], environment: &[(String, String)]) -> Output {
    let script = script(name);
    let mut words = vec!["-C", folder.to_str().expect("UTF-8"), "node", script.to_str().expect("UTF-8")];
    words.extend(arguments);
    run(Path::new("/usr/bin/env"), words, environment, PATIENCE)
}

fn pinned((name, version): (&str, &str)) -> String {
    format!("{name}@{version}")
}

#[test]
fn an_independent_client_gets_a_shell() {
    let npm = npm_folder("ssm-session", &[&pinned(SSM_SESSION), "ws@8.18.0"]);
    let (Some(npm), Some(python)) = (npm, PythonEnvironment::get()) else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let behaviour = Behaviour::of("shell", &[SSM_SESSION]);
    let [url, token] = start_session(python, &service, &json!({"Target": agent.node_id()}));
    node(&npm, "ssm_session.mjs", &[&url, &token], &[]).expect_success("ssm_session.mjs");
    behaviour.holds();

    let behaviour = Behaviour::of("AWS-StartPortForwardingSession, without a handshake", &[SSM_SESSION, AGENT]);
    let server = echo_server("127.0.0.1:0");
    let request = json!({
        "Target": agent.node_id(),
        "DocumentName": "AWS-StartPortForwardingSession",
        "Parameters": {"portNumber": [server.port().to_string()]},
    });
    let [url, token] = start_session(python, &service, &request);
    node(&npm, "ssm_session_port.mjs", &[&url, &token], &[]).expect_success("ssm_session_port.mjs");
    behaviour.holds();
}

/// A session's StreamUrl and TokenValue.
fn start_session(python: &PythonEnvironment, service: &Service, request: &Value) -> [String; 2] {
    let script = "import sys, json, boto3; s = boto3.client('ssm').start_session(**json.loads(sys.argv[1])); \
                  print(json.dumps([s['StreamUrl'], s['TokenValue']]))";
    let request = request.to_string();
    let started = run(&python.python(), ["-c", script, &request], &service.environment(), PATIENCE);
    serde_json::from_str(&started.expect_success("start_session").stdout).expect("JSON was printed")
}

#[test]
fn the_sdk_for_javascript_walks_through_the_api() {
    let Some(npm) = npm_folder("client-ssm", &[&pinned(SDK)]) else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let behaviours = [
        "a session is started, resumed and ended",
        "pages add up, by the SDK's own paginators",
        "times are times",
        "activations are made, listed and deleted",
        "errors are the SDK's own classes",
    ];
    expect_shown(&behaviours, SDK, || node(&npm, "sdk.mjs", &[agent.node_id()], &service.environment()));
}

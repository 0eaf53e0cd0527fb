//! Clients from npm: AWS's SDK, and the independent `ssm-session` with all its habits.

use std::path::Path;

use postern_testkit::{Agent, Behaviour, Output, PythonEnvironment, Scheme, Service, npm_folder, run};

use crate::{PATIENCE, expect_shown, script};

const SDK: (&str, &str) = ("@aws-sdk/client-ssm", "3.1169.0");
const SSM_SESSION: (&str, &str) = ("ssm-session", "1.0.6");

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
    let started = run(
        &python.python(),
        [
            "-c",
            "import sys, json, boto3; s = boto3.client('ssm').start_session(Target=sys.argv[1]); \
             print(json.dumps([s['StreamUrl'], s['TokenValue']]))",
            agent.node_id(),
        ],
        &service.environment(),
        PATIENCE,
    )
    .expect_success("start_session");
    let started: Vec<String> = serde_json::from_str(&started.stdout).expect("JSON was printed");
    let started: Vec<&str> = started.iter().map(String::as_str).collect();
    node(&npm, "ssm_session.mjs", &started, &[]).expect_success("ssm_session.mjs");
    behaviour.holds();
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

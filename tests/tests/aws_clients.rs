//! The stock `aws` CLI and boto3 against a real service and agent, with `postern` as their plugin.

use std::time::Duration;

use postern_testkit::{
    Agent, PythonEnvironment, Scheme, Service, Terminal, eventually, program, run, temporary_folder,
};

const PATIENCE: Duration = Duration::from_secs(60);

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
        serde_json::from_str::<serde_json::Value>(&done.stdout).unwrap_or_default()
    };

    let nodes = aws(&["ssm", "describe-instance-information"]);
    let node = &nodes["InstanceInformationList"][0];
    assert_eq!(node["InstanceId"], agent.node_id());
    assert_eq!(node["PingStatus"], "Online");
    assert_eq!(node["PlatformType"], "Linux");
    let status = aws(&["ssm", "get-connection-status", "--target", agent.node_id()]);
    assert_eq!(status["Status"], "connected");

    // A shell, as a person has it.
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

    // One that somebody else ends.
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

    // A command without a terminal, through the AWS-owned document.
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
}

#[test]
fn the_aws_cli_walks_through_sessions_over_http() {
    walk_through(Scheme::Http);
}

#[test]
fn the_aws_cli_walks_through_sessions_over_tls() {
    walk_through(Scheme::Https);
}

const BOTO3_SCRIPT: &str = r#"
import sys, time, boto3, botocore
node = sys.argv[1]
ssm = boto3.client("ssm")
(info,) = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [node]}])["InstanceInformationList"]
assert info["PingStatus"] == "Online", info
assert ssm.describe_instance_information(InstanceInformationFilterList=[{"key": "PingStatus", "valueSet": ["ConnectionLost"]}])["InstanceInformationList"] == []
assert ssm.get_connection_status(Target=node)["Status"] == "connected"
assert ssm.get_connection_status(Target="mi-00000000000000000")["Status"] == "notconnected"

started = ssm.start_session(Target=node, Reason="boto3")
assert started["StreamUrl"].startswith("ws"), started
assert len(started["TokenValue"]) <= 300
(active,) = ssm.describe_sessions(State="Active", Filters=[{"key": "Target", "value": node}])["Sessions"]
assert active["SessionId"] == started["SessionId"] and active["Reason"] == "boto3", active
resumed = ssm.resume_session(SessionId=started["SessionId"])
assert resumed["TokenValue"] and resumed["TokenValue"] != started["TokenValue"]
ssm.terminate_session(SessionId=started["SessionId"])
ssm.terminate_session(SessionId=started["SessionId"])
for _ in range(200):
    ended = [s for s in ssm.describe_sessions(State="History")["Sessions"] if s["SessionId"] == started["SessionId"]]
    if ended: break
    time.sleep(0.1)
assert ended[0]["Status"] == "Terminated", ended
assert "TokenValue" not in ssm.resume_session(SessionId=started["SessionId"])

def code(call, **arguments):
    try: call(**arguments)
    except botocore.exceptions.ClientError as error: return error.response["Error"]["Code"]
    raise AssertionError("it went through")
assert code(ssm.resume_session, SessionId="nobody-00000000000000000") == "DoesNotExistException"
assert code(ssm.start_session, Target="mi-00000000000000000") == "TargetNotConnected"
assert code(ssm.start_session, Target=node, DocumentName="No-Such-Document") == "InvalidDocument"
assert code(ssm.delete_activation, ActivationId="11111111-2222-4333-8444-555555555555") == "InvalidActivation"

made = ssm.create_activation(IamRole="PosternNode", DefaultInstanceName="web", RegistrationLimit=3, Tags=[{"Key": "env", "Value": "prod"}])
pages = ssm.get_paginator("describe_activations").paginate(Filters=[{"FilterKey": "ActivationIds", "FilterValues": [made["ActivationId"]]}])
(listed,) = [a for page in pages for a in page["ActivationList"]]
assert listed["RegistrationLimit"] == 3 and not listed["Expired"], listed
ssm.delete_activation(ActivationId=made["ActivationId"])

ssm.deregister_managed_instance(InstanceId=node)
assert ssm.describe_instance_information()["InstanceInformationList"] == []
print("boto3 is content")
"#;

#[test]
fn a_boto3_script_walks_through_the_api() {
    let Some(python) = PythonEnvironment::get() else {
        return;
    };
    let service = Service::start(Scheme::Http);
    let agent = Agent::start(&service);
    let done = run(&python.python(), ["-c", BOTO3_SCRIPT, agent.node_id()], &service.environment(), PATIENCE)
        .expect_success("the boto3 script");
    assert!(done.stdout.contains("boto3 is content"), "{done:#?}");
}

//! Audit events with real programs: found by the stock clients, kept over `kill -9`, and handed to a file and to somebody's
//! web address while both come and go.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use postern_testkit::{
    Background, Behaviour, PythonEnvironment, Scheme, Service, VERSION, closed_port, eventually, program, run,
    temporary_folder,
};
use serde_json::Value;

/// The receiver is asked again after half a minute at most.
const PATIENCE: Duration = Duration::from_secs(90);

/// What `postern nodes` asks.
const NODES: &str = "DescribeInstanceInformation";

/// Makes log groups from four threads until it is told to stop or the service is gone, and says of each when it was
/// acknowledged.
const WRITER: &str = r#"
import os, sys, threading, boto3
from botocore.config import Config
def write(thread):
    logs = boto3.client("logs", config=Config(retries={"total_max_attempts": 1}))
    for n in range(1000):
        name = f"group-{sys.argv[1]}-{thread}-{n}"
        try: logs.create_log_group(logGroupName=name)
        except Exception: return
        os.write(1, f"acknowledged {name}\n".encode())
threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"#;

/// Says which groups have an event of their making.
const READER: &str = r#"
import json, boto3
pages = boto3.client("cloudtrail").get_paginator("lookup_events")
by = [{"AttributeKey": "EventName", "AttributeValue": "CreateLogGroup"}]
for page in pages.paginate(LookupAttributes=by):
    for event in page["Events"]:
        assert event["Username"] and event["ReadOnly"] == "false", event
        record = json.loads(event["CloudTrailEvent"])
        if "errorCode" not in record: print("event", record["requestParameters"]["logGroupName"])
"#;

/// Takes events: refuses the first requests in several ways, checks each signature, and says which events came.
const RECEIVER: &str = r#"
import hashlib, hmac, http.server, json, sys
secret, refusals = b"0123456789abcdef0123456789abcdef", [500, None]
class Receiver(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = self.headers["postern-timestamp"].encode() + b"." + body
        wanted = "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(wanted, self.headers["postern-signature"]), "a wrong signature"
        status = refusals.pop(0) if refusals else 200
        if status is None: return self.connection.close()
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()
        if status == 200:
            for event in json.loads(body)["Records"]:
                print("took", event["additionalEventData"]["sequenceNumber"], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
"#;

fn words_after(lines: &[String], beginning: &str) -> Vec<String> {
    lines.iter().filter_map(|line| line.strip_prefix(beginning)).map(|rest| rest.trim().to_owned()).collect()
}

#[test]
fn no_change_that_was_acknowledged_is_without_its_event_after_a_kill() {
    let Some(python) = PythonEnvironment::get() else { return };
    let mut service = Service::start(Scheme::Http);
    let environment = service.environment();
    let behaviour = Behaviour::of("audit events after kill -9", &[("boto3", python.version("boto3"))]);
    let mut acknowledged = BTreeSet::new();
    for round in ["one", "two", "three"] {
        let mut writer = Background::start(&python.python(), &["-c", WRITER, round], &environment);
        let wanted = acknowledged.len() + 40;
        eventually("acknowledged changes", PATIENCE, || {
            (words_after(&writer.lines(), "acknowledged ").len() + acknowledged.len() >= wanted).then_some(())
        });
        service.kill();
        writer.wait(PATIENCE);
        acknowledged.extend(words_after(&writer.lines(), "acknowledged "));
        service.restart();
    }
    let read = run(&python.python(), ["-c", READER], &environment, PATIENCE).expect_success("the reader");
    let lines: Vec<String> = read.stdout.lines().map(str::to_owned).collect();
    let found: BTreeSet<String> = words_after(&lines, "event ").into_iter().collect();
    let missing: Vec<_> = acknowledged.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?} of {} were acknowledged and have no event", acknowledged.len());
    service.kill();
    let folder = service.folder().to_str().expect("a path in UTF-8");
    let verified = run(&program("posternd"), ["audit", "verify", "--data-dir", folder], &[], PATIENCE);
    let verified = verified.expect_success("posternd audit verify");
    assert!(verified.stdout.contains("are whole"), "{}", verified.stdout);
    behaviour.holds();
}

#[test]
fn the_stock_cli_and_ours_look_events_up() {
    let Some(python) = PythonEnvironment::get() else { return };
    let service = Service::start(Scheme::Http);
    let environment = service.environment();
    let aws = |words: &[&str]| run(&python.aws(), [&["--output", "json"], words].concat(), &environment, PATIENCE);
    let behaviour =
        Behaviour::of("cloudtrail lookup-events", &[("aws", python.version("awscli")), ("postern", VERSION)]);
    aws(&["iam", "create-user", "--user-name", "joe"]).expect_success("create-user");
    let refused = aws(&["ssm", "start-session", "--target", "mi-00000000000000000"]);
    assert_ne!(refused.status, Some(0));
    let lookup = |key: &str, value: &str| -> Vec<Value> {
        let by = format!("AttributeKey={key},AttributeValue={value}");
        let done = aws(&["cloudtrail", "lookup-events", "--lookup-attributes", &by]).expect_success("lookup-events");
        let found: Value = serde_json::from_str(&done.stdout).expect("JSON");
        found["Events"].as_array().expect("a list").clone()
    };
    let made = lookup("ResourceName", "joe");
    let [made] = &made[..] else { panic!("one event: {made:?}") };
    assert_eq!((made["EventName"].as_str(), made["ReadOnly"].as_str()), (Some("CreateUser"), Some("false")));
    assert_eq!(made["Resources"][0]["ResourceType"], "AWS::IAM::User");
    let record: Value = serde_json::from_str(made["CloudTrailEvent"].as_str().expect("a text")).expect("JSON");
    assert_eq!(record["eventSource"], "iam.amazonaws.com");
    assert!(record["userAgent"].as_str().is_some_and(|agent| agent.contains("aws-cli")), "{record}");
    let start = &lookup("EventName", "StartSession")[0];
    assert!(start["CloudTrailEvent"].as_str().is_some_and(|record| record.contains("TargetNotConnected")), "{start}");
    let refused = aws(&["cloudtrail", "lookup-events", "--event-category", "insight"]);
    assert!(refused.stderr.contains("InvalidEventCategoryException"), "{}", refused.stderr);

    let listed = service.postern(["audit", "--event", "CreateUser"]).expect_success("postern audit");
    assert!(listed.stdout.contains("CreateUser") && listed.stdout.contains("joe"), "{}", listed.stdout);
    let errors = service.postern(["audit", "--errors", "--json"]).expect_success("postern audit");
    let errors: Vec<Value> = errors.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(errors.iter().any(|event| event["errorCode"] == "TargetNotConnected"), "{errors:?}");
    assert!(errors.iter().all(|event| event["errorCode"].is_string()), "{errors:?}");
    behaviour.holds();
}

#[test]
fn a_file_and_a_receiver_have_every_event_in_order_whatever_happens() {
    let Some(python) = PythonEnvironment::get() else { return };
    let folder = temporary_folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("a path in UTF-8").to_owned();
    let (file, moved, secret) = (path("audit.jsonl"), path("audit.jsonl.1"), path("secret"));
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").expect("the folder is writable");
    let port = closed_port().to_string();
    let settings = [
        ("POSTERN_AUDIT_FILE", file.as_str()),
        ("POSTERN_AUDIT_WEBHOOK", &format!("http://127.0.0.1:{port}/events")),
        ("POSTERN_AUDIT_WEBHOOK_SECRET_FILE", &secret),
        ("POSTERN_AUDIT_LOG_GROUP", "/postern/audit"),
    ];
    let mut service = Service::start_with(Scheme::Http, &settings);
    let behaviour = Behaviour::of("audit events in a file, a webhook and a log group", &[("postern", VERSION)]);
    let ask = |service: &Service| drop(service.postern(["nodes"]).expect_success("postern nodes"));
    // Nobody receives yet.
    ask(&service);
    eventually("the file", PATIENCE, || (!lines(&file).is_empty()).then_some(()));
    std::fs::rename(&file, &moved).expect("the folder is writable");
    ask(&service);
    eventually("the next file", PATIENCE, || (!lines(&file).is_empty()).then_some(()));
    let receiver = Background::start(&python.python(), &["-c", RECEIVER, &port], &[]);
    eventually("the first event at the receiver", PATIENCE, || {
        (!words_after(&receiver.lines(), "took ").is_empty()).then_some(())
    });
    service.kill();
    service.restart();
    ask(&service);
    let last = service.postern(["audit", "--event", NODES, "--json"]).expect_success("postern audit");
    let last = number(last.stdout.lines().last().expect("it was asked for"));
    let took = || -> Vec<u64> {
        words_after(&receiver.lines(), "took ").iter().map(|number| number.parse().expect("a number")).collect()
    };
    eventually("all events at the receiver", PATIENCE, || took().contains(&last).then_some(()));
    eventually("all events in the file", PATIENCE, || {
        lines(&file).iter().any(|line| number(line) == last).then_some(())
    });
    // Whole batches may come again, and no event is left out.
    let (mut next, took) = (0, took());
    for number in took {
        assert!(number <= next, "event {next} did not come before {number}");
        next = next.max(number + 1);
    }
    assert!(next > last);
    let written: Vec<u64> = lines(&moved).iter().chain(&lines(&file)).map(|line| number(line)).collect();
    let expected: Vec<u64> = (0..written.len() as u64).collect();
    assert_eq!(written, expected, "each event is there once, in order, over both files");

    // The files prove themselves.
    let verify = |file: &str| run(&program("posternd"), ["audit", "verify", "--file", file], &[], PATIENCE);
    for file in [&moved, &file] {
        let verified = verify(file).expect_success("posternd audit verify");
        assert!(verified.stdout.contains("are whole"), "{}", verified.stdout);
    }
    let forged = path("forged.jsonl");
    let text = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&forged, text.replacen(NODES, "ListUsers", 1)).expect("the folder is writable");
    let found = verify(&forged);
    assert_eq!(found.status, Some(1), "{found:#?}");

    let events = run(
        &python.aws(),
        ["logs", "filter-log-events", "--log-group-name", "/postern/audit", "--output", "json"],
        &service.environment(),
        PATIENCE,
    );
    let events = events.expect_success("aws logs filter-log-events");
    assert!(events.stdout.contains(NODES), "{}", events.stdout);
    behaviour.holds();
}

fn lines(file: impl AsRef<Path>) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // What is being written has no end yet.
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
}

fn number(line: &str) -> u64 {
    let event: Value = serde_json::from_str(line).expect("JSON");
    event["additionalEventData"]["sequenceNumber"].as_u64().expect("a number")
}

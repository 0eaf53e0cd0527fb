//! Audit events: one for every call, whatever comes of it; one for every act of a session; and no secret in any.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use postern_iam::SecretString;
use postern_iam::sigv4::{self, Credentials, SignableRequest};
use postern_model::{Operation, Protocol};
use postern_protocol::Clock as _;
use postern_transport::{Endpoint, SystemClock};
use serde_json::{Value, json};

use crate::decisions::users;
use crate::harness::{Peer, REGION, Service, client_open, eventually};
use crate::routes::{ANYTHING, anything};

const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// One call: the id that its answer shows, and the code if it was an error.
struct Called {
    operation: Operation,
    request_id: String,
    code: Option<String>,
}

async fn call(service: &Service, operation: Operation, body: &str, signer: Option<&Credentials>) -> (Called, Value) {
    let mut headers = vec![("host".to_owned(), service.endpoint.host_and_port())];
    headers.push(match operation.service().protocol() {
        Protocol::Json(_) => ("x-amz-target".to_owned(), operation.target()),
        Protocol::Query(_) => ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
    });
    if let Some(credentials) = signer {
        let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: body.as_bytes() };
        let name = operation.service().name();
        headers.extend(sigv4::sign(&request, credentials, REGION, name, SystemClock.now().unix_millis));
    }
    let answer = service.send(Method::POST, "/", headers, body.to_owned()).await;
    let text = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let called = Called { operation, request_id: text("x-amzn-requestid").unwrap(), code: text("x-amzn-errortype") };
    let answer = String::from_utf8(answer.body.to_vec()).unwrap();
    (called, serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
}

/// Every event there is, the latest first, as it is kept.
async fn events(service: &Service, reader: &Credentials) -> Vec<Value> {
    let (mut events, mut token) = (Vec::new(), Value::Null);
    loop {
        let request = json!({"MaxResults": 50, "NextToken": token});
        let page: Value = service.api("cloudtrail").call(LOOKUP, &request, reader).await.unwrap();
        let texts = page["Events"].as_array().unwrap().iter().map(|event| event["CloudTrailEvent"].as_str().unwrap());
        events.extend(texts.map(|text| serde_json::from_str::<Value>(text).unwrap()));
        match page.get("NextToken") {
            Some(next) => token = next.clone(),
            None => return events,
        }
    }
}

#[tokio::test]
async fn every_call_leaves_one_event_whatever_comes_of_it() {
    let service = Service::start().await;
    let node = service.node().await;
    let users = users(&service).await;
    let [nobody, everything, _] = &users[..] else { panic!("there are three") };
    let callers = [None, Some(&nobody.credentials), Some(&everything.credentials)];
    let mut calls = Vec::new();
    for &operation in Operation::ALL {
        let body = match operation.service().protocol() {
            Protocol::Json(_) => anything(&node.id).to_string(),
            Protocol::Query(version) => format!("Action={operation}&Version={version}&{ANYTHING}"),
        };
        for signer in callers {
            calls.push(call(&service, operation, &body, signer).await.0);
        }
        // What is not understood, by somebody who is known.
        let nonsense = if body.starts_with('{') { "[]".to_owned() } else { format!("{body}&MaxItems=x") };
        calls.push(call(&service, operation, &nonsense, Some(&everything.credentials)).await.0);
    }
    let mut found = BTreeMap::<String, Vec<Value>>::new();
    for event in events(&service, &everything.credentials).await {
        if let Some(id) = event["requestID"].as_str() {
            found.entry(id.to_owned()).or_default().push(event);
        }
    }
    let mut outcomes = BTreeSet::new();
    for Called { operation, request_id, code } in &calls {
        let [event] = &found.remove(request_id).unwrap_or_default()[..] else {
            panic!("{operation} has left another number of events than one")
        };
        assert_eq!(event["eventName"], operation.name());
        assert_eq!(event["eventSource"], format!("{}.amazonaws.com", operation.service().name()));
        assert_eq!(event["errorCode"].as_str(), code.as_deref(), "{event}");
        assert_eq!(event["readOnly"], operation.is_read_only(), "{operation}");
        assert_eq!(event["eventType"], "AwsApiCall");
        assert_eq!(event["sourceIPAddress"], "127.0.0.1");
        outcomes.insert((event["userIdentity"]["type"].as_str().unwrap().to_owned(), code.is_some()));
    }
    let outcomes: Vec<_> = outcomes.iter().map(|(who, failed)| (who.as_str(), *failed)).collect();
    let expected = [("AWSAccount", true), ("IAMUser", false), ("IAMUser", true), ("Unknown", true)];
    assert_eq!(outcomes, expected, "strangers, successes, denials");
}

#[tokio::test]
async fn nothing_is_asked_of_the_log_by_who_may_not() {
    let service = Service::start().await;
    let users = users(&service).await;
    let request = json!({});
    for (user, is_allowed) in [(&users[0], false), (&users[1], true), (&users[2], false)] {
        let answer: Result<Value, _> = service.api("cloudtrail").call(LOOKUP, &request, &user.credentials).await;
        assert_eq!(answer.is_ok(), is_allowed);
    }
}

/// Everything in an answer that its name says is secret.
fn secrets_in(value: &Value, found: &mut Vec<String>) {
    const SECRET: &[&str] =
        &["ActivationCode", "SecretAccessKey", "SessionToken", "TokenValue", "Plaintext", "CiphertextBlob"];
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if SECRET.contains(&name.as_str()) => found.push(text.to_owned()),
                    _ => secrets_in(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secrets_in(item, found)),
        // Of the Query protocol.
        Value::String(xml) => {
            for name in ["SecretAccessKey", "SessionToken", "Base32StringSeed", "QRCodePNG"] {
                let begin = format!("<{name}>");
                let texts = xml.split(&begin).skip(1).map(|rest| rest.split('<').next().unwrap());
                found.extend(texts.map(|text| text.replace("&#x2F;", "/")));
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn no_secret_is_in_any_event() {
    let service = Service::start().await;
    let administrator = service.administrator.clone();
    let mut secrets = vec![administrator.secret_access_key.expose().to_owned()];
    let (node, _control) = service.connected_node().await;
    secrets.push(node.credentials.secret_access_key.expose().to_owned());
    secrets.push(node.credentials.session_token.as_ref().unwrap().expose().to_owned());
    // A text, and the same as base64.
    let canary = |name: &str| (format!("canary-{name}"), base64(&format!("canary-{name}")));
    let mut planted = Vec::new();
    let mut plant = |name: &str| {
        let (text, encoded) = canary(name);
        planted.extend([text.clone(), encoded.clone()]);
        (text, encoded)
    };
    let (message, _) = plant("message-of-a-log");
    let (_, plaintext) = plant("plaintext");
    let (command, _) = plant("command");
    let (web_token, _) = plant("web-identity-token");
    let (code, _) = plant("code-of-an-activation");
    let (fingerprint, _) = plant("fingerprint");
    let (unknown, _) = plant("member-nobody-knows");
    let json_calls = [
        (Operation::CreateActivation, json!({"IamRole": "PosternNode", "Unknown": unknown})),
        (Operation::StartSession, json!({"Target": node.id.as_str()})),
        (
            Operation::StartSession,
            json!({"Target": node.id.as_str(), "DocumentName": "AWS-StartInteractiveCommand",
                   "Parameters": {"command": [command]}}),
        ),
        (Operation::GenerateDataKey, json!({"KeyId": "alias/aws/ssm", "NumberOfBytes": 64})),
        (Operation::CreateKey, json!({})),
        (Operation::CreateLogGroup, json!({"logGroupName": "g"})),
        (Operation::CreateLogStream, json!({"logGroupName": "g", "logStreamName": "s"})),
        (
            Operation::PutLogEvents,
            json!({"logGroupName": "g", "logStreamName": "s",
                   "logEvents": [{"timestamp": SystemClock.now().unix_millis, "message": message}]}),
        ),
        (Operation::GetLogEvents, json!({"logGroupName": "g", "logStreamName": "s"})),
        (
            Operation::RegisterManagedInstance,
            json!({"ActivationId": "00000000-0000-4000-8000-000000000000", "ActivationCode": code,
                   "Fingerprint": fingerprint, "PublicKey": "k", "PublicKeyType": "Ed25519"}),
        ),
    ];
    let mut succeeded = BTreeSet::new();
    let (mut key, mut session) = (String::new(), String::new());
    for (operation, request) in json_calls {
        let (called, answer) = call(&service, operation, &request.to_string(), Some(&administrator)).await;
        secrets_in(&answer, &mut secrets);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        key = text(&answer["KeyMetadata"]["KeyId"]).unwrap_or(key);
        session = text(&answer["SessionId"]).unwrap_or(session);
        if called.code.is_none() {
            succeeded.insert(operation);
        }
    }
    let request = json!({"KeyId": key, "Plaintext": plaintext}).to_string();
    let (_, encrypted) = call(&service, Operation::Encrypt, &request, Some(&administrator)).await;
    secrets_in(&encrypted, &mut secrets);
    let request = json!({"CiphertextBlob": encrypted["CiphertextBlob"]}).to_string();
    let (opened, answer) = call(&service, Operation::Decrypt, &request, Some(&administrator)).await;
    assert_eq!((opened.code, &answer["Plaintext"]), (None, &json!(plaintext)));
    let request = json!({"SessionId": session}).to_string();
    let (resumed, answer) = call(&service, Operation::ResumeSession, &request, Some(&administrator)).await;
    assert_eq!(resumed.code, None, "{answer}");
    secrets_in(&answer, &mut secrets);
    let forms = [
        (Operation::CreateUser, "2010-05-08", "UserName=joe".to_owned()),
        (Operation::CreateAccessKey, "2010-05-08", "UserName=joe".to_owned()),
        (Operation::CreateVirtualMFADevice, "2010-05-08", "VirtualMFADeviceName=d".to_owned()),
        (
            Operation::EnableMFADevice,
            "2010-05-08",
            "UserName=joe&SerialNumber=arn:aws:iam::000000000000:mfa/d&AuthenticationCode1=918273&AuthenticationCode2=645546"
                .to_owned(),
        ),
        (Operation::GetSessionToken, "2011-06-15", "DurationSeconds=900".to_owned()),
        (
            Operation::AssumeRoleWithWebIdentity,
            "2011-06-15",
            format!("RoleArn=arn:aws:iam::000000000000:role/r&RoleSessionName=jane&WebIdentityToken={web_token}"),
        ),
    ];
    for (operation, version, members) in forms {
        let body = format!("Action={operation}&Version={version}&{members}");
        let (called, answer) = call(&service, operation, &body, Some(&administrator)).await;
        secrets_in(&answer, &mut secrets);
        if called.code.is_none() {
            succeeded.insert(operation);
        }
    }
    planted.extend(["918273".to_owned(), "645546".to_owned()]);
    for operation in [
        Operation::CreateActivation,
        Operation::StartSession,
        Operation::GenerateDataKey,
        Operation::PutLogEvents,
        Operation::GetLogEvents,
        Operation::CreateAccessKey,
        Operation::CreateVirtualMFADevice,
        Operation::GetSessionToken,
    ] {
        assert!(succeeded.contains(&operation), "{operation} has to succeed for this to show anything");
    }
    assert!(secrets.len() > 12, "{} secrets were found in answers", secrets.len());
    let events = events(&service, &administrator).await;
    assert!(events.len() > 20, "{} events", events.len());
    for event in &events {
        let text = event.to_string();
        for secret in secrets.iter().chain(&planted) {
            assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
        }
    }
    let hidden = events.iter().filter(|event| event.to_string().contains("HIDDEN_DUE_TO_SECURITY_REASONS")).count();
    assert!(hidden > 8, "what is hidden is said to be");
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn the_acts_of_a_session_are_events() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    let agent = node.open_leg(&service, &session).await;
    let mut client = Peer::connect(&Endpoint::parse(&session.stream_url).unwrap(), vec![]).await;
    client.send_text(&client_open("00000000-0000-4000-8000-000000000001", &session.token)).await;
    service.wait_for_state(&session.id, "Connected").await;
    let mut thief = Peer::connect(&Endpoint::parse(&session.stream_url).unwrap(), vec![]).await;
    thief.send_text(&client_open("00000000-0000-4000-8000-000000000002", &session.token)).await;
    thief.expect_close().await;
    service.call("TerminateSession", json!({"SessionId": session.id})).await.unwrap();
    drop((agent, client));
    service.wait_for_state(&session.id, "Terminated").await;
    let about = async || -> Vec<Value> {
        let mut events = events(&service, &service.administrator).await;
        events.retain(|event| event.to_string().contains(&session.id));
        events.reverse();
        events
    };
    eventually("the event of the end", async || about().await.iter().any(|event| event["eventName"] == "SessionEnded"))
        .await;
    let found = about().await;
    let names: Vec<&str> = found.iter().map(|event| event["eventName"].as_str().unwrap()).collect();
    for (name, count) in [
        ("StartSession", 1),
        ("CreateDataChannel", 1),
        ("OpenDataChannel", 3),
        ("SessionConnected", 1),
        ("TerminateSession", 1),
        ("SessionEnded", 1),
    ] {
        assert_eq!(names.iter().filter(|found| **found == name).count(), count, "{name} in {names:?}");
    }
    let end = found.iter().find(|event| event["eventName"] == "SessionEnded").unwrap();
    assert_eq!(end["eventType"], "AwsServiceEvent");
    let details = &end["serviceEventDetails"];
    assert_eq!(details["cause"], "terminated", "{details}");
    assert_eq!(details["nodeId"], node.id.as_str());
    assert_eq!(details["documentName"], "SSM-SessionManagerRunShell");
    assert_eq!(details["recording"], "required", "{details}");
    let start = found.iter().find(|event| event["eventName"] == "StartSession").unwrap();
    assert_eq!(start["additionalEventData"]["recording"], "required", "{start}");
    assert!(details["owner"].as_str().unwrap().ends_with("user/jane"), "{details}");
    let refused: Vec<_> = found.iter().filter(|event| event["errorCode"] == "AccessDeniedException").collect();
    let [refused] = refused[..] else { panic!("one was refused: {refused:?}") };
    assert_eq!(refused["eventName"], "OpenDataChannel");
    assert!(refused["errorMessage"].as_str().unwrap().contains("another client"), "{refused}");
}

#[tokio::test]
async fn who_leaves_before_the_answer_leaves_an_event() {
    let service = Service::start().await;
    let (node, _control) = service.connected_node().await;
    let request = json!({"Destination": node.id.as_str(), "MessagesRequestId": "00000000-0000-4000-8000-000000000000"});
    let api = service.api("ec2messages");
    let target = Operation::GetMessages.target();
    // It is held for a quarter of a minute.
    let poll = api.call::<_, Value>(&target, &request, &node.credentials);
    let left = tokio::time::timeout(std::time::Duration::from_millis(300), poll).await;
    assert!(left.is_err(), "it waits");
    let outcome = async || {
        let events = events(&service, &service.administrator).await;
        events.into_iter().find(|event| event["eventName"] == "GetMessages")
    };
    eventually("the event", async || outcome().await.is_some()).await;
    let event = outcome().await.unwrap();
    assert!(event["additionalEventData"]["outcome"].as_str().unwrap().contains("left before"), "{event}");
    assert_eq!(event["userIdentity"]["userName"], node.id.as_str());
}

#[tokio::test]
async fn strangers_cannot_fill_the_log() {
    let service = Service::start().await;
    let wrong = Credentials { secret_access_key: SecretString::new("wrong"), ..service.administrator.clone() };
    for _ in 0..650 {
        let (called, _) = call(&service, Operation::ListNodes, "{}", None).await;
        assert!(called.code.is_some());
    }
    let (called, _) = call(&service, Operation::ListNodes, "{}", Some(&wrong)).await;
    assert_eq!(called.code.as_deref(), Some("InvalidSignatureException"));
    let events = events(&service, &service.administrator).await;
    let strangers = events.iter().filter(|event| event["userIdentity"]["type"] == "Unknown").count();
    let omitted: u64 = events
        .iter()
        .filter(|event| event["eventName"] == "AuditEventsOmitted")
        .map(|event| event["serviceEventDetails"]["count"].as_u64().unwrap())
        .sum();
    assert!(strangers >= 500 && omitted > 0, "{strangers} and {omitted}");
    assert_eq!(strangers as u64 + omitted, 651, "each is there or counted");
}

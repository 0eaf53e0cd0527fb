//! What API callers get when something is wrong: AWS's code, and a sentence with the cause and the fix.

use std::time::{Duration, Instant};

use http::Method;
use postern_gateway::Limits;
use postern_iam::SecretString;
use postern_iam::sigv4::{Credentials, SignableRequest, sign};
use postern_protocol::Clock as _;
use postern_transport::{HttpResponse, SystemClock};
use serde_json::{Value, json};

use crate::harness::{Options, REGION, Service};

/// A signed call with everything about it open to change.
struct Call<'a> {
    service: &'a Service,
    credentials: Credentials,
    target: &'a str,
    body: &'a str,
    skew_seconds: i64,
    region: &'a str,
    scope: &'a str,
}

impl<'a> Call<'a> {
    fn new(service: &'a Service) -> Self {
        Self {
            service,
            credentials: service.administrator.clone(),
            target: "AmazonSSM.DescribeSessions",
            body: r#"{"State":"Active"}"#,
            skew_seconds: 0,
            region: REGION,
            scope: "ssm",
        }
    }

    async fn send(&self) -> HttpResponse {
        let mut headers = vec![
            ("host".to_owned(), self.service.endpoint.authority()),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), self.target.to_owned()),
        ];
        let at = SystemClock.now().unix_millis.checked_add_signed(self.skew_seconds * 1000).unwrap();
        let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: self.body.as_bytes() };
        let added = sign(&request, &self.credentials, self.region, self.scope, at);
        headers.extend(added);
        self.service.send(Method::POST, "/", headers, self.body.to_owned()).await
    }

    /// Status, error name, sentence.
    async fn fails(&self) -> (u16, String, String) {
        let answer = self.send().await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let code = body["__type"].as_str().unwrap().to_owned();
        assert_eq!(answer.headers["x-amzn-errortype"], code.as_str());
        assert_eq!(answer.headers["content-type"], "application/x-amz-json-1.1");
        // The key service and the logs write it small.
        let small = self.target.starts_with("TrentService.") || self.target.starts_with("Logs_20140328.");
        let message = body[if small { "message" } else { "Message" }].as_str().unwrap().to_owned();
        (answer.status.as_u16(), code, message)
    }
}

#[tokio::test]
async fn a_signed_call_is_answered() {
    let service = Service::start().await;
    let answer = Call::new(&service).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(answer.body, r#"{"Sessions":[]}"#);
}

#[tokio::test]
async fn a_wrong_secret_is_a_signature_that_does_not_match() {
    let service = Service::start().await;
    let mut call = Call::new(&service);
    call.credentials.secret_access_key = SecretString::new("wrong");
    let (status, code, message) = call.fails().await;
    assert_eq!((status, code.as_str()), (400, "InvalidSignatureException"));
    assert!(message.starts_with("The request signature we calculated does not match"), "{message}");
}

#[tokio::test]
async fn a_skewed_clock_is_told_both_times() {
    let service = Service::start().await;
    for (skew_seconds, begin) in [(-400, "Signature expired: "), (400, "Signature not yet current: ")] {
        let (status, code, message) = Call { skew_seconds, ..Call::new(&service) }.fails().await;
        assert_eq!((status, code.as_str()), (400, "InvalidSignatureException"));
        assert!(message.starts_with(begin), "{message}");
        assert!(message.ends_with("set the clock of the machine that signs"), "{message}");
    }
}

#[tokio::test]
async fn an_unknown_key_another_region_and_another_service_are_named() {
    let service = Service::start().await;
    let mut call = Call::new(&service);
    call.credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    assert_eq!(call.fails().await.1, "UnrecognizedClientException");
    let (_, code, message) = Call { region: "eu-west-1", ..Call::new(&service) }.fails().await;
    assert_eq!(code, "InvalidSignatureException");
    assert!(message.contains("'us-east-1', not 'eu-west-1'"), "{message}");
    let (_, code, message) = Call { scope: "s3", ..Call::new(&service) }.fails().await;
    assert_eq!(code, "InvalidSignatureException");
    assert!(message.contains("'ssm', not 's3'"), "{message}");
    // Each service is signed for by its own name.
    let foreign = Call { target: "TrentService.ListKeys", body: "{}", ..Call::new(&service) };
    let (_, code, message) = foreign.fails().await;
    assert_eq!(code, "InvalidSignatureException");
    assert!(message.contains("'kms', not 'ssm'"), "{message}");
}

#[tokio::test]
async fn a_session_token_of_nobody_is_refused() {
    let service = Service::start().await;
    let mut call = Call::new(&service);
    call.credentials.session_token = Some(SecretString::new("forged"));
    assert_eq!(call.fails().await.1, "UnrecognizedClientException");
}

#[tokio::test]
async fn unknown_operations_are_named_whoever_asks() {
    let service = Service::start().await;
    for target in [
        "AmazonSSM.MakeCoffee",
        "EC2WindowsMessageDeliveryService.DeleteMessage",
        "Logs_20140328.MakeCoffee",
        "TrentService.MakeCoffee",
    ] {
        let (status, code, _) = Call { target, scope: "ec2messages", ..Call::new(&service) }.fails().await;
        assert_eq!((status, code.as_str()), (400, "UnknownOperationException"), "{target}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_the_right_json_are_refused() {
    let service = Service::start().await;
    for (body, expected) in [
        ("{", "SerializationException"),
        ("[]", "SerializationException"),
        (r#"{"State":7}"#, "SerializationException"),
        ("", "ValidationException"),
        (r#"{"State":"Sleeping"}"#, "ValidationException"),
    ] {
        let (status, code, message) = Call { body, ..Call::new(&service) }.fails().await;
        assert_eq!((status, code.as_str()), (400, expected), "{body:?}: {message}");
    }
}

#[tokio::test]
async fn targets_and_sessions_that_are_not_there_are_named() {
    let service = Service::start().await;
    let error = service.call("StartSession", json!({"Target": "i-0123456789abcdef0"})).await.unwrap_err();
    assert_eq!(error.code(), Some("TargetNotConnected"), "{error}");
    let node = service.node().await;
    let error = service.call("StartSession", json!({"Target": node.id.as_str()})).await.unwrap_err();
    assert_eq!(error.code(), Some("TargetNotConnected"), "{error}");
    assert!(error.to_string().contains(node.id.as_str()), "{error}");
    for operation in ["ResumeSession", "TerminateSession"] {
        let error = service.call(operation, json!({"SessionId": "jane-00000000000000000"})).await.unwrap_err();
        assert_eq!(error.code(), Some("DoesNotExistException"), "{operation}: {error}");
    }
    let status = service.call("GetConnectionStatus", json!({"Target": "mi-00000000000000000"})).await.unwrap();
    assert_eq!(status["Status"], "notconnected");
}

#[tokio::test]
async fn a_changed_body_breaks_the_signature() {
    let service = Service::start().await;
    let mut headers = vec![
        ("host".to_owned(), service.endpoint.authority()),
        ("x-amz-target".to_owned(), "AmazonSSM.DescribeSessions".to_owned()),
    ];
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: br#"{"State":"Active"}"# };
    let now = SystemClock.now().unix_millis;
    let added = sign(&request, &service.administrator, REGION, "ssm", now);
    headers.extend(added);
    let answer = service.send(Method::POST, "/", headers, r#"{"State":"History"}"#).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["__type"], "InvalidSignatureException");
}

/// A stock agent asks again as soon as it is answered, and hangs up after twenty seconds.
#[tokio::test]
async fn a_poll_for_messages_is_held_and_finds_none() {
    const TARGET: &str = "EC2WindowsMessageDeliveryService.GetMessages";
    let hold = Duration::from_millis(300);
    let limits = Limits { poll_hold: hold, polls: 1, ..Limits::default() };
    let service = Service::with(Options { limits, ..Options::default() }).await;
    let (node, other) = (service.node().await, service.node().await);
    let api = service.api("ec2messages");
    let request = json!({"Destination": node.id, "MessagesRequestId": "r-1", "VisibilityTimeoutInSeconds": 10});
    let asked = Instant::now();
    let poll = api.call::<_, Value>(TARGET, &request, &node.credentials);
    // There is room for one; and what is refused is refused at once.
    let refused = async {
        let others = api.call::<_, Value>(TARGET, &request, &other.credentials).await.unwrap_err();
        let peoples = api.call::<_, Value>(TARGET, &request, &service.administrator).await.unwrap_err();
        [others.code().map(str::to_owned), peoples.code().map(str::to_owned)]
    };
    let (answer, refused) = tokio::join!(poll, refused);
    assert!(asked.elapsed() >= hold, "{:?}", asked.elapsed());
    assert_eq!(answer.unwrap(), json!({"Destination": node.id, "Messages": [], "MessagesRequestId": "r-1"}));
    assert_eq!(refused, [(); 2].map(|()| Some("AccessDeniedException".to_owned())));
}

#[tokio::test]
async fn polls_neither_crowd_nor_keep_a_service_from_stopping() {
    const TARGET: &str = "EC2WindowsMessageDeliveryService.GetMessages";
    let limits = Limits { poll_hold: Duration::from_secs(600), polls: 1, ..Limits::default() };
    let service = Service::with(Options { limits, ..Options::default() }).await;
    let node = service.node().await;
    let requests = [1, 2].map(|number| json!({"Destination": node.id, "MessagesRequestId": number.to_string()}));
    let polls = requests.map(|request| {
        let (api, credentials) = (service.api("ec2messages"), node.credentials.clone());
        tokio::spawn(async move { api.call::<_, Value>(TARGET, &request, &credentials).await })
    });
    let [mut one, mut two] = polls;
    // One of them finds no room.
    let (refused, held) = tokio::select! {
        refused = &mut one => (refused, two),
        refused = &mut two => (refused, one),
    };
    assert_eq!(refused.unwrap().unwrap_err().code(), Some("ThrottlingException"));
    service.stop().await;
    assert_eq!(held.await.unwrap().unwrap()["Messages"], json!([]));
}

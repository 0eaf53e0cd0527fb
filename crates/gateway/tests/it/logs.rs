//! Batches of log events: as large as AWS takes them, from those who have credentials.

use http::Method;
use postern_gateway::Limits;
use postern_iam::SecretString;
use postern_iam::sigv4::{Credentials, SignableRequest, sign};
use postern_protocol::Clock as _;
use postern_transport::{HttpResponse, SystemClock};
use serde_json::{Value, json};

use crate::harness::{Options, REGION, Service};

async fn put(service: &Service, credentials: &Credentials, target: &str, body: &str) -> HttpResponse {
    let mut headers =
        vec![("host".to_owned(), service.endpoint.authority()), ("x-amz-target".to_owned(), target.to_owned())];
    let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: body.as_bytes() };
    let added = sign(&request, credentials, REGION, "logs", SystemClock.now().unix_millis);
    headers.extend(added);
    service.send(Method::POST, "/", headers, body.to_owned()).await
}

fn code(answer: &HttpResponse) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["__type"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_largest_batch_in_its_longest_form_is_taken_from_who_has_credentials() {
    const TARGET: &str = "Logs_20140328.PutLogEvents";
    // What is refused is small, so that it is sent whole before the answer comes.
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let service = Service::with(Options { limits, ..Options::default() }).await;
    let logs = service.api("logs");
    let call = async |operation: &str, request: Value| {
        let target = format!("Logs_20140328.{operation}");
        logs.call::<_, Value>(&target, &request, &service.administrator).await.unwrap()
    };
    call("CreateLogGroup", json!({"logGroupName": "g"})).await;
    call("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    // Every byte of the text takes six in JSON.
    let text = "\u{1b}".repeat(1_048_576 - 26);
    let event = json!({"timestamp": SystemClock.now().unix_millis, "message": text});
    let body = json!({"logGroupName": "g", "logStreamName": "s", "logEvents": [event]}).to_string();
    assert!(body.len() > 6_000_000);

    let small = json!({"logGroupName": "g", "logStreamName": "s", "note": " ".repeat(2000)}).to_string();
    let stranger = Credentials { access_key_id: "PKIAAAAAAAAAAAAAAAAA".to_owned(), ..service.administrator.clone() };
    let answer = put(&service, &stranger, TARGET, &small).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (413, "RequestEntityTooLargeException"));
    let answer = put(&service, &service.administrator, "Logs_20140328.GetLogEvents", &small).await;
    assert_eq!(answer.status, 413, "for batches only");
    let answer = put(&service, &service.administrator, TARGET, &small).await;
    assert_eq!(code(&answer), "InvalidParameterException", "read, and without events");
    let forged = Credentials { secret_access_key: SecretString::new("wrong"), ..service.administrator.clone() };
    assert_eq!(code(&put(&service, &forged, TARGET, &body).await), "InvalidSignatureException");
    assert_eq!(put(&service, &service.administrator, TARGET, &body).await.status, 200);
    let read = call("GetLogEvents", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert_eq!(read["events"][0]["message"], text);

    // A node has credentials too, and a decision of its own.
    let node = service.node().await;
    assert_eq!(code(&put(&service, &node.credentials, TARGET, &body).await), "AccessDeniedException");
}

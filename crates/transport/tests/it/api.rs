//! Signed calls, checked by the verifying half of the signature code.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use postern_iam::ids::NodeId;
use postern_iam::node_key::NodeKeyPair;
use postern_iam::sigv4::{self, Credentials, VerifyPolicy};
use postern_iam::{SecretString, sigv4::Scheme};
use postern_protocol::Clock as _;
use postern_transport::{Anonymous, ApiCallError, Dialer, JsonApi, NodeKeySigner, Proxy, SystemClock, Trust};
use serde_json::{Value, json};

use crate::server::{HttpServer, ok};
use crate::within;

type Seen = Arc<Mutex<Vec<Request<Bytes>>>>;

async fn service(answer: fn() -> Response<Full<Bytes>>) -> (HttpServer, JsonApi, Seen) {
    let seen = Seen::default();
    let record = seen.clone();
    let server = HttpServer::start(None, move |request| {
        record.lock().unwrap().push(request);
        answer()
    })
    .await;
    let dialer = Dialer::new(Trust::WebPki, Proxy::none());
    let api = JsonApi::new(dialer, server.url("http", "127.0.0.1", "/"), "eu-west-1", "ssm");
    (server, api, seen)
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SecretString::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: Some(SecretString::new("token")),
    }
}

fn parse(request: &Request<Bytes>) -> sigv4::SignedRequest {
    let headers: Vec<(String, String)> =
        request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    sigv4::parse(request.method().as_str(), &request.uri().to_string(), &headers).unwrap()
}

#[tokio::test]
async fn calls_are_signed_with_credentials() {
    let (server, api, seen) = service(|| ok(r#"{"Answer":42}"#)).await;
    for _ in 0..3 {
        let reply: Value = within(api.call("AmazonSSM.Test", &json!({"A": "ü"}), &credentials())).await.unwrap();
        assert_eq!(reply, json!({"Answer": 42}));
    }
    assert_eq!(server.connections(), 1);
    for request in seen.lock().unwrap().iter() {
        assert_eq!(request.headers()["x-amz-target"], "AmazonSSM.Test");
        assert_eq!(request.headers()["content-type"], "application/x-amz-json-1.1");
        let signed = parse(request);
        assert_eq!((signed.scheme(), signed.scope().region.as_str()), (Scheme::Header, "eu-west-1"));
        assert_eq!(signed.session_token().unwrap().expose(), "token");
        let now = SystemClock.now().unix_millis;
        let secret = credentials().secret_access_key;
        sigv4::verify(&signed, request.body(), &secret, now, &VerifyPolicy::new("eu-west-1", &["ssm"])).unwrap();
    }
}

#[tokio::test]
async fn nodes_sign_with_their_own_key_and_strangers_not_at_all() {
    let (_server, api, seen) = service(|| ok("{}")).await;
    let node: NodeId = "mi-0123456789abcdef0".parse().unwrap();
    let key = NodeKeyPair::from_seed([7; 32]);
    let signer = NodeKeySigner { node: &node, key: &key };
    let _: Value = within(api.call("AmazonSSM.RequestManagedInstanceRoleToken", &json!({}), &signer)).await.unwrap();
    let _: Value = within(api.call("AmazonSSM.RegisterManagedInstance", &json!({}), &Anonymous)).await.unwrap();
    let seen = seen.lock().unwrap();
    let signed = parse(&seen[0]);
    assert_eq!((signed.scheme(), signed.access_key_id()), (Scheme::NodeKey, node.as_str()));
    let now = SystemClock.now().unix_millis;
    sigv4::verify_with_node_key(
        &signed,
        seen[0].body(),
        &key.public_key(),
        now,
        &VerifyPolicy::new("eu-west-1", &["ssm"]),
    )
    .unwrap();
    assert!(!seen[1].headers().contains_key("authorization"));
}

#[tokio::test]
async fn channels_are_created_by_a_post_to_their_path() {
    let (_server, api, seen) =
        service(|| Response::builder().status(201).body(Full::new(Bytes::from("<TokenValue>t</TokenValue>"))).unwrap())
            .await;
    let api = api.with_service("ssmmessages");
    let path = "/v1/control-channel/mi-0123456789abcdef0";
    let response = within(api.post_to(path, &json!({"MessageSchemaVersion": "1.0"}), &credentials())).await.unwrap();
    assert_eq!((response.status.as_u16(), &response.body[..]), (201, &b"<TokenValue>t</TokenValue>"[..]));
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].uri(), path);
    assert_eq!(seen[0].headers()["content-type"], "application/json");
    assert_eq!(parse(&seen[0]).scope().service, "ssmmessages");
}

#[tokio::test]
async fn upgrades_are_signed_without_being_sent() {
    let (_server, api, _) = service(|| ok("{}")).await;
    let (url, headers) =
        api.signed_upgrade("/v1/control-channel/x?role=subscribe&stream=input", &credentials()).unwrap();
    assert!(url.to_string().starts_with("ws://127.0.0.1:"));
    let signed = sigv4::parse("GET", url.path_and_query(), &headers).unwrap();
    let now = SystemClock.now().unix_millis;
    sigv4::verify(&signed, b"", &credentials().secret_access_key, now, &VerifyPolicy::new("eu-west-1", &["ssm"]))
        .unwrap();
}

#[tokio::test]
async fn service_errors_keep_their_code_and_odd_answers_are_told() {
    let (_server, api, _) = service(|| {
        let body = r#"{"__type":"TargetNotConnected","message":"mi-1 is not connected"}"#;
        Response::builder().status(400).body(Full::new(Bytes::from(body))).unwrap()
    })
    .await;
    let result: Result<Value, _> = within(api.call("AmazonSSM.StartSession", &json!({}), &credentials())).await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "TargetNotConnected: mi-1 is not connected");
    assert!(matches!(&error, ApiCallError::Service(service) if service.status == 400));

    let (_server, api, _) = service(|| ok("<html>a login page</html>")).await;
    let result: Result<Value, _> = within(api.call("AmazonSSM.StartSession", &json!({}), &credentials())).await;
    let error = result.unwrap_err();
    assert!(matches!(error, ApiCallError::Decode { .. }), "{error:?}");

    let (server, api, _) = service(|| ok("{}")).await;
    drop(server);
    let result: Result<Value, _> = within(api.call("AmazonSSM.StartSession", &json!({}), &credentials())).await;
    assert!(result.unwrap_err().is_retryable());
}

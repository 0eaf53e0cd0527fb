//! Every address, attacked by a stranger: what is not open must refuse, and what is not listed must not exist.

use http::Method;
use postern_gateway::{Access, Endpoint, ROUTES};
use postern_iam::NodeId;
use postern_iam::sigv4::{self, Credentials, SignableRequest};
use postern_model::{CallerKind, Operation, Protocol};
use postern_protocol::Clock as _;
use postern_transport::SystemClock;
use serde_json::json;

use crate::harness::{REGION, Service};

fn path_of(path: &str) -> String {
    path.replace("{id}", "mi-00000000000000001")
}

#[tokio::test]
async fn a_stranger_gets_nowhere_but_to_the_health_of_the_process() {
    let service = Service::start().await;
    for route in ROUTES {
        let path = path_of(route.path);
        let answer = service.send(route.method.clone(), &path, vec![], "").await;
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        match route.access {
            Access::Open => assert_eq!((answer.status.as_u16(), body.as_str()), (200, "ok\n")),
            // Without an operation there is nothing to be allowed.
            Access::PerOperation => assert!(body.contains("UnknownOperationException"), "{path}: {body}"),
            Access::NodeSignature => {
                assert_eq!(answer.status, 400, "{path}");
                assert!(body.contains("<MissingAuthenticationTokenException>"), "{path}: {body}");
            }
            // An upgrade alone opens nothing; see the tests of the channels.
            Access::Token => assert_eq!(answer.status, 426, "{path}: {body}"),
        }
        assert_eq!(answer.headers["x-amzn-requestid"].len(), 36, "{path}");
    }
    assert_eq!(ROUTES.iter().filter(|route| route.access == Access::Open).count(), 1);
    assert!(ROUTES.iter().all(|route| (route.access == Access::Open) == (route.endpoint == Endpoint::Health)));
}

#[tokio::test]
async fn every_operation_but_registration_asks_who_is_calling() {
    let service = Service::start().await;
    for operation in Operation::ALL {
        if let Protocol::Query(version) = operation.service().protocol() {
            let (status, body) = form(&service, &format!("Action={operation}&Version={version}"), None).await;
            if operation.caller() == CallerKind::Anonymous {
                assert!(body.contains("<Code>ValidationError</Code>"), "{operation}: {body}");
                continue;
            }
            assert_eq!(status, 403, "{operation}: {body}");
            assert!(body.contains("<Code>MissingAuthenticationToken</Code>"), "{operation}: {body}");
            continue;
        }
        let headers = vec![("x-amz-target".to_owned(), operation.target())];
        let answer = service.send(Method::POST, "/", headers, "{}").await;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let expected = match operation.caller() {
            CallerKind::Anonymous => "ValidationException",
            _ => "MissingAuthenticationTokenException",
        };
        assert_eq!((answer.status.as_u16(), &body["__type"]), (400, &json!(expected)), "{operation}");
    }
}

#[tokio::test]
async fn a_node_may_do_nothing_that_is_a_users() {
    let service = Service::start().await;
    let node = service.node().await;
    for operation in Operation::ALL.iter().filter(|operation| operation.caller() == CallerKind::User) {
        let request = anything(&node.id);
        if let Protocol::Query(version) = operation.service().protocol() {
            let form_body = format!("Action={operation}&Version={version}&{ANYTHING}");
            let (status, body) =
                form(&service, &form_body, Some((&node.credentials, operation.service().name()))).await;
            assert_eq!(status, 403, "{operation}: {body}");
            assert!(body.contains("<Code>AccessDenied</Code>"), "{operation}: {body}");
            continue;
        }
        let api = service.api(operation.service().name());
        let error =
            api.call::<_, serde_json::Value>(&operation.target(), &request, &node.credentials).await.unwrap_err();
        assert_eq!(error.code(), Some("AccessDeniedException"), "{operation}: {error}");
    }
}

/// A request with members enough for any operation of the JSON protocols to be decided upon.
pub(crate) fn anything(node: &NodeId) -> serde_json::Value {
    json!({
        "Target": node.as_str(), "SessionId": "jane-00000000000000000", "State": "Active", "IamRole": "r",
        "InstanceId": node.as_str(), "ActivationId": "00000000-0000-4000-8000-000000000000",
        "KeyId": "alias/aws/ssm", "NumberOfBytes": 64, "Plaintext": "AA==", "AliasName": "alias/a",
        "TargetKeyId": "a", "Name": "Hello", "Content": "{}", "DocumentVersion": "1", "PermissionType": "Share",
        "AccountIdsToAdd": ["all"], "ResourceType": "ManagedInstance", "ResourceId": node.as_str(), "Tags": [],
        "TagKeys": [], "SettingId": "/ssm/x", "SettingValue": "x", "Action": "iam:GetUser", "Resource": "*",
        "Principal": "user/jane", "Fingerprint": "f", "PublicKey": "k", "NewPublicKey": "k", "NewPublicKeyType": "Ed25519",
        "PublicKeyType": "Ed25519", "Destination": node.as_str(), "MessagesRequestId": "00000000-0000-4000-8000-000000000000",
        "AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "AgentStatus": "Active", "PlatformType": "Linux",
        "CiphertextBlob": "AA==", "logEvents": [{"timestamp": 0, "message": "m"}],
        "logGroupName": "g", "logStreamName": "s", "retentionInDays": 1,
    })
}

/// The same for the Query protocol.
pub(crate) const ANYTHING: &str = "UserName=jane&GroupName=g&RoleName=r&PolicyName=p&PolicyArn=arn:aws:iam::123456789012:policy/p\
                           &AccessKeyId=PKIA000000000000001&Status=Active&PolicyDocument=x&AssumeRolePolicyDocument=x\
                           &VersionId=v1&PermissionsBoundary=arn:aws:iam::123456789012:policy/p&Tags=&TagKeys=\
                           &VirtualMFADeviceName=d&SerialNumber=arn:aws:iam::123456789012:mfa/d\
                           &AuthenticationCode1=123456&AuthenticationCode2=123456&RoleSessionName=jane\
                           &RoleArn=arn:aws:iam::123456789012:role/r&Url=https://ci.example.org&ClientID=c\
                           &OpenIDConnectProviderArn=arn:aws:iam::123456789012:oidc-provider/ci.example.org\
                           &ThumbprintList=&PolicySourceArn=arn:aws:iam::000000000000:user/jane\
                           &ActionNames.member.1=iam:GetUser&PolicyInputList.member.1=x";

/// Sends a form, signed or not. The status and the body of the answer.
pub(crate) async fn form(service: &Service, body: &str, signer: Option<(&Credentials, &str)>) -> (u16, String) {
    form_by_way_of(service, body, signer, &[]).await
}

/// The same with headers that something on the way has added, which nobody has signed.
pub(crate) async fn form_by_way_of(
    service: &Service,
    body: &str,
    signer: Option<(&Credentials, &str)>,
    added_on_the_way: &[(&str, &str)],
) -> (u16, String) {
    let mut headers = vec![
        ("host".to_owned(), service.endpoint.host_and_port()),
        ("content-type".to_owned(), "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
    ];
    if let Some((credentials, of)) = signer {
        let request = SignableRequest { method: "POST", uri: "/", headers: &headers, body: body.as_bytes() };
        let added = sigv4::sign(&request, credentials, REGION, of, SystemClock.now().unix_millis);
        headers.extend(added);
    }
    headers.extend(added_on_the_way.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let answer = service.send(Method::POST, "/", headers, body.to_owned()).await;
    assert_eq!(answer.headers["content-type"], "text/xml");
    (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_form_is_answered_in_xml_also_when_it_is_none() {
    let service = Service::start().await;
    for (body, status, code) in [
        ("", 400, "MissingAction"),
        ("Action=ListUsers", 400, "InvalidAction"),
        ("Action=StartSession&Version=2010-05-08", 400, "InvalidAction"),
        ("Action=%", 400, "MalformedInput"),
        ("Action=ListUsers&Action=ListUsers&Version=2010-05-08", 400, "MalformedInput"),
    ] {
        let (found, answer) = form(&service, body, None).await;
        assert_eq!(found, status, "{body}: {answer}");
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{body}: {answer}");
    }
}

#[tokio::test]
async fn other_addresses_and_methods_are_refused_with_a_sentence() {
    let service = Service::start().await;
    for (method, path, status) in [
        (Method::GET, "/", 405),
        (Method::DELETE, "/v1/data-channel/x", 405),
        (Method::POST, "/healthz", 405),
        (Method::GET, "/console", 404),
        (Method::POST, "/v1/data-channel", 404),
        (Method::POST, "/v1/data-channel/a/b", 404),
        (Method::GET, "/v1/%2e%2e/healthz", 404),
    ] {
        let answer = service.send(method.clone(), path, vec![], "").await;
        assert_eq!(answer.status, status, "{method} {path}");
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(body.ends_with("X-Amz-Target.\n"), "{method} {path}: {body}");
    }
}

//! Every operation and every address of the router's table × a user without policies, one who may do everything, and one
//! to whom everything is denied. Strangers and nodes are in `routes`. A new address does not compile here until somebody
//! has said what it answers to these; a new operation is attacked by itself.

use postern_gateway::{Endpoint, ROUTES};
use postern_iam::SecretString;
use postern_iam::sigv4::Credentials;
use postern_model::{CallerKind, Operation, Protocol};
use serde_json::{Value, json};

use crate::harness::{Node, Peer, Service, Session, client_open, control_open};
use crate::routes::{ANYTHING, anything, form};

/// What policies say about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policies {
    Nothing,
    Everything,
    EverythingDenied,
}

pub(crate) struct User {
    policies: Policies,
    pub(crate) credentials: Credentials,
}

/// A user with a key, and with one policy of these statements if there are any.
pub(crate) async fn user(service: &Service, name: &str, statements: &[Value]) -> Credentials {
    let iam = async |action: &str, members: &str| {
        let body = format!("Action={action}&Version=2010-05-08&UserName={name}{members}");
        let (status, answer) = form(service, &body, Some((&service.administrator, "iam"))).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    iam("CreateUser", "").await;
    if !statements.is_empty() {
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let encoded: String = document.bytes().map(|byte| format!("%{byte:02X}")).collect();
        iam("PutUserPolicy", &format!("&PolicyName=own&PolicyDocument={encoded}")).await;
    }
    let key = iam("CreateAccessKey", "").await;
    let member = |name: &str| {
        let (_, rest) = key.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    Credentials {
        access_key_id: member("AccessKeyId"),
        secret_access_key: SecretString::new(member("SecretAccessKey").replace("&#x2F;", "/")),
        session_token: None,
    }
}

/// A user without policies, one who may do everything, and one to whom everything is denied.
pub(crate) async fn users(service: &Service) -> Vec<User> {
    let statement = |effect: &str| json!({"Effect": effect, "Action": "*", "Resource": "*"});
    let mut users = Vec::new();
    for (name, policies, statements) in [
        ("nobody", Policies::Nothing, vec![]),
        ("everything", Policies::Everything, vec![statement("Allow")]),
        ("denied", Policies::EverythingDenied, vec![statement("Allow"), statement("Deny")]),
    ] {
        let credentials = user(service, name, &statements).await;
        users.push(User { policies, credentials });
    }
    users
}

/// The denial that somebody got, if it was one.
fn denial(message: &str) -> Option<&'static str> {
    [
        "because no identity-based policy allows",
        "with an explicit deny in an identity-based policy",
        "because only a managed node may do this, with its own credentials",
    ]
    .into_iter()
    .find(|reason| message.contains(reason))
}

fn expected(policies: Policies) -> Option<&'static str> {
    match policies {
        Policies::Nothing => Some("because no identity-based policy allows"),
        Policies::Everything => None,
        Policies::EverythingDenied => Some("with an explicit deny in an identity-based policy"),
    }
}

#[tokio::test]
async fn policies_decide_about_every_operation() {
    let service = Service::start().await;
    let node = service.node().await;
    for User { policies, credentials } in users(&service).await {
        for operation in Operation::ALL {
            let name = operation.service().name();
            let (code, message) = match operation.service().protocol() {
                Protocol::Query(version) => {
                    let body = format!("Action={operation}&Version={version}&{ANYTHING}");
                    let (_, answer) = form(&service, &body, Some((&credentials, name))).await;
                    let code = answer.split_once("<Code>").map(|(_, rest)| rest.split_once('<').unwrap().0.to_owned());
                    (code.unwrap_or_default(), answer)
                }
                Protocol::Json(_) => {
                    let api = service.api(name);
                    let answer = api.call::<_, Value>(&operation.target(), &anything(&node.id), &credentials).await;
                    let error = answer.err();
                    let code = error.as_ref().and_then(|error| error.code().map(str::to_owned));
                    (code.unwrap_or_default(), error.map(|error| error.to_string()).unwrap_or_default())
                }
            };
            let expected = match operation.caller() {
                // Registration brings its own proof, whoever signs.
                CallerKind::Anonymous => None,
                CallerKind::NodeKey | CallerKind::NodeRole => {
                    Some("because only a managed node may do this, with its own credentials")
                }
                CallerKind::User | CallerKind::UserOrNodeRole => match operation {
                    Operation::GetCallerIdentity | Operation::GetSessionToken | Operation::GetAccessKeyInfo => None,
                    // The role's trust decides as well, and a denial does not say why: see the tests of `control`.
                    Operation::AssumeRole => continue,
                    _ => expected(policies),
                },
            };
            assert_eq!(denial(&message), expected, "{operation} with {policies:?}: {message}");
            assert_eq!(code.starts_with("AccessDenied"), expected.is_some(), "{operation} with {policies:?}: {code}");
            assert!(!code.contains("Signature") && !code.contains("Token"), "{operation} with {policies:?}: {code}");
        }
    }
}

#[tokio::test]
async fn policies_decide_about_every_address() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    for User { policies, credentials } in &users(&service).await {
        let who = |endpoint: Endpoint| format!("{endpoint:?} with {policies:?}");
        for route in ROUTES {
            match route.endpoint {
                // Its operations are attacked above; anybody may know that the process is up.
                Endpoint::Api | Endpoint::Health => {}
                // Only nodes come here, whatever policies say.
                Endpoint::CreateControlChannel | Endpoint::CreateDataChannel => {
                    let path = route.path.replace("{id}", node.id.as_str());
                    let refused = service.api("ssmmessages").post_to(&path, &json!({}), credentials).await;
                    let refused = refused.unwrap_err().to_string();
                    assert!(refused.contains("AccessDeniedException"), "{}: {refused}", who(route.endpoint));
                    assert!(denial(&refused).is_some_and(|reason| reason.contains("managed node")), "{refused}");
                }
                Endpoint::ControlChannel => {
                    let path = route.path.replace("{id}", node.id.as_str());
                    let token = node.create_channel(&service, &path).await.unwrap();
                    let reason = opened(&service, &path, credentials, &control_open(&token)).await;
                    assert!(is_denied(&reason), "{}: {reason}", who(route.endpoint));
                }
                Endpoint::DataChannel => {
                    let session = service.start_session(&node, &mut control).await;
                    let reason = open_session(&service, route.path, credentials, &session).await;
                    assert_eq!(is_denied(&reason), expected(*policies).is_some(), "{}: {reason}", who(route.endpoint));
                }
            }
        }
    }
    // Whoever began a session is its owner.
    let session = service.start_session(&node, &mut control).await;
    let reason = open_session(&service, "/v1/data-channel/{id}", &service.administrator, &session).await;
    assert!(!is_denied(&reason), "{reason}");
    closed(node, control);
}

async fn open_session(service: &Service, path: &str, credentials: &Credentials, session: &Session) -> String {
    let path = path.replace("{id}", &session.id);
    opened(service, &path, credentials, &client_open("00000000-0000-4000-8000-000000000000", &session.token)).await
}

/// A reason to close has room for the beginning of a denial only.
fn is_denied(reason: &str) -> bool {
    reason.contains(" is not authorized to perform: ssmmessages:Open")
}

/// Why a channel closes that is opened so, and then sent what no open channel takes.
async fn opened(service: &Service, path: &str, credentials: &Credentials, message: &str) -> String {
    let (url, headers) = service.api("ssmmessages").signed_upgrade(path, credentials).unwrap();
    let mut peer = Peer::connect(&url, headers).await;
    peer.send_text(message).await;
    // The peer may be gone already.
    peer.socket.feed(postern_protocol::wire::websocket::Message::Text("{}".to_owned()));
    let _ = peer.socket.flush().await;
    let (code, reason) = peer.expect_close().await.expect("a reason");
    assert_eq!(code, 1003, "{reason}");
    reason
}

/// The node stays connected until here.
fn closed(node: Node, control: Peer) {
    drop((node, control));
}

//! Small, numbered records for the cases.

use std::time::Duration;

use postern_iam::{ActivationId, ClientId, NodeId, SessionId};

use crate::{
    ActivationRecord, ClientUse, NewNode, NewSession, NodeConnected, NodeConnection, NodeReport, OpenSession,
    RegisterNode, RegisteredKey, Scope, SessionLimits, SessionQuota, StartRequest, Store, Tag, UnixMillis,
};

/// The moment of every case, unless it says otherwise.
pub(super) const NOW: UnixMillis = 1_795_384_779_144;

pub(super) const QUOTA: SessionQuota = SessionQuota { per_node: 100, per_owner: 1000, total: 1000 };

pub(super) fn scope() -> Scope {
    Scope { account: "123456789012".parse().expect("an account"), region: "eu-west-1".parse().expect("a region") }
}

pub(super) fn other_scope() -> Scope {
    Scope { region: "eu-west-2".parse().expect("a region"), ..scope() }
}

pub(super) fn node_id(number: u8) -> NodeId {
    NodeId::generate(&[number; 9])
}

pub(super) fn session_id(number: u8) -> SessionId {
    format!("jane-{number:03}").parse().expect("a session id")
}

pub(super) fn client_id(number: u8) -> ClientId {
    format!("client-{number}").parse().expect("a client id")
}

pub(super) fn key(number: u8) -> RegisteredKey {
    RegisteredKey { public_key: format!("key {number}"), key_type: "Ed25519".to_owned() }
}

pub(super) fn connection(number: u8) -> NodeConnection {
    NodeConnection {
        connection_id: format!("connection {number}"),
        service: "posternd".to_owned(),
        connected_at: NOW + u64::from(number),
    }
}

pub(super) fn activation_record(number: u8, limit: u32) -> ActivationRecord {
    ActivationRecord {
        activation_id: ActivationId::generate(&[number; 16]),
        code_hash: [number; 32],
        description: "for the web servers".to_owned(),
        default_instance_name: format!("web {number}"),
        iam_role: "PosternNode".to_owned(),
        registration_limit: limit,
        registrations_count: 0,
        expires_at: NOW + 1000,
        created_at: NOW - 1000 + u64::from(number),
        tags: vec![tag("env", "prod"), tag("number", &number.to_string())],
    }
}

pub(super) fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

pub(super) async fn activation(store: &dyn Store, scope: &Scope, number: u8, limit: u32) -> ActivationId {
    let record = activation_record(number, limit);
    let id = record.activation_id.clone();
    store.create_activation(scope, record).await.expect("an activation is created");
    id
}

pub(super) fn new_node(number: u8) -> NewNode {
    NewNode { node_id: node_id(number), fingerprint: format!("fingerprint {number}"), key: key(number) }
}

/// A node with an activation of its own.
pub(super) async fn node(store: &dyn Store, scope: &Scope, number: u8) -> NodeId {
    let activation = activation(store, scope, number, 1).await;
    let registered = store.register_node(scope, &activation, new_node(number), NOW).await;
    assert_eq!(registered.expect("registering works"), RegisterNode::Registered);
    node_id(number)
}

pub(super) async fn connected_node(store: &dyn Store, scope: &Scope, number: u8) -> NodeId {
    let node = node(store, scope, number).await;
    let connected =
        store.node_connected(scope, &node, connection(number), NodeReport::default()).await.expect("connecting works");
    assert_eq!(connected, NodeConnected::Connected { displaced: None });
    node
}

pub(super) fn new_session(node: &NodeId, number: u8) -> NewSession {
    NewSession {
        session_id: session_id(number),
        node_id: node.clone(),
        owner: "arn:aws:iam::123456789012:user/jane".parse().expect("an ARN"),
        owner_id: "AIDAJANEJANEJANEJANE".to_owned(),
        document_name: "SSM-SessionManagerRunShell".parse().expect("a document name"),
        start_content: r#"{"SessionId":"é 'quoted'"}"#.to_owned(),
        reason: Some("because".to_owned()),
        limits: SessionLimits { idle_timeout: Duration::from_secs(1200), max_duration: None },
        request: StartRequest { signature: [number; 32], invocation: Some(format!("invocation {number}")) },
        grounds: Some(format!("{{\"number\":{number}}}")),
        recording: Some(format!("{{\"mode\":{number}}}")),
        started_at: NOW + u64::from(number),
    }
}

pub(super) async fn try_open(store: &dyn Store, scope: &Scope, node: &NodeId, number: u8) -> OpenSession {
    store.open_session(scope, new_session(node, number), QUOTA).await.expect("opening works")
}

pub(super) async fn open(store: &dyn Store, scope: &Scope, node: &NodeId, number: u8) -> SessionId {
    assert_eq!(try_open(store, scope, node, number).await, OpenSession::Opened);
    session_id(number)
}

pub(super) fn client(number: u8, generation: u32, now: UnixMillis) -> ClientUse {
    ClientUse { generation, client_id: client_id(number), now, reuse_window: Duration::from_secs(60) }
}

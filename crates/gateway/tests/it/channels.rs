//! Opening channels: who gets in, who is refused with what, and who displaces whom.

use std::time::Duration;

use postern_gateway::Limits;
use postern_iam::SecretString;
use postern_protocol::wire::websocket::Message;
use postern_transport::{Endpoint, TransportError, connect_websocket};
use serde_json::json;

use crate::harness::{Node, Options, PATIENCE, Peer, Service, client_open, control_open, dialer, eventually};

/// Connects to a control channel's address without a signature.
async fn unsigned(service: &Service, node: &Node) -> Peer {
    let url = service.endpoint.join(&format!("/v1/control-channel/{}", node.id)).unwrap().to_websocket();
    Peer::connect(&url, Vec::new()).await
}

async fn is_connected(service: &Service, node: &Node) -> bool {
    let target = json!({"Target": node.id.as_str()});
    service.call("GetConnectionStatus", target).await.unwrap()["Status"] == "connected"
}

#[tokio::test]
async fn a_node_is_connected_while_its_control_channel_is_open() {
    let service = Service::start().await;
    let (node, control) = service.connected_node().await;
    assert_eq!(service.gateway().connected_nodes(), 1);
    let listed = service.call("DescribeInstanceInformation", json!({})).await.unwrap();
    let listed = &listed["InstanceInformationList"][0];
    assert_eq!((&listed["PingStatus"], &listed["AgentVersion"]), (&json!("Online"), &json!("3.3.0.0")));
    drop(control);
    eventually("the node to be gone", async || !is_connected(&service, &node).await).await;
}

#[tokio::test]
async fn a_token_alone_opens_a_control_channel() {
    let service = Service::start().await;
    let node = service.node().await;
    let token = node.create_channel(&service, &format!("/v1/control-channel/{}", node.id)).await.unwrap();
    let mut control = unsigned(&service, &node).await;
    control.send_text(&control_open(&token)).await;
    eventually("the node to be connected", async || is_connected(&service, &node).await).await;
}

#[tokio::test]
async fn a_node_asks_for_its_own_channel_only() {
    let service = Service::start().await;
    let (one, other) = (service.node().await, service.node().await);
    let error = one.create_channel(&service, &format!("/v1/control-channel/{}", other.id)).await.unwrap_err();
    // The stock agent looks for this very element, and only a real denial may have it.
    assert!(error.to_string().contains("AccessDeniedException"), "{error}");
    let token = one.create_channel(&service, &format!("/v1/control-channel/{}", one.id)).await.unwrap();
    let mut control = unsigned(&service, &other).await;
    control.send_text(&control_open(&token)).await;
    let (code, reason) = control.expect_close().await.unwrap();
    assert_eq!((code, reason.as_str()), (1003, "the token is for another channel"));
}

#[tokio::test]
async fn what_does_not_open_a_channel_is_refused_with_1003_and_a_reason() {
    let service = Service::start().await;
    let node = service.node().await;
    for (first, expected) in [
        (Message::Text("{".to_owned()), "the opening message cannot be read"),
        (Message::Text("{}".to_owned()), "the opening message has no TokenValue"),
        (Message::Text(control_open("forged")), "the token was not issued by this service; ask for a new one"),
        (Message::Binary("binary".into()), "the first message must be the JSON text that opens the channel"),
    ] {
        let mut control = unsigned(&service, &node).await;
        control.socket.feed(first);
        control.socket.flush().await.unwrap();
        let (code, reason) = control.expect_close().await.unwrap();
        assert_eq!((code, reason.as_str()), (1003, expected));
    }
    assert_eq!(service.gateway().connected_nodes(), 0);
}

#[tokio::test]
async fn an_opening_message_is_small_and_comes_soon() {
    let limits = Limits { opening_timeout: Duration::from_millis(200), ..Limits::default() };
    let service = Service::with(Options { limits, ..Options::default() }).await;
    let node = service.node().await;
    let mut silent = unsigned(&service, &node).await;
    let (code, reason) = silent.expect_close().await.unwrap();
    assert_eq!((code, reason.as_str()), (1003, "the opening message did not come in time"));
    let mut large = unsigned(&service, &node).await;
    large.socket.feed(Message::Text(control_open(&"x".repeat(64 * 1024))));
    let _ = large.socket.flush().await;
    // 1009 is "message too big"; the socket may be gone before the frame is read.
    assert!(large.expect_close().await.is_none_or(|(code, _)| code == 1009));
}

#[tokio::test]
async fn a_bad_signature_of_an_upgrade_is_no_better_than_none() {
    let service = Service::start().await;
    let mut node = service.node().await;
    node.credentials.secret_access_key = SecretString::new("wrong");
    let path = format!("/v1/control-channel/{}?role=subscribe&stream=input", node.id);
    let (url, headers) = service.api("ssmmessages").signed_upgrade(&path, &node.credentials).unwrap();
    let refused = connect_websocket(&dialer(), &url, headers, 1024, PATIENCE).await.unwrap_err();
    match refused {
        TransportError::UpgradeRefused { status, body, .. } => {
            assert_eq!(status, 400);
            assert!(body.contains("<InvalidSignatureException>"), "{body}");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn text_on_an_open_control_channel_ends_it() {
    let service = Service::start().await;
    let (_node, mut control) = service.connected_node().await;
    control.send_text("{}").await;
    let (code, reason) = control.expect_close().await.unwrap();
    assert_eq!((code, reason.as_str()), (1003, "it sent text on a control channel that is open"));
}

#[tokio::test]
async fn a_few_bad_frames_are_dropped_and_many_end_the_channel() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    for _ in 0..32 {
        control.send_bytes(vec![0xff; 200]).await;
    }
    assert!(is_connected(&service, &node).await);
    control.send_bytes(vec![0xff; 200]).await;
    let (code, reason) = control.expect_close().await.unwrap();
    assert_eq!((code, reason.as_str()), (1003, "it sent too many malformed messages"));
}

#[tokio::test]
async fn the_newer_control_channel_displaces_the_older() {
    let service = Service::start().await;
    let (node, mut older) = service.connected_node().await;
    let mut newer = node.open_control_channel(&service).await;
    assert!(older.expect_close().await.is_some());
    // The late goodbye of the older one leaves the newer one in place.
    let session = service.start_session(&node, &mut newer).await;
    assert_eq!(service.session_state(&session.id).await.0, "Connecting");
    assert!(is_connected(&service, &node).await);
    assert_eq!(service.gateway().connected_nodes(), 1);
}

#[tokio::test]
async fn a_deregistered_node_is_put_out() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    service.call("DeregisterManagedInstance", json!({"InstanceId": node.id.as_str()})).await.unwrap();
    let (code, reason) = control.expect_close().await.unwrap();
    assert_eq!((code, reason.as_str()), (1000, "the node was deregistered"));
    let error = node.create_channel(&service, &format!("/v1/control-channel/{}", node.id)).await.unwrap_err();
    assert!(error.to_string().contains("AccessDeniedException"), "{error}");
}

#[tokio::test]
async fn a_second_client_is_refused_and_the_first_one_is_not_disturbed() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    let mut first = session.open_leg("11111111-1111-4111-8111-111111111111").await;
    let mut agent = node.open_leg(&service, &session).await;
    service.wait_for_state(&session.id, "Connected").await;
    let mut second = session.open_leg("22222222-2222-4222-8222-222222222222").await;
    let (code, reason) = second.expect_close().await.unwrap();
    assert_eq!(code, 1003);
    assert!(reason.contains("another client"), "{reason}");
    agent.send_output(0, "still here").await;
    assert_eq!(
        first.read_stream(postern_protocol::wire::MessageType::OutputStreamData).await,
        (0, "still here".into())
    );
}

#[tokio::test]
async fn tokens_do_not_open_the_other_side() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    let url = Endpoint::parse(&session.stream_url).unwrap();
    let mut as_agent = Peer::connect(&url, Vec::new()).await;
    as_agent.send_text(&node.leg_open(&session.token)).await;
    assert_eq!(as_agent.expect_close().await.unwrap().1, "the token is for another channel");
    let token = node.create_channel(&service, &format!("/v1/data-channel/{}", session.id)).await.unwrap();
    let mut as_client = Peer::connect(&url, Vec::new()).await;
    as_client.send_text(&client_open("11111111-1111-4111-8111-111111111111", &token)).await;
    assert_eq!(as_client.expect_close().await.unwrap().1, "the token is for another channel");
}

#[tokio::test]
async fn a_node_cannot_open_the_session_of_another() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    let other = service.node().await;
    let error = other.create_channel(&service, &format!("/v1/data-channel/{}", session.id)).await.unwrap_err();
    assert!(error.to_string().contains("AccessDeniedException"), "{error}");
}

//! Whole sessions through the broker: both directions, both legs lost and back, and every way of ending.

use std::time::Duration;

use bytes::Bytes;
use postern_gateway::Limits;
use postern_protocol::CLIENT_VERSION;
use postern_protocol::wire::MessageType;
use postern_protocol::wire::payload::{SessionState, TaskStatus};
use postern_protocol::wire::websocket::Message;
use postern_transport::Endpoint;
use serde_json::json;

use crate::harness::{Node, Options, Peer, Service, Session, client_open, eventually};

const CLIENT: &str = "11111111-1111-4111-8111-111111111111";
const INPUT: MessageType = MessageType::InputStreamData;
const OUTPUT: MessageType = MessageType::OutputStreamData;

struct Running {
    service: Service,
    node: Node,
    control: Peer,
    session: Session,
    client: Peer,
    agent: Peer,
}

async fn running() -> Running {
    running_with(Options::default()).await
}

async fn running_with(options: Options) -> Running {
    let service = Service::with(options).await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    let client = session.open_leg(CLIENT).await;
    let agent = node.open_leg(&service, &session).await;
    service.wait_for_state(&session.id, "Connected").await;
    Running { service, node, control, session, client, agent }
}

impl Running {
    async fn resume_token(&self) -> Option<String> {
        let resumed = self.service.call("ResumeSession", json!({"SessionId": self.session.id})).await.unwrap();
        resumed.get("TokenValue").map(|token| token.as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn frames_pass_byte_for_byte_in_both_directions() {
    let mut running = running().await;
    for number in 0..50 {
        let sent = running.agent.send_output(number, &format!("line {number}\n")).await;
        let (frame, bytes) = running.client.next_frame().await;
        assert_eq!(bytes, sent);
        let acknowledged = running.client.acknowledge(&frame).await;
        let (_, bytes) = loop {
            let (frame, bytes) = running.agent.next_frame().await;
            if frame.message_type == MessageType::Acknowledge {
                break (frame, bytes);
            }
        };
        assert_eq!(bytes, acknowledged, "an acknowledgement passes as it is");
        let typed = running.client.send_input(number, "x").await;
        let frame = running.agent.expect_frame(&INPUT).await;
        assert_eq!(frame.encode(), typed);
        running.agent.acknowledge(&frame).await;
        assert_eq!(running.client.next_frame().await.0.message_type, MessageType::Acknowledge);
    }
}

#[tokio::test]
async fn a_payload_of_a_mebibyte_passes() {
    let mut running = running().await;
    let large = "x".repeat(1024 * 1024);
    let sent = running.agent.send_output(0, &large).await;
    assert_eq!(running.client.next_frame().await.1, sent);
}

#[tokio::test]
async fn a_batch_arrives_in_order() {
    let mut running = running().await;
    for number in 0..500 {
        let bytes = running.agent.send_output(number, "chunk").await;
        assert!(!bytes.is_empty());
    }
    for number in 0..500 {
        assert_eq!(running.client.read_stream(OUTPUT).await, (number, "chunk".to_owned()));
    }
}

#[tokio::test]
async fn output_that_comes_before_the_client_waits_for_it() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    let mut agent = node.open_leg(&service, &session).await;
    agent.send_output(0, "early").await;
    let mut client = session.open_leg(CLIENT).await;
    assert_eq!(client.read_stream(OUTPUT).await, (0, "early".to_owned()));
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_has_not_acknowledged() {
    let mut running = running().await;
    running.agent.send_output(0, "seen").await;
    assert_eq!(running.client.read_stream(OUTPUT).await, (0, "seen".to_owned()));
    // Only when its acknowledgement is through can the service know.
    running.agent.expect_frame(&MessageType::Acknowledge).await;
    drop(running.client);
    running.service.wait_for_state(&running.session.id, "Disconnected").await;
    running.agent.send_output(1, "missed").await;
    let resumed = running.service.call("ResumeSession", json!({"SessionId": running.session.id})).await.unwrap();
    let token = resumed["TokenValue"].as_str().unwrap();
    assert_ne!(token, running.session.token);
    assert_eq!(resumed["StreamUrl"], running.session.stream_url.as_str());
    let mut client = running.session.open_leg_with(CLIENT, token).await;
    assert_eq!(client.read_stream(OUTPUT).await, (1, "missed".to_owned()));
    running.service.wait_for_state(&running.session.id, "Connected").await;
    // The old token died with the resume.
    let mut old = running.session.open_leg(CLIENT).await;
    assert_eq!(old.expect_close().await.unwrap().1, "a newer token was issued for this session; use that one");
}

#[tokio::test]
async fn the_same_client_may_dial_again_with_its_token_and_takes_its_own_place() {
    let mut running = running().await;
    let mut again = running.session.open_leg(CLIENT).await;
    assert_eq!(running.client.expect_close().await, None, "the older leg ends without a word");
    running.agent.send_output(0, "to the newer").await;
    assert_eq!(again.read_stream(OUTPUT).await, (0, "to the newer".to_owned()));
}

#[tokio::test]
async fn a_leg_of_ours_that_falls_silent_is_given_up_and_a_stock_one_is_not() {
    let limits = Limits { leg_silence: Duration::from_millis(400), ..Limits::default() };
    let mut running = running_with(Options { limits, ..Options::default() }).await;
    let open = client_open(CLIENT, &running.session.token).replace("1.2.677.0", CLIENT_VERSION);
    let mut ours = Peer::connect(&Endpoint::parse(&running.session.stream_url).unwrap(), Vec::new()).await;
    ours.send_text(&open).await;
    running.agent.send_output(0, "first").await;
    assert_eq!(ours.read_stream(OUTPUT).await, (0, "first".to_owned()));
    // It does not even ping, as one whose network is gone.
    running.service.wait_for_state(&running.session.id, "Disconnected").await;
    assert_eq!(ours.expect_close().await, None, "its socket is dropped without a word");

    // The agent's leg, which is a stock one, was silent for as long.
    let token = running.resume_token().await.unwrap();
    let mut client = running.session.open_leg_with(CLIENT, &token).await;
    running.agent.send_output(1, "second").await;
    assert_eq!(client.read_stream(OUTPUT).await, (1, "second".to_owned()));
}

#[tokio::test]
async fn an_agent_that_comes_back_gets_what_it_has_not_acknowledged() {
    let mut running = running().await;
    drop(running.agent);
    running.service.wait_for_state(&running.session.id, "Disconnected").await;
    running.client.send_input(0, "typed meanwhile").await;
    let mut agent = running.node.open_leg(&running.service, &running.session).await;
    assert_eq!(agent.read_stream(INPUT).await, (0, "typed meanwhile".to_owned()));
    running.service.wait_for_state(&running.session.id, "Connected").await;
}

#[tokio::test]
async fn a_program_that_ends_releases_the_client_after_its_last_output() {
    let mut running = running().await;
    running.agent.send_output(0, "goodbye").await;
    running.agent.send_state(SessionState::Terminating, &running.session.id).await;
    assert_eq!(running.client.read_stream(OUTPUT).await, (0, "goodbye".to_owned()));
    assert_eq!(running.client.expect_closed().await, "");
    // What the client is told is stored.
    assert_eq!(running.service.session_state(&running.session.id).await.0, "Terminated");
    assert_eq!(running.client.expect_close().await.map(|(code, _)| code), Some(1000));
    assert_eq!(running.resume_token().await, None);
    eventually("the session to be forgotten", async || running.service.gateway().active_sessions() == 0).await;
}

/// What a stock agent could not send again within two seconds of its program's end it gives up without a word.
#[tokio::test]
async fn output_that_the_agent_gave_up_is_not_waited_for_and_the_client_learns_of_it() {
    let mut running = running().await;
    running.agent.send_output(0, "one").await;
    running.agent.send_output(2, "three").await;
    running.agent.send_state(SessionState::Terminating, &running.session.id).await;
    let frame = running.client.expect_frame(&OUTPUT).await;
    assert_eq!((frame.sequence_number, &frame.payload[..]), (0, &b"one"[..]));
    // It sends its logs away, closes its data channel and says that all went well.
    drop(running.agent);
    running.control.send_result(&running.session.id, TaskStatus::Success, "").await;
    running.control.expect_frame(&MessageType::AgentTaskAcknowledge).await;
    assert_eq!(running.service.session_state(&running.session.id).await.0, "Connected", "the client reads on");
    running.client.acknowledge(&frame).await;
    let told = running.client.expect_closed().await;
    let (state, details) = running.service.session_state(&running.session.id).await;
    assert_eq!((state.as_str(), details.as_str()), ("Terminated", told.as_str()));
    assert!(told.contains("before all of its output had arrived"), "{told}");
}

#[tokio::test]
async fn a_result_is_acknowledged_each_time_and_its_text_reaches_the_client() {
    let mut running = running().await;
    let text = "\n----------ERROR-------\nUnable to start command\n";
    for _ in 0..2 {
        let report = running.control.send_result(&running.session.id, TaskStatus::Failed, text).await;
        let frame = running.control.expect_frame(&MessageType::AgentTaskAcknowledge).await;
        let acknowledged: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
        assert_eq!(acknowledged["MessageId"], report.to_string());
        assert_eq!(acknowledged["TaskId"], running.session.id.as_str());
    }
    drop(running.agent);
    assert_eq!(running.client.expect_closed().await, text);
}

#[tokio::test]
async fn an_early_failure_is_told_to_a_client_that_comes_later() {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    control.send_result(&session.id, TaskStatus::Failed, "no such user").await;
    service.wait_for_state(&session.id, "Failed").await;
    let mut client = session.open_leg(CLIENT).await;
    assert_eq!(client.expect_closed().await, "no such user");
    assert_eq!(client.expect_close().await.map(|(code, _)| code), Some(1000));
}

#[tokio::test]
async fn a_terminated_session_ends_on_both_sides_and_is_stored_first() {
    let mut running = running().await;
    running.service.call("TerminateSession", json!({"SessionId": running.session.id})).await.unwrap();
    // On the control channel and on the data channel: either may be gone.
    let ended = running.control.expect_frame(&MessageType::ChannelClosed).await;
    let ended: serde_json::Value = serde_json::from_slice(&ended.payload).unwrap();
    assert_eq!(ended["SessionId"], running.session.id.as_str());
    assert_eq!(running.agent.expect_closed().await, "");
    assert_eq!(running.service.session_state(&running.session.id).await.0, "Terminating");
    running.control.send_result(&running.session.id, TaskStatus::Success, "").await;
    assert_eq!(running.client.expect_closed().await, "");
    assert_eq!(running.service.session_state(&running.session.id).await.0, "Terminated");
    running.service.call("TerminateSession", json!({"SessionId": running.session.id})).await.unwrap();
    assert_eq!(running.resume_token().await, None);
    let error = running
        .node
        .create_channel(&running.service, &format!("/v1/data-channel/{}", running.session.id))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("Session is already terminated"), "{error}");
}

#[tokio::test]
async fn a_session_whose_agent_never_comes_fails_and_says_so() {
    let options =
        Options { settings: |settings| settings.timeouts.start = Duration::from_millis(300), ..Options::default() };
    let service = Service::with(options).await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    let mut client = session.open_leg(CLIENT).await;
    let told = client.expect_closed().await;
    let (state, details) = service.session_state(&session.id).await;
    assert_eq!((state.as_str(), told.as_str()), ("Failed", details.as_str()));
    assert!(!details.is_empty());
}

#[tokio::test]
async fn a_session_whose_client_never_comes_ends_on_the_node_too() {
    let options =
        Options { settings: |settings| settings.timeouts.start = Duration::from_millis(300), ..Options::default() };
    let service = Service::with(options).await;
    let (node, mut control) = service.connected_node().await;
    let session = service.start_session(&node, &mut control).await;
    let mut agent = node.open_leg(&service, &session).await;
    control.expect_frame(&MessageType::ChannelClosed).await;
    agent.expect_closed().await;
    drop(agent);
    let details = service.wait_for_state(&session.id, "Terminated").await;
    assert!(details.contains("client"), "{details}");
}

#[tokio::test]
async fn a_client_that_is_gone_for_good_ends_the_session() {
    let options = Options {
        settings: |settings| settings.timeouts.client_return = Duration::from_millis(300),
        ..Options::default()
    };
    let mut running = running_with(options).await;
    drop(running.client);
    running.agent.expect_closed().await;
    drop(running.agent);
    running.service.wait_for_state(&running.session.id, "Terminated").await;
}

/// It is the way in which a stock plugin ends whose last word was lost.
#[tokio::test]
async fn a_stock_client_that_closes_its_connection_to_a_port_ends_the_session_soon() {
    let options = Options {
        settings: |settings| settings.timeouts.stock_client_return = Duration::from_millis(300),
        ..Options::default()
    };
    let service = Service::with(options).await;
    let (node, mut control) = service.connected_node().await;
    let mut legs = Vec::new();
    for document in ["AWS-StartPortForwardingSession", "SSM-SessionManagerRunShell"] {
        let session = service.start_session_of(document, &node, &mut control).await;
        let client = session.open_leg(CLIENT).await;
        let agent = node.open_leg(&service, &session).await;
        service.wait_for_state(&session.id, "Connected").await;
        drop(client);
        legs.push((session, agent));
    }
    let [(port, mut agent), (shell, _agent)] = <[_; 2]>::try_from(legs).ok().unwrap();
    agent.expect_closed().await;
    drop(agent);
    let details = service.wait_for_state(&port.id, "Terminated").await;
    assert!(details.contains("did not come back"), "{details}");
    // Somebody may come back to a shell.
    service.wait_for_state(&shell.id, "Disconnected").await;
}

#[tokio::test]
async fn a_node_that_is_lost_ends_its_session() {
    let options = Options {
        settings: |settings| settings.timeouts.node_return = Duration::from_millis(300),
        ..Options::default()
    };
    let mut running = running_with(options).await;
    drop(running.agent);
    drop(running.control);
    let told = running.client.expect_closed().await;
    assert!(told.contains("node"), "{told}");
    running.service.wait_for_state(&running.session.id, "Terminated").await;
}

#[tokio::test]
async fn garbage_ends_the_leg_of_its_sender_and_nothing_else() {
    let mut running = running().await;
    for _ in 0..40 {
        running.client.socket.feed(Message::Binary(Bytes::from_static(&[0xff; 130])));
    }
    let _ = running.client.socket.flush().await;
    assert!(running.client.expect_close().await.is_some());
    let token = running.resume_token().await.unwrap();
    let mut client = running.session.open_leg_with(CLIENT, &token).await;
    running.agent.send_output(0, "undisturbed").await;
    assert_eq!(client.read_stream(OUTPUT).await, (0, "undisturbed".to_owned()));
    client.send_text("text is for opening only, and this one is longer than a header of a frame would be").await;
    let (code, reason) = client.expect_close().await.unwrap();
    assert_eq!((code, reason.as_str()), (1003, "a data channel carries binary messages only"));
}

#[tokio::test]
async fn an_oversize_message_ends_the_leg_before_it_is_held() {
    let mut running = running().await;
    running.client.socket.feed(Message::Binary(vec![0; 2 * 1024 * 1024].into()));
    let _ = running.client.socket.flush().await;
    assert!(running.client.expect_close().await.is_none_or(|(code, _)| code == 1009));
    running.service.wait_for_state(&running.session.id, "Disconnected").await;
}

#[tokio::test]
async fn a_flood_toward_a_client_that_does_not_read_is_bounded() {
    let mut running = running().await;
    let chunk = "x".repeat(32 * 1024);
    // 16 MiB, far more than the relay and both sockets hold: the writing has to stop.
    let flood = async {
        for number in 0..512 {
            running.agent.send_output(number, &chunk).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(1500), flood).await.is_err(), "somebody held all of it");
    assert!(running.service.session_state(&running.session.id).await.0 == "Connected");
    // Once the client reads, everything up to where the agent was stopped comes in order.
    for number in 0..64 {
        assert_eq!(running.client.read_stream(OUTPUT).await.0, number);
    }
}

#[tokio::test]
async fn sessions_outlive_a_restart_of_the_service() {
    let mut running = running().await;
    running.agent.send_output(0, "before").await;
    let unacknowledged = running.client.expect_frame(&OUTPUT).await;
    running.service.restart().await;
    assert_eq!(running.client.expect_close().await.map(|(code, _)| code), Some(1001));
    let _control = running.node.open_control_channel(&running.service).await;
    let mut agent = running.node.open_leg(&running.service, &running.session).await;
    let token = running.resume_token().await.unwrap();
    let mut client = running.session.open_leg_with(CLIENT, &token).await;
    running.service.wait_for_state(&running.session.id, "Connected").await;
    // The ends kept what was not acknowledged; the service has forgotten.
    let repeated = agent.send(unacknowledged).await;
    assert_eq!(client.next_frame().await.1, repeated);
    client.send_input(0, "after").await;
    assert_eq!(agent.read_stream(INPUT).await, (0, "after".to_owned()));
}

#[tokio::test]
async fn a_session_that_nobody_comes_back_to_after_a_restart_still_ends() {
    let options = Options {
        settings: |settings| {
            settings.timeouts.node_return = Duration::from_millis(300);
            settings.timeouts.client_return = Duration::from_millis(300);
        },
        ..Options::default()
    };
    let mut running = running_with(options).await;
    running.service.restart().await;
    running.service.wait_for_state(&running.session.id, "Terminated").await;
}

#[tokio::test]
async fn a_stop_tells_everybody_to_come_back() {
    let mut running = running().await;
    let stopping = running.service.stop();
    let (_, control, client, agent) = tokio::join!(
        stopping,
        running.control.expect_close(),
        running.client.expect_close(),
        running.agent.expect_close(),
    );
    for close in [control, client, agent] {
        assert_eq!(close.map(|(code, _)| code), Some(1001));
    }
}

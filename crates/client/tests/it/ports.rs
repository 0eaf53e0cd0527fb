//! Port sessions against a scripted agent: what no installed agent does any more, and what is hard to provoke.

use bytes::Bytes;
use postern_client::{Cause, Input, Manner, SessionError};
use postern_protocol::channel::data_channel::Event;
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{ActionStatus, HandshakeComplete, RequestedAction, StreamFlag};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::peer::{self, Peer, within};
use crate::{COMMAND, PLUGIN, Screen, User, play};

fn port_action(properties: Value) -> RequestedAction {
    RequestedAction::SessionType { session_type: "Port".to_owned(), properties }
}

/// The port that the plugin has said it opened.
async fn opened_port(screen: &Screen) -> u16 {
    within(async {
        loop {
            let text = screen.text();
            let port =
                text.split_once("Port ").and_then(|(_, rest)| rest.split_once(" opened for sessionId session-1."));
            if let Some((port, _)) = port {
                return port.parse().unwrap();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_stream_is_raw_and_what_came_before_its_end_is_delivered() {
    for manner in [PLUGIN, Manner::Stream] {
        let (mut peer, ticket) = Peer::listen().await;
        let (user, runner) = User::new(ticket, manner, &[]);
        let input: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 253) as u8).collect();
        let script = async {
            user.keys("\n").await;
            user.keys("~.\n").await;
            let typing = async {
                for chunk in input.chunks(30_000) {
                    user.keys(Bytes::copy_from_slice(chunk)).await;
                }
                user.keys.send(Input::End).await.unwrap();
            };
            let serving = async {
                peer.accept().await;
                peer.shake_hands_for(false, port_action(json!({"portNumber": "22"}))).await;
                peer.output(PayloadType::OUTPUT, Bytes::from_static(b"SSH-2.0-\xff\0\r\n")).await;
                let mut received = Vec::new();
                while received.len() < 4 + input.len() {
                    let (payload_type, payload) = peer.input().await;
                    assert_eq!(payload_type, PayloadType::OUTPUT, "no size goes to a port");
                    received.extend_from_slice(&payload);
                }
                peer.until_gone().await;
                received
            };
            tokio::join!(typing, serving).1
        };
        let (ended, received) = play(runner, script).await;
        assert_eq!(ended.unwrap().cause, Cause::StreamEnded);
        assert!(received.strip_prefix(b"\n~.\n").unwrap() == input, "input is sent as it is");
        let welcome = if manner == PLUGIN { "welcome\n" } else { "" };
        assert_eq!(user.out.bytes(), [welcome.as_bytes(), b"SSH-2.0-\xff\0\r\n"].concat());
    }
}

#[tokio::test]
async fn agents_of_old_get_one_connection_at_a_time() {
    let (mut peer, ticket) = Peer::listen().await;
    peer.agent_version = "3.0.196.0";
    let (user, runner) = User::new(ticket, PLUGIN, &[]);
    let script = async {
        peer.accept().await;
        let properties = json!({"portNumber": "80", "type": "LocalPortForwarding", "localPortNumber": "0"});
        peer.shake_hands_for(false, port_action(properties)).await;
        // The server speaks first, before anybody is there to hear it.
        peer.output(PayloadType::OUTPUT, "hello ").await;
        let port = opened_port(&user.out).await;
        let mut program = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        program.write_all(b"question").await.unwrap();
        assert_eq!(peer.input().await, (PayloadType::OUTPUT, Bytes::from_static(b"question")));
        peer.output(PayloadType::OUTPUT, "there").await;
        peer.drained().await;
        let mut text = [0; 11];
        within(program.read_exact(&mut text)).await.unwrap();
        assert_eq!(&text, b"hello there");
        drop(program);
        let flag = peer.input().await;
        assert_eq!(flag, (PayloadType::FLAG, StreamFlag::DisconnectToPort.encode()));

        let mut program = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        program.write_all(b"again").await.unwrap();
        assert_eq!(peer.input().await, (PayloadType::OUTPUT, Bytes::from_static(b"again")));
        peer.output(PayloadType::OUTPUT, "yes").await;
        peer.drained().await;
        let mut text = [0; 3];
        within(program.read_exact(&mut text)).await.unwrap();
        assert_eq!(&text, b"yes");
        peer.close("").await;
        assert_ne!(within(program.read(&mut text)).await.unwrap_or(0), 3, "the connection ends with its session");
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap().cause, Cause::Closed { output: String::new() });
    let text = user.out.text();
    assert!(text.ends_with("opened for sessionId session-1.\nConnection accepted for session session-1.\n"), "{text}");
}

#[tokio::test]
async fn a_session_ends_although_nobody_took_what_came() {
    let (mut peer, ticket) = Peer::listen().await;
    peer.agent_version = "3.0.196.0";
    let (user, runner) = User::new(ticket, PLUGIN, &[]);
    let script = async {
        peer.accept().await;
        peer.shake_hands_for(false, port_action(json!({"portNumber": "80", "type": "LocalPortForwarding"}))).await;
        peer.output(PayloadType::OUTPUT, "hello").await;
        opened_port(&user.out).await;
        peer.close("over").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap().cause, Cause::Closed { output: "over".to_owned() });
}

/// The node says what a session is. Whoever asked for a shell, a command or a connection gets no listener of the node's
/// choice on their own machine.
#[tokio::test]
async fn a_node_opens_ports_to_nobody_who_asked_for_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let forwarding = json!({
        "portNumber": "80", "type": "LocalPortForwarding", "localConnectionType": "unix",
        "localUnixSocket": socket.to_str().unwrap(),
    });
    for (manner, properties) in [
        (COMMAND, &forwarding),
        (Manner::Shell, &forwarding),
        (Manner::Stream, &forwarding),
        (COMMAND, &json!({"portNumber": "22"})),
    ] {
        let (mut peer, ticket) = Peer::listen().await;
        let (_user, runner) = User::new(ticket, manner, &[]);
        let script = async {
            peer.accept().await;
            peer.ask(true, vec![port_action(properties.clone())]);
            let Event::HandshakeResponse(response) = peer.event().await else { panic!("an answer") };
            assert_eq!(response.processed_client_actions[0].action_status, ActionStatus::FAILED, "{manner:?}");
            // A node that does not care goes on all the same.
            let complete = HandshakeComplete { handshake_time_to_complete: 1, customer_message: String::new() };
            peer.channel.complete_handshake(complete, peer::now());
            peer.until_gone().await;
        };
        let (ended, ()) = play(runner, script).await;
        let error = ended.unwrap_err();
        assert!(matches!(error, SessionError::Refused(_) | SessionError::NoSessionType), "{manner:?}: {error}");
        assert!(!socket.exists(), "{manner:?}");
    }
}

#[tokio::test]
async fn a_document_that_was_named_may_be_one_of_ports() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Document, &[]);
    let script = async {
        peer.accept().await;
        let properties = json!({"portNumber": "80", "type": "LocalPortForwarding", "localPortNumber": "0"});
        peer.shake_hands_for(false, port_action(properties)).await;
        peer.drained().await;
        TcpStream::connect(("127.0.0.1", opened_port(&user.out).await)).await.unwrap();
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap().cause, Cause::Closed { output: String::new() });
}

/// AWS's agent dies of a port that refuses, and nobody says so for a minute.
#[tokio::test]
async fn a_node_that_takes_nothing_under_ssh_is_told_of() {
    for is_dead in [true, false] {
        let (mut peer, ticket) = Peer::listen().await;
        let (user, runner) = User::new(ticket, Manner::Stream, &[]);
        let script = async {
            peer.accept().await;
            peer.shake_hands_for(false, port_action(json!({"portNumber": "22"}))).await;
            peer.drained().await;
            user.keys("SSH-2.0-client\r\n").await;
            if !is_dead {
                // It is slow to answer, and has said that it has heard.
                assert_eq!(peer.input().await.1, "SSH-2.0-client\r\n");
                peer.output(PayloadType::STD_ERR, "x").await;
            }
            tokio::time::sleep(std::time::Duration::from_secs(6)).await;
            peer.close("").await;
        };
        let (ended, ()) = play(runner, script).await;
        assert_eq!(ended.unwrap().cause, Cause::Closed { output: String::new() });
        let said = user.err.text();
        let told = said.lines().filter(|line| line.contains("taken nothing for 5 s")).count();
        assert_eq!(told, usize::from(is_dead), "{said}");
    }
}

#[tokio::test]
async fn what_a_node_says_beside_a_connection_does_not_steer_the_terminal() {
    let (mut peer, ticket) = Peer::listen().await;
    let (user, runner) = User::new(ticket, Manner::Stream, &[]);
    let script = async {
        peer.accept().await;
        peer.ask(true, vec![port_action(json!({"portNumber": "22"}))]);
        let Event::HandshakeResponse(_) = peer.event().await else { panic!("an answer") };
        let customer_message = "\u{1b}]0;yours\u{7}".to_owned();
        let complete = HandshakeComplete { handshake_time_to_complete: 1, customer_message };
        peer.channel.complete_handshake(complete, peer::now());
        peer.output(PayloadType::STD_ERR, "\u{1b}[2JPassword: ").await;
        peer.output(PayloadType::OUTPUT, "SSH-2.0-x\r\n").await;
        peer.drained().await;
        peer.close("").await;
    };
    let (ended, ()) = play(runner, script).await;
    assert_eq!(ended.unwrap().cause, Cause::Closed { output: String::new() });
    assert_eq!(user.out.text(), "SSH-2.0-x\r\n");
    assert_eq!(user.err.text(), "\\u{1b}]0;yours\\u{7}\n");
}

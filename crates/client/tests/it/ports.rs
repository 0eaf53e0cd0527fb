//! Port sessions against a scripted agent: what no installed agent does any more, and what is hard to provoke.

use bytes::Bytes;
use postern_client::{Cause, Input, Manner};
use postern_protocol::wire::PayloadType;
use postern_protocol::wire::payload::{RequestedAction, StreamFlag};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::peer::{Peer, within};
use crate::{PLUGIN, Screen, User, play};

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

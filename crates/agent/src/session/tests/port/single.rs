//! Sessions with one connection at a time.

use super::*;

#[tokio::test]
async fn an_old_client_has_one_connection_after_the_other() {
    let port = server(echo).await;
    let mut running = start_with(port_document(port, "LocalPortForwarding"), None, ForwardPolicy::default());
    running.client.version = "1.1.61.0";
    running.client.until("the session begins", |client| client.has_begun).await;
    for text in ["first", "second"] {
        running.client.type_text(text);
        running.client.until_output(text).await;
        running.client.send(PayloadType::FLAG, StreamFlag::DisconnectToPort.encode());
    }
    running.client.send(PayloadType::FLAG, StreamFlag::TerminateSession.encode());
    let (client, end) = running.end().await;
    assert_eq!((client.output().as_str(), end), ("firstsecond", End::Terminated));
}

#[tokio::test]
async fn an_ended_connection_is_followed_by_another_one_for_the_next_data() {
    // Says how often it was connected to, and closes.
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        for number in 1.. {
            let (mut stream, _): (TcpStream, SocketAddr) = listener.accept().await.unwrap();
            let mut byte = [0];
            let _ = stream.read(&mut byte).await;
            let _ = stream.write_all(format!("<{number}{}>", char::from(byte[0])).as_bytes()).await;
        }
    });
    let mut running = start_with(port_document(port, "LocalPortForwarding"), None, ForwardPolicy::default());
    running.client.version = "1.1.61.0";
    running.client.until("the session begins", |client| client.has_begun).await;
    for (text, answer) in [("a", "<1a>"), ("b", "<2b>"), ("c", "<3c>")] {
        running.client.type_text(text);
        running.client.until_output(answer).await;
    }
}

#[tokio::test]
async fn without_a_type_the_connection_is_the_session() {
    let port = server(async |mut stream: TcpStream| {
        stream.write_all(b"SSH-2.0-test\r\n").await.unwrap();
        let mut all = vec![0; 1_000_000];
        stream.read_exact(&mut all).await.unwrap();
        stream.write_all(&all).await.unwrap();
    })
    .await;
    for offer in [multiplexing(), None] {
        let mut running = start_with(port_document(port, ""), offer, ForwardPolicy::default());
        running.client.until_output("SSH-2.0-test\r\n").await;
        running.client.stdout.clear();
        running.client.send(PayloadType::OUTPUT, words(3, 1_000_000));
        let (client, end) = running.end().await;
        assert_eq!(end, End::Finished);
        assert!(client.stdout == words(3, 1_000_000), "{} bytes", client.stdout.len());
        assert_eq!(client.states, [SessionState::Connected]);
    }
    let (_, end) = start(port_document(unused_port().await, ""), None).end().await;
    let End::Failed(output) = end else { panic!("{end:?}") };
    assert!(
        output.starts_with("Unable to connect to specified port: port ") && output.ends_with("refuses connections")
    );
}

//! How port sessions end.

use super::*;

#[tokio::test]
async fn forbidden_destinations_fail_the_session_at_once() {
    for host in ["169.254.169.254", "0xA9FEA9FE", "[::ffff:169.254.169.254]", "127.0.0.1"] {
        let (client, end) = start(remote_document(host, 80), multiplexing()).end().await;
        let End::Failed(output) = end else { panic!("{host}: {end:?}") };
        assert!(output.starts_with("Forwarding to IP address ") && output.contains(" is forbidden"), "{output}");
        assert_eq!(client.connections, 0);
    }
    let (_, end) = start(remote_document("169.254.169.254", 80), None).end().await;
    assert_eq!(end, End::Failed("Forwarding to IP address 169.254.169.254 is forbidden.".into()));
    let (_, end) = start(port_document(0, "LocalPortForwarding"), None).end().await;
    assert!(matches!(end, End::Failed(output) if output.contains("is no port")));
}

#[tokio::test]
async fn what_no_multiplexer_says_ends_the_session_with_a_cause() {
    let port = server(echo).await;
    let mut tunnel = Tunnel::begin(port_document(port, "LocalPortForwarding"), multiplexing()).await;
    tunnel.running.client.send(PayloadType::OUTPUT, &[1, 0, 0, 0, 3, 0, 0, 0][..]);
    let (_, end) = tunnel.running.end().await;
    assert!(matches!(end, End::Failed(output) if output.contains("version 1")));
}

/// What nobody takes does not stand before the end.
#[tokio::test]
async fn a_session_whose_destination_stands_still_can_be_ended() {
    for (kind, dialect) in [("", None), ("LocalPortForwarding", Some(Dialect::Smux1))] {
        let (listener, port) = listen().await;
        let mut running = start(port_document(port, kind), None);
        running.client.until("the session begins", |client| client.has_begun).await;
        let stuck = match dialect {
            None => {
                let stuck = listener.accept().await.unwrap();
                // Until the agent takes nothing more: everything is full, and some of it not acknowledged.
                let still = Duration::from_millis(300);
                let mut waits = 0;
                while waits < 3 {
                    let room = running.client.channel.write_capacity();
                    running.client.send(PayloadType::OUTPUT, vec![7; room]);
                    let moved = tokio::time::timeout(still, running.client.step()).await.is_ok();
                    waits = if moved { 0 } else { waits + 1 };
                }
                assert!(!running.client.channel.is_drained());
                stuck
            }
            Some(dialect) => {
                let mut tunnel = Tunnel::new(running, dialect);
                let _ = tunnel.open(vec![7; 16 << 20]);
                tunnel.turn();
                let stuck = loop {
                    tokio::select! {
                        accepted = listener.accept() => break accepted.unwrap(),
                        () = tunnel.running.client.step() => tunnel.turn(),
                    }
                };
                // Until the agent takes nothing more.
                let left = |tunnel: &Tunnel| tunnel.to_write.values().map(Vec::len).sum::<usize>();
                let mut before = usize::MAX;
                while std::mem::replace(&mut before, left(&tunnel)) > before {
                    let still = tokio::time::timeout(Duration::from_millis(300), async {
                        loop {
                            tunnel.running.client.step().await;
                            tunnel.turn();
                        }
                    });
                    still.await.unwrap_err();
                }
                assert!(before > 1 << 20, "{before} bytes are left");
                running = tunnel.running;
                stuck
            }
        };
        running.client.close_channel();
        let (_, end) = running.end().await;
        assert_eq!(end, End::Terminated);
        drop(stuck);
    }
}

//! Many connections in one session.

use super::*;

#[tokio::test]
async fn many_connections_are_exact_and_the_client_learns_the_properties() {
    let port = server(echo).await;
    for offer in [multiplexing(), None] {
        let mut tunnel = Tunnel::begin(port_document(port, "LocalPortForwarding"), offer).await;
        assert_eq!(tunnel.running.client.properties["portNumber"], port.to_string());
        assert_eq!(tunnel.running.client.agent_offer.as_ref().unwrap().multiplexer, 2);
        let ids: Vec<_> = (0..40).map(|number| tunnel.open(words(number, 60_000 + number))).collect();
        tunnel
            .until("every echo", |tunnel| {
                ids.iter().enumerate().all(|(number, id)| tunnel.read(*id).len() == 60_000 + number)
            })
            .await;
        for (number, id) in ids.iter().enumerate() {
            assert!(tunnel.read(*id) == words(number, 60_000 + number), "stream {id}");
        }
        let (client, end) = tunnel.terminate().await;
        assert_eq!(end, End::Terminated);
        assert_eq!(client.states, [SessionState::Connected], "no Terminating for ports");
    }
}

#[tokio::test]
async fn a_request_that_ends_is_answered() {
    let port = server(count).await;
    let mut tunnel = Tunnel::begin(port_document(port, "LocalPortForwarding"), multiplexing()).await;
    let id = tunnel.open(words(0, 100_000));
    tunnel.until("the request to have left", |tunnel| tunnel.to_write[&id].is_empty()).await;
    tunnel.mux.finish(id);
    tunnel.until("the answer and its end", |tunnel| tunnel.ended.contains(&id)).await;
    assert_eq!(tunnel.read(id), b"100000 bytes");
    assert_eq!(tunnel.mux.streams(), 0);
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_ends_alone() {
    let refusing = unused_port().await;
    let mut tunnel = Tunnel::begin(port_document(refusing, "LocalPortForwarding"), multiplexing()).await;
    let id = tunnel.open("early");
    tunnel.until("the refusal", |tunnel| tunnel.resets.contains_key(&id)).await;
    let refusal = Reset::new(ResetReason::Refused, format!("port {refusing} of the node refuses connections"));
    assert_eq!(tunnel.resets[&id], refusal);

    let mut tunnel = Tunnel::begin(port_document(refusing, "LocalPortForwarding"), None).await;
    let id = tunnel.open("early");
    tunnel.until("the end", |tunnel| tunnel.ended.contains(&id)).await;
    assert_eq!(tunnel.running.client.flags, [StreamFlag::ConnectToPortError]);
    tunnel.mux.finish(id);
    // The session goes on, and the port may be there the next time.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, refusing)).await.unwrap();
    tokio::spawn(async move { echo(listener.accept().await.unwrap().0).await });
    let id = tunnel.open("now");
    tunnel.until("the echo", |tunnel| tunnel.read(id) == b"now").await;
}

#[tokio::test]
async fn a_destination_that_does_not_read_holds_up_nobody_else() {
    let (listener, port) = listen().await;
    let mut tunnel = Tunnel::begin(port_document(port, "LocalPortForwarding"), multiplexing()).await;
    let stuck = tunnel.open(vec![7; 32 << 20]);
    tunnel.until("the connection", |tunnel| tunnel.connected.contains(&stuck)).await;
    let (mut stuck_end, _) = listener.accept().await.unwrap();
    let lively = tunnel.open("");
    tunnel.until("another connection", |tunnel| tunnel.connected.contains(&lively)).await;
    let (lively_end, _) = listener.accept().await.unwrap();
    tokio::spawn(echo(lively_end));
    for round in 0..50 {
        tunnel.to_write.insert(lively, words(round, 3000));
        tunnel.until("the echo", |tunnel| tunnel.read(lively).len() == 3000).await;
        assert!(tunnel.read.remove(&lively).unwrap() == words(round, 3000));
    }
    let left = tunnel.to_write[&stuck].len();
    assert!(left > 8 << 20, "the sender was slowed down: {left} bytes left");
    // And when it reads, it gets everything.
    let reader = tokio::spawn(async move {
        let mut all = Vec::new();
        stuck_end.read_to_end(&mut all).await.unwrap();
        all
    });
    for rest in [left / 4 * 3, left / 2, left / 4, 0] {
        tunnel.until("more to have left", |tunnel| tunnel.to_write[&stuck].len() <= rest).await;
    }
    tunnel.mux.finish(stuck);
    tunnel.until("all to be taken", |_| reader.is_finished()).await;
    let all = reader.await.unwrap();
    assert!(all.len() == 32 << 20 && all.iter().all(|byte| *byte == 7));
}

#[tokio::test]
async fn a_client_that_does_not_read_slows_its_destination_down() {
    let port = server(async |mut stream: TcpStream| while stream.write_all(&[7; 1 << 16]).await.is_ok() {}).await;
    let mut tunnel = Tunnel::begin(port_document(port, "LocalPortForwarding"), multiplexing()).await;
    let stuck = tunnel.open("");
    tunnel.held.push(stuck);
    tunnel.until("a window of data", |tunnel| tunnel.mux.unread_bytes() >= 256 * 1024).await;
    let mut lively = tunnel.open("");
    for _ in 0..20 {
        tunnel.until("a lively stream's data", |tunnel| tunnel.read(lively).len() > 1 << 20).await;
        tunnel.mux.reset(lively, Reset::new(ResetReason::Broken, ""));
        tunnel.to_write.remove(&lively);
        lively = tunnel.open("");
    }
    assert_eq!(tunnel.mux.unread_bytes(), 256 * 1024);
}

#[tokio::test]
async fn a_connection_that_breaks_is_broken_at_the_other_end() {
    let (listener, port) = listen().await;
    let mut tunnel = Tunnel::begin(port_document(port, "LocalPortForwarding"), multiplexing()).await;
    let ours = tunnel.open("half of it");
    tunnel.until("the connection", |tunnel| tunnel.connected.contains(&ours)).await;
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut got = [0; 10];
    stream.read_exact(&mut got).await.unwrap();
    tunnel.mux.reset(ours, Reset::new(ResetReason::Broken, "the program died"));
    tunnel.turn();
    let seen = tokio::spawn(async move { stream.read(&mut got).await });
    tunnel.until("the destination to hear of it", |_| seen.is_finished()).await;
    let seen = seen.await.unwrap();
    assert!(seen.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset), "{seen:?}");

    let theirs = tunnel.open("");
    tunnel.until("the connection", |tunnel| tunnel.connected.contains(&theirs)).await;
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_zero_linger().unwrap();
    drop(stream);
    tunnel.until("the client to hear of it", |tunnel| tunnel.resets.contains_key(&theirs)).await;
    assert_eq!(tunnel.resets[&theirs].reason, ResetReason::Broken);
}

/// As a web server does that refuses what is sent to it: it answers and goes, with the rest of the request unread.
#[tokio::test]
async fn what_a_destination_said_before_it_broke_off_is_heard() {
    let port = server(async |mut stream: TcpStream| {
        let mut beginning = [0; 1000];
        stream.read_exact(&mut beginning).await.unwrap();
        stream.write_all(&words(5, 100_000)).await.unwrap();
    })
    .await;
    for (offer, is_told) in [(multiplexing(), true), (None, false)] {
        let mut tunnel = Tunnel::begin(port_document(port, "LocalPortForwarding"), offer).await;
        for _ in 0..20 {
            let id = tunnel.open(words(1, 1_000_000));
            let is_over = |tunnel: &Tunnel| tunnel.resets.contains_key(&id) || tunnel.ended.contains(&id);
            tunnel.until("the end", is_over).await;
            assert!(tunnel.read(id) == words(5, 100_000), "{} bytes came", tunnel.read(id).len());
            // Nobody takes a request for sent that was not.
            let reason = tunnel.resets.get(&id).map(|reset| reset.reason);
            assert!(!is_told || reason == Some(ResetReason::Broken), "{reason:?}");
            tunnel.to_write.remove(&id);
            tunnel.mux.finish(id);
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_data_channel_breaks_again_and_again() {
    let port = server(echo).await;
    let mut tunnel = Tunnel::begin(port_document(port, "LocalPortForwarding"), multiplexing()).await;
    let ids: Vec<_> = (0..4).map(|number| tunnel.open(words(number, 1_500_000))).collect();
    for round in 1..=8 {
        let wanted = round * 150_000;
        tunnel.until("some of it", |tunnel| ids.iter().all(|id| tunnel.read(*id).len() >= wanted)).await;
        tunnel.running.client.cut();
    }
    tunnel.until("all of it", |tunnel| ids.iter().all(|id| tunnel.read(*id).len() == 1_500_000)).await;
    assert!(ids.iter().enumerate().all(|(number, id)| tunnel.read(*id) == words(number, 1_500_000)));
    assert!(tunnel.running.client.connections > 8);
}

#[tokio::test]
async fn an_old_stock_client_gets_its_signs_of_life() {
    let port = server(echo).await;
    let mut running = start_with(port_document(port, "LocalPortForwarding"), None, ForwardPolicy::default());
    running.client.version = "1.2.331.0";
    running.client.until("a keep-alive", |client| client.stdout == [1, 3, 0, 0, 0, 0, 0, 0]).await;
}

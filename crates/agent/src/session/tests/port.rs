//! Port sessions: real sockets on one side, a scripted client with a multiplexer, or without, on the other.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use postern_protocol::mux::{
    Config as MuxConfig, Dialect, Event as MuxEvent, Multiplexer, Read, Reset, ResetReason, Role as MuxRole, StreamId,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn port_document(port: u16, kind: &str) -> Value {
    let properties = json!({"portNumber": port.to_string(), "type": kind, "localPortNumber": "0"});
    json!({"schemaVersion": "1.0", "sessionType": "Port", "properties": properties})
}

fn remote_document(host: &str, port: u16) -> Value {
    let mut document = port_document(port, "LocalPortForwarding");
    document["properties"]["host"] = host.into();
    document
}

fn multiplexing() -> Option<ClientOffer> {
    Some(ClientOffer {
        version: 1,
        multiplexer: 2,
        channel: ChannelOffer { cumulative_acknowledgements: true, ..ChannelOffer::default() },
        ..ClientOffer::default()
    })
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port that nobody listens on.
async fn unused_port() -> u16 {
    listen().await.1
}

/// Runs `serve` for each connection.
async fn server<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// Sends back what it gets, until that ends.
async fn echo(mut stream: TcpStream) {
    let (mut reading, mut writing) = stream.split();
    let _ = tokio::io::copy(&mut reading, &mut writing).await;
    let _ = writing.shutdown().await;
}

/// Answers when it has everything.
async fn count(mut stream: TcpStream) {
    let mut all = Vec::new();
    if stream.read_to_end(&mut all).await.is_ok() {
        let _ = stream.write_all(format!("{} bytes", all.len()).as_bytes()).await;
    }
}

/// A client's end of a multiplexed session, with everything that came.
struct Tunnel {
    running: Running,
    mux: Multiplexer,
    to_write: BTreeMap<StreamId, Vec<u8>>,
    read: BTreeMap<StreamId, Vec<u8>>,
    ended: Vec<StreamId>,
    connected: Vec<StreamId>,
    resets: BTreeMap<StreamId, Reset>,
    /// Streams that are not read.
    held: Vec<StreamId>,
}

impl Tunnel {
    fn new(running: Running, dialect: Dialect) -> Self {
        Self {
            running,
            mux: Multiplexer::new(MuxConfig::new(MuxRole::Opener, dialect)),
            to_write: BTreeMap::new(),
            read: BTreeMap::new(),
            ended: Vec::new(),
            connected: Vec::new(),
            resets: BTreeMap::new(),
            held: Vec::new(),
        }
    }

    async fn begin(document: Value, offer: Option<ClientOffer>) -> Self {
        Self::begin_with(document, offer, ForwardPolicy::default()).await
    }

    async fn begin_with(document: Value, offer: Option<ClientOffer>, forwarding: ForwardPolicy) -> Self {
        let dialect = if offer.is_some() { Dialect::Postern2 } else { Dialect::Smux1 };
        let mut running = start_with(document, offer, forwarding);
        running.client.until("the session begins", |client| client.has_begun).await;
        Self::new(running, dialect)
    }

    /// A new stream that will say this.
    fn open(&mut self, words: impl Into<Vec<u8>>) -> StreamId {
        let id = self.mux.open().unwrap();
        self.to_write.insert(id, words.into());
        id
    }

    fn read(&self, id: StreamId) -> &[u8] {
        self.read.get(&id).map_or(&[], Vec::as_slice)
    }

    fn turn(&mut self) {
        let client = &mut self.running.client;
        let came = std::mem::take(&mut client.stdout);
        if !came.is_empty() {
            self.mux.handle_data(Bytes::from(came)).unwrap();
        }
        while let Some(event) = self.mux.poll_event() {
            match event {
                MuxEvent::Connected(id) => self.connected.push(id),
                MuxEvent::Reset(id, reset) => drop(self.resets.insert(id, reset)),
                _ => {}
            }
        }
        for id in self.to_write.keys().copied().collect::<Vec<_>>() {
            let left = self.to_write.get_mut(&id).unwrap();
            let room = self.mux.write_capacity(id).min(left.len());
            if room > 0 {
                self.mux.write(id, left.drain(..room).collect::<Vec<_>>().into()).unwrap();
            }
            if self.held.contains(&id) {
                continue;
            }
            loop {
                match self.mux.read(id) {
                    Read::Data(data) => self.read.entry(id).or_default().extend(data),
                    Read::Nothing => break,
                    Read::Finished => {
                        self.ended.push(id);
                        break;
                    }
                }
            }
        }
        while let Some(payload) = self.mux.poll_transmit(client.channel.write_capacity()) {
            client.send(PayloadType::OUTPUT, payload);
        }
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let done = tokio::time::timeout(PATIENCE, async {
            loop {
                self.turn();
                if wanted(self) {
                    return;
                }
                self.running.client.step().await;
            }
        });
        let done = done.await;
        assert!(done.is_ok(), "waited for {what}: {:?} ended {:?} reset {:?}", self.mux, self.ended, self.resets);
    }

    async fn terminate(mut self) -> (Client, End) {
        self.running.client.send(PayloadType::FLAG, StreamFlag::TerminateSession.encode());
        self.running.end().await
    }
}

fn words(salt: usize, len: usize) -> Vec<u8> {
    (0..len).map(|place| ((place * 131) ^ (place >> 8) ^ salt).to_le_bytes()[0]).collect()
}

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

#[tokio::test]
async fn an_old_stock_client_gets_its_signs_of_life() {
    let port = server(echo).await;
    let mut running = start_with(port_document(port, "LocalPortForwarding"), None, ForwardPolicy::default());
    running.client.version = "1.2.331.0";
    running.client.until("a keep-alive", |client| client.stdout == [1, 3, 0, 0, 0, 0, 0, 0]).await;
}

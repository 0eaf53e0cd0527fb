//! Port sessions: real sockets on one side, a scripted client with a multiplexer, or without, on the other.

mod ends;
mod multiplexed;
mod single;

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

//! What a session may cost the service: peers that send without end and never read.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use postern_protocol::wire::websocket::{Message, Role, encode};
use postern_protocol::wire::{Flags, Frame, MessageIds, MessageType, PayloadType};
use postern_transport::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Node, PATIENCE, Service, Session, client_open};

const SESSIONS: usize = 16;
const MEBIBYTE: usize = 1024 * 1024;
/// Where the sequence number stands in a message of a data channel.
const NUMBER_AT: usize = 48;

/// A peer that holds nothing itself, so that what the process holds is the service's.
struct Flood {
    socket: TcpStream,
    number: i64,
    /// How much of the present message was written.
    written: usize,
}

impl Flood {
    async fn open(url: &Endpoint, opening: &str) -> Self {
        let mut socket = TcpStream::connect(url.host_and_port()).await.unwrap();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            url.path_and_query(),
            url.host_and_port(),
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        let mut opening_frame = BytesMut::new();
        encode(&Message::Text(opening.to_owned()), Role::Client, [0; 4], &mut opening_frame);
        socket.write_all(&opening_frame).await.unwrap();
        Self { socket, number: 0, written: 0 }
    }

    /// Sends as much as the service takes at once. False if it took nothing.
    fn send(&mut self, message: &mut [u8], number_at: usize) -> bool {
        let before = (self.number, self.written);
        loop {
            message[number_at..number_at + 8].copy_from_slice(&self.number.to_be_bytes());
            match self.socket.try_write(&message[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("the service hung up: {error}"),
            }
            if self.written == message.len() {
                (self.number, self.written) = (self.number + 1, 0);
            }
        }
        before != (self.number, self.written)
    }
}

/// A message with a payload of so many bytes in its frame, and where its number stands.
fn message(message_type: MessageType, payload_bytes: usize) -> (Vec<u8>, usize) {
    let frame = Frame {
        message_type,
        created_millis: 1_700_000_000_000,
        sequence_number: 0,
        flags: Flags::NONE,
        message_id: MessageIds::new(7).next(),
        payload_type: PayloadType::OUTPUT,
        payload: vec![b'x'; payload_bytes].into(),
    };
    let frame = frame.encode();
    let mut encoded = BytesMut::new();
    encode(&Message::Binary(frame.clone()), Role::Client, [0; 4], &mut encoded);
    let header_bytes = encoded.len() - frame.len();
    (encoded.to_vec(), header_bytes + NUMBER_AT)
}

fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

async fn agent(service: &Service, node: &Node, session: &Session) -> Flood {
    let path = format!("/v1/data-channel/{}", session.id);
    let token = node.create_channel(service, &path).await.unwrap();
    let url = service.endpoint.join(&format!("{path}?role=publish_subscribe")).unwrap().to_websocket();
    Flood::open(&url, &node.leg_open(&token)).await
}

/// Whether the service has stopped reading, everywhere: nothing is taken for so many rounds.
const QUIET_ROUNDS: usize = 10;

/// By how much the process has grown for each session, when nothing more is taken from these sides of it.
async fn held_bytes(payload_bytes: usize, [from_client, from_agent]: [bool; 2]) -> usize {
    let service = Service::start().await;
    let (node, mut control) = service.connected_node().await;
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        let session = service.start_session(&node, &mut control).await;
        let client = Endpoint::parse(&session.stream_url).unwrap();
        let client = Flood::open(&client, &client_open(&format!("client-{number}"), &session.token)).await;
        sessions.push((client, agent(&service, &node, &session).await));
    }
    let mut input = from_client.then(|| message(MessageType::InputStreamData, payload_bytes));
    let mut output = from_agent.then(|| message(MessageType::OutputStreamData, payload_bytes));
    let before = resident_bytes();
    let deadline = Instant::now() + 10 * PATIENCE;
    let mut quiet_rounds = 0;
    while quiet_rounds < QUIET_ROUNDS {
        assert!(Instant::now() < deadline, "the service reads on and on what it has no room for");
        quiet_rounds += 1;
        for (client, agent) in &mut sessions {
            for (flood, message) in [(client, &mut input), (agent, &mut output)] {
                if let Some((message, number_at)) = message
                    && flood.send(message, *number_at)
                {
                    quiet_rounds = 0;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        sessions.iter().all(|(client, agent)| (client.number > 0) == from_client && (agent.number > 0) == from_agent)
    );
    resident_bytes().saturating_sub(before) / SESSIONS
}

/// As docs/operate.md says, whatever becomes of the memory that is given back.
async fn stays_below(payload_bytes: usize, most: usize) {
    for sides in [[true, true], [true, false], [false, true]] {
        let held = held_bytes(payload_bytes, sides).await;
        println!("payloads of {payload_bytes} bytes, {sides:?}: {} KiB a session", held / 1024);
        assert!(held <= most, "{held} bytes a session of payloads of {payload_bytes} bytes, {sides:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_as_aws_s_ends_send_them() {
    stays_below(1024, 2 * MEBIBYTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_as_our_ends_send_them() {
    stays_below(32 * 1024, 2 * MEBIBYTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_which_two_have_no_room() {
    stays_below(200 * 1024, 8 * MEBIBYTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_as_large_as_can_be() {
    stays_below(MEBIBYTE, 8 * MEBIBYTE).await;
}

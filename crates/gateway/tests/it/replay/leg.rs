//! One end of a channel, played by a script: what it sends, what it was sent, and what is owed to it.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use postern_protocol::wire::websocket::Message;
use postern_protocol::wire::{Frame, MessageType, PayloadType};
use postern_transport::{Endpoint, NetStream, WebSocket, WsEvent, connect_websocket};
use serde_json::Value;

use super::http::Headers;
use crate::harness::{PATIENCE, dialer};

/// A socket that answers to nothing by itself but pings.
pub(super) struct Line {
    socket: WebSocket<NetStream>,
    /// Read while something else was waited for.
    inbox: VecDeque<Bytes>,
    over: bool,
}

impl Line {
    /// Upgrades with the headers of the capture; those that belong to the handshake itself are made anew.
    pub(super) async fn open(url: &Endpoint, headers: Headers) -> Self {
        let ours = ["host", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version"];
        let signed_host = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        assert!(signed_host.clone().all(|(_, host)| *host == url.authority()), "the signature covers the host");
        let headers: Headers =
            headers.into_iter().filter(|(name, _)| !ours.contains(&name.to_ascii_lowercase().as_str())).collect();
        let socket = connect_websocket(&dialer(), url, headers, 4 * 1024 * 1024, PATIENCE).await.unwrap();
        Self { socket, inbox: VecDeque::new(), over: false }
    }

    pub(super) async fn send(&mut self, message: Message) {
        self.socket.feed(message);
        // A peer may have closed; what matters is asserted on what arrives.
        self.over |= self.socket.flush().await.is_err();
    }

    /// Pings as both stock ends do, and waits for the pong: it comes behind everything that was sent before.
    pub(super) async fn ping(&mut self) {
        self.send(Message::Ping(Bytes::from_static(b"keepalive"))).await;
        while !self.over {
            match self.event().await {
                Some(Message::Pong(payload)) => return assert_eq!(payload, &b"keepalive"[..]),
                Some(Message::Binary(bytes)) => self.inbox.push_back(bytes),
                _ => {}
            }
        }
    }

    /// The next binary message; nothing once the socket is closed.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.inbox.pop_front() {
                return Some(bytes);
            }
            if self.over {
                return None;
            }
            if let Some(Message::Binary(bytes)) = self.event().await {
                return Some(bytes);
            }
        }
    }

    /// What has arrived and nobody has looked at.
    pub(super) fn unread(&mut self) -> Vec<Bytes> {
        self.inbox.drain(..).collect()
    }

    async fn event(&mut self) -> Option<Message> {
        match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message in time") {
            Ok(WsEvent::Message(Message::Text(text))) => panic!("stock ends crash on text: {text}"),
            Ok(WsEvent::Message(message)) => Some(message),
            Ok(WsEvent::Writable) => None,
            Ok(WsEvent::Closed) | Err(_) => {
                self.over = true;
                None
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Client,
    Agent,
}

/// One side of a session, whichever connection it has at the moment.
pub(super) struct Leg {
    side: Side,
    pub(super) line: Option<Line>,
    /// What the other side sent and has to arrive, byte for byte and in this order.
    owed: VecDeque<Bytes>,
    /// What has arrived.
    arrived: BTreeSet<Bytes>,
    /// Numbers of what was acknowledged to this side.
    acknowledged: BTreeSet<i64>,
    /// Numbers that it sent again although they were acknowledged.
    missed: BTreeSet<i64>,
    sent: BTreeSet<Bytes>,
    /// The last word of the service.
    pub(super) closed: Option<Value>,
}

impl Leg {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            line: None,
            owed: VecDeque::new(),
            arrived: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            missed: BTreeSet::new(),
            sent: BTreeSet::new(),
            closed: None,
        }
    }

    /// Waits for everything that is owed.
    pub(super) async fn settle(&mut self) {
        while !(self.owed.is_empty() && self.missed.is_empty()) {
            let Some(line) = &mut self.line else { return };
            let Some(bytes) = line.next().await else {
                panic!("{:?} was closed while {} messages were owed to it", self.side, self.owed.len())
            };
            self.take(bytes);
        }
    }

    /// Waits for the service's last word.
    pub(super) async fn expect_closed(&mut self) -> Value {
        while self.closed.is_none() {
            let line = self.line.as_mut().expect("a leg that is told the end is open");
            let bytes = line.next().await.expect("the last word comes before the close");
            self.take(bytes);
        }
        assert!(self.owed.is_empty(), "{:?} was told the end before {} messages", self.side, self.owed.len());
        self.closed.clone().expect("the loop waited for it")
    }

    /// Looks at what arrived that nobody waited for.
    pub(super) async fn look(&mut self) {
        self.settle().await;
        let Some(line) = &mut self.line else { return };
        line.ping().await;
        for bytes in line.unread() {
            self.take(bytes);
        }
    }

    fn take(&mut self, bytes: Bytes) {
        let frame = Frame::decode(bytes.clone()).unwrap();
        match frame.message_type {
            MessageType::PausePublication | MessageType::StartPublication if self.side == Side::Agent => return,
            MessageType::ChannelClosed => {
                assert!(self.closed.is_none(), "the end is told once");
                self.closed = Some(serde_json::from_slice(&frame.payload).unwrap());
                return;
            }
            _ => {}
        }
        let acknowledges = |bytes: &Bytes| kind(bytes) == MessageType::Acknowledge;
        match self.owed.iter().position(|owed| *owed == bytes) {
            Some(at) => {
                // Acknowledgements may overtake what they do not concern, and nothing else may.
                let overtaken = self.owed.iter().take(at).find(|other| acknowledges(other) == acknowledges(&bytes));
                assert_eq!(overtaken, None, "{:?} got this too early: {frame:?}", self.side);
                if self.side == Side::Client && frame.payload_type == PayloadType::HANDSHAKE_COMPLETE {
                    let acknowledged = !self.owed.iter().any(acknowledges);
                    assert!(acknowledged, "a stock client crashes on an acknowledgement here (spec data-channel 6.3)");
                }
                self.owed.remove(at);
            }
            // An acknowledgement that it missed is given once more, by the service. Agents look at the number only (spec
            // data-channel 4.5).
            None if acknowledges(&bytes) => {
                let number = acknowledged(&frame);
                assert!(self.acknowledged.contains(&number), "nobody acknowledged {number} to {:?}", self.side);
                self.missed.remove(&number);
                return;
            }
            // Again, as peers do until they are answered.
            None => assert!(self.arrived.contains(&bytes), "nobody sent {:?} this: {frame:?}", self.side),
        }
        if acknowledges(&bytes) {
            self.acknowledged.insert(acknowledged(&frame));
        }
        self.arrived.insert(bytes);
    }

    /// Sends a frame to the other side. Whatever was owed to this side before is awaited first.
    pub(super) async fn send(&mut self, bytes: Bytes, to: &mut Self) {
        self.settle().await;
        let again = !self.sent.insert(bytes.clone());
        let frame = Frame::decode(bytes.clone()).unwrap();
        let line = self.line.as_mut().expect("the side that sends is connected");
        line.send(Message::Binary(bytes.clone())).await;
        if !again {
            to.owed.push_back(bytes);
        } else if self.side == Side::Agent
            && frame.message_type == MessageType::OutputStreamData
            && self.acknowledged.contains(&frame.sequence_number)
        {
            // The acknowledgement came too early for it; it repeats itself until it is told again.
            self.missed.insert(frame.sequence_number);
        }
    }

    /// Sends what is for the service only.
    pub(super) async fn tell(&mut self, bytes: Bytes) {
        self.settle().await;
        self.line.as_mut().expect("the side that speaks is connected").send(Message::Binary(bytes)).await;
    }

    /// Goes away, as a program does that is done.
    pub(super) async fn leave(&mut self) {
        self.settle().await;
        self.line = None;
    }

    /// How many messages of a stream arrived.
    pub(super) fn arrivals(&self) -> usize {
        self.arrived.len()
    }
}

fn kind(bytes: &Bytes) -> MessageType {
    Frame::decode(bytes.clone()).unwrap().message_type
}

/// The number that is acknowledged.
fn acknowledged(frame: &Frame) -> i64 {
    let said: Value = serde_json::from_slice(&frame.payload).unwrap();
    said["AcknowledgedMessageSequenceNumber"].as_i64().unwrap()
}

//! Our WebSocket against tungstenite's, both ways, and against the rules it must enforce.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use bytes::{BufMut, Bytes, BytesMut};
use postern_protocol::wire::websocket::{
    Decoder, Message, Opcode, Role, WebSocketError, close_code, encode, encode_header,
};
use proptest::collection::vec;
use proptest::prelude::*;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Message as Theirs, WebSocket};

use crate::targets::decode_all;

const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The far end of a connection in memory: what tungstenite may read, and what it has written.
#[derive(Default)]
struct Wire {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.incoming.read(out)? {
            0 if !out.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            read => Ok(read),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn their_socket(role: Role, incoming: &[u8]) -> WebSocket<Wire> {
    let role = match role {
        Role::Client => TheirRole::Client,
        Role::Server => TheirRole::Server,
    };
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE_BYTES)).max_frame_size(Some(MAX_MESSAGE_BYTES));
    let wire = Wire { incoming: incoming.iter().copied().collect(), outgoing: Vec::new() };
    WebSocket::from_raw_socket(wire, role, Some(config))
}

fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

fn translate(message: &Message) -> Theirs {
    match message {
        Message::Text(text) => Theirs::text(text.as_str()),
        Message::Binary(bytes) => Theirs::Binary(bytes.clone()),
        Message::Ping(bytes) => Theirs::Ping(bytes.clone()),
        Message::Pong(bytes) => Theirs::Pong(bytes.clone()),
        Message::Close(reason) => Theirs::Close(
            reason
                .as_ref()
                .map(|(code, reason)| CloseFrame { code: CloseCode::from(*code), reason: reason.as_str().into() }),
        ),
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

/// Lengths on both sides of every change of the header's form.
fn payload() -> impl Strategy<Value = Bytes> {
    let len = prop_oneof![0..20_usize, 120..132_usize, 65_530..65_540_usize];
    (len, any::<u8>()).prop_map(|(len, seed)| (0..len).map(|at| (at as u8).wrapping_mul(31) ^ seed).collect())
}

fn control_payload() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=125).prop_map(Bytes::from)
}

fn close_message() -> impl Strategy<Value = Message> {
    let code = prop::sample::select(vec![1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1013, 3000, 4999]);
    prop::option::of((code, "\\PC{0,30}")).prop_map(Message::Close)
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        any::<String>().prop_map(Message::Text),
        payload().prop_map(Message::Binary),
        control_payload().prop_map(Message::Ping),
        control_payload().prop_map(Message::Pong),
    ]
}

/// Some messages, perhaps a close behind them.
fn conversation() -> impl Strategy<Value = Vec<Message>> {
    (vec(message(), 0..6), prop::option::of(close_message())).prop_map(|(mut messages, close)| {
        messages.extend(close);
        messages
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn tungstenite_reads_what_we_write(role in role(), messages in conversation(), mask: [u8; 4]) {
        let mut bytes = BytesMut::new();
        for message in &messages {
            encode(message, role, mask, &mut bytes);
        }
        let mut theirs = their_socket(other(role), &bytes);
        for message in &messages {
            prop_assert_eq!(theirs.read().unwrap(), translate(message));
        }
    }

    #[test]
    fn we_read_what_tungstenite_writes(role in role(), messages in conversation(), chunk in 1..5000_usize) {
        let mut theirs = their_socket(other(role), &[]);
        for message in &messages {
            theirs.send(translate(message)).unwrap();
        }
        let bytes = &theirs.get_ref().outgoing;
        let expected = (messages, None);
        prop_assert_eq!(&decode_all(role, MAX_MESSAGE_BYTES, bytes, chunk), &expected);
        prop_assert_eq!(&decode_all(role, MAX_MESSAGE_BYTES, bytes, bytes.len().max(1)), &expected);
    }

    #[test]
    fn we_assemble_what_tungstenite_cuts(
        role in role(),
        pieces in vec((payload(), prop::option::of(control_payload())), 1..5),
        chunk in 1..5000_usize,
    ) {
        let mut theirs = their_socket(other(role), &[]);
        let mut whole = BytesMut::new();
        let mut expected = Vec::new();
        for (at, (piece, ping)) in pieces.iter().enumerate() {
            let opcode = if at == 0 { Data::Binary } else { Data::Continue };
            let is_last = at + 1 == pieces.len();
            let frame = Frame::message(piece.clone(), OpCode::Data(opcode), is_last);
            theirs.send(Theirs::Frame(frame)).unwrap();
            whole.extend_from_slice(piece);
            if is_last {
                expected.push(Message::Binary(whole.split().freeze()));
            }
            // Control frames may stand between fragments, and come out at once.
            if let Some(ping) = ping {
                theirs.send(Theirs::Frame(Frame::ping(ping.clone()))).unwrap();
                expected.push(Message::Ping(ping.clone()));
            }
        }
        prop_assert_eq!(decode_all(role, MAX_MESSAGE_BYTES, &theirs.get_ref().outgoing, chunk), (expected, None));
    }

    #[test]
    fn any_stream_is_judged_as_tungstenite_judges_it(role in role(), frames in vec(raw_frame(), 1..6)) {
        let mut stream = Vec::new();
        for frame in &frames {
            frame.write(other(role), &mut stream);
        }
        let (messages, error) = decode_all(role, MAX_MESSAGE_BYTES, &stream, stream.len());
        let mut theirs = their_socket(role, &stream);
        for message in &messages {
            prop_assert_eq!(theirs.read().ok(), Some(translate(message)), "{:?}", frames);
            if matches!(message, Message::Close(_)) {
                return Ok(());
            }
        }
        match (theirs.read(), error) {
            (Err(tungstenite::Error::Io(error)), None) => prop_assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            (Err(_), Some(_)) => {}
            // It shows a code that may not be sent as if the peer had sent the code for that.
            (Ok(Theirs::Close(Some(close))), Some(WebSocketError::CloseCode)) => {
                prop_assert_eq!(close.code, CloseCode::Protocol);
            }
            (theirs, ours) => prop_assert!(false, "theirs {theirs:?}, ours {ours:?}, of {frames:?}"),
        }
    }
}

/// A frame with any header, mostly legal.
#[derive(Clone, Debug)]
struct RawFrame {
    is_final: bool,
    reserved: u8,
    opcode: u8,
    wrong_mask: bool,
    payload: Vec<u8>,
}

fn raw_frame() -> impl Strategy<Value = RawFrame> {
    let reserved = prop_oneof![20 => Just(0_u8), 1 => 0..8_u8];
    let opcode = prop_oneof![10 => 0..3_u8, 5 => Just(2_u8), 5 => 9..11_u8, 1 => Just(8_u8), 1 => 0..16_u8];
    let payload = prop_oneof![vec(any::<u8>(), 0..8), vec(0..128_u8, 0..140)];
    (any::<bool>(), reserved, opcode, prop::bool::weighted(0.02), payload).prop_map(
        |(is_final, reserved, opcode, wrong_mask, payload)| RawFrame {
            is_final,
            reserved,
            opcode,
            wrong_mask,
            payload,
        },
    )
}

impl RawFrame {
    fn write(&self, sender: Role, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_final) << 7 | self.reserved << 4 | self.opcode);
        let is_masked = (sender == Role::Client) != self.wrong_mask;
        let mask_bit = u8::from(is_masked) << 7;
        match self.payload.len() {
            len @ 0..=125 => out.push(mask_bit | len as u8),
            len => {
                out.push(mask_bit | 126);
                out.put_u16(len as u16);
            }
        }
        if is_masked {
            // A mask of zeros leaves the payload readable in failures.
            out.put_u32(0);
        }
        out.extend_from_slice(&self.payload);
    }
}

fn first(role: Role, max_message_bytes: usize, stream: &[u8]) -> Result<Option<Message>, WebSocketError> {
    Decoder::new(role, max_message_bytes).decode(&mut BytesMut::from(stream))
}

#[test]
fn every_rule_is_enforced() {
    let too_large = WebSocketError::TooLarge { max: 1000 };
    let cases: &[(&str, &[u8], WebSocketError)] = &[
        ("reserved bit 1", &[0xC2, 0], WebSocketError::ReservedBits),
        ("reserved bit 3", &[0x92, 0], WebSocketError::ReservedBits),
        ("reserved data opcode", &[0x83, 0], WebSocketError::ReservedOpcode(3)),
        ("reserved control opcode", &[0x8B, 0], WebSocketError::ReservedOpcode(11)),
        ("masked by a server", &[0x82, 0x80], WebSocketError::Masked),
        ("fragmented ping", &[0x09, 0], WebSocketError::FragmentedControl),
        ("long ping", &[0x89, 126], WebSocketError::LongControl),
        ("long close", &[0x88, 127], WebSocketError::LongControl),
        ("negative length", &[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], WebSocketError::Length),
        ("2^63 - 1 bytes", &[0x82, 127, 0x7F, 255, 255, 255, 255, 255, 255, 255], too_large),
        ("one byte too many", &[0x82, 126, 0x03, 0xE9], too_large),
        ("one byte too many in two fragments", &[0x02, 1, 7, 0x80, 126, 0x03, 0xE8], too_large),
        ("continuation of nothing", &[0x80, 0], WebSocketError::UnexpectedContinuation),
        ("message in a message", &[0x02, 0, 0x82, 0], WebSocketError::InterruptedMessage),
        ("text that is not UTF-8", &[0x81, 1, 0xFF], WebSocketError::Utf8),
        ("text that cannot become UTF-8 any more", &[0x01, 2, b'a', 0xFF], WebSocketError::Utf8),
        ("UTF-8 broken off at the end", &[0x01, 1, 0xC3, 0x80, 0], WebSocketError::Utf8),
        ("close of one byte", &[0x88, 1, 3], WebSocketError::CloseCode),
        ("close with 1005", &[0x88, 2, 0x03, 0xED], WebSocketError::CloseCode),
        ("close reason that is not UTF-8", &[0x88, 3, 0x03, 0xE8, 0xFF], WebSocketError::Utf8),
    ];
    for (what, stream, error) in cases {
        assert_eq!(first(Role::Client, 1000, stream), Err(*error), "{what}");
        assert!(!error.to_string().is_empty());
        assert!(close_code::is_sendable(error.close_code()), "{what}");
    }
    assert_eq!(first(Role::Server, 1000, &[0x82, 0]), Err(WebSocketError::Unmasked));
}

#[test]
fn a_character_may_be_cut_by_fragments() {
    let stream = [0x01, 1, 0xC3, 0x80, 1, 0xBC];
    assert_eq!(first(Role::Client, 10, &stream), Ok(Some(Message::Text("ü".to_owned()))));
}

#[test]
fn a_claimed_length_allocates_nothing() {
    let mut decoder = Decoder::new(Role::Client, MAX_MESSAGE_BYTES);
    let mut buf = BytesMut::with_capacity(64);
    buf.extend_from_slice(&[0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]);
    let before = buf.capacity();
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    assert_eq!(decoder.missing_bytes(&buf), MAX_MESSAGE_BYTES);
    assert!(buf.capacity() <= before, "{} > {before}", buf.capacity());
}

#[test]
fn nothing_follows_a_close() {
    let mut decoder = Decoder::new(Role::Client, 1000);
    let mut buf = BytesMut::from(&[0x88, 0, 0x82, 0][..]);
    assert_eq!(decoder.decode(&mut buf), Ok(Some(Message::Close(None))));
    assert!(buf.is_empty());
    buf.extend_from_slice(&[0xFF; 100]);
    assert_eq!(decoder.decode(&mut buf), Ok(None));
    assert!(buf.is_empty());
}

#[test]
fn payloads_are_cut_out_not_copied() {
    let mut buf = BytesMut::new();
    encode(&Message::Binary(Bytes::from(vec![7; 5000])), Role::Server, [0; 4], &mut buf);
    let start = buf.as_ptr().wrapping_add(4);
    let Ok(Some(Message::Binary(payload))) = Decoder::new(Role::Client, 10_000).decode(&mut buf) else {
        panic!("not a binary message")
    };
    assert_eq!((payload.as_ptr(), payload.len()), (start, 5000));
}

#[test]
fn a_forwarded_payload_needs_its_header_only() {
    let payload = Bytes::from(vec![7; 70_000]);
    let mut apart = BytesMut::new();
    encode_header(Opcode::Binary, payload.len(), Role::Server, [0; 4], &mut apart);
    apart.extend_from_slice(&payload);
    let mut whole = BytesMut::new();
    encode(&Message::Binary(payload), Role::Server, [0; 4], &mut whole);
    assert_eq!(apart, whole);
}

//! What one message costs on its way through the codecs.

use bytes::{Bytes, BytesMut};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use postern_protocol::wire::payload::{Acknowledge, JsonPayload};
use postern_protocol::wire::websocket::{Decoder, Message, Opcode, Role, encode, encode_header};
use postern_protocol::wire::{Flags, Frame, Header, MessageId, MessageType, PayloadType};

const SIZES: [usize; 2] = [1024, 32 * 1024];

fn main() {
    divan::main();
}

fn frame(size: usize) -> Frame {
    Frame {
        message_type: MessageType::OutputStreamData,
        created_millis: 1_700_000_000_123,
        sequence_number: 42,
        flags: Flags::NONE,
        message_id: MessageId([7; 16]),
        payload_type: PayloadType::OUTPUT,
        payload: Bytes::from(vec![b'x'; size]),
    }
}

#[divan::bench(args = SIZES)]
fn frame_encode(bencher: Bencher<'_, '_>, size: usize) {
    let frame = frame(size);
    bencher.counter(BytesCount::new(size)).bench(|| black_box(&frame).encode());
}

#[divan::bench(args = SIZES)]
fn frame_decode(bencher: Bencher<'_, '_>, size: usize) {
    let bytes = frame(size).encode();
    bencher.counter(BytesCount::new(size)).bench(|| Frame::decode(black_box(bytes.clone())));
}

#[divan::bench(args = SIZES)]
fn frame_decode_unverified(bencher: Bencher<'_, '_>, size: usize) {
    let bytes = frame(size).encode();
    bencher.counter(BytesCount::new(size)).bench(|| Frame::decode_unverified(black_box(bytes.clone())));
}

#[divan::bench]
fn header_parse(bencher: Bencher<'_, '_>) {
    let bytes = frame(1024).encode();
    bencher.bench(|| Header::parse(black_box(&bytes)));
}

#[divan::bench]
fn acknowledge_encode(bencher: Bencher<'_, '_>) {
    let frame = frame(1024);
    bencher.bench(|| Acknowledge::from(black_box(&frame)).encode());
}

#[divan::bench]
fn acknowledge_decode(bencher: Bencher<'_, '_>) {
    let bytes = Acknowledge::from(&frame(1024)).encode();
    bencher.bench(|| Acknowledge::decode(black_box(&bytes)));
}

#[divan::bench(args = SIZES)]
fn websocket_encode_masked(bencher: Bencher<'_, '_>, size: usize) {
    let message = Message::Binary(frame(size).encode());
    let mut out = BytesMut::with_capacity(size + 256);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        out.clear();
        encode(black_box(&message), Role::Client, [1, 2, 3, 4], &mut out);
    });
}

#[divan::bench(args = SIZES)]
fn websocket_encode_unmasked(bencher: Bencher<'_, '_>, size: usize) {
    let message = Message::Binary(frame(size).encode());
    let mut out = BytesMut::with_capacity(size + 256);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        out.clear();
        encode(black_box(&message), Role::Server, [0; 4], &mut out);
    });
}

#[divan::bench(args = SIZES)]
fn websocket_decode_masked(bencher: Bencher<'_, '_>, size: usize) {
    decode(bencher, Role::Client, Role::Server, size);
}

#[divan::bench(args = SIZES)]
fn websocket_decode_unmasked(bencher: Bencher<'_, '_>, size: usize) {
    decode(bencher, Role::Server, Role::Client, size);
}

fn decode(bencher: Bencher<'_, '_>, sender: Role, receiver: Role, size: usize) {
    let mut bytes = BytesMut::new();
    encode(&Message::Binary(frame(size).encode()), sender, [1, 2, 3, 4], &mut bytes);
    bencher
        .counter(BytesCount::new(size))
        .with_inputs(|| bytes.clone())
        .bench_local_refs(|buf| Decoder::new(receiver, usize::MAX).decode(buf));
}

/// What the broker does to a message it relays, but for the system calls: unmask, read the
/// header, put a new WebSocket header in front. 64 messages are read and written together.
#[divan::bench(args = SIZES)]
fn relay_64_messages(bencher: Bencher<'_, '_>, size: usize) {
    const BATCH: usize = 64;
    let message = Message::Binary(frame(size).encode());
    let mut bytes = BytesMut::new();
    for _ in 0..BATCH {
        encode(&message, Role::Client, [1, 2, 3, 4], &mut bytes);
    }
    let mut out = BytesMut::with_capacity(BATCH * (size + 256));
    bencher.counter(BytesCount::new(size * BATCH)).with_inputs(|| bytes.clone()).bench_local_refs(|buf| {
        let mut decoder = Decoder::new(Role::Server, usize::MAX);
        out.clear();
        while let Ok(Some(Message::Binary(bytes))) = decoder.decode(buf) {
            let header = Header::parse(&bytes);
            let _ = black_box(header);
            encode_header(Opcode::Binary, bytes.len(), Role::Server, [0; 4], &mut out);
            out.extend_from_slice(&bytes);
        }
    });
}

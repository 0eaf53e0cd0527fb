//! What the machines cost for one message of 1 KiB and its acknowledgement: the relay's own share
//! of a relayed message, and both ends'.
//!
//! The goal for the relay is 1 µs (performance P15 leaves 0.3 µs of 1.3 for the machine's sockets).

use std::time::{Duration, Instant};

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use postern_protocol::Now;
use postern_protocol::channel::data_channel::{Config, DataChannel, Event, Role};
use postern_protocol::channel::relay::{Leg, Relay, RelayConfig, Side};
use postern_protocol::wire::payload::{Acknowledge, HandshakeComplete, HandshakeRequest, JsonPayload};
use postern_protocol::wire::{Flags, Frame, MessageId, MessageType, PayloadType};

fn main() {
    divan::main();
}

const KIB: usize = 1024;
/// Messages that are on their way at a time.
const BATCH: i64 = 32;
/// Messages in one run of a benchmark.
const RUN: i64 = 1024;

fn at(millis: u64) -> Now {
    // A benchmark may look at the clock; it is read once.
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    Now { instant: start + Duration::from_millis(millis), unix_millis: 1_795_384_961_146 + millis }
}

fn frame(message_type: MessageType, sequence_number: i64, payload_type: PayloadType, payload: Bytes) -> Bytes {
    let frame = Frame {
        message_type,
        created_millis: 1_795_384_961_146,
        sequence_number,
        flags: Flags::NONE,
        message_id: MessageId([7; 16]),
        payload_type,
        payload,
    };
    frame.encode()
}

fn traffic(payload_bytes: usize) -> Vec<(Bytes, Bytes)> {
    let payload = Bytes::from(vec![b'x'; payload_bytes]);
    let messages = (0..RUN).map(|number| {
        let output = frame(MessageType::OutputStreamData, number, PayloadType::OUTPUT, payload.clone());
        let acknowledge = Acknowledge::new(MessageType::OutputStreamData, MessageId([7; 16]), number).encode();
        (output, frame(MessageType::Acknowledge, 0, PayloadType::NONE, acknowledge))
    });
    messages.collect()
}

/// The relay alone: a message in and out, its acknowledgement in and out.
#[divan::bench(args = [KIB, 32 * KIB])]
fn relay(bencher: Bencher<'_, '_>, payload_bytes: usize) {
    let traffic = traffic(payload_bytes);
    let ours = || Leg { ours: true, version: None, takes_warnings: false };
    bencher
        .counter(ItemsCount::new(RUN.unsigned_abs()))
        .counter(BytesCount::new(RUN.unsigned_abs() * payload_bytes as u64))
        .with_inputs(|| {
            let mut relay = Relay::new(RelayConfig { max_buffer_bytes: 8 << 20, ..RelayConfig::new(1) });
            relay.attach(Side::Client, ours(), at(0));
            relay.attach(Side::Agent, ours(), at(0));
            (relay, traffic.clone())
        })
        .bench_local_values(|(mut relay, traffic)| {
            for batch in traffic.chunks(usize::try_from(BATCH).expect("small")) {
                for (output, _) in batch {
                    relay.handle_message(Side::Agent, output.clone(), at(1)).expect("well-formed");
                }
                while let Some(message) = relay.poll_transmit(Side::Client, at(1)) {
                    black_box(message);
                }
                for (_, acknowledge) in batch {
                    relay.handle_message(Side::Client, acknowledge.clone(), at(1)).expect("well-formed");
                }
                while let Some(message) = relay.poll_transmit(Side::Agent, at(1)) {
                    black_box(message);
                }
                while relay.poll_event().is_some() {}
            }
            relay
        });
}

/// Both ends: a message written, sent, received, taken and acknowledged. Two digests of the
/// payload and two of the acknowledgement are most of it.
#[divan::bench(args = [KIB, 32 * KIB])]
fn ends(bencher: Bencher<'_, '_>, payload_bytes: usize) {
    let payload = Bytes::from(vec![b'x'; payload_bytes]);
    bencher
        .counter(ItemsCount::new(RUN.unsigned_abs()))
        .counter(BytesCount::new(RUN.unsigned_abs() * payload_bytes as u64))
        .with_inputs(|| {
            let mut agent = DataChannel::new(Config::new(Role::Agent, 1));
            let mut client = DataChannel::new(Config::new(Role::Client, 2));
            agent.handle_connected(at(0));
            client.handle_connected(at(0));
            agent.request_handshake(HandshakeRequest::default(), at(0));
            agent.complete_handshake(HandshakeComplete::default(), at(0));
            exchange(&mut agent, &mut client);
            (agent, client)
        })
        .bench_local_values(|(mut agent, mut client)| {
            for _ in 0..RUN / BATCH {
                for _ in 0..BATCH {
                    agent.write(PayloadType::OUTPUT, payload.clone(), at(1)).expect("fits the window");
                }
                exchange(&mut agent, &mut client);
            }
            (agent, client)
        });
}

fn exchange(agent: &mut DataChannel, client: &mut DataChannel) {
    while let Some(message) = agent.poll_transmit(at(1)) {
        client.handle_message(message, at(1)).expect("well-formed");
    }
    while let Some(event) = client.poll_event(at(1)) {
        if let Event::Data { payload, .. } = event {
            black_box(payload);
        }
    }
    while let Some(message) = client.poll_transmit(at(1)) {
        agent.handle_message(message, at(1)).expect("well-formed");
    }
}

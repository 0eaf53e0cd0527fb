//! What the multiplexer costs for one payload: both ends, from a write at one to a read at the other. The goal for a
//! whole path is 6 ms of processor time for each MB (performance P2), 190 µs a payload of 32 KiB.

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use postern_protocol::mux::{Config, Dialect, Event, MAX_TRANSMIT_BYTES, Multiplexer, Read, Role, StreamId};

fn main() {
    divan::main();
}

const RUN_BYTES: usize = 1024 * 1024;

fn opened(dialect: Dialect, streams: usize) -> (Multiplexer, Multiplexer, Vec<StreamId>) {
    let mut client = Multiplexer::new(Config::new(Role::Opener, dialect));
    let mut agent = Multiplexer::new(Config::new(Role::Acceptor, dialect));
    let ids: Vec<_> = (0..streams).filter_map(|_| client.open()).collect();
    carry(&mut client, &mut agent);
    ids.iter().for_each(|id| agent.accept(*id));
    carry(&mut agent, &mut client);
    (client, agent, ids)
}

fn carry(from: &mut Multiplexer, to: &mut Multiplexer) {
    while let Some(payload) = from.poll_transmit(MAX_TRANSMIT_BYTES) {
        to.handle_data(payload).expect("our own ends understand each other");
    }
    while to.poll_event().is_some() {}
}

/// 1 MiB through one end and the other, in pieces of this size, spread over this many streams.
fn run(bencher: Bencher<'_, '_>, dialect: Dialect, piece: usize, streams: usize) {
    let (mut client, mut agent, ids) = opened(dialect, streams);
    let data = Bytes::from(vec![7; piece]);
    bencher.counter(BytesCount::new(RUN_BYTES)).bench_local(move || {
        for round in 0..RUN_BYTES / piece {
            let id = ids[round % ids.len()];
            agent.write(id, data.clone()).expect("all of it was carried");
            while let Some(payload) = agent.poll_transmit(MAX_TRANSMIT_BYTES) {
                client.handle_data(payload).expect("our own ends understand each other");
            }
            while let Some(event) = client.poll_event() {
                let Event::Readable(id) = event else { continue };
                while let Read::Data(data) = client.read(id) {
                    divan::black_box(data);
                }
            }
            carry(&mut client, &mut agent);
        }
    });
}

#[divan::bench(args = [1024, 32 * 1024 - 8])]
fn smux1(bencher: Bencher<'_, '_>, piece: usize) {
    run(bencher, Dialect::Smux1, piece, 1);
}

#[divan::bench(args = [1024, 32 * 1024 - 8])]
fn postern2(bencher: Bencher<'_, '_>, piece: usize) {
    run(bencher, Dialect::Postern2, piece, 1);
}

#[divan::bench(args = [1024, 32 * 1024 - 8])]
fn postern2_among_a_thousand(bencher: Bencher<'_, '_>, piece: usize) {
    run(bencher, Dialect::Postern2, piece, 1000);
}

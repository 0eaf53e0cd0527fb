//! The multiplexer, driven from outside: against captured frames, rule by rule, and both ends joined with everything
//! cut and mixed by chance.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "the modules of one test program see each other")]

mod joined;
mod rules;
mod vectors;

use bytes::Bytes;
use postern_protocol::mux::{Config, Dialect, Event, MAX_TRANSMIT_BYTES, Multiplexer, Read, Role, StreamId};

pub const BOTH: [Dialect; 2] = [Dialect::Smux1, Dialect::Postern2];

pub fn pair(dialect: Dialect) -> (Multiplexer, Multiplexer) {
    (Multiplexer::new(Config::new(Role::Opener, dialect)), Multiplexer::new(Config::new(Role::Acceptor, dialect)))
}

/// Moves everything that one end has to say to the other.
pub fn carry(from: &mut Multiplexer, to: &mut Multiplexer) {
    while let Some(payload) = from.poll_transmit(MAX_TRANSMIT_BYTES) {
        to.handle_data(payload).unwrap();
    }
}

pub fn events(mux: &mut Multiplexer) -> Vec<Event> {
    std::iter::from_fn(|| mux.poll_event()).collect()
}

/// Reads what there is; the flag says whether the end came.
pub fn read_all(mux: &mut Multiplexer, id: StreamId) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    loop {
        match mux.read(id) {
            Read::Data(data) => all.extend_from_slice(&data),
            Read::Nothing => return (all, false),
            Read::Finished => return (all, true),
        }
    }
}

/// Writes all of it, which has to fit.
pub fn write(mux: &mut Multiplexer, id: StreamId, data: &[u8]) {
    assert!(mux.write_capacity(id) >= data.len());
    mux.write(id, Bytes::copy_from_slice(data)).unwrap();
}

/// A stream that both ends know.
pub fn open_stream(client: &mut Multiplexer, agent: &mut Multiplexer) -> StreamId {
    let id = client.open().unwrap();
    carry(client, agent);
    assert_eq!(events(agent), [Event::Opened(id)]);
    agent.accept(id);
    carry(agent, client);
    assert_eq!(events(client), [Event::Connected(id)]);
    id
}

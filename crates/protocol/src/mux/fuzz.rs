//! An entry for fuzzing: both ends' machines, fed by a peer that writes arbitrary bytes. Not part of the public
//! interface.

use bytes::Bytes;

use super::{
    BASE_WINDOW_BYTES, Config, Dialect, MAX_TRANSMIT_BYTES, Multiplexer, Read, Reset, ResetReason, Role, StreamId,
};

const MAX_STREAMS: usize = 8;
const RECEIVE_BYTES: usize = 2 * 1024 * 1024;

/// Drives one end with acts read from the input; frames of the peer are made of it too.
///
/// # Panics
/// If the machine breaks a promise.
pub fn multiplexer(input: &[u8]) {
    let Some((first, mut rest)) = input.split_first() else { return };
    let role = if first & 1 == 0 { Role::Opener } else { Role::Acceptor };
    let dialect = if first & 2 == 0 { Dialect::Smux1 } else { Dialect::Postern2 };
    let config = Config {
        max_streams: MAX_STREAMS,
        receive_bytes: RECEIVE_BYTES,
        send_bytes: 64 * 1024,
        ..Config::new(role, dialect)
    };
    let mut mux = Multiplexer::new(config);
    let mut failed = None;
    while let Some((act, tail)) = rest.split_first() {
        rest = tail;
        let stream = StreamId(u32::from(act >> 4));
        match act & 15 {
            0 => drop(mux.open()),
            1 => mux.accept(stream),
            2 => mux.finish(stream),
            3 => mux.reset(stream, Reset::new(ResetReason::Broken, "x".repeat(600))),
            4 => {
                let room = mux.write_capacity(stream).min(1000 * usize::from(act >> 4));
                let written = mux.write(stream, Bytes::from(vec![7; room]));
                assert!(written.is_ok() || room == 0);
            }
            5 => drop(mux.read(stream)),
            6 => drop(mux.poll_event()),
            7 => {
                let expects = mux.has_transmit();
                let payload = mux.poll_transmit(MAX_TRANSMIT_BYTES);
                assert_eq!(expects, payload.as_ref().is_some_and(|payload| !payload.is_empty()));
                assert!(payload.is_none_or(|payload| payload.len() <= MAX_TRANSMIT_BYTES));
            }
            8 if act >> 4 == 0 => mux.keep_alive(),
            8 => mux.break_off(stream, Reset::new(ResetReason::Broken, "y")),
            // A frame with a sane header, of a body of zeros.
            9..=12 => {
                let (command, tail) = rest.split_first().unwrap_or((&2, rest));
                rest = tail;
                let len = usize::from(*command >> 3) * 300;
                let mut frame = vec![dialect.version(), command & 7, 0, 0, act >> 4, 0, 0, 0];
                frame[2..4].copy_from_slice(&u16::try_from(len).unwrap_or(0).to_le_bytes());
                frame.resize(8 + len, 0);
                give(&mut mux, Bytes::from(frame), &mut failed);
            }
            _ => {
                let len = usize::from(act >> 4).min(rest.len());
                let (raw, tail) = rest.split_at(len);
                rest = tail;
                give(&mut mux, Bytes::copy_from_slice(raw), &mut failed);
            }
        }
        assert!(mux.streams() <= MAX_STREAMS);
        let most = RECEIVE_BYTES + MAX_STREAMS * BASE_WINDOW_BYTES + 64 * 1024;
        assert!(mux.unread_bytes() <= most, "{} unread", mux.unread_bytes());
    }
    leave(&mut mux);
}

fn give(mux: &mut Multiplexer, data: Bytes, failed: &mut Option<super::MuxError>) {
    if !mux.wants_data() {
        return;
    }
    let handled = mux.handle_data(data);
    if let Some(error) = failed {
        assert_eq!(handled.as_ref().err(), Some(&*error), "an error is final");
    }
    *failed = handled.err();
}

/// Whatever happened, everything can be given up, and then nothing is left.
fn leave(mux: &mut Multiplexer) {
    while mux.poll_event().is_some() {}
    while mux.poll_transmit(MAX_TRANSMIT_BYTES).is_some() {}
    for id in mux.ids() {
        assert!(!matches!(mux.read(id), Read::Data(data) if data.is_empty()));
        mux.reset(id, Reset::new(ResetReason::Failed, ""));
    }
    while mux.poll_transmit(MAX_TRANSMIT_BYTES).is_some() {}
    assert_eq!((mux.streams(), mux.unread_bytes()), (0, 0));
    assert!(mux.poll_event().is_none() && !mux.has_transmit());
}

//! Making a stream.

use std::sync::Arc;

use serde::Serialize;

use crate::FORMAT;
use crate::chain::{Head, Link};
use crate::opening::{Closing, Opening, Resumption};
use crate::record::{Kind, Record};
use crate::signing::{KeyChain, SigningKey};

/// How far a stream has come: all that is needed to go on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The chain.
    pub link: Link,
    /// The time of the last record.
    pub time: u64,
    /// Records behind the last head, heads not counted.
    pub unsigned: u64,
}

/// Writes records into buffers of the caller's. It is cheap to copy, so that what could not be stored is undone by
/// putting the copy of before back.
#[derive(Clone, Debug)]
pub struct Writer {
    position: Position,
    key: Arc<SigningKey>,
}

impl Writer {
    /// Begins a stream; the head that makes its beginning known comes with it.
    pub fn begin(opening: &Opening, keys: &KeyChain, key: Arc<SigningKey>, out: &mut Vec<u8>) -> (Self, Head) {
        out.extend_from_slice(FORMAT);
        let mut writer = Self { position: Position { link: Link::start(), time: 0, unsigned: 0 }, key };
        writer.json(Kind::Opening, 0, opening, out);
        writer.json(Kind::Keys, 0, keys, out);
        let head = writer.head(0, out);
        (writer, head)
    }

    /// Goes on where a stream ended, perhaps with another key.
    pub fn resume(
        position: Position,
        time: u64,
        resumption: &Resumption,
        keys: &KeyChain,
        key: Arc<SigningKey>,
        out: &mut Vec<u8>,
    ) -> (Self, Head) {
        let mut writer = Self { position, key };
        writer.json(Kind::Resumption, time, resumption, out);
        writer.json(Kind::Keys, time, keys, out);
        let head = writer.head(time, out);
        (writer, head)
    }

    /// Appends one record. `data` is at most [`MAX_DATA_BYTES`](crate::MAX_DATA_BYTES) long; a time that lies before
    /// the last record's is that one's.
    pub fn record(&mut self, kind: Kind, time: u64, number: i64, data: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        let time = time.max(self.position.time);
        Record { kind, time, number, data }.encode(out);
        let encoded = out.get(from..).unwrap_or_default();
        let unsigned = if kind == Kind::Head { 0 } else { self.position.unsigned + 1 };
        self.position = Position { link: self.position.link.after(encoded), time, unsigned };
    }

    /// Appends a record about the recording itself.
    pub fn json(&mut self, kind: Kind, time: u64, about: &impl Serialize, out: &mut Vec<u8>) {
        let data = serde_json::to_vec(about).expect("these types have no keys but texts and fail at nothing");
        self.record(kind, time, -1, &data, out);
    }

    /// Signs everything so far.
    pub fn head(&mut self, time: u64, out: &mut Vec<u8>) -> Head {
        let time = time.max(self.position.time);
        let head = self.key.sign(self.position.link, time);
        self.record(Kind::Head, time, -1, &head.data(), out);
        head
    }

    /// Ends the stream. Nothing may follow.
    pub fn close(&mut self, time: u64, closing: &Closing, out: &mut Vec<u8>) -> Head {
        self.json(Kind::Closing, time, closing, out);
        self.head(time, out)
    }

    /// How far it has come.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }
}

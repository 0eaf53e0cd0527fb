//! The counted stream: numbered, hashed records that show loss, doubling, reorder and change.
//!
//! A record is 64 printable bytes, so that it passes through a terminal in raw mode and can be read in a
//! failure message: direction, 16 hex digits of counter, a blank, 45 hex digits of hash, a line feed.

use sha2::{Digest, Sha256};

/// The size of a record in bytes.
pub const RECORD_BYTES: usize = 64;

/// Which way a record travels; part of its hash, so that an echo is not taken for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the user's terminal to the node.
    ToNode,
    /// From the node to the user's terminal.
    FromNode,
}

impl Direction {
    fn mark(self) -> u8 {
        match self {
            Self::ToNode => b'>',
            Self::FromNode => b'<',
        }
    }
}

/// Record number `counter` of a direction.
pub fn record(direction: Direction, counter: u64) -> [u8; RECORD_BYTES] {
    let mark = direction.mark();
    let mut hash = Sha256::new();
    hash.update([mark]);
    hash.update(counter.to_be_bytes());
    let digest = hash.finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("{}{counter:016x} {}\n", char::from(mark), &hex[..45]);
    text.as_bytes().try_into().expect("a record is 64 bytes by construction")
}

/// Checks that what arrives is exactly the stream, from record 0 on, however it is cut into pieces.
#[derive(Debug)]
pub struct Checker {
    direction: Direction,
    records: u64,
    partial: Vec<u8>,
}

impl Checker {
    /// A checker that expects record 0 of `direction` next.
    pub fn new(direction: Direction) -> Self {
        Self { direction, records: 0, partial: Vec::new() }
    }

    /// Whole records seen so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes seen of the record that is not whole yet.
    pub fn partial_bytes(&self) -> usize {
        self.partial.len()
    }

    /// Takes the next piece of the stream. The error shows the first record that is not the expected one.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.partial.extend_from_slice(bytes);
        let whole = self.partial.len() / RECORD_BYTES * RECORD_BYTES;
        for (index, seen) in self.partial[..whole].chunks(RECORD_BYTES).enumerate() {
            let counter = self.records + index as u64;
            let expected = record(self.direction, counter);
            if seen != expected {
                return Err(format!(
                    "record {counter}: expected {:?}, got {:?}",
                    String::from_utf8_lossy(&expected),
                    String::from_utf8_lossy(seen)
                ));
            }
        }
        self.records += (whole / RECORD_BYTES) as u64;
        self.partial.drain(..whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_cut_anywhere_passes_and_a_missing_byte_does_not() {
        let stream: Vec<u8> = (0..50).flat_map(|n| record(Direction::FromNode, n)).collect();
        let mut checker = Checker::new(Direction::FromNode);
        for piece in stream.chunks(37) {
            checker.feed(piece).expect("the stream is whole");
        }
        assert_eq!(checker.records(), 50);

        let mut holed = stream.clone();
        holed.remove(1000);
        assert!(Checker::new(Direction::FromNode).feed(&holed).is_err());
        assert!(Checker::new(Direction::ToNode).feed(&stream).is_err());
    }
}

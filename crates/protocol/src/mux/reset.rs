//! Why a stream was dropped, in the second dialect.

use bytes::{BufMut as _, BytesMut};

/// Why a stream was dropped: a reason for programs and one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The kind of reason.
    pub reason: ResetReason,
    /// One sentence, of at most [`Reset::MAX_SENTENCE_BYTES`]. A received one has no control characters.
    pub sentence: String,
}

/// The kinds of reasons for which streams are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    /// None of the others.
    Failed,
    /// The destination refuses connections.
    Refused,
    /// The destination's name has no address.
    HostUnknown,
    /// The node's agent may not connect there.
    Forbidden,
    /// The destination did not answer in time.
    TimedOut,
    /// No way leads to the destination.
    Unreachable,
    /// The connection was made, and has broken off.
    Broken,
    /// The session has as many streams as it may have.
    TooMany,
    /// Unknown here; to be treated like [`ResetReason::Failed`].
    Other(u16),
}

impl ResetReason {
    const fn number(self) -> u16 {
        match self {
            Self::Failed => 0,
            Self::Refused => 1,
            Self::HostUnknown => 2,
            Self::Forbidden => 3,
            Self::TimedOut => 4,
            Self::Unreachable => 5,
            Self::Broken => 6,
            Self::TooMany => 7,
            Self::Other(number) => number,
        }
    }

    const fn from_number(number: u16) -> Self {
        match number {
            0 => Self::Failed,
            1 => Self::Refused,
            2 => Self::HostUnknown,
            3 => Self::Forbidden,
            4 => Self::TimedOut,
            5 => Self::Unreachable,
            6 => Self::Broken,
            7 => Self::TooMany,
            other => Self::Other(other),
        }
    }
}

impl Reset {
    /// The most bytes of a sentence. Longer ones are cut.
    pub const MAX_SENTENCE_BYTES: usize = 512;
    /// The most bytes of an encoded reset.
    pub(super) const MAX_BYTES: usize = REASON_BYTES + Self::MAX_SENTENCE_BYTES;

    /// A reset with this reason and sentence.
    pub fn new(reason: ResetReason, sentence: impl Into<String>) -> Self {
        Self { reason, sentence: sentence.into() }
    }

    /// The first dialect's: it has no reasons.
    pub(super) const fn silent() -> Self {
        Self { reason: ResetReason::Failed, sentence: String::new() }
    }

    pub(super) fn encode(&self) -> BytesMut {
        let cut = self.sentence.floor_char_boundary(Self::MAX_SENTENCE_BYTES);
        let mut encoded = BytesMut::with_capacity(REASON_BYTES + cut);
        encoded.put_u16_le(self.reason.number());
        encoded.put_slice(&self.sentence.as_bytes()[..cut]);
        encoded
    }

    /// Total: a reset without a reason is one that failed.
    pub(super) fn decode(encoded: &[u8]) -> Self {
        let Some((number, sentence)) = encoded.split_first_chunk() else { return Self::silent() };
        let sentence = String::from_utf8_lossy(sentence);
        Self {
            reason: ResetReason::from_number(u16::from_le_bytes(*number)),
            sentence: sentence.chars().map(|shown| if shown.is_control() { ' ' } else { shown }).collect(),
        }
    }
}

const REASON_BYTES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_and_sentences_survive_the_wire() {
        for number in 0..20 {
            let reset = Reset::new(ResetReason::from_number(number), "the port 80 is closed");
            assert_eq!(Reset::decode(&reset.encode()), reset);
            assert_eq!(reset.reason.number(), number);
        }
        assert_eq!(Reset::decode(b"\x01"), Reset::silent());
        assert_eq!(Reset::decode(b"\x01\x00a\x1b[2J\xff").sentence, "a [2J\u{fffd}");
    }

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        let encoded = Reset::new(ResetReason::Failed, "ä".repeat(600)).encode();
        assert_eq!(encoded.len(), Reset::MAX_BYTES);
        assert_eq!(Reset::decode(&encoded).sentence, "ä".repeat(256));
    }
}
